//! The terminal's own request, from which a contract may copy fields; never the code.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use thiserror::Error;

use super::form;
use super::slice::{self, Repeated};
use super::values::Value;
use crate::pointer::Pointer;

/// A request body, looked into only when a contract asks for a field.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    body: SentBody<'a>,
    code: Option<SentCode<'a>>,
}

/// What kind of body it is.
#[derive(Clone, Copy)]
pub enum SentBody<'a> {
    /// `application/x-www-form-urlencoded`.
    Form(&'a str),
    /// Not there: its fields are shown as placeholders.
    Imagined,
    /// A JSON document, without byte order mark.
    Json(&'a str),
    /// Plain text or a picture: it has no fields.
    Opaque,
}

/// The code as the terminal sent it: what must not slip through a copied field.
#[derive(Clone, Copy)]
pub struct SentCode<'a> {
    /// Where in the body it stands; `None` if the body is the code.
    pub place: Option<&'a Pointer>,
    /// The text as sent.
    pub raw: &'a str,
    /// The text after cleaning.
    pub text: &'a str,
}

impl<'a> Sent<'a> {
    /// A request that has no fields to copy, such as one made by hand.
    pub const NOTHING: Self = Self {
        body: SentBody::Opaque,
        code: None,
    };

    /// A request nobody has sent yet: every field is its own placeholder, to be shown to people.
    pub const IMAGINED: Self = Self {
        body: SentBody::Imagined,
        code: None,
    };

    /// Takes a body and the code found in it.
    pub fn new(body: SentBody<'a>, code: SentCode<'a>) -> Self {
        Self {
            body,
            code: Some(code),
        }
    }

    /// The field at `pointer`. A field that is the code's, or would hold it, is absent; so is null.
    pub(super) fn value(&self, pointer: &Pointer) -> Result<Option<Value<'a>>, SentError> {
        let place = self.code.and_then(|code| code.place);
        if place.is_some_and(|code| pointer.covers(code) || code.covers(pointer)) {
            return Ok(None);
        }
        let value = match self.body {
            SentBody::Opaque => None,
            SentBody::Imagined => Some(Value::Text(format!("${{body:{pointer}}}").into())),
            SentBody::Form(body) => field(body, pointer)?,
            SentBody::Json(body) => member(body, pointer)?,
        };
        if value.as_ref().is_some_and(|value| self.betrays(value)) {
            return Err(SentError::HoldsCode);
        }
        Ok(value)
    }

    /// Whether the value contains the code, however it is escaped.
    fn betrays(&self, value: &Value<'_>) -> bool {
        let held = |text: &str| self.code.is_some_and(|code| code.is_in(text));
        match value {
            Value::Text(text) => held(text),
            Value::Tree(text) if text.contains('\\') => {
                serde_json::from_str(text).is_ok_and(|tree| any_text(&tree, &held))
            }
            Value::Bare(text) | Value::Tree(text) => held(text),
        }
    }
}

impl SentCode<'_> {
    fn is_in(&self, text: &str) -> bool {
        let held = |code: &str| !code.is_empty() && text.contains(code);
        held(self.text) || held(self.raw)
    }
}

impl std::fmt::Debug for SentBody<'_> {
    /// The format only: a body holds what must not be logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Form(_) => "Form",
            Self::Imagined => "Imagined",
            Self::Json(_) => "Json",
            Self::Opaque => "Opaque",
        })
    }
}

impl std::fmt::Debug for SentCode<'_> {
    /// The place only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentCode")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

fn any_text(tree: &serde_json::Value, held: &impl Fn(&str) -> bool) -> bool {
    match tree {
        serde_json::Value::Array(items) => items.iter().any(|item| any_text(item, held)),
        serde_json::Value::Object(members) => members
            .iter()
            .any(|(name, value)| held(name) || any_text(value, held)),
        serde_json::Value::String(text) => held(text),
        serde_json::Value::Number(number) => held(&number.to_string()),
        serde_json::Value::Bool(_) | serde_json::Value::Null => false,
    }
}

fn field<'a>(body: &'a str, pointer: &Pointer) -> Result<Option<Value<'a>>, SentError> {
    let Some(wanted) = pointer.sole() else {
        return Ok(None);
    };
    let mut pairs =
        form::pairs(body).filter(|(name, _)| form::decode(name).as_deref() == Some(wanted));
    let Some((_, value)) = pairs.next() else {
        return Ok(None);
    };
    if pairs.next().is_some() {
        return Err(SentError::Repeated);
    }
    form::decode(value)
        .map(|text| Some(Value::Text(text)))
        .ok_or(SentError::Broken)
}

fn member<'a>(body: &'a str, pointer: &Pointer) -> Result<Option<Value<'a>>, SentError> {
    let Some(found) = slice::find(body, pointer)? else {
        return Ok(None);
    };
    let value = match found.bytes().next() {
        Some(b'"') => Value::Text(text(found)?),
        Some(b'{' | b'[') => Value::Tree(found),
        _ if found == "null" => return Ok(None),
        _ => Value::Bare(found),
    };
    // Copied verbatim, so it must stand on its own; escapes are decoded to find half surrogates.
    let sound = match value {
        Value::Text(_) => true,
        Value::Tree(tree) if tree.contains('\\') => {
            serde_json::from_str::<serde_json::Value>(tree).is_ok()
        }
        Value::Bare(text) | Value::Tree(text) => serde_json::from_str::<IgnoredAny>(text).is_ok(),
    };
    if sound {
        Ok(Some(value))
    } else {
        Err(SentError::Broken)
    }
}

fn text(found: &str) -> Result<Cow<'_, str>, SentError> {
    let inside = found
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    match inside {
        Some(text) if !text.contains('\\') && !text.bytes().any(|b| b < 0x20) => {
            Ok(Cow::Borrowed(text))
        }
        _ => serde_json::from_str(found)
            .map(Cow::Owned)
            .map_err(|_| SentError::Broken),
    }
}

/// Why a field of the terminal's request cannot be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SentError {
    /// It is no sound JSON value or text.
    #[error("the field is malformed")]
    Broken,
    /// It contains the code, which only `${code}` may pass on.
    #[error("the field contains the code")]
    HoldsCode,
    /// The terminal sent it more than once.
    #[error("the field was sent more than once")]
    Repeated,
}

impl From<Repeated> for SentError {
    fn from(_: Repeated) -> Self {
        Self::Repeated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "MC1.fujian.x";

    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "tables read better without ampersands"
    )]
    fn check(body: SentBody<'_>, pointer: &str, expected: Result<Option<Value<'_>>, SentError>) {
        let place = Pointer::parse("/req/code").unwrap();
        let sent = Sent::new(
            body,
            SentCode {
                place: Some(&place),
                raw: CODE,
                text: CODE,
            },
        );
        assert_eq!(
            sent.value(&Pointer::parse(pointer).unwrap()),
            expected,
            "{pointer}"
        );
    }

    #[expect(clippy::unnecessary_wraps, reason = "what `check` compares with")]
    fn text(text: &str) -> Result<Option<Value<'_>>, SentError> {
        Ok(Some(Value::Text(text.into())))
    }

    #[test]
    fn json_fields_keep_what_the_terminal_wrote() {
        let body = SentBody::Json(
            r#"{"req":{"code":"MC1.fujian.x","step":"a\"b","n":null},
                "amount": 88.80, "big":123456789012345678901234567890, "paid":false,
                "items":[{"b":1,"a":[]},2], "twice":1, "twice":2, "half":["\ud800"]}"#,
        );
        check(body, "/req/step", text("a\"b"));
        check(body, "/req/n", Ok(None));
        check(body, "/req/none", Ok(None));
        check(body, "/amount", Ok(Some(Value::Bare("88.80"))));
        check(
            body,
            "/big",
            Ok(Some(Value::Bare("123456789012345678901234567890"))),
        );
        check(body, "/paid", Ok(Some(Value::Bare("false"))));
        check(body, "/items/0", Ok(Some(Value::Tree(r#"{"b":1,"a":[]}"#))));
        check(body, "/twice", Err(SentError::Repeated));
        check(body, "/half", Err(SentError::Broken));
    }

    #[test]
    fn the_code_never_comes_along() {
        let body = SentBody::Json(
            r#"{"req":{"code":"MC1.fujian.x"}, "copy":"see MC1.fujian.x",
                "tree":{"a":["MC1.fujian\u002ex"]}, "name":{"MC1.fujian.x":1}}"#,
        );
        check(body, "/req/code", Ok(None));
        check(body, "/req", Ok(None));
        check(body, "/req/code/0", Ok(None));
        check(body, "/copy", Err(SentError::HoldsCode));
        check(body, "/tree", Err(SentError::HoldsCode));
        check(body, "/name", Err(SentError::HoldsCode));
    }

    #[test]
    fn form_fields_are_decoded() {
        let body =
            SentBody::Form("amount=88.80&note=a+b%26&twice=1&tw%69ce=2&bad=%FF&x=MC1.fujian.x");
        check(body, "/amount", text("88.80"));
        check(body, "/note", text("a b&"));
        check(body, "/none", Ok(None));
        check(body, "/note/deep", Ok(None));
        check(body, "/twice", Err(SentError::Repeated));
        check(body, "/bad", Err(SentError::Broken));
        check(body, "/x", Err(SentError::HoldsCode));
        check(SentBody::Opaque, "/amount", Ok(None));
    }
}
