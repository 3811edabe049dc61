//! Texts of the families that are decoded by code of their own.

use super::{Flaw, MintError, Order, is_sound};
use crate::family::emv::{consumer, merchant};
use crate::family::gs1::build::{build, link, with_check_digit};
use crate::family::{Family, Freshness, Reader};
use crate::random::Random;

/// The first digits of a restricted GTIN, which no company was ever given.
const RESTRICTED_PREFIX: &str = "020";

/// A resolver for Digital Links that nobody operates.
const RESOLVER: &str = "https://id.example.org";

/// How many made-up texts are tried until the family's shapes claim one.
const ATTEMPTS: usize = 64;

/// Builds a text with made-up values; times, issuers and accounts do not apply.
pub(super) fn mint(
    family: &Family,
    reader: &Reader,
    order: &Order,
    random: &mut Random,
) -> Result<String, MintError> {
    refuse_what_does_not_apply(family, reader, order)?;
    for _ in 0..ATTEMPTS {
        let text = match reader {
            Reader::EmvConsumer => consumer_presented(random),
            Reader::EmvMerchant => merchant_presented(order, random),
            Reader::Gs1 if random.below(2) == 0 => badge(random),
            Reader::Gs1 => goods(random),
            Reader::Declared(_) | Reader::Token(_) => return Err(MintError::NoKey),
        };
        if is_sound(family, &text) {
            return Ok(text);
        }
    }
    Err(MintError::NotRead)
}

fn refuse_what_does_not_apply(
    family: &Family,
    reader: &Reader,
    order: &Order,
) -> Result<(), MintError> {
    let fresh = match (reader, order.freshness) {
        (Reader::EmvConsumer, Some(Freshness::Static)) => Some("a static code"),
        (Reader::Gs1, Some(Freshness::Dynamic)) => Some("a dynamic code"),
        _ => None,
    };
    let checks = [
        (order.issuer.is_some() || order.key_id.is_some()).then_some("an issuer"),
        order.region.is_some().then_some("a region"),
        (!order.accounts.is_empty()).then_some("an account of its own"),
        fresh,
    ];
    if let Some(what) = checks.into_iter().flatten().next() {
        return Err(MintError::NoPlace { what });
    }
    match order.flaw {
        Flaw::None => Ok(()),
        Flaw::Tampered if family.is_checked() => Ok(()),
        flaw => Err(MintError::NothingTells { flaw }),
    }
}

fn consumer_presented(random: &mut Random) -> String {
    let [_, _, _, _, a, b, c, d] = random.next().to_be_bytes();
    consumer::build(u32::from_be_bytes([a, b, c, d]))
}

/// A merchant with the fields EMVCo's table 3.1 calls mandatory.
fn merchant_presented(order: &Order, random: &mut Random) -> String {
    let initiation = match order.freshness {
        Some(Freshness::Dynamic) => "12",
        _ => "11",
    };
    let account =
        merchant::object("00", "ORG.EXAMPLE.PAY") + &merchant::object("01", &random.digits(10));
    merchant::build(&[
        ("01", initiation),
        ("26", &account),
        ("52", "8062"),
        ("53", "156"),
        ("58", "CN"),
        ("59", "EXAMPLE HOSPITAL"),
        ("60", "XIAMEN"),
    ])
}

/// A wristband: a service relation number of a recipient.
fn badge(random: &mut Random) -> String {
    let body = format!("{RESTRICTED_PREFIX}{}", random.digits(14));
    build(&[("8018", &with_check_digit(&body))])
}

/// A medicine pack: GTIN, expiry, lot and serial number, as elements or as a link.
fn goods(random: &mut Random) -> String {
    let body = format!("{RESTRICTED_PREFIX}{}", random.digits(9));
    let gtin = format!("0{}", with_check_digit(&body));
    let (lot, serial) = (random.digits(6), random.digits(8));
    let (gtin, expiry) = (("01", gtin.as_str()), ("17", "301231"));
    let (lot, serial) = (("10", lot.as_str()), ("21", serial.as_str()));
    if random.below(4) == 0 {
        link(RESOLVER, &[gtin, lot, serial, expiry])
    } else {
        build(&[gtin, expiry, lot, serial])
    }
}
