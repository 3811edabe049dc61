//! Certificates that are replaced while people scan.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use multicode::app;

use super::reload::reloader;
use super::tls_authority::{
    Authority, Wish, client, dial, is_let_in, leaf, open, replace, scans, secure,
};
use super::{EAN, Files, Program, TestGateway, eventually, post};

const OWN: &str = "cert = \"gateway.pem\", key = \"gateway.key\"";

fn files_of(files: &Files) -> Authority {
    let ca = Authority::new(files, "ca");
    ca.sign(files, &Wish::new("gateway", &["localhost"]));
    ca
}

fn secured() -> (TestGateway, Authority) {
    let mut ca = None;
    let gateway = TestGateway::with(|files| {
        ca = Some(files_of(files));
        secure(files, OWN);
    });
    (gateway, ca.unwrap())
}

#[test]
fn a_certificate_is_replaced_under_load_and_no_scan_fails() {
    let (gateway, ca) = secured();
    let config = client(&gateway.files, "ca", None);
    let (stop, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut kept = dial(gateway.address, &Arc::new(config.clone()), "localhost");
    assert!(scans(&mut kept));
    thread::scope(|scope| {
        for _ in 0..3 {
            let config = Arc::new(config.clone());
            scope.spawn(|| {
                let config = config;
                while !stop.load(Ordering::Relaxed) {
                    let mut client = dial(gateway.address, &config, "localhost");
                    for _ in 0..2 {
                        assert_eq!(client.exchange(post("/v1/scan", "", EAN)).status, 200);
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        for round in 0..3 {
            let before = done.load(Ordering::Relaxed);
            eventually("scans go on", || done.load(Ordering::Relaxed) > before + 5);
            let wish = Wish {
                serial: 100 + round,
                ..Wish::new("next", &["localhost"])
            };
            ca.sign(&gateway.files, &wish);
            replace(&gateway.files, "next", "gateway");
            gateway.reload();
            assert!(scans(&mut kept));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let mut client = dial(gateway.address, &Arc::new(config), "localhost");
    assert!(scans(&mut client));
    let shown = client.0.get_ref().conn.peer_certificates().unwrap()[0].clone();
    assert!(shown == leaf(&gateway.files, "gateway"));
}

#[test]
fn a_session_does_not_outlive_a_reload() {
    let (gateway, _) = secured();
    let config = Arc::new(client(&gateway.files, "ca", None));
    let kind = || {
        let mut client = dial(gateway.address, &config, "localhost");
        assert!(scans(&mut client));
        client.0.get_ref().conn.handshake_kind().unwrap()
    };
    assert_eq!(kind(), rustls::HandshakeKind::Full);
    assert_eq!(kind(), rustls::HandshakeKind::Resumed);
    gateway.reload();
    assert_eq!(kind(), rustls::HandshakeKind::Full);
}

/// Breaks the files so; the reload must be refused with these words, and the old certificate shown.
#[track_caller]
fn check_refused(break_it: impl FnOnce(&Files, &Authority), why: &str) {
    let (gateway, ca) = secured();
    let config = client(&gateway.files, "ca", None);
    break_it(&gateway.files, &ca);
    let reloader = reloader(&gateway);
    let stale = reloader.reload(app::now()).unwrap_err();
    assert!(stale.why.contains(why), "{}", stale.why);
    let healthy = "multicode_config_last_reload_successful";
    assert!(gateway.metric(healthy) < 0.5);
    assert!(is_let_in(gateway.address, config));
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    check_refused(
        |files, ca| {
            ca.sign(files, &Wish::new("other", &["localhost"]));
            fs::copy(files.path("other.pem"), files.path("gateway.pem")).unwrap();
        },
        "do not make a usable pair",
    );
    check_refused(
        |files, _| files.write("gateway.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n"),
        "gateway.pem: broken PEM",
    );
    check_refused(
        |files, _| fs::remove_file(files.path("gateway.key")).unwrap(),
        "gateway.key",
    );
    check_refused(
        |files, _| open(&files.path("gateway.key")),
        "gateway.key: mode 0644, expected a file only its owner may use",
    );
    check_refused(
        |files, _| {
            files.write("gateway.ocsp", "no");
            files.change(
                "routes.toml",
                OWN,
                &format!("{OWN}, ocsp = \"gateway.ocsp\""),
            );
        },
        "gateway.ocsp: not an OCSP response in DER",
    );
    check_refused(
        |files, _| files.change("routes.toml", &format!("tls = {{ {OWN} }}\n"), ""),
        "listener \"scan\" has lost its \"tls\", which needs a restart",
    );
}

#[test]
fn lists_that_are_not_the_authorities_own_are_refused() {
    check_refused(
        |files, _| {
            let clients = "clients = { ca = \"ca.pem\", crl = \"ca.pem\" }";
            files.change("routes.toml", OWN, &format!("{OWN}, {clients}"));
        },
        "ca.pem: found a certificate, expected a revocation list",
    );
    check_refused(
        |files, _| {
            files.write("ca.crl", "\u{30}\u{3}\u{1}");
            let clients = "clients = { ca = \"ca.pem\", crl = \"ca.crl\" }";
            files.change("routes.toml", OWN, &format!("{OWN}, {clients}"));
        },
        "ca.crl: not a revocation list in PEM or DER",
    );
    // Of an authority of that name, but of another key; and of another authority.
    for (name, why) in [
        (
            "ca",
            "ca.crl: a revocation list that its authority did not sign",
        ),
        ("other", "other.crl: no revocation list of the authorities"),
    ] {
        check_refused(
            |files, _| {
                let own = fs::read(files.path("ca.pem")).unwrap();
                Authority::new(files, name).take_back(files, &[]);
                fs::write(files.path("ca.pem"), own).unwrap();
                let clients = format!("clients = {{ ca = \"ca.pem\", crl = \"{name}.crl\" }}");
                files.change("routes.toml", OWN, &format!("{OWN}, {clients}"));
            },
            why,
        );
    }
}

#[test]
fn a_door_of_plain_text_stays_one_until_a_restart() {
    let gateway = TestGateway::start();
    files_of(&gateway.files);
    secure(&gateway.files, OWN);
    let stale = reloader(&gateway).reload(app::now()).unwrap_err();
    let why = "listener \"scan\" was given its \"tls\", which needs a restart";
    assert!(stale.why.contains(why), "{}", stale.why);
    assert_eq!(gateway.scan(EAN, "other").status, 200);
}

#[test]
fn the_end_of_every_certificate_is_told_as_long_as_it_is_shown() {
    let gateway = TestGateway::with(|files| {
        let ca = files_of(files);
        let years = (2020, 2090);
        let names = &["b.example"];
        ca.sign(
            files,
            &Wish {
                years,
                ..Wish::new("b", names)
            },
        );
        ca.sign(files, &Wish::new("nameless", &[]));
        ca.take_back(files, &[]);
        let pair = |name: &str| format!("{{ cert = \"{name}.pem\", key = \"{name}.key\" }}");
        let others = format!("others = [{}, {}]", pair("b"), pair("nameless"));
        let clients = "clients = { ca = \"ca.pem\", crl = \"ca.crl\", required = false }";
        secure(files, &format!("{OWN}, {others}, {clients}"));
    });
    let end = |name: &str| {
        let series = "multicode_tls_certificate_not_after_timestamp_seconds{listener=\"scan\"";
        gateway.metric(&format!("{series},certificate=\"{name}\"}}"))
    };
    let year_2090 = 3_786_912_000.0;
    assert!((end("b.example") - year_2090).abs() < 1.0);
    assert!((end("localhost") - 4_102_444_800.0).abs() < 1.0);
    assert!((end("nameless") - 4_102_444_800.0).abs() < 1.0);
    for name in [
        "multicode_tls_client_authority_not_after_timestamp_seconds",
        "multicode_tls_revocation_list_next_update_timestamp_seconds",
    ] {
        let told = gateway.metric(&format!("{name}{{listener=\"scan\"}}"));
        assert!((told - 4_102_444_800.0).abs() < 1.0, "{name}");
    }
    gateway
        .files
        .change("routes.toml", "{ cert = \"b.pem\", key = \"b.key\" }, ", "");
    gateway.reload();
    let text = gateway.started.metrics.text();
    assert!(!text.contains("b.example"), "{text}");
    assert!(text.contains("certificate=\"nameless\""));
}

#[test]
fn the_program_says_that_a_broken_pair_was_refused_and_serves_on() {
    let files = Files::shipped();
    let ca = files_of(&files);
    secure(&files, OWN);
    let program = Program::serve(&files, "info");
    let config = client(&files, "ca", None);
    assert!(is_let_in(program.scan, config.clone()));
    ca.sign(&files, &Wish::new("other", &["localhost"]));
    fs::rename(files.path("other.key"), files.path("gateway.key")).unwrap();
    program.signal("HUP");
    program.wait_until_it_says("configuration refused");
    let ready = program.get("/readyz").json();
    assert_eq!(ready["status"], "degraded", "{ready}");
    let why = ready["config"]["why"].as_str().unwrap();
    assert!(why.contains("gateway.pem and"), "{why}");
    assert!(is_let_in(program.scan, config.clone()));
    fs::rename(files.path("other.pem"), files.path("gateway.pem")).unwrap();
    program.signal("HUP");
    program.wait_until_it_says("configuration reloaded");
    let mut client = dial(program.scan, &Arc::new(config), "localhost");
    assert!(scans(&mut client));
    let shown = client.0.get_ref().conn.peer_certificates().unwrap()[0].clone();
    assert!(shown == leaf(&files, "gateway"));
}
