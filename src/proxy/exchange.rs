//! One request, read to its end, and what can be said of it.

use std::rc::Rc;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::request::Parts;

use super::extract::{Adapter, ExtractError, Extracted, Head, Medium};
use super::headers::Announcements;
use super::respond::Refusal;
use super::site::{Entrance, Site};
use super::visit::Visit;
use crate::family::Kind;
use crate::gateway::Decision;
use crate::policy::Caller;
use crate::reason::Reason;
use crate::route::contract::{Secrets, Values};
use crate::scan::{self, Claims, MAX_TEXT_BYTES, Scan};
use crate::server::Peer;
use crate::time::Timestamp;

/// A request and everything around it.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// Its head.
    pub parts: &'a Parts,
    /// Its body.
    pub body: &'a Bytes,
    /// What the body is.
    pub medium: Medium,
    /// What was found in it.
    pub extracted: Extracted<'a>,
    /// Who sends it.
    pub caller: Caller<'a>,
    /// The shape it came in.
    pub adapter: &'a Adapter,
    /// The rules of its listener.
    pub entrance: &'a Entrance,
    /// Who sent it.
    pub peer: &'a Peer,
    /// The configuration in force.
    pub site: &'a Site,
    /// Its names, the limits it met, and what there will be to tell of it.
    pub(super) visit: &'a Rc<Visit>,
    /// How clients are announced.
    pub announcements: &'a Announcements,
}

impl Exchange<'_> {
    /// What was scanned, cleaned, and what the terminal says about itself.
    pub fn scan(&self) -> Result<Scan<'_>, Refusal> {
        let cleaning = self.adapter.cleaning.unwrap_or(self.entrance.cleaning);
        let text = scan::clean(&self.extracted.code, cleaning);
        self.site.handles.cleaned(text.artefacts);
        if text.text.len() > MAX_TEXT_BYTES {
            return Err(Refusal::because(
                Reason::TooLarge,
                format!("expected a code of at most {MAX_TEXT_BYTES} bytes"),
            ));
        }
        Ok(Scan {
            text,
            claims: self.claims(),
        })
    }

    pub(super) fn claims(&self) -> Claims<'_> {
        Claims {
            scene: self.extracted.scene.as_deref(),
            terminal: self.caller.name(),
            organisation: self.extracted.organisation.as_deref(),
            region: self.extracted.region.as_deref(),
        }
    }

    /// What a request to a department of this kind may be made of, the terminal's own fields
    /// included.
    pub fn values<'v>(
        &'v self,
        decision: &'v Decision<'v>,
        account: Option<Kind>,
        secrets: &'v Secrets,
        now: Timestamp,
    ) -> Values<'v> {
        let text = decision.verified.code().text;
        self.with_sent(text, decision.values(account, secrets, now))
    }

    /// The values with those that this request gives; of its fields, none that holds the code.
    pub fn with_sent<'v>(&'v self, code: &'v str, values: Values<'v>) -> Values<'v> {
        let (envelope, raw) = (&self.adapter.envelope, &self.extracted.code);
        Values {
            request_id: self.visit.identity.request_id.to_str().unwrap_or_default(),
            sent: envelope.sent(self.medium, self.body, raw, code),
            ..values
        }
    }
}

/// Reads the ingredients of a scan out of a request.
pub(super) async fn extract<'a>(
    (site, adapter): (&Site, &Adapter),
    head: &Head<'a>,
    body: &'a Bytes,
) -> Result<(Medium, Extracted<'a>), Refusal> {
    let unreadable = |error: ExtractError| Refusal::because(error.reason(), error.to_string());
    let envelope = &adapter.envelope;
    let medium = envelope.medium(head, body).map_err(unreadable)?;
    let extracted = match medium {
        Medium::Picture => {
            let text = site.shared.pictures.read(body.clone()).await?;
            envelope.around(text.into(), head)
        }
        Medium::Form | Medium::Json | Medium::Text => envelope.extract(medium, head, body),
    };
    Ok((medium, extracted.map_err(unreadable)?))
}

/// The parts of a head that say how to read the body, and what a text alone cannot.
pub fn head(parts: &Parts) -> Head<'_> {
    let text = |name: &HeaderName| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    Head {
        content_type: text(&header::CONTENT_TYPE),
        query: parts.uri.query(),
        scene: text(&HeaderName::from_static("x-multicode-scene")),
        terminal: text(&HeaderName::from_static("x-multicode-terminal")),
    }
}
