use std::path::Path;
use std::time::Duration;

use multicode::identity::digest;
use multicode_loadtest::cli::Exit;
use multicode_loadtest::plan::Plan;
use multicode_loadtest::report::Report;
use multicode_loadtest::scenario::load;

use crate::world::{World, program, scenario};

/// So slowly that a machine with other things to do keeps up.
const BRIEFLY: [&str; 4] = ["--rate", "30", "--for", "2s"];

/// Every answer was as expected, and every case was played.
#[track_caller]
fn check_all(report: &Report, decisions: &[&str]) {
    assert!(report.totals.answered > 30, "{:?}", report.totals);
    assert_eq!(report.totals.as_expected, report.totals.answered);
    for decision in decisions {
        let found = report
            .series
            .iter()
            .any(|series| series.decision == *decision);
        assert!(found, "nothing was decided {decision}");
    }
}

/// A sequence in which codes are shown again more than once in a hundred.
fn seed_with_replays(rate: f64, time: Duration) -> String {
    let mut hospital = load(Path::new(&scenario("hospital.toml")))
        .scenario
        .unwrap();
    let model = hospital.load.model.shortened(Some(rate), Some(time));
    let replays = |seed: &u64| {
        hospital.seed = *seed;
        let plan = Plan::new(&hospital, &model, 0, 1);
        let late = plan.skip(60).filter(|due| due.replay.is_some());
        late.count() >= 5
    };
    (0..100_000).find(replays).unwrap().to_string()
}

#[test]
fn the_hospital_is_decided_as_it_should_be() {
    let world = World::start();
    let seed = seed_with_replays(60.0, Duration::from_secs(3));
    let more = ["--rate", "60", "--for", "3s", "--seed", &seed];
    let report = world.play(&scenario("hospital.toml"), &more).good();
    check_all(
        &report,
        &["forward", "expired", "replayed", "bad-signature"],
    );
    assert_eq!(report.target.protocol, "h1");
    let reasons: Vec<&str> = report.refusals.iter().map(|one| &*one.reason).collect();
    assert_eq!(reasons, ["bad-signature", "expired", "replayed"]);
    let seconds: u64 = report.timeline.iter().map(|second| second.answered).sum();
    assert_eq!(seconds, report.totals.answered);
    let offered: u64 = report.timeline.iter().map(|second| second.offered).sum();
    assert_eq!(
        offered + report.totals.dropped,
        offered,
        "nothing was dropped"
    );
}

#[test]
fn a_day_is_played_within_seconds() {
    let world = World::start();
    let played = world.play(
        &scenario("registration-morning.toml"),
        &["--for", "3s", "--threshold", "p99<30s"],
    );
    // The file's own threshold may be broken by whatever else this machine does.
    let report = played.report.unwrap();
    check_all(&report, &["forward", "respond", "expired"]);
}

#[test]
fn what_was_paid_once_is_answered_from_the_record() {
    let world = World::start();
    let report = world.play(&scenario("settlement.toml"), &BRIEFLY).good();
    check_all(&report, &["forward", "repeated", "idempotency-key-missing"]);
    let of = |case: &str| {
        let all = report.series.iter().filter(|series| series.case == case);
        all.map(|series| series.count).sum::<u64>()
    };
    let (first, again) = (
        of("wallet, asked three times"),
        of("wallet, asked three times, again"),
    );
    assert_eq!(again, 2 * first, "each was asked three times");
}

#[test]
fn pictures_are_read() {
    let world = World::start();
    let more = [
        "--rate",
        "3",
        "--for",
        "3s",
        "--connections",
        "2",
        "--threshold",
        "errors<=50%",
    ];
    let report = world.play(&scenario("pictures.toml"), &more).good();
    assert!(report.totals.as_expected > 2, "{:?}", report.totals);
}

#[test]
fn codes_of_every_algorithm_are_believed() {
    let world = World::start();
    let report = world
        .play(&scenario("keys.toml"), &["--rate", "40", "--for", "3s"])
        .good();
    check_all(&report, &["forward", "unknown-key"]);
    for case in ["HMAC-SHA256", "HMAC-SM3", "ES256", "Ed25519", "SM2"] {
        let played = report.series.iter().any(|series| series.case == case);
        assert!(played, "{case}");
    }
}

#[test]
fn a_closed_load_asks_one_thing_at_a_time() {
    let world = World::start();
    let text = std::fs::read_to_string(scenario("hospital.toml")).unwrap();
    let (begin, rest) = text.split_once("[load]").unwrap();
    let (_, rest) = rest.split_once("[terminals]").unwrap();
    let load = "[load]\nmodel = \"closed\"\nusers = 3\nthink = \"20ms\"\nfor = \"2s\"\n";
    let text = format!("{begin}{load}[terminals]{rest}");
    let config = world.path("routes.toml");
    let path = world.path("closed.toml");
    std::fs::write(&path, text).unwrap();
    let report = world.play(&path, &["--config", &config]).good();
    assert_eq!(report.scenario.model, "closed");
    assert!(report.totals.answered > 6, "{:?}", report.totals);
    assert!(report.timeline.iter().all(|second| second.in_flight <= 3));
}

#[test]
fn several_threads_share_the_load() {
    let world = World::start();
    let report = world
        .play(
            &scenario("hospital.toml"),
            &[&BRIEFLY[..], &["--threads", "3"]].concat(),
        )
        .good();
    let (one, three) = (report.totals.sent, 60);
    assert!((20..=120).contains(&one), "{one} of about {three}");
}

#[test]
fn scans_travel_over_tls_and_http_2() {
    let world = World::with(|files| files.secure(""));
    let url = format!("https://localhost:{}", world.address.port());
    let ca = world.path("ca.pem");
    for protocol in ["h1", "h2"] {
        let more = [&BRIEFLY[..], &["--ca", &ca, "--protocol", protocol]].concat();
        let report = world
            .play_at(&url, &scenario("hospital.toml"), &more)
            .good();
        check_all(&report, &["forward", "expired"]);
        assert_eq!(
            (&*report.target.protocol, report.target.tls),
            (protocol, true)
        );
    }
    let stranger = World::with(|files| files.secure(""));
    let other = stranger.path("ca.pem");
    let more = [&BRIEFLY[..], &["--ca", &other]].concat();
    let refused = world.play_at(&url, &scenario("hospital.toml"), &more);
    assert_eq!(refused.exit, Exit::Io, "{}", refused.out);
    assert!(refused.err.contains(": tls"), "{}", refused.err);
}

#[test]
fn a_terminal_shows_its_certificate() {
    let world = World::with(|files| {
        files.secure(", clients = { ca = \"ca.pem\", required = true }");
        files.change(
            "terminals.toml",
            "[terminal.W-0001]\n",
            "[terminal.W-0001]\nsan = \"w-0001.example\"\n",
        );
    });
    let url = format!("https://localhost:{}", world.address.port());
    let (ca, cert, key) = (
        world.path("ca.pem"),
        world.path("terminal.pem"),
        world.path("terminal.key"),
    );
    let shown = [&BRIEFLY[..], &["--ca", &ca, "--cert", &cert, "--key", &key]].concat();
    let report = world.play_at(&url, &scenario("keys.toml"), &shown).good();
    check_all(&report, &["forward"]);
    let without = [&BRIEFLY[..], &["--ca", &ca]].concat();
    let refused = world.play_at(&url, &scenario("keys.toml"), &without);
    assert_ne!(refused.exit, Exit::Success, "{}", refused.out);
}

/// An API key.
const KEY: &str = "the-key-of-W-0001-that-nobody-else-has";

#[test]
fn a_terminal_shows_its_key() {
    let digest = digest(KEY.as_bytes()).unwrap();
    let digest = digest
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let world = World::with(|files| {
        let key = format!("[terminal.W-0001]\napi_key = \"sha256:{digest}\"\n");
        files.change("terminals.toml", "[terminal.W-0001]\n", &key);
    });
    let text = std::fs::read_to_string(scenario("keys.toml")).unwrap();
    let text = text.replace("[terminals]\n", "[terminals]\napi_keys = \"keys.txt\"\n");
    let path = world.path("shown.toml");
    std::fs::write(&path, text).unwrap();
    let config = world.path("routes.toml");
    let keep = |key: &str| {
        std::fs::write(
            world.path("keys.txt"),
            format!("# of tests\nW-0001 {key}\n"),
        )
        .unwrap();
    };
    keep(KEY);
    let more = [&BRIEFLY[..], &["--config", &config]].concat();
    let played = world.play(&path, &more);
    assert!(!played.json.contains(KEY) && !played.out.contains(KEY));
    check_all(&played.good(), &["forward"]);
    keep("another-key-of-thirty-two-letters-or-more");
    let report = world.play(&path, &more).found();
    assert_eq!(report.totals.as_expected, 0, "{:?}", report.totals);
    assert!(
        report
            .refusals
            .iter()
            .any(|one| one.reason == "terminal-unproven")
    );
}

#[test]
fn what_is_expected_is_shown_before_anything_is_sent() {
    let world = World::start();
    let keys = world.path("sandbox.key");
    let (exit, out, err) = program(&["check", &scenario("hospital.toml"), "--keys", &keys]);
    assert_eq!(exit, Exit::Success, "{err}");
    let row = |case: &str| out.lines().find(|line| line.starts_with(case)).unwrap();
    assert!(row("tampered").ends_with("bad-signature"), "{out}");
    assert!(row("replayed").ends_with("replayed"), "{out}");
    assert!(row("health card").ends_with("forward"), "{out}");
}
