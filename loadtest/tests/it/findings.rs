use std::fs;
use std::sync::Mutex;
use std::thread::sleep;
use std::time::Duration;

use multicode_loadtest::cli::Exit;
use multicode_loadtest::report::SCHEMA;

use crate::mock::serve;
use crate::world::{play, program, root, scenario};

/// A text that must not be seen anywhere.
const SCANNED: &str = "3500000000000000000000004711";

/// A scenario of one case, in a folder of its own.
fn one_case(load: &str, case: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = root().canonicalize().unwrap().join("routes.toml");
    let text = format!(
        "name = \"one\"\nconfig = {config:?}\n[load]\n{load}\n[[case]]\nname = \"only\"\nshare = 1\n{case}\n"
    );
    let path = folder.path().join("one.toml");
    fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

fn voucher(load: &str) -> (tempfile::TempDir, String) {
    one_case(
        load,
        &format!("code = \"{SCANNED}\"\nscenes = [\"register\"]"),
    )
}

#[test]
fn a_gateway_that_lies_is_found_out() {
    let address = serve(|_| {});
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("sandbox.key").display().to_string();
    let more = ["--keys", &keys, "--rate", "40", "--for", "2s"];
    let report = play(
        &format!("http://{address}"),
        &scenario("hospital.toml"),
        &more,
    )
    .found();
    let tampered = report
        .series
        .iter()
        .filter(|series| series.case == "tampered" || series.case == "expired");
    for series in tampered {
        assert_eq!(
            (&*series.decision, series.unexpected),
            ("forward", series.count)
        );
    }
    assert!(report.totals.unexpected > 0, "{:?}", report.totals);
    let rule = report
        .thresholds
        .iter()
        .find(|held| held.rule.starts_with("unexpected"));
    assert!(!rule.unwrap().held);
}

#[test]
fn a_broken_threshold_is_status_1() {
    let address = format!("http://{}", serve(|_| {}));
    let (_folder, path) = voucher("phases = [{ rate = 50, for = \"1s\" }]");
    assert_eq!(play(&address, &path, &[]).exit, Exit::Success);
    let broken = play(
        &address,
        &path,
        &["--threshold", "max<1us", "--threshold", "p50<60s"],
    );
    assert_eq!(broken.exit, Exit::Finding, "{}{}", broken.out, broken.err);
    let held: Vec<bool> = broken
        .report
        .unwrap()
        .thresholds
        .iter()
        .map(|rule| rule.held)
        .collect();
    assert_eq!(held.first(), Some(&false));
}

/// One request of 400 is frozen for half a second on the only connection. Of the scans that were due meanwhile each
/// waited: a closed load would have seen one slow answer, here a quarter of them are.
#[test]
fn who_had_to_wait_for_another_ones_answer_is_counted() {
    let address = serve(|number| {
        if number == 100 {
            sleep(Duration::from_millis(500));
        }
    });
    let (_folder, path) = voucher("connections = 1\nphases = [{ rate = 200, for = \"2s\" }]");
    let report = play(&format!("http://{address}"), &path, &[]).good();
    assert!(report.totals.answered > 390, "{:?}", report.totals);
    let latency = &report.latency;
    assert!(latency.max_us >= 500_000, "{latency:?}");
    // 100 were due within the half second, and the 20th of them waited 400 ms.
    assert!(latency.p95_us >= 300_000, "{latency:?}");
    assert!(latency.p90_us >= 150_000, "{latency:?}");
}

#[test]
fn two_reports_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let (_scenario, path) = voucher("connections = 1\nphases = [{ rate = 100, for = \"2s\" }]");
    let measure = |name: &str, pause: u64| {
        let address = serve(move |_| sleep(Duration::from_millis(pause)));
        let file = folder.path().join(name).display().to_string();
        let url = format!("http://{address}");
        let (exit, out, err) = program(&["run", &path, "--target", &url, "--json", &file]);
        assert_eq!(exit, Exit::Success, "{out}{err}");
        file
    };
    let (fast, slow) = (measure("fast.json", 0), measure("slow.json", 60));
    let page = folder.path().join("compared.html").display().to_string();
    let (exit, out, err) = program(&["compare", &fast, &slow, "--html", &page]);
    assert_eq!(exit, Exit::Finding, "{out}{err}");
    assert!(out.contains("p99"), "{out}");
    assert!(
        fs::read_to_string(page)
            .unwrap()
            .starts_with("<!doctype html>")
    );
    assert_eq!(program(&["compare", &fast, &fast]).0, Exit::Success);
    let (exit, _, err) = program(&["compare", &fast, &path]);
    assert_eq!(exit, Exit::Usage, "{err}");
    assert_eq!(program(&["compare", &fast, "no-such.json"]).0, Exit::Io);
}

#[test]
fn nothing_that_was_scanned_is_told() {
    let address = serve(|_| {});
    let (_folder, path) = voucher("phases = [{ rate = 50, for = \"1s\" }]");
    let played = play(&format!("http://{address}"), &path, &[]);
    for text in [&played.out, &played.err, &played.json, &played.html] {
        assert!(!text.contains(SCANNED), "{text}");
    }
    assert!(played.html.contains("<svg"), "the page has its pictures");
    assert!(played.json.contains("\"p99_us\""));
}

/// Every answer takes ten milliseconds, one after the other: more than a hundred a second there cannot be.
#[test]
fn the_highest_rate_is_searched() {
    let turn = Mutex::new(());
    let address = serve(move |_| {
        let _mine = turn.lock().unwrap();
        sleep(Duration::from_millis(10));
    });
    let (_folder, path) = voucher("connections = 8\nphases = [{ rate = 1, for = \"1s\" }]");
    let more = ["--find-max", "p99<400ms", "--rate", "20", "--for", "2s"];
    let played = play(&format!("http://{address}"), &path, &more);
    let report = played.report.unwrap();
    let found = report.find_max.unwrap();
    assert!(found.rate > 0.0 && found.rate < 140.0, "{found:?}");
    assert!(found.probes.iter().any(|probe| !probe.held), "{found:?}");
    let told = played.out.matches(" a second: p99<400ms ").count();
    assert_eq!(told, found.probes.len(), "{}", played.out);
}

#[test]
fn a_gateway_that_ends_connections_is_asked_on_new_ones() {
    let address = serve(|number| assert!(number % 10 != 9, "the thread and its connection end"));
    let (_folder, path) = voucher("connections = 2\nphases = [{ rate = 50, for = \"2s\" }]");
    let report = play(&format!("http://{address}"), &path, &[]).found();
    assert!(report.totals.answered > 50, "{:?}", report.totals);
    let closed = report
        .errors
        .iter()
        .find(|fault| fault.kind == "closed")
        .unwrap();
    assert_eq!(closed.count, report.totals.errors);
    assert!(closed.count >= 5, "{closed:?}");
}

#[test]
fn nobody_there_is_status_3() {
    let (_folder, path) = voucher("phases = [{ rate = 1, for = \"1s\" }]");
    let played = play("http://127.0.0.1:1", &path, &[]);
    assert_eq!(played.exit, Exit::Io);
    assert!(
        played.err.contains("no connection to 127.0.0.1:1: connect"),
        "{}",
        played.err
    );
}

/// What is said of a scenario with this in it.
#[track_caller]
fn told(load: &str, case: &str) -> String {
    let (_folder, path) = one_case(load, case);
    let (exit, out, err) = program(&["check", &path]);
    assert_eq!(exit, Exit::Usage, "{out}{err}");
    assert!(err.contains("one.toml:"), "{err}");
    err
}

#[test]
fn mistakes_of_a_scenario_are_told_with_their_place() {
    let load = "phases = [{ rate = 1, for = \"1s\" }]";
    let code = "code = \"6901234567892\"";
    let found = told("phases = [{ rate = 1, for = \"soon\" }]", code);
    assert!(
        found.contains("one.toml:4:29: error: found `soon`, expected a number and its unit"),
        "{found}"
    );
    assert!(told("rates = 5", code).contains("unknown field `rates`"));
    assert!(
        told("day = [1, 2]\npeak = 5\nfor = \"1s\"", code).contains("found 2 numbers, expected 24")
    );
    assert!(
        told(load, "family = \"no-such\"").contains("found family `no-such`, expected one of ")
    );
    assert!(
        told(load, "family = \"ean\"\ncode = \"1\"")
            .contains("expected one of `family`, `code` and `replay`")
    );
    assert!(told(load, "replay = \"only\"").contains("expected another case"));
    assert!(
        told(load, "family = \"ean\"\nflaw = \"broken\"")
            .contains("found `broken`, expected none, expired")
    );
    assert!(
        told(load, &format!("{code}\nexpect = {{ reason = \"sad\" }}"))
            .contains("found `sad`, expected forward")
    );
    assert!(told(load, &format!("{code}\nrepeat = 1")).contains("without `idempotency = true`"));
    let found = told(
        load,
        "family = \"ean\"\nflaw = \"expired\"\nvalid_for = \"1\"",
    );
    assert!(found.contains("expected a number and its unit"), "{found}");
    assert_eq!(program(&["check", "no-such.toml"]).0, Exit::Io);
}

#[test]
fn arguments_that_do_not_go_together_are_status_2() {
    let (exit, out, _) = program(&["schema"]);
    assert_eq!((exit, &*out), (Exit::Success, SCHEMA));
    assert_eq!(program(&["run"]).0, Exit::Usage);
    let (_folder, path) = voucher("phases = [{ rate = 1, for = \"1s\" }]");
    for (more, said) in [
        (&["--target", "ftp://h"][..], "expected http://HOST:PORT"),
        (
            &["--target", "http://127.0.0.1:1", "--protocol", "h2"],
            "HTTP/2 is spoken over TLS",
        ),
        (&["--target", "https://127.0.0.1:1"], "https needs --ca"),
        (
            &["--target", "http://127.0.0.1:1", "--ca", "x"],
            "of https targets only",
        ),
        (
            &["--target", "http://127.0.0.1:1", "--threshold", "p99"],
            "p99",
        ),
    ] {
        let (exit, _, err) = program(&[&["run", &path], more].concat());
        assert_eq!(exit, Exit::Usage, "{more:?}: {err}");
        assert!(err.contains(said), "{more:?}: {err}");
    }
    assert_eq!(program(&["--help"]).0, Exit::Success);
}
