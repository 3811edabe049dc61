//! Which certificate is shown, and what is spoken.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme, version,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::tls_authority::{Authority, Wish, client, dial, leaf, ocsp, only, scans, secure};
use super::{Client, EAN, SOON, TestGateway, post};

/// A gateway with three certificates of the authority `ca`: `localhost`, `*.scan.example`, `b.example`.
fn gateway() -> TestGateway {
    TestGateway::with(|files| {
        let ca = Authority::new(files, "ca");
        ca.sign(files, &Wish::new("first", &["localhost"]));
        ca.sign(files, &Wish::new("wild", &["*.scan.example"]));
        ca.sign(files, &Wish::new("b", &["b.example", "c.example"]));
        let others =
            "[{ cert = \"wild.pem\", key = \"wild.key\" }, { cert = \"b.pem\", key = \"b.key\" }]";
        let first = "cert = \"first.pem\", key = \"first.key\"";
        secure(files, &format!("{first}, others = {others}"));
    })
}

/// Takes any certificate, whatever its names, and keeps what was stapled.
#[derive(Debug)]
struct Anything(CryptoProvider, Mutex<Vec<u8>>);

impl Anything {
    fn new() -> Self {
        Self(ring::default_provider(), Mutex::default())
    }
}

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        stapled: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.1.lock().unwrap() = stapled.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The certificate that is shown to who asks for this name, or for none.
fn shown(gateway: &TestGateway, name: Option<&str>) -> CertificateDer<'static> {
    let mut config = client(&gateway.files, "ca", None);
    config.enable_sni = name.is_some();
    let trusting = Arc::new(Anything::new());
    config.dangerous().set_certificate_verifier(trusting);
    let config = Arc::new(config);
    let mut client = dial(gateway.address, &config, name.unwrap_or("localhost"));
    assert!(scans(&mut client));
    let session = &client.0.get_ref().conn;
    session.peer_certificates().unwrap()[0].clone().into_owned()
}

#[test]
fn a_certificate_is_chosen_by_the_name_that_is_asked_for() {
    let gateway = gateway();
    for (name, file) in [
        (Some("localhost"), "first"),
        (Some("b.example"), "b"),
        (Some("C.EXAMPLE"), "b"),
        (Some("a.scan.example"), "wild"),
        (Some("scan.example"), "first"),
        (Some("a.b.scan.example"), "first"),
        (Some("unknown.example"), "first"),
        (None, "first"),
    ] {
        let seen = shown(&gateway, name);
        assert!(seen == leaf(&gateway.files, file), "{name:?}");
    }
}

#[test]
fn a_name_is_verified_by_who_asks_for_it() {
    let gateway = gateway();
    let config = Arc::new(client(&gateway.files, "ca", None));
    for (name, good) in [
        ("localhost", true),
        ("c.example", true),
        ("a.scan.example", true),
        ("a.b.scan.example", false),
        ("unknown.example", false),
    ] {
        let mut client = dial(gateway.address, &config, name);
        assert_eq!(scans(&mut client), good, "{name}");
    }
    let refused =
        "multicode_tls_handshake_failures_total{listener=\"scan\",cause=\"refused-by-client\"}";
    super::eventually("refusals are counted", || gateway.metric(refused) > 1.5);
}

#[test]
fn both_versions_are_spoken_and_http_in_both_versions() {
    let gateway = gateway();
    for (version, spoken) in [
        (&version::TLS12, ProtocolVersion::TLSv1_2),
        (&version::TLS13, ProtocolVersion::TLSv1_3),
    ] {
        for (offered, agreed) in [
            (vec![&b"h2"[..], b"http/1.1"], Some(&b"h2"[..])),
            (vec![&b"http/1.1"[..]], Some(&b"http/1.1"[..])),
            (vec![], None),
        ] {
            let mut config = only(&gateway.files, "ca", version);
            config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
            let mut client = dial(gateway.address, &Arc::new(config), "localhost");
            if agreed != Some(b"h2") {
                assert!(scans(&mut client));
            }
            let stream = client.0.get_mut();
            while stream.conn.is_handshaking() {
                stream.conn.complete_io(&mut stream.sock).unwrap();
            }
            assert_eq!(stream.conn.protocol_version(), Some(spoken));
            assert_eq!(stream.conn.alpn_protocol(), agreed);
        }
    }
}

#[test]
fn older_versions_are_not_spoken() {
    let gateway = gateway();
    // A client's first message of TLS 1.1 and 1.0 (RFC 4346, section 7.4.1.2): a version, 32 random
    // bytes, no session, one suite, no compression.
    for minor in [2_u8, 1] {
        let mut hello = vec![3, minor];
        hello.extend([7; 32]);
        hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
        let length = u8::try_from(hello.len()).unwrap();
        let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
        record.extend(&hello);
        let mut stream = TcpStream::connect(gateway.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(&record).unwrap();
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        // A fatal alert and nothing else: no handshake message.
        assert_eq!(answer.get(..2), Some(&[21, 3][..]), "{answer:?}");
        assert_eq!(answer.len(), 7, "{answer:?}");
        assert_eq!(answer[5], 2);
    }
    let old = "multicode_tls_handshake_failures_total{listener=\"scan\",cause=\"incompatible\"}";
    super::eventually("they are counted", || gateway.metric(old) > 1.5);
}

#[test]
fn plain_text_on_the_wrong_door_is_told_nothing_but_an_alert() {
    let gateway = gateway();
    let mut client = Client::new(gateway.address);
    client.write(post("/v1/scan", "", EAN));
    let mut answer = Vec::new();
    let _ = client.0.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
    let broken = "multicode_tls_handshake_failures_total{listener=\"scan\",cause=\"protocol\"}";
    super::eventually("it is counted", || gateway.metric(broken) > 0.5);
}

#[test]
fn nothing_is_taken_early_and_sessions_are_resumed() {
    let gateway = gateway();
    let config: Arc<ClientConfig> = Arc::new({
        let mut config = client(&gateway.files, "ca", None);
        config.enable_early_data = true;
        config
    });
    let mut first = dial(gateway.address, &config, "localhost");
    assert!(scans(&mut first));
    let mut second = dial(gateway.address, &config, "localhost");
    assert!(second.0.get_mut().conn.early_data().is_none());
    assert!(scans(&mut second));
    let kind = second.0.get_ref().conn.handshake_kind();
    assert_eq!(kind, Some(rustls::HandshakeKind::Resumed));
}

#[test]
fn what_is_stapled_is_received_with_its_certificate_alone() {
    let gateway = TestGateway::with(|files| {
        let ca = Authority::new(files, "ca");
        let names = &["localhost"];
        let serial = 77;
        ca.sign(
            files,
            &Wish {
                serial,
                ..Wish::new("first", names)
            },
        );
        ca.sign(files, &Wish::new("b", &["b.example"]));
        std::fs::write(files.path("first.ocsp"), ocsp(77)).unwrap();
        let own = "cert = \"first.pem\", key = \"first.key\", ocsp = \"first.ocsp\"";
        let others = "others = [{ cert = \"b.pem\", key = \"b.key\" }]";
        secure(files, &format!("{own}, {others}"));
    });
    for version in [&version::TLS12, &version::TLS13] {
        for (name, stapled) in [("localhost", ocsp(77)), ("b.example", vec![])] {
            let verifier = Arc::new(Anything::new());
            let mut config = only(&gateway.files, "ca", version);
            let dangerous = Arc::clone(&verifier);
            config.dangerous().set_certificate_verifier(dangerous);
            assert!(scans(&mut dial(gateway.address, &Arc::new(config), name)));
            assert_eq!(*verifier.1.lock().unwrap(), stapled, "{name}");
        }
    }
    let until = "multicode_tls_ocsp_next_update_timestamp_seconds{certificate=\"localhost\"}";
    assert!((gateway.metric(until) - 4_102_444_800.0).abs() < 1.0);
}
