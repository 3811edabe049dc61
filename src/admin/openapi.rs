//! The description of the operators' paths (`OpenAPI` 3.1), made of the handlers themselves.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, OpenApi as Document, SecurityRequirement};
use utoipa::{Modify, OpenApi};

use super::{config, events, health, keys, lab, overview, topology};

/// What stands in it.
#[derive(OpenApi)]
#[openapi(
    info(title = "multicode admin", description = "What operators see of a running gateway and may do there.", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    servers((url = "http://127.0.0.1:9090", description = "[admin] address")),
    tags(
        (name = "open", description = "For everybody who reaches the listener."),
        (name = "viewer", description = "With either token."),
        (name = "operator", description = "With the operator's token."),
    ),
    paths(
        health::livez, health::readyz, health::metrics, health::version, document,
        overview::session, overview::overview, overview::audit,
        events::events, events::recent, events::refusals,
        keys::keys, keys::refresh, keys::outcomes,
        topology::routes, topology::families, topology::scenes, topology::upstreams,
        config::config, config::diff, config::history, config::reload, config::drain,
        lab::explain, lab::decode, lab::mint,
    ),
    modifiers(&Tokens),
)]
struct Paths;

/// Every path takes a token unless it says otherwise.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_with(Components::new);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
        let none: [&str; 0] = [];
        document.security = Some(vec![SecurityRequirement::new("token", none)]);
    }
}

/// The description as text.
pub fn text() -> String {
    let mut text = Paths::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "open", security(()), responses(
    (status = 200, description = "OpenAPI 3.1.", body = Object)))]
pub(super) async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text()).into_response()
}
