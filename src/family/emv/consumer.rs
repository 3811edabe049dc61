//! The code a consumer shows (EMV QR Code Specification for Payment Systems, consumer-presented
//! mode): Base64 around BER.
//!
//! It holds a card number. Nothing read here leaves this file but tags and counts; the decoded
//! bytes lie on the stack and are wiped.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::ParseError;
use super::ber::{self, Mistake, Object, Objects};
use crate::family::Field;
use crate::family::checksum::luhn_digit;

/// The longest text: twice the 512 characters that fit a symbol a phone can show and a terminal
/// can read.
pub const MAX_TEXT: usize = 1024;

/// The deepest nesting: an application template holds a transparent template, and no template is
/// defined within that; one level more is for a scheme's own.
pub const MAX_DEPTH: usize = 3;

/// The most objects, at all levels together; the richest published example has 16.
pub const MAX_OBJECTS: usize = 64;

/// Reads `text` to its end: Base64, lengths, nesting, what comes first and what must be there.
pub fn parse(text: &str) -> Result<Consumer, ParseError> {
    let mut consumer = Consumer {
        applications: 0,
        objects: 0,
        card_number: CardNumber::Absent,
    };
    with_binary(text, |binary| {
        let mut root = Objects::of(binary, 0);
        let first = root.next().transpose().map_err(placed)?;
        if first.is_none_or(|object| (object.tag, object.value) != (FORMAT, VERSION)) {
            return Err(ParseError::Misplaced { tag: "85", at: 0 });
        }
        for object in root {
            let object = object.map_err(placed)?;
            if object.tag == APPLICATION {
                consumer.applications += 1;
                check_application(&object)?;
            }
            consumer.count(&object, 1)?;
        }
        Ok(())
    })?;
    if consumer.applications == 0 {
        return Err(ParseError::Missing { tag: "61" });
    }
    Ok(consumer)
}

/// The objects up to the first that cannot be read, for `explain`: the tag's name and where the
/// object begins. The ranges are empty, so that no value can be cut out of the text with them.
pub fn fields(text: &str) -> Vec<Field<'static>> {
    let mut fields = Vec::new();
    // What could be read is wanted; why the rest could not is `parse`'s answer.
    let _ = with_binary(text, |binary| {
        list(Objects::of(binary, 0), 0, &mut fields);
        Ok(())
    });
    fields
}

/// What may be known about a consumer's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// How many applications it offers.
    pub applications: usize,
    /// How many objects it holds, the format indicator left out.
    pub objects: usize,
    /// Whether it holds a card number.
    pub card_number: CardNumber,
}

/// Whether a card number is in the code, alone (5A) or in track 2 (57).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardNumber {
    /// There is none.
    Absent,
    /// There is one, and the text is as sensitive as the card.
    Present,
}

impl Consumer {
    fn count(&mut self, object: &Object<'_>, depth: usize) -> Result<(), ParseError> {
        self.objects += 1;
        if self.objects > MAX_OBJECTS {
            return Err(ParseError::TooMany { most: MAX_OBJECTS });
        }
        if matches!(object.tag, TRACK_2 | CARD_NUMBER) {
            self.card_number = CardNumber::Present;
        }
        if !object.is_template {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            return Err(ParseError::TooDeep {
                at: text_offset(object.at),
            });
        }
        Objects::of(object.value, object.value_at)
            .try_for_each(|inner| self.count(&inner.map_err(placed)?, depth + 1))
    }
}

/// Writes a code with a made-up card number of no issuer: `123456`, the serial number, a check
/// digit, under the application identifier of the specification's examples.
pub fn build(serial: u32) -> String {
    let body = format!("123456{:09}", serial % 1_000_000_000);
    let number: String = body.chars().chain(luhn_digit(&body)).collect();
    // Track 2: number, separator, expiry 4912, service code 201 (EMV Book 3, annex A).
    let track = packed(&format!("{number}D4912201"));
    let application = [
        ber::object(&[0x4F], &[0xA0, 0, 0, 0, 0x55, 0x55, 0x55]),
        ber::object(&[0x50], b"TEST"),
        ber::object(&[0x57], &track),
    ]
    .concat();
    write(&[(&[0x61], &application)])
}

/// Writes a code of the given templates behind the format indicator.
fn write(objects: &[(&[u8], &[u8])]) -> String {
    let mut binary = ber::object(&[0x85], VERSION);
    for (tag, value) in objects {
        binary.extend(ber::object(tag, value));
    }
    BASE64_STANDARD.encode(binary)
}

/// The payload format indicator, always first.
const FORMAT: u32 = 0x85;
const VERSION: &[u8] = b"CPV01";
const APPLICATION: u32 = 0x61;
/// The name of the application (ADF name): mandatory in every application template.
const NAME: u32 = 0x4F;
const TRACK_2: u32 = 0x57;
const CARD_NUMBER: u32 = 0x5A;

/// Wallets leave the padding out as often as not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes into a buffer that is wiped whatever happens.
fn with_binary(
    text: &str,
    read: impl FnOnce(&[u8]) -> Result<(), ParseError>,
) -> Result<(), ParseError> {
    if text.len() > MAX_TEXT {
        return Err(ParseError::TooLong { most: MAX_TEXT });
    }
    let mut room = Zeroizing::new([0; MAX_TEXT / 4 * 3]);
    let length = BASE64
        .decode_slice(text, room.as_mut_slice())
        .map_err(|_| ParseError::BadBase64)?;
    read(room.get(..length).unwrap_or_default())
}

fn check_application(template: &Object<'_>) -> Result<(), ParseError> {
    let mut inner = Objects::of(template.value, template.value_at);
    if inner.any(|object| object.is_ok_and(|object| object.tag == NAME)) {
        Ok(())
    } else {
        Err(ParseError::Missing { tag: "4F" })
    }
}

fn list(objects: Objects<'_>, depth: usize, fields: &mut Vec<Field<'static>>) {
    for object in objects.map_while(Result::ok) {
        if fields.len() >= MAX_OBJECTS || depth > MAX_DEPTH {
            return;
        }
        let at = text_offset(object.at);
        fields.push(Field {
            name: name(object.tag),
            range: at..at,
        });
        if object.is_template {
            list(
                Objects::of(object.value, object.value_at),
                depth + 1,
                fields,
            );
        }
    }
}

fn name(tag: u32) -> Cow<'static, str> {
    let title = match tag {
        FORMAT => "format",
        APPLICATION => "application",
        NAME => "application name",
        TRACK_2 => "track 2",
        CARD_NUMBER => "card number",
        0x50 => "label",
        0x5F20 => "cardholder name",
        0x5F2D => "languages",
        0x62 => "common data",
        0x63 => "transparent data",
        0x64 => "common transparent data",
        0x9F26 => "cryptogram",
        _ => "data",
    };
    Cow::Owned(format!("{tag:02X} {title}"))
}

fn placed(mistake: Mistake) -> ParseError {
    match mistake {
        Mistake::Length(at) => ParseError::BadLength {
            at: text_offset(at),
        },
        Mistake::Tag(at) => ParseError::BadTag {
            at: text_offset(at),
        },
        Mistake::Value(at) => ParseError::Truncated {
            at: text_offset(at),
        },
    }
}

/// The character of the text in which a byte of the binary begins: four write three.
const fn text_offset(at: usize) -> usize {
    at * 4 / 3
}

/// Hexadecimal digits, two in a byte.
fn packed(digits: &str) -> Vec<u8> {
    let nibbles: Vec<u8> = digits
        .chars()
        .filter_map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    nibbles
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, nibble| byte << 4 | nibble))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The examples of the specification, as tests of public libraries carry them.
    const ONE_APPLICATION: &str = "hQVDUFYwMWEaTwegAAAAVVVVVw8SNFZ4kBI0WNGRIgESNF8=";
    const TWO_APPLICATIONS: &str = "hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDkNBUkRIT0xERVIvRU1WXy0IcnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw==";
    const TRANSPARENT_DATA: &str = "hQVDUFYwMWFWTwigAAADMwEBAlcRYmNgAQBxNnLSMSIBAAABiAFfNAEAYzOfJghWite85mtxi58nAYCfEBEHAAEDoAAAAQgwMDAwMDAwMZ82AhEiggIAAJ83BCJgSI4=";

    #[track_caller]
    fn check_refused(text: &str, expected: ParseError) {
        assert_eq!(parse(text), Err(expected));
    }

    #[test]
    fn published_codes_are_read() {
        for (text, applications, objects) in [
            (ONE_APPLICATION, 1, 3),
            (TWO_APPLICATIONS, 2, 15),
            (TRANSPARENT_DATA, 1, 11),
        ] {
            let expected = Consumer {
                applications,
                objects,
                card_number: CardNumber::Present,
            };
            assert_eq!(parse(text), Ok(expected));
            assert_eq!(parse(text.trim_end_matches('=')), Ok(expected));
        }
    }

    #[test]
    fn fields_hold_no_part_of_the_text() {
        let found = fields(TWO_APPLICATIONS);
        assert!(found.iter().any(|field| field.name == "5A card number"));
        assert!(
            found
                .iter()
                .any(|field| field.name == "5F20 cardholder name")
        );
        assert!(found.iter().all(|field| field.range.is_empty()));
        assert_eq!(fields("hQVDUFYwMWE").len(), 1);
        assert_eq!(fields("no base64!"), []);
    }

    #[test]
    fn what_must_be_there_is_asked_for() {
        check_refused("", ParseError::Misplaced { tag: "85", at: 0 });
        check_refused("aGVsbG8=", ParseError::Truncated { at: 2 });
        check_refused("hQVDUFYwMg==", ParseError::Misplaced { tag: "85", at: 0 });
        check_refused("hQVDUFYwMQ==", ParseError::Missing { tag: "61" });
        check_refused(
            &write(&[(&[0x61], &[0x50, 1, 0x41])]),
            ParseError::Missing { tag: "4F" },
        );
        check_refused("hQVDUFYwMW!", ParseError::BadBase64);
    }

    #[test]
    fn every_budget_is_kept() {
        check_refused(
            &"A".repeat(MAX_TEXT + 1),
            ParseError::TooLong { most: MAX_TEXT },
        );
        let name = ber::object(&[0x4F], &[0xA0]);
        let many = name.repeat(MAX_OBJECTS);
        check_refused(
            &write(&[(&[0x61], &many)]),
            ParseError::TooMany { most: MAX_OBJECTS },
        );

        let nested = |depth: usize| {
            (1..depth).fold(name.clone(), |inner, _| {
                [name.clone(), ber::object(&[0x63], &inner)].concat()
            })
        };
        assert!(parse(&write(&[(&[0x61], &nested(MAX_DEPTH))])).is_ok());
        let deeper = parse(&write(&[(&[0x61], &nested(MAX_DEPTH + 1))]));
        assert!(
            matches!(deeper, Err(ParseError::TooDeep { .. })),
            "{deeper:?}"
        );
    }

    #[test]
    fn a_length_that_lies_is_noticed() {
        let cut = ONE_APPLICATION.get(..40).unwrap();
        assert!(
            matches!(parse(cut), Err(ParseError::Truncated { .. })),
            "{:?}",
            parse(cut)
        );
    }

    proptest! {
        #[test]
        fn what_was_built_is_read_again(serial in any::<u32>()) {
            let text = build(serial);
            prop_assert!(text.starts_with("hQVDUFYwMW"));
            let expected = Consumer { applications: 1, objects: 4, card_number: CardNumber::Present };
            prop_assert_eq!(parse(&text), Ok(expected));
        }

        #[test]
        fn no_text_makes_the_parser_panic(
            text in prop_oneof!["\\PC*", "hQVDUFYwMW[A-Za-z0-9+/]{0,80}={0,2}"],
            binary in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            for text in [text, write(&[(&[0x61], &binary)])] {
                let _ = parse(&text);
                for field in fields(&text) {
                    prop_assert!(field.range.is_empty() && field.range.end <= text.len());
                }
            }
        }
    }
}
