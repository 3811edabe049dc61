//! Who may come in: certificates of terminals, and lists of those that were taken back.

use std::fs;
use std::sync::Arc;

use super::tls_authority::{Authority, Wish, client, dial, is_let_in, only, scans, secure};
use super::{Files, TestGateway, eventually};

/// A gateway that asks for certificates of `ca`, with this in `clients`; terminals `good` (serial 2),
/// `bad` (3), `over`, `early`, and `strange` of another authority.
fn gateway(clients: &str) -> TestGateway {
    gateway_and_authority(clients).0
}

fn gateway_and_authority(clients: &str) -> (TestGateway, Authority) {
    let mut authority = None;
    let gateway = TestGateway::with(|files| {
        let ca = Authority::new(files, "ca");
        ca.sign(files, &Wish::new("gateway", &["localhost"]));
        sign_terminals(files, &ca);
        let stranger = Authority::new(files, "stranger");
        stranger.sign(files, &Wish::new("strange", &["w-0001.example"]));
        ca.take_back(files, &[3]);
        stranger.take_back(files, &[]);
        let both = ["ca.pem", "stranger.pem"].map(|name| fs::read_to_string(files.path(name)));
        files.write("both.pem", &both.map(Result::unwrap).concat());
        let own = "cert = \"gateway.pem\", key = \"gateway.key\"";
        secure(files, &format!("{own}, clients = {{ {clients} }}"));
        authority = Some(ca);
    });
    (gateway, authority.unwrap())
}

fn sign_terminals(files: &Files, ca: &Authority) {
    let names = &["w-0001.example"];
    let wish = |file, serial| Wish {
        serial,
        ..Wish::new(file, names)
    };
    ca.sign(files, &wish("good", 2));
    ca.sign(files, &wish("bad", 3));
    let years = (2020, 2021);
    ca.sign(
        files,
        &Wish {
            years,
            ..wish("over", 4)
        },
    );
    let years = (2090, 2100);
    ca.sign(
        files,
        &Wish {
            years,
            ..wish("early", 5)
        },
    );
}

/// Whether who shows this certificate is let in, and what is counted if not.
#[track_caller]
fn check(gateway: &TestGateway, shown: Option<&str>, refused: Option<&str>) {
    let config = client(&gateway.files, "ca", shown);
    let let_in = is_let_in(gateway.address, config);
    assert_eq!(let_in, refused.is_none(), "{shown:?}");
    if let Some(cause) = refused {
        let series = "multicode_tls_handshake_failures_total{listener=\"scan\"";
        let series = format!("{series},cause=\"{cause}\"}}");
        eventually(cause, || gateway.metric(&series) > 0.5);
    }
}

#[test]
fn who_shows_no_certificate_or_a_wrong_one_is_not_let_in() {
    let gateway = gateway("ca = \"ca.pem\"");
    check(&gateway, Some("good"), None);
    check(&gateway, Some("bad"), None);
    check(&gateway, None, Some("no-certificate"));
    check(&gateway, Some("strange"), Some("unknown-authority"));
    check(&gateway, Some("over"), Some("expired"));
    check(&gateway, Some("early"), Some("expired"));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = only(&gateway.files, "ca", version);
        assert!(!is_let_in(gateway.address, config));
    }
    assert_eq!(gateway.mocks.received(), []);
}

#[test]
fn a_certificate_may_be_left_out_where_the_files_say_so_but_not_be_wrong() {
    let gateway = gateway("ca = \"ca.pem\", crl = \"ca.crl\", required = false");
    check(&gateway, Some("good"), None);
    check(&gateway, None, None);
    check(&gateway, Some("strange"), Some("unknown-authority"));
    check(&gateway, Some("over"), Some("expired"));
    check(&gateway, Some("bad"), Some("revoked"));
}

#[test]
fn what_was_taken_back_opens_nothing() {
    let gateway = gateway("ca = \"ca.pem\", crl = \"ca.crl\"");
    check(&gateway, Some("good"), None);
    check(&gateway, Some("bad"), Some("revoked"));
    check(&gateway, None, Some("no-certificate"));
}

#[test]
fn of_whom_no_list_says_anything_is_not_let_in() {
    let gateway = gateway("ca = \"both.pem\", crl = \"stranger.crl\"");
    check(&gateway, Some("good"), Some("unknown-revocation"));
    check(&gateway, Some("strange"), None);
}

#[test]
fn a_list_that_is_replaced_counts_from_the_next_handshake_on() {
    let (gateway, ca) = gateway_and_authority("ca = \"ca.pem\", crl = \"ca.crl\"");
    let config = Arc::new(client(&gateway.files, "ca", Some("good")));
    let mut open = dial(gateway.address, &config, "localhost");
    assert!(scans(&mut open));
    ca.take_back(&gateway.files, &[2]);
    assert!(scans(&mut dial(gateway.address, &config, "localhost")));
    gateway.reload();
    assert!(!scans(&mut dial(gateway.address, &config, "localhost")));
    check(&gateway, Some("good"), Some("revoked"));
    check(&gateway, Some("bad"), None);
    // Who was let in before goes on.
    assert!(scans(&mut open));
}

#[test]
fn a_session_is_not_resumed_where_certificates_are_asked_for() {
    let gateway = gateway("ca = \"ca.pem\", crl = \"ca.crl\"");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let shown = client(&gateway.files, "ca", Some("good"));
        let mut config = only(&gateway.files, "ca", version);
        config.client_auth_cert_resolver = shown.client_auth_cert_resolver;
        let config = Arc::new(config);
        for _ in 0..3 {
            let mut client = dial(gateway.address, &config, "localhost");
            assert!(scans(&mut client));
            let kind = client.0.get_ref().conn.handshake_kind();
            assert_ne!(kind, Some(rustls::HandshakeKind::Resumed));
        }
    }
}
