//! Holding requests to the limits, and saying how they stand.
//!
//! The address is asked about before a body is read, the terminal as soon as it is known, the
//! issuer once the code is believed. Every limit that was asked stands in the answer.

use std::cell::Cell;
use std::time::Instant;

use bytes::BytesMut;
use http::Version;
use http::header::{HeaderMap, HeaderName};
use http::request::Parts;

use super::body;
use super::exchange::Exchange;
use super::headers::Client;
use super::ink::{Ink, value};
use super::respond::{Connection, Refusal, whole_seconds};
use super::site::{Entrance, Site};
use super::visit::Visit;
use crate::gateway::Decision;
use crate::limit::{Flight, Limit, Limits, Quota, Standing, Verdict};
use crate::reason::Reason;
use crate::server::{Peer, RequestBody};

/// How much is left (draft-ietf-httpapi-ratelimit-headers-11, section 4).
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// How much there is (the same, section 3).
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The longest that one of them says: a name, two numbers and their marks for each limit.
const TOLD: usize = Limit::ALL.len() * 64;

/// How the limits stand that one request met, in the order of [`Limit::ALL`].
#[derive(Debug, Default)]
pub struct Standings(Cell<[Option<Standing>; Limit::ALL.len()]>);

/// Takes a request on, or refuses it before its body is read. It is under way until the guard is
/// dropped; the body is given back.
pub(super) async fn enter<'s>(
    site: &'s Site,
    entrance: &Entrance,
    peer: &Peer,
    (parts, body): (&Parts, RequestBody),
    visit: &Visit,
) -> Result<(Flight<'s>, RequestBody), Refusal> {
    let flight = site.shared.flights.begin(site.in_flight);
    let entered = flight
        .map_err(|_| Refusal::from(Reason::Overloaded))
        .and_then(|flight| {
            hold(site, visit, |limits, now| {
                limits.address(client(peer, parts, entrance).address, now)
            })?;
            Ok(flight)
        });
    match entered {
        Ok(flight) => Ok((flight, body)),
        Err(refusal) => {
            let connection = after(parts, body).await;
            Err(Refusal {
                connection,
                ..refusal
            })
        }
    }
}

/// Holds a request to its terminal's rate.
pub(super) fn terminal(exchange: &Exchange<'_>) -> Result<(), Refusal> {
    let name = exchange.caller.name();
    hold(exchange.site, exchange.visit, |limits, now| {
        let client = client(exchange.peer, exchange.parts, exchange.entrance);
        limits.terminal(name, client.address, now)
    })
}

/// Holds a code that is believed to its issuer's rate.
pub(super) fn issuer(decision: &Decision<'_>, exchange: &Exchange<'_>) -> Result<(), Refusal> {
    let Some(issuer) = decision.verified.issuer() else {
        return Ok(());
    };
    let held = hold(exchange.site, exchange.visit, |limits, now| {
        limits.issuer(&issuer.id, now)
    });
    held.map_err(|refusal| Refusal {
        family: Some(decision.verified.code().family.id.clone()),
        issuer: Some(issuer.id.clone()),
        ..refusal
    })
}

/// Who sent a request first.
pub(super) fn client(peer: &Peer, parts: &Parts, entrance: &Entrance) -> Client {
    let proxies = &entrance.trusted_proxies;
    Client::of(peer.address.ip(), &parts.headers, proxies)
}

/// What becomes of the connection of a request whose body nobody wants. Where all of it is here
/// already, as with nearly every scan, the connection goes on: a new one, with its handshake, would
/// be more work than the scan. Otherwise reading on would be work for nothing.
pub(super) async fn after(parts: &Parts, unwanted: RequestBody) -> Connection {
    // Over HTTP/2 the stream ends, and nothing else.
    if parts.version == Version::HTTP_2 || body::is_here(unwanted, &parts.headers).await {
        Connection::Kept
    } else {
        Connection::Closed
    }
}

/// Holds a request to a rule, by the time that was read last.
fn hold(
    site: &Site,
    visit: &Visit,
    rule: impl FnOnce(&Limits, Instant) -> Verdict,
) -> Result<(), Refusal> {
    if !site.limits.limit_anything() {
        return Ok(());
    }
    match rule(&site.limits, visit.now()) {
        Verdict::Unlimited => Ok(()),
        Verdict::Admitted(standing) => {
            visit.standings.note(standing);
            Ok(())
        }
        Verdict::Refused(standing) => {
            visit.standings.note(standing);
            site.shared.counts.refused(standing.limit);
            Err(refusal(standing))
        }
    }
}

impl Standings {
    fn note(&self, standing: Standing) {
        let mut all = self.0.get();
        if let Some(place) = all.get_mut(standing.limit.index()) {
            *place = Some(standing);
        }
        self.0.set(all);
    }

    /// Says how the limits stand. A department's own word about its limits, which are none of the
    /// terminal's business, gives way.
    pub(super) fn tell(&self, headers: &mut HeaderMap, ink: &Ink) {
        let all = self.0.get();
        if all.iter().all(Option::is_none) {
            return;
        }
        let policies = ink.write(TOLD, |text| {
            for (limit, Quota { units, per }) in
                all.iter().flatten().map(|it| (it.limit, it.rate.quota))
            {
                item(
                    text,
                    limit,
                    [(b'q', units.get().into()), (b'w', per.seconds().into())],
                );
            }
        });
        let levels = ink.write(TOLD, |text| {
            for standing in all.iter().flatten() {
                let more = whole_seconds(standing.more_in);
                item(
                    text,
                    standing.limit,
                    [(b'r', standing.left.into()), (b't', more)],
                );
            }
        });
        headers.insert(RATE_LIMIT_POLICY, value(policies));
        headers.insert(RATE_LIMIT, value(levels));
    }
}

/// Adds an item to a list of them (RFC 9651, section 3.1), with its parameters.
fn item(text: &mut BytesMut, limit: Limit, parameters: [(u8, u64); 2]) {
    if !text.is_empty() {
        text.extend_from_slice(b", ");
    }
    text.extend_from_slice(b"\"");
    text.extend_from_slice(limit.name().as_bytes());
    text.extend_from_slice(b"\"");
    for (key, number) in parameters {
        text.extend_from_slice(&[b';', key, b'=']);
        text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }
}

fn refusal(
    Standing {
        limit,
        rate,
        more_in,
        ..
    }: Standing,
) -> Refusal {
    let whose = match limit {
        Limit::Address => "one address",
        Limit::Issuer => "one issuer's codes",
        Limit::Terminal => "one terminal",
    };
    let (quota, burst) = (rate.quota, rate.burst);
    let detail = format!("expected at most {quota} of {whose}, {burst} at once");
    Refusal {
        retry_after: Some(more_in),
        ..Refusal::because(Reason::RateLimited, detail)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderValue;

    use super::*;
    use crate::limit::Rate;

    fn standing(limit: Limit, left: u32, more_in: Duration) -> Standing {
        let rate = Rate::even(Quota::parse("50/s").unwrap());
        Standing {
            limit,
            rate,
            left,
            more_in,
        }
    }

    #[track_caller]
    fn check(refusal: &Refusal, retry_after: Option<&str>) {
        let response = refusal.response(&HeaderValue::from_static("1"));
        let said = response.headers().get("retry-after");
        assert_eq!(said.map(|said| said.to_str().unwrap()), retry_after);
        let line = retry_after.map_or_else(String::new, |it| format!("\r\nretry-after: {it}\r\n"));
        let message = refusal.message();
        let message = str::from_utf8(&message).unwrap();
        assert!(message.contains(&line), "{message}");
        assert_eq!(
            message.matches("retry-after").count(),
            usize::from(retry_after.is_some())
        );
    }

    #[test]
    fn the_time_to_wait_is_rounded_up_to_seconds() {
        let after = |millis| refusal(standing(Limit::Address, 0, Duration::from_millis(millis)));
        check(&after(1), Some("1"));
        check(&after(1_000), Some("1"));
        check(&after(1_001), Some("2"));
        check(&after(3_600_000), Some("3600"));
    }

    #[test]
    fn who_is_told_to_come_back_is_told_when() {
        check(&Reason::RateLimited.into(), Some("1"));
        check(&Reason::Overloaded.into(), Some("1"));
        check(&Reason::UpstreamUnreachable.into(), Some("1"));
        check(&Reason::Expired.into(), None);
        check(&Reason::NoRoute.into(), None);
    }

    #[test]
    fn limits_are_told_in_one_order_whenever_they_were_asked() {
        let standings = Standings::default();
        let mut headers = HeaderMap::new();
        let ink = Ink::default();
        standings.tell(&mut headers, &ink);
        assert!(headers.is_empty());
        standings.note(standing(Limit::Terminal, 12, Duration::from_millis(20)));
        standings.note(standing(Limit::Address, 0, Duration::from_secs(7)));
        standings.tell(&mut headers, &ink);
        assert_eq!(
            headers["ratelimit"],
            "\"address\";r=0;t=7, \"terminal\";r=12;t=1"
        );
        assert_eq!(
            headers["ratelimit-policy"],
            "\"address\";q=50;w=1, \"terminal\";q=50;w=1"
        );
    }
}
