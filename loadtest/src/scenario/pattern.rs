//! Names by the hundred: `kiosk-{0001..0400}`.

/// Names one scenario may have; more terminals than any hospital has.
const MOST: usize = 100_000;

/// Why a pattern names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Braces that do not hold two numbers.
    #[error("found `{found}`, expected {{FIRST..LAST}}, such as kiosk-{{0001..0400}}")]
    NoRange {
        /// What was found.
        found: String,
    },
    /// More names than a run may have.
    #[error("found {found} names, expected at most {MOST}")]
    TooMany {
        /// How many.
        found: u64,
    },
}

/// All names a pattern stands for: itself, or one for each number between its braces, with as many
/// digits as the first one has.
pub fn names(pattern: &str) -> Result<Vec<String>, PatternError> {
    let no_range = || PatternError::NoRange {
        found: pattern.to_owned(),
    };
    let Some((before, rest)) = pattern.split_once('{') else {
        return if pattern.contains('}') {
            Err(no_range())
        } else {
            Ok(vec![pattern.to_owned()])
        };
    };
    let (range, after) = rest.split_once('}').ok_or_else(no_range)?;
    let (first, last) = range.split_once("..").ok_or_else(no_range)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| no_range());
    let (from, to, width) = (number(first)?, number(last)?, first.len());
    let found = to.checked_sub(from).ok_or_else(no_range)?.saturating_add(1);
    if usize::try_from(found).map_or(true, |found| found > MOST) {
        return Err(PatternError::TooMany { found });
    }
    Ok((from..=to)
        .map(|number| format!("{before}{number:0width$}{after}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_every_number_with_its_zeros() {
        assert_eq!(names("W-0001").unwrap(), ["W-0001"]);
        assert_eq!(
            names("kiosk-{008..011}-a").unwrap(),
            ["kiosk-008-a", "kiosk-009-a", "kiosk-010-a", "kiosk-011-a"]
        );
        for wrong in ["a{1..}", "a{1-2}", "a{2..1}", "a{1..2", "a}", "{0..100000}"] {
            assert!(names(wrong).is_err(), "{wrong}");
        }
    }
}
