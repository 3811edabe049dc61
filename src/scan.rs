//! A scan: the text as the scanner gave it, cleaned, and what the terminal says about itself.
//!
//! Cleaning touches the ends of the text and nothing inside it, with two exceptions a keyboard
//! emulation makes: a byte-order mark in front and full-width digits. Spaces stay: Base45 texts
//! contain them, also at their end.

use std::borrow::Cow;
use std::fmt;

/// The longest text a scan may carry: a version 40 QR code holds 7,089 digits (ISO/IEC 18004).
pub const MAX_TEXT_BYTES: usize = 7_089;

/// One scan as it enters the core.
#[derive(Clone, Debug, Default)]
pub struct Scan<'a> {
    /// The cleaned text and what was taken off it.
    pub text: Cleaned<'a>,
    /// What the request says about its circumstances.
    pub claims: Claims<'a>,
}

/// What a terminal says about the circumstances of a scan, unproven.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claims<'a> {
    /// Where in the visit the code was scanned, by any of the scene's names.
    pub scene: Option<&'a str>,
    /// The terminal's own name.
    pub terminal: Option<&'a str>,
    /// The organisation the terminal says it stands in.
    pub organisation: Option<&'a str>,
    /// The region the terminal says it stands in.
    pub region: Option<&'a str>,
}

/// Whether scanner artefacts are taken off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cleaning {
    /// The text is taken to the letter.
    None,
    /// The artefacts scanners and keyboard emulations leave are taken off.
    #[default]
    Scanner,
}

/// A text without scanner artefacts.
#[derive(Clone, Default)]
pub struct Cleaned<'a> {
    /// What is left.
    pub text: Cow<'a, str>,
    /// The AIM symbology identifier the scanner put in front, kept aside.
    pub aim: Option<AimId>,
    /// Which artefacts were found.
    pub artefacts: Artefacts,
}

impl fmt::Debug for Cleaned<'_> {
    /// Shows the length only: a scanned text is never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Cleaned({} bytes, {:?})",
            self.text.len(),
            self.artefacts
        )
    }
}

/// Takes scanner artefacts off `raw`.
pub fn clean(raw: &str, cleaning: Cleaning) -> Cleaned<'_> {
    if cleaning == Cleaning::None {
        return Cleaned {
            text: Cow::Borrowed(raw),
            aim: None,
            artefacts: Artefacts::default(),
        };
    }
    let mut artefacts = Artefacts::default();
    let text = trim(raw, &mut artefacts);
    let (aim, text) = match AimId::split(text) {
        Some((aim, rest)) => {
            artefacts.insert(Artefact::AimIdentifier);
            (Some(aim), rest)
        }
        None => (None, text),
    };
    Cleaned {
        text: narrow_digits(text, &mut artefacts),
        aim,
        artefacts,
    }
}

/// Takes the byte-order mark and line ends off both ends.
fn trim<'a>(raw: &'a str, artefacts: &mut Artefacts) -> &'a str {
    let mut rest = raw;
    loop {
        let mut ends = rest.chars();
        let found = match (ends.next(), ends.next_back()) {
            (Some(first), _) if Artefact::at_end(first).is_some() => {
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                Artefact::at_end(first)
            }
            (_, Some(last)) if Artefact::at_end(last).is_some() => {
                rest = rest.strip_suffix(last).unwrap_or_default();
                Artefact::at_end(last)
            }
            _ => return rest,
        };
        if let Some(artefact) = found {
            artefacts.insert(artefact);
        }
    }
}

/// Turns full-width digits (U+FF10 to U+FF19) into ASCII ones.
fn narrow_digits<'a>(text: &'a str, artefacts: &mut Artefacts) -> Cow<'a, str> {
    if text.is_ascii() || !text.contains(|c| ('０'..='９').contains(&c)) {
        return Cow::Borrowed(text);
    }
    artefacts.insert(Artefact::FullWidthDigit);
    let narrow = |c: char| match u32::from(c).checked_sub(u32::from('０')) {
        Some(digit) => char::from_digit(digit, 10).unwrap_or(c),
        None => c,
    };
    Cow::Owned(text.chars().map(narrow).collect())
}

/// A thing scanners leave around or in a text that is not part of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artefact {
    /// `]C1` and its like in front (ISO/IEC 15424).
    AimIdentifier,
    /// U+FEFF.
    ByteOrderMark,
    /// CR.
    CarriageReturn,
    /// `０` to `９`, as an input method types them.
    FullWidthDigit,
    /// LF.
    LineFeed,
    /// TAB.
    Tab,
}

impl Artefact {
    /// Every kind of artefact.
    pub const ALL: [Self; 6] = [
        Self::AimIdentifier,
        Self::ByteOrderMark,
        Self::CarriageReturn,
        Self::FullWidthDigit,
        Self::LineFeed,
        Self::Tab,
    ];

    /// The metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AimIdentifier => "aim-identifier",
            Self::ByteOrderMark => "byte-order-mark",
            Self::CarriageReturn => "carriage-return",
            Self::FullWidthDigit => "full-width-digit",
            Self::LineFeed => "line-feed",
            Self::Tab => "tab",
        }
    }

    /// Its place in [`Self::ALL`].
    pub fn index(self) -> usize {
        Self::ALL
            .iter()
            .position(|&artefact| artefact == self)
            .unwrap_or_default()
    }

    const fn at_end(c: char) -> Option<Self> {
        match c {
            '\u{feff}' => Some(Self::ByteOrderMark),
            '\r' => Some(Self::CarriageReturn),
            '\n' => Some(Self::LineFeed),
            '\t' => Some(Self::Tab),
            _ => None,
        }
    }

    fn bit(self) -> u8 {
        1 << self.index()
    }
}

/// The set of artefacts found in one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Artefacts(u8);

impl Artefacts {
    fn insert(&mut self, artefact: Artefact) {
        self.0 |= artefact.bit();
    }

    /// Whether the text was clean.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds found, each once.
    pub fn iter(self) -> impl Iterator<Item = Artefact> {
        Artefact::ALL
            .into_iter()
            .filter(move |artefact| self.0 & artefact.bit() != 0)
    }
}

/// An AIM symbology identifier: `]`, a code character, a modifier (ISO/IEC 15424).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AimId {
    letter: u8,
    modifier: u8,
}

impl AimId {
    /// Reads the two characters behind the bracket, such as `C1`.
    pub const fn parse(name: &str) -> Option<Self> {
        match name.as_bytes() {
            &[letter, modifier]
                if letter.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() =>
            {
                Some(Self { letter, modifier })
            }
            _ => None,
        }
    }

    fn split(text: &str) -> Option<(Self, &str)> {
        let rest = text.strip_prefix(']')?;
        let (name, rest) = rest.split_at_checked(2)?;
        Some((Self::parse(name)?, rest))
    }
}

impl fmt::Display for AimId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}",
            char::from(self.letter),
            char::from(self.modifier)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, text: &str, artefacts: &[Artefact]) {
        let cleaned = clean(raw, Cleaning::Scanner);
        assert_eq!(cleaned.text, text);
        assert_eq!(cleaned.artefacts.iter().collect::<Vec<_>>(), artefacts);
    }

    #[test]
    fn artefacts_are_taken_off_the_ends() {
        check("134650328919428540", "134650328919428540", &[]);
        check(
            "134650328919428540\r\n",
            "134650328919428540",
            &[Artefact::CarriageReturn, Artefact::LineFeed],
        );
        check(
            "\u{feff}\r1\t",
            "1",
            &[
                Artefact::ByteOrderMark,
                Artefact::CarriageReturn,
                Artefact::Tab,
            ],
        );
        check("\r\n", "", &[Artefact::CarriageReturn, Artefact::LineFeed]);
        check("１３4", "134", &[Artefact::FullWidthDigit]);
    }

    #[test]
    fn the_inside_is_left_alone() {
        check("HC1:6B FA \r", "HC1:6B FA ", &[Artefact::CarriageReturn]);
        check("a\r\nb", "a\r\nb", &[]);
        check("佳运", "佳运", &[]);
    }

    #[test]
    fn the_aim_identifier_is_kept_aside() {
        let cleaned = clean("]C10101234567890128\r", Cleaning::Scanner);
        assert_eq!(cleaned.text, "0101234567890128");
        assert_eq!(cleaned.aim, AimId::parse("C1"));
        check("]", "]", &[]);
        check("]佳运", "]佳运", &[]);
    }

    #[test]
    fn nothing_is_touched_when_cleaning_is_off() {
        let cleaned = clean("]C1１\r\n", Cleaning::None);
        assert_eq!(cleaned.text, "]C1１\r\n");
        assert!(cleaned.artefacts.is_empty());
    }
}
