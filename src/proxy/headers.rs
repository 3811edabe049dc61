//! Which headers travel on.
//!
//! A client's header never reaches a department under a name the gateway uses itself: not in
//! another case, not with underscores (which CGI and its heirs take for dashes), not by way of
//! `Connection`.

use std::cell::RefCell;
use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use rustc_hash::FxHashMap;

use crate::identity::is_bearer;
use crate::route::Told;

/// The prefix of the gateway's own headers.
const OWN_PREFIX: &str = "x-multicode-";

/// Headers of one hop (RFC 9110, section 7.6.1, and what older proxies treat so), and those the
/// engine writes anew.
const HOP: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What proves a terminal here and nobody else anything: a department could pass itself off as the
/// terminal with it.
const PROOFS: [&str; 3] = ["signature", "signature-input", "x-api-key"];

/// Connection headers without a name in the `http` crate.
const OLD_HOP: [&str; 2] = ["keep-alive", "proxy-connection"];

/// Headers that say where a request came from; only trusted proxies are believed.
const ORIGIN: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
];

/// What the gateway adds to a department's request, so that there is room for it: names of the request and its
/// client, what was found out, what frames it, and some of the route's own.
const ADDED: usize = 16;

/// Copies what may travel from a terminal to a department; `own` are the names the route writes.
pub fn to_upstream(from: &HeaderMap, own: &[(HeaderName, Told)]) -> HeaderMap {
    let mut kept = HeaderMap::with_capacity(from.len() + ADDED);
    let nominating = from.contains_key(header::CONNECTION);
    for (name, value) in from {
        let is_origin = || ORIGIN.iter().any(|origin| same(origin, name.as_str()));
        let is_own = || own.iter().any(|(own, _)| same(own.as_str(), name.as_str()));
        if travels(name, from, nominating) && !is_origin() && !is_own() && !proves(name, value) {
            kept.append(name, value.clone());
        }
    }
    kept
}

/// Whether a header is a terminal's proof. An `Authorization` of another scheme than ours is the
/// department's.
fn proves(name: &HeaderName, value: &HeaderValue) -> bool {
    let bearer = || same("authorization", name.as_str()) && is_bearer(value.as_bytes());
    PROOFS.iter().any(|proof| same(proof, name.as_str())) || bearer()
}

/// Takes away what must not travel from a department to a terminal.
pub fn from_upstream(headers: &mut HeaderMap) {
    let nominating = headers.contains_key(header::CONNECTION);
    let ends_here = |name: &&HeaderName| {
        // It names others, and goes last.
        let stays = [header::CONNECTION, header::CONTENT_LENGTH].contains(name);
        !stays && !travels(name, headers, nominating)
    };
    // Few answers have any, and an empty list takes no memory.
    let ending: Vec<HeaderName> = headers.keys().filter(ends_here).cloned().collect();
    for name in ending {
        headers.remove(name);
    }
    headers.remove(header::CONNECTION);
}

/// `nominating`: there is a `Connection` header at all, which few requests have.
fn travels(name: &HeaderName, all: &HeaderMap, nominating: bool) -> bool {
    let start = name.as_str().get(..OWN_PREFIX.len());
    let own = start.is_some_and(|start| same(start, OWN_PREFIX));
    let of_this_hop = HOP.contains(name) || OLD_HOP.contains(&name.as_str());
    !(own || of_this_hop || nominating && nominated(name, all))
}

/// Whether `Connection` says that the header is for this hop only.
fn nominated(name: &HeaderName, all: &HeaderMap) -> bool {
    let mut lists = all
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok());
    lists.any(|list| {
        list.split(',')
            .any(|item| item.trim().eq_ignore_ascii_case(name.as_str()))
    })
}

/// Whether two header names are one to a backend that takes underscores for dashes.
fn same(ours: &str, theirs: &str) -> bool {
    let dash = |byte: u8| if byte == b'_' { b'-' } else { byte };
    ours.len() == theirs.len()
        && ours
            .bytes()
            .zip(theirs.bytes())
            .all(|(a, b)| dash(a) == dash(b))
}

/// Who sent a request first, as far as trusted proxies tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
}

impl Client {
    /// Walks `X-Forwarded-For` from its end for as long as the addresses are trusted proxies.
    pub fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
        let mut address = peer.to_canonical();
        if !is_trusted(&address) {
            return Self { address };
        }
        let lists = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok());
        let hops: Vec<_> = lists
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .collect();
        for hop in hops.into_iter().rev() {
            let Ok(earlier) = hop.parse::<IpAddr>() else {
                break;
            };
            address = earlier.to_canonical();
            if !is_trusted(&address) {
                break;
            }
        }
        Self { address }
    }

    /// Who asks, in both spellings (RFC 7239 and the older one).
    fn announcement(self, scheme: &'static str) -> [HeaderValue; 3] {
        let address = self.address.to_string();
        let forwarded = match self.address {
            IpAddr::V4(_) => format!("for={address};proto={scheme}"),
            IpAddr::V6(_) => format!("for=\"[{address}]\";proto={scheme}"),
        };
        // An address has no character a header value could not carry.
        let value = |text| {
            HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
        };
        [
            value(forwarded),
            value(address),
            HeaderValue::from_static(scheme),
        ]
    }
}

/// The announcements of one worker's recent clients: a kept-alive terminal is spelled out once.
#[derive(Debug, Default)]
pub struct Announcements(RefCell<FxHashMap<(Client, &'static str), [HeaderValue; 3]>>);

/// Clients remembered; a worker serves as many connections at most, and forgetting costs little.
const REMEMBERED: usize = 4_096;

impl Announcements {
    /// Tells a department who asks.
    pub fn write(&self, client: Client, scheme: &'static str, headers: &mut HeaderMap) {
        let mut known = self.0.borrow_mut();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let values = known
            .entry((client, scheme))
            .or_insert_with(|| client.announcement(scheme));
        let names = ["forwarded", "x-forwarded-for", "x-forwarded-proto"];
        for (name, value) in names.into_iter().zip(values) {
            headers.insert(HeaderName::from_static(name), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(headers: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        };
        headers.iter().map(pair).collect()
    }

    #[test]
    fn own_hop_and_origin_headers_do_not_travel_in_any_spelling() {
        let sent = map(&[
            ("X-Multicode-Kind", "spoofed"),
            ("x_multicode_kind", "spoofed"),
            ("X-Code-Kind", "spoofed"),
            ("x_code-kind", "spoofed"),
            ("Connection", "keep-alive, x-secret , X-Multicode-Kind"),
            ("X-Secret", "hop"),
            ("Keep-Alive", "5"),
            ("TE", "trailers"),
            ("Host", "gw"),
            ("Content-Length", "3"),
            ("X-Forwarded-For", "1.2.3.4"),
            ("X_Forwarded_For", "1.2.3.4"),
            ("Forwarded", "for=1.2.3.4"),
            ("Content-Type", "application/json"),
            ("Accept", "*/*"),
        ]);
        let own = [(HeaderName::from_static("x-code-kind"), Told::Kind)];
        let kept = to_upstream(&sent, &own);
        let names: Vec<_> = kept.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-type", "accept"]);
    }

    #[test]
    fn an_answer_keeps_its_length_and_loses_what_is_ours() {
        let mut answer = map(&[
            ("x-multicode-reason", "expired"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("set-cookie", "a=1"),
        ]);
        from_upstream(&mut answer);
        let mut names: Vec<_> = answer.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "set-cookie"]);
    }

    #[track_caller]
    fn check_client(peer: &str, forwarded: &[(&str, &str)], expected: &str) {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let client = Client::of(peer.parse().unwrap(), &map(forwarded), &trusted);
        assert_eq!(client.address.to_string(), expected);
    }

    #[test]
    fn only_trusted_proxies_may_speak_for_others() {
        check_client(
            "192.0.2.1",
            &[("x-forwarded-for", "198.51.100.7")],
            "192.0.2.1",
        );
        check_client(
            "10.0.0.1",
            &[("x-forwarded-for", "198.51.100.7")],
            "198.51.100.7",
        );
        check_client(
            "10.0.0.1",
            &[("x-forwarded-for", "1.1.1.1, 198.51.100.7, 10.0.0.2")],
            "198.51.100.7",
        );
        check_client(
            "10.0.0.1",
            &[
                ("x-forwarded-for", "1.1.1.1"),
                ("x-forwarded-for", "198.51.100.7"),
            ],
            "198.51.100.7",
        );
        check_client(
            "10.0.0.1",
            &[("x-forwarded-for", "not an address, 10.0.0.3")],
            "10.0.0.3",
        );
        check_client("::ffff:10.0.0.1", &[], "10.0.0.1");
    }
}
