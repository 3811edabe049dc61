//! What operators are told when something does not go (RFC 9457).

use axum::body::Body;
use axum::http::header::{self, HeaderValue};
use axum::http::{Response as HttpResponse, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// What passes within a moment: answered with `Retry-After`.
const BUSY: &str = "busy";

/// A problem document.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// The word for it behind `urn:multicode:admin:`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is, in a few words.
    pub title: String,
    /// The status again.
    pub status: u16,
    /// What to do about it.
    pub detail: String,
}

/// Why a request of an operator came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The word for it.
    pub slug: &'static str,
    /// What it is and what to do about it; nothing of the request.
    pub detail: String,
}

/// What handlers answer.
pub(super) type Answer<T> = Result<T, Refusal>;

impl Refusal {
    /// A refusal.
    pub fn new(status: StatusCode, slug: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            slug,
            detail: detail.into(),
        }
    }

    /// The request cannot be read.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed-request", detail)
    }

    /// Too much is asked at the same time.
    pub(crate) fn busy(detail: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, BUSY, detail)
    }

    /// A fault of the gateway.
    pub(crate) fn internal() -> Self {
        let detail = "the gateway has a fault; its log says where";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let problem = Problem {
            kind: format!("urn:multicode:admin:{}", self.slug),
            title: title(self.status).to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut answer = HttpResponse::new(Body::from(body));
        *answer.status_mut() = self.status;
        answer.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.slug == BUSY {
            let soon = HeaderValue::from_static("1");
            answer.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        answer
    }
}

fn title(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Refused")
}

/// Makes a problem document of whatever a library refused in words of its own, which may quote the
/// request.
pub(super) async fn tell(answer: Response) -> Response {
    let status = answer.status();
    let is_problem = answer
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == "application/problem+json" || kind == "application/json");
    if !(status.is_client_error() || status.is_server_error()) || is_problem {
        return answer;
    }
    let (slug, detail) = match status {
        StatusCode::NOT_FOUND => ("not-found", "nothing is at this path"),
        StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "this path takes another method"),
        StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "the body is longer than this path takes"),
        _ if status.is_server_error() => {
            ("internal", "the gateway has a fault; its log says where")
        }
        _ => ("malformed-request", "the request cannot be read"),
    };
    let mut told = Refusal::new(status, slug, detail).into_response();
    if let Some(allow) = answer.headers().get(header::ALLOW) {
        told.headers_mut().insert(header::ALLOW, allow.clone());
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_finds_it_busy_is_told_when_to_come_again() {
        let after = |refusal: Refusal| {
            let answer = refusal.into_response();
            answer.headers().get(header::RETRY_AFTER).cloned()
        };
        let soon = HeaderValue::from_static("1");
        assert_eq!(after(Refusal::busy("come again")), Some(soon));
        assert_eq!(after(Refusal::internal()), None);
    }
}
