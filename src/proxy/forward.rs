//! Asking a department, in the shape it understands.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use http_body_util::Full;

use super::exchange::Exchange;
use super::headers::{self, Client};
use super::identity::{TRACEPARENT, TRACESTATE};
use super::respond::{REQUEST_ID, Refusal, Silence};
use super::site::Site;
use super::visit::Visit;
use crate::gateway::{Decision, Gateway};
use crate::reason::{Reason, Stage};
use crate::route::contract::{Body, RenderError, Rendered};
use crate::route::{Forward, Told};
use crate::time::Timestamp;
use crate::upstream::{Ask, Balance, By, ResponseBody, SendError, Upstreams, Withheld};

/// Asks a department, once `intent` holds, and gives its answer as a terminal may have it.
pub(super) async fn ask<I>(
    (upstreams, visit): (&Upstreams, &Visit),
    (upstream, ask): (usize, Ask),
    intent: I,
) -> Result<Response<ResponseBody>, SendError>
where
    I: AsyncFnOnce() -> Result<(), Withheld>,
{
    let mut sent = upstreams.send(upstream, ask, intent).await;
    visit.lap(Stage::Forward);
    visit.sent(&sent);
    if let Ok(response) = &mut sent {
        headers::from_upstream(response.headers_mut());
    }
    sent
}

/// What a terminal is told when there is no answer.
pub(super) fn no_answer(error: &SendError) -> Refusal {
    match error {
        SendError::Busy => Reason::UpstreamBusy.into(),
        SendError::Invalid => Reason::UpstreamInvalid.into(),
        SendError::OutcomeUnknown { timed_out: false } => Reason::OutcomeUnknown.into(),
        SendError::OutcomeUnknown { timed_out: true } => Refusal {
            silence: Silence::Late,
            ..Refusal::from(Reason::OutcomeUnknown)
        },
        SendError::Unreachable => Reason::UpstreamUnreachable.into(),
        SendError::Withheld => Reason::StoreUnavailable.into(),
    }
}

/// What a consistent hash goes by, where the backend's endpoints are chosen by one. It is the same in
/// every gateway, and what it was made of cannot be had back from it in any useful way; it is kept
/// for as long as the request lasts, and told nobody.
pub fn sticky(forward: &Forward, decision: &Decision<'_>, site: &Site) -> Option<u64> {
    let Some(Balance::Hash(by)) = site.upstreams.balance(forward.upstream) else {
        return None;
    };
    let code = decision.verified.code();
    let word = match by {
        By::Issuer => decision.verified.issuer().map(|issuer| &*issuer.id),
        By::Account => {
            let kind = forward.contract.account().unwrap_or(code.family.kind);
            code.accounts.of(kind)
        }
        By::Terminal => decision.place.terminal,
    };
    word.map(|word| fnv(word.as_bytes()))
}

/// FNV-1a, which is the same everywhere.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// What a terminal is told when its request lacks what the department needs.
pub fn unfilled(error: &RenderError) -> Refusal {
    Refusal::because(error.reason(), error.to_string())
}

/// Writes the department's request.
pub fn request(
    forward: &Forward,
    decision: &Decision<'_>,
    exchange: &Exchange<'_>,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, Refusal> {
    let contract = &forward.contract;
    let code = decision.verified.code();
    if matches!(contract.shape().body, Body::PassThrough) && code.family.account_count() > 1 {
        // The files' check forbids such a route: the body holds every department's account.
        return Err(Reason::Internal.into());
    }
    let values = exchange.values(decision, contract.account(), contract.secrets(), now);
    let rendered = contract.render(&values).map_err(|error| unfilled(&error))?;
    let headers = headers(forward, decision, exchange, &rendered);
    let body = rendered
        .body
        .map_or_else(|| exchange.body.clone(), Bytes::from);
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = rendered.method;
    *request.uri_mut() = rendered.target;
    *request.headers_mut() = headers;
    Ok(request)
}

/// A terminal's own body travels with its own headers; a contract's body with none of them.
fn headers(
    forward: &Forward,
    decision: &Decision<'_>,
    exchange: &Exchange<'_>,
    rendered: &Rendered,
) -> HeaderMap {
    let sent = &exchange.parts.headers;
    let mut headers = if rendered.body.is_none() {
        headers::to_upstream(sent, &forward.headers)
    } else {
        HeaderMap::with_capacity(16)
    };
    if let Some(kind) = &rendered.content_type {
        headers.insert(header::CONTENT_TYPE, kind.clone());
    }
    headers.extend(rendered.headers.iter().cloned());
    headers.insert(REQUEST_ID, exchange.visit.identity.request_id.clone());
    headers.insert(TRACEPARENT, exchange.visit.identity.traceparent.clone());
    match sent.get(TRACESTATE) {
        Some(state) if exchange.visit.identity.continued => {
            headers.insert(TRACESTATE, state.clone())
        }
        _ => headers.remove(TRACESTATE),
    };
    let client = Client::of(
        exchange.peer.address.ip(),
        sent,
        &exchange.entrance.trusted_proxies,
    );
    let scheme = if exchange.peer.tls { "https" } else { "http" };
    exchange.announcements.write(client, scheme, &mut headers);
    tell(forward, decision, &exchange.site.words, &mut headers);
    headers
}

/// Adds what the gateway found out, under its own names and the route's.
fn tell(forward: &Forward, decision: &Decision<'_>, words: &Words, headers: &mut HeaderMap) {
    let own = [
        (FAMILY, &Told::Family),
        (KIND, &Told::Kind),
        (SCENE, &Told::Scene),
        (ASSURANCE, &Told::Assurance),
    ];
    let routes = forward
        .headers
        .iter()
        .map(|(name, told)| (name.clone(), told));
    for (name, told) in own.into_iter().chain(routes) {
        if let Some(value) = words.tell(told, decision) {
            headers.insert(name, value);
        }
    }
}

const ASSURANCE: HeaderName = HeaderName::from_static("x-multicode-assurance");
const FAMILY: HeaderName = HeaderName::from_static("x-multicode-family");
const KIND: HeaderName = HeaderName::from_static("x-multicode-kind");
const SCENE: HeaderName = HeaderName::from_static("x-multicode-scene");

/// The names of a configuration as header values, made once.
#[derive(Debug)]
pub struct Words {
    families: Box<[HeaderValue]>,
    scenes: Box<[HeaderValue]>,
    routes: Box<[HeaderValue]>,
}

impl Words {
    /// The names `gateway` can tell.
    pub fn of(gateway: &Gateway) -> Self {
        // The files allow only names that can stand in a header.
        let value = |name: &str| {
            HeaderValue::from_str(name).unwrap_or_else(|_| HeaderValue::from_static("-"))
        };
        Self {
            families: gateway
                .families()
                .iter()
                .map(|family| value(&family.id))
                .collect(),
            scenes: gateway
                .scenes()
                .iter()
                .map(|scene| value(&scene.name))
                .collect(),
            routes: gateway
                .routes()
                .iter()
                .map(|route| value(&route.name))
                .collect(),
        }
    }

    /// What a header tells of a decision; nothing where the code has none.
    fn tell(&self, told: &Told, decision: &Decision<'_>) -> Option<HeaderValue> {
        let family = decision.verified.code().family;
        match told {
            Told::Assurance => Some(HeaderValue::from_static(
                decision.verified.assurance().name(),
            )),
            Told::Family => self.families.get(family.index).cloned(),
            Told::Issuer => HeaderValue::from_str(&decision.verified.issuer()?.id).ok(),
            Told::Kind => Some(HeaderValue::from_static(family.kind.name())),
            Told::Literal(words) => Some(words.clone()),
            Told::Route => self.routes.get(decision.route.index).cloned(),
            Told::Scene => self.scenes.get(decision.scene.index).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hash_to_what_is_published() {
        // http://www.isthe.com/chongo/src/fnv/test_fnv.c
        assert_eq!(fnv(b""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(fnv(b"a"), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(fnv(b"foobar"), 0x8594_4171_F739_67E8);
    }
}
