//! Terminals that sign their requests (RFC 9421), over real sockets and both versions of HTTP.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use multicode::tls::client_config;
use ring::{digest, hmac};
use rustls_pki_types::ServerName;
use serde_json::json;

use super::proofs::register;
use super::tls::certify;
use super::{Answer, EAN, Files, SECRET, TestGateway, post};

/// Asks everybody for a proof; one terminal signs.
fn guard(files: &Files) {
    files.change("routes.toml", "\nanonymous       = true\n", "\n");
    register(files, "W-0001", "signature_key = \"file:keys/w-0001\"");
}

/// A request to be signed, and what is done to it on its way.
struct Signed {
    method: &'static str,
    target: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
    components: Vec<&'static str>,
    created: i64,
    nonce: String,
    keyid: &'static str,
    more: &'static str,
}

/// A scan of a medicine as the documents advise to sign it.
fn scan(nonce: &str) -> Signed {
    let body = json!({ "code": EAN }).to_string();
    Signed {
        method: "POST",
        target: "/v1/scan",
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("content-digest", content_digest(&body)),
        ],
        body,
        components: vec![
            "@method",
            "@authority",
            "@path",
            "content-digest",
            "content-type",
        ],
        created: multicode::app::now().seconds(),
        nonce: nonce.to_owned(),
        keyid: "W-0001",
        more: "",
    }
}

fn content_digest(body: &str) -> String {
    let digest = digest::digest(&digest::SHA512, body.as_bytes());
    format!("sha-512=:{}:", STANDARD.encode(digest))
}

fn key() -> hmac::Key {
    let hex = SECRET.strip_prefix("hex:").unwrap();
    let pairs = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| str::from_utf8(pair).unwrap());
    let bytes: Vec<u8> = pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect();
    hmac::Key::new(hmac::HMAC_SHA256, &bytes)
}

impl Signed {
    /// `Signature-Input` and `Signature`, for this host.
    fn sign(&self, origin: &str) -> [(&'static str, String); 2] {
        let (scheme, host) = origin.split_once("://").unwrap();
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        let query = format!("?{query}");
        let target = format!("{scheme}://{host}{}", self.target);
        let mut base = String::new();
        for component in &self.components {
            let header = self.headers.iter().find(|it| it.0 == *component);
            let value = match (*component, header) {
                ("@method", _) => self.method,
                ("@authority", _) => host,
                ("@path", _) => path,
                ("@query", _) => &query,
                ("@scheme", _) => scheme,
                ("@target-uri", _) => &target,
                (_, Some((_, value))) => value,
                (other, None) => panic!("{other}"),
            };
            base.extend([format!("\"{component}\": {value}\n")]);
        }
        let components: Vec<_> = self
            .components
            .iter()
            .map(|it| format!("\"{it}\""))
            .collect();
        let params = format!(
            "({});created={};nonce=\"{}\";keyid=\"{}\"{}",
            components.join(" "),
            self.created,
            self.nonce,
            self.keyid,
            self.more
        );
        base.extend([format!("\"@signature-params\": {params}")]);
        let mac = STANDARD.encode(hmac::sign(&key(), base.as_bytes()));
        [
            ("signature-input", format!("sig1={params}")),
            ("signature", format!("sig1=:{mac}:")),
        ]
    }

    fn lines(&self) -> String {
        let signature = self.sign("http://gateway");
        let all = self.headers.iter().chain(&signature);
        let lines = all.map(|(name, value)| format!("{name}: {value}\r\n"));
        lines.collect::<Vec<_>>().concat()
    }

    fn bytes(&self) -> Vec<u8> {
        if self.method == "POST" {
            return post(self.target, &self.lines(), &self.body);
        }
        let (method, target, lines) = (self.method, self.target, self.lines());
        format!("{method} {target} HTTP/1.1\r\nHost: gateway\r\n{lines}\r\n").into_bytes()
    }
}

#[track_caller]
fn assert_unproven(answer: &Answer, detail: &str) {
    answer.assert_refused(401, "terminal-unproven");
    let said = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(said.contains(detail), "{said}");
}

#[test]
fn a_signed_request_is_its_terminals() {
    let gateway = TestGateway::with(guard);
    let mut client = gateway.client();
    assert_eq!(client.exchange(scan("1").bytes()).status, 200);
    let target = Signed {
        components: vec!["@target-uri", "content-type", "@method", "content-digest"],
        ..scan("2")
    };
    assert_eq!(client.exchange(target.bytes()).status, 200);
    let query = Signed {
        target: "/v1/scan?a=%20b&terminal=W-0001",
        components: [&scan("").components[..], &["@query", "@scheme"]].concat(),
        more: ";alg=\"hmac-sha256\";tag=\"scan\"",
        ..scan("3")
    };
    assert_eq!(client.exchange(query.bytes()).status, 200);
    let absolute = String::from_utf8(scan("4").bytes()).unwrap();
    let absolute = absolute.replacen("POST /", "POST http://gateway/", 1);
    assert_eq!(client.exchange(absolute).status, 200);
    let other = Signed {
        headers: vec![
            ("content-type", "application/json".to_owned()),
            (
                "content-digest",
                content_digest("{\"code\":\"6901234567892\",\"terminal\":\"W-0002\"}"),
            ),
        ],
        body: "{\"code\":\"6901234567892\",\"terminal\":\"W-0002\"}".to_owned(),
        ..scan("5")
    };
    let answer = client.exchange(other.bytes());
    answer.assert_refused(403, "terminal-conflict");
    let held = "multicode_terminal_proofs_total{proof=\"signature\",result=\"held\"}";
    assert!((gateway.metric(held) - 5.0).abs() < 0.5);
}

#[test]
fn an_outcome_is_asked_for_with_a_signature_as_well() {
    let gateway = TestGateway::with(guard);
    let mut named = scan("1");
    named
        .headers
        .push(("idempotency-key", "\"lost\"".to_owned()));
    named.components.push("idempotency-key");
    assert_eq!(gateway.send(named.bytes()).status, 200);
    let asking = |nonce: &str| Signed {
        method: "GET",
        target: "/v1/outcomes/lost",
        headers: Vec::new(),
        components: vec!["@method", "@target-uri"],
        ..scan(nonce)
    };
    let answer = gateway.send(asking("2").bytes());
    assert_eq!(answer.json()["state"], "done");
    let again = gateway.send(asking("2").bytes());
    assert_unproven(&again, "a nonce that was used");
    // A repetition is signed anew, and is the same request.
    named.nonce = "3".to_owned();
    let answer = gateway.send(named.bytes());
    assert_eq!(answer.header("idempotency-replayed"), Some("true"));
}

#[test]
fn nothing_that_was_signed_can_be_changed_on_the_way() {
    let gateway = TestGateway::with(guard);
    let sent = |nonce: &str| String::from_utf8(scan(nonce).bytes()).unwrap();
    for (from, to) in [
        ("POST /v1/scan ", "PUT /v1/scan "),
        ("POST /v1/scan ", "POST /v1/scan/ "),
        ("POST /v1/scan ", "POST /api/aggregateBarPay "),
        ("Host: gateway", "Host: gateway.example"),
        ("Host: gateway", "Host: gateway:8080"),
        ("application/json", "text/plain"),
        ("content-digest: sha-512=:", "content-digest: sha-512=:AA"),
        ("keyid=\"W-0001\"", "keyid=\"W-0002\""),
        ("keyid=\"W-0001\"", "keyid=\"nobody\""),
        ("nonce=\"tamper\"", "nonce=\"other\""),
        (" \"content-type\")", ")"),
        (";nonce", ";expires=9999999999;nonce"),
    ] {
        let changed = sent("tamper").replacen(from, to, 1);
        assert_ne!(changed, sent("tamper"), "{from}");
        let answer = gateway.send(&changed);
        answer.assert_refused(401, "terminal-unproven");
    }
    let other = sent("tamper").replace(EAN, "6901234567880");
    assert_unproven(&gateway.send(&other), "not what Content-Digest says");
    // Nothing of that used the nonce up.
    assert_eq!(gateway.send(sent("tamper")).status, 200);
    gateway.assert_nobody_was_asked();
}

#[test]
fn nothing_that_means_something_can_be_added_on_the_way() {
    let gateway = TestGateway::with(guard);
    let sent = String::from_utf8(scan("add").bytes()).unwrap();
    for (line, detail) in [
        ("Idempotency-Key: a", "\"idempotency-key\", which is there"),
        ("X-Multicode-Scene: payment", "\"x-multicode-scene\""),
        ("X-Multicode-Terminal: W-0001", "\"x-multicode-terminal\""),
        ("Content-Type: text/plain", "does not hold"),
        ("Content-Digest: sha-256=:AA==:", "does not hold"),
        ("Signature: sig1=:AA==:", "Signature cannot be read"),
        ("Signature: sig2=:AA==:", "several signatures"),
        ("Signature-Input: sig1=()", "Signature-Input cannot be read"),
        ("Signature-Input: sig2=()", "several signatures"),
    ] {
        let more = sent.replacen("\r\n", &format!("\r\n{line}\r\n"), 1);
        assert_unproven(&gateway.send(&more), detail);
    }
    let query = sent.replacen("/v1/scan ", "/v1/scan?scene=payment ", 1);
    assert_unproven(&gateway.send(&query), "\"@query\"");
    assert_eq!(gateway.send(&sent).status, 200);
}

#[test]
fn a_signature_has_its_time_and_its_body() {
    let gateway = TestGateway::with(guard);
    let now = multicode::app::now().seconds();
    for (created, detail) in [(now - 310, "an old signature"), (now + 60, "of the future")] {
        let late = Signed {
            created,
            ..scan("time")
        };
        assert_unproven(&gateway.send(late.bytes()), detail);
    }
    let over = Signed {
        more: ";expires=1",
        ..scan("time")
    };
    assert_unproven(&gateway.send(over.bytes()), "has expired");
    let mut unsaid = scan("body");
    unsaid.components.retain(|one| *one != "content-digest");
    assert_unproven(&gateway.send(unsaid.bytes()), "\"content-digest\"");
    let skewed = Signed {
        created: now - 200,
        ..scan("skewed")
    };
    assert_eq!(gateway.send(skewed.bytes()).status, 200);
    assert_unproven(&gateway.send(skewed.bytes()), "a nonce that was used");
}

#[test]
fn a_nonce_stays_used_over_a_reload() {
    let gateway = TestGateway::with(guard);
    let request = scan("once").bytes();
    assert_eq!(gateway.send(&request).status, 200);
    gateway.reload();
    assert_unproven(&gateway.send(&request), "a nonce that was used");
    register(&gateway.files, "W-0001", "revoked = true");
    gateway.reload();
    let answer = gateway.send(scan("other").bytes());
    answer.assert_refused(403, "terminal-revoked");
}

#[tokio::test]
async fn a_signature_holds_over_http_2() {
    let start = || {
        TestGateway::with(|files| {
            guard(files);
            certify(files, "gateway");
            let tls = "[listener.scan]\ntls = { cert = \"gateway.pem\", key = \"gateway.key\" }\n";
            files.change("routes.toml", "[listener.scan]\n", tls);
        })
    };
    let gateway = tokio::task::spawn_blocking(start).await.unwrap();
    let config = client_config(&gateway.files.path("gateway.pem")).unwrap();
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = tokio::net::TcpStream::connect(gateway.address).await;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = connector.connect(name, stream.unwrap()).await.unwrap();
    let handshake =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, driver) = handshake.await.unwrap();
    tokio::spawn(driver);
    let send = async |request: &Signed, origin: &str, host: Option<&'static str>| {
        let mut made = Request::post(format!("https://localhost{}", request.target));
        for (name, value) in request.headers.iter().chain(&request.sign(origin)) {
            made = made.header(*name, HeaderValue::from_str(value).unwrap());
        }
        if let Some(host) = host {
            made = made.header("host", host);
        }
        let made = made.body(Full::new(Bytes::from(request.body.clone())));
        let response = sender.clone().send_request(made.unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, String::from_utf8(body.to_vec()).unwrap())
    };
    let target = |nonce: &str| Signed {
        components: vec!["@method", "@target-uri", "content-type", "content-digest"],
        ..scan(nonce)
    };
    let origin = "https://localhost";
    assert_eq!(send(&scan("1"), origin, None).await.0, StatusCode::OK);
    assert_eq!(send(&target("2"), origin, None).await.0, StatusCode::OK);
    for (request, origin) in [
        (target("3"), "http://localhost"),
        (scan("4"), "https://other"),
    ] {
        let (status, body) = send(&request, origin, None).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(body.contains("terminal-unproven"), "{body}");
    }
    // Two hosts, and one of them signed: never taken for proven.
    for origin in ["https://localhost", "https://other"] {
        let (status, _) = send(&scan("5"), origin, Some("other")).await;
        assert!(status.is_client_error(), "{status}");
    }
    tokio::task::spawn_blocking(move || drop(gateway))
        .await
        .unwrap();
}
