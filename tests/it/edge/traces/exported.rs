//! What is exported, and what becomes of scans when nobody takes it.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{Span, Status, status::StatusCode};
use rustls::{ServerConnection, StreamOwned};

use super::collector::{Collector, value};
use crate::edge::backend::Backend;
use crate::edge::gateway::value_of;
use crate::edge::secrecy::{TOKENS, codes, malformed, scans};
use crate::edge::tls::certify;
use crate::edge::{Answer, EAN, Files, HEALTH_CARD, Mocks, Program, eventually, post};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// The program with its traces sent to a port, in batches that do not wait, and with these variables.
fn tracing(files: &Files, port: u16, more: &[(&str, &str)]) -> Program {
    let endpoint = format!("http://127.0.0.1:{port}");
    let usual = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ];
    Program::serve_with(files, "info", &[&usual, more].concat())
}

/// A scan with this `traceparent`, if any.
fn scan(program: &Program, code: &str, traceparent: &str) -> Answer {
    let headers = if traceparent.is_empty() {
        "Content-Type: text/plain\r\n".to_owned()
    } else {
        format!("Content-Type: text/plain\r\nTraceparent: {traceparent}\r\n")
    };
    program.send(post("/v1/scan", &headers, code))
}

/// Ends the program, which hands over what it has.
fn end(program: Program) -> String {
    ended(program).said()
}

fn ended(mut program: Program) -> Program {
    program.signal("TERM");
    assert!(program.ended().success());
    program.wait_until_it_says("\"stopped\"");
    program
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn of_kind(spans: &[Span], kind: SpanKind) -> Vec<&Span> {
    let kind = i32::from(kind);
    spans.iter().filter(|span| span.kind == kind).collect()
}

#[track_caller]
fn says(span: &Span, expected: &[(&str, &str)]) {
    for (key, text) in expected {
        let found = value(&span.attributes, key);
        assert_eq!(found.as_deref(), Some(*text), "{key} of {span:?}");
    }
}

fn department() -> Backend {
    Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
}

#[test]
fn a_scan_is_a_span_with_its_department_below() {
    let (files, department, collector) = (Files::shipped(), department(), Collector::taking());
    files.pass_through(department.address);
    let program = tracing(&files, collector.port, &[]);
    let sent = format!("00-{TRACE}-{CALLER}-01");
    assert_eq!(scan(&program, HEALTH_CARD, &sent).status, 200);
    end(program);

    let spans = collector.spans();
    let [server] = of_kind(&spans, SpanKind::Server)[..] else {
        panic!("{spans:?}");
    };
    assert_eq!(server.name, "POST /v1/scan");
    assert_eq!(hex(&server.trace_id), TRACE);
    assert_eq!(hex(&server.parent_span_id), CALLER);
    says(
        server,
        &[
            ("http.request.method", "POST"),
            ("http.route", "/v1/scan"),
            ("http.response.status_code", "200"),
            ("url.scheme", "http"),
            ("network.protocol.version", "1.1"),
            ("multicode.kind", "health-card"),
            ("multicode.scene", "other"),
            ("multicode.route", "edge"),
            ("multicode.upstream", "edge"),
            ("multicode.outcome", "decision"),
            ("multicode.assurance", "structure"),
        ],
    );
    let subject = value(&server.attributes, "multicode.subject").unwrap();
    assert_eq!(subject.len(), 16);

    let [client] = of_kind(&spans, SpanKind::Client)[..] else {
        panic!("{spans:?}");
    };
    assert_eq!(client.name, "forward edge");
    says(
        client,
        &[
            ("peer.service", "edge"),
            ("http.response.status_code", "200"),
        ],
    );
    let asking = hex(&client.span_id);
    let told = department.only_head();
    let told = told.lines().find(|it| it.starts_with("traceparent: "));
    assert_eq!(told, Some(&*format!("traceparent: 00-{TRACE}-{asking}-01")));

    let stages = of_kind(&spans, SpanKind::Internal);
    let names: Vec<_> = stages.iter().map(|span| &*span.name).collect();
    assert_eq!(names, ["ingress", "classify", "trust", "policy", "route"]);
    for part in stages.iter().copied().chain([client]) {
        assert_eq!(part.parent_span_id, server.span_id);
        assert_eq!(part.trace_id, server.trace_id);
        assert!(part.start_time_unix_nano >= server.start_time_unix_nano);
        assert!(part.end_time_unix_nano <= server.end_time_unix_nano);
    }
}

#[test]
fn a_refusal_is_a_span_with_its_reason() {
    let (files, collector) = (Files::shipped(), Collector::taking());
    files.pass_through("127.0.0.1:9".parse().unwrap());
    let program = tracing(&files, collector.port, &[]);
    assert_eq!(scan(&program, HEALTH_CARD, "").status, 503);
    let page = "GET /l/nothing?who HTTP/1.1\r\nHost: g\r\n\r\n";
    assert_eq!(program.send(page).status, 404);
    assert_eq!(
        program
            .send("PURR /v1/scan HTTP/1.1\r\nHost: g\r\n\r\n")
            .status,
        405
    );
    end(program);
    let spans = collector.spans();
    let servers = of_kind(&spans, SpanKind::Server);
    let failed = |span: &Span| span.status.as_ref().map(Status::code);
    let named = |name: &str| *servers.iter().find(|span| span.name == name).unwrap();
    let unreachable = named("POST /v1/scan");
    let why = ("error.type", "upstream-unreachable");
    says(unreachable, &[why, ("multicode.stage", "forward")]);
    assert_eq!(failed(unreachable), Some(StatusCode::Error));
    assert!(unreachable.parent_span_id.is_empty());
    let [client] = of_kind(&spans, SpanKind::Client)[..] else {
        panic!("{spans:?}");
    };
    says(client, &[why, ("multicode.sent", "no")]);
    let missing = named("GET /l/{name}");
    says(missing, &[("error.type", "not-found")]);
    assert_eq!(failed(missing), Some(StatusCode::Unset));
    says(named("HTTP"), &[("http.request.method", "_OTHER")]);
}

#[test]
fn what_the_caller_does_not_record_is_not_exported() {
    let collector = Collector::taking();
    let files = Files::shipped();
    let program = tracing(&files, collector.port, &[]);
    scan(&program, EAN, &format!("00-{TRACE}-{CALLER}-00"));
    scan(&program, EAN, "");
    end(program);
    let spans = collector.spans();
    assert_eq!(of_kind(&spans, SpanKind::Server).len(), 1);
    assert!(spans.iter().all(|span| hex(&span.trace_id) != TRACE));
}

#[test]
fn a_ratio_of_traces_is_recorded_and_departments_know_which() {
    let (files, department, collector) = (Files::shipped(), department(), Collector::taking());
    files.pass_through(department.address);
    let sampler = [
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
    ];
    let program = tracing(&files, collector.port, &sampler);
    for _ in 0..64 {
        assert_eq!(scan(&program, HEALTH_CARD, "").status, 200);
    }
    end(program);
    let spans = collector.spans();
    let exported = of_kind(&spans, SpanKind::Server).len();
    let heads = department.seen();
    let recorded = heads.iter().filter_map(|head| {
        let head = head.to_ascii_lowercase();
        let (_, after) = head.split_once("traceparent: ")?;
        after.get(..55)?.ends_with("-01").then_some(())
    });
    assert_eq!(recorded.count(), exported);
    // Neither none nor all: one in 2^63 tosses of a coin.
    assert!((1..64).contains(&exported), "{exported}");
}

#[test]
fn the_environment_says_who_speaks_and_with_which_words() {
    let collector = Collector::taking();
    let variables = [
        ("OTEL_SERVICE_NAME", "ward-7"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test,service.name=no",
        ),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "x-tenant=a%20b,authorization=Bearer%20HEADERSECRET",
        ),
    ];
    let files = Files::shipped();
    let program = tracing(&files, collector.port, &variables);
    scan(&program, EAN, "");
    let said = end(program);
    let batches = collector.batches();
    let head = &batches[0].head;
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    for line in [
        "x-tenant: a b",
        "authorization: bearer headersecret",
        "content-type: application/x-protobuf",
        &format!("host: 127.0.0.1:{}", collector.port),
    ] {
        assert!(head.contains(&format!("\r\n{line}\r\n")), "{head}");
    }
    assert!(!said.contains("HEADERSECRET"), "{said}");
    let resource = collector.resources().remove(0).resource.unwrap();
    let of = |key| value(&resource.attributes, key);
    assert_eq!(of("service.name").as_deref(), Some("ward-7"));
    assert_eq!(of("deployment.environment.name").as_deref(), Some("test"));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(of("service.version").as_deref(), Some(version));
    assert!(said.contains("traces are exported"), "{said}");
}

#[test]
fn a_collector_over_tls_is_asked_if_its_own_authority_vouches_for_it() {
    let files = Files::shipped();
    for name in ["own", "strange"] {
        certify(&files, name);
    }
    for (trusted, arrives) in [("own.pem", true), ("strange.pem", false)] {
        let identity =
            multicode::tls::server_config(&files.path("own.pem"), &files.path("own.key"));
        let identity = identity.unwrap();
        let collector = Collector::playing(
            move |stream| {
                let session = ServerConnection::new(Arc::clone(&identity)).unwrap();
                Box::new(StreamOwned::new(session, stream))
            },
            |stream| {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer).unwrap();
            },
        );
        let endpoint = format!("https://localhost:{}", collector.port);
        let authority = files.path(trusted);
        let variables = [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*endpoint),
            (
                "OTEL_EXPORTER_OTLP_CERTIFICATE",
                authority.to_str().unwrap(),
            ),
        ];
        let program = Program::serve_with(&files, "info", &variables);
        assert_eq!(scan(&program, EAN, "").status, 200);
        let said = end(program);
        assert_eq!(!collector.batches().is_empty(), arrives, "{said}");
        assert_eq!(said.contains("TLS with it fails"), !arrives, "{said}");
    }
}

/// Scans on while nobody takes the traces, and ends.
#[track_caller]
fn goes_on_without(port: u16) -> Program {
    let variables = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "32"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
    ];
    // Kept for as long as the program reads and writes there.
    let files = Files::shipped();
    let program = tracing(&files, port, &variables);
    let began = Instant::now();
    for _ in 0..200 {
        assert_eq!(scan(&program, EAN, "").status, 200);
    }
    // Far less than one timeout of the collector's.
    assert!(began.elapsed() < Duration::from_secs(30));
    eventually("the loss is told", || {
        program.said().contains("do not reach")
    });
    // Another batch or two.
    sleep(Duration::from_millis(300));
    scan(&program, EAN, "");
    let metrics = program.get("/metrics").whole();
    let lost = value_of(&metrics, "multicode_telemetry_lost_total{what=\"trace\"}");
    assert!(lost > 0.0, "{metrics}");
    // `ended` waits less than one timeout of the collector's, too.
    let program = ended(program);
    let said = program.said();
    assert_eq!(said.matches("do not reach").count(), 1, "{said}");
    program
}

#[test]
fn a_collector_that_is_gone_stops_no_scan() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = gone.local_addr().unwrap().port();
    drop(gone);
    goes_on_without(port);
}

#[test]
fn a_collector_that_hangs_stops_no_scan() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let program = goes_on_without(silent.local_addr().unwrap().port());
    // The last thing it says, which may be read after its end.
    program.wait_until_it_says("the last traces did not reach");
}

#[test]
fn a_collector_that_is_ill_stops_no_scan() {
    for status in ["500 Oh", "503 Later\r\nRetry-After: 3600", "400 What"] {
        let collector = Collector::answering(status);
        goes_on_without(collector.port);
    }
}

#[test]
fn nothing_of_a_scan_leaves_in_a_trace() {
    let (files, mocks, collector) = (Files::shipped(), Mocks::start(), Collector::taking());
    mocks.stand_in(&files);
    let aggregate = "plugins/aggregate.toml";
    files.change(aggregate, "one_time   = true", "one_time   = false");
    let program = tracing(&files, collector.port, &[]);
    let codes = codes(&files);
    let stranger = "{\"code\":\"6901234567892\",\"terminal\":\"TOKENTERMINAL\",\"organisation\":\"TOKENPATH\"}";
    let claims = post("/v1/scan", "Content-Type: application/json\r\n", stranger);
    let named =
        "Content-Type: text/plain\r\nX-Request-Id: TOKENHEADER\r\nTracestate: a=TOKENHEADER\r\n";
    let named = post("/v1/scan", named, "TOKENPLAIN");
    let requests = codes.iter().flat_map(|code| scans(code));
    for request in requests.chain(malformed()).chain([claims, named]) {
        program.send(request);
    }
    end(program);
    assert!(of_kind(&collector.spans(), SpanKind::Server).len() > 20);
    let sent: Vec<u8> = collector
        .batches()
        .into_iter()
        .flat_map(|it| it.body)
        .collect();
    let sent = String::from_utf8_lossy(&sent);
    let parts = codes.iter().flat_map(|code| code.split('.').skip(6));
    for secret in TOKENS.into_iter().chain(parts) {
        assert!(!secret.is_empty() && !sent.contains(secret), "{secret}");
    }
}
