//! Issuers' keys over real TLS: what a key server may do, and what is made of it.

mod answers;
mod lists;
mod many;
pub(crate) mod server;
mod snapshot;
mod stale;
mod unknown;
mod unnamed;

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use multicode::family::{Algorithm, Encoding, Form};
use multicode::fetch::{
    Feed, Keeper, Origin, Pace, Remote, Renewal, Setting, WhenStale, WhenUnlisted,
};
use multicode::gateway::Matter;
use multicode::metrics::Metrics;
use multicode::sandbox::signer::SigningKey;
use multicode::time::Timestamp;
use multicode::trust::material::{self, Reading};
use multicode::trust::{Issuer, Keys, Standing};
use serde_json::{Value, json};

use self::server::{KeyServer, Reply};

/// Long enough for anything that is going to happen.
const SOON: Duration = Duration::from_secs(10);

const HOUR: Duration = Duration::from_secs(3_600);

/// An issuer's key with its private part.
pub(crate) fn make_key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

/// The set an issuer publishes.
pub(crate) fn set(keys: &[(&str, &SigningKey)]) -> String {
    let keys: Vec<_> = keys.iter().map(|(kid, key)| key.jwk(kid)).collect();
    json!({ "keys": keys }).to_string()
}

/// A compact JWS of that issuer, good for ever.
pub(crate) fn token(issuer: &str, kid: &str, key: &SigningKey, id: u64) -> String {
    let encode = |value: &Value| Encoding::Base64Url.encode(value.to_string().as_bytes());
    let header = json!({ "alg": "ES256", "kid": kid });
    let payload = json!({ "iss": issuer, "jti": format!("t{id}") });
    let signed = format!("{}.{}", encode(&header), encode(&payload));
    let signature = key.sign(Form::Raw, signed.as_bytes()).unwrap();
    let signature = Encoding::Base64Url.encode(&signature);
    format!("{signed}.{signature}")
}

/// The usual setting, with hurried files.
fn setting() -> Setting {
    Setting {
        clock: multicode::app::now,
        seed: 1,
        snapshot: None,
        pace: Pace {
            files: Duration::from_millis(50),
            ..Pace::default()
        },
        metrics: Metrics::default(),
    }
}

/// One issuer's feed.
fn feed(issuer: &str, keys: impl Into<Option<Origin>>) -> Feed {
    Feed {
        issuer: issuer.into(),
        keys: keys.into(),
        reading: Reading {
            from: material::Origin::Network,
            ..Reading::default()
        },
        revoked: Vec::new(),
        refresh: HOUR,
        max_stale: 72 * HOUR,
        when_stale: WhenStale::Reject,
        when_unlisted: WhenUnlisted::Accept,
    }
}

fn at(remote: Remote) -> Origin {
    Origin::Remote(remote)
}

/// These issuers, without keys of their own.
fn issuers(names: &[&str]) -> Keys {
    let issuer = |name: &&str| Issuer {
        id: (*name).into(),
        ..Issuer::default()
    };
    names.iter().map(issuer).collect()
}

/// A keeper that tends one issuer, `a`.
struct Tending {
    keeper: Keeper,
    keys: Arc<ArcSwap<Keys>>,
}

impl Tending {
    fn start(setting: Setting, feed: Feed) -> Self {
        let keeper = Keeper::start(setting).unwrap();
        let keys = keeper.adopt(vec![feed], issuers(&["a"])).unwrap();
        Self { keeper, keys }
    }

    /// Of the keys of that server, by the usual setting.
    fn of(server: &KeyServer) -> Self {
        Self::start(setting(), feed("a", at(server.remote("/jwks.json"))))
    }

    fn has(&self, kid: &str) -> bool {
        self.keys.load().issuer("a").unwrap().keys.has(kid)
    }

    fn standing(&self) -> Standing {
        let mut all = self.keeper.standings();
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// Why its keys could not be had the last time.
    fn error(&self) -> String {
        self.standing().last_error.unwrap_or_default().into()
    }

    fn ask(&self, kid: &str) -> Renewal {
        now(self.keeper.renew("a", Some(kid)))
    }
}

/// Waits for a future as a worker would.
fn now<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(future)
}

/// Waits until it is so.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "never came about: {what}");
        sleep(Duration::from_millis(5));
    }
}

/// A clock that a test moves.
macro_rules! clock {
    ($name:ident) => {
        mod $name {
            use std::sync::atomic::{AtomicI64, Ordering};

            use multicode::time::Timestamp;

            static NOW: AtomicI64 = AtomicI64::new(1_795_309_200);

            pub(super) fn now() -> Timestamp {
                Timestamp::from_seconds(NOW.load(Ordering::Relaxed))
            }

            pub(super) fn pass(hours: i64) {
                NOW.fetch_add(hours * 3_600, Ordering::Relaxed);
            }
        }
    };
}
use clock;

/// Whether a gateway believes the code with these keys then.
fn outcome(keys: &Keys, code: &str, now: Timestamp) -> Result<String, &'static str> {
    decided(keys, code, now).map_err(|(slug, _)| slug)
}

/// The same, and of a refused one whether newer keys are asked for.
fn decided(keys: &Keys, code: &str, now: Timestamp) -> Result<String, (&'static str, bool)> {
    use multicode::scan::{Claims, Cleaning, Scan, clean};

    let scan = Scan {
        text: clean(code, Cleaning::Scanner),
        claims: Claims::default(),
    };
    let door = crate::shipped::door();
    let decided = crate::shipped::GATEWAY.decide(
        Matter {
            scan: &scan,
            door: &door,
            keys,
        },
        now,
    );
    let decided = decided.map(|decision| decision.route.name.to_string());
    decided.map_err(|rejection| (rejection.reason.slug(), rejection.lack.is_some()))
}

/// A server that has one key, `k1`.
fn one_key() -> (KeyServer, SigningKey) {
    let key = make_key();
    let server = KeyServer::start(Reply::json(set(&[("k1", &key)])));
    (server, key)
}
