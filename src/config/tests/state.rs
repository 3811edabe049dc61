//! Where used codes and outcomes are kept, and the scenes and families that rest on it: what is said
//! about mistakes.

use std::time::Duration;

use super::mistakes::{LEAST, STATE, WALLET, settling};
use super::*;
use crate::config::meaning::StatePlace;
use crate::policy::{Idempotency, WhenAway};

/// An environment in which every variable is set to the same.
#[derive(Debug)]
struct Everything(&'static str);

impl Secrets for Everything {
    fn resolve(&self, _: &SecretRef) -> Result<Option<Secret>, SecretError> {
        Ok(Some(Secret::new(self.0.as_bytes().to_vec())))
    }
}

/// 32 bytes in base64.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const REDIS: &str = "[state]
redis = [\"redis://10.0.0.5:6379/0\"]
key = \"env:STATE\"
";

fn loaded(routes: &str, family: &str, key: &'static str) -> Loaded {
    let folder = folder(&[("routes.toml", routes), ("plugins/wallet.toml", family)]);
    load(&folder.path().join("routes.toml"), &Everything(key))
}

/// The places and messages of what is found, and what to do about it.
#[track_caller]
fn check(routes: &str, family: &str, key: &'static str, expected: &[&str]) {
    let loaded = loaded(routes, family, key);
    let text = loaded.diagnostics.render(Style::Plain);
    let lines = text.lines().filter(|line| {
        line.starts_with("help: ") || line.contains(" error: ") || line.contains(" warning: ")
    });
    let said: Vec<_> = lines
        .map(|line| line.rsplit_once(".toml:").map_or(line, |(_, rest)| rest))
        .collect();
    assert_eq!(said, expected, "{text}");
}

/// With this `[state]` behind the least configuration.
#[track_caller]
fn check_state(state: &str, expected: &[&str]) {
    check(&format!("{LEAST}{state}"), WALLET, KEY, expected);
}

/// With these lines in the only scene.
fn scene(lines: &str) -> String {
    LEAST.replace("settlement = false", lines)
}

/// The family with these lines in its `[validity]`.
fn validity(lines: &str) -> String {
    WALLET.replace("[examples]", &format!("[validity]\n{lines}\n[examples]"))
}

#[test]
fn what_is_left_out_has_its_default() {
    let config = loaded(&format!("{LEAST}{STATE}"), WALLET, KEY)
        .config
        .unwrap();
    let state = config.state;
    assert!(matches!(&state.place, StatePlace::File(path) if path.ends_with("state/ledger")));
    assert!(state.key.is_some());
    assert_eq!(state.keep, Duration::from_secs(24 * 60 * 60));
    assert_eq!(state.double_read, Duration::from_secs(2));
    assert_eq!((state.answer_limit, state.claims), (16 * 1024, 4_194_304));
    let config = loaded(LEAST, WALLET, KEY).config.unwrap();
    assert!(matches!(config.state.place, StatePlace::Memory));
    assert!(config.state.key.is_none());
}

#[test]
fn a_scene_in_which_money_moves_asks_for_a_key() {
    let care = |routes: &str| {
        let config = loaded(routes, WALLET, KEY).config.unwrap();
        config.gateway.scenes.find("pay").unwrap().care
    };
    assert_eq!(care(LEAST).idempotency, Idempotency::Optional);
    assert_eq!(care(LEAST).when_away, WhenAway::Closed);
    let settling = format!("{}{STATE}", settling(LEAST));
    assert_eq!(care(&settling).idempotency, Idempotency::Required);
    let lenient = settling.replace(
        "settlement = true",
        "settlement = true\nidempotency = \"optional\"",
    );
    assert_eq!(care(&lenient).idempotency, Idempotency::Optional);
}

#[test]
fn a_settlement_is_recorded_somewhere() {
    let expected = [
        "10:14: error: scene \"pay\" settles, and nothing says where what was sent is recorded",
        "help: write [state] with file = \"state/ledger\" and key = \"env:MULTICODE_STATE_KEY\"",
    ];
    check(&settling(LEAST), WALLET, KEY, &expected);
    let nowhere = format!("{}[state]\nkeep = \"1h\"\n", settling(LEAST));
    check(&nowhere, WALLET, KEY, &expected);
    check(&format!("{}{STATE}", settling(LEAST)), WALLET, KEY, &[]);
    check(&format!("{}{REDIS}", settling(LEAST)), WALLET, KEY, &[]);
}

#[test]
fn one_store_holds_both() {
    let both = format!("{STATE}redis = [\"redis://10.0.0.5:6379/0\"]\n");
    check_state(
        &both,
        &[
            "20:9: error: used codes in a store that others share, beside outcomes in a file of this \
             gateway's own, would not be one truth",
            "help: keep one of them",
        ],
    );
}

#[test]
fn what_is_recorded_is_sealed_with_a_whole_key() {
    check_state(
        "[state]\nfile = \"state/ledger\"\n",
        &["17:1: error: expected \"key\" in [state]: what is recorded is sealed with it"],
    );
    let make = "help: make one with: openssl rand -base64 32";
    let routes = format!("{LEAST}{STATE}");
    let short = "19:7: error: found a key of 24 bytes, expected 32 or more";
    check(
        &routes,
        WALLET,
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
        &[short, make],
    );
    let found = loaded(&routes, WALLET, "not a key").diagnostics;
    let found: Vec<_> = found.iter().map(|found| found.code).collect();
    assert_eq!(found, ["bad-secret"]);
}

#[test]
fn a_key_that_is_not_set_is_a_warning() {
    let files = [
        ("routes.toml", &*format!("{LEAST}{STATE}")),
        ("plugins/wallet.toml", WALLET),
    ];
    let said = findings(&files);
    assert!(
        said.contains("routes.toml:19:7: warning: env:STATE is not set"),
        "{said}"
    );
}

#[test]
fn an_address_of_a_store_is_no_place_for_a_login() {
    let with = |address: &str| REDIS.replace("redis://10.0.0.5:6379/0", address);
    let form = "18:10: error: expected an address such as \"redis://10.0.0.5:6379/0\"";
    check_state(&with("10.0.0.5:6379"), &[form]);
    let login =
        "18:10: error: found a login in an address, expected it in \"username\" and \"password\"";
    check_state(&with("redis://admin:hunter22@10.0.0.5:6379/0"), &[login]);
    let root = "18:10: error: a rediss address needs \"ca\": nobody is trusted by default";
    check_state(&with("rediss://10.0.0.5:6379/0"), &[root]);
    let said = loaded(
        &format!("{LEAST}{}", with("redis://a:hunter22@h")),
        WALLET,
        KEY,
    );
    assert_eq!(
        said.diagnostics
            .iter()
            .filter(|found| found.message.contains("hunter22"))
            .count(),
        0
    );
}

#[test]
fn what_only_a_shared_store_needs_is_useless_beside_a_file() {
    for line in [
        "username = \"multicode\"",
        "password = \"env:PASSWORD\"",
        "prefix = \"a\"",
        "ca = \"ca.pem\"",
    ] {
        let place = line.find('=').unwrap() + 3;
        let said = format!("20:{place}: warning: is for redis, of which there is none");
        check_state(&format!("{STATE}{line}\n"), &[&said]);
    }
}

#[test]
fn where_money_moves_no_code_is_shown_twice_and_nothing_goes_unrecorded() {
    let with = |line: &str| format!("{}{STATE}", scene(&format!("settlement = true\n{line}")));
    let twice = "11:9: error: a settlement scene would take a one-time code twice";
    check(&with("reuse = true"), WALLET, KEY, &[twice]);
    let unseen = "11:19: error: a settlement scene would forward what nobody else can know of";
    check(&with("when_store_away = \"local\""), WALLET, KEY, &[unseen]);
}

#[test]
fn one_time_codes_are_not_taken_without_the_other_gateways() {
    let local = "settlement = false\nwhen_store_away = \"local\"";
    let family = validity("one_time = true\none_time_for = \"2m\"");
    let said = "6:8: error: scene \"pay\" takes codes of \"wallet\", good for one use, and would take \
                them without asking the other gateways";
    let help =
        "help: write when_store_away = \"closed\", or reuse = true if they may be shown again";
    let routes = format!("{}{REDIS}", scene(local));
    check(&routes, &family, KEY, &[said, help]);
    check(&routes, WALLET, KEY, &[]);
    let reuse = format!("{}{REDIS}", scene(&format!("{local}\nreuse = true")));
    check(&reuse, &family, KEY, &[]);
}

#[test]
fn a_one_time_code_must_end() {
    let said = "10:12: error: a one-time code has to say when it was made and when it ends";
    let help =
        "help: say how long, as in one_time_for = \"2m\": no shorter than its backend accepts it";
    check(LEAST, &validity("one_time = true"), KEY, &[said, help]);
    check(
        LEAST,
        &validity("one_time = true\none_time_for = \"2m\""),
        KEY,
        &[],
    );
    let said = "10:16: error: \"one_time_for\" says how long a used code is remembered, but the codes may be \
                used again";
    let help = "help: write one_time = true beside it";
    check(
        LEAST,
        &validity("one_time_for = \"2m\""),
        KEY,
        &[said, help],
    );
}

#[test]
fn replicas_and_care_are_held_to_their_words() {
    let with = |line: &str| scene(&format!("settlement = false\n{line}"));
    let said = "11:12: error: \"replicas\" must be between 0 and 5";
    check(&with("replicas = 6"), WALLET, KEY, &[said]);
    let said = "11:15: error: \"idempotency\" cannot be \"maybe\"";
    let known = "help: known: optional, required";
    check(
        &with("idempotency = \"maybe\""),
        WALLET,
        KEY,
        &[said, known],
    );
}
