//! What terminals are answered: the one place where reasons become HTTP.
//!
//! A refusal is a problem document (RFC 9457) and a header with its slug. It says no more than the
//! slug about why a check failed: the operator finds the rest with `explain`.

use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::gateway::Decision;
use crate::reason::Reason;
use crate::upstream::ResponseBody;

/// The header that carries a refusal's slug, for terminals that read nothing else.
pub const REASON: HeaderName = HeaderName::from_static("x-multicode-reason");

/// The header that names a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the slug is appended to in a problem's type; the types are described in `docs/reasons.md`.
const PROBLEM_BASE: &str = "urn:multicode:reason:";

/// The challenge of a 401: what is missing is a code that can be believed.
const CHALLENGE: &str = "Scan realm=\"multicode\"";

/// The challenge where the terminal is not proven (RFC 6750, section 3).
const TERMINAL_CHALLENGE: &str = "Bearer realm=\"multicode\"";

/// Why a request gets no answer from a department.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// What was found, where, and what was expected; never what was scanned.
    pub detail: Option<String>,
    /// The family's id, as far as it was recognised.
    pub family: Option<Box<str>>,
    /// The configured issuer's id, if trust refused one of its codes.
    pub issuer: Option<Box<str>>,
    /// How it came that an outcome is not known; decides between the statuses that say so.
    pub silence: Silence,
    /// The methods the path takes, where another one was used.
    pub allow: Option<&'static str>,
    /// The answer that was given before and is not kept.
    pub given: Option<Box<Given>>,
    /// When to come back, where that is known.
    pub retry_after: Option<Duration>,
    /// What becomes of the connection it goes out on.
    pub connection: Connection,
}

/// An answer of which only this is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Given {
    /// Its status.
    pub status: u16,
    /// Of its content, as in `Content-Digest` (RFC 9530, section 2): `sha-256=:…:`.
    pub digest: String,
    /// Of its content, in bytes.
    pub length: u64,
}

/// What becomes of an HTTP/1 connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// It ends: what is still to come of the request will not be read.
    Closed,
    /// It may carry the next request.
    Kept,
}

/// When to come back where nobody knows: what made the gateway busy is mostly over by then.
const SHORTLY: Duration = Duration::from_secs(1);

/// How it came that an outcome is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The connection broke.
    Broken,
    /// No answer in time.
    Late,
    /// An earlier request of the same key came to nothing that is known.
    Recorded,
}

impl Silence {
    const fn status(self) -> StatusCode {
        match self {
            Self::Broken => StatusCode::BAD_GATEWAY,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
            Self::Recorded => StatusCode::CONFLICT,
        }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            detail: None,
            family: None,
            issuer: None,
            silence: Silence::Broken,
            allow: None,
            given: None,
            retry_after: None,
            connection: Connection::Kept,
        }
    }
}

impl Refusal {
    /// A refusal that says what was wrong.
    pub fn because(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..Self::from(reason)
        }
    }

    /// A refusal of a method at a path that takes others, such as `GET, HEAD`.
    pub fn of_method(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::from(Reason::MethodNotAllowed)
        }
    }

    /// The status that goes with it.
    pub const fn status(&self) -> StatusCode {
        match self.reason {
            Reason::MalformedRequest
            | Reason::Truncated
            | Reason::MissingCode
            | Reason::IdempotencyKeyMissing
            | Reason::IdempotencyKeyMalformed => StatusCode::BAD_REQUEST,
            Reason::InFlight | Reason::AnswerNotKept => StatusCode::CONFLICT,
            Reason::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Reason::UnknownIssuer
            | Reason::UnknownKey
            | Reason::BadSignature
            | Reason::Expired
            | Reason::NotYetValid
            | Reason::RefusedByIssuer
            | Reason::Revoked
            | Reason::TerminalUnproven => StatusCode::UNAUTHORIZED,
            Reason::TerminalUnknown | Reason::TerminalConflict | Reason::TerminalRevoked => {
                StatusCode::FORBIDDEN
            }
            Reason::NotFound => StatusCode::NOT_FOUND,
            Reason::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Reason::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Reason::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Reason::SeveralCodes
            | Reason::UnreadablePicture
            | Reason::UnknownCode
            | Reason::AmbiguousCode
            | Reason::BadChecksum
            | Reason::MalformedCode
            | Reason::PartialCode
            | Reason::MerchantCode
            | Reason::SceneRequired
            | Reason::UnknownScene
            | Reason::KindNotAccepted
            | Reason::DynamicRequired
            | Reason::StaticRequired
            | Reason::AssuranceTooLow
            | Reason::TooOld
            | Reason::RegionNotServed
            | Reason::NoRoute
            | Reason::IdempotencyKeyReused
            | Reason::Replayed
            | Reason::RefreshCode
            | Reason::ContractUnfilled => StatusCode::UNPROCESSABLE_ENTITY,
            Reason::UpstreamInvalid => StatusCode::BAD_GATEWAY,
            Reason::OutcomeUnknown => self.silence.status(),
            Reason::KeyUnavailable
            | Reason::KeysStale
            | Reason::VerifierBusy
            | Reason::IssuerUnavailable
            | Reason::StoreUnavailable
            | Reason::StoreFull
            | Reason::AuditUnavailable
            | Reason::UpstreamBusy
            | Reason::UpstreamUnreachable
            | Reason::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The status of the same refusal where the head itself is refused.
    pub const fn status_of_head(&self) -> StatusCode {
        match self.reason {
            // RFC 6585, section 5: "unwilling to process the request because its header fields
            // are too large"; 413 is about the content.
            Reason::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            _ => self.status(),
        }
    }

    /// Whether the same request may do better in a moment.
    const fn is_retryable(&self) -> bool {
        matches!(
            self.reason,
            Reason::TooSlow
                | Reason::Truncated
                | Reason::InFlight
                | Reason::RateLimited
                | Reason::StoreFull
                | Reason::StoreUnavailable
                | Reason::AuditUnavailable
                | Reason::UpstreamBusy
                | Reason::UpstreamUnreachable
                | Reason::Overloaded
                | Reason::KeyUnavailable
                | Reason::KeysStale
                | Reason::VerifierBusy
                | Reason::IssuerUnavailable
        )
    }

    /// The answer a terminal gets.
    pub fn response(&self, request_id: &HeaderValue) -> Response<ResponseBody> {
        let mut response =
            Response::new(ResponseBody::from(self.problem(self.status(), request_id)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        for (name, value) in self.headers() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(seconds) = self.pause() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.connection == Connection::Closed {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        headers.insert(REQUEST_ID, request_id.clone());
        response
    }

    /// The same as a whole HTTP/1.1 message that ends its connection, for what is refused before
    /// there is a request.
    pub fn message(&self) -> Bytes {
        let status = self.status_of_head();
        let body = self.problem(status, &HeaderValue::from_static(""));
        let mut headers = String::new();
        for (name, value) in self.headers() {
            headers.extend([name.as_str(), ": ", value, "\r\n"]);
        }
        if let Some(seconds) = self.pause() {
            let name = header::RETRY_AFTER;
            headers.extend([name.as_str(), ": ", &seconds.to_string(), "\r\n"]);
        }
        let head = format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        [head.into_bytes(), body].concat().into()
    }

    /// The whole seconds to wait (RFC 9110, section 10.2.3): with every 503, where section 15.6.4
    /// and with every 429, where RFC 6585, section 4, allow it.
    fn pause(&self) -> Option<u64> {
        let pause = matches!(
            self.status(),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        );
        (pause || self.reason == Reason::InFlight)
            .then(|| whole_seconds(self.retry_after.unwrap_or(SHORTLY)))
    }

    fn headers(&self) -> impl Iterator<Item = (HeaderName, &'static str)> {
        let status = self.status();
        // RFC 9110, section 15.5.2: a 401 "MUST send a WWW-Authenticate header field".
        let challenge = match self.reason {
            Reason::TerminalUnproven => TERMINAL_CHALLENGE,
            _ => CHALLENGE,
        };
        let challenge =
            (status == StatusCode::UNAUTHORIZED).then_some((header::WWW_AUTHENTICATE, challenge));
        let always = [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CACHE_CONTROL, "no-store"),
            (REASON, self.reason.slug()),
        ];
        // Section 15.5.6: a 405 "MUST generate an Allow header field".
        let allow = self.allow.map(|methods| (header::ALLOW, methods));
        always.into_iter().chain(challenge).chain(allow)
    }

    fn problem(&self, status: StatusCode, request_id: &HeaderValue) -> Vec<u8> {
        let problem = Problem {
            kind: format!("{PROBLEM_BASE}{}", self.reason),
            title: self.reason.title(),
            status: status.as_u16(),
            detail: self.detail.as_deref(),
            reason: self.reason.slug(),
            stage: self.reason.stage().name(),
            family: self.family.as_deref(),
            request_id: request_id.to_str().ok().filter(|id| !id.is_empty()),
            retryable: self.is_retryable(),
            given: self.given.as_deref(),
        };
        to_json(&problem)
    }
}

/// A problem document (RFC 9457, section 3).
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    reason: &'static str,
    stage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    given: Option<&'a Given>,
}

/// What a terminal is told on a route that answers by itself.
#[derive(Serialize)]
struct Answer<'a> {
    outcome: &'static str,
    family: &'a str,
    kind: &'static str,
    issuer: Option<&'a str>,
    freshness: &'static str,
    assurance: &'static str,
    scene: &'a str,
    relation: &'static str,
    route: &'a str,
}

/// The decision itself as the answer; it names no account and nothing of the text.
pub fn decision(decision: &Decision<'_>) -> Response<ResponseBody> {
    let code = decision.verified.code();
    let answer = Answer {
        outcome: "decision",
        family: &code.family.id,
        kind: code.family.kind.name(),
        issuer: decision.verified.issuer().map(|issuer| &*issuer.id),
        freshness: code.freshness.name(),
        assurance: decision.verified.assurance().name(),
        scene: &decision.scene.name,
        relation: decision.relation.name(),
        route: &decision.route.name,
    };
    document(&answer)
}

/// A document of ours.
pub fn document(value: &impl Serialize) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(to_json(value)));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Sends the client elsewhere.
pub fn redirect(status: StatusCode, location: HeaderValue) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Rounded up, so that who waits so long has waited long enough.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    // Plain structs of strings and numbers always have a JSON form.
    serde_json::to_vec(value).unwrap_or_default()
}
