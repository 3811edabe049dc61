//! JSON bodies with gaps.

use serde_json::Number;

use super::escape::Place;
use super::template::{Slot, Template, TemplateError};
use super::values::{RenderError, Value, Values};

/// A JSON document whose strings are templates.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonTemplate {
    /// An array.
    Array(Vec<Self>),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// A number as configured.
    Number(Number),
    /// An object, its members in the order written.
    Object(Vec<(Box<str>, Self)>),
    /// A string. One that is nothing but a gap becomes null when the gap stays empty, and keeps
    /// the JSON type of a field the terminal sent.
    Text(Template),
}

impl JsonTemplate {
    /// Compiles a string leaf.
    pub fn text(text: &str) -> Result<Self, TemplateError> {
        Template::parse(text).map(Self::Text)
    }

    /// Every gap of the document.
    pub fn slots(&self) -> Vec<&Slot> {
        match self {
            Self::Array(items) => items.iter().flat_map(Self::slots).collect(),
            Self::Object(members) => members
                .iter()
                .flat_map(|(_, value)| value.slots())
                .collect(),
            Self::Text(template) => template.slots().collect(),
            Self::Bool(_) | Self::Null | Self::Number(_) => Vec::new(),
        }
    }

    /// Appends the filled document.
    pub(super) fn render(&self, values: &Values<'_>, out: &mut Vec<u8>) -> Result<(), RenderError> {
        match self {
            Self::Array(items) => list(*b"[]", items, out, |item, out| item.render(values, out)),
            Self::Bool(true) => append("true", out),
            Self::Bool(false) => append("false", out),
            Self::Null => append("null", out),
            Self::Number(number) => append(&number.to_string(), out),
            Self::Object(members) => list(*b"{}", members, out, |(name, value), out| {
                quoted(name, out);
                out.push(b':');
                value.render(values, out)
            }),
            Self::Text(template) => leaf(template, values, out),
        }
    }
}

fn leaf(template: &Template, values: &Values<'_>, out: &mut Vec<u8>) -> Result<(), RenderError> {
    let Some(slot) = template.sole() else {
        out.push(b'"');
        template.render(Place::Json, values, out)?;
        return append("\"", out);
    };
    match values.fill(slot)? {
        None => append("null", out),
        Some(Value::Bare(json) | Value::Tree(json)) => append(json, out),
        Some(Value::Text(text)) => {
            quoted(&text, out);
            RenderError::unless_within_limit(out)
        }
    }
}

fn list<T>(
    [open, close]: [u8; 2],
    items: &[T],
    out: &mut Vec<u8>,
    mut write: impl FnMut(&T, &mut Vec<u8>) -> Result<(), RenderError>,
) -> Result<(), RenderError> {
    out.push(open);
    for (nth, item) in items.iter().enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        write(item, out)?;
    }
    out.push(close);
    RenderError::unless_within_limit(out)
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    Place::Json.write_literal(text, out);
    out.push(b'"');
}

fn append(text: &str, out: &mut Vec<u8>) -> Result<(), RenderError> {
    out.extend(text.bytes());
    RenderError::unless_within_limit(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sent::{Sent, SentBody, SentCode};
    use super::super::tests::values;
    use super::*;

    fn sent(body: &str) -> Sent<'_> {
        Sent::new(
            SentBody::Json(body),
            SentCode {
                place: None,
                raw: "CODE",
                text: "CODE",
            },
        )
    }

    #[track_caller]
    fn check(leaf: &str, expected: &str) {
        let body = r#"{"amount":88.80,"ok":true,"tree":{"b":1,"a":"\n"},"no":null,"word":"a\"b"}"#;
        let values = Values {
            sent: sent(body),
            terminal: Some("a\"\n"),
            issuer: None,
            ..values()
        };
        let mut out = Vec::new();
        JsonTemplate::text(leaf)
            .unwrap()
            .render(&values, &mut out)
            .unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_leaf_that_is_one_gap_keeps_the_type_that_was_sent() {
        check("${body:/amount}", "88.80");
        check("${body:/ok}", "true");
        check("${body:/tree}", r#"{"b":1,"a":"\n"}"#);
        check("${body:/word}", r#""a\"b""#);
        check("${body:/no?}", "null");
        check("${body:/missing?}", "null");
        check("${issuer?}", "null");
        check("${terminal}", r#""a\"\u000A""#);
    }

    #[test]
    fn gaps_in_longer_text_are_text() {
        check("CNY ${body:/amount}", r#""CNY 88.80""#);
        check("\"${issuer?}\"", r#""\"\"""#);
        check("", r#""""#);
    }

    #[test]
    fn a_tree_cannot_stand_in_text() {
        let values = Values {
            sent: sent(r#"{"tree":[1]}"#),
            ..values()
        };
        let template = JsonTemplate::text("x${body:/tree}").unwrap();
        let error = template.render(&values, &mut Vec::new()).unwrap_err();
        assert!(matches!(
            error,
            RenderError::Unprintable {
                place: Place::Json,
                ..
            }
        ));
    }

    #[test]
    fn members_keep_their_order() {
        let template = JsonTemplate::Object(vec![
            (
                "z".into(),
                JsonTemplate::Array(vec![JsonTemplate::Null, JsonTemplate::Bool(true)]),
            ),
            ("a\"".into(), JsonTemplate::Number(1.into())),
        ]);
        let mut out = Vec::new();
        template.render(&values(), &mut out).unwrap();
        assert_eq!(out, br#"{"z":[null,true],"a\"":1}"#);
    }

    #[test]
    fn what_terminals_send_cannot_grow_a_request_without_end() {
        let body = format!(r#"{{"a":"{}"}}"#, "x".repeat(9_000));
        let values = Values {
            sent: sent(&body),
            ..values()
        };
        let leaf = JsonTemplate::text("${body:/a}").unwrap();
        let template = JsonTemplate::Array(vec![leaf; 30]);
        assert_eq!(
            template.render(&values, &mut Vec::new()),
            Err(RenderError::TooLarge)
        );
    }

    fn templates() -> impl Strategy<Value = JsonTemplate> {
        let text = prop_oneof![
            any::<String>().prop_map(|text| text.replace("${", "")),
            Just("${terminal}".to_owned()),
            Just("<${terminal}> ${issuer?}".to_owned()),
            Just("${body:/a?}".to_owned()),
        ];
        let leaf = prop_oneof![
            Just(JsonTemplate::Null),
            any::<bool>().prop_map(JsonTemplate::Bool),
            any::<i64>().prop_map(|number| JsonTemplate::Number(number.into())),
            text.prop_map(|text| JsonTemplate::text(&text).unwrap()),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            let member = (any::<Box<str>>(), inner.clone());
            prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(JsonTemplate::Array),
                proptest::collection::vec(member, 0..4).prop_map(JsonTemplate::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_output_always_parses(
            template in templates(),
            terminal in any::<String>(),
            json in "[\\[\\]{}\",:\\\\ua01 .-]{0,12}",
        ) {
            let body = format!(r#"{{"a":{json}}}"#);
            let values = Values { sent: sent(&body), terminal: Some(&terminal), ..values() };
            let mut out = Vec::new();
            if template.render(&values, &mut out).is_ok() {
                serde_json::from_slice::<serde_json::Value>(&out).unwrap();
            }
        }

        #[test]
        fn text_comes_back_as_it_was(terminal in any::<String>()) {
            let values = Values { terminal: Some(&terminal), ..values() };
            let mut out = Vec::new();
            JsonTemplate::text("${terminal}").unwrap().render(&values, &mut out).unwrap();
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), terminal);
        }
    }
}
