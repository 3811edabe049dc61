//! Listeners: ports, paths and balancers, and what is said about wrong ones.

use super::mistakes::{LEAST, WALLET};
use super::*;
use crate::server::{Address, Senders};

const ADDRESS: &str = "address = \"127.0.0.1:0\"";

/// The least files with these lines in the place of the listener's address.
fn with(lines: &str) -> String {
    assert!(LEAST.contains(ADDRESS), "{LEAST}");
    LEAST.replace(ADDRESS, lines)
}

#[track_caller]
fn says(lines: &str, expected: &str) {
    let routes = with(lines);
    let found = findings(&[("routes.toml", &routes), ("plugins/wallet.toml", WALLET)]);
    assert!(found.contains(expected), "{expected:?} is not in {found}");
}

#[test]
fn a_listener_may_be_a_path_and_hear_from_balancers() {
    let lines = "address = \"unix:/run/multicode/scan.sock\"\nmode = \"0660\"\nproxy_protocol = [\"10.0.0.0/8\", \"unix\", \"192.0.2.1\"]";
    let routes = with(lines) + "[limits]\nconnections_per_address = 7\n";
    let folder = folder(&[("routes.toml", &routes), ("plugins/wallet.toml", WALLET)]);
    let loaded = load(&folder.path().join("routes.toml"), &NoSecrets);
    let config = loaded.config.unwrap();
    let listener = &config.listeners[0];
    let address: Address = "unix:/run/multicode/scan.sock".parse().unwrap();
    assert_eq!((&listener.address, listener.mode), (&address, 0o660));
    let senders = Senders {
        networks: ["10.0.0.0/8", "192.0.2.1/32"]
            .map(|it| it.parse().unwrap())
            .into(),
        unix: true,
    };
    assert_eq!(listener.proxied, senders);
    assert_eq!(config.limits.connections_per_address, 7);
}

#[test]
fn what_is_no_door_is_said() {
    says(
        "address = \"localhost\"",
        "must be an address and a port such as",
    );
    says("address = \"unix:scan.sock\"", "must be absolute");
    says("address = 8080", "must be an address and a port");
    let port = "\"127.0.0.1:0\"";
    for mode in ["\"rw\"", "\"0060\"", "\"1777\"", "\"+600\"", "600"] {
        says(
            &format!("address = \"unix:/a\"\nmode = {mode}"),
            "permission bits such as",
        );
    }
    let about = "is about Unix sockets, and this listener has a port";
    says(&format!("address = {port}\nmode = \"0600\""), about);
    says(
        &format!("address = {port}\nproxy_protocol = [\"unix\"]"),
        about,
    );
    says(
        &format!("address = {port}\nproxy_protocol = [\"Unix\"]"),
        "a network such as",
    );
}

#[test]
fn the_files_that_are_named_are_known() {
    let lines = format!("{ADDRESS}\ntls = {{ cert = \"certs/a.pem\", key = \"/b.pem\" }}");
    let secret = "[state]\nfile = \"ledger\"\nkey = \"file:secrets/state\"\n";
    let routes = with(&lines) + secret;
    let folder = folder(&[("routes.toml", &routes), ("plugins/wallet.toml", WALLET)]);
    let loaded = load(&folder.path().join("routes.toml"), &NoSecrets);
    let named = [
        folder.path().join("certs/a.pem"),
        folder.path().join("secrets/state"),
        "/b.pem".into(),
    ];
    assert_eq!(loaded.written.named, named.into());
}
