//! Contracts: the requests existing backends already understand, as templates with gaps.
//!
//! Compiled once, when the configuration is read; filling one is a single pass into a buffer, with
//! the escapes of the format it is written in. A contract sees the one account its department may
//! see, and of the terminal's own request every field but the code's.

mod body;
mod escape;
pub(crate) mod form;
mod json;
mod placeholder;
mod secrets;
mod sent;
mod slice;
mod template;
mod url;
mod values;
mod xml;
mod xml_walk;

use http::header::{HeaderName, HeaderValue};
use http::{Method, Uri};
use thiserror::Error;

pub use body::Body;
pub use escape::Place;
pub use json::JsonTemplate;
pub use placeholder::{NowFormat, Placeholder, PlaceholderError};
pub use secrets::Secrets;
pub use sent::{Sent, SentBody, SentCode, SentError};
pub use template::{Part, Presence, Slot, Template, TemplateError};
pub use url::{UrlError, UrlTemplate};
pub use values::{RENDERED_LIMIT, RenderError, Values};
pub use xml::{XmlError, XmlTemplate};
pub use xml_walk::XmlFault;

use crate::family::Kind;

/// The prefix of the gateway's own headers, which no contract may speak with.
const OWN_HEADERS: &str = "x-multicode-";

/// Headers that belong to the connection or to the gateway, not to the request's meaning.
const RESERVED_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The request a backend understands.
#[derive(Clone, Debug)]
pub struct Contract {
    name: Box<str>,
    account: Option<Kind>,
    shape: Shape,
    secrets: Secrets,
    /// The target of a path without gaps, which needs no filling.
    fixed: Option<Uri>,
}

/// The parts of a request, with gaps.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The body.
    pub body: Body,
    /// Headers beside the usual ones; a `content-type` here replaces the body's own.
    pub headers: Vec<(HeaderName, Template)>,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: UrlTemplate,
}

/// A request ready to be sent.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The body; `None` passes the terminal's own on, unchanged.
    pub body: Option<Vec<u8>>,
    /// The body's media type; `None` passes the terminal's own on.
    pub content_type: Option<HeaderValue>,
    /// The contract's headers, without `content-type`; those with a secret are marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: Uri,
}

impl Contract {
    /// Makes a contract, or says everything that is wrong with it.
    pub fn new(
        name: &str,
        account: Option<Kind>,
        shape: Shape,
        secrets: Secrets,
    ) -> Result<Self, Vec<ContractError>> {
        let contract = Self {
            name: name.into(),
            account,
            fixed: shape.path.fixed().and_then(|path| path.parse().ok()),
            shape,
            secrets,
        };
        let mistakes = contract.mistakes();
        if mistakes.is_empty() {
            Ok(contract)
        } else {
            Err(mistakes)
        }
    }

    /// The contract's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of department this is, and so which account of the code it may see.
    pub fn account(&self) -> Option<Kind> {
        self.account
    }

    /// The request's parts.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The secrets it speaks with.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Every gap of the request.
    pub fn slots(&self) -> Vec<&Slot> {
        let mut slots: Vec<_> = self.shape.path.slots().collect();
        slots.extend(
            self.shape
                .headers
                .iter()
                .flat_map(|(_, value)| value.slots()),
        );
        slots.extend(self.shape.body.slots());
        slots
    }

    /// Whether the request shows the whole text of the code.
    pub fn shows_code(&self) -> bool {
        let passes = matches!(self.shape.body, Body::PassThrough);
        passes
            || self
                .slots()
                .iter()
                .any(|slot| slot.placeholder == Placeholder::Code)
    }

    /// Fills every gap.
    pub fn render(&self, values: &Values<'_>) -> Result<Rendered, RenderError> {
        let mut headers = Vec::with_capacity(self.shape.headers.len());
        let mut content_type = self.shape.body.media_type().map(HeaderValue::from_static);
        for (name, template) in &self.shape.headers {
            let value = header(template, values)?;
            if name == http::header::CONTENT_TYPE {
                content_type = Some(value);
            } else {
                headers.push((name.clone(), value));
            }
        }
        Ok(Rendered {
            body: self.shape.body.render(values)?,
            content_type,
            headers,
            method: self.shape.method.clone(),
            target: self.target(values)?,
        })
    }

    /// What tells this request from others of the contract: the values of its gaps, but for those
    /// that are new each time. Personal, as they are.
    pub fn particulars(&self, values: &Values<'_>) -> Result<Vec<u8>, RenderError> {
        let mut particulars = Vec::new();
        for slot in self.slots() {
            if slot.placeholder.tells_apart() {
                values.mark(slot, &mut particulars)?;
            }
        }
        Ok(particulars)
    }

    fn target(&self, values: &Values<'_>) -> Result<Uri, RenderError> {
        match &self.fixed {
            Some(target) => Ok(target.clone()),
            None => {
                Uri::try_from(self.shape.path.render(values)?).map_err(|_| RenderError::TooLarge)
            }
        }
    }

    fn mistakes(&self) -> Vec<ContractError> {
        let mut mistakes = Vec::new();
        if !self.shape.path.prefix().starts_with('/') {
            mistakes.push(ContractError::Path);
        }
        for (name, value) in &self.shape.headers {
            let name = name.as_str();
            if RESERVED_HEADERS.contains(&name) || name.starts_with(OWN_HEADERS) {
                mistakes.push(ContractError::ReservedHeader { name: name.into() });
            }
            let plain =
                |part: &Part| !matches!(part, Part::Literal(text) if !escape::is_header_text(text));
            if !value.parts().iter().all(plain) {
                mistakes.push(ContractError::HeaderText { name: name.into() });
            }
        }
        for slot in self.slots() {
            match &slot.placeholder {
                Placeholder::Account | Placeholder::Code | Placeholder::Index
                    if self.account.is_none() =>
                {
                    let placeholder = slot.placeholder.clone();
                    mistakes.push(ContractError::NoAccount { placeholder });
                }
                Placeholder::Secret(name) if !self.secrets.declares(name) => {
                    mistakes.push(ContractError::UnknownSecret { name: name.clone() });
                }
                _ => {}
            }
        }
        mistakes
    }
}

fn header(template: &Template, values: &Values<'_>) -> Result<HeaderValue, RenderError> {
    let mut text = Vec::new();
    template.render(Place::Header, values, &mut text)?;
    // Literals were checked when the contract was made, values when they were written.
    let mut value = HeaderValue::try_from(text).map_err(|_| RenderError::TooLarge)?;
    let secret = |slot: &Slot| matches!(slot.placeholder, Placeholder::Secret(_));
    value.set_sensitive(template.slots().any(secret));
    Ok(value)
}

/// What is wrong with a contract as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ContractError {
    /// A header's text has characters no header can carry.
    #[error("header \"{name}\" may hold visible ASCII only")]
    HeaderText {
        /// The header.
        name: Box<str>,
    },
    /// The person is asked for, but not which of their accounts.
    #[error("{placeholder} needs `account` to say what this department may see")]
    NoAccount {
        /// The gap.
        placeholder: Placeholder,
    },
    /// The path does not begin with a slash.
    #[error("the path begins with \"/\"")]
    Path,
    /// A header the gateway sets itself.
    #[error("header \"{name}\" is set by the gateway itself")]
    ReservedHeader {
        /// The header.
        name: Box<str>,
    },
    /// A secret is asked for that the contract does not name.
    #[error("secret \"{name}\" is not among the contract's secrets")]
    UnknownSecret {
        /// The name asked for.
        name: Box<str>,
    },
}

#[cfg(test)]
mod tests;
