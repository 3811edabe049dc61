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
use crate::server::{self, AddressError};

/// An address and a port to listen on.
pub(crate) fn socket_address(value: Value<'_>) -> Option<Spanned<SocketAddr>> {
    let expected = "an address and a port such as \"127.0.0.1:8080\"";
    parsed(value, expected, |text| text.parse().ok())
}

/// An address and a port, or the path of a Unix socket.
pub(crate) fn listening_address(value: Value<'_>) -> Option<Spanned<server::Address>> {
    let DeValue::String(text) = value.get() else {
        return value.mismatch("an address and a port such as \"127.0.0.1:8080\"");
    };
    match text.parse() {
        Ok(address) => Some(Spanned::new(address, value.at())),
        Err(AddressError::Form) => value
            .invalid("must be an address and a port such as \"127.0.0.1:8080\", or \"unix:/PATH\""),
        Err(error) => value.invalid(&format!("is no address: {error}")),
    }
}

/// Who passes connections on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Whoever is there.
    Network(IpNet),
    /// Whoever comes over the listener's Unix socket.
    Unix,
}

/// A network, or `"unix"`.
pub(crate) fn sender(value: Value<'_>) -> Option<Spanned<Sender>> {
    if let DeValue::String(text) = value.get()
        && text == "unix"
    {
        return Some(Spanned::new(Sender::Unix, value.at()));
    }
    cidr(value).map(|network| network.map(Sender::Network))
}

/// Permission bits, `"0660"`.
pub(crate) fn mode(value: Value<'_>) -> Option<Spanned<u32>> {
    let expected = "permission bits such as \"0660\", with those of the owner to read and write";
    parsed(value, expected, |text| {
        let digits = text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
        let bits = u32::from_str_radix(text, 8).ok()?;
        (digits && bits <= 0o777 && bits & 0o600 == 0o600).then_some(bits)
    })
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
    let usual = match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    };
    let Some((host, port)) = host_and_port(&uri, usual) else {
        return value.invalid("must name a port between 1 and 65535");
    };
    let endpoint = Endpoint { scheme, host, port };
    Some(Spanned::new(endpoint, value.at()))
}

/// The host without brackets, and the port; `None` if what stands there is no port.
fn host_and_port(uri: &http::Uri, usual: u16) -> Option<(String, u16)> {
    let authority = uri.authority()?;
    let host = authority.host();
    let port = match authority.as_str().rsplit_once(host)?.1 {
        "" => usual,
        _ => authority.port_u16().filter(|port| *port > 0)?,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host.to_owned(), port))
}

/// Where something is sent: scheme, host, port, path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// Scheme, host and port.
    pub(crate) endpoint: Endpoint,
    /// Path and query; begins with a slash.
    pub(crate) path: String,
}

/// Reads `http://HOST[:PORT]/PATH[?QUERY]`, or the same with `https`.
pub(crate) fn destination(value: Value<'_>) -> Option<Spanned<Destination>> {
    const EXPECTED: &str = "an address such as \"https://logs.example.gov.cn/v1/logs\"";
    let DeValue::String(text) = value.get() else {
        return value.mismatch(EXPECTED);
    };
    if text.contains(['@', '#']) {
        value.context().mask(value.at());
        return value.invalid("must hold no user, password or fragment");
    }
    let parse = || {
        let uri: http::Uri = text.parse().ok()?;
        let (scheme, usual) = match uri.scheme_str()? {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            _ => return None,
        };
        let (host, port) = host_and_port(&uri, usual)?;
        Some(Destination {
            endpoint: Endpoint { scheme, host, port },
            path: uri.path_and_query()?.to_string(),
        })
    };
    match parse() {
        Some(destination) => Some(Spanned::new(destination, value.at())),
        None => value.invalid(&format!("must be {EXPECTED}")),
    }
}

/// A resource of a server that is spoken to with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// A name or an address, without brackets.
    pub(crate) host: String,
    /// The port; 443 if none was written.
    pub(crate) port: u16,
    /// Path and query; begins with a slash.
    pub(crate) path: String,
}

impl Address {
    /// Reads `https://HOST[:PORT]/PATH[?QUERY]`; else says what it must be, or must not hold.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str =
            "must be an address such as \"https://keys.example.gov.cn/jwks.json\"";
        let uri: http::Uri = text.parse().map_err(|_| EXPECTED)?;
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") => return Err("must begin with https: over http anybody could answer"),
            _ => return Err(EXPECTED),
        }
        if text.contains(['@', '#']) {
            return Err("must hold no user, password or fragment");
        }
        let (host, port) =
            host_and_port(&uri, 443).ok_or("must name a port between 1 and 65535")?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let path = path.to_owned();
        Ok(Self { host, port, path })
    }
}

/// A resource of a server.
pub(crate) fn address(value: Value<'_>) -> Option<Spanned<Address>> {
    let DeValue::String(text) = value.get() else {
        return value.mismatch("a string");
    };
    match Address::parse(text) {
        Ok(address) => Some(Spanned::new(address, value.at())),
        Err(complaint) => {
            if text.contains('@') {
                value.context().mask(value.at());
            }
            value.invalid(complaint)
        }
    }
}
