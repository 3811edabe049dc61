//! Backends: defaults applied, trust roots asked for.

use std::time::Duration;

use http::{HeaderValue, uri};
use rustls_pki_types::ServerName;

use super::{Files, Surroundings, policy};
use crate::config::diagnostic::Diagnostic;
use crate::config::file::{Upstream as Written, Weighted, Word};
use crate::config::meaning::Upstream;
use crate::config::reader::Scheme;
use crate::config::source::Spanned;
use crate::policy::Strangers;
use crate::tls::Identity;
use crate::upstream::{CONNECT_TIMEOUT, Endpoint, IDLE, Protocol, TIMEOUT};

/// Lowers every backend that is whole.
pub(super) fn lower(files: &Files, around: Surroundings<'_>) -> Vec<Upstream> {
    let written = files.shared().flat_map(|one| &one.upstreams);
    let strangers = files.main.listeners.iter().any(|(_, listener)| {
        let listener = listener.as_ref();
        let terminals = listener.and_then(|it| it.terminals);
        let anonymous = listener.and_then(|it| it.anonymous);
        terminals.is_some_and(|it| it.value == Strangers::Admit)
            && anonymous.is_some_and(|it| it.value)
    });
    let each = written.filter_map(|(name, one)| {
        let one = one.as_ref()?;
        if strangers {
            policy::unsteady(one, around);
        }
        lower_one(name, one, around)
    });
    each.collect()
}

fn lower_one(name: &Word, one: &Written, around: Surroundings<'_>) -> Option<Upstream> {
    let endpoints = one.endpoints.as_ref()?;
    if endpoints.is_empty() {
        around.error("bad-value", one.at, "\"endpoints\" names no endpoint");
    }
    let https = endpoints
        .iter()
        .find(|it| it.url.value.scheme == Scheme::Https);
    check_trust(https, one.ca.as_ref(), around);
    let timeout = one.timeout.map_or(TIMEOUT, |it| it.value);
    let part_of = |part: Option<Spanned<Duration>>, key: &str| {
        let Some(part) = part else { return timeout };
        if part.value > timeout {
            let message = format!("\"{key}\" is longer than \"timeout\", which ends it before");
            let found = Diagnostic::warning("useless-key", part.at, message);
            around.collector.push(found);
        }
        part.value.min(timeout)
    };
    Some(Upstream {
        name: name.value.as_str().into(),
        endpoints: endpoints.iter().filter_map(endpoint).collect(),
        connect_timeout: one.connect_timeout.map_or(CONNECT_TIMEOUT, |it| it.value),
        timeout,
        first_byte_timeout: part_of(one.first_byte_timeout, "first_byte_timeout"),
        idle_timeout: part_of(one.idle_timeout, "idle_timeout"),
        idle: one.idle.map_or(IDLE, |it| it.value.into()),
        policy: policy::lower(one, endpoints, around),
        protocol: protocol(one.protocol.as_ref(), around),
        ca: one.ca.as_ref().map(|ca| around.folder.join(&ca.value)),
        identity: identity(one, https.is_some(), around),
        server_name: server_name(one, https.is_some(), around),
    })
}

fn check_trust(https: Option<&Weighted>, ca: Option<&Word>, around: Surroundings<'_>) {
    match (https, ca) {
        (Some(https), None) => {
            let message = "an https endpoint needs \"ca\": nobody is trusted by default";
            let found = Diagnostic::error("no-trust-root", https.url.at, message);
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
}

fn protocol(written: Option<&Word>, around: Surroundings<'_>) -> Protocol {
    match written.map(|word| (word, &*word.value)) {
        None | Some((_, "http1")) => Protocol::Http1,
        Some((_, "http2")) => Protocol::Http2,
        Some((word, _)) => {
            let message = "\"protocol\" is \"http1\" or \"http2\"";
            around.error("bad-value", word.at, message);
            Protocol::default()
        }
    }
}

/// Whom we say we are: both files or none, and only over TLS.
fn identity(one: &Written, https: bool, around: Surroundings<'_>) -> Option<Identity> {
    match (&one.cert, &one.key) {
        (Some(cert), Some(key)) => {
            useless_without_https("cert", cert, https, around);
            Some(Identity {
                cert: around.folder.join(&cert.value),
                key: around.folder.join(&key.value),
            })
        }
        (Some(alone), None) | (None, Some(alone)) => {
            let message = "a client certificate needs both \"cert\" and \"key\"";
            around.error("missing-key", alone.at, message);
            None
        }
        (None, None) => None,
    }
}

fn server_name(one: &Written, https: bool, around: Surroundings<'_>) -> Option<String> {
    let name = one.server_name.as_ref()?;
    useless_without_https("server_name", name, https, around);
    if ServerName::try_from(name.value.as_str()).is_err() {
        let message = "\"server_name\" is no name a certificate can be for";
        around.error("bad-value", name.at, message);
        return None;
    }
    Some(name.value.clone())
}

fn useless_without_https(key: &str, word: &Word, https: bool, around: Surroundings<'_>) {
    if !https {
        let message = format!("\"{key}\" is for https endpoints, of which there is none");
        let found = Diagnostic::warning("useless-key", word.at, message);
        around.collector.push(found);
    }
}

fn endpoint(weighted: &Weighted) -> Option<Endpoint> {
    let written = &weighted.url.value;
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
        weight: weighted.weight.map_or(1, |it| it.value),
    })
}
