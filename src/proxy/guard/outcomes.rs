//! `GET /v1/outcomes/{key}`: what became of a request, for a terminal that lost its answer.

use http::request::Parts;
use http::{Method, Response};
use serde::Serialize;

use super::{answer, key, named};
use crate::identity::Proven;
use crate::policy::Care;
use crate::proxy::respond::{self, Refusal};
use crate::proxy::{Proxy, Site, exchange};
use crate::reason::Reason;
use crate::route::contract::form;
use crate::state::{Answer, Content, Standing};
use crate::upstream::ResponseBody;

/// The path in front of a key.
pub(in crate::proxy) const OUTCOMES: &str = "/v1/outcomes/";

/// What became of a request.
#[derive(Serialize)]
struct Told<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Given<'a>>,
}

/// The answer it was given, as far as it is kept.
#[derive(Serialize)]
struct Given<'a> {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_type: Option<&'a str>,
    /// As text; none if it is not kept or no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    digest: String,
    length: u64,
}

impl Proxy {
    /// Tells a terminal what became of the request it gave this key.
    pub(in crate::proxy) async fn outcome(
        &self,
        site: &Site,
        segment: &str,
        (parts, proven): (&Parts, Option<Proven<'_>>),
    ) -> Result<Response<ResponseBody>, Refusal> {
        if parts.method != Method::GET && parts.method != Method::HEAD {
            return Err(Refusal::of_method("GET, HEAD"));
        }
        let key = key::of_path(segment)?;
        let head = exchange::head(parts);
        let in_query = form::pairs(head.query.unwrap_or_default())
            .find(|(name, _)| *name == "terminal")
            .and_then(|(_, value)| form::decode(value));
        let claimed = in_query.or_else(|| head.terminal.map(Into::into));
        // An empty one says as little as none, as in a scan.
        let claimed = claimed.as_deref().filter(|name| !name.is_empty());
        let caller = site.gateway.terminals().caller(proven, claimed)?;
        let books = &site.shared.books;
        let name = named(books, caller.name().unwrap_or_default(), &key);
        let found = books.look(name, None, (Care::default(), books.moment(self)));
        let found = found.await.map_err(|_| Reason::StoreUnavailable)?;
        let standing = found.ok_or_else(|| {
            let detail = "found no request of this terminal with this key; it was never made, \
                          nothing of it was sent, or it is forgotten";
            Refusal::because(Reason::NotFound, detail)
        })?;
        Ok(respond::document(&told(&standing)))
    }
}

fn told(standing: &Standing) -> Told<'_> {
    let (state, answer) = match standing {
        Standing::Done(answer) => ("done", Some(given(answer))),
        Standing::InFlight => ("in-flight", None),
        Standing::Other | Standing::Unknown => ("unknown", None),
    };
    Told { state, answer }
}

fn given(answer: &Answer) -> Given<'_> {
    use sha2::{Digest as _, Sha256};
    let kind = answer
        .headers
        .iter()
        .find(|(name, _)| **name == *"content-type");
    let (content, sha256, length) = match &answer.content {
        Content::Whole(content) => (
            std::str::from_utf8(content).ok(),
            Sha256::digest(content).into(),
            u64::try_from(content.len()).unwrap_or(u64::MAX),
        ),
        Content::Digest { sha256, length } => (None, *sha256, *length),
    };
    Given {
        status: answer.status,
        content_type: kind.and_then(|(_, value)| std::str::from_utf8(value).ok()),
        content,
        digest: answer::digest(&sha256),
        length,
    }
}
