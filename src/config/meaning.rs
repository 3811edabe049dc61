//! What the files mean: no names left to resolve, no default left to apply.
//!
//! The core's part is the core's own types; the rest is plain data that `app` hands to the edge.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::secrets::Secret;
use super::source::Place;
use super::written::Written;
use crate::audit::Form;
use crate::family::{Family, Kind, Region};
use crate::fetch::Feed;
use crate::fetch::Introspection;
use crate::gateway::{Door, Parts};
use crate::limit::Rates;
use crate::policy::Proving;
use crate::proxy::extract::Adapter;
use crate::proxy::landing::Landing;
use crate::reason::Reason;
use crate::scan::Cleaning;
use crate::server::{Address, Senders};
use crate::time::Timestamp;
use crate::tls::{Identity, ServerFiles};
use crate::trust::{Introspected, Keys};
use crate::upstream::{Endpoint, Policy, Protocol};

/// A whole configuration.
#[derive(Debug)]
pub struct Config {
    /// What decisions are made with.
    pub gateway: Parts,
    /// The issuers and their keys.
    pub keys: Keys,
    /// What is kept fresh for the issuers.
    pub feeds: Vec<Feed>,
    /// The folder where fetched keys are kept for a start without their servers.
    pub snapshot: Option<PathBuf>,
    /// Families that are kept in order but claim nothing.
    pub templates: Vec<Family>,
    /// Where terminals come in.
    pub listeners: Vec<Listener>,
    /// Where operators come in.
    pub admin: Option<Admin>,
    /// How much, and for how long.
    pub limits: Limits,
    /// Where used codes and outcomes are kept.
    pub state: State,
    /// What is told of scans.
    pub telemetry: Telemetry,
    /// Where it is kept who scanned what, and what came of it.
    pub audit: Option<Audit>,
    /// How fast requests may come.
    pub rates: Rates,
    /// The backends; routes name them by their place here.
    pub upstreams: Vec<Upstream>,
    /// The issuers' platforms that are asked about codes; families name them by their place here.
    pub introspections: Vec<Introspection>,
    /// Requests that terminals send already.
    pub adapters: Vec<Adapter>,
    /// Pages behind the code on the wall.
    pub landings: Vec<Landing>,
    /// What the departments expect of their routes.
    pub trials: Vec<Trial>,
    /// The files it was read from, as operators may see them.
    pub written: Arc<Written>,
}

/// Where terminals come in.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its name.
    pub name: Box<str>,
    /// Where it listens.
    pub address: Address,
    /// Who may come to a Unix socket, as permission bits.
    pub mode: u32,
    /// Who says first whose connection it is.
    pub proxied: Senders,
    /// What it asks of a scan.
    pub door: Door,
    /// Whether terminals must prove who they are.
    pub proving: Proving,
    /// Whether scanner artefacts are taken off.
    pub cleaning: Cleaning,
    /// Whose word about the client's address counts.
    pub trusted_proxies: Vec<IpNet>,
    /// The longest body.
    pub body_limit: usize,
    /// Its certificates; none: plain text.
    pub tls: Option<Tls>,
}

/// Where operators come in, and who they are.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether tokens are named at all; if not, they are made.
    pub named: bool,
    /// What those show who may look.
    pub viewer: Option<Secret>,
    /// What those show who may also act.
    pub operator: Option<Secret>,
    /// The names it may be called by, beside addresses and `localhost`.
    pub hosts: Box<[Box<str>]>,
}

/// What a listener shows, and whose certificates it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Where it was written.
    pub at: Place,
    /// The files.
    pub files: ServerFiles,
}

/// How much, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a request's head.
    pub header_timeout: Duration,
    /// For a request's body.
    pub body_timeout: Duration,
    /// Bytes a second a request's body must come at.
    pub body_rate: usize,
    /// Between two requests.
    pub idle_timeout: Duration,
    /// For what is under way when the gateway stops.
    pub drain_timeout: Duration,
    /// Open connections.
    pub connections: usize,
    /// Of one client; 0: as many as it wants.
    pub connections_per_address: usize,
    /// Threads; 0: one a core.
    pub workers: usize,
    /// Whether usual HTTP/1.1 messages take the short way.
    pub fast_lane: bool,
    /// Requests under way, over all workers.
    pub in_flight: usize,
}

/// Requests under way unless the files say otherwise. Where every department hangs until its five
/// seconds are over, eight hundred scans a second are taken on, which no hospital has; with a body
/// and a department's connection each, they fit a machine of a gigabyte. It is less than
/// the connections allowed, so that there are some left to be told to come back.
const IN_FLIGHT: usize = 4_096;

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(10),
            body_rate: 1_024,
            idle_timeout: Duration::from_secs(75),
            drain_timeout: Duration::from_secs(20),
            connections: 10_000,
            // Behind one address may stand a whole hospital.
            connections_per_address: 0,
            workers: 0,
            fast_lane: true,
            in_flight: IN_FLIGHT,
        }
    }
}

/// Where used codes and outcomes are kept.
#[derive(Clone, Debug)]
pub struct State {
    /// The place.
    pub place: StatePlace,
    /// What records are sealed and named with; none if it is not set.
    pub key: Option<Secret>,
    /// How long outcomes are kept.
    pub keep: Duration,
    /// How soon the same scan again is the scanner reading twice; zero: never.
    pub double_read: Duration,
    /// The largest answer that is kept whole.
    pub answer_limit: usize,
    /// One-time codes remembered at most.
    pub claims: usize,
}

/// What is told of scans.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// The share of scans that get a line in the log; refusals always do.
    pub logged: f64,
    /// What pseudonyms are made with; without one, a key of the process alone.
    pub pseudonym_key: Option<Secret>,
    /// How long a person has the same pseudonym.
    pub pseudonym_period: Duration,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            logged: 1.0,
            pseudonym_key: None,
            // A complaint is looked into within weeks; nobody can be followed for years.
            pseudonym_period: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// A place for used codes and outcomes.
#[derive(Clone, Debug)]
pub enum StatePlace {
    /// A file of this gateway's own.
    File(PathBuf),
    /// This process, for as long as it lives.
    Memory,
    /// Redis or Valkey, which several gateways share.
    Redis {
        /// Where its servers are, `redis://host:port/database`, tried in turn until one is a primary.
        addresses: Vec<Box<str>>,
        /// The only trust root of `rediss://` addresses, PEM.
        ca: Option<PathBuf>,
        /// As whom.
        username: Option<Box<str>>,
        /// By which password.
        password: Option<Secret>,
        /// What its keys begin with, so that two sites may share one server.
        prefix: Box<str>,
    },
}

impl Default for State {
    fn default() -> Self {
        Self {
            place: StatePlace::Memory,
            key: None,
            // A terminal that was off over night still finds its answer.
            keep: Duration::from_secs(24 * 60 * 60),
            // People do not present one code twice within two seconds; scanners do.
            double_read: Duration::from_secs(2),
            answer_limit: 16 * 1024,
            // Some 200 MiB when full; a province at its busiest holds 1.8 million.
            claims: 4_194_304,
        }
    }
}

/// How the audit trail is kept.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Where.
    pub folder: PathBuf,
    /// What this gateway is called there; none: as the machine.
    pub node: Option<Box<str>>,
    /// What signs it.
    pub key: AuditKey,
    /// How long it is kept.
    pub keep: Duration,
    /// Bytes after which another file begins.
    pub segment: u64,
    /// The age at which another file begins.
    pub rotate: Duration,
    /// How long a record stays unsigned.
    pub checkpoint: Duration,
    /// Bytes of the disk that only what must be written may take.
    pub least_free: u64,
    /// How long a scan waits for the disk.
    pub patience: Duration,
    /// Where it is sent as well.
    pub ships: Vec<Ship>,
}

/// What signs the audit trail.
#[derive(Clone, Debug)]
pub enum AuditKey {
    /// A key of the folder's own.
    Own,
    /// This seed; none if it is not set.
    Named(Option<Secret>),
}

/// A place the audit trail is sent to.
#[derive(Clone, Debug)]
pub struct Ship {
    /// Its name.
    pub name: Box<str>,
    /// A name or an address, without brackets.
    pub host: Box<str>,
    /// The port.
    pub port: u16,
    /// Path and query.
    pub path: Box<str>,
    /// The only trust root, PEM; none: clear text.
    pub ca: Option<PathBuf>,
    /// What is sent.
    pub form: Form,
    /// A header with a secret.
    pub token: Option<(Box<str>, Secret)>,
}

/// A backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its name.
    pub name: Box<str>,
    /// Where it is; at least one.
    pub endpoints: Vec<Endpoint>,
    /// For a connection.
    pub connect_timeout: Duration,
    /// Until the answer's end.
    pub timeout: Duration,
    /// Until the answer's head.
    pub first_byte_timeout: Duration,
    /// Between two parts of the answer's body.
    pub idle_timeout: Duration,
    /// Connections kept open a worker.
    pub idle: usize,
    /// What is spoken.
    pub protocol: Protocol,
    /// The only trust root of `https` endpoints, PEM.
    pub ca: Option<PathBuf>,
    /// Who we say we are.
    pub identity: Option<Identity>,
    /// Whose certificate is expected, if not the endpoint's host's.
    pub server_name: Option<String>,
    /// How its endpoints are chosen from, spared and watched.
    pub policy: Policy,
}

/// A `[[test]]` of a route file.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Its name.
    pub name: Box<str>,
    /// Where it was written.
    pub at: Place,
    /// The text.
    pub code: TrialCode,
    /// The scene the scan names.
    pub scene: Option<Box<str>>,
    /// The terminal the scan names.
    pub terminal: Option<Box<str>>,
    /// The organisation the scan names.
    pub organisation: Option<Box<str>>,
    /// The region the scan names.
    pub region: Option<Box<str>>,
    /// The time of the scan.
    pub now: Timestamp,
    /// What the issuer's platform says, where its word is needed.
    pub platform: Arc<Introspected>,
    /// What must come out.
    pub expect: Expect,
}

/// Where a test's text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialCode {
    /// It is made for the time of the scan.
    Mint {
        /// The family.
        family: Box<str>,
        /// The issuer; none: whichever has a key.
        issuer: Option<Box<str>>,
        /// Where its holder is insured; none: wherever.
        region: Option<Region>,
        /// What is wrong with it; one of [`FLAWS`].
        flaw: Option<Box<str>>,
    },
    /// It is written in the file.
    Text(Box<str>),
}

/// What can be wrong with a minted code.
pub const FLAWS: [&str; 5] = ["none", "expired", "not-yet-valid", "tampered", "foreign"];

/// What must come out of a test; what is `None` may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// The route.
    pub route: Option<Box<str>>,
    /// The backend.
    pub upstream: Option<Box<str>>,
    /// The family.
    pub family: Option<Box<str>>,
    /// The kind.
    pub kind: Option<Kind>,
    /// The reason of the refusal; without one the scan must be decided.
    pub reason: Option<Reason>,
}
