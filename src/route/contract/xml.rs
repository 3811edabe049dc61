//! XML bodies with gaps.
//!
//! The markup is walked once, when the contract is made, so that every gap is known to stand where
//! text may stand and the filled document is well-formed whatever the values are. Deliberately
//! absent: document types and entities of one's own.

use thiserror::Error;

use super::escape::{Place, is_xml_char};
use super::placeholder::Placeholder;
use super::template::{Part, Slot, Template, TemplateError};
use super::values::{RenderError, Values};
use super::xml_walk::{Walk, XmlFault};

/// An XML document whose text and attribute values have gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlTemplate(Box<[XmlPart]>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum XmlPart {
    Markup(Box<str>),
    Slot(Slot, Place),
}

impl XmlTemplate {
    /// Compiles a document.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let template = Template::parse(text)?;
        let mut walk = Walk::default();
        let mut parts = Vec::new();
        for part in template.parts() {
            parts.push(match part {
                Part::Literal(markup) => {
                    for char in markup.chars() {
                        if !is_xml_char(char) {
                            return Err(XmlFault::Character.into());
                        }
                        walk.step(char)?;
                    }
                    XmlPart::Markup(markup.clone())
                }
                Part::Slot(slot) => {
                    let place = walk.place().ok_or_else(|| XmlError::Misplaced {
                        placeholder: slot.placeholder.clone(),
                    })?;
                    XmlPart::Slot(slot.clone(), place)
                }
            });
        }
        walk.finish()?;
        Ok(Self(parts.into()))
    }

    /// Every gap of the document.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter_map(|part| match part {
            XmlPart::Markup(_) => None,
            XmlPart::Slot(slot, _) => Some(slot),
        })
    }

    /// Appends the filled document.
    pub(super) fn render(&self, values: &Values<'_>, out: &mut Vec<u8>) -> Result<(), RenderError> {
        for part in &self.0 {
            match part {
                XmlPart::Markup(text) => out.extend(text.bytes()),
                XmlPart::Slot(slot, place) => slot.render(*place, values, out)?,
            }
        }
        RenderError::unless_within_limit(out)
    }
}

/// Why a text is no XML template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum XmlError {
    /// The markup itself is wrong.
    #[error("the XML is not well-formed")]
    Fault(#[from] XmlFault),
    /// A gap where no text can stand: in a tag, a comment, an instruction.
    #[error("{placeholder} stands where XML can carry no text")]
    Misplaced {
        /// The gap.
        placeholder: Placeholder,
    },
    /// The gaps cannot be read.
    #[error("the template cannot be read")]
    Template(#[from] TemplateError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::values;
    use super::*;

    #[track_caller]
    fn render(template: &str, terminal: &str) -> Option<String> {
        let mut out = Vec::new();
        let values = Values {
            terminal: Some(terminal),
            ..values()
        };
        let rendered = XmlTemplate::parse(template)
            .unwrap()
            .render(&values, &mut out);
        rendered.ok().map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn values_are_escaped_for_where_they_stand() {
        let check = |template, value, expected: Option<&str>| {
            assert_eq!(render(template, value).as_deref(), expected, "{template}");
        };
        check("<a>${terminal}</a>", "<b>&", Some("<a>&lt;b&gt;&amp;</a>"));
        check("<a x='${terminal}'/>", "'\n", Some("<a x='&apos;&#10;'/>"));
        check(
            "<a><![CDATA[${terminal}]]></a>",
            "<&",
            Some("<a><![CDATA[<&]]></a>"),
        );
        check("<a><![CDATA[${terminal}]]></a>", "]]>", None);
        check("<a>${terminal}</a>", "\u{1}", None);
        // A section that carries an inner document is escaped for that document.
        let inner = "<a><![CDATA[<qr>${terminal}</qr>]]></a>";
        check(inner, "x<y", Some("<a><![CDATA[<qr>x&lt;y</qr>]]></a>"));
    }

    #[test]
    fn gaps_outside_text_are_refused() {
        let check = |template| {
            let placeholder = Placeholder::Terminal;
            assert_eq!(
                XmlTemplate::parse(template),
                Err(XmlError::Misplaced { placeholder }),
                "{template}"
            );
        };
        check("${terminal}<a/>");
        check("<a/>${terminal}");
        check("<${terminal}/>");
        check("<a ${terminal}='x'/>");
        check("<a x=${terminal}/>");
        check("<a>&${terminal};</a>");
        check("<a><!-- ${terminal} --></a>");
        check("<?xml version='${terminal}'?><a/>");
        check("<a></${terminal}></a>");
    }

    /// Undoes the escapes of text and attribute values.
    fn unescape(text: &str) -> String {
        let pairs = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&apos;", "'"),
            ("&#9;", "\t"),
            ("&#10;", "\n"),
            ("&#13;", "\r"),
            ("&amp;", "&"),
        ];
        pairs.iter().fold(text.to_owned(), |text, (escape, char)| {
            text.replace(escape, char)
        })
    }

    proptest! {
        #[test]
        fn the_output_is_well_formed_and_reads_back(value in any::<String>()) {
            let template = "<?xml version=\"1.0\"?><r a=\"${terminal}\"><t>${terminal}</t><c><![CDATA[<i>${terminal}</i>]]></c></r>";
            if let Some(out) = render(template, &value) {
                let read = XmlTemplate::parse(&out.replace("${", "$ {"));
                prop_assert!(read.is_ok());
                let text = out.split_once("<t>").unwrap().1.split_once("</t>").unwrap().0;
                prop_assert_eq!(unescape(text), value);
            } else {
                prop_assert!(!value.chars().all(is_xml_char));
            }
        }

        #[test]
        fn no_text_panics(text in "[<>/?!&;'\"= a\\[\\]CDAT${}-]{0,40}") {
            let _ = XmlTemplate::parse(&text);
        }
    }
}
