use super::*;
use crate::report::sample;
use crate::report::types::Totals;

#[track_caller]
fn judged(rule: &str) -> Held {
    let held = rule.parse::<Rule>().unwrap().judge(&small());
    assert_eq!(held.rule, rule);
    held
}

#[track_caller]
fn check(rule: &str, measured: f64, unit: Unit, held: bool) {
    let found = judged(rule);
    assert_eq!(
        (found.measured, found.unit, found.held),
        (Some(measured), unit, held),
        "{rule}"
    );
}

/// Numbers that can be checked in the head.
fn small() -> Report {
    let mut report = sample::report();
    report.totals = Totals {
        sent: 990,
        answered: 980,
        as_expected: 931,
        unexpected: 49,
        errors: 10,
        dropped: 10,
    };
    report.rate.offered = 100.0;
    report.rate.achieved = 98.0;
    report.latency.p99_us = 12_500;
    report.latency.p999_us = 20_000;
    report.latency.min_us = 90;
    report.refusals.truncate(1);
    report.refusals[0].count = 98;
    let series = |scene: &str, case: &str, count, unexpected, p99_us| Series {
        scene: scene.to_owned(),
        case: case.to_owned(),
        decision: "routed".to_owned(),
        count,
        unexpected,
        latency: Latency {
            p99_us,
            ..Latency::default()
        },
    };
    report.series = vec![
        series("settlement", "voucher", 100, 1, 9_000),
        series("settlement", "两江 pay", 300, 2, 31_000),
        series("registration", "card", 580, 46, 4_000),
        series("pharmacy", "nobody came", 0, 0, 0),
    ];
    report
}

#[test]
fn every_measure_is_held_to_its_limit() {
    check("p99<50ms", 12_500.0, Unit::Micros, true);
    check("p99<12.5ms", 12_500.0, Unit::Micros, false);
    check("p99 <= 12500us", 12_500.0, Unit::Micros, true);
    check(
        "p99.9 <= 19_999us".replace('_', "").as_str(),
        20_000.0,
        Unit::Micros,
        false,
    );
    check("p99.9<=0.02s", 20_000.0, Unit::Micros, true);
    check("min >= 90000 ns", 90.0, Unit::Micros, true);
    check("min>90µs", 90.0, Unit::Micros, false);
    check("errors<1.1%", 0.01, Unit::Share, true);
    check("errors<1%", 0.01, Unit::Share, false);
    check("errors==10", 10.0, Unit::Count, true);
    check("errors!=10", 10.0, Unit::Count, false);
    check("dropped<=1%", 0.01, Unit::Share, true);
    check("unexpected==0", 49.0, Unit::Count, false);
    check("unexpected<=5%", 0.05, Unit::Share, true);
    check("refused<=10%", 0.1, Unit::Share, true);
    check("achieved>=0.99", 0.98, Unit::Share, false);
    check("achieved>=98%", 0.98, Unit::Share, true);
    check("rate>98", 98.0, Unit::PerSecond, false);
}

#[test]
fn series_that_fit_are_each_held_to_it() {
    check("p99{scene=settlement}<30ms", 31_000.0, Unit::Micros, false);
    check("p99{scene=settlement}<32ms", 31_000.0, Unit::Micros, true);
    check(
        "p99{ scene = settlement , case=voucher } < 10ms",
        9_000.0,
        Unit::Micros,
        true,
    );
    check("p99{case=\"两江 pay\"}<10ms", 31_000.0, Unit::Micros, false);
    check("p99{decision=routed}>5ms", 4_000.0, Unit::Micros, false);
    check("p99{scene=settlement}==31ms", 9_000.0, Unit::Micros, false);
    check("unexpected{scene=settlement}<=3", 3.0, Unit::Count, true);
    check(
        "unexpected{scene=settlement}<0.75%",
        0.0075,
        Unit::Share,
        false,
    );
}

#[test]
fn a_rule_about_no_series_is_broken() {
    for rule in [
        "p99{scene=setlement}<1s",
        "p99{scene=pharmacy}<1s",
        "unexpected{case=none}==0",
    ] {
        let held = judged(rule);
        assert_eq!((held.measured, held.held), (None, false), "{rule}");
    }
}

#[test]
fn nothing_offered_is_nothing_achieved() {
    let mut report = small();
    report.rate.offered = 0.0;
    let held = "achieved>=0.5".parse::<Rule>().unwrap().judge(&report);
    assert_eq!((held.measured, held.held), (Some(0.0), false));
}

#[test]
fn a_mistake_is_said_with_its_place() {
    #[track_caller]
    fn mistake(rule: &str, expected: &str) {
        let found = rule.parse::<Rule>().unwrap_err().to_string();
        let expected = format!("rule \"{rule}\", character {expected}");
        assert!(found.starts_with(&expected), "{found}\n{expected}");
    }
    mistake("", "1: the end where one of p50, p90");
    mistake(
        "p98<5ms",
        "1: \"p98<5ms\" where one of p50, p90, p95, p99, p99.9,",
    );
    mistake(
        "p99",
        "4: the end where one of <=, >=, ==, !=, <, >, or {scene=…} was",
    );
    mistake("errors", "7: the end where one of <=, >=, ==, !=, <, > was");
    mistake("p99 = 5ms", "5: \"=\" where one of <=");
    mistake("p99<", "5: the end where a number was");
    mistake("p99<-5ms", "5: \"-5ms\" where a number was");
    mistake("p99<1.2.3ms", "5: \"1.2.3ms\" where a number was");
    mistake(
        "p99<5",
        "6: the end where a unit of time: ns, us, µs, ms or s was",
    );
    mistake("p99<5%", "6: \"%\" where a unit of time");
    mistake("p99<5 min", "7: \"min\" where a unit of time");
    mistake("p99<5ms x", "9: \"x\" where the end was");
    mistake("errors<5ms", "9: \"ms\" where the end was");
    mistake("rate>5%", "7: \"%\" where the end was");
    mistake(
        "errors{scene=a}<5",
        "7: \"{scene=a}<5\" where a comparison (this is not known",
    );
    mistake(
        "p99{}<5ms",
        "5: \"}<5ms\" where scene, case or decision was",
    );
    mistake(
        "p99{路=a}<5ms",
        "5: \"路=a}<5ms\" where scene, case or decision was",
    );
    mistake("p99{scene}<5ms", "10: \"}<5ms\" where \"=\" was");
    mistake("p99{scene=}<5ms", "11: \"}<5ms\" where a name was");
    mistake(
        "p99{scene=\"路<5ms",
        "12: \"路<5ms\" where a name with \" at its end was",
    );
    mistake("p99{scene=a<5ms", "16: the end where \",\" or \"}\" was");
    mistake(
        "p99{scene=a,scene=b}<5ms",
        "13: \"scene=b}<5ms\" where another field",
    );
}
