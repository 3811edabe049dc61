//! Keys that carry no id, and codes that name none.

use multicode::family::{Encoding, Form};
use multicode::sandbox::signer::SigningKey;
use serde_json::{Value, json};

use super::server::{KeyServer, Reply};
use super::{Tending, decided, make_key, outcome, set, token};

fn nameless(keys: &[&SigningKey]) -> String {
    let keys: Vec<_> = keys
        .iter()
        .map(|key| {
            let mut jwk = key.jwk("x");
            jwk.as_object_mut().unwrap().remove("kid");
            jwk
        })
        .collect();
    json!({ "keys": keys }).to_string()
}

fn token_without_kid(key: &SigningKey) -> String {
    let encode = |value: &Value| Encoding::Base64Url.encode(value.to_string().as_bytes());
    let signed = format!(
        "{}.{}",
        encode(&json!({ "alg": "ES256" })),
        encode(&json!({ "iss": "a", "jti": "t" }))
    );
    let signature = key.sign(Form::Raw, signed.as_bytes()).unwrap();
    format!("{signed}.{}", Encoding::Base64Url.encode(&signature))
}

/// `(slug, whether newer keys are asked for)`
fn lacks(tending: &Tending, code: &str) -> (String, bool) {
    match decided(&tending.keys.load(), code, multicode::app::now()) {
        Ok(_) => ("ok".into(), false),
        Err((slug, lacks)) => (slug.into(), lacks),
    }
}

#[test]
fn rotation_of_keys_without_ids_is_noticed() {
    let (old, new) = (make_key(), make_key());
    let server = KeyServer::start(Reply::json(nameless(&[&old])));
    let tending = Tending::of(&server);
    assert_eq!(lacks(&tending, &token_without_kid(&old)).0, "ok");
    server.says(Reply::json(nameless(&[&old, &new])));
    assert!(lacks(&tending, &token_without_kid(&new)).1);
}

#[test]
fn a_nameless_key_does_not_hide_that_a_named_one_is_unknown() {
    let (old, new) = (make_key(), make_key());
    let server = KeyServer::start(Reply::json(nameless(&[&old])));
    let tending = Tending::of(&server);
    let code = token("a", "k2", &new, 1);
    assert!(lacks(&tending, &code).1);
}

#[test]
fn a_code_that_names_no_key_may_be_by_a_newer_one() {
    let (old, new) = (make_key(), make_key());
    let server = KeyServer::start(Reply::json(set(&[("k1", &old)])));
    let tending = Tending::of(&server);
    let code = token_without_kid(&new);
    assert!(lacks(&tending, &code).1);
}

#[test]
fn every_key_of_a_folder_without_ids_verifies() {
    let keys: Vec<_> = (0..12).map(|_| make_key()).collect();
    let all: Vec<_> = keys.iter().collect();
    let server = KeyServer::start(Reply::json(nameless(&all)));
    let tending = Tending::of(&server);
    let refused: Vec<_> = keys
        .iter()
        .enumerate()
        .filter_map(|(place, key)| {
            let told = outcome(
                &tending.keys.load(),
                &token_without_kid(key),
                multicode::app::now(),
            );
            told.err().map(|why| (place, why))
        })
        .collect();
    assert_eq!(refused, []);
}
