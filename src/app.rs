//! From a configuration to a running gateway: the only place that wires.
//!
//! Addresses are bound before anything is served, so that a start that cannot succeed fails whole.
//! The clock and the randomness of the process enter here.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use rustls::ClientConfig;

use crate::config::{Config, Limits};
use crate::fetch::{Introspection, Platform};
use crate::fetch::{Keeper, KeeperGone, Pace, Setting};
use crate::gateway::Gateway;
use crate::keyfile::open_to_others;
use crate::metrics::Metrics;
use crate::proxy::respond::Refusal;
use crate::proxy::{Entrance, Proxy, Shared, Site, SiteConfig};
use crate::reason::Reason;
use crate::server::{self, BindError, Listener, Patience, Refusals, Running, Server};
use crate::time::Timestamp;
use crate::tls::{self, TlsError};
use crate::upstream::{Names, UpstreamConfig};

/// Addresses given on the command line, which stand above the files'.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    /// For the first listener.
    pub listen: Option<SocketAddr>,
    /// For the admin listener.
    pub admin: Option<SocketAddr>,
    /// Threads that serve terminals.
    pub workers: Option<usize>,
}

/// A gateway with its addresses bound, serving nobody yet.
#[derive(Debug)]
pub struct App {
    server: Server,
    admin: Option<TcpListener>,
    sites: Arc<ArcSwap<Site>>,
    metrics: Metrics,
    drain: Duration,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The admin address is taken or not ours.
    #[error("cannot listen on {address} for operators")]
    Admin {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A terminals' address is taken or not ours.
    #[error("cannot listen for terminals")]
    Bind(#[from] BindError),
    /// Keys would never change.
    #[error(transparent)]
    Keys(#[from] KeeperGone),
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    Randomness,
    /// A certificate or key cannot be used.
    #[error("cannot use the certificates of listener {listener}")]
    Tls {
        /// The listener's name.
        listener: Box<str>,
        /// What is wrong with them.
        #[source]
        source: Box<TlsError>,
    },
    /// The trust roots of a department cannot be used.
    #[error("cannot use the trust roots of upstream {upstream}")]
    Trust {
        /// The upstream's name.
        upstream: Box<str>,
        /// What is wrong with them.
        #[source]
        source: Box<TlsError>,
    },
    /// A worker could not be started.
    #[error("cannot start a worker")]
    Worker(#[source] io::Error),
}

/// Now, by the clock of the machine.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the clock enters"
)]
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl App {
    /// Binds every address of `config` and puts the rest to work.
    pub fn build(config: Config, overrides: Overrides) -> Result<Self, StartError> {
        let metrics = Metrics::default();
        let listeners = listeners(&config, overrides.listen)?;
        let server = Server::bind(server::Config {
            listeners,
            workers: overrides.workers.unwrap_or(config.limits.workers),
            connections: config.limits.connections,
            patience: Patience {
                header: config.limits.header_timeout,
                idle: config.limits.idle_timeout,
            },
            refusals: refusals(),
        })?;
        let admin = overrides
            .admin
            .or(config.admin)
            .map(bind_admin)
            .transpose()?;
        let drain = config.limits.drain_timeout;
        let keeper = Keeper::start(Setting {
            clock: now,
            seed: seed()?,
            snapshot: config.snapshot.clone(),
            pace: Pace::default(),
            metrics: metrics.clone(),
        });
        let keeper = keeper.map_err(StartError::Worker)?;
        let site = site(config, &metrics, Shared::new(keeper))?;
        metrics.reloaded(true, now());
        Ok(Self {
            server,
            admin,
            sites: Arc::new(ArcSwap::from_pointee(site)),
            metrics,
            drain,
        })
    }

    /// The addresses terminals may use, in the order of the listeners.
    pub fn addresses(&self) -> &[SocketAddr] {
        self.server.addresses()
    }

    /// The address operators may use.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
            .as_ref()
            .and_then(|listener| listener.local_addr().ok())
    }

    /// Starts the workers.
    pub fn start(self) -> Result<Started, StartError> {
        let sites = Arc::clone(&self.sites);
        let seeds = seed()?;
        let running = self.server.start(move |worker| {
            let seed = seeds
                ^ u64::try_from(worker.index)
                    .unwrap_or_default()
                    .wrapping_mul(0xD1B5_4A32_D192_ED03);
            Proxy::new(Arc::clone(&sites), worker, seed, now)
        });
        let running = running.map_err(StartError::Worker)?;
        Ok(Started {
            running,
            admin: self.admin,
            sites: self.sites,
            metrics: self.metrics,
            drain: self.drain,
        })
    }
}

/// A gateway at work.
#[derive(Debug)]
pub struct Started {
    /// The workers.
    pub running: Running,
    /// The operators' listener, bound and not yet served.
    pub admin: Option<TcpListener>,
    /// The configuration in force.
    pub sites: Arc<ArcSwap<Site>>,
    /// The counters.
    pub metrics: Metrics,
    /// How long requests under way may take at the end.
    pub drain: Duration,
}

/// Turns a configuration into what the proxy works with.
pub fn site(config: Config, metrics: &Metrics, shared: Shared) -> Result<Site, StartError> {
    let upstreams = upstreams(&config.upstreams)?;
    let entrances = config.listeners.iter().map(|listener| Entrance {
        name: listener.name.clone(),
        written: listener.address,
        door: listener.door.clone(),
        cleaning: listener.cleaning,
        trusted_proxies: listener.trusted_proxies.clone(),
        body_limit: listener.body_limit,
    });
    let entrances = entrances.collect();
    let gateway = Gateway::new(config.gateway);
    let digests = digests()?;
    let checks = shared.fleet.prepare(&upstreams);
    checks.map_err(StartError::Worker)?;
    // Last of all that can fail: from here on the keeper tends these files' issuers.
    let keys = shared.keeper.adopt(config.feeds, config.keys)?;
    let upstreams = shared.fleet.adopt(upstreams, metrics);
    // This forgets the series of the files before, so the platforms' come behind it.
    let handles = metrics.handles(&gateway);
    let platforms = platforms_by(&digests, config.introspections, metrics);
    let Limits { body_timeout, .. } = config.limits;
    let config = SiteConfig {
        gateway,
        keys,
        upstreams,
        platforms,
        entrances,
        adapters: config.adapters,
        landings: config.landings,
        body_timeout,
        shared,
    };
    Ok(Site::new(config, handles))
}

/// The platforms that are asked about codes, with nothing kept yet.
pub fn platforms(
    introspections: Vec<Introspection>,
    metrics: &Metrics,
) -> Result<Vec<Arc<Platform>>, StartError> {
    Ok(platforms_by(&digests()?, introspections, metrics))
}

fn platforms_by(
    digests: &hmac::Key,
    introspections: Vec<Introspection>,
    metrics: &Metrics,
) -> Vec<Arc<Platform>> {
    let platform = |about: Introspection| {
        let counts = metrics.introspection(&about.name);
        Arc::new(Platform::new(about, digests.clone(), counts))
    };
    introspections.into_iter().map(platform).collect()
}

/// By which codes are told apart that platforms were asked about.
fn digests() -> Result<hmac::Key, StartError> {
    let digests = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
    digests.map_err(|_| StartError::Randomness)
}

/// The backends, with whom to trust.
pub fn upstreams(configs: &[crate::config::Upstream]) -> Result<Vec<UpstreamConfig>, StartError> {
    configs.iter().map(upstream).collect()
}

fn upstream(config: &crate::config::Upstream) -> Result<UpstreamConfig, StartError> {
    let trust = |source: TlsError| StartError::Trust {
        upstream: config.name.clone(),
        source: source.into(),
    };
    Ok(UpstreamConfig {
        name: config.name.to_string(),
        endpoints: config.endpoints.clone(),
        connect_timeout: config.connect_timeout,
        timeout: config.timeout,
        first_byte_timeout: config.first_byte_timeout,
        idle_timeout: config.idle_timeout,
        idle: config.idle,
        protocol: config.protocol,
        policy: config.policy.clone(),
        tls: config
            .ca
            .as_deref()
            .map(|ca| department_tls(ca, config))
            .transpose()
            .map_err(trust)?,
        server_name: config.server_name.clone(),
        names: Names::of_the_system(),
    })
}

fn department_tls(
    ca: &Path,
    config: &crate::config::Upstream,
) -> Result<Arc<ClientConfig>, TlsError> {
    if let Some(identity) = &config.identity {
        let key = &identity.key;
        let found = std::fs::metadata(key).map_err(|source| TlsError::Read {
            path: key.clone(),
            source,
        })?;
        if let Some(mode) = open_to_others(&found) {
            let path = key.clone();
            return Err(TlsError::Open { path, mode });
        }
    }
    tls::department_config(ca, config.identity.as_ref(), config.protocol.alpn())
}

fn listeners(config: &Config, first: Option<SocketAddr>) -> Result<Vec<Listener>, StartError> {
    let overrides = std::iter::once(first).chain(std::iter::repeat(None));
    let listener = |(listener, address): (&crate::config::Listener, Option<SocketAddr>)| {
        let tls = listener
            .tls
            .as_ref()
            .map(|tls| tls::server_config(&tls.cert, &tls.key))
            .transpose();
        let tls = tls.map_err(|source| StartError::Tls {
            listener: listener.name.clone(),
            source: source.into(),
        })?;
        Ok(Listener {
            address: address.unwrap_or(listener.address),
            tls,
        })
    };
    config
        .listeners
        .iter()
        .zip(overrides)
        .map(listener)
        .collect()
}

fn bind_admin(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bind = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bind().map_err(|source| StartError::Admin { address, source })
}

fn refusals() -> Refusals {
    let message = |reason| Refusal::from(reason).message();
    Refusals {
        malformed: message(Reason::MalformedRequest),
        overloaded: message(Reason::Overloaded),
        too_large: message(Reason::TooLarge),
        too_slow: message(Reason::TooSlow),
    }
}

/// Random bits of the system, for sequences nobody may guess.
pub fn seed() -> Result<u64, StartError> {
    let mut seed = [0; 8];
    SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| StartError::Randomness)?;
    Ok(u64::from_ne_bytes(seed))
}
