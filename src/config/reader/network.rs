//! Addresses: where to listen, whom to trust, where to forward.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a reader uses its value up, so that nobody reads it twice"
)]

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use toml::de::DeValue;

use super::{Value, parsed};
use crate::config::source::Spanned;

/// An address and a port to listen on.
pub(crate) fn socket_address(value: Value<'_>) -> Option<Spanned<SocketAddr>> {
    let expected = "an address and a port such as \"127.0.0.1:8080\"";
    parsed(value, expected, |text| text.parse().ok())
}

/// A network, or one address.
pub(crate) fn cidr(value: Value<'_>) -> Option<Spanned<IpNet>> {
    parsed(value, "a network such as \"10.0.0.0/8\"", |text| {
        let one = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse::<IpNet>().or_else(|_| one()).ok()
    })
}

/// How an endpoint is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Clear text.
    Http,
    /// TLS.
    Https,
}

/// A backend's `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Clear text or TLS.
    pub(crate) scheme: Scheme,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    /// The port; the scheme's own if none was written.
    pub(crate) port: u16,
}

/// An endpoint: scheme, host, port and nothing after them, since routes and contracts say the path.
pub(crate) fn endpoint(value: Value<'_>) -> Option<Spanned<Endpoint>> {
    const EXPECTED: &str = "an endpoint such as \"http://10.0.0.11:8080\"";
    let DeValue::String(text) = value.get() else {
        return value.mismatch(EXPECTED);
    };
    let Ok(uri) = text.parse::<http::Uri>() else {
        return value.invalid(&format!("must be {EXPECTED}"));
    };
    let scheme = match uri.scheme_str() {
        Some("http") => Scheme::Http,
        Some("https") => Scheme::Https,
        _ => return value.invalid(&format!("must be {EXPECTED}")),
    };
    if text.contains('@') {
        return value.invalid("must not hold a user or password");
    }
    if uri.query().is_some() || !matches!(uri.path(), "" | "/") || text.ends_with('/') {
        return value.invalid("must end after the port: the route or contract says the path");
    }
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let after_host = text.rsplit_once(host).map_or("", |(_, rest)| rest);
    let port = match (uri.port_u16(), scheme) {
        (Some(0), _) => return value.invalid("must name a port between 1 and 65535"),
        (Some(port), _) => port,
        (None, _) if after_host.contains(':') => {
            return value.invalid("must name a port between 1 and 65535");
        }
        (None, Scheme::Http) => 80,
        (None, Scheme::Https) => 443,
    };
    let host = host.to_owned();
    let endpoint = Endpoint { scheme, host, port };
    Some(Spanned::new(endpoint, value.at()))
}
