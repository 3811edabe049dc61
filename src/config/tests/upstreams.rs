//! How endpoints are chosen from, spared and watched, as the files say it.

use std::time::Duration;

use super::mistakes::{LEAST, WALLET};
use super::*;
use crate::upstream::{AllOut, Balance, By, Check, Eject, Policy, Probe};

/// The least files with these keys in their upstream.
fn files(keys: &str) -> String {
    LEAST.replace("endpoints = [\"http://127.0.0.1:1\"]\n", keys)
}

const TWO: &str = "endpoints = [\"http://127.0.0.1:1\", \"http://127.0.0.1:2\"]\n";

/// What is found of an upstream with two endpoints and these keys: severity and message of the first
/// finding.
#[track_caller]
fn check(keys: &str, expected: &str) {
    check_whole(&format!("{TWO}{keys}\n"), expected);
}

#[track_caller]
fn check_whole(keys: &str, expected: &str) {
    let routes = files(keys);
    let found = findings(&[("routes.toml", &routes), ("plugins/wallet.toml", WALLET)]);
    let first = found.lines().next().unwrap_or_default();
    let first = first.splitn(4, ':').last().unwrap_or_default().trim();
    assert_eq!(first, expected, "{keys}");
}

#[track_caller]
fn policy(keys: &str) -> Policy {
    let routes = files(&format!("{TWO}{keys}\n"));
    let folder = folder(&[("routes.toml", &routes), ("plugins/wallet.toml", WALLET)]);
    let loaded = load(&folder.path().join("routes.toml"), &NoSecrets);
    let shown = loaded.diagnostics.render(Style::Plain);
    let config = loaded.config.unwrap_or_else(|| panic!("{shown}"));
    config.upstreams[0].policy.clone()
}

#[test]
fn what_is_not_written_is_as_the_shipped_file_says() {
    assert_eq!(policy(""), Policy::default());
    let shipped = include_str!("../../../routes.d/health.toml");
    let keys = [
        "balance",
        "eject",
        "slow_start",
        "at_once",
        "queue",
        "queue_timeout",
    ];
    let spelled: Vec<_> = shipped
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| keys.contains(&line.split_whitespace().next().unwrap_or_default()))
        .filter(|line| line.contains(" = "))
        .collect();
    assert_eq!(spelled.len(), keys.len());
    assert_eq!(policy(&spelled.join("\n")), Policy::default());
}

#[test]
fn every_key_is_understood() {
    let written = "balance = { hash = \"account\" }
eject = { failures = 2, time = \"1s\", longest = \"9s\", trials = 3, all_out = \"refuse\" }
slow_start = \"0s\"
at_once = 7
queue = 3
queue_timeout = \"50ms\"
check = { path = \"/up?x=1\", status = [200, 204], interval = \"2s\", timeout = \"500ms\", rise = 1, fall = 9 }";
    let second = Duration::from_secs(1);
    let expected = Policy {
        balance: Balance::Hash(By::Account),
        eject: Eject {
            failures: 2,
            time: second,
            longest: 9 * second,
            trials: 3,
            all_out: AllOut::Refuse,
            ..Eject::default()
        },
        slow_start: Duration::ZERO,
        at_once: 7,
        queue: 3,
        queue_timeout: Duration::from_millis(50),
        check: Some(Check {
            probe: Probe::Http {
                path: "/up?x=1".parse().unwrap(),
                statuses: [200, 204].into(),
            },
            interval: 2 * second,
            timeout: second / 2,
            rise: 1,
            fall: 9,
        }),
    };
    assert_eq!(policy(written), expected);
    let tcp = policy("check = { tcp = true }").check;
    assert_eq!(tcp, Some(Check::with(Probe::Tcp)));
}

#[test]
fn endpoints_have_weights_and_stand_there_once() {
    let url = "http://127.0.0.1:1";
    let of = |weight: &str| {
        format!("endpoints = [\"http://127.0.0.1:2\", {{ url = \"{url}\"{weight} }}]\n")
    };
    check_whole(&of(", weight = 100"), "");
    check_whole(&of(""), "");
    check_whole(
        &of(", weight = 0"),
        "error: \"weight\" must be between 1 and 100",
    );
    check_whole(
        &of(", heft = 2"),
        "error: \"endpoints\" has no key \"heft\"",
    );
    let twice = format!("endpoints = [\"{url}\", \"{url}\"]\n");
    check_whole(&twice, "error: the endpoint stands here already");
}

#[test]
fn a_floor_that_makes_no_sense_is_found() {
    check(
        "eject = { at_most = 49 }",
        "warning: 49 percent of 2 endpoints is none: nothing is ever ejected",
    );
    check("eject = { at_most = 0 }", "");
    check(
        "eject = { at_most = 50, all_out = \"refuse\" }",
        "warning: \"at_most\" has no effect: with \"refuse\" all may be ejected",
    );
    check_whole(
        "endpoints = [\"http://127.0.0.1:1\"]\neject = { failures = 3 }\n",
        "warning: \"eject\" has no effect: the only endpoint is never ejected",
    );
    check(
        "eject = { time = \"10s\", longest = \"9s\" }",
        "error: \"longest\" must not be shorter than \"time\"",
    );
}

#[test]
fn checks_and_queues_that_make_no_sense_are_found() {
    check("check = {}", "error: \"check\" needs \"path\"");
    check(
        "check = { path = \"/\", tcp = true }",
        "error: a check is made with \"path\" or with \"tcp\", not with both",
    );
    check(
        "check = { path = \"up\" }",
        "error: \"path\" must begin with a slash",
    );
    check(
        "check = { tcp = true, interval = \"1s\", timeout = \"2s\" }",
        "error: \"timeout\" of a check must not be longer than its \"interval\"",
    );
    check(
        "queue = 0\nqueue_timeout = \"1s\"",
        "warning: \"queue_timeout\" has no effect: nobody may wait",
    );
    check(
        "timeout = \"1s\"\nqueue_timeout = \"1s\"",
        "error: \"queue_timeout\" leaves nothing of \"timeout\" for an answer",
    );
}

#[test]
fn a_hash_by_terminals_that_nobody_knows_is_worth_a_note() {
    check(
        "balance = { hash = \"terminal\" }",
        "note: endpoints are chosen by the terminal's own word, which nobody proves",
    );
    check("balance = { hash = \"issuer\" }", "");
    check_whole(
        "endpoints = [\"http://127.0.0.1:1\"]\nbalance = \"least-in-flight\"\n",
        "warning: \"balance\" has no effect: the upstream has one endpoint",
    );
    check(
        "balance = \"random\"",
        "error: \"balance\" cannot be \"random\"",
    );
}
