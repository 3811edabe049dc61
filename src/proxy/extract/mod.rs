//! From a terminal's request to the raw ingredients of a scan.
//!
//! The gateway's own endpoint and every adapter are the same thing: an **envelope** that says
//! where in the request code, scene, terminal, organisation and region stand. Texts are borrowed
//! from the body. Deliberately absent: cleaning the text, which is the scan's own business, and
//! any copy of the body in an error.

mod error;
mod json;
mod medium;

use std::borrow::Cow;

use thiserror::Error;

pub use error::{ExtractError, Found, What};
pub use medium::Medium;

use crate::pointer::{Pointer, PointerError};
use crate::route::contract::{Sent, SentBody, SentCode, form};
use crate::scan::Cleaning;
use json::{Texts, Tree};

/// A request another system already sends, and how to read it.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// The longest body taken; `None`: the listener's limit.
    pub body_limit: Option<usize>,
    /// Whether artefacts are taken off; `None`: as the listener does.
    pub cleaning: Option<Cleaning>,
    /// Where the ingredients stand.
    pub envelope: Envelope,
    /// The adapter's name.
    pub name: Box<str>,
    /// The path it answers on.
    pub path: Box<str>,
}

/// Where in a request the ingredients of a scan stand.
#[derive(Clone, Debug)]
pub struct Envelope {
    format: Format,
    code: Pointer,
    tree: Tree,
}

/// Which bodies an envelope reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Whatever `Content-Type` says.
    Any,
    /// Forms, whatever `Content-Type` says.
    Form,
    /// JSON, whatever `Content-Type` says: terminals in the field get it wrong.
    Json,
}

/// The parts of a request's head that matter here, in whatever type the engine keeps them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'a> {
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// The query string, without `?`.
    pub query: Option<&'a str>,
    /// `x-multicode-scene`.
    pub scene: Option<&'a str>,
    /// `x-multicode-terminal`.
    pub terminal: Option<&'a str>,
}

/// The raw ingredients of a scan. An empty text counts as absent, but for the code's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted<'a> {
    /// The text as the scanner gave it; an empty one no family will claim.
    pub code: Cow<'a, str>,
    /// What the terminal calls the request.
    pub idempotency_key: Option<Cow<'a, str>>,
    /// The organisation the terminal claims.
    pub organisation: Option<Cow<'a, str>>,
    /// The region the terminal claims.
    pub region: Option<Cow<'a, str>>,
    /// The scene's name or alias.
    pub scene: Option<Cow<'a, str>>,
    /// The terminal's id.
    pub terminal: Option<Cow<'a, str>>,
}

impl Adapter {
    /// The gateway's own endpoint.
    pub fn own() -> Self {
        Self {
            body_limit: None,
            cleaning: None,
            envelope: Envelope::own(),
            name: "scan".into(),
            path: "/v1/scan".into(),
        }
    }
}

impl Envelope {
    /// The gateway's own: `code`, `scene`, `terminal`, `organisation`, `region`, `idempotency_key` at
    /// the top.
    pub fn own() -> Self {
        let mut tree = Tree::default();
        for what in What::ALL {
            tree.insert(&Pointer::member(what.name()), *what);
        }
        Self {
            format: Format::Any,
            code: Pointer::member(What::Code.name()),
            tree,
        }
    }

    /// An adapter's: JSON pointers, or the names of form fields.
    pub fn new(format: Format, places: &[(What, &str)]) -> Result<Self, EnvelopeError> {
        let (mut tree, mut code) = (Tree::default(), None);
        for (what, place) in places {
            let bad = |source| EnvelopeError::Pointer {
                what: *what,
                source,
            };
            let pointer = match format {
                Format::Form if !place.starts_with('/') => Pointer::member(place),
                _ => Pointer::parse(place).map_err(bad)?,
            };
            let fits = format != Format::Form || pointer.sole().is_some();
            if !fits || !tree.insert(&pointer, *what) {
                return Err(EnvelopeError::Place { what: *what });
            }
            if *what == What::Code {
                code = Some(pointer);
            }
        }
        Ok(Self {
            format,
            code: code.ok_or(EnvelopeError::NoCode)?,
            tree,
        })
    }

    /// The kind of body this request carries.
    pub fn medium(&self, head: &Head<'_>, body: &[u8]) -> Result<Medium, ExtractError> {
        match self.format {
            Format::Any => Medium::of(head.content_type, body),
            Format::Form => Ok(Medium::Form),
            Format::Json => Ok(Medium::Json),
        }
    }

    /// Reads the request. A picture takes long to read: the caller does that where it may, and
    /// hands the text to [`Self::around`].
    pub fn extract<'a>(
        &self,
        medium: Medium,
        head: &Head<'a>,
        body: &'a [u8],
    ) -> Result<Extracted<'a>, ExtractError> {
        if medium == Medium::Picture {
            return Err(ExtractError::Unsupported {
                expected: "text, not a picture",
            });
        }
        let body = medium::text(head.content_type, body)?;
        match medium {
            Medium::Form => finish(self.form(body)?),
            Medium::Json => finish(json::read(body, &self.tree)?),
            Medium::Picture | Medium::Text => self.around(Cow::Borrowed(body), head),
        }
    }

    /// Completes a code that came without envelope from the query string and the headers.
    pub fn around<'a>(
        &self,
        code: Cow<'a, str>,
        head: &Head<'a>,
    ) -> Result<Extracted<'a>, ExtractError> {
        let mut texts = self.form(head.query.unwrap_or_default())?;
        for (what, text) in [(What::Scene, head.scene), (What::Terminal, head.terminal)] {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                put(&mut texts, what, Cow::Borrowed(text))?;
            }
        }
        if !code.is_empty() {
            put(&mut texts, What::Code, code)?;
        }
        finish(texts)
    }

    /// The same request as a contract may look into it; `text` is the code after cleaning.
    pub fn sent<'a>(
        &'a self,
        medium: Medium,
        body: &'a [u8],
        raw: &'a str,
        text: &'a str,
    ) -> Sent<'a> {
        let content = medium::text(None, body).unwrap_or_default();
        let body = match medium {
            Medium::Form => SentBody::Form(content),
            Medium::Json => SentBody::Json(content),
            Medium::Picture | Medium::Text => SentBody::Opaque,
        };
        Sent::new(
            body,
            SentCode {
                place: Some(&self.code),
                raw,
                text,
            },
        )
    }

    fn form<'a>(&self, text: &'a str) -> Result<Texts<'a>, ExtractError> {
        let mut texts = Texts::default();
        for (name, value) in form::pairs(text) {
            let what = form::decode(name).and_then(|name| self.tree.top(&name));
            let Some(what) = what else {
                continue;
            };
            let at = offset(text, value);
            let value = form::decode(value).ok_or(ExtractError::NotUtf8 { at })?;
            put(&mut texts, what, value)?;
        }
        Ok(texts)
    }
}

/// How many bytes before `part` the text has; `part` is a slice of it.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}

/// Keeps a text whose place must still be free.
fn put<'a>(texts: &mut Texts<'a>, what: What, text: Cow<'a, str>) -> Result<(), ExtractError> {
    match texts.slot(what).replace(text) {
        None => Ok(()),
        Some(_) => Err(ExtractError::Duplicate { what }),
    }
}

fn finish(texts: Texts<'_>) -> Result<Extracted<'_>, ExtractError> {
    // An empty field says as little as none: clients send one for what they do not fill. An empty
    // code is still what was scanned, and no family will claim it.
    let filled = |text: &Cow<'_, str>| !text.is_empty();
    Ok(Extracted {
        code: texts
            .code
            .ok_or(ExtractError::Missing { what: What::Code })?,
        idempotency_key: texts.idempotency_key.filter(filled),
        organisation: texts.organisation.filter(filled),
        region: texts.region.filter(filled),
        scene: texts.scene.filter(filled),
        terminal: texts.terminal.filter(filled),
    })
}

/// Why an adapter's places make no envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// There is no place for the code.
    #[error("an adapter says where the code stands")]
    NoCode,
    /// The place is taken, stands within another, or is none a form can have.
    #[error("the place of the {what} is taken, within another, or too deep for a form")]
    Place {
        /// Which.
        what: What,
    },
    /// A place cannot be read.
    #[error("the place of the {what} cannot be read")]
    Pointer {
        /// Which.
        what: What,
        /// What is wrong with it.
        source: PointerError,
    },
}

#[cfg(test)]
mod tests;
