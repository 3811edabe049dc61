//! What an application identifier says about its value.

use super::ParseError;
use super::table::TABLE;
use crate::family::checksum::{Checksum, days_of};

/// The longest value any identifier allows (company-internal 91 to 99, and 8030).
pub const MAX_VALUE: usize = 90;

/// An application identifier, or a run of them that differ in their last digits only.
#[derive(Debug, PartialEq, Eq)]
pub struct Ai {
    /// The digits all of the run begin with.
    pub code: &'static str,
    /// The highest value of each digit that follows: `31` with `[6, 5]` stands for 3100 to 3165.
    pub tails: &'static [u8],
    /// What the value is.
    pub title: &'static str,
    digits: usize,
    rest: Rest,
    test: Test,
}

/// What may follow the leading digits of a value.
#[derive(Debug, PartialEq, Eq)]
struct Rest {
    set: Set,
    least: usize,
    most: usize,
}

/// The character sets of GS1 (General Specifications, section 7.11) that values are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// `0` to `9`.
    Digits,
    /// Set 39, for component identifiers: `#`, `-`, `/`, digits, upper-case letters.
    Key,
    /// Set 82, for everything else.
    Text,
    /// Set 64, for digital signatures: base64url with its padding.
    Url,
}

/// What the leading digits must satisfy beyond being digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    /// They begin with a date, `YYMMDD`; day 00 means the end of the month.
    Date,
    /// The first so many end in a mod-10 check digit.
    Mod10(usize),
    /// Nothing.
    Nothing,
}

/// The key identifiers a Digital Link may begin with, and the qualifiers each takes, in order.
pub(super) const KEYS: &[(&str, &[&str])] = &[
    ("00", &[]),
    ("01", &["22", "10", "21", "235"]),
    ("253", &[]),
    ("255", &[]),
    ("401", &[]),
    ("402", &[]),
    ("414", &["254", "7040"]),
    ("415", &["8020"]),
    ("417", &["7040"]),
    ("8003", &[]),
    ("8004", &["7040"]),
    ("8006", &["22", "10", "21"]),
    ("8010", &["8011"]),
    ("8013", &[]),
    ("8017", &["8019"]),
    ("8018", &["8019"]),
];

impl Ai {
    /// A value of exactly `digits` digits.
    pub(super) const fn digits(code: &'static str, digits: usize, title: &'static str) -> Self {
        let rest = Rest {
            set: Set::Digits,
            least: 0,
            most: 0,
        };
        Self {
            code,
            tails: &[],
            title,
            digits,
            rest,
            test: Test::Nothing,
        }
    }

    /// A value of one to `most` characters of set 82.
    pub(super) const fn text(code: &'static str, most: usize, title: &'static str) -> Self {
        Self::digits(code, 0, title).then(Set::Text, 1, most)
    }

    /// Adds `least` to `most` characters behind the digits.
    pub(super) const fn then(mut self, set: Set, least: usize, most: usize) -> Self {
        self.rest = Rest { set, least, most };
        self
    }

    /// Makes this a run of identifiers.
    pub(super) const fn run(mut self, tails: &'static [u8]) -> Self {
        self.tails = tails;
        self
    }

    /// Asks for a check digit at the end of the first `covered` digits.
    pub(super) const fn mod10(mut self, covered: usize) -> Self {
        self.test = Test::Mod10(covered);
        self
    }

    /// Asks for a date in the first six digits.
    pub(super) const fn date(mut self) -> Self {
        self.test = Test::Date;
        self
    }

    /// Finds the identifier that `text` begins with, and its length.
    pub fn at_start_of(text: &str) -> Option<(&'static Self, usize)> {
        let group = text.get(..2)?;
        let start = TABLE.partition_point(|ai| ai.code < group);
        let mut candidates = TABLE
            .iter()
            .skip(start)
            .take_while(|ai| ai.code.starts_with(group));
        candidates
            .find(|ai| ai.begins(text))
            .map(|ai| (ai, ai.code_len()))
    }

    /// The length of the identifier itself.
    pub const fn code_len(&self) -> usize {
        self.code.len() + self.tails.len()
    }

    /// The value's length, if the identifier is one whose element needs no separator behind it
    /// (the table of predefined lengths in the General Specifications).
    pub fn predefined_len(&self) -> Option<usize> {
        let predefined = matches!(
            self.code.as_bytes(),
            [b'0', b'0'..=b'4', ..]
                | [b'1', b'1'..=b'9', ..]
                | [b'2', b'0']
                | [b'3', b'1'..=b'6', ..]
                | [b'4', b'1', ..]
        );
        predefined.then_some(self.digits)
    }

    /// Whether the identifier names something, rather than describing what another names.
    pub fn is_key(&self) -> bool {
        self.qualifiers().is_some()
    }

    /// The qualifiers that may follow it in a Digital Link's path.
    pub(super) fn qualifiers(&self) -> Option<&'static [&'static str]> {
        KEYS.iter()
            .find(|(code, _)| *code == self.code)
            .map(|&(_, qualifiers)| qualifiers)
    }

    /// Whether `value`, which begins at byte `at` of the text, is one this identifier allows.
    pub(super) fn accept(&self, value: &[u8], at: usize) -> Result<(), ParseError> {
        let (least, most) = (self.digits + self.rest.least, self.digits + self.rest.most);
        if value.len() < least {
            return Err(ParseError::TooShort { at, least });
        }
        if value.len() > most {
            return Err(ParseError::TooLong { at, most });
        }
        let (digits, rest) = value.split_at_checked(self.digits).unwrap_or((value, &[]));
        let allowed = digits.iter().all(u8::is_ascii_digit)
            && rest.iter().all(|&byte| self.rest.set.contains(byte));
        if !allowed {
            return Err(ParseError::BadCharacter { at });
        }
        self.test.apply(digits, at)
    }

    fn begins(&self, text: &str) -> bool {
        let Some(tail) = text.strip_prefix(self.code) else {
            return false;
        };
        let mut found = tail.bytes();
        self.tails.iter().all(|top| {
            found
                .next()
                .is_some_and(|byte| byte.is_ascii_digit() && byte - b'0' <= *top)
        })
    }
}

impl Set {
    const fn contains(self, byte: u8) -> bool {
        match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Key => {
                matches!(byte, b'#' | b'-' | b'/')
                    || byte.is_ascii_digit()
                    || byte.is_ascii_uppercase()
            }
            Self::Text => {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'!' | b'"' | b'%'..=b'/' | b':'..=b'?' | b'_')
            }
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='),
        }
    }
}

impl Test {
    fn apply(self, digits: &[u8], at: usize) -> Result<(), ParseError> {
        match self {
            Self::Nothing => Ok(()),
            Self::Mod10(covered) => {
                let key = digits
                    .get(..covered)
                    .and_then(|key| std::str::from_utf8(key).ok());
                let holds = key.is_some_and(|key| Checksum::Mod10.holds(key));
                if holds {
                    Ok(())
                } else {
                    Err(ParseError::BadChecksum { at })
                }
            }
            Self::Date => {
                if is_date(digits) {
                    Ok(())
                } else {
                    Err(ParseError::BadDate { at })
                }
            }
        }
    }
}

/// `YYMMDD` with day 00 for the end of the month. The century is not written; a leap day is taken
/// in every fourth year, which no century of GS1's sliding window contradicts before 2100.
fn is_date(digits: &[u8]) -> bool {
    let &[y1, y2, m1, m2, d1, d2, ..] = digits else {
        return false;
    };
    let two = |tens: u8, ones: u8| u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
    let (year, month) = (2000 + two(y1, y2), two(m1, m2));
    month != 0 && two(d1, d2) <= days_of(year, month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, value: &str, expected: Result<(), ParseError>) {
        let (ai, length) = Ai::at_start_of(code).unwrap();
        assert_eq!(length, code.len());
        assert_eq!(ai.accept(value.as_bytes(), 0), expected, "({code}){value}");
    }

    #[test]
    fn identifiers_are_found_at_their_full_length() {
        for (text, code_len) in [
            ("010", 2),
            ("2351", 3),
            ("7101", 3),
            ("3105", 4),
            ("3925", 4),
            ("7230", 4),
            ("99", 2),
        ] {
            assert_eq!(
                Ai::at_start_of(text).map(|(_, len)| len),
                Some(code_len),
                "{text}"
            );
        }
        for unknown in [
            "", "0", "05", "236", "3106", "3175", "3944", "718", "88", "é1", "8031",
        ] {
            assert_eq!(Ai::at_start_of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn keys_need_their_check_digit() {
        check("01", "51022222233336", Ok(()));
        check(
            "01",
            "51022222233335",
            Err(ParseError::BadChecksum { at: 0 }),
        );
        check("8018", "123456789012345675", Ok(()));
        check(
            "8018",
            "123456789012345670",
            Err(ParseError::BadChecksum { at: 0 }),
        );
        check("8003", "09521234543213ABC", Ok(()));
        check(
            "8003",
            "09521234543214ABC",
            Err(ParseError::BadChecksum { at: 0 }),
        );
        check("8006", "095212345432130102", Ok(()));
        check("253", "9521234543213", Ok(()));
    }

    #[test]
    fn lengths_and_characters_are_kept() {
        check(
            "01",
            "5102222223333",
            Err(ParseError::TooShort { at: 0, least: 14 }),
        );
        check("10", "", Err(ParseError::TooShort { at: 0, least: 1 }));
        check(
            "10",
            "ABCDEFGHIJKLMNOPQRSTU",
            Err(ParseError::TooLong { at: 0, most: 20 }),
        );
        check("10", "A#", Err(ParseError::BadCharacter { at: 0 }));
        check("10", "!\"%&'()*+,-./:;<=>?_", Ok(()));
        check("8010", "952-A/#1", Ok(()));
        check("8010", "952a", Err(ParseError::BadCharacter { at: 0 }));
        check("30", "12x", Err(ParseError::BadCharacter { at: 0 }));
        check("255", "95212345432131", Ok(()));
        check(
            "255",
            "9521234543213A",
            Err(ParseError::BadCharacter { at: 0 }),
        );
    }

    #[test]
    fn dates_exist_and_may_leave_the_day_open() {
        check("17", "261130", Ok(()));
        check("17", "261100", Ok(()));
        check("17", "240229", Ok(()));
        for wrong in ["261131", "260229", "261301", "260001"] {
            check("17", wrong, Err(ParseError::BadDate { at: 0 }));
        }
        check("7003", "2611301259", Ok(()));
        check("7007", "261130261231", Ok(()));
    }

    #[test]
    fn the_longest_value_is_known() {
        assert!(TABLE.iter().all(|ai| ai.digits + ai.rest.most <= MAX_VALUE));
    }
}
