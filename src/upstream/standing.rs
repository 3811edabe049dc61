//! How the backends stand, as operators are told.

use std::time::Duration;

use super::Fleet;
use super::fleet::Crew;
use super::moment::Moment;

/// One backend.
#[derive(Clone, Debug)]
pub struct UpstreamStanding {
    /// Its name.
    pub name: String,
    /// What is spoken.
    pub protocol: &'static str,
    /// How its endpoints are chosen from.
    pub balance: &'static str,
    /// Requests that wait for room.
    pub queued: u32,
    /// Its endpoints, in their order.
    pub endpoints: Vec<EndpointStanding>,
}

/// One endpoint of a backend.
#[derive(Clone, Debug)]
pub struct EndpointStanding {
    /// Its host and port as in the files.
    pub name: Box<str>,
    /// Whether it is used as usual.
    pub up: bool,
    /// Why it is not.
    pub why: Option<&'static str>,
    /// What its breaker does.
    pub breaker: &'static str,
    /// How long it still gets nothing, if it is ejected.
    pub ejected_for: Option<Duration>,
    /// Requests under way.
    pub in_flight: u32,
    /// Requests that may be.
    pub limit: u32,
    /// Its weight.
    pub weight: u32,
    /// What became of requests so far, each with its word.
    pub requests: Vec<(&'static str, u64)>,
}

impl Fleet {
    /// How the backends in force stand.
    pub fn standings(&self) -> Vec<UpstreamStanding> {
        let now = self.now();
        self.crews()
            .iter()
            .map(|crew| standing(crew, now))
            .collect()
    }
}

fn standing(crew: &Crew, now: Moment) -> UpstreamStanding {
    let policy = &crew.config.policy;
    let endpoints = crew.members.iter().zip(&crew.config.endpoints);
    let endpoints = endpoints.map(|(member, endpoint)| {
        let until = member.ejected_until(now);
        EndpointStanding {
            name: member.name.clone(),
            up: member.is_well(),
            why: match (member.is_well(), member.is_down()) {
                (true, _) => None,
                (false, true) => Some("fails its checks"),
                (false, false) => Some("is ejected"),
            },
            breaker: member.breaker_state(),
            ejected_for: until.map(|until| until.since(now)),
            in_flight: member.in_flight(),
            limit: policy.at_once,
            weight: endpoint.weight,
            requests: member.counts.so_far().collect(),
        }
    });
    UpstreamStanding {
        name: crew.config.name.clone(),
        protocol: crew.config.protocol.name(),
        balance: policy.balance.name(),
        queued: crew.group.queue.length(),
        endpoints: endpoints.collect(),
    }
}
