//! Decisions on the shipped files with a fixed `now`, one table for each paragraph of the promise.

/// When a code is over or not yet good, which key may verify, what tampering costs.
mod belief;
/// Codes that are believed on a platform's word.
mod platform;
/// What `explain` tells, as JSON.
mod story;
/// Scenes, places, regions, routes.
mod where_to;

use std::sync::Arc;
use std::time::Duration;

use multicode::family::{Algorithm, Encoding, PurposeSet, Region};
use multicode::time::Timestamp;
use multicode::trust::{Issuer, Key, KeySet, KeyWindow, Keys, Supply, Verifier};

use crate::shipped::{self, Desk, NOW};

/// The secret both algorithms' keys have, so that nothing but the algorithm tells them apart.
const SECRET: &[u8] = b"thirty-two bytes nobody will use";

/// Another issuer's.
const OTHER: &[u8] = b"another secret of thirty-two byt";

/// A code of the aggregate family, field by field.
#[derive(Clone)]
struct Aggregate {
    issuer: &'static str,
    kid: &'static str,
    region: &'static str,
    issued: i64,
    expires: i64,
    nonce: &'static str,
    health: &'static str,
    insurance: &'static str,
    payment: &'static str,
}

impl Default for Aggregate {
    /// Made now in Xiamen, good for two minutes.
    fn default() -> Self {
        Self {
            issuer: "fujian",
            kid: "sha",
            region: "350200",
            issued: NOW,
            expires: NOW + 120,
            nonce: "ldGO8MjE623otrqt",
            health: "HbNTfcgsDTTMsTAp",
            insurance: "I53XLIkVptvQb6Af",
            payment: "PoQKjs_qiD6Fvpi0",
        }
    }
}

impl Aggregate {
    fn unsigned(&self) -> String {
        let Self {
            issuer,
            kid,
            region,
            issued,
            expires,
            nonce,
            health,
            insurance,
            payment,
        } = self;
        format!(
            "MC1.{issuer}.{kid}.{region}.{issued}.{expires}.{nonce}.{health}.{insurance}.{payment}"
        )
    }

    fn signed(&self) -> String {
        self.signed_with(Algorithm::HmacSha256, SECRET)
    }

    fn signed_with(&self, algorithm: Algorithm, secret: &[u8]) -> String {
        let unsigned = self.unsigned();
        let secret = Verifier::hmac(algorithm, secret).unwrap();
        let signature = secret.sign(unsigned.as_bytes()).unwrap();
        let signature = Encoding::Base64Url.encode(&signature);
        format!("{unsigned}.{signature}")
    }
}

fn key(id: &str, algorithm: Algorithm, window: (Option<i64>, Option<i64>)) -> Key {
    let instant = |late: i64| Timestamp::from_seconds(NOW + late);
    Key {
        id: Some(id.into()),
        algorithm,
        window: KeyWindow {
            not_before: window.0.map(instant),
            not_after: window.1.map(instant),
        },
        purposes: PurposeSet::ALL,
        crl_version: None,
        verifier: Some(Verifier::hmac(algorithm, SECRET).unwrap()),
    }
}

fn issuer(id: &str, region: Option<Region>, keys: Vec<Key>) -> Issuer {
    Issuer {
        id: id.into(),
        region,
        keys: Arc::new(KeySet::new(keys, Supply::Files)),
        ..Issuer::default()
    }
}

fn keys() -> Keys {
    use Algorithm::{HmacSha256, HmacSm3};
    let unset = Key {
        verifier: None,
        ..key("unset", HmacSha256, (None, None))
    };
    let fujian = vec![
        key("sha", HmacSha256, (None, None)),
        key("sm3", HmacSm3, (None, None)),
        // Rotation: both are good from ten minutes before noon until ten minutes after.
        key("old", HmacSha256, (None, Some(600))),
        key("new", HmacSha256, (Some(-600), None)),
        unset,
    ];
    let other = Key {
        verifier: Some(Verifier::hmac(HmacSha256, OTHER).unwrap()),
        ..key("sha", HmacSha256, (None, None))
    };
    [
        issuer("fujian", Region::parse("350000"), fujian),
        issuer("zhejiang", None, vec![other]),
    ]
    .into_iter()
    .collect()
}

/// The shipped gateway with keys whose secrets are known here.
fn gateway() -> Desk {
    gateway_of(shipped::config())
}

fn gateway_of(mut config: multicode::config::Config) -> Desk {
    config.keys = keys();
    Desk::new(config)
}

/// The shipped bounds, which `belief` measures.
const MAX_AGE: Duration = Duration::from_secs(180);
const MAX_FUTURE: Duration = Duration::from_secs(30);
