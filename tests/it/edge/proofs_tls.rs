//! Terminals that prove who they are by the certificate of their connection.

use std::sync::Arc;

use multicode::identity::Sort;
use sha2::{Digest as _, Sha256};

use super::proofs::{KEYS, register, sha256};
use super::tls_authority::{Authority, Secured, Wish, client, dial, leaf, secure};
use super::{Answer, EAN, Files, TestGateway, eventually, post};

/// Terminals by fingerprint (`W-0001`), by name (`W-0002`), and a certificate that is nobody's; a key
/// for `W-0002`.
fn gateway(required: bool) -> TestGateway {
    TestGateway::with(|files| {
        files.change("routes.toml", "\nanonymous       = true\n", "\n");
        let ca = Authority::new(files, "ca");
        ca.sign(files, &Wish::new("gateway", &["localhost"]));
        ca.sign(files, &Wish::new("first", &["first.example"]));
        ca.sign(files, &Wish::new("second", &["Second.Example"]));
        ca.sign(files, &Wish::new("nobodys", &["nobody.example"]));
        ca.sign(files, &Wish::new("wild", &["*.example"]));
        let print = fingerprint(files, "first");
        register(files, "W-0001", &format!("certificate = \"{print}\""));
        register(files, "W-0002", "san = \"second.EXAMPLE\"");
        register(
            files,
            "W-0002",
            &format!("api_key = \"{}\"", sha256(KEYS[1])),
        );
        let tls = "cert = \"gateway.pem\", key = \"gateway.key\"";
        let clients = format!("clients = {{ ca = \"ca.pem\", required = {required} }}");
        secure(files, &format!("{tls}, {clients}"));
    })
}

fn fingerprint(files: &Files, name: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(leaf(files, name)).into();
    let hex: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("sha256:{}", hex.join(":"))
}

fn connect(gateway: &TestGateway, shown: Option<&str>) -> Secured {
    let config = client(&gateway.files, "ca", shown);
    dial(gateway.address, &Arc::new(config), "localhost")
}

fn scan(connection: &mut Secured, headers: &str) -> Answer {
    let headers = format!("Content-Type: text/plain\r\n{headers}");
    connection.exchange(post("/v1/scan", &headers, EAN))
}

#[test]
fn a_certificate_proves_its_terminal_by_fingerprint_and_by_name() {
    let gateway = gateway(true);
    for (shown, terminal) in [("first", "W-0001"), ("second", "W-0002")] {
        let mut connection = connect(&gateway, Some(shown));
        assert_eq!(scan(&mut connection, "").status, 200);
        let claim = format!("X-Multicode-Terminal: {terminal}\r\n");
        assert_eq!(scan(&mut connection, &claim).status, 200);
        let answer = scan(&mut connection, "X-Multicode-Terminal: F-0001\r\n");
        answer.assert_refused(403, "terminal-conflict");
    }
    let live = &gateway.started.telling.live;
    eventually("all is told", || live.since(0).events.len() == 6);
    let events = live.since(0).events;
    let told = events
        .iter()
        .map(|(_, event)| (event.terminal.as_deref(), event.proof));
    let told: Vec<_> = told.collect();
    assert!(told.contains(&(Some("W-0001"), Some(Sort::Certificate))));
    assert!(
        told.iter()
            .all(|(_, proof)| *proof == Some(Sort::Certificate))
    );
}

#[test]
fn a_certificate_that_is_no_terminals_opens_the_connection_and_nothing_else() {
    let gateway = gateway(true);
    for shown in ["nobodys", "wild"] {
        let mut connection = connect(&gateway, Some(shown));
        let answer = scan(&mut connection, "");
        answer.assert_refused(401, "terminal-unproven");
        let claim = "X-Multicode-Terminal: W-0001\r\n";
        scan(&mut connection, claim).assert_refused(401, "terminal-unproven");
        // A proxy's certificate, and a terminal behind it.
        let key = format!("X-Api-Key: {}\r\n", KEYS[1]);
        assert_eq!(scan(&mut connection, &key).status, 200);
    }
}

#[test]
fn certificate_and_key_are_of_one_terminal() {
    let gateway = gateway(false);
    let key = format!("Authorization: Bearer {}\r\n", KEYS[1]);
    assert_eq!(scan(&mut connect(&gateway, None), &key).status, 200);
    assert_eq!(
        scan(&mut connect(&gateway, Some("second")), &key).status,
        200
    );
    let two = scan(&mut connect(&gateway, Some("first")), &key);
    two.assert_refused(403, "terminal-conflict");
    let wrong = scan(
        &mut connect(&gateway, Some("second")),
        &key.replace('9', "8"),
    );
    wrong.assert_refused(401, "terminal-unproven");
    let none = scan(&mut connect(&gateway, None), "");
    none.assert_refused(401, "terminal-unproven");
}

#[test]
fn a_certificate_that_is_taken_out_of_the_registry_is_out_on_open_connections() {
    let gateway = gateway(true);
    let mut connection = connect(&gateway, Some("first"));
    assert_eq!(scan(&mut connection, "").status, 200);
    register(&gateway.files, "W-0001", "revoked = true");
    gateway.reload();
    scan(&mut connection, "").assert_refused(403, "terminal-revoked");
    let print = fingerprint(&gateway.files, "first");
    let lines = format!("revoked = true\ncertificate = \"{print}\"\n");
    gateway.files.change("terminals.toml", &lines, "");
    gateway.reload();
    scan(&mut connection, "").assert_refused(401, "terminal-unproven");
}
