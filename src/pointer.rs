//! JSON pointers (RFC 6901): where in a request a value stands.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

/// The deepest place a pointer may name; envelopes seen in the field stand two deep.
pub const POINTER_DEPTH: usize = 16;

/// A place in a JSON document or, with a single token, a field of a form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pointer(Box<[Box<str>]>);

impl Pointer {
    /// Reads `/req/qrCodeText`; the empty text is the whole document.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if text.is_empty() {
            return Ok(Self(Box::default()));
        }
        let tokens = text.strip_prefix('/').ok_or(PointerError::NoSlash)?;
        let tokens = tokens
            .split('/')
            .map(unescape)
            .collect::<Result<Box<[_]>, _>>()?;
        if tokens.len() > POINTER_DEPTH {
            return Err(PointerError::Deep {
                depth: tokens.len(),
            });
        }
        Ok(Self(tokens))
    }

    /// The pointer of one member or form field, whose name is taken as it is.
    pub fn member(name: &str) -> Self {
        Self(Box::new([name.into()]))
    }

    /// The reference tokens, their escapes undone.
    pub fn tokens(&self) -> &[Box<str>] {
        &self.0
    }

    /// The only token of a pointer to a top-level member.
    pub fn sole(&self) -> Option<&str> {
        match &*self.0 {
            [token] => Some(token),
            _ => None,
        }
    }

    /// The value here.
    pub fn find<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.0
            .iter()
            .try_fold(document, |value, token| match value {
                Value::Object(members) => members.get(&**token),
                Value::Array(items) => items.get(index(token)?),
                _ => None,
            })
    }

    /// Whether the value here is, or holds, the value at `other`.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for token in &self.0 {
            write!(f, "/{}", token.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

/// RFC 6901, section 4: digits without a leading zero.
fn index(token: &str) -> Option<usize> {
    let plain = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| plain)
}

fn unescape(token: &str) -> Result<Box<str>, PointerError> {
    let mut parts = token.split('~');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // RFC 6901, 3: "~0" stands for "~" and "~1" for "/"; nothing else may follow a "~".
        let (char, rest) = match (part.strip_prefix('0'), part.strip_prefix('1')) {
            (Some(rest), _) => ('~', rest),
            (_, Some(rest)) => ('/', rest),
            (None, None) => return Err(PointerError::Escape),
        };
        text.push(char);
        text.push_str(rest);
    }
    Ok(text.into())
}

/// Why a text is no pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PointerError {
    /// It goes deeper than any envelope needs.
    #[error("the pointer is {depth} deep, at most {POINTER_DEPTH} is read")]
    Deep {
        /// How deep.
        depth: usize,
    },
    /// A `~` that is neither `~0` nor `~1`.
    #[error("a \"~\" in a pointer must be \"~0\" or \"~1\"")]
    Escape,
    /// It does not begin with a slash.
    #[error("a pointer begins with \"/\"")]
    NoSlash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, tokens: &[&str]) {
        let pointer = Pointer::parse(text).unwrap();
        assert_eq!(
            pointer
                .tokens()
                .iter()
                .map(AsRef::as_ref)
                .collect::<Vec<_>>(),
            tokens
        );
        assert_eq!(pointer.to_string(), text);
    }

    #[test]
    fn pointers_are_read_as_rfc_6901_writes_them() {
        check("", &[]);
        check("/", &[""]);
        check("/req/qrCodeText", &["req", "qrCodeText"]);
        check("/a~1b/m~0n", &["a/b", "m~n"]);
        check("/~01", &["~1"]);
        assert_eq!(Pointer::parse("code"), Err(PointerError::NoSlash));
        assert_eq!(Pointer::parse("/a~2"), Err(PointerError::Escape));
        assert_eq!(Pointer::parse("/a~"), Err(PointerError::Escape));
        assert_eq!(
            Pointer::parse(&"/a".repeat(17)),
            Err(PointerError::Deep { depth: 17 })
        );
    }

    #[test]
    fn a_pointer_covers_itself_and_everything_below() {
        let at = |text| Pointer::parse(text).unwrap();
        assert!(at("/req").covers(&at("/req/code")));
        assert!(at("").covers(&at("/code")));
        assert!(at("/code").covers(&at("/code")));
        assert!(!at("/req/co").covers(&at("/req/code")));
        assert!(!at("/req/code/x").covers(&at("/req/code")));
    }
}
