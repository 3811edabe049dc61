//! The code a merchant shows (EMV QR Code Specification for Payment Systems, merchant-presented
//! mode): a patient who shows one has turned the transaction round.
//!
//! Every object is two digits of tag, two digits of length, then the value. The length counts
//! characters, not bytes, which matters as soon as a name is not ASCII; the CRC counts bytes.

use std::borrow::Cow;

use super::ParseError;
use super::decimal::{MAX_VALUE, Object, Objects, Seen};
use crate::family::Field;
use crate::family::checksum::crc16;

/// Whether a merchant's code was made for one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiation {
    /// Tag 01 is `12`: one transaction.
    Dynamic,
    /// Tag 01 is `11`: the code on the wall.
    Static,
    /// Tag 01 is absent or holds something else.
    Unstated,
}

/// Reads `text` to its end: order, lengths, nesting, tags that stand once, CRC.
pub fn parse(text: &str) -> Result<Merchant<'_>, ParseError> {
    let mut last = None;
    let mut seen = Seen::default();
    for (place, object) in Objects::of(text, 0).enumerate() {
        let object = object?;
        if place == 0 && (object.tag, object.value) != (FORMAT, VERSION) {
            return Err(ParseError::Misplaced { tag: FORMAT, at: 0 });
        }
        seen.add(&object)?;
        if is_template(&object) {
            check_template(&object)?;
        }
        last = Some(object);
    }
    match last {
        Some(crc) if crc.tag == CRC => check_crc(text, &crc)?,
        _ => {
            return Err(ParseError::Misplaced {
                tag: CRC,
                at: text.len(),
            });
        }
    }
    Ok(Merchant { text, seen })
}

/// The objects of `text` up to the first that cannot be read, for `explain`.
pub fn fields(text: &str) -> Vec<Field<'static>> {
    let mut fields = Vec::new();
    for object in Objects::of(text, 0).map_while(Result::ok) {
        fields.push(field(&object, title(&object), ""));
        if is_template(&object) {
            let inner = Objects::of(object.value, object.value_at).map_while(Result::ok);
            fields.extend(inner.map(|part| field(&part, "", object.tag)));
        }
    }
    fields
}

/// A merchant's code that was read to its end.
#[derive(Clone, Copy, Debug)]
pub struct Merchant<'a> {
    text: &'a str,
    seen: Seen,
}

impl<'a> Merchant<'a> {
    /// Whether the code was made for one transaction (tag 01).
    pub fn initiation(&self) -> Initiation {
        match self.value("01") {
            Some("11") => Initiation::Static,
            Some("12") => Initiation::Dynamic,
            _ => Initiation::Unstated,
        }
    }

    /// Whether the code says that it was made for one transaction.
    pub fn is_dynamic(&self) -> bool {
        self.initiation() == Initiation::Dynamic
    }

    /// The payment scheme: the globally unique identifier in the first account template (26 to 51).
    pub fn scheme(&self) -> Option<&'a str> {
        let account = self
            .objects()
            .find(|object| matches!(object.number, 26..=51))?;
        let mut inner = Objects::of(account.value, account.value_at).map_while(Result::ok);
        inner.find(|part| part.tag == "00").map(|part| part.value)
    }

    /// The country, two letters of ISO 3166-1 (tag 58).
    pub fn country(&self) -> Option<&'a str> {
        self.value("58")
    }

    /// The currency, three digits of ISO 4217 (tag 53).
    pub fn currency(&self) -> Option<&'a str> {
        self.value("53")
    }

    /// The merchant's name (tag 59).
    pub fn merchant_name(&self) -> Option<&'a str> {
        self.value("59")
    }

    /// The tags the specification makes mandatory that are not there; `26` stands for "an account".
    /// Many codes in use leave some out, so that this is told and not refused.
    pub fn missing(&self) -> impl Iterator<Item = &'static str> {
        let seen = self.seen;
        let accounts = (2..=51).any(|number| seen.contains(number));
        let alone = MANDATORY
            .iter()
            .filter(move |(_, number)| !seen.contains(*number));
        alone
            .map(|&(tag, _)| tag)
            .chain((!accounts).then_some("26"))
    }

    /// The value of a tag of the root.
    pub fn value(&self, tag: &str) -> Option<&'a str> {
        self.objects()
            .find(|object| object.tag == tag)
            .map(|object| object.value)
    }

    fn objects(&self) -> impl Iterator<Item = Object<'a>> {
        Objects::of(self.text, 0).map_while(Result::ok)
    }
}

/// Writes one object, to be used as a value of [`build`] or within a template. What is longer than
/// a length can say is cut off.
pub fn object(tag: &str, value: &str) -> String {
    let value: String = value.chars().take(MAX_VALUE).collect();
    format!("{tag}{:02}{value}", value.chars().count())
}

/// Writes a code around `objects`, the format indicator in front and the right CRC behind.
pub fn build(objects: &[(&str, &str)]) -> String {
    let mut text = object(FORMAT, VERSION);
    text.extend(objects.iter().map(|(tag, value)| object(tag, value)));
    text.push_str("6304");
    let crc = crc16(text.as_bytes());
    format!("{text}{crc:04X}")
}

/// Tag 00, the payload format indicator; its value is the version.
const FORMAT: &str = "00";
const VERSION: &str = "01";
/// Tag 63, always last.
const CRC: &str = "63";

/// Category, currency, country, name and city: mandatory beside the format, an account and the CRC.
const MANDATORY: &[(&str, u8)] = &[("52", 52), ("53", 53), ("58", 58), ("59", 59), ("60", 60)];

/// Accounts (26 to 51), additional data (62), the second language (64) and what is not yet
/// assigned (80 to 99) are made of objects themselves.
fn is_template(object: &Object<'_>) -> bool {
    matches!(object.number, 26..=51 | 62 | 64 | 80..=99)
}

fn field(object: &Object<'_>, title: &str, template: &str) -> Field<'static> {
    let dot = if template.is_empty() { "" } else { "." };
    let space = if title.is_empty() { "" } else { " " };
    Field {
        name: Cow::Owned(format!("{template}{dot}{}{space}{title}", object.tag)),
        range: object.value_at..object.value_at + object.value.len(),
    }
}

/// A template's objects must fill it; templates within it are the scheme's own affair.
fn check_template(template: &Object<'_>) -> Result<(), ParseError> {
    let mut seen = Seen::default();
    Objects::of(template.value, template.value_at).try_for_each(|part| seen.add(&part?))
}

/// The CRC covers every byte in front of its own value, its tag and length included.
fn check_crc(text: &str, crc: &Object<'_>) -> Result<(), ParseError> {
    let at = crc.value_at;
    let expected = crc16(text.get(..at).unwrap_or_default().as_bytes());
    if crc.value.len() != 4 || !crc.value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(ParseError::BadLength { at });
    }
    if u16::from_str_radix(crc.value, 16) == Ok(expected) {
        Ok(())
    } else {
        Err(ParseError::BadChecksum { at, expected })
    }
}

fn title(object: &Object<'_>) -> &'static str {
    match object.tag {
        "00" => "format",
        "01" => "initiation",
        "52" => "merchant category",
        "53" => "currency",
        "54" => "amount",
        "55" | "56" | "57" => "tip",
        "58" => "country",
        "59" => "merchant name",
        "60" => "merchant city",
        "61" => "postal code",
        "62" => "additional data",
        "63" => "crc",
        "64" => "second language",
        _ if matches!(object.number, 2..=51) => "account",
        _ => "unassigned",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of the specification, with a second language: lengths count characters.
    const SPECIFICATION: &str = "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME91320016A0112233449988770708123456786304A13A";
    /// A PIX code in use in tests of several libraries.
    const PIX: &str = "00020126570014BR.GOV.BCB.PIX0114607011900001040217Mensagem opcional52040000530398654041.225802BR5920Teste Batch atualiza6009SAO PAULO622605221t9OGEuUWlqWQiY0CU2YmA63048179";

    #[track_caller]
    fn check_refused(objects: &str, expected: ParseError) {
        let text = format!("{objects}6304");
        let text = format!("{text}{:04X}", crc16(text.as_bytes()));
        assert_eq!(parse(&text).unwrap_err(), expected, "{text}");
    }

    #[test]
    fn published_codes_are_read() {
        let merchant = parse(SPECIFICATION).unwrap();
        assert_eq!(merchant.initiation(), Initiation::Dynamic);
        assert_eq!(merchant.scheme(), Some("D15600000000"));
        assert_eq!(merchant.country(), Some("CN"));
        assert_eq!(merchant.currency(), Some("156"));
        assert_eq!(merchant.merchant_name(), Some("BEST TRANSPORT"));
        assert_eq!(merchant.missing().next(), None);

        let pix = parse(PIX).unwrap();
        assert_eq!(pix.initiation(), Initiation::Unstated);
        assert_eq!(pix.scheme(), Some("BR.GOV.BCB.PIX"));
        assert!(
            parse(&PIX.replace("8179", "817a"))
                .unwrap_err()
                .is_checksum()
        );
        assert_eq!(
            parse(&SPECIFICATION.replace("A13A", "a13a")).map(|m| m.initiation()),
            Ok(Initiation::Dynamic)
        );
    }

    #[test]
    fn one_changed_character_is_a_checksum_mistake() {
        let error = parse(&PIX.replace("1.22", "9.22")).unwrap_err();
        assert!(
            matches!(error, ParseError::BadChecksum { at: 167, .. }),
            "{error}"
        );
    }

    #[test]
    fn order_is_kept() {
        check_refused("0102115802CN", ParseError::Misplaced { tag: "00", at: 0 });
        check_refused("0002025802CN", ParseError::Misplaced { tag: "00", at: 0 });
        assert_eq!(
            parse("000201").unwrap_err(),
            ParseError::Misplaced { tag: "63", at: 6 }
        );
        assert_eq!(
            parse("").unwrap_err(),
            ParseError::Misplaced { tag: "63", at: 0 }
        );
        let behind = format!("{PIX}6102BR");
        assert_eq!(
            parse(&behind).unwrap_err(),
            ParseError::Misplaced {
                tag: "63",
                at: behind.len()
            }
        );
    }

    #[test]
    fn broken_objects_are_refused_where_they_begin() {
        check_refused("000201580aCN", ParseError::BadLength { at: 8 });
        check_refused("0002015x02CN", ParseError::BadTag { at: 6 });
        check_refused("0002015802CN5802CN", ParseError::Repeated { at: 12 });
        check_refused("0002012699CN", ParseError::Truncated { at: 10 });
        check_refused("00020126060099ab", ParseError::Truncated { at: 14 });
        check_refused("00020126100001100011", ParseError::Repeated { at: 15 });
        check_refused("0002015904最佳运输00", ParseError::Truncated { at: 26 });
    }

    #[test]
    fn what_is_missing_is_told() {
        let text = build(&[("59", "NAME")]);
        let missing: Vec<_> = parse(&text).unwrap().missing().collect();
        assert_eq!(missing, ["52", "53", "58", "60", "26"]);
    }

    #[test]
    fn fields_name_tags_and_places() {
        let found: Vec<_> = fields(PIX)
            .into_iter()
            .map(|f| (f.name.into_owned(), PIX.get(f.range).unwrap()))
            .collect();
        assert!(
            found.contains(&("26.00".to_owned(), "BR.GOV.BCB.PIX")),
            "{found:?}"
        );
        assert!(
            found.contains(&("58 country".to_owned(), "BR")),
            "{found:?}"
        );
        assert!(found.contains(&("63 crc".to_owned(), "8179")), "{found:?}");
    }

    proptest! {
        #[test]
        fn what_was_built_is_read_again(
            scheme in "[A-Z.]{1,32}",
            account in "\\PC{0,60}",
            name in "\\PC{1,25}",
            dynamic in any::<bool>(),
        ) {
            let template = object("00", &scheme) + &object("01", &account);
            let initiation = if dynamic { "12" } else { "11" };
            let text = build(&[
                ("01", initiation), ("26", &template), ("52", "8062"), ("53", "156"),
                ("58", "CN"), ("59", &name), ("60", "XIAMEN"),
            ]);
            // A template of more than 99 characters is cut; then the inner object is, too.
            prop_assume!(template.chars().count() <= MAX_VALUE);
            let merchant = parse(&text).unwrap();
            prop_assert_eq!(merchant.scheme(), Some(scheme.as_str()));
            prop_assert_eq!(merchant.merchant_name(), Some(name.as_str()));
            prop_assert_eq!(merchant.initiation() == Initiation::Dynamic, dynamic);
            prop_assert_eq!(merchant.missing().next(), None);
        }

        #[test]
        fn no_text_makes_the_parser_panic(
            text in prop_oneof!["\\PC*", "000201([0-9]{2}0[0-9]|[0-9]{4}|\\PC){0,20}(6304[0-9A-F]{4})?"],
        ) {
            let _ = parse(&text);
            for field in fields(&text) {
                prop_assert!(text.get(field.range).is_some());
            }
        }
    }
}
