//! The store that several gateways share, in Redis or Valkey.
//!
//! [`link`] is the thread that talks to it: lanes carry orders in batches, a watch looks at the
//! server every second ([`greet`], [`check`]) and keeps the [`fence`], and what could not be written
//! is made up for ([`owed`]). What has to be one step is one [`script`]. A reservation, [`held`], is
//! known by a token of its own, so that a call whose answer was lost is made again without harm and
//! whoever has lost a reservation changes nothing.

mod board;
mod check;
mod fence;
mod greet;
mod held;
mod keys;
mod lane;
mod link;
mod owed;
mod script;
mod stored;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::{Client, IntoConnectionInfo, TlsCertificates, Value};
use zeroize::Zeroizing;

pub use self::board::Reach;
pub use self::check::Trouble;
use self::greet::Context;
pub(super) use self::held::Held;
use self::keys::Keys;
use self::lane::{Answered, Call, Failed, letter, part, text};
use self::link::Link;
use self::script::Which;
use self::stored::{Known, Stored};
use super::seals::Unsealable;
use super::{About, Away, Claim, Entry, Name, Reserved, Seals, Standing, Ticket};
use crate::time::{Moment, Timestamp};

/// Where Redis is, and what is kept there.
#[derive(Clone)]
pub struct RedisSetting {
    /// URLs, `redis://` or `rediss://`, tried in turn until one is a primary.
    pub addresses: Vec<Box<str>>,
    /// As whom, if they ask; else as the default user.
    pub username: Option<Box<str>>,
    /// By which password, if they ask for one.
    pub password: Option<Zeroizing<String>>,
    /// The authority of their certificates, PEM; else those of the system.
    pub ca: Option<Box<[u8]>>,
    /// What sets these gateways apart from others on the same server.
    pub prefix: Box<str>,
    /// How long records are kept.
    pub keep: Duration,
    /// Within which the same again is a double read.
    pub double_read: Duration,
    /// Within which every call is answered.
    pub budget: Duration,
    /// The most replicas any scene asks for; fewer are told to operators.
    pub replicas: u8,
    /// Now.
    pub clock: fn() -> Moment,
    /// For what must differ from gateway to gateway: its reservations and its pauses.
    pub seed: u64,
}

impl RedisSetting {
    /// With everything else as it is by default.
    pub fn new(addresses: Vec<Box<str>>, clock: fn() -> Moment, seed: u64) -> Self {
        Self {
            addresses,
            username: None,
            password: None,
            ca: None,
            prefix: "main".into(),
            keep: Duration::from_secs(24 * 60 * 60),
            double_read: Duration::from_secs(2),
            budget: Duration::from_millis(200),
            replicas: 0,
            clock,
            seed,
        }
    }
}

impl fmt::Debug for RedisSetting {
    /// Without the addresses, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSetting")
            .field("addresses", &self.addresses.len())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Redis cannot be used, whatever it answers.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// That is no address. It is not shown, as it may hold a password.
    #[error("address {0} is not understood, expected redis://host:port or rediss://host:port")]
    Address(usize),
    /// There is nobody to ask.
    #[error("no address is given")]
    NoAddress,
    /// It has no thread.
    #[error("its thread cannot be started")]
    Thread(#[source] io::Error),
}

/// Records and claims in Redis or Valkey; clones are handles to the same connections, which end
/// with the last.
#[derive(Clone, Debug)]
pub struct Redis {
    link: Arc<Link>,
    seals: Arc<Seals>,
    instance: u64,
    double_read: Duration,
}

impl Redis {
    /// Starts its thread and waits a moment for the first contact. Without one it is away until the
    /// server comes. Blocks.
    pub fn start(setting: &RedisSetting, seals: Arc<Seals>) -> Result<Self, RedisError> {
        let mut clients = Vec::new();
        for (address, at) in setting.addresses.iter().zip(0..) {
            clients.push(client(address, setting).map_err(|_| RedisError::Address(at))?);
        }
        if clients.is_empty() {
            return Err(RedisError::NoAddress);
        }
        let context = Context {
            clients,
            keys: Keys::new(&setting.prefix),
            scripts: script::Scripts::default(),
            board: board::Board::default(),
            clock: setting.clock,
            keep: setting.keep,
            budget: setting.budget,
            replicas: setting.replicas,
        };
        let link = Link::start(context, setting.seed).map_err(RedisError::Thread)?;
        Ok(Self {
            link: Arc::new(link),
            seals,
            instance: setting.seed,
            double_read: setting.double_read,
        })
    }

    /// How it stands with the server, for metrics and readiness.
    pub fn reach(&self) -> Reach {
        self.link.context.board.reach()
    }

    pub(super) fn seals(&self) -> &Seals {
        &self.seals
    }

    pub(super) async fn look(
        &self,
        name: Name,
        fingerprint: Option<Name>,
        now: Moment,
    ) -> Result<Option<Standing>, Away> {
        let Some(own) = self.stored(name).await? else {
            return Ok(None);
        };
        let other = match &own {
            Stored::Elsewhere(_, other) => self.stored(*other).await?,
            _ => None,
        };
        Ok(Known::new(own, other).standing(fingerprint, now.wall))
    }

    async fn stored(&self, name: Name) -> Result<Option<Stored>, Away> {
        let call = Call::Get(self.link.context.keys.record(name));
        let answered = self.link.ask(call, 0).await.map_err(|_| Away)?;
        Ok(text(&answered.value).map(|bytes| Stored::read(bytes, name, &self.seals)))
    }

    pub(super) async fn reserve(&self, entry: Entry, now: Moment) -> Result<Reserved, Away> {
        let mut held = Held::new(self, entry, now);
        if held.is_recorded() {
            return self.reserve_all(held, now).await;
        }
        if let Some(claim) = held.entry().claim {
            return self.reserve_claim(held, claim, now).await;
        }
        held.begun();
        Ok(begun(held))
    }

    /// Record, mark and claim by one script.
    async fn reserve_all(&self, mut held: Box<Held>, now: Moment) -> Result<Reserved, Away> {
        let Ok(call) = held.reservation() else {
            held.forget();
            return Err(Away);
        };
        let value = match self.link.ask(call, 0).await {
            Ok(answered) => answered.value,
            Err(failed) => return refused(held, failed),
        };
        let said = letter(&value);
        if said == Some(b'B') {
            held.begun();
            return Ok(begun(held));
        }
        held.forget();
        match said {
            Some(b'J') => {
                let first = part(&value, 1).and_then(text).and_then(stored::parse);
                first.map(Reserved::Joined).ok_or(Away)
            }
            Some(b'K') => {
                let (name, fingerprint) = (held.name(), held.entry().fingerprint);
                let known = stored::known(&value, name, &self.seals);
                // Its lease ran out between the script and now: whoever asks again has it.
                let standing = known.standing(Some(fingerprint), now.wall);
                Ok(Reserved::Known(standing.unwrap_or(Standing::InFlight)))
            }
            Some(b'P') => Ok(Reserved::Replayed),
            Some(b'O') => Ok(Reserved::Refresh),
            _ => Err(Away),
        }
    }

    /// A claim and nothing else, by one command: its name is one of a kind, so nobody else can have
    /// it as a token.
    async fn reserve_claim(
        &self,
        mut held: Box<Held>,
        claim: Claim,
        now: Moment,
    ) -> Result<Reserved, Away> {
        let context = &self.link.context;
        let key = context.keys.claim(claim.name);
        let server = context.board.server_time((context.clock)().steady);
        if fence::refuses(&claim, context.board.fence(), server) {
            held.forget();
            let found = self.link.ask(Call::Get(key), 0).await;
            return match found.map_err(|_| Away)?.value {
                Value::Nil => Ok(Reserved::Refresh),
                _ => Ok(Reserved::Replayed),
            };
        }
        // As long as its own clock says and the server's: forgotten by the server's clock, it is
        // refused by the server's clock.
        let window = held.window(now.wall).max(held.window(server));
        let token = held.name().to_string().into_bytes();
        let call = Call::Claim {
            key,
            token: token.clone(),
            window,
        };
        let Answered { value, fence, .. } = match self.link.ask(call, 0).await {
            Ok(answered) => answered,
            Err(failed) => return refused(held, failed),
        };
        held.begun();
        if value != Value::Nil && text(&value) != Some(token.as_slice()) {
            held.forget();
            return Ok(Reserved::Replayed);
        }
        if fence::refuses(&claim, fence, server) {
            return Ok(Reserved::Refresh);
        }
        Ok(begun(held))
    }

    pub(super) async fn unknown(
        &self,
        most: usize,
        now: Moment,
    ) -> Result<Vec<(Name, About)>, Away> {
        let keys = &self.link.context.keys;
        let call = Call::Run {
            which: Which::Unknown,
            keys: vec![keys.open().into()],
            args: vec![
                keys.records().into(),
                now.wall.millis().to_string().into(),
                most.to_string().into(),
            ],
        };
        let answered = self.link.ask(call, 0).await.map_err(|_| Away)?;
        let Value::Array(parts) = answered.value else {
            return Err(Away);
        };
        let mut found: Vec<_> = parts
            .chunks_exact(2)
            .filter_map(|pair| self.listed(pair, now.wall))
            .collect();
        found.sort_by_key(|(_, about)| about.since);
        Ok(found)
    }

    fn listed(&self, pair: &[Value], now: Timestamp) -> Option<(Name, About)> {
        let name = stored::parse(text(pair.first()?)?)?;
        match Stored::read(text(pair.get(1)?)?, name, &self.seals) {
            Stored::Record(record) => {
                let unknown = record.standing(None, now) == Standing::Unknown;
                unknown.then_some((name, record.about))
            }
            Stored::Elsewhere(..) => None,
            Stored::Unreadable => Some((name, About::default())),
        }
    }
}

/// What a call that failed means for a reservation. One that may yet be carried out is given back
/// when it is dropped.
fn refused(mut held: Box<Held>, failed: Failed) -> Result<Reserved, Away> {
    if failed == Failed::Down {
        held.forget();
    }
    match failed {
        Failed::Full if held.entry().claim.is_some() => Ok(Reserved::Full),
        _ => Err(Away),
    }
}

const fn begun(held: Box<Held>) -> Reserved {
    Reserved::Begun(Ticket(super::Held::Shared(held)))
}

fn client(address: &str, setting: &RedisSetting) -> redis::RedisResult<Client> {
    let info = address.into_connection_info()?;
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    let mut login = info.redis_settings().clone();
    if let Some(username) = &setting.username {
        login = login.set_username(username);
    }
    if let Some(password) = &setting.password {
        login = login.set_password(password.as_str());
    }
    let info = info.set_tcp_settings(tcp).set_redis_settings(login);
    match setting.ca.as_deref() {
        Some(ca) => Client::build_with_tls(
            info,
            TlsCertificates {
                client_tls: None,
                root_cert: Some(ca.to_vec()),
            },
        ),
        None => Client::open(info),
    }
}

impl From<Unsealable> for Away {
    fn from(_: Unsealable) -> Self {
        Self
    }
}
