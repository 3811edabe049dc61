//! Backends: defaults applied, trust roots asked for.

use http::{HeaderValue, uri};

use super::{Files, Surroundings};
use crate::config::diagnostic::Diagnostic;
use crate::config::file::{Upstream as Written, Word};
use crate::config::meaning::Upstream;
use crate::config::reader::{Endpoint as WrittenEndpoint, Scheme};
use crate::upstream::{CONNECT_TIMEOUT, Endpoint, IDLE, TIMEOUT};

/// Lowers every backend that is whole.
pub(super) fn lower(files: &Files, around: Surroundings<'_>) -> Vec<Upstream> {
    let written = files.shared().flat_map(|one| &one.upstreams);
    let each = written.filter_map(|(name, one)| lower_one(name, one.as_ref()?, around));
    each.collect()
}

fn lower_one(name: &Word, one: &Written, around: Surroundings<'_>) -> Option<Upstream> {
    let endpoints = one.endpoints.as_ref()?;
    if endpoints.is_empty() {
        around.error("bad-value", one.at, "\"endpoints\" names no endpoint");
    }
    let https = endpoints.iter().find(|it| it.value.scheme == Scheme::Https);
    match (https, &one.ca) {
        (Some(https), None) => {
            let message = "an https endpoint needs \"ca\": nobody is trusted by default";
            let found = Diagnostic::error("no-trust-root", https.at, message);
            let help = "write ca = \"certs/upstream-ca.pem\" beside the endpoints";
            around.collector.push(found.help(help));
        }
        (None, Some(ca)) => {
            let message = "\"ca\" is for https endpoints, of which there is none";
            let found = Diagnostic::warning("useless-key", ca.at, message);
            around.collector.push(found);
        }
        _ => {}
    }
    Some(Upstream {
        name: name.value.as_str().into(),
        endpoints: endpoints
            .iter()
            .filter_map(|it| endpoint(&it.value))
            .collect(),
        connect_timeout: one.connect_timeout.map_or(CONNECT_TIMEOUT, |it| it.value),
        timeout: one.timeout.map_or(TIMEOUT, |it| it.value),
        idle: one.idle.map_or(IDLE, |it| it.value.into()),
        ca: one.ca.as_ref().map(|ca| around.folder.join(&ca.value)),
    })
}

fn endpoint(written: &WrittenEndpoint) -> Option<Endpoint> {
    let (scheme, usual) = match written.scheme {
        Scheme::Http => (uri::Scheme::HTTP, 80),
        Scheme::Https => (uri::Scheme::HTTPS, 443),
    };
    let host = if written.host.contains(':') {
        format!("[{}]", written.host)
    } else {
        written.host.clone()
    };
    // RFC 9110, section 4.2.3: the port is left out where it is the scheme's own.
    let authority = if written.port == usual {
        host
    } else {
        format!("{host}:{}", written.port)
    };
    Some(Endpoint {
        scheme,
        host: written.host.clone(),
        port: written.port,
        authority: HeaderValue::try_from(authority).ok()?,
    })
}
