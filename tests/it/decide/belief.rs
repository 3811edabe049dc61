use multicode::family::Algorithm;
use multicode::reason::Reason;

use crate::shipped::Desk;

use super::{Aggregate, MAX_AGE, MAX_FUTURE, OTHER, SECRET, gateway, gateway_of};
use crate::shipped::{Ask, NOW, changed, door};

/// Decides a code in a scene that takes every kind, `late` milliseconds behind [`NOW`].
#[track_caller]
fn check(gateway: &Desk, code: &str, late: i64, expected: Result<(), Reason>) {
    let outcome = Ask::new(code)
        .scene("other")
        .late(late)
        .outcome(gateway, &door());
    assert_eq!(outcome.map(|_| ()), expected, "at {late} ms");
}

#[test]
fn the_code_ends_with_the_second_it_names() {
    let gateway = gateway();
    let code = Aggregate {
        expires: NOW + 60,
        ..Aggregate::default()
    };
    check(&gateway, &code.signed(), 59_999, Ok(()));
    check(&gateway, &code.signed(), 60_000, Err(Reason::Expired));
    let over_at_once = Aggregate {
        expires: NOW,
        ..code
    };
    check(&gateway, &over_at_once.signed(), 0, Err(Reason::Expired));
}

#[test]
fn a_code_is_good_for_three_minutes_whatever_its_issuer_writes() {
    let gateway = gateway();
    let age = i64::try_from(MAX_AGE.as_millis()).unwrap();
    let code = Aggregate {
        expires: NOW + 86_400,
        ..Aggregate::default()
    };
    check(&gateway, &code.signed(), age, Ok(()));
    check(&gateway, &code.signed(), age + 1, Err(Reason::Expired));
}

#[test]
fn an_issuers_clock_may_run_half_a_minute_ahead() {
    let gateway = gateway();
    let future = i64::try_from(MAX_FUTURE.as_millis()).unwrap();
    let code = Aggregate::default().signed();
    check(&gateway, &code, -future, Ok(()));
    check(&gateway, &code, -future - 1, Err(Reason::NotYetValid));
}

#[test]
fn both_keys_verify_while_they_overlap() {
    let gateway = gateway();
    let table = [
        ("old", -601, Ok(())),
        ("new", -601, Err(Reason::UnknownKey)),
        ("old", -600, Ok(())),
        ("new", -600, Ok(())),
        ("old", 0, Ok(())),
        ("new", 0, Ok(())),
        ("old", 599, Ok(())),
        ("new", 600, Ok(())),
        ("old", 600, Err(Reason::UnknownKey)),
    ];
    for (kid, late, expected) in table {
        let code = Aggregate {
            kid,
            issued: NOW + late,
            expires: NOW + late + 60,
            ..Aggregate::default()
        };
        check(&gateway, &code.signed(), late * 1_000, expected);
    }
}

#[test]
fn either_algorithm_verifies_with_its_own_key_only() {
    use Algorithm::{HmacSha256, HmacSm3};
    let gateway = gateway();
    let table = [
        ("sha", HmacSha256, Ok(())),
        ("sm3", HmacSm3, Ok(())),
        // The same secret, the other hash: the key decides, never the message.
        ("sha", HmacSm3, Err(Reason::BadSignature)),
        ("sm3", HmacSha256, Err(Reason::BadSignature)),
    ];
    for (kid, algorithm, expected) in table {
        let code = Aggregate {
            kid,
            ..Aggregate::default()
        };
        check(&gateway, &code.signed_with(algorithm, SECRET), 0, expected);
    }
}

#[test]
fn a_key_of_an_algorithm_the_family_does_not_allow_is_no_key() {
    let both = r#"algorithms = ["hmac-sha256", "hmac-sm3", "es256", "eddsa", "sm2"]"#;
    let one = r#"algorithms = ["hmac-sha256"]"#;
    let gateway = gateway_of(changed("", &[(both, one)]));
    let code = Aggregate {
        kid: "sm3",
        ..Aggregate::default()
    };
    let signed = code.signed_with(Algorithm::HmacSm3, SECRET);
    check(&gateway, &signed, 0, Err(Reason::UnknownKey));
    check(&gateway, &Aggregate::default().signed(), 0, Ok(()));
}

#[test]
fn issuers_and_keys_nobody_configured_are_refused_by_name() {
    let gateway = gateway();
    let default = Aggregate::default;
    let table = [
        (
            Aggregate {
                issuer: "nobody",
                ..default()
            },
            Reason::UnknownIssuer,
        ),
        (
            Aggregate {
                kid: "none",
                ..default()
            },
            Reason::UnknownKey,
        ),
        // Another issuer's key of that name does not help.
        (
            Aggregate {
                issuer: "zhejiang",
                kid: "sm3",
                ..default()
            },
            Reason::UnknownKey,
        ),
        (
            Aggregate {
                kid: "unset",
                ..default()
            },
            Reason::KeyUnavailable,
        ),
        (
            Aggregate {
                issuer: "zhejiang",
                ..default()
            },
            Reason::BadSignature,
        ),
    ];
    for (code, reason) in table {
        check(&gateway, &code.signed(), 0, Err(reason));
    }
    let zhejiang = Aggregate {
        issuer: "zhejiang",
        ..default()
    };
    let signed = zhejiang.signed_with(Algorithm::HmacSha256, OTHER);
    check(&gateway, &signed, 0, Ok(()));
    let forged = default().signed_with(Algorithm::HmacSha256, OTHER);
    check(&gateway, &forged, 0, Err(Reason::BadSignature));
}

#[test]
fn no_field_can_be_changed_without_the_key() {
    let gateway = gateway();
    let sound = Aggregate::default();
    let signed = sound.signed();
    let signature = signed.rsplit_once('.').unwrap().1;
    let forgeries = [
        Aggregate {
            issuer: "zhejiang",
            ..sound.clone()
        },
        Aggregate {
            kid: "new",
            ..sound.clone()
        },
        Aggregate {
            region: "350100",
            ..sound.clone()
        },
        Aggregate {
            issued: NOW + 1,
            ..sound.clone()
        },
        Aggregate {
            expires: NOW + 121,
            ..sound.clone()
        },
        Aggregate {
            nonce: "ldGO8MjE623otrqu",
            ..sound.clone()
        },
        Aggregate {
            health: "HbNTfcgsDTTMsTAq",
            ..sound.clone()
        },
        Aggregate {
            insurance: "",
            ..sound.clone()
        },
        Aggregate {
            payment: "PoQKjs_qiD6Fvpi1",
            ..sound.clone()
        },
    ];
    for forgery in &forgeries {
        let forged = format!("{}.{signature}", forgery.unsigned());
        let refused = match forgery.kid {
            // The same secret under another id: even that is part of what is signed.
            "sha" | "new" => Reason::BadSignature,
            _ => Reason::UnknownKey,
        };
        check(&gateway, &forged, 0, Err(refused));
    }
    let later = signed.replacen("MC1", "MC2", 1);
    check(&gateway, &later, 0, Err(Reason::UnknownCode));
    check(&gateway, &signed, 0, Ok(()));
}

#[test]
fn no_character_of_the_signature_can_be_changed() {
    let gateway = gateway();
    let signed = Aggregate::default().signed();
    let begin = signed.rfind('.').unwrap() + 1;
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // The last character has two spare bits: of its 64 spellings one holds, not four.
    for place in [begin, signed.len() - 1] {
        let mut held = 0;
        for other in alphabet.chars() {
            let mut forged = signed.clone();
            forged.replace_range(place..=place, &other.to_string());
            let outcome = Ask::new(&forged).outcome(&gateway, &door());
            held += usize::from(outcome.is_ok());
            assert!(matches!(outcome, Ok(_) | Err(Reason::BadSignature)));
        }
        assert_eq!(held, 1);
    }
}
