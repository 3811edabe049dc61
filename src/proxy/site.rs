//! Everything the proxy knows of the configuration: one immutable snapshot.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use ipnet::IpNet;
use rustc_hash::FxHashMap;

use super::body::{Bounds, Held};
use super::extract::Adapter;
use super::forward::Words;
use super::guard::Books;
use super::landing::Landing;
use super::pictures::{MAX_PICTURE_BYTES, Pictures};
use super::proof::Vouching;
use super::respond::{self, Refusal};
use super::verifiers::Verifiers;
use crate::audit::Audit;
use crate::fetch::Keeper;
use crate::fetch::Platform;
use crate::gateway::{Door, Gateway};
use crate::limit::{Flights, Limits, Memory, Rates};
use crate::metrics::{self, Handles, Metrics};
use crate::policy::Proving;
use crate::reason::Reason;
use crate::scan::Cleaning;
use crate::server::{Address, Rules};
use crate::telemetry::{EventNames, PseudonymKey, Pseudonyms, Sampling, Trays, log};
use crate::tls::Front;
use crate::trust::Keys;
use crate::upstream::{Backends, Fleet, ResponseBody};

/// One configuration at work.
#[derive(Debug)]
pub struct Site {
    /// The decision.
    pub gateway: Gateway,
    /// The issuers' keys; they are renewed while the rest stays.
    pub keys: Arc<ArcSwap<Keys>>,
    /// The departments' backends.
    pub upstreams: Backends,
    /// The issuers' platforms that are asked about codes.
    pub platforms: Vec<Arc<Platform>>,
    /// What is asked at each listener, in their order.
    pub entrances: Vec<Entrance>,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// Bytes a second a request's body must come at.
    pub body_rate: usize,
    /// How fast requests may come.
    pub limits: Limits,
    /// How many requests may be under way.
    pub in_flight: usize,
    /// The counters.
    pub handles: Handles,
    /// Its names as header values.
    pub words: Words,
    /// Its names as events mention them.
    pub names: EventNames,
    /// Gives people other names.
    pub pseudonyms: Pseudonyms,
    /// What goes on over a reload.
    pub shared: Shared,
    adapters: FxHashMap<Box<str>, Adapter>,
    landings: FxHashMap<Box<str>, Landing>,
}

/// What is asked at one listener.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// The listener's name.
    pub name: Box<str>,
    /// Its address in the files, which the command line may have overruled.
    pub written: Address,
    /// What is asked of scans.
    pub door: Door,
    /// Whether terminals must prove who they are.
    pub proving: Proving,
    /// Whether artefacts are taken off, unless the adapter says otherwise.
    pub cleaning: Cleaning,
    /// Whom to believe about where requests come from.
    pub trusted_proxies: Vec<IpNet>,
    /// The longest body, unless the adapter says otherwise.
    pub body_limit: usize,
}

/// What the whole process has once, whichever configuration is in force.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Whoever keeps the issuers' keys fresh.
    pub keeper: Keeper,
    /// What is known of the departments' backends.
    pub fleet: Fleet,
    /// Where pictures are read.
    pub pictures: Pictures,
    /// Where heavy signatures are verified.
    pub verifiers: Verifiers,
    /// The bytes of bodies held at the moment.
    pub held: Held,
    /// What was sent, and which codes were used.
    pub books: Arc<Books>,
    /// The requests under way.
    pub flights: Flights,
    /// How the rates stood so far.
    pub memory: Memory,
    /// The counters of what was too much.
    pub counts: metrics::Limits,
    /// What is kept of terminals' proofs.
    pub vouching: Vouching,
    /// How scans are told of.
    pub telemetry: Telemetry,
    /// Whom listeners let in.
    pub rules: Arc<ArcSwap<Rules>>,
    /// The trail of who scanned what; none if the files ask for none.
    pub audit: Option<Audit>,
    /// What was written about it, as far as it may be shown.
    pub audit_written: Box<str>,
    /// What each listener speaks TLS with.
    pub fronts: Fronts,
    /// Whether departments are spoken HTTP/1.1 to by our own hand.
    pub fast_lane: bool,
}

/// What each listener speaks TLS with, in their order; none where it is plain text.
pub type Fronts = Arc<[Option<Arc<Front>>]>;

/// How scans are told of, whichever configuration is in force.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    /// Where workers lay what they have to tell.
    pub trays: Trays,
    /// Which traces are recorded.
    pub sampling: Sampling,
    /// The share of scans that get a line in the log.
    pub logged: log::Share,
    /// What pseudonyms are made with where the files name no key.
    pub own_key: PseudonymKey,
}

impl Shared {
    /// Beside this keeper and these books, with every limit at its constant; nothing was counted
    /// before `began`.
    pub fn new(keeper: Keeper, books: Arc<Books>, metrics: &Metrics, began: Instant) -> Self {
        let counts = metrics.limits();
        Self {
            telemetry: Telemetry::default(),
            rules: Arc::new(ArcSwap::from_pointee(Rules::up_to(0))),
            audit: None,
            audit_written: Box::default(),
            fronts: Fronts::default(),
            fast_lane: true,
            books,
            flights: Flights::new(counts.clone()),
            memory: Memory::new(began),
            vouching: Vouching::new(metrics.proofs(), began),
            counts,
            keeper,
            fleet: Fleet::default(),
            pictures: Pictures::counted(metrics.desks().clone()),
            verifiers: Verifiers::default(),
            held: Held::default(),
        }
    }
}

impl Site {
    /// Puts a configuration to work.
    pub fn new(mut config: SiteConfig, handles: Handles) -> Self {
        config.adapters.insert(0, Adapter::own());
        Self {
            names: names(&config),
            pseudonyms: config.pseudonyms,
            words: Words::of(&config.gateway),
            gateway: config.gateway,
            keys: config.keys,
            upstreams: config.upstreams,
            platforms: config.platforms,
            entrances: config.entrances,
            body_timeout: config.body_timeout,
            body_rate: config.body_rate,
            limits: config.shared.memory.adopt(&config.rates),
            in_flight: config.in_flight,
            handles,
            shared: config.shared,
            adapters: config
                .adapters
                .into_iter()
                .map(|adapter| (adapter.path.clone(), adapter))
                .collect(),
            landings: config
                .landings
                .into_iter()
                .map(|landing| (landing.name().into(), landing))
                .collect(),
        }
    }

    /// The adapter for a request.
    pub(super) fn adapter(&self, parts: &Parts) -> Result<&Adapter, Refusal> {
        let adapter = self
            .adapters
            .get(parts.uri.path())
            .ok_or(Reason::NotFound)?;
        if parts.method == Method::POST {
            Ok(adapter)
        } else {
            Err(Refusal::of_method("POST"))
        }
    }

    /// The requests terminals send, the gateway's own among them.
    pub fn adapters(&self) -> impl Iterator<Item = &Adapter> {
        self.adapters.values()
    }

    /// The pages behind the code on the wall.
    pub fn landings(&self) -> impl Iterator<Item = &Landing> {
        self.landings.values()
    }

    /// How long a department may take.
    pub(super) fn patience(&self, upstream: usize) -> Duration {
        self.upstreams.patience(upstream)
    }

    /// How large and how late a body may be here. A picture of a code is larger than its text.
    pub(super) fn bounds(&self, adapter: &Adapter, entrance: &Entrance, parts: &Parts) -> Bounds {
        let kind = parts
            .headers
            .get(header::CONTENT_TYPE)
            .map(HeaderValue::as_bytes)
            .unwrap_or_default();
        let is_picture = kind
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"image/"));
        let limit = match adapter.body_limit {
            Some(limit) => limit,
            None if is_picture => MAX_PICTURE_BYTES,
            None => entrance.body_limit,
        };
        Bounds {
            limit,
            time: self.body_timeout,
            rate: self.body_rate,
        }
    }

    /// Sends a person who scanned the code on the wall to the place for their app.
    pub(super) fn landing(
        &self,
        name: &str,
        parts: &Parts,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let landing = self.landings.get(name).ok_or(Reason::NotFound)?;
        if parts.method != Method::GET && parts.method != Method::HEAD {
            return Err(Refusal::of_method("GET, HEAD"));
        }
        let agent = parts
            .headers
            .get(header::USER_AGENT)
            .and_then(|agent| agent.to_str().ok());
        let location = landing.choose(agent.unwrap_or_default());
        let location = HeaderValue::from_str(location).map_err(|_| Reason::Internal)?;
        Ok(respond::redirect(StatusCode::FOUND, location))
    }
}

/// What a site is made of.
#[derive(Debug)]
pub struct SiteConfig {
    /// The decision.
    pub gateway: Gateway,
    /// The issuers' keys; they are renewed while the rest stays.
    pub keys: Arc<ArcSwap<Keys>>,
    /// The departments' backends.
    pub upstreams: Backends,
    /// The issuers' platforms that are asked about codes.
    pub platforms: Vec<Arc<Platform>>,
    /// What is asked at each listener.
    pub entrances: Vec<Entrance>,
    /// Request shapes beside `/v1/scan`.
    pub adapters: Vec<Adapter>,
    /// Codes on the wall.
    pub landings: Vec<Landing>,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// Bytes a second a request's body must come at.
    pub body_rate: usize,
    /// How fast requests may come.
    pub rates: Rates,
    /// How many requests may be under way.
    pub in_flight: usize,
    /// Gives people other names.
    pub pseudonyms: Pseudonyms,
    /// What goes on over a reload.
    pub shared: Shared,
}

/// What events may mention.
fn names(config: &SiteConfig) -> EventNames {
    let gateway = &config.gateway;
    let families = gateway.families().iter();
    let routes = gateway.routes().iter();
    EventNames {
        listeners: config.entrances.iter().map(|it| it.name.clone()).collect(),
        adapters: config.adapters.iter().map(|it| it.name.clone()).collect(),
        paths: config.adapters.iter().map(|it| it.path.clone()).collect(),
        families: families.map(|it| (it.id.clone(), it.kind.name())).collect(),
        scenes: gateway.scenes().iter().map(|it| it.name.clone()).collect(),
        routes: routes
            .map(|it| (it.name.clone(), it.action.upstream_name().map(Into::into)))
            .collect(),
        issuers: config
            .keys
            .load()
            .issuers()
            .map(|it| it.id.clone())
            .collect(),
    }
}
