use std::fs;
use std::path::Path;
use std::process::Command;

use super::{comparison, page};
use crate::report::Latency;
use crate::report::sample;
use crate::report::types::{Report, Second};

/// What every text of a report is replaced by.
const HOSTILE: &str = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u{202e}路";

/// A report whose every text would be a script if it could.
fn hostile() -> Report {
    fn poison(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => HOSTILE.clone_into(text),
            serde_json::Value::Array(all) => all.iter_mut().for_each(poison),
            serde_json::Value::Object(all) => all.values_mut().for_each(poison),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(sample::report()).unwrap();
    let units: Vec<_> = value["thresholds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["unit"].clone())
        .collect();
    poison(&mut value);
    for (rule, unit) in value["thresholds"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .zip(units)
    {
        rule["unit"] = unit;
    }
    serde_json::from_value(value).unwrap()
}

/// A run of which nothing came.
fn empty() -> Report {
    let mut report = sample::report();
    report.latency = Latency::default();
    report.totals = crate::report::Totals::default();
    report.rate.achieved = 0.0;
    report.rate.offered = 0.0;
    report.duration_us = 0;
    report.series.clear();
    report.timeline.clear();
    report.refusals.clear();
    report.errors.clear();
    report.thresholds.clear();
    report.find_max = None;
    report
}

/// Eight hours, with a minute in which nobody answered.
fn soak() -> Report {
    let mut report = sample::report();
    let day = report.timeline.clone();
    let second = |at_s: u64| {
        let like = day[usize::try_from(at_s % 60).unwrap()];
        let silent = (9_000..9_200).contains(&at_s);
        let answered = if silent { 0 } else { like.answered };
        Second {
            at_s,
            answered,
            ..like
        }
    };
    report.timeline = (0..28_800).map(second).collect();
    report.duration_us = 28_800_000_000;
    report.thresholds.retain(|rule| rule.held);
    report.driver.limited = true;
    report.driver.says =
        "The driver computed for 99 % of its time, and requests left 40 ms late.".to_owned();
    report
}

/// Half as fast as before, and one series renamed.
fn slower() -> Report {
    let mut report = sample::report();
    let slow = |latency: &mut Latency| {
        let all = [
            &mut latency.p50_us,
            &mut latency.p99_us,
            &mut latency.p999_us,
        ];
        for micros in all
            .into_iter()
            .chain(latency.curve.iter_mut().map(|point| &mut point.micros))
        {
            *micros = *micros * 3 / 2;
        }
    };
    slow(&mut report.latency);
    report
        .series
        .iter_mut()
        .for_each(|series| slow(&mut series.latency));
    report.series[3].latency = sample::report().series[4].latency.clone();
    report.series[5].case = "meal QR".to_owned();
    report.target.tls = false;
    report
}

fn write_all(folder: &Path) {
    let report = sample::report();
    let pages = [
        ("report.html", page(&report)),
        ("hostile.html", page(&hostile())),
        ("empty.html", page(&empty())),
        ("soak.html", page(&soak())),
        ("comparison.html", comparison(&report, &slower(), 0.1)),
        ("same.html", comparison(&hostile(), &hostile(), 0.1)),
    ];
    for (name, text) in pages {
        fs::write(folder.join(name), text).unwrap();
    }
}

#[test]
fn every_page_can_be_read_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    write_all(folder.path());
    let mut command = Command::new("node");
    command
        .args(["--test", "--test-reporter=spec"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report.test.mjs"))
        .env("REPORTS", folder.path());
    let output = command.output().unwrap_or_else(|error| {
        panic!("no node ({error}): `tests/run` installs one, with a browser")
    });
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("a name from outside stays a name"), "{said}");
}

#[test]
fn every_number_of_the_headline_is_there() {
    let text = page(&sample::report());
    for said in [
        "3 of 7 thresholds broken",
        "<code>p99{scene=settlement}&lt;4ms</code> measured 4.73 ms",
        "4,998 <small>/s</small>",
        "99.82 % of 5,008/s offered",
        "<dt>p99</dt><dd>2.99 <small>ms</small></dd>",
        "3 of 299,900 not",
        "医保电子凭证",
        "unknown-issuer",
        "held up to <b>6,500/s</b>",
        "connection reset",
        "<dd>早高峰</dd>",
    ] {
        assert!(text.contains(said), "{said} is missing");
    }
    assert!(!text.contains("The driver was the limit"));
}

#[test]
fn the_limit_of_the_driver_is_said_in_words() {
    let text = page(&soak());
    assert!(text.contains("The driver was the limit, not the gateway"));
    assert!(text.contains("requests left 40 ms late"));
    assert!(text.contains("All 4 thresholds held"));
}

#[test]
fn a_long_run_makes_no_large_file() {
    let text = page(&soak());
    assert!(text.len() < 400_000, "{}", text.len());
    assert!(
        text.contains(">0 to 95 s: "),
        "stretches say which seconds they are"
    );
    assert!(text.contains(": no answer</title>"), "the silent minutes");
}

#[test]
fn nothing_of_a_report_is_markup() {
    let hostile = hostile();
    for text in [page(&hostile), comparison(&hostile, &sample::report(), 0.1)] {
        assert!(!text.contains("<script") && !text.contains("<img") && !text.contains('\u{202e}'));
        assert!(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    }
}

#[test]
fn numbers_that_are_none_do_not_break_a_picture() {
    let mut report = sample::report();
    report.rate.offered = 0.0;
    report.timeline.truncate(1);
    report.find_max.as_mut().unwrap().probes.truncate(1);
    for text in [
        page(&report),
        page(&empty()),
        comparison(&empty(), &empty(), 0.1),
    ] {
        assert!(!text.contains("NaN") && !text.contains("inf "), "{text}");
    }
}

#[test]
fn a_comparison_says_what_is_worse_and_why_to_be_careful() {
    let text = comparison(&sample::report(), &slower(), 0.1);
    for said in [
        "measures are worse by more than 10 %",
        "<li>all: p99 2.99 ms → 4.49 ms, 1.50x slower</li>",
        "the protocol differs: h2 with TLS before, h2 without TLS after",
        "canteen / meal QR / routed <b>only after</b>",
        "too few answers to judge",
    ] {
        assert!(text.contains(said), "{said} is missing");
    }
}
