use std::fs;
use std::io::{BufReader, ErrorKind, Read as _};
use std::net::TcpStream;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use multicode::sandbox::departments::{Department, Fault};
use multicode::tls::{client_config, server_config};
use rustls::{ClientConfig, ClientConnection, ServerConnection, StreamOwned};
use rustls_pki_types::ServerName;

use super::{Backend, Client, EAN, Files, HEALTH_CARD, TestGateway, keep, post};

/// A certificate for `localhost`, its own authority, as `NAME.pem` and `NAME.key`.
pub(super) fn certify(files: &Files, name: &str) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    fs::write(files.path(&format!("{name}.pem")), made.cert.pem()).unwrap();
    let key = files.path(&format!("{name}.key"));
    keep(&key, &made.signing_key.serialize_pem());
}

fn secured() -> TestGateway {
    secured_with(|_| {})
}

fn secured_with(change: impl FnOnce(&Files)) -> TestGateway {
    TestGateway::with(|files| {
        change(files);
        certify(files, "gateway");
        let tls = "tls = { cert = \"gateway.pem\", key = \"gateway.key\" }\n";
        files.change(
            "routes.toml",
            "[listener.scan]\n",
            &format!("[listener.scan]\n{tls}"),
        );
    })
}

fn trusting(gateway: &TestGateway, protocol: &[u8]) -> Arc<ClientConfig> {
    let config = client_config(&gateway.files.path("gateway.pem")).unwrap();
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols = vec![protocol.to_vec()];
    Arc::new(config)
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

#[test]
fn a_scan_travels_over_tls() {
    let gateway = secured();
    let session = ClientConnection::new(trusting(&gateway, b"http/1.1"), localhost()).unwrap();
    let stream = TcpStream::connect(gateway.address).unwrap();
    let mut client = Client(BufReader::new(StreamOwned::new(session, stream)));
    for _ in 0..2 {
        let answer = client.exchange(post("/v1/scan", "", EAN));
        assert_eq!(answer.json()["family"], "ean");
    }
    let code = gateway.mint("aggregate");
    let answer = client.exchange(post("/v1/scan?scene=register&terminal=W-0001", "", code));
    assert_eq!(answer.status, 200, "{answer:?}");
    let (_, received) = gateway.only_received();
    assert_eq!(received.header("x-forwarded-proto"), Some("https"));
}

#[test]
fn half_an_answer_over_tls_ends_without_a_farewell() {
    let gateway = secured();
    gateway.spoil(Department::Health, Fault::Half);
    let session = ClientConnection::new(trusting(&gateway, b"http/1.1"), localhost()).unwrap();
    let stream = TcpStream::connect(gateway.address).unwrap();
    let mut client = Client(BufReader::new(StreamOwned::new(session, stream)));
    let path = "/v1/scan?scene=register&terminal=W-0001";
    client.write(post(path, "", HEALTH_CARD));
    assert_eq!(client.head().status, 200);
    let end = client.0.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn a_scan_travels_over_http_2() {
    let gateway = tokio::task::spawn_blocking(secured).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(trusting(&gateway, b"h2"));
    let stream = tokio::net::TcpStream::connect(gateway.address)
        .await
        .unwrap();
    let stream = connector.connect(localhost(), stream).await.unwrap();
    let (sender, driver) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(driver);
    let scan = async |path: &str, code: String| {
        let request = Request::post(format!("https://localhost{path}"));
        let request = request.body(Full::new(Bytes::from(code))).unwrap();
        let response = sender.clone().send_request(request).await.unwrap();
        let (head, body) = response.into_parts();
        (head, body.collect().await.unwrap().to_bytes())
    };
    let (recognised, refused) = tokio::join!(
        scan("/v1/scan", EAN.to_owned()),
        scan(
            "/v1/scan",
            "wxp://f2f0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789".to_owned()
        )
    );
    assert_eq!(recognised.0.status, 200);
    assert_eq!(refused.0.status, 422);
    assert_eq!(refused.0.headers["x-multicode-reason"], "merchant-code");
    let code = gateway.mint("aggregate");
    let (head, _) = scan("/v1/scan?scene=settlement&terminal=W-0001", code).await;
    assert_eq!(head.status, 200);
    let (large, _) = scan("/v1/scan", "7".repeat(20_000)).await;
    assert_eq!(large.status, 413);
    assert_eq!(large.headers["x-multicode-reason"], "too-large");
    tokio::task::spawn_blocking(move || drop(gateway))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_body_nobody_wants_ends_its_stream_alone() {
    let limited = || secured_with(|files| files.limit("rate.address = \"1/h\""));
    let gateway = tokio::task::spawn_blocking(limited).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(trusting(&gateway, b"h2"));
    let stream = tokio::net::TcpStream::connect(gateway.address).await;
    let stream = connector.connect(localhost(), stream.unwrap()).await;
    let (executor, io) = (TokioExecutor::new(), TokioIo::new(stream.unwrap()));
    let connected = hyper::client::conn::http2::handshake(executor, io).await;
    let (sender, driver) = connected.unwrap();
    tokio::spawn(driver);
    let first = Request::post("https://localhost/v1/scan");
    let first = first.body(Full::new(Bytes::from(EAN))).unwrap();
    let answer = sender.clone().send_request(first).await.unwrap();
    assert_eq!(answer.status(), 200);
    // Longer than a stream's window: it cannot be sent to its end unless somebody reads it.
    for length in [13, 1 << 20, 13] {
        let request = Request::post("https://localhost/v1/scan");
        let body = Full::new(Bytes::from(vec![b'7'; length]));
        let request = request.body(body).unwrap();
        let answer = sender.clone().send_request(request).await.unwrap();
        assert_eq!(answer.status(), 429);
        assert!(!answer.headers().contains_key("connection"));
        let level = answer.headers()["ratelimit"].to_str().unwrap();
        assert!(level.starts_with("\"address\";r=0;t="), "{level}");
    }
    tokio::task::spawn_blocking(move || drop(gateway))
        .await
        .unwrap();
}

/// A gateway whose department speaks TLS and is trusted by this certificate.
fn with_department(trusted: &'static str) -> (TestGateway, Backend) {
    let mut started = None;
    let gateway = TestGateway::with(|files| {
        certify(files, "department");
        certify(files, "stranger");
        let identity =
            server_config(&files.path("department.pem"), &files.path("department.key")).unwrap();
        let backend = Backend::behind(
            |stream| {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    .unwrap();
            },
            move |stream| {
                let session = ServerConnection::new(Arc::clone(&identity)).unwrap();
                Box::new(StreamOwned::new(session, stream))
            },
        );
        let port = backend.address.port();
        files.pass_through_with(&format!(
            "endpoints = [\"https://localhost:{port}\"]\nca = \"{trusted}.pem\""
        ));
        started = Some(backend);
    });
    (gateway, started.unwrap())
}

#[test]
fn a_department_over_tls_is_asked_if_its_own_authority_vouches_for_it() {
    let (gateway, backend) = with_department("department");
    let answer = gateway.scan(HEALTH_CARD, "other");
    assert_eq!((answer.status, answer.text()), (200, "ok"), "{answer:?}");
    assert!(backend.only_head().contains("\r\nhost: localhost:"));
}

#[test]
fn a_department_nobody_vouches_for_is_sent_nothing() {
    let (gateway, backend) = with_department("stranger");
    let answer = gateway.scan(HEALTH_CARD, "other");
    answer.assert_refused(503, "upstream-unreachable");
    assert_eq!(backend.seen(), [""; 0]);
}
