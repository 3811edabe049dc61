use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::family::layout::{FreshnessRule, Instant, Issuer as IssuerField, Unit};
use crate::family::signature::SignatureLayout;
use crate::family::{
    Algorithm, AlgorithmSet, Capture, CaptureNames, Check, Checksum, Encoding, Form, Layout, Mask,
    Names, PurposeSet, Trust, Validity,
};
use crate::trust::{
    Depth, Examination, Findings, Issuer, Key, KeySet, KeyWindow, Supply, Untrusted, Verifier,
};

const AGGREGATE: &str = r"(?<signed>T1\.(?<issuer>[a-z]{2,12})\.(?<kid>[a-z0-9]{1,8})\.(?<iat>\d{10})\.(?<exp>\d{10})\.(?<region>\d{6})\.(?<health>[0-9A-F]{32})\.(?<pay>\d{18}))\.(?<sig>[A-Za-z0-9_-]{43})";
const HEALTH: &str =
    r"(?<id>[0-9A-F]{64}):(?<type>[01])(:(?<validity>[0-9A-F]{32})?(:(?<region>\d{4}A[0-9]{4}))?)?";
const IDENTITY: &str = r"[1-8]\d{5}(?<birth>(?:19|20)\d{6})\d{3}[0-9X]";

fn now() -> Timestamp {
    Timestamp::from_seconds(1_795_312_800)
}

/// A family of the given shapes; `lay_out` says what their captures mean.
fn family(
    shapes: &[&str],
    checks: &[(Checksum, &str)],
    lay_out: impl Fn(&dyn Fn(&str) -> Option<Capture>) -> Layout,
) -> Family {
    let mut captures = CaptureNames::default();
    let shapes = shapes
        .iter()
        .map(|shape| Shape::new(shape, &mut captures).unwrap());
    let shapes = shapes.collect();
    let checks = checks.iter().map(|(checksum, of)| Check {
        checksum: *checksum,
        of: captures.find(of).unwrap(),
    });
    let meaning = lay_out(&|name| captures.find(name));
    Family {
        id: "test".into(),
        names: Names::default(),
        kind: Kind::Aggregate,
        mask: Mask::All,
        trust: if meaning.signature.is_some() {
            Trust::Signature
        } else {
            Trust::Structure
        },
        shapes,
        checks: checks.collect(),
        reader: Reader::Declared(meaning),
        validity: Validity {
            max_age: Some(Duration::from_secs(180)),
            ..Validity::default()
        },
        index: 0,
        captures,
    }
}

fn aggregate(encoding: Encoding, shape: &str) -> Family {
    family(&[shape], &[], |capture| {
        let instant = |name| {
            capture(name).map(|capture| Instant {
                capture,
                unit: Unit::Seconds,
            })
        };
        Layout {
            issuer: capture("issuer").map(IssuerField::Capture),
            key_id: capture("kid"),
            region: capture("region"),
            issued_at: instant("iat"),
            expires_at: instant("exp"),
            accounts: [(Kind::HealthCard, "health"), (Kind::Payment, "pay")]
                .map(|(kind, name)| (kind, capture(name).unwrap()))
                .into(),
            signature: Some(SignatureLayout {
                over: capture("signed").unwrap(),
                value: capture("sig").unwrap(),
                encoding,
                form: Form::Raw,
                algorithms: AlgorithmSet::ALL,
            }),
            ..Layout::default()
        }
    })
}

fn health() -> Family {
    family(&[HEALTH], &[], |capture| Layout {
        region: capture("region"),
        freshness: FreshnessRule::Capture {
            of: capture("type").unwrap(),
            dynamic: ["0".into()].into(),
            fixed: ["1".into()].into(),
        },
        ..Layout::default()
    })
}

fn identity() -> Family {
    let checks = [(Checksum::Date, "birth"), (Checksum::Mod11_2, "text")];
    family(&[IDENTITY], &checks, |_| Layout::default())
}

fn key(id: &str, algorithm: Algorithm, secret: Option<&[u8]>) -> Key {
    Key {
        id: Some(id.into()),
        algorithm,
        window: KeyWindow::default(),
        purposes: PurposeSet::ALL,
        verifier: secret.map(|bytes| Verifier::hmac(algorithm, bytes).unwrap()),
        crl_version: None,
    }
}

fn keys() -> Keys {
    let issuer = |id: &str, keys: Vec<Key>| Issuer {
        id: id.into(),
        keys: Arc::new(KeySet::new(keys, Supply::Files)),
        ..Issuer::default()
    };
    Keys::from_iter([
        issuer(
            "fujian",
            vec![
                key("a", Algorithm::HmacSha256, Some(b"0123456789abcdef")),
                key("b", Algorithm::HmacSm3, Some(b"fedcba9876543210")),
            ],
        ),
        issuer("anhui", vec![key("unset", Algorithm::HmacSm3, None)]),
    ])
}

/// Mints a hundred codes and holds what trust says of each against the expectation.
#[track_caller]
fn check_trust(order: &Order, expected: Result<(), Untrusted>) {
    let shape = AGGREGATE.replace("[A-Za-z0-9_-]{43}", "[0-9A-F]{64}");
    let families = [
        aggregate(Encoding::Base64Url, AGGREGATE),
        aggregate(Encoding::Hex, &shape),
    ];
    let keys = keys();
    for (family, seed) in families
        .iter()
        .zip([0, 100])
        .flat_map(|(f, from)| (from..from + 50).map(move |s| (f, s)))
    {
        let text = mint(family, &keys, order, &mut Random::seeded(seed), now()).unwrap();
        let code = family.read(&matched(family, &text).unwrap()).unwrap();
        let mut findings = Findings::default();
        let Examination::Settled(found) =
            keys.examine(code, Depth::FirstRefusal, &mut findings, now())
        else {
            panic!("a heavy signature")
        };
        let discriminant = |result: Result<(), Untrusted>| {
            result.err().map(|error| std::mem::discriminant(&error))
        };
        assert_eq!(
            discriminant(found.map(|_| ())),
            discriminant(expected),
            "{text}"
        );
    }
}

fn order(flaw: Flaw) -> Order {
    Order {
        flaw,
        ..Order::default()
    }
}

#[test]
fn signed_codes_are_believed_or_refused_as_ordered() {
    check_trust(&order(Flaw::None), Ok(()));
    let sm3 = Order {
        key_id: Some("b".to_owned()),
        ..Order::default()
    };
    check_trust(&sm3, Ok(()));
    let not_after = now();
    check_trust(&order(Flaw::Expired), Err(Untrusted::Expired { not_after }));
    let not_before = now();
    check_trust(
        &order(Flaw::NotYetValid),
        Err(Untrusted::NotYetValid { not_before }),
    );
    check_trust(&order(Flaw::Tampered), Err(Untrusted::BadSignature));
}

#[test]
fn a_foreign_code_is_as_foreign_as_the_order_says() {
    check_trust(&order(Flaw::Foreign), Err(Untrusted::UnknownKey));
    let known_key = Order {
        key_id: Some("a".to_owned()),
        ..order(Flaw::Foreign)
    };
    check_trust(&known_key, Err(Untrusted::BadSignature));
    let unknown_issuer = Order {
        issuer: Some("nobody".to_owned()),
        ..order(Flaw::Foreign)
    };
    check_trust(&unknown_issuer, Err(Untrusted::UnknownIssuer));
}

/// Mints a hundred texts that the family itself must find sound.
#[track_caller]
fn mint_all(family: &Family, order: &Order) -> Vec<String> {
    let keys = keys();
    let each = (0..100).map(|seed| {
        let text = mint(family, &keys, order, &mut Random::seeded(seed), now()).unwrap();
        assert_eq!(
            is_sound(family, &text),
            order.flaw != Flaw::Tampered || family.trust == Trust::Signature,
            "{text}"
        );
        text
    });
    each.collect()
}

#[test]
fn accounts_and_region_are_where_the_order_puts_them() {
    let family = aggregate(Encoding::Base64Url, AGGREGATE);
    let order = Order {
        accounts: vec![(Kind::Payment, "134650328919428540".to_owned())],
        region: Region::parse("350200"),
        ..Order::default()
    };
    for text in mint_all(&family, &order) {
        let code = family.read(&matched(&family, &text).unwrap()).unwrap();
        assert_eq!(code.accounts.of(Kind::Payment), Some("134650328919428540"));
        assert_eq!(code.region, Region::parse("350200"));
        assert_eq!(code.issued_at, Some(now()));
        assert_eq!(code.expires_at, Some(now().after(Duration::from_secs(120))));
    }
}

#[test]
fn a_region_stands_in_front_of_an_issuer_reference() {
    let family = health();
    let order = Order {
        region: Region::parse("350200"),
        freshness: Some(Freshness::Static),
        ..Order::default()
    };
    let all = mint_all(&family, &order);
    assert!(
        all.iter()
            .all(|text| text.contains(":1:") && text.contains(":3502A")),
        "{all:?}"
    );
}

#[test]
fn check_digits_are_put_right_and_wrong() {
    mint_all(&identity(), &Order::default());
    mint_all(&identity(), &order(Flaw::Tampered));
}

#[test]
fn native_families_are_minted_by_their_builders() {
    let of = |reader: Reader, shape: &str| Family {
        reader,
        ..family(&[shape], &[], |_| Layout::default())
    };
    let goods = of(Reader::Gs1, r"(?:01\d{14}|https://)[\x1d-\x7e]*");
    let all = mint_all(&goods, &Order::default());
    assert!(
        all.iter().any(|text| text.starts_with("https://")),
        "{all:?}"
    );
    mint_all(&goods, &order(Flaw::Tampered));
    let merchant = of(Reader::EmvMerchant, r"000201[\x20-\x7e]*");
    mint_all(&merchant, &Order::default());
    let consumer = of(Reader::EmvConsumer, "hQVDUFYwMW[A-Za-z0-9+/]*={0,2}");
    mint_all(&consumer, &Order::default());
}

#[track_caller]
fn check_refused(family: &Family, order: &Order, expected: &str) {
    let made = mint(family, &keys(), order, &mut Random::seeded(1), now());
    assert_eq!(made.unwrap_err().to_string(), expected);
}

#[test]
fn what_cannot_be_made_is_refused_with_the_reason() {
    let (health, aggregate) = (health(), aggregate(Encoding::Base64Url, AGGREGATE));
    let nothing_tells = "cannot be made: nothing in this family tells ";
    check_refused(
        &health,
        &order(Flaw::Tampered),
        &format!("{nothing_tells}a tampered text"),
    );
    check_refused(
        &health,
        &order(Flaw::Expired),
        &format!("{nothing_tells}an expired text"),
    );
    check_refused(
        &health,
        &order(Flaw::Foreign),
        &format!("{nothing_tells}a foreign text"),
    );
    let issued_by = |issuer: &str, key: Option<&str>| Order {
        issuer: Some(issuer.to_owned()),
        key_id: key.map(str::to_owned),
        ..Order::default()
    };
    check_refused(
        &health,
        &issued_by("fujian", None),
        "this family has no place for an issuer",
    );
    check_refused(
        &aggregate,
        &issued_by("nobody", None),
        "issuer `nobody` is not configured",
    );
    check_refused(
        &aggregate,
        &issued_by("fujian", Some("z")),
        "issuer `fujian` has no key `z` that signs this family at this time",
    );
    check_refused(
        &aggregate,
        &issued_by("anhui", None),
        "the secret of key `unset` of issuer `anhui` is not set",
    );
    let account = Order {
        accounts: vec![(Kind::Payment, "x".to_owned())],
        ..Order::default()
    };
    check_refused(
        &aggregate,
        &account,
        "the value chosen for `pay` is not of its shape",
    );
    check_refused(
        &identity(),
        &account,
        "this family has no place for an account of this kind",
    );
}
