//! The console: static pages in the program, which ask for nothing from anywhere else.

use std::collections::HashMap;
use std::sync::OnceLock;

use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Response as HttpResponse, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use include_dir::{Dir, include_dir};
use ring::digest::{SHA256, digest};

use super::problem::Refusal;

static CONSOLE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/console");

/// The page of a folder.
const INDEX: &str = "index.html";

/// Folders that are for those who work on the console.
const NOT_SERVED: [&str; 4] = ["dev", "tests", "test", "node_modules"];

/// What browsers are told to keep to.
const HEADERS: [(&str, &str); 8] = [
    ("cache-control", "no-cache"),
    (
        "content-security-policy",
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
         connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(self), microphone=(), geolocation=()",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// A file and what it is called by those who have it already.
struct Served {
    content: &'static [u8],
    kind: &'static str,
    tag: HeaderValue,
}

fn files() -> &'static HashMap<&'static str, Served> {
    static FILES: OnceLock<HashMap<&str, Served>> = OnceLock::new();
    FILES.get_or_init(|| {
        let mut all = HashMap::new();
        gather(&CONSOLE, &mut all);
        all
    })
}

fn gather(folder: &'static Dir<'static>, all: &mut HashMap<&'static str, Served>) {
    for file in folder.files() {
        let Some(path) = file.path().to_str() else {
            continue;
        };
        let hidden = path
            .split('/')
            .any(|it| it.starts_with('.') || NOT_SERVED.contains(&it));
        let (Some(kind), false) = (kind_of(path), hidden) else {
            continue;
        };
        let content = file.contents();
        let sum = digest(&SHA256, content);
        let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(sum));
        let tag = HeaderValue::from_str(&tag);
        let Ok(tag) = tag else { continue };
        all.insert(path, Served { content, kind, tag });
    }
    folder.dirs().for_each(|folder| gather(folder, all));
}

/// The media type by the name's ending; what has none of these is not for browsers.
fn kind_of(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

/// Leads to the console.
pub(super) async fn root() -> Response {
    let mut answer = StatusCode::FOUND.into_response();
    let headers = answer.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_static("/console/"));
    answer
}

/// The console's first page.
pub(super) async fn index(request: Request) -> Response {
    serve(INDEX, &request)
}

/// A file of the console.
pub(super) async fn file(Path(path): Path<String>, request: Request) -> Response {
    serve(&path, &request)
}

fn serve(path: &str, request: &Request) -> Response {
    let Some(file) = files().get(path) else {
        let detail = "the console has no such file";
        return Refusal::new(StatusCode::NOT_FOUND, "not-found", detail).into_response();
    };
    let mut answer = HttpResponse::new(Body::from(file.content));
    let asked = request.headers().get(header::IF_NONE_MATCH);
    let tags = asked
        .and_then(|tags| tags.to_str().ok())
        .unwrap_or_default();
    let is_known = |tag: &str| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == file.tag.as_bytes()
    };
    if tags.split(',').any(is_known) {
        answer = HttpResponse::new(Body::empty());
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind));
    headers.insert(header::ETAG, file.tag.clone());
    for (name, value) in HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    answer
}
