//! Answers that are kept, and given again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::proxy::respond::{Given, Refusal, Silence};
use crate::reason::Reason;
use crate::state::{Answer, Content, Standing};
use crate::upstream::ResponseBody;

/// Says that the answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What belongs to one delivery of an answer and not to the answer.
const OF_ONE_DELIVERY: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::DATE,
    header::SERVER,
    header::SET_COOKIE,
    header::TRANSFER_ENCODING,
    crate::proxy::respond::REQUEST_ID,
];

/// What a repetition is answered.
pub(super) fn of(standing: &Standing) -> Result<Response<ResponseBody>, Refusal> {
    match standing {
        Standing::Done(answer) => again(answer),
        Standing::InFlight => Err(Reason::InFlight.into()),
        Standing::Other => Err(Reason::IdempotencyKeyReused.into()),
        Standing::Unknown => Err(Refusal {
            silence: Silence::Recorded,
            ..Refusal::from(Reason::OutcomeUnknown)
        }),
    }
}

fn again(answer: &Answer) -> Result<Response<ResponseBody>, Refusal> {
    let content = match &answer.content {
        Content::Whole(content) => content.clone(),
        Content::Digest { sha256, length } => {
            return Err(Refusal {
                given: Some(Box::new(Given {
                    status: answer.status,
                    digest: digest(sha256),
                    length: *length,
                })),
                ..Refusal::from(Reason::AnswerNotKept)
            });
        }
    };
    let mut response = Response::new(ResponseBody::from(content));
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(|_| Reason::Internal)?;
    for (name, value) in &answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            response.headers_mut().append(name, value);
        }
    }
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// As `Content-Digest` writes it (RFC 9530, section 2).
pub(super) fn digest(sha256: &[u8; 32]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(sha256))
}

/// The headers of an answer that are kept with it.
pub(super) fn kept(headers: &HeaderMap) -> Vec<(Box<str>, Box<[u8]>)> {
    let kept = headers
        .iter()
        .filter(|(name, _)| !OF_ONE_DELIVERY.contains(name));
    kept.map(|(name, value)| (name.as_str().into(), value.as_bytes().into()))
        .collect()
}
