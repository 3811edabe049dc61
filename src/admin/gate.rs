//! Who may come in: the host asked for, where the request comes from, and the token.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::problem::Refusal;
use super::tokens::{Role, Tokens};

/// A wrong token waits so long for its answer: a person who mistyped does not notice, a program that
/// guesses gets four a second.
const PENANCE: Duration = Duration::from_millis(250);

/// Who may come in.
#[derive(Debug)]
pub struct Access {
    admitted: ArcSwap<Admitted>,
    /// Held by the wrong token that waits.
    wrong: Mutex<()>,
}

/// Whom the files let in, and by which names.
#[derive(Debug)]
struct Admitted {
    tokens: Option<Tokens>,
    hosts: Box<[Box<str>]>,
}

impl Access {
    /// Those with these tokens; without any, nobody. Browsers may call the gateway by these names.
    pub fn new(tokens: Option<Tokens>, hosts: Box<[Box<str>]>) -> Self {
        Self {
            admitted: ArcSwap::from_pointee(Admitted { tokens, hosts }),
            wrong: Mutex::default(),
        }
    }

    /// From the next request on those with these tokens, by these names, and nobody else.
    pub fn admit(&self, tokens: Option<Tokens>, hosts: Box<[Box<str>]>) {
        self.admitted.store(Arc::new(Admitted { tokens, hosts }));
    }

    /// Whether the request was meant for this gateway. A page of somebody else's whose name was made
    /// to lead here (DNS rebinding) asks for its own.
    fn serves(&self, headers: &HeaderMap) -> bool {
        let Some(host) = text(headers, &header::HOST) else {
            return false;
        };
        let name = without_port(host);
        let address = name.trim_matches(['[', ']']);
        address.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self
                .admitted
                .load()
                .hosts
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
    }

    async fn role(&self, headers: &HeaderMap) -> Result<Role, Refusal> {
        let admitted = self.admitted.load_full();
        let Some(tokens) = &admitted.tokens else {
            let detail = "there are no operators' tokens; the gateway's log says why";
            let status = StatusCode::SERVICE_UNAVAILABLE;
            return Err(Refusal::new(status, "no-tokens", detail));
        };
        let shown = headers.get(header::AUTHORIZATION);
        let Some(token) = shown.and_then(bearer) else {
            let detail = "show a token: Authorization: Bearer …";
            return Err(unauthorised("token-missing", detail));
        };
        if let Some(role) = tokens.role(token) {
            return Ok(role);
        }
        let Ok(_alone) = self.wrong.try_lock() else {
            let detail = "too many wrong tokens, come again in a moment";
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Err(Refusal::new(status, "too-many-wrong-tokens", detail));
        };
        sleep(PENANCE).await;
        Err(unauthorised("token-wrong", "nobody has this token"))
    }
}

/// The token of `Bearer …` (RFC 6750, section 2.1).
fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

fn unauthorised(slug: &'static str, detail: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, slug, detail)
}

fn text<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    let only = all.next().filter(|_| all.next().is_none());
    only?.to_str().ok()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Lets those in who may come in, and says to handlers as whom.
pub(super) async fn keep(
    State(access): State<Arc<Access>>,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let guarded = path == "/admin" || path.starts_with("/admin/");
    let page = path == "/" || path.starts_with("/console");
    if (guarded || page) && !access.serves(request.headers()) {
        let detail = "ask for the address, for localhost or for a name in [admin] hosts";
        let status = StatusCode::MISDIRECTED_REQUEST;
        return Refusal::new(status, "host-not-served", detail).into_response();
    }
    if !guarded {
        return next.run(request).await;
    }
    if let Err(refusal) = comes_from_here(&request) {
        return refusal.into_response();
    }
    match access.role(request.headers()).await {
        Ok(role) => {
            request.extensions_mut().insert(role);
            next.run(request).await
        }
        Err(refusal) => {
            let mut answer = refusal.into_response();
            let (name, value) = match answer.status() {
                StatusCode::UNAUTHORIZED => (header::WWW_AUTHENTICATE, "Bearer"),
                _ => (header::RETRY_AFTER, "1"),
            };
            let headers = answer.headers_mut();
            headers.insert(name, HeaderValue::from_static(value));
            answer
        }
    }
}

/// Lets operators do what only they may.
pub(super) async fn operators_only(request: Request<Body>, next: Next) -> Response {
    if request.extensions().get() == Some(&Role::Operator) {
        return next.run(request).await;
    }
    let detail = "this takes the operator's token";
    Refusal::new(StatusCode::FORBIDDEN, "role", detail).into_response()
}

/// A request that changes something must not be the doing of a page from elsewhere: no browser
/// sends JSON, or a picture, anywhere else without asking first, and all of them say whose page it
/// is.
fn comes_from_here(request: &Request<Body>) -> Result<(), Refusal> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let headers = request.headers();
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().ok();
        let authority = origin.and_then(|it| Some(it.split_once("://")?.1));
        if authority.is_none() || authority != text(headers, &header::HOST) {
            let detail = "this may only be asked for by the gateway's own pages";
            return Err(Refusal::new(StatusCode::FORBIDDEN, "cross-origin", detail));
        }
    }
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.map(|kind| kind.to_str().unwrap_or_default().to_ascii_lowercase());
    let picture = request.uri().path() == super::DECODE;
    let fits = kind.as_deref().is_none_or(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if picture {
            kind.starts_with("image/") || kind == "application/octet-stream"
        } else {
            kind == "application/json"
        }
    });
    if fits {
        return Ok(());
    }
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    let detail = "the body must be application/json, or a picture where one is read";
    Err(Refusal::new(status, "unsupported-media-type", detail))
}
