//! Check digits, calendar dates and the CRC that code texts carry.
//!
//! Pure functions of the text: nothing here knows which family asks. A checksum that holds says
//! that a text was not mistyped; it never says that somebody issued it.

/// A test a family may ask of a part of its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// Eight digits that name a day of the calendar, `YYYYMMDD`.
    Date,
    /// The card-number check of ISO/IEC 7812-1, annex B.
    Luhn,
    /// The check digit of every GS1 key (GS1 General Specifications, section 7.9).
    Mod10,
    /// The check character of the resident identity number (GB 11643, ISO/IEC 7064 MOD 11-2).
    Mod11_2,
}

impl Checksum {
    /// Every test.
    pub const ALL: [Self; 4] = [Self::Date, Self::Luhn, Self::Mod10, Self::Mod11_2];

    /// The word for it in family files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Luhn => "luhn",
            Self::Mod10 => "mod10",
            Self::Mod11_2 => "mod11-2",
        }
    }

    /// The test of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|test| test.name() == name)
    }

    /// Whether `text` stands the test.
    pub fn holds(self, text: &str) -> bool {
        match self {
            Self::Date => is_date(text),
            Self::Luhn => ends_in(text, luhn_digit),
            Self::Mod10 => ends_in(text, mod10_digit),
            Self::Mod11_2 => is_identity_number(text),
        }
    }
}

/// The check digit that belongs behind `body` in a GS1 key: weights 3, 1, 3, … from the right.
pub fn mod10_digit(body: &str) -> Option<char> {
    digit_after(body, |digit, from_right| {
        if from_right % 2 == 0 {
            digit * 3
        } else {
            digit
        }
    })
}

/// The check digit that belongs behind `body` in a card number: every other digit doubled.
pub fn luhn_digit(body: &str) -> Option<char> {
    digit_after(body, |digit, from_right| match (from_right % 2, digit) {
        (0, 5..) => digit * 2 - 9,
        (0, _) => digit * 2,
        _ => digit,
    })
}

/// The check character that belongs behind the 17 digits of a resident identity number.
pub fn mod11_2_digit(body: &str) -> Option<char> {
    if body.len() != IDENTITY_DIGITS {
        return None;
    }
    // Doubling and adding from the left gives digit n the weight 2^(17-n); one more doubling makes
    // room for the check character, whose own weight is 1.
    let mut sum = 0;
    for byte in body.bytes() {
        sum = (sum * 2 + digit(byte)?) % 11;
    }
    match (12 - sum * 2 % 11) % 11 {
        10 => Some('X'),
        check => char::from_digit(check, 10),
    }
}

/// The CRC of EMV merchant codes: ISO/IEC 13239 with 16 bits, also known as CRC-16/CCITT-FALSE
/// (polynomial 1021, start FFFF, nothing reflected, nothing inverted).
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, &byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            }
        })
    })
}

/// The digits of a resident identity number in front of its check character.
const IDENTITY_DIGITS: usize = 17;

fn is_identity_number(text: &str) -> bool {
    let Some((body, check)) = text.split_at_checked(IDENTITY_DIGITS) else {
        return false;
    };
    // The standard writes `X`; people and some card readers type `x`.
    mod11_2_digit(body).is_some_and(|right| {
        check.len() == 1
            && check
                .chars()
                .all(|found| found.eq_ignore_ascii_case(&right))
    })
}

fn is_date(text: &str) -> bool {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let part = |range| {
        text.get(range)
            .and_then(|part: &str| part.parse::<u32>().ok())
    };
    match (part(0..4), part(4..6), part(6..8)) {
        (Some(year), Some(month), Some(day)) => day >= 1 && day <= days_of(year, month),
        _ => false,
    }
}

/// How many days a month has; none if there is no such month. The Gregorian rule for every year.
pub(crate) const fn days_of(year: u32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 0,
    }
}

/// Whether the last character of `text` is the check digit of the rest.
fn ends_in(text: &str, check: fn(&str) -> Option<char>) -> bool {
    let mut body = text.chars();
    body.next_back()
        .is_some_and(|last| check(body.as_str()) == Some(last))
}

/// Ten's complement of the weighted sum; `weigh` gets each digit and its place from the right.
fn digit_after(body: &str, weigh: fn(u32, usize) -> u32) -> Option<char> {
    let mut sum = 0;
    for (from_right, byte) in body.bytes().rev().enumerate() {
        sum = (sum + weigh(digit(byte)?, from_right)) % 10;
    }
    if body.is_empty() {
        None
    } else {
        char::from_digit((10 - sum) % 10, 10)
    }
}

fn digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(checksum: Checksum, text: &str, expected: bool) {
        assert_eq!(
            checksum.holds(text),
            expected,
            "{} of {text:?}",
            checksum.name()
        );
    }

    #[test]
    fn names_and_tests_belong_together() {
        for test in Checksum::ALL {
            assert_eq!(Checksum::from_name(test.name()), Some(test));
        }
        assert_eq!(Checksum::from_name("mod-10"), None);
    }

    #[test]
    fn gs1_keys_of_every_length_are_checked() {
        // GTIN-14 and GTIN-8 of published GS1 examples, an EAN-13 and a UPC-A.
        for key in [
            "51022222233336",
            "96385074",
            "4006381333931",
            "036000291452",
        ] {
            check(Checksum::Mod10, key, true);
        }
        check(Checksum::Mod10, "51022222233335", false);
        check(Checksum::Mod10, "5102222223333X", false);
        check(Checksum::Mod10, "", false);
        check(Checksum::Mod10, "0", false);
    }

    #[test]
    fn card_numbers_are_checked() {
        // The common worked example of the Luhn formula, and a number nobody issues.
        check(Checksum::Luhn, "79927398713", true);
        check(Checksum::Luhn, "1234567890123452", true);
        check(Checksum::Luhn, "79927398710", false);
        check(Checksum::Luhn, "", false);
    }

    #[test]
    fn identity_numbers_are_checked() {
        // The two examples of the standard itself: GB 11643-1999, appendix A.
        check(Checksum::Mod11_2, "11010519491231002X", true);
        check(Checksum::Mod11_2, "440524188001010014", true);
        check(Checksum::Mod11_2, "11010519491231002x", true);
        check(Checksum::Mod11_2, "110105194912310021", false);
        check(Checksum::Mod11_2, "11010519491231002", false);
        check(Checksum::Mod11_2, "1101051949123100佳", false);
        check(Checksum::Mod11_2, "11010519491231002XX", false);
    }

    #[test]
    fn dates_follow_the_calendar() {
        for day in ["20240229", "20000229", "19491231", "20261130"] {
            check(Checksum::Date, day, true);
        }
        for day in [
            "20230229", "19000229", "20261131", "20261301", "20260100", "2026010", "2026010a",
        ] {
            check(Checksum::Date, day, false);
        }
        check(Checksum::Date, "+2260101", false);
    }

    #[test]
    fn the_crc_has_its_catalogue_value() {
        // The check value of CRC-16/IBM-3740 (alias CCITT-FALSE) in the RevEng catalogue.
        assert_eq!(crc16(b"123456789"), 0x29B1);
        assert_eq!(crc16(b""), 0xFFFF);
    }

    proptest! {
        #[test]
        fn a_text_with_its_check_digit_holds(body in "[0-9]{1,40}", identity in "[0-9]{17}") {
            let with = |body: &str, digit: Option<char>| format!("{body}{}", digit.unwrap());
            prop_assert!(Checksum::Mod10.holds(&with(&body, mod10_digit(&body))));
            prop_assert!(Checksum::Luhn.holds(&with(&body, luhn_digit(&body))));
            prop_assert!(Checksum::Mod11_2.holds(&with(&identity, mod11_2_digit(&identity))));
        }

        #[test]
        fn one_wrong_digit_is_noticed(identity in "[0-9]{17}", place in 0_usize..17, step in 1_u8..10) {
            let right = format!("{identity}{}", mod11_2_digit(&identity).unwrap());
            let mut wrong = right.into_bytes();
            wrong[place] = b'0' + (wrong[place] - b'0' + step) % 10;
            prop_assert!(!Checksum::Mod11_2.holds(std::str::from_utf8(&wrong).unwrap()));
        }

        #[test]
        fn no_text_makes_a_test_panic(text in "\\PC*") {
            for test in Checksum::ALL {
                test.holds(&text);
            }
        }
    }
}
