use std::{
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    sync::Arc,
};

use http::{Request, uri::Scheme};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use multicode::{
    server::{Config, Listener},
    tls::{self, client_config, department_config, server_config},
    upstream::{Endpoint, Protocol, UpstreamConfig},
};
use rustls::{ClientConnection, ServerConfig, StreamOwned, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use tempfile::TempDir;

use super::{Client, SOON, TestServer, config, post, upstream::towards};
use crate::edge::keep;

/// A certificate for `localhost` that is its own authority.
pub(crate) struct Identity(TempDir);

impl Identity {
    pub(crate) fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cert.pem"), made.cert.pem()).unwrap();
        let key = folder.path().join("key.pem");
        keep(&key, &made.signing_key.serialize_pem());
        Self(folder)
    }

    fn server(&self) -> Config {
        self.speaking(|_| {})
    }

    /// A server whose TLS is changed like this.
    fn speaking(&self, change: impl FnOnce(&mut ServerConfig)) -> Config {
        Config {
            listeners: vec![self.listener(change)],
            ..config()
        }
    }

    pub(crate) fn listener(&self, change: impl FnOnce(&mut ServerConfig)) -> Listener {
        let tls = server_config(&self.authority(), &self.0.path().join("key.pem"));
        let mut tls = Arc::unwrap_or_clone(tls.unwrap());
        change(&mut tls);
        Listener {
            tls: Some(Arc::new(Arc::new(tls).into())),
            ..Listener::at(([127, 0, 0, 1], 0))
        }
    }

    /// The file of its certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.0.path().join("cert.pem")
    }

    fn client(&self, alpn: &[&[u8]]) -> Arc<rustls::ClientConfig> {
        let config = client_config(&self.authority()).unwrap();
        let mut config = Arc::unwrap_or_clone(config);
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }

    fn upstream(&self, host: &str, port: u16) -> UpstreamConfig {
        let mut upstream = towards(&[port]);
        upstream.endpoints[0] = Endpoint {
            scheme: Scheme::HTTPS,
            host: host.into(),
            ..upstream.endpoints[0].clone()
        };
        upstream.tls = Some(self.client(&[b"http/1.1"]));
        upstream
    }
}

#[test]
fn http_1_is_spoken_over_tls() {
    let identity = Identity::new();
    let server = TestServer::start(identity.server());
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(identity.client(&[]), name).unwrap();
    let mut stream = StreamOwned::new(session, TcpStream::connect(server.address).unwrap());
    for body in ["one", "two"] {
        stream.write_all(post("/echo", body).as_bytes()).unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(body.as_bytes()) {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
        assert!(seen.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_the_client_asks_for_it() {
    let identity = Identity::new();
    let server = TestServer::start(identity.server());
    let connector = tokio_rustls::TlsConnector::from(identity.client(&[b"h2"]));
    let stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let stream = connector
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await;
    let executor = TokioExecutor::new();
    let io = TokioIo::new(stream.unwrap());
    let (sender, driver) = hyper::client::conn::http2::handshake(executor, io)
        .await
        .unwrap();
    let driver = tokio::spawn(driver);
    let exchange = async |path: &str, body: &'static str| {
        let uri = format!("https://localhost{path}");
        let request = Request::post(uri)
            .body(Full::new(bytes::Bytes::from(body)))
            .unwrap();
        let response = sender.clone().send_request(request).await.unwrap();
        (
            response.status().as_u16(),
            response.collect().await.unwrap().to_bytes(),
        )
    };
    let (slow, quick) = tokio::join!(exchange("/sleep", "slow"), exchange("/echo", ""));
    assert_eq!(slow, (200, "slow".into()));
    assert_eq!(quick, (200, "".into()));

    let running = server.running;
    let drained = tokio::task::spawn_blocking(move || running.drain(SOON));
    assert_eq!(drained.await.unwrap(), multicode::server::CutOff::default());
    driver.await.unwrap().unwrap();
}

#[test]
fn a_client_that_does_not_shake_hands_is_closed() {
    let identity = Identity::new();
    let mut config = identity.server();
    config.patience.header = std::time::Duration::from_millis(200);
    let server = TestServer::start(config);
    let mut client = Client::new(server.address);
    client.write(b"\x16\x03\x01");
    assert_eq!(client.rest().0, "");
}

#[test]
fn an_upstream_over_tls_must_prove_its_name() {
    let (identity, stranger) = (Identity::new(), Identity::new());
    let backend = TestServer::start(identity.server());
    let outcome = |upstream| {
        let gateway = TestServer::with_upstreams(config(), vec![upstream]);
        let mut client = gateway.client();
        let outcomes = [
            client.post("/send/echo", "x"),
            client.post("/send/echo", "x"),
        ];
        assert_eq!(outcomes[0], outcomes[1]);
        outcomes.into_iter().next().unwrap()
    };
    let port = backend.address.port();
    let unreachable = (502, "unreachable".to_owned());
    assert_eq!(
        outcome(identity.upstream("localhost", port)),
        (200, "x".into())
    );
    assert_eq!(outcome(identity.upstream("127.0.0.1", port)), unreachable);
    assert_eq!(outcome(stranger.upstream("localhost", port)), unreachable);
    let no_authority = UpstreamConfig {
        tls: None,
        ..identity.upstream("localhost", port)
    };
    assert_eq!(outcome(no_authority), unreachable);
}

/// A gateway over TLS towards `backend`, and what became of one request.
fn outcome(upstream: UpstreamConfig) -> (u16, String) {
    let gateway = TestServer::with_upstreams(config(), vec![upstream]);
    gateway.client().post("/send/echo", "x")
}

#[test]
fn http_2_to_an_upstream_is_agreed_upon_or_nothing_is_sent() {
    let identity = Identity::new();
    let h2 = |identity: &Identity, port| UpstreamConfig {
        protocol: Protocol::Http2,
        tls: Some(identity.client(&[b"h2"])),
        ..identity.upstream("localhost", port)
    };
    let both = TestServer::start(identity.server());
    let gateway = TestServer::with_upstreams(config(), vec![h2(&identity, both.address.port())]);
    let mut client = gateway.client();
    let large = "x".repeat(300_000);
    for body in ["one", "two", &large] {
        assert_eq!(client.post("/send/echo", body), (200, body.to_owned()));
    }
    let old = identity.speaking(|tls| tls.alpn_protocols = vec![b"http/1.1".to_vec()]);
    let old = TestServer::start(old);
    let unreachable = (502, "unreachable".to_owned());
    assert_eq!(outcome(h2(&identity, old.address.port())), unreachable);
    // A server that has never heard of ALPN.
    let silent = identity.speaking(|tls| tls.alpn_protocols.clear());
    let silent = TestServer::start(silent);
    assert_eq!(outcome(h2(&identity, silent.address.port())), unreachable);
}

#[test]
fn an_upstream_may_be_known_by_another_name() {
    let identity = Identity::new();
    let backend = TestServer::start(identity.server());
    let named = |name: &str| UpstreamConfig {
        server_name: Some(name.to_owned()),
        ..identity.upstream("127.0.0.1", backend.address.port())
    };
    assert_eq!(outcome(named("localhost")), (200, "x".into()));
    let unreachable = (502, "unreachable".to_owned());
    assert_eq!(outcome(named("elsewhere")), unreachable);
}

#[test]
fn an_upstream_that_asks_who_we_are_is_shown_our_certificate() {
    let (identity, ours) = (Identity::new(), Identity::new());
    let file = |name: &str| ours.0.path().join(name);
    let mut roots = rustls::RootCertStore::empty();
    let text = std::fs::read(file("cert.pem")).unwrap();
    let ours_der = CertificateDer::from_pem_slice(&text).unwrap();
    roots.add(ours_der).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let asks =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let cert = std::fs::read(identity.0.path().join("cert.pem")).unwrap();
    let key = std::fs::read(identity.0.path().join("key.pem")).unwrap();
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(asks.unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(&cert).unwrap()],
            PrivateKeyDer::from_pem_slice(&key).unwrap(),
        );
    let mut server = identity.server();
    server.listeners[0].tls = Some(Arc::new(Arc::new(tls.unwrap()).into()));
    let backend = TestServer::start(server);
    let ca = identity.0.path().join("cert.pem");
    let shown = tls::Identity {
        cert: file("cert.pem"),
        key: file("key.pem"),
    };
    let with = |shown: Option<&tls::Identity>| UpstreamConfig {
        tls: Some(department_config(&ca, shown, b"http/1.1").unwrap()),
        ..identity.upstream("localhost", backend.address.port())
    };
    assert_eq!(outcome(with(Some(&shown))), (200, "x".into()));
    // TLS 1.3: the refusal comes behind the handshake; whatever was written was never read.
    assert_ne!(outcome(with(None)).0, 200);
}
