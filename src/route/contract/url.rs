//! Paths and locations with gaps: a value can fill a segment or a query value, never move them.

use thiserror::Error;

use super::escape::Place;
use super::template::{Part, Slot, Template, TemplateError};
use super::values::{RenderError, Values};

/// A URL, or the path and query of one, whose text is already percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlTemplate(Template);

impl UrlTemplate {
    /// Compiles a text of visible ASCII without fragment.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let template = Template::parse(text)?;
        for part in template.parts() {
            if let Part::Literal(literal) = part
                && let Some(char) = literal.chars().find(|char| !is_url_char(*char))
            {
                return Err(UrlError::Character { char });
            }
        }
        if climbs(text) {
            return Err(UrlError::Climbing);
        }
        Ok(Self(template))
    }

    /// The text before the first gap.
    pub fn prefix(&self) -> &str {
        self.0.prefix()
    }

    /// Every gap, in order.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0.slots()
    }

    /// The URL itself where it has no gap.
    pub(crate) fn fixed(&self) -> Option<&str> {
        self.slots().next().is_none().then(|| self.prefix())
    }

    /// The filled URL.
    pub(crate) fn render(&self, values: &Values<'_>) -> Result<String, RenderError> {
        let mut out = Vec::new();
        self.0.render(Place::Url, values, &mut out)?;
        let url = String::from_utf8(out).map_err(|_| RenderError::Climbing)?;
        if climbs(&url) {
            Err(RenderError::Climbing)
        } else {
            Ok(url)
        }
    }
}

/// RFC 3986, 2: unreserved, reserved and `%`, without `#`, which never travels.
fn is_url_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || "-._~:/?[]@!$&'()*+,;=%".contains(char)
}

/// Whether a segment of the path is `.` or `..`, in any spelling a server might fold.
fn climbs(url: &str) -> bool {
    let path = url.split('?').next().unwrap_or_default();
    let dot = |text| {
        ["%2e", "%2E", "."]
            .iter()
            .find_map(|dot| str::strip_prefix(text, dot))
    };
    path.split('/').any(|segment| {
        let rest = dot(segment).map(|rest| dot(rest).unwrap_or(rest));
        rest.is_some_and(str::is_empty)
    })
}

/// Why a text is no URL template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UrlError {
    /// A character that must be percent-encoded, or `#`.
    #[error("{char:?} cannot stand in a path or location")]
    Character {
        /// The character.
        char: char,
    },
    /// A `.` or `..` segment.
    #[error("a path may not have \".\" or \"..\" segments")]
    Climbing,
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
    #[expect(
        clippy::needless_pass_by_value,
        reason = "tables read better without ampersands"
    )]
    fn check(template: &str, terminal: &str, expected: Result<&str, RenderError>) {
        let values = Values {
            terminal: Some(terminal),
            ..values()
        };
        let url = UrlTemplate::parse(template).unwrap().render(&values);
        assert_eq!(url.as_deref(), expected.as_ref().map(|url| *url));
    }

    #[test]
    fn values_stay_in_their_segment() {
        check(
            "/t/${terminal}/scan?x=1",
            "a/b?c#d&e",
            Ok("/t/a%2Fb%3Fc%23d%26e/scan?x=1"),
        );
        check("/t/${terminal}", "中", Ok("/t/%E4%B8%AD"));
        check("/t/v${terminal}", "..", Ok("/t/v.."));
        check("/t?x=${terminal}", "..", Ok("/t?x=.."));
        check("/t/${terminal}/x", "..", Err(RenderError::Climbing));
        check("/t/.${terminal}", ".", Err(RenderError::Climbing));
    }

    #[test]
    fn mistakes_are_found_when_it_is_made() {
        let check = |text, error| assert_eq!(UrlTemplate::parse(text), Err(error), "{text}");
        check("/a b", UrlError::Character { char: ' ' });
        check("/a#b", UrlError::Character { char: '#' });
        check("/中", UrlError::Character { char: '中' });
        check("/a\\b", UrlError::Character { char: '\\' });
        check("/a/../b", UrlError::Climbing);
        check("/a/%2E./b", UrlError::Climbing);
    }

    proptest! {
        #[test]
        fn no_value_changes_the_segments(terminal in any::<String>()) {
            let template = UrlTemplate::parse("/a/${terminal}/b?c=${terminal}").unwrap();
            let values = Values { terminal: Some(&terminal), ..values() };
            if let Ok(url) = template.render(&values) {
                prop_assert_eq!(url.matches('/').count(), 3);
                prop_assert_eq!(url.matches('?').count(), 1);
                prop_assert!(url.is_ascii());
            }
        }
    }
}
