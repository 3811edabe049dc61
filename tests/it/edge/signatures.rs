//! Codes of every signature algorithm, from a scan to its answer.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use multicode::family::Algorithm;
use multicode::random::Random;
use multicode::sandbox::mint::{Flaw, Order, mint};
use multicode::sandbox::signer::{Signers, SigningKey};
use serde_json::{Value, json};

use super::{TestGateway, post};
use crate::keys::RSA;

/// An issuer's own key of that algorithm.
fn key(algorithm: Algorithm) -> SigningKey {
    match algorithm {
        Algorithm::Ps256 | Algorithm::Rs256 => SigningKey::rsa(algorithm, RSA).unwrap(),
        _ => SigningKey::generate(algorithm).unwrap(),
    }
}

fn write_secret(path: &Path, set: &Value) {
    std::fs::write(path, set.to_string()).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn every_algorithm_is_believed_and_its_forgeries_are_not() {
    let keys = Algorithm::ALL.map(|algorithm| (algorithm, Arc::new(key(algorithm))));
    let jwks: Vec<Value> = keys
        .iter()
        .map(|(algorithm, key)| key.jwk(algorithm.name()))
        .collect();
    let mut signers = Signers::default();
    for (algorithm, key) in &keys {
        signers.add("campus", algorithm.name(), Arc::clone(key));
    }
    let gateway = TestGateway::with(|files| {
        write_secret(&files.path("campus.jwks"), &json!({ "keys": jwks }));
        files.change(
            "routes.toml",
            "# --- Scenes",
            "[issuer.campus]\nkeys = \"file:campus.jwks\"\n# --- Scenes",
        );
    });
    let site = gateway.started.sites.load();
    let (families, keys_in_force) = (site.gateway.families(), site.keys.load_full());
    let family = |id: &str| families.iter().find(|it| &*it.id == id).unwrap();
    let mut client = gateway.client();
    let mut seed = 0;
    for family in [family("jws"), family("cwt"), family("aggregate")] {
        for algorithm in Algorithm::ALL {
            let mut scan = |flaw| {
                seed += 1;
                let order = Order {
                    issuer: Some("campus".to_owned()),
                    key_id: Some(algorithm.name().to_owned()),
                    signers: signers.clone(),
                    flaw,
                    ..Order::default()
                };
                let mut random = Random::seeded(seed);
                let now = multicode::app::now();
                let code = mint(family, &keys_in_force, &order, &mut random, now).ok()?;
                let answer = client.exchange(post("/v1/scan?scene=other", "", code));
                let body = answer.json();
                let said = body["reason"]
                    .as_str()
                    .or_else(|| body["assurance"].as_str());
                Some((answer.status, said.map(str::to_owned)))
            };
            let Some(sound) = scan(Flaw::None) else {
                // The layout has room for signatures of 32 and 64 bytes, and its file names these.
                assert_eq!(&*family.id, "aggregate");
                assert!(!aggregate_knows(algorithm), "{algorithm}");
                continue;
            };
            assert_eq!(sound, (200, Some("signature".into())), "{algorithm}");
            let forged = scan(Flaw::Tampered);
            let expected = Some((401, Some("bad-signature".into())));
            assert_eq!(forged, expected, "{}, {algorithm}", family.id);
            let late = scan(Flaw::Expired);
            assert_eq!(late, Some((401, Some("expired".into()))), "{algorithm}");
        }
    }
}

fn aggregate_knows(algorithm: Algorithm) -> bool {
    use Algorithm::{EdDsa, Es256, HmacSha256, HmacSm3, Sm2};
    [HmacSha256, HmacSm3, Es256, EdDsa, Sm2].contains(&algorithm)
}
