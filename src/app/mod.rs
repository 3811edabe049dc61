//! From a configuration to a running gateway: the only place that wires.
//!
//! Addresses are bound before anything is served, so that a start that cannot succeed fails whole.
//! The clock and the randomness of the process enter here.

mod audit;
mod books;
mod doors;
mod error;
mod exclusive;
mod material;
mod telling;
mod upstreams;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

pub use self::audit::{AuditFolder, audit};
pub use self::books::moment;
use self::doors::Doors;
pub use self::error::StartError;
pub use self::exclusive::Exclusive;
pub use self::material::{Material, changed};
pub use self::telling::Telling;
pub use self::upstreams::upstreams;
use crate::config::{Config, Limits};
use crate::fetch::{Introspection, Platform};
use crate::fetch::{Keeper, Pace, Setting};
use crate::gateway::Gateway;
use crate::metrics::{Known, Metrics};
use crate::proxy::{Entrance, Proxy, Shared, Site, SiteConfig};
use crate::server::{Address, Inherited, Passed, Running};
use crate::telemetry::Sink;
use crate::telemetry::Traces;
use crate::time::Timestamp;

/// Addresses given on the command line, which stand above the files'.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// For the first listener.
    pub listen: Option<Address>,
    /// For the admin listener.
    pub admin: Option<SocketAddr>,
    /// Threads that serve terminals.
    pub workers: Option<usize>,
    /// Whether usual HTTP/1.1 messages take the short way.
    pub fast_lane: Option<bool>,
}

/// A gateway with its addresses bound, serving nobody yet.
#[derive(Debug)]
pub struct App {
    doors: Doors,
    exclusive: Vec<Box<dyn Exclusive>>,
    sites: Arc<ArcSwap<Site>>,
    metrics: Metrics,
    telling: Telling,
    drain: Duration,
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
        let material = Material::read(&config)?;
        let (inherited, traces) = (Inherited::default(), Traces::default());
        Self::build_beside(config, material, overrides, inherited, &traces)
    }

    /// The same with what was read of the files that `config` names, and with sockets that were passed
    /// to this process; only the other addresses are bound. Traces are exported if they say so.
    pub fn build_beside(
        config: Config,
        material: Material,
        overrides: Overrides,
        inherited: Inherited,
        traces: &Traces,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::default();
        let fast_lane = overrides.fast_lane.unwrap_or(config.limits.fast_lane);
        let mut doors = Doors::open(&config, overrides, inherited, &metrics)?;
        let (drain, connections) = (config.limits.drain_timeout, config.limits.connections);
        let keeper = Keeper::start(Setting {
            clock: now,
            seed: seed()?,
            snapshot: config.snapshot.clone(),
            pace: Pace::default(),
            metrics: metrics.clone(),
        });
        let keeper = keeper.map_err(StartError::Worker)?;
        let state = config.state.clone();
        let scenes = config.gateway.scenes.iter();
        let most_replicas = scenes.map(|it| it.care.replicas).max().unwrap_or_default();
        let books = books::open(&state, &material, most_replicas, metrics.state())?;
        let books = Arc::new(books);
        let audit = config.audit.as_ref();
        let audit = audit.map(|written| audit::audit(written, metrics.audit()));
        let audit = audit.transpose()?;
        let mut shared = Shared {
            audit: audit.clone(),
            audit_written: material.audit.clone(),
            rules: Arc::clone(doors.server.rules()),
            fronts: doors.fronts.clone(),
            fast_lane,
            ..Shared::new(keeper, Arc::clone(&books), &metrics, Instant::now())
        };
        let (exporter, sampling) = telling::exporter(traces, &metrics);
        shared.telemetry.sampling = sampling;
        shared.telemetry.own_key = telling::own_key()?;
        let telemetry = shared.telemetry.clone();
        let mut others: Vec<Box<dyn Sink>> = exporter.into_iter().collect();
        if let Some(audit) = audit.clone() {
            others.push(Box::new(audit));
        }
        let telling = Telling::begin(telemetry, &metrics, others);
        let site = site(config, material, &metrics, shared)?;
        metrics.reloaded(true, now());
        let ledger = books::LedgerFile::of(state, &books);
        let audit = audit.map(AuditFolder::boxed);
        doors.hold_to_descriptors(connections);
        Ok(Self {
            doors,
            exclusive: ledger.into_iter().chain(audit).collect(),
            sites: Arc::new(ArcSwap::from_pointee(site)),
            metrics,
            telling: telling.map_err(StartError::Worker)?,
            drain,
        })
    }

    /// The addresses terminals may use, in the order of the listeners.
    pub fn addresses(&self) -> &[Address] {
        self.doors.server.addresses()
    }

    /// The address operators may use.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.doors.admin.as_ref()?.local_addr().ok()
    }

    /// The operators' listener, not yet served.
    pub fn admin(&self) -> io::Result<Option<TcpListener>> {
        let admin = self.doors.admin.as_ref();
        admin.map(TcpListener::try_clone).transpose()
    }

    /// Every listening socket, for a successor.
    pub fn passed(&self) -> io::Result<Vec<Passed>> {
        self.doors.passed()
    }

    /// The configuration in force.
    pub const fn sites(&self) -> &Arc<ArcSwap<Site>> {
        &self.sites
    }

    /// The counters.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Who is told of scans.
    pub const fn telling(&self) -> &Telling {
        &self.telling
    }

    /// How long requests under way may take at the end.
    pub const fn drain(&self) -> Duration {
        self.drain
    }

    /// Whether something here may be open in one process only, so that a predecessor must have
    /// ended its work first.
    pub fn is_exclusive(&self) -> bool {
        !self.exclusive.is_empty()
    }

    /// Opens what only one process may hold: after everything else that can fail, before anybody
    /// is served. Blocks.
    pub fn before_serving(&mut self) -> Result<(), StartError> {
        self.exclusive.iter_mut().try_for_each(|it| {
            it.acquire().map_err(|source| StartError::Exclusive {
                name: it.name().into(),
                source,
            })
        })
    }

    /// Lets go of what only one process may hold, the last one first. To be called when no worker
    /// runs any more. Blocks.
    pub fn drained(&mut self) {
        self.telling.finish();
        self.exclusive.iter_mut().rev().for_each(|it| it.release());
    }

    /// Starts the workers. The addresses stay bound when they have ended, and others can be
    /// started: see [`leave`](Self::leave).
    pub fn launch(&self) -> Result<Running, StartError> {
        let sites = Arc::clone(&self.sites);
        let seeds = seed()?;
        let running = self.doors.server.start(move |worker| {
            let seed = seeds
                ^ u64::try_from(worker.index)
                    .unwrap_or_default()
                    .wrapping_mul(0xD1B5_4A32_D192_ED03);
            Proxy::new(Arc::clone(&sites), worker, seed, now)
        });
        running.map_err(StartError::Worker)
    }

    /// Takes away the files of Unix sockets: nobody comes after this process. To be called before
    /// the addresses are given up.
    pub fn remove_files(&mut self) {
        self.doors.server.remove_files();
    }

    /// Gives up the terminals' addresses; workers that still accept there keep them until they end.
    pub fn leave(&mut self) {
        self.doors.server.leave();
    }

    /// Starts the workers, for as long as the process lives.
    pub fn start(mut self) -> Result<Started, StartError> {
        self.before_serving()?;
        Ok(Started {
            running: self.launch()?,
            admin: self.doors.admin,
            sites: self.sites,
            metrics: self.metrics,
            telling: self.telling,
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
    /// Who is told of scans.
    pub telling: Telling,
    /// How long requests under way may take at the end.
    pub drain: Duration,
}

/// Turns a configuration, and what was read of the files it names, into what the proxy works with.
/// No file is read any more.
pub fn site(
    config: Config,
    material: Material,
    metrics: &Metrics,
    shared: Shared,
) -> Result<Site, StartError> {
    let Material {
        mut upstreams,
        certificates,
        ..
    } = material;
    for upstream in &mut upstreams {
        // The command line may have overruled the files.
        upstream.fast_lane = shared.fast_lane;
    }
    let entrances = config.listeners.iter().map(|listener| Entrance {
        name: listener.name.clone(),
        written: listener.address.clone(),
        door: listener.door.clone(),
        proving: listener.proving,
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
    certificates.show(&shared.fronts, metrics);
    // This forgets the series of what the files no longer name.
    let known = keys.load();
    let handles = metrics.handles(&Known {
        gateway: &gateway,
        issuers: &known.issuers().map(|it| &*it.id).collect::<Vec<_>>(),
        upstreams: &names(&config.upstreams, |it| &it.name),
        introspections: &names(&config.introspections, |it| &it.name),
    });
    let platforms = platforms_by(&digests, config.introspections, metrics);
    let Limits {
        body_timeout,
        body_rate,
        in_flight,
        ..
    } = config.limits;
    let logged = config.telemetry.logged;
    let rules = doors::rules(&config.listeners, config.limits);
    let config = SiteConfig {
        gateway,
        keys,
        upstreams,
        platforms,
        entrances,
        adapters: config.adapters,
        landings: config.landings,
        body_timeout,
        body_rate,
        rates: config.rates,
        in_flight,
        pseudonyms: telling::pseudonyms(&config.telemetry, &shared.telemetry.own_key),
        shared,
    };
    config.shared.telemetry.logged.set(logged);
    config.shared.rules.store(Arc::new(rules));
    Ok(Site::new(config, handles))
}

fn names<T>(all: &[T], name: impl Fn(&T) -> &str) -> Vec<&str> {
    all.iter().map(name).collect()
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

/// Random bits of the system, for sequences nobody may guess.
pub fn seed() -> Result<u64, StartError> {
    let mut seed = [0; 8];
    SystemRandom::new()
        .fill(&mut seed)
        .map_err(|_| StartError::Randomness)?;
    Ok(u64::from_ne_bytes(seed))
}
