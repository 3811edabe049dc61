//! What active checks made of one endpoint: up or down, and how far it is from the other.

/// How many checks it takes to believe one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// Good ones in a row bring it up.
    pub(super) rise: u16,
    /// Bad ones in a row bring it down.
    pub(super) fall: u16,
}

/// Checks so far. One that was never checked is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checks {
    pub(super) down: bool,
    /// Checks in a row that say otherwise.
    against: u16,
}

const DOWN: u32 = 1 << 31;

impl Checks {
    /// Takes another check into account.
    pub(super) fn checked(self, good: bool, patience: Patience) -> Self {
        if good != self.down {
            return Self { against: 0, ..self };
        }
        let against = self.against.saturating_add(1);
        let needed = if self.down {
            patience.rise
        } else {
            patience.fall
        };
        if against < needed {
            return Self { against, ..self };
        }
        Self {
            down: !self.down,
            against: 0,
        }
    }

    /// In one word.
    pub(super) fn to_word(self) -> u32 {
        u32::from(self.against) | if self.down { DOWN } else { 0 }
    }

    /// What [`Self::to_word`] made.
    pub(super) fn from_word(word: u32) -> Self {
        Self {
            down: word & DOWN != 0,
            against: u16::try_from(word & !DOWN).unwrap_or(u16::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+` is a good check, `-` a bad one; after each of them `U` or `D` is expected.
    #[track_caller]
    fn check(checks: &str, expected: &str) {
        let patience = Patience { rise: 2, fall: 3 };
        let mut so_far = Checks::default();
        let seen: String = checks
            .chars()
            .map(|one| {
                so_far = so_far.checked(one == '+', patience);
                assert_eq!(Checks::from_word(so_far.to_word()), so_far);
                if so_far.down { 'D' } else { 'U' }
            })
            .collect();
        assert_eq!(seen, expected, "{checks}");
    }

    #[test]
    fn it_takes_three_bad_ones_in_a_row_to_go_down_and_two_good_ones_to_come_up() {
        check("---++", "UUDDU");
        check("--+--+--", "UUUUUUUU");
        check("---+-+-++", "UUDDDDDDU");
        check("---------++---", "UUDDDDDDDDUUUD");
    }
}
