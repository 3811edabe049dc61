use super::*;
use crate::report::sample;
use crate::report::text::Colour;
use crate::report::types::Refusal;

fn change(what: &str, before: f64, after: f64, unit: Unit, rise: Rise) -> Change {
    Change {
        what: what.to_owned(),
        before,
        after,
        unit,
        rise,
        judged: true,
    }
}

#[test]
fn a_change_has_a_ratio_and_a_direction() {
    #[track_caller]
    fn check(before: f64, after: f64, unit: Unit, rise: Rise, expected: &str) {
        assert_eq!(
            change("it", before, after, unit, rise).words(),
            format!("it {expected}")
        );
    }
    check(
        12_300.0,
        18_942.0,
        Unit::Micros,
        Rise::Bad,
        "12.3 ms → 18.9 ms, 1.54x slower",
    );
    check(
        3_000.0,
        1_000.0,
        Unit::Micros,
        Rise::Bad,
        "3.00 ms → 1.00 ms, 3.00x faster",
    );
    check(
        1_000.0,
        1_004.0,
        Unit::Micros,
        Rise::Bad,
        "1.00 ms → 1.00 ms, the same",
    );
    check(0.0, 0.0, Unit::Share, Rise::Bad, "0 % → 0 %, the same");
    check(0.0, 0.02, Unit::Share, Rise::Bad, "0 % → 2 %, none before");
    check(
        0.02,
        0.0,
        Unit::Share,
        Rise::Bad,
        "2 % → 0 %, none any more",
    );
    check(
        0.02,
        0.03,
        Unit::Share,
        Rise::Neither,
        "2 % → 3 %, 1.50x more",
    );
    check(
        5_000.0,
        4_000.0,
        Unit::PerSecond,
        Rise::Good,
        "5,000/s → 4,000/s, 1.25x lower",
    );
    check(
        400.0,
        4_000.0,
        Unit::PerSecond,
        Rise::Good,
        "400/s → 4,000/s, 10.0x higher",
    );
}

#[test]
fn worse_is_what_exceeds_the_tolerance() {
    let slower = change("p99", 1_000.0, 1_101.0, Unit::Micros, Rise::Bad);
    assert!(slower.regressed(0.10) && !slower.regressed(0.11));
    let fewer = change("rate", 1_000.0, 899.0, Unit::PerSecond, Rise::Good);
    assert!(fewer.regressed(0.10) && !fewer.regressed(0.11));
    assert!(change("errors", 0.0, 0.001, Unit::Share, Rise::Bad).regressed(0.10));
    assert!(!change("refused", 0.1, 0.9, Unit::Share, Rise::Neither).regressed(0.10));
    assert!(!change("p99", 1_000.0, 500.0, Unit::Micros, Rise::Bad).regressed(0.10));
    let unjudged = Change {
        judged: false,
        ..slower
    };
    assert!(!unjudged.regressed(0.0));
}

#[test]
fn a_report_is_no_worse_than_itself() {
    let report = sample::report();
    let same = Comparison::of(&report, &report);
    assert_eq!((same.warnings.len(), same.regressions(0.0).len()), (0, 0));
    assert_eq!((same.only_before.len(), same.only_after.len()), (0, 0));
    let measures: Vec<&str> = same
        .all
        .changes
        .iter()
        .map(|change| change.what.as_str())
        .collect();
    assert_eq!(
        measures,
        [
            "rate",
            "p50",
            "p99",
            "p99.9",
            "unexpected",
            "errors",
            "refused"
        ]
    );
    assert_eq!(same.series.len(), report.series.len());
    assert!(
        same.all
            .changes
            .iter()
            .all(|change| change.direction() == "the same")
    );
    let text = same.text(TOLERANCE, Colour::Off);
    assert!(
        text.contains("held nothing is worse by more than 10 %"),
        "{text}"
    );
}

#[test]
fn what_is_worse_is_found_in_its_series() {
    let before = sample::report();
    let mut after = before.clone();
    after.series[1].latency.p99_us *= 2;
    after.series[2].unexpected *= 5;
    let found = Comparison::of(&before, &after);
    let worse: Vec<String> = found
        .regressions(TOLERANCE)
        .iter()
        .map(|(name, change)| format!("{name}: {}", change.what))
        .collect();
    assert_eq!(
        worse,
        [
            "settlement / 医保电子凭证 / routed: p99",
            "registration / health card / routed: unexpected"
        ]
    );
    let text = found.text(TOLERANCE, Colour::Off);
    assert!(
        text.contains(
            "WORSE settlement / 医保电子凭证 / routed: p99 2.80 ms → 5.59 ms, 2.00x slower"
        ),
        "{text}"
    );
}

#[test]
fn few_answers_are_shown_and_not_judged() {
    let before = sample::report();
    let mut after = before.clone();
    after.series[6].latency.p999_us *= 3;
    let found = Comparison::of(&before, &after);
    assert!(
        found.regressions(TOLERANCE).is_empty(),
        "2,900 answers have three beyond 99.9 %"
    );
    let text = found.text(TOLERANCE, Colour::Off);
    assert!(
        text.contains("3.00x slower (too few answers to judge)"),
        "{text}"
    );
    // Refusals are not judged, but not for want of answers.
    assert_eq!(text.matches("too few").count(), 1, "{text}");
}

#[test]
fn a_series_in_one_only_is_named() {
    let before = sample::report();
    let mut after = before.clone();
    after.series[0].decision = "refused".to_owned();
    after.refusals.push(Refusal {
        reason: "limited".to_owned(),
        count: 2_999,
    });
    let found = Comparison::of(&before, &after);
    assert_eq!(
        found.only_before,
        ["settlement / insurance voucher / routed"]
    );
    assert_eq!(
        found.only_after,
        ["settlement / insurance voucher / refused"]
    );
    let text = found.text(TOLERANCE, Colour::Off);
    assert!(
        text.contains("only before: settlement / insurance voucher / routed"),
        "{text}"
    );
    assert!(
        found
            .refusals
            .last()
            .unwrap()
            .words()
            .ends_with("limited 0 % → 1 %, none before")
    );
}

#[test]
fn reports_that_cannot_be_compared_say_why() {
    let before = sample::report();
    let mut after = before.clone();
    after.scenario.name = "noon".to_owned();
    after.scenario.model = "burst".to_owned();
    after.target.tls = false;
    after.rate.offered *= 1.02;
    after.driver.limited = true;
    after.duration_us *= 2;
    let found = Comparison::of(&before, &after);
    let expected = [
        "the scenario differs: \"a hospital's morning\" before, \"noon\" after",
        "the model of arrivals differs: poisson before, burst after",
        "the protocol differs: h2 with TLS before, h2 without TLS after",
        "the offered rate differs: 5,008/s before, 5,108/s after",
    ];
    assert_eq!(found.warnings[..4], expected);
    assert!(
        found.warnings[4].starts_with("after, the driver was the limit"),
        "{:?}",
        found.warnings
    );
    assert!(
        found.regressions(TOLERANCE).is_empty(),
        "half the rate was not offered the same"
    );
}
