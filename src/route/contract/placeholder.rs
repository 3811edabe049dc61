//! The names a contract may ask for: one closed list.

use std::fmt;

use thiserror::Error;

use crate::pointer::{Pointer, PointerError};

/// What stands where `${…}` is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// What this department knows the person by.
    Account,
    /// A field the terminal sent; never the one that holds the code.
    Body(Pointer),
    /// The whole text of the code.
    Code,
    /// The family's id.
    Family,
    /// What the issuer's platform, asked about the code, calls the holder.
    Index,
    /// The issuer's id.
    Issuer,
    /// The kind's name.
    Kind,
    /// The instant of the scan.
    Now(NowFormat),
    /// The organisation the terminal belongs to.
    Organisation,
    /// The terminal's region, six digits.
    Region,
    /// The request's id.
    RequestId,
    /// The scene's name.
    Scene,
    /// What a backend calls the scene.
    SceneCode(Box<str>),
    /// A secret of the contract.
    Secret(Box<str>),
    /// The terminal's id.
    Terminal,
}

/// How an instant is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NowFormat {
    /// `yyyy-MM-dd HH:mm:ss` on a wall clock in China.
    China,
    /// Milliseconds since the Unix epoch.
    Millis,
    /// RFC 3339 in UTC.
    Rfc3339,
    /// Seconds since the Unix epoch.
    Unix,
}

impl Placeholder {
    /// Every name, for suggestions; one that ends in `:` or `.` wants a word after it.
    pub const NAMES: &'static [&'static str] = &[
        "account",
        "body:",
        "code",
        "family",
        "index",
        "issuer",
        "kind",
        "now.china",
        "now.millis",
        "now.rfc3339",
        "now.unix",
        "organisation",
        "region",
        "request_id",
        "scene",
        "scene.",
        "secret.",
        "terminal",
    ];

    /// Whether it may tell one request about a code from another: not what is new each time, and
    /// not what the files alone say.
    pub(super) const fn tells_apart(&self) -> bool {
        !matches!(self, Self::Now(_) | Self::RequestId | Self::Secret(_))
    }

    /// Reads what stands between the braces, without the `?`.
    pub fn parse(name: &str) -> Result<Self, PlaceholderError> {
        if let Some(pointer) = name.strip_prefix("body:") {
            return body(pointer);
        }
        if let Some(code) = name.strip_prefix("scene.") {
            return word(code).map(Self::SceneCode);
        }
        if let Some(secret) = name.strip_prefix("secret.") {
            return word(secret).map(Self::Secret);
        }
        Ok(match name {
            "account" => Self::Account,
            "code" => Self::Code,
            "family" => Self::Family,
            "index" => Self::Index,
            "issuer" => Self::Issuer,
            "kind" => Self::Kind,
            "now.china" => Self::Now(NowFormat::China),
            "now.millis" => Self::Now(NowFormat::Millis),
            "now.rfc3339" => Self::Now(NowFormat::Rfc3339),
            "now.unix" => Self::Now(NowFormat::Unix),
            "organisation" => Self::Organisation,
            "region" => Self::Region,
            "request_id" => Self::RequestId,
            "scene" => Self::Scene,
            "terminal" => Self::Terminal,
            _ => return Err(PlaceholderError::Unknown { name: name.into() }),
        })
    }
}

impl fmt::Display for Placeholder {
    /// As it is written in a contract, braces included.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Body(pointer) => return write!(f, "${{body:{pointer}}}"),
            Self::SceneCode(code) => return write!(f, "${{scene.{code}}}"),
            Self::Secret(name) => return write!(f, "${{secret.{name}}}"),
            Self::Account => "account",
            Self::Code => "code",
            Self::Family => "family",
            Self::Index => "index",
            Self::Issuer => "issuer",
            Self::Kind => "kind",
            Self::Now(NowFormat::China) => "now.china",
            Self::Now(NowFormat::Millis) => "now.millis",
            Self::Now(NowFormat::Rfc3339) => "now.rfc3339",
            Self::Now(NowFormat::Unix) => "now.unix",
            Self::Organisation => "organisation",
            Self::Region => "region",
            Self::RequestId => "request_id",
            Self::Scene => "scene",
            Self::Terminal => "terminal",
        };
        write!(f, "${{{name}}}")
    }
}

fn body(pointer: &str) -> Result<Placeholder, PlaceholderError> {
    let pointer = Pointer::parse(pointer)?;
    // The whole body always holds the code, so it could never be filled.
    if pointer.tokens().is_empty() {
        return Err(PlaceholderError::WholeBody);
    }
    Ok(Placeholder::Body(pointer))
}

fn word(text: &str) -> Result<Box<str>, PlaceholderError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if text.is_empty() || !text.bytes().all(plain) {
        return Err(PlaceholderError::Word { word: text.into() });
    }
    Ok(text.into())
}

/// Why a name is no placeholder.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlaceholderError {
    /// What follows `body:` is no pointer.
    #[error("no JSON pointer after \"body:\"")]
    Pointer(#[from] PointerError),
    /// No placeholder has this name.
    #[error("unknown placeholder \"{name}\"")]
    Unknown {
        /// The name found.
        name: Box<str>,
    },
    /// The whole body would hold the code.
    #[error("\"body:\" needs a pointer to one field, since the whole body holds the code")]
    WholeBody,
    /// The word after `scene.` or `secret.` has other characters than letters, digits, `_`, `-`.
    #[error("\"{word}\" is not a name of letters, digits, \"_\" and \"-\"")]
    Word {
        /// The word found.
        word: Box<str>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_is_read_and_written_back() {
        for name in Placeholder::NAMES {
            let name = match *name {
                "body:" => "body:/req/time",
                "scene." => "scene.medical_step",
                "secret." => "secret.token",
                name => name,
            };
            let placeholder = Placeholder::parse(name).unwrap();
            assert_eq!(placeholder.to_string(), format!("${{{name}}}"));
        }
    }

    #[test]
    fn mistakes_name_what_was_found() {
        let unknown = |name: &str| PlaceholderError::Unknown { name: name.into() };
        let word = |word: &str| PlaceholderError::Word { word: word.into() };
        let check = |name, error| assert_eq!(Placeholder::parse(name), Err(error), "{name}");
        check("acount", unknown("acount"));
        check("", unknown(""));
        check("now", unknown("now"));
        check("scene.", word(""));
        check("secret.a b", word("a b"));
        check("body:", PlaceholderError::WholeBody);
        check(
            "body:code",
            PlaceholderError::Pointer(PointerError::NoSlash),
        );
    }
}
