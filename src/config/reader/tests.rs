use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::config::render::Style;
use crate::config::source::Sources;

/// Reads `text` and compares what is said about it.
#[track_caller]
fn check(text: &str, read: impl FnOnce(Table<'_>), expected: &str) {
    let mut sources = Sources::default();
    let id = sources.add(Path::new("f.toml"), text.to_owned());
    let collector = Collector::default();
    read(parse(id, text, &collector).root);
    assert_eq!(collector.finish(sources).render(Style::Plain), expected);
}

fn anything(mut table: Table<'_>) {
    table.optional("timeout", duration);
    table.optional("grace", span);
    table.optional("limit", size);
    table.optional("from", instant);
    table.optional("address", socket_address);
    table.optional("trusted", list(cidr));
    table.optional("endpoints", list(endpoint));
    table.optional("idle", integer(0..=1024_u16));
    table.optional("clean", choice(&[("scanner", 1), ("none", 2)]));
    table.optional("anonymous", boolean);
    table.named("upstream", |_, mut table| {
        let name = table.required("owner", string);
        table.finish();
        name
    });
    table.finish();
}

#[test]
fn correct_values_pass_in_every_spelling() {
    for text in [
        "timeout = \"250ms\"",
        "timeout = \"1d\"",
        "grace = \"0s\"",
        "limit = \"16KiB\"",
        "from = 2026-01-01T00:00:00+08:00",
        "from = \"2026-01-01T00:00:00Z\"",
        "address = \"[::1]:80\"",
        "trusted = [\"10.0.0.0/8\", \"::1\"]",
        "endpoints = [\"http://[::1]:8080\", \"https://h\", \"http://h:80\"]",
        "idle = 0x10",
        "clean = \"none\"",
        "anonymous = true",
        "[upstream.a-b_c]\nowner = \"x\"",
        "",
    ] {
        check(text, anything, "");
    }
}

#[test]
fn each_mistake_is_named_where_it_stands() {
    check(
        "timeout = 5\nlimit = \"16KB\"\nidle = 2000\n",
        anything,
        "f.toml:1:11: error: \"timeout\" must be a duration such as \"250ms\", \"2s\", \"3m\", \"1h\" or \"1d\", not an integer
 1 | timeout = 5
   |           ^
f.toml:2:9: error: \"limit\" must be a size such as \"512B\", \"16KiB\" or \"1MiB\"
 2 | limit = \"16KB\"
   |         ^^^^^^
f.toml:3:8: error: \"idle\" must be between 0 and 1024
 3 | idle = 2000
   |        ^^^^
",
    );
    check(
        "clean = \"scaner\"\nanonymos = true\n",
        anything,
        "f.toml:1:9: error: \"clean\" cannot be \"scaner\"
 1 | clean = \"scaner\"
   |         ^^^^^^^^
help: did you mean \"scanner\"?
f.toml:2:1: error: the file has no key \"anonymos\"
 2 | anonymos = true
   | ^^^^^^^^
help: did you mean \"anonymous\"?
",
    );
    check(
        "[upstream.bank]\n[upstream.\"a b\"]\nowner = [1]\n",
        anything,
        "f.toml:1:1: error: [upstream.bank] needs \"owner\"
 1 | [upstream.bank]
   | ^^^^^^^^^^^^^^^
f.toml:2:11: error: \"a b\" cannot be a name
 2 | [upstream.\"a b\"]
   |           ^^^^^
help: 1 to 64 of the characters A-Z a-z 0-9 - _ .
f.toml:3:9: error: \"owner\" must be a string, not an array
 3 | owner = [1]
   |         ^^^
",
    );
}

#[track_caller]
fn complains(text: &str, message: &str) {
    let mut sources = Sources::default();
    let id = sources.add(Path::new("f.toml"), text.to_owned());
    let collector = Collector::default();
    anything(parse(id, text, &collector).root);
    let found = collector.finish(sources);
    let said: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
    assert!(said[0].contains(message), "{text}: {said:?}");
}

#[test]
fn endpoints_hold_a_scheme_a_host_and_a_port_only() {
    complains("endpoints = [\"10.0.0.1:80\"]", "must be an endpoint");
    complains("endpoints = [\"ftp://h\"]", "must be an endpoint");
    complains("endpoints = [\"http://h/p\"]", "must end after the port");
    complains("endpoints = [\"http://h:80/\"]", "must end after the port");
    complains("endpoints = [\"http://u:p@h\"]", "a user or password");
    complains("endpoints = [\"http://h:0\"]", "between 1 and 65535");
    complains("endpoints = [\"http://h:99999\"]", "between 1 and 65535");
    complains("endpoints = [\"http://h:\"]", "between 1 and 65535");
    complains("from = 2026-01-01T00:00:00", "must be an instant");
    complains("from = 2026-01-01", "must be an instant");
    complains("timeout = \"0s\"", "longer than nothing");
    complains("timeout = \"99999999999999999999d\"", "must be a duration");
}

#[test]
fn every_syntax_error_is_reported_and_the_rest_is_still_read() {
    check(
        "timeout = \nidle = 5000\nidle = 3\n[upstream.x]\n",
        anything,
        "f.toml:1:11: error: a value is missing after \"=\"
 1 | timeout = 
   |           ^
f.toml:2:8: error: \"idle\" must be between 0 and 1024
 2 | idle = 5000
   |        ^^^^
f.toml:3:1: error: \"idle\" is set twice in one table
 3 | idle = 3
   | ^^^^
",
    );
}

#[test]
fn nesting_beyond_reason_is_an_error_not_a_crash() {
    let keys = vec!["a"; 79].join(".");
    let mut deep = format!("[{keys}]\n");
    let open = format!("{keys} = {{");
    for _ in 0..79 {
        deep.push_str(&open);
    }
    deep.push_str("a=1");
    deep.push_str(&"}".repeat(79));
    let brackets = format!("a = {}", "[".repeat(500_000));
    let dots = format!("{}a = 1", "a.".repeat(300_000));
    for text in [deep, brackets, dots] {
        let mut sources = Sources::default();
        let id = sources.add(Path::new("f.toml"), text.clone());
        let collector = Collector::default();
        anything(parse(id, &text, &collector).root);
        assert!(collector.finish(sources).has_errors());
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "(?s).{0,200}") {
        let collector = Collector::default();
        let mut sources = Sources::default();
        let id = sources.add(Path::new("f.toml"), text.clone());
        anything(parse(id, &text, &collector).root);
        let found = collector.finish(sources);
        found.render(Style::Plain);
        found.to_json();
    }

    #[test]
    fn any_text_that_looks_like_toml_is_read_without_a_panic(
        parts in proptest::collection::vec(prop_oneof![
            Just("["), Just("]"), Just("[["), Just("]]"), Just("{"), Just("}"), Just(" = "),
            Just("."), Just(","), Just("\""), Just("'''"), Just("\n"), Just("upstream"),
            Just("timeout"), Just("idle"), Just("1"), Just("\"2s\""), Just("true"),
            Just("2026-01-01"), Just("#"), Just("\\u00e9"), Just("号"), Just("\r"), Just("\u{feff}"),
        ], 0..60)
    ) {
        let text = parts.concat();
        let collector = Collector::default();
        let mut sources = Sources::default();
        let id = sources.add(Path::new("f.toml"), text.clone());
        anything(parse(id, &text, &collector).root);
        collector.finish(sources).render(Style::Plain);
    }
}
