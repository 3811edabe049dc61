//! `tls` of a listener, as written and as meant.

use super::mistakes::LEAST;
use super::*;
use crate::tls::{Clients, Pair};

fn with(tls: &str) -> String {
    LEAST.replace("anonymous = true\n", &format!("anonymous = true\n{tls}\n"))
}

#[track_caller]
fn check(tls: &str, found: &str) {
    let text = with(tls);
    let said = findings(&[
        ("routes.toml", &text),
        ("plugins/wallet.toml", mistakes::WALLET),
    ]);
    assert!(said.contains(found), "{said}");
}

#[test]
fn every_file_of_a_listener_is_found_beside_the_configuration() {
    let text = with(
        "tls = { cert = \"a.pem\", key = \"a.key\", ocsp = \"a.ocsp\", \
         others = [{ cert = \"/b.pem\", key = \"b.key\" }], \
         clients = { ca = \"ca.pem\", crl = \"ca.crl\", required = false } }",
    );
    let folder = folder(&[
        ("routes.toml", &text),
        ("plugins/wallet.toml", mistakes::WALLET),
    ]);
    let loaded = load(&folder.path().join("routes.toml"), &NoSecrets);
    let config = loaded.config.unwrap();
    let files = &config.listeners[0].tls.as_ref().unwrap().files;
    let at = |name: &str| folder.path().join(name);
    let pairs = [
        Pair {
            cert: at("a.pem"),
            key: at("a.key"),
            ocsp: Some(at("a.ocsp")),
        },
        Pair {
            cert: "/b.pem".into(),
            key: at("b.key"),
            ocsp: None,
        },
    ];
    assert_eq!(files.pairs, pairs);
    let clients = Clients {
        ca: at("ca.pem"),
        crl: Some(at("ca.crl")),
        required: false,
    };
    assert_eq!(files.clients, Some(clients));
    let paths = [
        "a.pem", "a.key", "a.ocsp", "/b.pem", "b.key", "ca.pem", "ca.crl",
    ]
    .map(at);
    assert_eq!(files.paths().collect::<Vec<_>>(), paths);
}

#[test]
fn clients_must_show_a_certificate_unless_it_is_said_otherwise() {
    let text = with("tls = { cert = \"a.pem\", key = \"a.key\", clients = { ca = \"ca.pem\" } }");
    let folder = folder(&[
        ("routes.toml", &text),
        ("plugins/wallet.toml", mistakes::WALLET),
    ]);
    let loaded = load(&folder.path().join("routes.toml"), &NoSecrets);
    let config = loaded.config.unwrap();
    let files = &config.listeners[0].tls.as_ref().unwrap().files;
    assert!(files.clients.as_ref().unwrap().required);
}

#[test]
fn what_is_missing_or_too_much_is_told() {
    check("tls = { cert = \"a.pem\" }", "\"tls\" needs \"key\"");
    let pair = "cert = \"a.pem\", key = \"a.key\"";
    check(
        &format!("tls = {{ {pair}, ca = \"x\" }}"),
        "\"tls\" has no key \"ca\"",
    );
    check(
        &format!("tls = {{ {pair}, others = [{{ cert = \"b.pem\" }}] }}"),
        "needs \"key\"",
    );
    check(
        &format!("tls = {{ {pair}, others = [{{ {pair}, clients = {{}} }}] }}"),
        "has no key \"clients\"",
    );
    check(
        &format!("tls = {{ {pair}, clients = {{ crl = \"x\" }} }}"),
        "\"clients\" needs \"ca\"",
    );
    check(
        &format!("tls = {{ {pair}, clients = {{ ca = \"x\", required = \"yes\" }} }}"),
        "required",
    );
}
