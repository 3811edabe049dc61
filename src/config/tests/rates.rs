//! Rates: what they mean, and what is said about wrong ones.

use super::mistakes::{LEAST, WALLET};
use super::*;
use crate::limit::{Quota, Rate, Rates};

const TERMINALS: &str = "[terminal.W-1]
[terminal.K-1]
group = \"kiosk\"
";

const RATES: &str = "[limits]
in_flight = 7
[limits.rate]
issuer = \"5/min\"
[limits.rate.address]
quota = \"100/s\"
[limits.rate.terminal]
quota = \"50/s\"
burst = 100
[limits.rate.group.kiosk]
quota = \"1000/h\"
burst = 10
[issuer.usual]
keys = []
[issuer.other]
keys = []
rate = { quota = \"5/min\", burst = 1 }
";

fn files(rates: &str) -> String {
    LEAST.to_owned() + rates
}

fn rate(quota: &str, burst: u32) -> Rate {
    let even = Rate::even(Quota::parse(quota).unwrap());
    let burst = burst.try_into().unwrap();
    Rate { burst, ..even }
}

/// The places and messages of what is said with `old` replaced.
#[track_caller]
fn check(old: &str, new: &str, expected: &[&str]) {
    assert!(RATES.contains(old), "{old}");
    let routes = files(&RATES.replace(old, new));
    let files = [
        ("routes.toml", &*routes),
        ("plugins/wallet.toml", WALLET),
        ("terminals.toml", TERMINALS),
    ];
    let text = findings(&files);
    let errors = text.lines().filter_map(|line| line.split_once(" error: "));
    let said: Vec<_> = errors
        .map(|(at, message)| format!("{} {message}", at.trim_end_matches(':')))
        .collect();
    assert_eq!(said, expected, "{new}");
}

#[test]
fn rates_are_given_to_terminals_and_issuers() {
    let folder = folder(&[
        ("routes.toml", &files(RATES)),
        ("plugins/wallet.toml", WALLET),
        ("terminals.toml", TERMINALS),
    ]);
    let loaded = load(&folder.path().join("routes.toml"), &NoSecrets);
    let said = loaded.diagnostics.render(Style::Plain);
    let config = loaded.config.unwrap_or_else(|| panic!("{said}"));
    let Rates {
        terminals, issuers, ..
    } = &config.rates;
    let of = |all: &[(Box<str>, Rate)], name: &str| {
        let found = all.iter().find(|(known, _)| &**known == name);
        found.unwrap().1
    };
    assert_eq!(config.limits.in_flight, 7);
    assert_eq!(config.rates.address, Some(rate("100/s", 100)));
    assert_eq!(config.rates.strangers, Some(rate("50/s", 100)));
    assert_eq!(of(terminals, "W-1"), rate("50/s", 100));
    assert_eq!(of(terminals, "K-1"), rate("1000/h", 10));
    assert_eq!(of(issuers, "usual"), rate("5/min", 5));
    assert_eq!(of(issuers, "other"), rate("5/min", 1));
}

#[test]
fn without_rates_nothing_is_limited() {
    let folder = folder(&[("routes.toml", LEAST), ("plugins/wallet.toml", WALLET)]);
    let loaded = load(&folder.path().join("routes.toml"), &NoSecrets);
    assert_eq!(loaded.config.unwrap().rates, Rates::default());
}

#[test]
fn a_wrong_rate_is_shown_with_what_it_should_be() {
    check("", "", &[]);
    let form = "must be a quota such as \"50/s\", \"600/min\" or \"1000/h\"";
    let said = format!("routes.toml:24:9 \"quota\" {form}");
    check("\"50/s\"", "\"50/d\"", &[&said]);
    let said = format!("routes.toml:20:10 \"issuer\" {form}");
    check("issuer = \"5/min\"", "issuer = \"5 / min\"", &[&said]);
    check(
        "\"50/s\"",
        "\"0/s\"",
        &[
            "routes.toml:24:9 \"quota\" lets nothing through: must be 1 at least, or left out for no limit",
        ],
    );
    check(
        "\"50/s\"",
        "\"2000000/s\"",
        &["routes.toml:24:9 \"quota\" must be at most 1000000 in its span of time"],
    );
    check(
        "\"50/s\"",
        "50",
        &["routes.toml:24:9 \"quota\" must be a quota such as \"50/s\", not an integer"],
    );
    check(
        "issuer = \"5/min\"",
        "issuer = 5",
        &[
            "routes.toml:20:10 \"issuer\" must be a quota such as \"50/s\" or a table with \"quota\", not an integer",
        ],
    );
}

#[test]
fn a_burst_lets_one_through_at_least() {
    check(
        "burst = 100",
        "burst = 0",
        &["routes.toml:25:9 \"burst\" must be between 1 and 1000000"],
    );
    check(
        "quota = \"50/s\"\n",
        "",
        &["routes.toml:23:1 \"terminal\" needs \"quota\""],
    );
}

#[test]
fn a_group_must_be_some_terminals() {
    check(
        "group.kiosk",
        "group.kiosks",
        &["routes.toml:26:20 unknown terminal group \"kiosks\""],
    );
}

#[test]
fn a_cap_lets_one_in_at_least() {
    check(
        "in_flight = 7",
        "in_flight = 0",
        &["routes.toml:18:13 \"in_flight\" must be between 1 and 1000000"],
    );
}
