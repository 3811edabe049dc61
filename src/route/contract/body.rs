//! The four kinds of request body.

use super::escape::Place;
use super::json::JsonTemplate;
use super::template::{Slot, Template};
use super::values::{RenderError, Values};
use super::xml::XmlTemplate;

/// What a backend's request carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Form fields, in the order written.
    Form(Vec<(Box<str>, Template)>),
    /// A JSON document.
    Json(JsonTemplate),
    /// The terminal's own body, unchanged.
    PassThrough,
    /// An XML document.
    Xml(XmlTemplate),
}

impl Body {
    /// The media type of a rendered body; `None` where the terminal's own passes through.
    pub fn media_type(&self) -> Option<&'static str> {
        match self {
            Self::Form(_) => Some("application/x-www-form-urlencoded"),
            Self::Json(_) => Some("application/json"),
            Self::PassThrough => None,
            Self::Xml(_) => Some("text/xml; charset=utf-8"),
        }
    }

    /// Every gap of the body.
    pub fn slots(&self) -> Vec<&Slot> {
        match self {
            Self::Form(fields) => fields.iter().flat_map(|(_, value)| value.slots()).collect(),
            Self::Json(json) => json.slots(),
            Self::PassThrough => Vec::new(),
            Self::Xml(xml) => xml.slots().collect(),
        }
    }

    /// The filled body; `None` where the terminal's own passes through.
    pub(super) fn render(&self, values: &Values<'_>) -> Result<Option<Vec<u8>>, RenderError> {
        let mut out = Vec::new();
        match self {
            Self::Form(fields) => form(fields, values, &mut out)?,
            Self::Json(json) => json.render(values, &mut out)?,
            Self::PassThrough => return Ok(None),
            Self::Xml(xml) => xml.render(values, &mut out)?,
        }
        Ok(Some(out))
    }
}

fn form(
    fields: &[(Box<str>, Template)],
    values: &Values<'_>,
    out: &mut Vec<u8>,
) -> Result<(), RenderError> {
    for (nth, (name, value)) in fields.iter().enumerate() {
        if nth > 0 {
            out.push(b'&');
        }
        Place::Form.write_literal(name, out);
        out.push(b'=');
        value.render(Place::Form, values, out)?;
    }
    RenderError::unless_within_limit(out)
}
