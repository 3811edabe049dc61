use super::*;
use crate::family::Algorithm;
use crate::telemetry::{EventNames, TraceContext, Verification};
use crate::time::Timestamp;

fn event(second: i64, reason: Option<Reason>, terminal: &str) -> ScanEvent {
    let names = EventNames {
        routes: vec![("payment".into(), None)],
        issuers: ["fujian".into()].into_iter().collect(),
        ..EventNames::default()
    };
    let at = Timestamp::from_seconds(second);
    let mut event = ScanEvent::of(names.into(), at, None, TraceContext::default(), 0);
    event.outcome = reason.map_or(Outcome::Decision, |_| Outcome::Rejection);
    event.reason = reason;
    event.route = reason.is_none().then_some(0);
    event.issuer = Some(0);
    event.terminal = Some(terminal.into());
    event.made = Some(at.before(Duration::from_secs(3)));
    event.verification = Some(Verification {
        algorithm: Algorithm::Es256,
        holds: true,
    });
    event.laps.total = Duration::from_millis(20);
    event
}

fn told(events: &[ScanEvent]) -> Pulse {
    let mut pulse = Pulse::default();
    pulse.take(events, 0);
    pulse
}

#[test]
fn each_second_is_a_sample_of_its_own() {
    let pulse = told(&[
        event(1_000, None, "a"),
        event(1_000, Some(Reason::Expired), "a"),
        event(1_002, None, "a"),
    ]);
    let series = pulse.series(1_003);
    assert_eq!((series.end, series.scans.len()), (1_002, 900));
    assert_eq!(series.scans[897..], [2, 0, 1]);
    assert_eq!(series.refused[897..], [1, 0, 0]);
    assert!(series.p50[899].abs_diff(20_000) < 3_000 && series.p50[898] == 0);
    let minute = pulse.minute(1_003);
    assert_eq!((minute.scans, minute.refused), (3, 1));
}

#[test]
fn what_is_older_than_the_window_is_forgotten() {
    let pulse = told(&[
        event(1_000, Some(Reason::Expired), "a"),
        event(3_000, None, "a"),
    ]);
    assert_eq!(pulse.series(1_001).scans[899], 0);
    assert_eq!(pulse.tallies(3_001).len(), 1);
    assert!(pulse.refusals(3_001).is_empty());
    assert_eq!(pulse.0.lock().unwrap().seconds.len(), 1);
}

#[test]
fn refusals_tell_who_and_since_when() {
    let mut events: Vec<_> = (0..100)
        .map(|n| event(1_000, Some(Reason::Expired), &format!("kiosk-{n}")))
        .collect();
    events.extend([
        event(1_010, Some(Reason::Expired), "window"),
        event(1_010, None, ""),
    ]);
    let pulse = told(&events);
    let refusals = pulse.refusals(1_019);
    assert_eq!(refusals.len(), 1);
    let expired = &refusals[0];
    assert_eq!((expired.reason, expired.count), (Reason::Expired, 101));
    assert_eq!(expired.series[88..], [100, 1]);
    assert_eq!(expired.by_terminal[0], ("other".into(), 36));
    assert_eq!(expired.first, Timestamp::from_seconds(1_000));
    let routes = pulse.routes();
    assert_eq!((&*routes[0].0, routes[0].1.count), ("payment", 1));
    assert_eq!(pulse.clock_offsets(), [("fujian".into(), 3.0)]);
}

#[test]
fn a_clock_that_was_set_back_blinds_nobody() {
    let pulse = told(&[event(90_000, None, "a"), event(1_000, None, "a")]);
    assert_eq!(pulse.series(1_001).scans[899], 1);
    assert_eq!(pulse.minute(1_001).scans, 1);
}
