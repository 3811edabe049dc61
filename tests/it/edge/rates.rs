//! Who sends too much is told when to come back, and nobody else is.

use std::thread::sleep;
use std::time::Duration;

use multicode::sandbox::mint::Flaw;
use serde_json::json;

use super::{Answer, Backend, EAN, Files, HEALTH_CARD, TestGateway, post};

/// Adds these lines as `[limits.rate]`.
fn rates(files: &Files, lines: &str) {
    files.change(
        "routes.toml",
        "[redirects]",
        &format!("[limits.rate]\n{lines}\n[redirects]"),
    );
}

fn gateway(lines: &str) -> TestGateway {
    TestGateway::with(|files| rates(files, lines))
}

fn at_terminal(gateway: &TestGateway, terminal: &str) -> Answer {
    gateway.send(super::json(&json!({ "code": EAN, "terminal": terminal })))
}

/// A scan that says it was passed on for this address.
fn passed_on_for(address: &str) -> Vec<u8> {
    let headers = format!("Content-Type: text/plain\r\nX-Forwarded-For: {address}\r\n");
    post("/v1/scan", &headers, EAN)
}

/// A member of a `RateLimit` or `RateLimit-Policy` list: its name and two parameters.
fn member<'a>(answer: &'a Answer, header: &str, name: &str) -> (&'a str, u64, u64) {
    let members = answer
        .header(header)
        .unwrap_or_else(|| panic!("no {header}: {answer:?}"));
    let mut members = members.split(", ").map(|member| {
        let mut parts = member.split(';');
        let name = parts.next().unwrap().trim_matches('"');
        let mut parameter = |keys: [&str; 2]| {
            let (key, value) = parts.next().unwrap().split_once('=').unwrap();
            assert!(keys.contains(&key), "{member}");
            value.parse().unwrap()
        };
        (name, parameter(["q", "r"]), parameter(["w", "t"]))
    });
    members.find(|(known, ..)| *known == name).unwrap()
}

/// Asserts a 429 of this limit with its three headers, and gives the seconds to wait.
#[track_caller]
fn assert_limited(answer: &Answer, by: &str, quota: u64, window: u64) -> u64 {
    answer.assert_refused(429, "rate-limited");
    assert_eq!(member(answer, "ratelimit-policy", by), (by, quota, window));
    let (_, left, more) = member(answer, "ratelimit", by);
    let wait = answer.header("retry-after").unwrap().parse().unwrap();
    assert_eq!((left, more), (0, wait));
    assert!(wait >= 1 && wait <= window.div_ceil(quota), "{wait}");
    assert_eq!(answer.json()["retryable"], true);
    wait
}

#[track_caller]
fn assert_counted(gateway: &TestGateway, limit: &str, expected: &str) {
    let series = format!("multicode_rate_limited_total{{limit=\"{limit}\"}}");
    assert_eq!(gateway.metric(&series).to_string(), expected);
}

#[test]
fn without_rates_nothing_is_said_and_nothing_refused() {
    let gateway = TestGateway::start();
    let mut client = gateway.client();
    for _ in 0..300 {
        let answer = client.exchange(passed_on_for("198.51.100.1"));
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit"), None);
        assert_eq!(answer.header("ratelimit-policy"), None);
    }
}

#[test]
fn a_terminal_is_told_what_is_left_and_when_to_come_back() {
    let gateway = gateway("terminal = { quota = \"6/min\", burst = 3 }");
    for left in [2, 1, 0] {
        let answer = at_terminal(&gateway, "W-0001");
        assert_eq!(answer.status, 200);
        assert_eq!(
            member(&answer, "ratelimit-policy", "terminal"),
            ("terminal", 6, 60)
        );
        assert_eq!(member(&answer, "ratelimit", "terminal").1, left);
        assert_eq!(answer.header("retry-after"), None);
    }
    let answer = at_terminal(&gateway, "W-0001");
    assert_limited(&answer, "terminal", 6, 60);
    assert_eq!(
        answer.json()["detail"],
        "expected at most 6/min of one terminal, 3 at once"
    );
    assert_counted(&gateway, "terminal", "1");
    assert_counted(&gateway, "address", "0");
}

#[test]
fn who_comes_back_when_told_is_let_in() {
    let gateway = gateway("terminal = { quota = \"1/s\", burst = 1 }");
    assert_eq!(at_terminal(&gateway, "W-0001").status, 200);
    let wait = assert_limited(&at_terminal(&gateway, "W-0001"), "terminal", 1, 1);
    sleep(Duration::from_secs(wait));
    assert_eq!(at_terminal(&gateway, "W-0001").status, 200);
}

#[test]
fn terminals_do_not_use_up_each_others_rates() {
    let gateway = gateway(
        "terminal = { quota = \"2/h\", burst = 1 }\n[limits.rate.group.kiosk]\nquota = \"1/h\"\nburst = 2",
    );
    let statuses = |terminal| [0; 2].map(|_| at_terminal(&gateway, terminal).status);
    assert_eq!(statuses("W-0001"), [200, 429]);
    assert_eq!(statuses("F-0001"), [200, 429]);
    // Those nobody registered are one at each address, whatever they call themselves.
    assert_eq!(statuses("made up"), [200, 429]);
    assert_eq!(statuses("made up too"), [429, 429]);
    let elsewhere = gateway.send(passed_on_for("198.51.100.9"));
    assert_eq!(elsewhere.status, 200);
    // A group's rate is each of its terminals' own.
    assert_eq!(statuses("K-0001"), [200, 200]);
    assert_limited(&at_terminal(&gateway, "K-0001"), "terminal", 1, 3_600);
}

#[test]
fn an_address_is_the_one_a_trusted_proxy_tells() {
    let gateway = gateway("address = \"1/h\"");
    let mut client = gateway.client();
    let mut status = |address: &str| client.exchange(passed_on_for(address)).status;
    assert_eq!([status("198.51.100.1"), status("198.51.100.1")], [200, 429]);
    assert_eq!(status("198.51.100.2"), 200);
    assert_eq!(
        status("203.0.113.9, 198.51.100.1"),
        429,
        "the last word counts"
    );
    assert_eq!(
        [status("2001:db8:0:1::1"), status("2001:db8:0:1::2")],
        [200, 429]
    );
    assert_eq!(status("2001:db8:0:2::1"), 200);
    assert_counted(&gateway, "address", "3");
}

#[test]
fn nobody_else_can_speak_for_another_address() {
    let gateway = TestGateway::with(|files| {
        rates(files, "address = \"1/h\"");
        files.change("routes.toml", "127.0.0.1/32", "10.0.0.0/8");
    });
    assert_eq!(gateway.send(passed_on_for("198.51.100.1")).status, 200);
    for address in ["198.51.100.1", "198.51.100.2", "10.0.0.1"] {
        let answer = gateway.send(passed_on_for(address));
        assert_limited(&answer, "address", 1, 3_600);
    }
}

#[test]
fn an_address_is_refused_before_its_body_is_read() {
    let gateway = gateway("address = { quota = \"1/h\", burst = 1 }");
    let mut client = gateway.client();
    assert_eq!(client.exchange(passed_on_for("198.51.100.1")).status, 200);
    // The whole scan is there: the connection goes on.
    for _ in 0..5 {
        let answer = client.exchange(passed_on_for("198.51.100.1"));
        assert_limited(&answer, "address", 1, 3_600);
        assert_eq!(answer.header("connection"), None);
    }
    // It is not, and nobody waits for it.
    for body in [
        "Content-Length: 100\r\n\r\n69",
        "Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\n690\r\n",
    ] {
        let mut client = gateway.client();
        client.write(format!(
            "POST /v1/scan HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: 198.51.100.1\r\n{body}"
        ));
        let answer = client.head();
        assert_eq!(
            (answer.status, answer.header("connection")),
            (429, Some("close")),
            "{body}"
        );
        client.rest();
    }
    // Nor is a path that is none looked at.
    let answer =
        client.exchange("GET /l/x HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n");
    assert_limited(&answer, "address", 1, 3_600);
}

#[test]
fn every_limit_that_was_asked_stands_in_the_answer() {
    let gateway = gateway("address = \"500/s\"\nterminal = \"100/min\"\nissuer = \"200/h\"");
    let scan = json!({ "code": gateway.mint("aggregate"), "terminal": "W-0001" });
    let answer = gateway.send(super::json(&scan));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.header("ratelimit-policy"),
        Some("\"address\";q=500;w=1, \"issuer\";q=200;w=3600, \"terminal\";q=100;w=60")
    );
    assert_eq!(
        answer.header("ratelimit"),
        Some("\"address\";r=499;t=1, \"issuer\";r=199;t=18, \"terminal\";r=99;t=1")
    );
}

#[test]
fn a_departments_word_about_its_own_limits_gives_way_to_ours() {
    let said = "HTTP/1.1 200 OK\r\nRateLimit: \"x\";r=1\r\nRateLimit-Policy: \"x\";q=1\r\nContent-Length: 2\r\n\r\nok";
    let backend = Backend::answering(said);
    let scan = json!({ "code": HEALTH_CARD, "terminal": "W-0001" });
    let headers = |lines: &str| {
        let gateway = TestGateway::with(|files| {
            files.pass_through(backend.address);
            rates(files, lines);
        });
        let answer = gateway.send(super::json(&scan));
        assert_eq!(answer.text(), "ok");
        let both = ["ratelimit", "ratelimit-policy"].map(|name| answer.header(name));
        both.map(|value| value.unwrap().to_owned())
    };
    assert_eq!(headers(""), ["\"x\";r=1", "\"x\";q=1"]);
    assert_eq!(
        headers("terminal = \"2/min\""),
        ["\"terminal\";r=1;t=30", "\"terminal\";q=2;w=60"]
    );
}

#[test]
fn forged_codes_use_up_nobodys_rate() {
    let gateway = gateway("issuer = { quota = \"2/h\", burst = 1 }");
    let register = |code: &str| {
        gateway.send(super::json(
            &json!({ "code": code, "scene": "register", "terminal": "W-0001" }),
        ))
    };
    for _ in 0..5 {
        let forged = gateway.mint_flawed("aggregate", Flaw::Tampered);
        assert_eq!(register(&forged).reason(), Some("bad-signature"));
    }
    assert_eq!(register(&gateway.mint("aggregate")).status, 200);
    let answer = register(&gateway.mint("aggregate"));
    assert_limited(&answer, "issuer", 2, 3_600);
    assert_eq!(answer.json()["family"], "aggregate");
    gateway.only_received();
    // Nothing but believed codes of that issuer is held to it.
    assert_eq!(
        register(&gateway.mint_flawed("aggregate", Flaw::Expired)).status,
        401
    );
    assert_eq!(gateway.scan(EAN, "pharmacy").status, 200);
    assert_counted(&gateway, "issuer", "1");
}

#[test]
fn an_issuer_may_have_a_rate_of_its_own() {
    let gateway = TestGateway::with(|files| {
        let issuer = "[issuer.fujian]\n";
        files.change("routes.toml", issuer, &format!("{issuer}rate = \"1/h\"\n"));
    });
    assert_eq!(
        gateway.scan(&gateway.mint("aggregate"), "other").status,
        200
    );
    let answer = gateway.scan(&gateway.mint("aggregate"), "other");
    assert_limited(&answer, "issuer", 1, 3_600);
}

#[test]
fn a_reload_forgets_nothing_but_what_it_changes() {
    let gateway = gateway(
        "terminal = { quota = \"2/h\", burst = 1 }\naddress = { quota = \"10/h\", burst = 4 }",
    );
    let reload = || gateway.reload();
    assert_eq!(at_terminal(&gateway, "W-0001").status, 200);
    reload();
    assert_limited(&at_terminal(&gateway, "W-0001"), "terminal", 2, 3_600);
    gateway.files.change(
        "routes.toml",
        "quota = \"2/h\", burst = 1",
        "quota = \"3/h\", burst = 1",
    );
    reload();
    let answer = at_terminal(&gateway, "W-0001");
    assert_eq!(answer.status, 200);
    let (_, left, _) = member(&answer, "ratelimit", "address");
    assert_eq!(left, 1, "of four, after two requests before");
    assert_limited(&at_terminal(&gateway, "W-0001"), "terminal", 3, 3_600);
    assert_limited(&at_terminal(&gateway, "W-0002"), "address", 10, 3_600);
    assert_counted(&gateway, "terminal", "2");
}
