//! The gateway, from its URL.

use std::net::ToSocketAddrs as _;
use std::sync::Arc;

use http::Uri;

use super::{Failure, Run};
use crate::client::{Target, Trust};
use crate::letter::{Protocol, Stationery};
use crate::scenario::Scenario;

/// Where scans are posted unless the URL says otherwise.
const PATH: &str = "/v1/scan";

/// What a URL says.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) target: Target,
    pub(super) scheme: &'static str,
    authority: String,
    path: String,
}

impl Place {
    /// Resolves the host and reads what TLS needs.
    pub(super) fn of(options: &Run) -> Result<Self, Failure> {
        let url = &options.target;
        let wrong = || {
            Failure::usage(format!(
                "found target `{url}`, expected http://HOST:PORT or https://HOST:PORT"
            ))
        };
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let (scheme, port) = match uri.scheme_str() {
            Some("http") => ("http", 80),
            Some("https") => ("https", 443),
            _ => return Err(wrong()),
        };
        let host = uri.host().ok_or_else(wrong)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(port);
        let mut found = (bare, port)
            .to_socket_addrs()
            .map_err(|error| Failure::io(format!("{host}: {error}")))?;
        let address = found
            .next()
            .ok_or_else(|| Failure::io(format!("{host}: no address")))?;
        let protocol = Protocol::from(options.protocol);
        let tls = tls(options, scheme, bare)?;
        let path = match uri.path() {
            "" | "/" => PATH,
            path => path,
        };
        Ok(Self {
            scheme,
            authority: uri
                .authority()
                .map_or_else(String::new, ToString::to_string),
            path: path.to_owned(),
            target: Target {
                address,
                protocol,
                tls,
            },
        })
    }

    /// What writes the requests of a run.
    pub(super) fn stationery(&self, scenario: &Scenario, run: u64) -> Stationery {
        let place = (self.scheme, &*self.authority, &*self.path);
        Stationery::new(scenario, self.target.protocol, place, run)
    }
}

/// What TLS needs, if the target speaks it.
fn tls(options: &Run, scheme: &str, host: &str) -> Result<Option<Arc<Trust>>, Failure> {
    let protocol = Protocol::from(options.protocol);
    let identity = options.cert.as_deref().zip(options.key.as_deref());
    if (scheme, protocol) == ("http", Protocol::H2) {
        return Err(Failure::usage(
            "HTTP/2 is spoken over TLS only: --protocol h2 needs an https target",
        ));
    }
    Ok(match (scheme, &options.ca) {
        ("https", None) => {
            return Err(Failure::usage(
                "https needs --ca, the authority the gateway's certificate is of",
            ));
        }
        ("https", Some(ca)) => {
            let trust = Trust::new(host, protocol, ca, identity).map_err(Failure::io)?;
            Some(Arc::new(trust))
        }
        (_, None) if identity.is_none() => None,
        _ => {
            return Err(Failure::usage(
                "--ca, --cert and --key are of https targets only",
            ));
        }
    })
}
