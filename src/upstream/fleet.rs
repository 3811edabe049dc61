//! The backends of the process: what all workers share of them, and what goes on over a reload.
//!
//! An endpoint that stays in the files, under the same upstream, keeps its health and what is under
//! way there. Rules and weights are the configuration's.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::balance::{Balance, Ring};
use super::check;
use super::member::{Group, Member};
use super::moment::Moment;
use super::{Endpoint, UpstreamConfig};
use crate::metrics::{EndpointGauge, Metrics};
use crate::random::Random;

/// The backends of the process; clones are the same.
#[derive(Clone)]
pub struct Fleet(Arc<Inner>);

struct Inner {
    beginning: Instant,
    seeds: Arc<AtomicU64>,
    crews: Mutex<Vec<Arc<Crew>>>,
    /// Tells the one checker whom to look at; absent until there is somebody.
    checker: Mutex<Option<watch::Sender<Vec<Arc<Crew>>>>>,
}

/// One upstream of one configuration.
#[derive(Debug)]
pub(super) struct Crew {
    pub(super) config: UpstreamConfig,
    pub(super) group: Arc<Group>,
    /// In the order of the endpoints.
    pub(super) members: Vec<Arc<Member>>,
    /// For a consistent hash.
    pub(super) ring: Option<Ring>,
    beginning: Instant,
}

/// The backends of one configuration.
#[derive(Clone)]
pub struct Backends {
    pub(super) crews: Vec<Arc<Crew>>,
    seeds: Arc<AtomicU64>,
}

/// A backend of which no endpoint is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Its name.
    pub upstream: String,
    /// What is the matter with its endpoints.
    pub why: String,
}

impl Default for Fleet {
    /// Without any backend.
    fn default() -> Self {
        // Where turns begin is nobody's secret, but gateways must not all begin with the same.
        let seed = RandomState::new().hash_one(0);
        Self(Arc::new(Inner {
            beginning: Instant::now(),
            seeds: Arc::new(AtomicU64::new(seed)),
            crews: Mutex::default(),
            checker: Mutex::default(),
        }))
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fleet").field(&*self.crews()).finish()
    }
}

impl fmt::Debug for Backends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Backends").field(&self.crews).finish()
    }
}

impl Backends {
    /// How long the one at this place may take to answer.
    pub fn patience(&self, upstream: usize) -> Duration {
        let crew = self.crews.get(upstream);
        crew.map(|crew| crew.config.timeout).unwrap_or_default()
    }
}

impl Fleet {
    /// Makes sure that there is somebody to check these backends: one thread for all workers, which
    /// ends with the last clone of this value. It checks those that were adopted last.
    pub fn prepare(&self, configs: &[UpstreamConfig]) -> io::Result<()> {
        let mut checker = self.checker();
        let needed = configs.iter().any(|config| config.policy.check.is_some());
        if needed && checker.is_none() {
            *checker = Some(check::start()?);
        }
        Ok(())
    }

    /// Takes the backends of a new configuration; those of the one before are forgotten unless they
    /// are the same.
    pub fn adopt(&self, configs: Vec<UpstreamConfig>, metrics: &Metrics) -> Backends {
        let mut crews = self.crews();
        let mut new = Vec::with_capacity(configs.len());
        for config in configs {
            let before = crews.iter().find(|crew| crew.config.name == config.name);
            new.push(Arc::new(Crew::of(
                config,
                before,
                self.0.beginning,
                metrics,
            )));
        }
        forget(&crews, &new, metrics);
        crews.clone_from(&new);
        if let Some(told) = &*self.checker() {
            told.send_replace(new.clone());
        }
        Backends {
            crews: new,
            seeds: Arc::clone(&self.0.seeds),
        }
    }

    /// The backends of which no endpoint is well.
    pub fn in_trouble(&self) -> Vec<Trouble> {
        self.crews().iter().filter_map(|it| it.trouble()).collect()
    }

    /// Notes how it stands with everyone.
    pub fn note(&self, metrics: &Metrics) {
        for crew in &*self.crews() {
            metrics.upstream_stands(&crew.config.name, crew.group.queue.length());
            for member in &crew.members {
                metrics.endpoint_stands(&EndpointGauge {
                    upstream: &crew.config.name,
                    endpoint: &member.name,
                    up: member.is_well(),
                    breaker: member.breaker_state(),
                    in_flight: member.in_flight(),
                });
            }
        }
    }

    /// Now, as breakers know it.
    pub(super) fn now(&self) -> Moment {
        Moment::at(Instant::now(), self.0.beginning)
    }

    fn checker(&self) -> MutexGuard<'_, Option<watch::Sender<Vec<Arc<Crew>>>>> {
        let checker = self.0.checker.lock();
        checker.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn crews(&self) -> MutexGuard<'_, Vec<Arc<Crew>>> {
        self.0.crews.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes what is gone out of the metrics.
fn forget(before: &[Arc<Crew>], now: &[Arc<Crew>], metrics: &Metrics) {
    for gone in before {
        let name = &gone.config.name;
        let same = now.iter().find(|crew| crew.config.name == *name);
        for member in &gone.members {
            let stays = |it: &Arc<Member>| it.name == member.name;
            if !same.is_some_and(|crew| crew.members.iter().any(stays)) {
                metrics.forget_endpoint(name, &member.name);
            }
        }
        if same.is_none() {
            metrics.forget_upstream(name);
        }
    }
}

impl Backends {
    /// How the endpoints of a backend are chosen from.
    pub fn balance(&self, upstream: usize) -> Option<Balance> {
        let crew = self.crews.get(upstream)?;
        Some(crew.config.policy.balance)
    }

    /// For another turn at choosing.
    pub(super) fn random(&self) -> Random {
        Random::seeded(self.seeds.fetch_add(1, Ordering::Relaxed))
    }
}

impl Crew {
    fn of(
        config: UpstreamConfig,
        before: Option<&Arc<Self>>,
        beginning: Instant,
        metrics: &Metrics,
    ) -> Self {
        let group = before.map_or_else(
            || Arc::new(Group::new(metrics.upstream(&config.name))),
            |before| Arc::clone(&before.group),
        );
        let mut old: Vec<_> = before.map_or_else(Vec::new, |crew| {
            let members = crew.members.iter().cloned();
            crew.config.endpoints.iter().zip(members).collect()
        });
        let mut members = Vec::with_capacity(config.endpoints.len());
        for endpoint in &config.endpoints {
            let same = old.iter().position(|(it, _)| it.is_at(endpoint));
            let member = same.map_or_else(
                || {
                    let name = endpoint.name();
                    let counts = metrics.endpoint(&config.name, &name);
                    Arc::new(Member::new(name, Arc::clone(&group), counts))
                },
                |place| old.swap_remove(place).1,
            );
            if config.policy.check.is_none() {
                member.unwatched();
            }
            members.push(member);
        }
        let hashes = matches!(config.policy.balance, Balance::Hash(_));
        Self {
            ring: hashes.then(|| Ring::of(&config.endpoints)),
            config,
            group,
            members,
            beginning,
        }
    }

    /// An instant as breakers know it.
    pub(super) fn moment(&self, now: Instant) -> Moment {
        Moment::at(now, self.beginning)
    }

    fn trouble(&self) -> Option<Trouble> {
        if self.members.is_empty() || self.members.iter().any(|member| member.is_well()) {
            return None;
        }
        let of = |member: &Arc<Member>| {
            let what = if member.is_down() {
                "fails its checks"
            } else {
                "is ejected"
            };
            format!("{} {what}", member.name)
        };
        let why: Vec<_> = self.members.iter().map(of).collect();
        Some(Trouble {
            upstream: self.config.name.clone(),
            why: why.join(", "),
        })
    }
}

impl Endpoint {
    /// Its host and port, as in the files.
    pub(super) fn name(&self) -> Box<str> {
        let (host, port) = (&self.host, self.port);
        let name = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        name.into()
    }

    /// Whether it is the same address.
    fn is_at(&self, other: &Self) -> bool {
        (&self.scheme, &self.host, self.port) == (&other.scheme, &other.host, other.port)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, uri::Scheme};

    use super::super::breaker::{Eject, Pass};
    use super::super::member::Blame;
    use super::*;

    fn endpoint(port: u16, weight: u32) -> Endpoint {
        Endpoint {
            scheme: Scheme::HTTP,
            host: "127.0.0.1".into(),
            port,
            authority: HeaderValue::from_static("backend"),
            weight,
        }
    }

    fn upstream(name: &str, endpoints: &[(u16, u32)]) -> UpstreamConfig {
        let endpoints = endpoints
            .iter()
            .map(|&(port, weight)| endpoint(port, weight));
        UpstreamConfig {
            name: name.into(),
            endpoints: endpoints.collect(),
            ..UpstreamConfig::default()
        }
    }

    fn eject(member: &Member) {
        let rules = Eject {
            failures: 1,
            ..Eject::default()
        };
        let grants = || member.group.grants(9);
        let blame = member.failed(Pass::Usual, Moment::default(), &rules, grants);
        assert!(matches!(blame, Blame::Ejected(_)));
    }

    #[test]
    fn what_stays_in_the_files_keeps_its_health_over_a_reload() {
        let (fleet, metrics) = (Fleet::default(), Metrics::default());
        let first = fleet.adopt(vec![upstream("a", &[(1, 1), (2, 1)])], &metrics);
        let member = &first.crews[0].members[0];
        eject(member);
        assert!(member.sit(9));
        // Another order, another weight, another neighbour.
        let next = vec![upstream("b", &[(1, 1)]), upstream("a", &[(3, 1), (1, 5)])];
        let second = fleet.adopt(next, &metrics);
        let same = &second.crews[1].members[1];
        assert!(Arc::ptr_eq(member, same));
        assert_eq!((same.is_well(), same.in_flight()), (false, 1));
        assert!(second.crews[0].members[0].is_well(), "another upstream's");
        let third = fleet.adopt(vec![upstream("a", &[(2, 1)])], &metrics);
        assert!(third.crews[0].members[0].is_well(), "it was gone meanwhile");
    }

    #[test]
    fn what_is_gone_is_gone_from_the_metrics() {
        let (fleet, metrics) = (Fleet::default(), Metrics::default());
        fleet.adopt(vec![upstream("a", &[(1, 1), (2, 1)])], &metrics);
        fleet.note(&metrics);
        let count = |what: &str| metrics.text().matches(what).count();
        assert!(count("endpoint=\"127.0.0.1:2\"") > 10);
        fleet.adopt(vec![upstream("a", &[(1, 1)])], &metrics);
        fleet.note(&metrics);
        assert_eq!(count("endpoint=\"127.0.0.1:2\""), 0);
        assert!(count("endpoint=\"127.0.0.1:1\"") > 10);
        fleet.adopt(Vec::new(), &metrics);
        assert_eq!(count("upstream=\"a\""), 0);
    }

    #[test]
    fn a_backend_is_in_trouble_when_none_of_its_endpoints_is_well() {
        let (fleet, metrics) = (Fleet::default(), Metrics::default());
        let two = vec![upstream("a", &[(1, 1), (2, 1)]), upstream("b", &[(1, 1)])];
        let backends = fleet.adopt(two, &metrics);
        eject(&backends.crews[0].members[0]);
        assert_eq!(fleet.in_trouble(), []);
        eject(&backends.crews[0].members[1]);
        let why = "127.0.0.1:1 is ejected, 127.0.0.1:2 is ejected".into();
        let upstream = "a".into();
        assert_eq!(fleet.in_trouble(), [Trouble { upstream, why }]);
    }
}
