//! Who sends a request: what it shows, held against the registry in force.
//!
//! Certificate, API key and the head's signature are settled before a body is read, the content that
//! was signed as soon as it is here. Every request is judged anew: a terminal that is taken out of the
//! registry is nobody on the connections that it has open, too.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use http::Version;
use http::header;
use http::request::Parts;

use super::limits::{self, after};
use super::respond::{Connection, Refusal};
use super::site::{Entrance, Site};
use crate::identity::{Certificate, Failed, Head, Heard, Nonces, Proven, Scheme, Sort, Unproven};
use crate::limit::{Budget, Per, Quota, Rate};
use crate::metrics::{Judged, ProofCounts};
use crate::policy::Proving;
use crate::reason::Reason;
use crate::server::{Peer, RequestBody};
use crate::time::Timestamp;

/// Proofs that fail, a minute and address. A terminal with the wrong key, or several behind one
/// address, are told so often; whoever goes on is told to wait instead and loses the connection, so
/// that each further try costs a new one. Nobody is refused for it whose own proof holds: behind one
/// address stands a whole hospital.
const FAILURES: NonZeroU32 = match NonZeroU32::new(30) {
    Some(failures) => failures,
    None => NonZeroU32::MIN,
};

/// What is kept of proofs over all configurations; clones share it.
#[derive(Clone, Debug)]
pub struct Vouching(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    nonces: Nonces,
    failures: Budget,
    counts: ProofCounts,
}

impl Vouching {
    /// Nothing was shown before `began`.
    pub fn new(counts: ProofCounts, began: Instant) -> Self {
        let quota = Quota {
            units: FAILURES,
            per: Per::Minute,
        };
        Self(Arc::new(Kept {
            nonces: Nonces::default(),
            failures: Budget::new(Rate::even(quota), began),
            counts,
        }))
    }

    /// What a request is told whose proof fails. A proof that holds and was taken back, or is of
    /// another terminal than the next, is nobody's guess.
    fn refuse(&self, address: IpAddr, sort: Option<Sort>, why: &Unproven) -> Refusal {
        let Kept {
            failures, counts, ..
        } = &*self.0;
        let judged = match why {
            Unproven::Revoked => Judged::Revoked,
            _ => Judged::Failed,
        };
        counts.judged(sort, judged);
        let reason = why.reason();
        if reason == Reason::TerminalUnproven
            && sort.is_some()
            && let Err(pause) = failures.spend(address, Instant::now())
        {
            let detail = format!("expected at most {FAILURES}/min proofs of one address to fail");
            return Refusal {
                retry_after: Some(pause),
                connection: Connection::Closed,
                ..Refusal::because(Reason::RateLimited, detail)
            };
        }
        Refusal::because(reason, why.to_string())
    }
}

/// What a request has to go through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate<'s> {
    pub(super) site: &'s Site,
    pub(super) entrance: &'s Entrance,
    pub(super) peer: &'s Peer,
}

impl<'s> Gate<'s> {
    /// Hears who sends a request, by its head, or refuses it before its body is read. The body is
    /// given back.
    pub(super) async fn hear(
        self,
        (parts, body): (&Parts, RequestBody),
        now: Timestamp,
    ) -> Result<(Heard<'s>, RequestBody), Refusal> {
        match self.judge(parts, now) {
            Ok(heard) => Ok((heard, body)),
            Err((sort, why)) => {
                let refusal = self.refuse(parts, sort, &why);
                let connection = match refusal.connection {
                    Connection::Closed => Connection::Closed,
                    Connection::Kept => after(parts, body).await,
                };
                Err(Refusal {
                    connection,
                    ..refusal
                })
            }
        }
    }

    fn judge(self, parts: &Parts, now: Timestamp) -> Result<Heard<'s>, (Option<Sort>, Unproven)> {
        let book = self.site.gateway.terminals().book();
        let heard = book.hear(&head(parts, self.peer), now);
        match heard.map_err(|(sort, why): Failed| (Some(sort), why))? {
            Heard::Nobody if self.entrance.proving == Proving::Required => {
                Err(match self.peer.certificate {
                    Some(_) => (Some(Sort::Certificate), Unproven::StrangeCertificate),
                    None => (None, Unproven::Missing),
                })
            }
            heard => Ok(heard),
        }
    }

    /// Who sends a request, now that its content is here.
    pub(super) fn settle(
        self,
        heard: Heard<'s>,
        (parts, content): (&Parts, &[u8]),
        now: Timestamp,
    ) -> Result<Option<Proven<'s>>, Refusal> {
        let kept = &self.site.shared.vouching.0;
        let proven = match heard {
            Heard::Nobody => None,
            Heard::Proven(proven) => Some(proven),
            Heard::Signed(signed) => {
                let proven = signed.over(content, &kept.nonces, now);
                let refuse = |why| self.refuse(parts, Some(Sort::Signature), &why);
                Some(proven.map_err(refuse)?)
            }
        };
        let sort = proven.map(|proven| proven.by());
        kept.counts.judged(sort, Judged::Held);
        Ok(proven)
    }

    fn refuse(self, parts: &Parts, sort: Option<Sort>, why: &Unproven) -> Refusal {
        let client = limits::client(self.peer, parts, self.entrance);
        let vouching = &self.site.shared.vouching;
        vouching.refuse(client.address, sort, why)
    }
}

/// A request's head as it proves something. Whether the connection is encrypted, and how, is known
/// of it alone: no header of a proxy says it.
fn head<'a>(parts: &'a Parts, peer: &'a Peer) -> Head<'a> {
    let certificate = peer.certificate.as_ref().map(|it| Certificate {
        sha256: &it.sha256,
        names: &it.names,
        ends: it.ends,
    });
    Head {
        method: &parts.method,
        scheme: if peer.tls {
            Scheme::Https
        } else {
            Scheme::Http
        },
        authority: authority(parts),
        path: parts.uri.path(),
        query: parts.uri.query(),
        headers: &parts.headers,
        certificate,
    }
}

/// Whom a request is for: of its target, else of `Host`; nobody where HTTP/2 has both and they differ
/// (RFC 9113, section 8.3.1). Over HTTP/1.1 that was refused before.
fn authority(parts: &Parts) -> Option<&str> {
    let host = parts.headers.get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok());
    match (parts.uri.authority(), host) {
        (Some(target), Some(host))
            if parts.version == Version::HTTP_2 && !target.as_str().eq_ignore_ascii_case(host) =>
        {
            None
        }
        (Some(target), _) => Some(target.as_str()),
        (None, host) => host,
    }
}
