use std::sync::Arc;

use multicode::config::Config;
use multicode::explain::{Detail, Explanation, Telling, explain};
use multicode::family::{Kind, Region};
use multicode::gateway::Suspended;
use multicode::reason::Reason;
use multicode::route::contract::Secrets;
use multicode::scan::{Claims, Cleaning, Scan, clean};
use multicode::time::Timestamp;
use multicode::trust::Introspected;
use serde_json::{Value, json};

use crate::shipped::{Ask, Desk, NOW, changed, door};

/// A health card that is good for ever.
const CARD: &str = "7C11C05DFF7B9C8F9A4CBD787F6C813EBE559C854D6E2AAD4EBBD0C6D548D393:1";

const ASKS: &str = r#"
[introspection.card]
families = ["health-card"]
upstream = "health-platform"
contract = "health-card-verify"
answer   = { valid = "/commonOut/resultCode", good = ["0"], index = "/rsp/healthCardId" }

[[route]]
name    = "of-the-province"
match   = { kind = ["health-card"], scene = ["register"], region = ["same-province"] }
respond = true

[[route]]
name    = "asked"
match   = { kind = ["health-card"], scene = ["examine"], assurance = ["introspected"] }
respond = true
"#;

/// A scene without its assurance, and a route for it.
const PROVEN: &str = r#"
[[route]]
name    = "proven"
match   = { scene = ["proven"] }
respond = true

[scene.proven]
accepts    = ["health-card"]
freshness  = "any"
settlement = false
"#;

fn config() -> Config {
    changed(ASKS, &[])
}

/// Tells of the card in a scene, with what the platform says.
fn told<T>(scene: &str, says: Option<Introspected>, look: impl FnOnce(&Explanation<'_>) -> T) -> T {
    let (gateway, door) = (Desk::new(config()), door());
    let scan = Scan {
        text: clean(CARD, Cleaning::Scanner),
        claims: Claims {
            scene: Some(scene),
            terminal: Some("W-0001"),
            ..Claims::default()
        },
    };
    let says = says.map(Arc::new);
    let ask = |_: &Suspended<'_>| says.clone();
    let telling = Telling {
        detail: Detail::Everything,
        ask: Some(&ask),
    };
    let now = Timestamp::from_seconds(NOW);
    let matter = gateway.matter(&scan, &door);
    look(&explain(&gateway, matter, telling, now).0)
}

#[track_caller]
fn check(scene: &str, says: Option<Introspected>, expected: &Value) {
    let story = told(scene, says, |story| serde_json::to_value(story).unwrap());
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(story.pointer(key), Some(value), "{key}");
    }
}

#[test]
fn nobody_is_asked_by_a_decision_of_its_own() {
    let gateway = Desk::new(config());
    let outcome = Ask::new(CARD).scene("register").outcome(&gateway, &door());
    assert_eq!(outcome, Err(Reason::IssuerUnavailable));
}

#[test]
fn without_the_platform_a_code_is_told_of_as_if_it_were_good() {
    let gateway = Desk::new(config());
    let ask = Ask::new(CARD).scene("register");
    let story = ask.explained(&gateway, &door(), |story| {
        serde_json::to_value(story).unwrap()
    });
    assert_eq!(story["outcome"], "decision");
    assert_eq!(story["assurance"], "introspected");
    assert_eq!(story["trust"]["introspection"], "not-asked");
}

#[test]
fn the_platforms_word_decides() {
    check(
        "register",
        Some(Introspected::ACTIVE),
        &json!({ "/outcome": "decision", "/assurance": "introspected", "/trust/introspection": "active",
                 "/route": "register-health-card", "/region": null }),
    );
    check(
        "register",
        Some(Introspected::INACTIVE),
        &json!({ "/reason": "refused-by-issuer", "/stage": "trust", "/assurance": null,
                 "/trust/introspection": "inactive" }),
    );
    check(
        "register",
        None,
        &json!({ "/reason": "issuer-unavailable", "/trust/introspection": "unavailable" }),
    );
}

#[test]
fn the_region_that_is_told_chooses_the_route() {
    let fuzhou = Introspected {
        region: Region::parse("350100"),
        ..Introspected::ACTIVE
    };
    let expected =
        json!({ "/region": "350100", "/relation": "same-province", "/route": "of-the-province" });
    check("register", Some(fuzhou), &expected);
}

#[test]
fn a_word_ends() {
    let until = |late| Introspected {
        expires_at: Some(Timestamp::from_seconds(NOW + late)),
        ..Introspected::ACTIVE
    };
    let expected = json!({ "/outcome": "decision", "/trust/not_after": NOW + 1 });
    check("register", Some(until(1)), &expected);
    check("register", Some(until(0)), &json!({ "/reason": "expired" }));
}

#[test]
fn a_platforms_word_is_less_than_a_signature_and_more_than_a_shape() {
    let of = |assurance: &str| {
        let text = format!("{ASKS}{PROVEN}assurance = \"{assurance}\"\n");
        let gateway = Desk::new(changed(&text, &[]));
        let ask = Ask::new(CARD).scene("proven");
        ask.explained(&gateway, &door(), |story| {
            (story.reason, story.trust.introspection)
        })
    };
    assert_eq!(of("introspected"), (None, Some("not-asked")));
    // Refused before anybody would be asked.
    assert_eq!(of("signature"), (Some("assurance-too-low"), None));
}

#[test]
fn nobody_is_asked_about_what_is_refused_anyway() {
    let of = |scene: &str| {
        let gateway = Desk::new(changed(&format!("{ASKS}{scene}"), &[]));
        let ask = Ask::new(CARD).scene("proven");
        ask.explained(&gateway, &door(), |story| {
            (story.reason, story.trust.introspection)
        })
    };
    let any = format!("{PROVEN}assurance = \"structure\"\n");
    assert_eq!(of(&any), (None, Some("not-asked")));
    let fresh = format!("{any}max_age = \"1m\"\n");
    assert_eq!(of(&fresh), (Some("too-old"), None));
    let (_, unrouted) = any.split_at(any.find("[scene").unwrap());
    assert_eq!(of(unrouted), (Some("no-route"), None));
}

#[test]
fn the_index_is_shown_to_its_own_department_alone() {
    let (gateway, door) = (Desk::new(config()), door());
    let scan = Scan {
        text: clean(CARD, Cleaning::Scanner),
        claims: Claims {
            scene: Some("register"),
            ..Claims::default()
        },
    };
    let index = Introspected {
        index: Some("E1".into()),
        ..Introspected::ACTIVE
    };
    let index = Arc::new(index);
    let ask = |_: &Suspended<'_>| Some(Arc::clone(&index));
    let telling = Telling {
        detail: Detail::Verdict,
        ask: Some(&ask),
    };
    let now = Timestamp::from_seconds(NOW);
    let matter = gateway.matter(&scan, &door);
    let (story, decided) = explain(&gateway, matter, telling, now);
    assert_eq!(story.trust.index.as_deref(), Some("… (2)"));
    let (decision, secrets) = (decided.unwrap(), Secrets::default());
    let shown = |to| decision.values(to, &secrets, now).index;
    assert_eq!(shown(Some(Kind::HealthCard)), Some("E1"));
    assert_eq!(shown(Some(Kind::InsuranceVoucher)), None);
    assert_eq!(shown(None), None);
}
