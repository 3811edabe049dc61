use serde_json::{Value, json};

use super::{Aggregate, gateway};
use crate::shipped::{Ask, NOW, door};

#[track_caller]
fn check(ask: Ask<'_>, expected: &Value) {
    let story = ask.explained(&gateway(), &door(), |story| {
        serde_json::to_value(story).unwrap()
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(story.get(key), Some(value), "{key}");
    }
}

#[test]
fn a_decision_is_told_with_every_promised_key() {
    let code = Aggregate::default().signed();
    let expected = json!({
        "outcome": "decision",
        "reason": null,
        "family": "aggregate",
        "kind": "aggregate",
        "issuer": "fujian",
        "assurance": "signature",
        "route": "settle-aggregate",
        "upstream": "insurance",
        "trust": {
            "signature": "valid", "key": "sha", "not_before": NOW, "not_after": NOW + 120, "time": "ok",
        },
        "scene": "settlement", "region": "350200", "relation": "same-city", "shown": format!("MC1.…{} ({})", code.get(code.len() - 2..).unwrap(), code.len()),
    });
    check(Ask::new(&code).scene("01301").terminal("W-0001"), &expected);
}

#[test]
fn what_does_not_apply_is_null() {
    let expected = json!({
        "outcome": "rejection", "reason": "unknown-code", "family": null, "kind": null, "issuer": null,
        "assurance": null, "route": null, "upstream": null,
        "trust": {"signature": null, "key": null, "not_before": null, "not_after": null, "time": null},
    });
    check(Ask::new("no code"), &expected);
    let expected = json!({
        "outcome": "decision", "reason": null, "family": "ean", "kind": "goods", "issuer": null,
        "assurance": "structure", "route": "recognise-only", "upstream": null,
        "trust": {"signature": "none", "key": null, "not_before": null, "not_after": null, "time": null},
    });
    check(Ask::new("6901234567892"), &expected);
}

#[test]
fn every_way_to_fail_is_told_even_two_at_once() {
    let code = Aggregate::default();
    let over = 3_600_000;
    let tampered = code.signed().replacen("350200", "350100", 1);
    let unknown = Aggregate {
        kid: "none",
        ..code.clone()
    };
    let table = [
        (code.signed(), 0, None, "valid", "ok"),
        (code.signed(), over, Some("expired"), "valid", "expired"),
        (
            code.signed(),
            -over,
            Some("not-yet-valid"),
            "valid",
            "not-yet",
        ),
        (tampered.clone(), 0, Some("bad-signature"), "invalid", "ok"),
        (tampered, over, Some("expired"), "invalid", "expired"),
        (
            unknown.signed(),
            0,
            Some("unknown-key"),
            "unknown-key",
            "ok",
        ),
    ];
    for (code, late, reason, signature, time) in table {
        let ask = Ask::new(&code).late(late);
        let told = ask.explained(&gateway(), &door(), |story| {
            let outcome = if reason.is_some() {
                "rejection"
            } else {
                "decision"
            };
            assert_eq!(story.outcome, outcome);
            (story.reason, story.trust.signature, story.trust.time)
        });
        assert_eq!(told, (reason, Some(signature), Some(time)));
    }
}
