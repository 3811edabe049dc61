//! Text from codes and key servers, made fit to be shown to people.
//!
//! What a stranger wrote must not move the cursor, change colours, turn the direction of writing or
//! hide among letters. Escapes show it instead. Programs read JSON, which has escapes of its own.

use std::borrow::Cow;
use std::ops::RangeInclusive;

/// The format characters (general category Cf of Unicode 16, with those not assigned yet between
/// them), and the separators of lines and paragraphs before the directional marks.
const INVISIBLE: [RangeInclusive<char>; 18] = [
    '\u{AD}'..='\u{AD}',
    '\u{600}'..='\u{605}',
    '\u{61C}'..='\u{61C}',
    '\u{6DD}'..='\u{6DD}',
    '\u{70F}'..='\u{70F}',
    '\u{890}'..='\u{891}',
    '\u{8E2}'..='\u{8E2}',
    '\u{180E}'..='\u{180E}',
    '\u{200B}'..='\u{200F}',
    '\u{2028}'..='\u{202E}',
    '\u{2060}'..='\u{206F}',
    '\u{FEFF}'..='\u{FEFF}',
    '\u{FFF9}'..='\u{FFFB}',
    '\u{110BD}'..='\u{110CD}',
    '\u{13430}'..='\u{1343F}',
    '\u{1BCA0}'..='\u{1BCA3}',
    '\u{1D173}'..='\u{1D17A}',
    '\u{E0001}'..='\u{E007F}',
];

/// The text as it is, with escapes such as `\u{1b}` for what is not seen as itself.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_printable(letter) {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_unicode());
        }
    }
    Cow::Owned(shown)
}

/// Whether a character shows itself and nothing else: no control, format or line character.
pub fn is_printable(letter: char) -> bool {
    let invisible = || INVISIBLE.iter().any(|range| range.contains(&letter));
    // Nothing of ASCII but its controls.
    letter.is_ascii_graphic() || letter == ' ' || !(letter.is_control() || invisible())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(printable(text), expected);
    }

    #[test]
    fn what_shows_itself_stays() {
        check("key-2026/é 福建", "key-2026/é 福建");
        assert!(matches!(printable("福建"), Cow::Borrowed(_)));
    }

    #[test]
    fn controls_are_escaped() {
        check("a\x1b[31mb", "a\\u{1b}[31mb");
        check("\r\n\t\0", "\\u{d}\\u{a}\\u{9}\\u{0}");
        check("\x7f\u{85}\u{9b}2J", "\\u{7f}\\u{85}\\u{9b}2J");
    }

    #[test]
    fn format_characters_and_line_ends_are_escaped() {
        check("\u{202e}txt", "\\u{202e}txt");
        check("\u{2066}\u{2069}\u{61c}", "\\u{2066}\\u{2069}\\u{61c}");
        check("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}");
        check(
            "\u{200b}\u{feff}\u{ad}\u{e0041}",
            "\\u{200b}\\u{feff}\\u{ad}\\u{e0041}",
        );
    }
}
