use super::{Answer, Backend, HEALTH_CARD, TestGateway, post};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Scans with these header lines where the request passes through, and gives what came of it.
fn passed_on(headers: &str) -> (String, Answer) {
    passed_on_by("127.0.0.1/32", headers)
}

fn passed_on_by(trusted: &str, headers: &str) -> (String, Answer) {
    let backend = Backend::answering(OK);
    let gateway = TestGateway::with(|files| {
        files.pass_through(backend.address);
        files.change("routes.toml", "127.0.0.1/32", trusted);
    });
    let request = post(
        "/v1/scan",
        &format!("{headers}Content-Type: text/plain\r\n"),
        HEALTH_CARD,
    );
    let answer = gateway.send(request);
    assert_eq!(answer.status, 200, "{answer:?}");
    (backend.only_head(), answer)
}

/// How often a line stands in a head.
fn count(head: &str, line: &str) -> usize {
    head.matches(&format!("\r\n{line}\r\n")).count()
}

#[test]
fn a_request_that_passes_through_keeps_its_own_headers() {
    let (head, _) = passed_on("Accept: text/xml\r\nX-Trade: 7\r\nX-Trade: 8\r\n");
    assert!(head.starts_with("post /in http/1.1\r\n"));
    for line in [
        "accept: text/xml",
        "x-trade: 7",
        "x-trade: 8",
        "content-type: text/plain",
    ] {
        assert_eq!(count(&head, line), 1, "{line} in {head}");
    }
    assert_eq!(head.matches("\r\nhost: ").count(), 1);
    assert_eq!(head.matches("\r\ncontent-length: ").count(), 1);
    assert!(!head.contains("host: gateway"));
}

#[test]
fn the_department_is_told_what_was_found_out() {
    let (head, _) = passed_on("");
    for line in [
        "x-multicode-family: health-card",
        "x-multicode-kind: health-card",
        "x-multicode-scene: other",
        "x-multicode-assurance: structure",
        "x-code-kind: health-card",
    ] {
        assert_eq!(count(&head, line), 1, "{line} in {head}");
    }
}

#[test]
fn nobody_speaks_in_the_gateways_name() {
    let backend = Backend::answering(OK);
    let gateway = TestGateway::with(|files| files.pass_through(backend.address));
    let names = [
        "x-multicode-kind",
        "X-MULTICODE-Kind",
        "X_Multicode_Kind",
        "x-multicode_kind",
        "X-Code-Kind",
        "x_code_kind",
        "X-CODE_KIND",
        "x-multicode-reason",
        "X_MULTICODE_ANYTHING",
    ];
    let spoofs = names.iter().flat_map(|name| {
        [
            format!("{name}: spoofed\r\n"),
            format!("{name}: spoofed\r\nConnection: keep-alive, {name}\r\n"),
            format!("Connection: {name}\r\n{name}: spoofed\r\n"),
            format!("{name}: spoofed\r\n{name}: spoofed\r\n"),
        ]
    });
    for headers in spoofs {
        gateway.send(post("/v1/scan", &headers, HEALTH_CARD));
    }
    let seen = backend.seen();
    assert_eq!(seen.len(), names.len() * 4);
    for request in seen {
        assert!(!request.contains("spoofed"), "{request}");
        assert_eq!(count(&request, "x-multicode-kind: health-card"), 1);
        assert_eq!(count(&request, "x-code-kind: health-card"), 1);
    }
}

#[test]
fn headers_of_one_hop_end_here() {
    let (head, _) = passed_on(
        "Connection: close, X-Mine\r\nConnection: x-also\r\nX-Mine: hop\r\nX-Also: hop\r\n\
         Keep-Alive: hop\r\nProxy-Connection: hop\r\nProxy-Authorization: hop\r\nTE: hop\r\nTrailer: hop\r\n\
         Expect: 100-continue\r\n",
    );
    assert!(!head.contains("hop") && !head.contains("expect"), "{head}");
    assert!(!head.contains("\r\nconnection: close"), "{head}");
}

#[test]
fn a_nominated_host_or_length_changes_nothing() {
    let (head, _) =
        passed_on("Connection: host, content-length, content-type, x-request-id, forwarded\r\n");
    assert_eq!(head.matches("\r\nhost: ").count(), 1);
    assert_eq!(count(&head, "content-length: 66"), 1, "{head}");
    assert_eq!(head.matches("\r\nx-request-id: ").count(), 1);
    assert_eq!(head.matches("\r\nforwarded: ").count(), 1);
}

const ORIGIN: &str = "X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n\
                      X_Forwarded_For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n";

#[test]
fn a_stranger_is_not_believed_about_its_address() {
    let (head, _) = passed_on_by("192.0.2.0/24", ORIGIN);
    assert!(
        !head.contains("198.51") && !head.contains("6.6.6.6") && !head.contains("evil"),
        "{head}"
    );
    for line in [
        "forwarded: for=127.0.0.1;proto=http",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http",
    ] {
        assert_eq!(count(&head, line), 1, "{line} in {head}");
    }
}

#[test]
fn a_trusted_proxy_is_believed_about_its_client() {
    let (head, _) = passed_on(ORIGIN);
    assert!(
        !head.contains("6.6.6.6") && !head.contains("evil"),
        "{head}"
    );
    for line in [
        "forwarded: for=198.51.100.7;proto=http",
        "x-forwarded-for: 198.51.100.7",
    ] {
        assert_eq!(count(&head, line), 1, "{line} in {head}");
    }
}

#[test]
fn a_request_keeps_the_id_it_came_with() {
    let (head, answer) = passed_on("X-Request-Id: Trade-7\r\n");
    assert_eq!(count(&head, "x-request-id: trade-7"), 1);
    assert_eq!(answer.header("x-request-id"), Some("Trade-7"));
}

#[test]
fn a_request_without_a_presentable_id_is_given_one() {
    let long = format!("X-Request-Id: {}\r\n", "x".repeat(129));
    for headers in ["", "X-Request-Id: a b\r\n", "X-Request-Id:\r\n", &long] {
        let (head, answer) = passed_on(headers);
        let id = answer.header("x-request-id").unwrap();
        assert_eq!(id.len(), 32);
        assert_eq!(count(&head, &format!("x-request-id: {id}")), 1, "{head}");
        assert!(head.contains(&format!("traceparent: 00-{id}-")), "{head}");
    }
}

#[test]
fn a_refusal_names_its_request() {
    let gateway = TestGateway::start();
    let answer = gateway.send(post("/nowhere", "X-Request-Id: Trade-7\r\n", ""));
    answer.assert_refused(404, "not-found");
    assert_eq!(answer.header("x-request-id"), Some("Trade-7"));
    assert_eq!(answer.json()["request_id"], "Trade-7");
}

#[test]
fn a_trace_is_continued() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let (head, _) = passed_on(&format!(
        "Traceparent: 00-{trace}-00f067aa0ba902b7-01\r\nTracestate: a=b\r\n"
    ));
    assert!(
        head.contains(&format!("\r\ntraceparent: 00-{trace}-")),
        "{head}"
    );
    assert!(!head.contains("00f067aa0ba902b7"));
    assert_eq!(count(&head, "tracestate: a=b"), 1);
}

#[test]
fn a_broken_trace_is_begun_anew() {
    let (head, _) = passed_on("Traceparent: 00-zz-00f067aa0ba902b7-01\r\nTracestate: a=b\r\n");
    assert_eq!(head.matches("\r\ntraceparent: 00-").count(), 1);
    assert!(
        !head.contains("-zz-") && !head.contains("tracestate"),
        "{head}"
    );
}

#[test]
fn an_answer_loses_what_is_ours_and_what_is_of_one_hop() {
    let backend = Backend::answering(
        "HTTP/1.1 203 Fine\r\nContent-Length: 2\r\nX-Multicode-Reason: expired\r\nX_Multicode_Kind: x\r\n\
         Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n\
         Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Request-Id: theirs\r\n\r\nok",
    );
    let gateway = TestGateway::with(|files| files.pass_through(backend.address));
    let answer = gateway.scan(HEALTH_CARD, "other");
    assert_eq!((answer.status, answer.text()), (203, "ok"));
    let names: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    for name in [
        "x-multicode-reason",
        "x_multicode_kind",
        "x-hop",
        "keep-alive",
        "proxy-authenticate",
    ] {
        assert!(!names.contains(&name), "{answer:?}");
    }
    assert_eq!(
        names.iter().filter(|name| **name == "set-cookie").count(),
        2
    );
    assert_ne!(answer.header("x-request-id"), Some("theirs"));
}

#[test]
fn a_contracts_request_has_none_of_the_terminals_headers() {
    let gateway = TestGateway::start();
    let headers = "Content-Type: text/plain\r\nCookie: a=1\r\nAuthorization: Basic eA==\r\nX-Trade: 7\r\nUser-Agent: his\r\n";
    let answer = gateway.send(post(
        "/v1/scan?scene=register&terminal=W-0001",
        headers,
        HEALTH_CARD,
    ));
    assert_eq!(answer.status, 200, "{answer:?}");
    let (_, received) = gateway.only_received();
    for name in ["cookie", "authorization", "x-trade", "user-agent"] {
        assert_eq!(received.header(name), None, "{received:?}");
    }
    assert_eq!(received.header("content-type"), Some("application/json"));
}
