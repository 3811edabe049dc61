//! What a key of a credential's issuer may sign (EU DCC, "extended key usage").

/// One statement a health certificate can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The result of a test.
    Test,
    /// A vaccination.
    Vaccination,
    /// Recovery from an infection.
    Recovery,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::Test, Self::Vaccination, Self::Recovery];

    /// The word for it in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Vaccination => "vaccination",
            Self::Recovery => "recovery",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Test => 1,
            Self::Vaccination => 2,
            Self::Recovery => 4,
        }
    }
}

/// A set of purposes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PurposeSet(u8);

impl PurposeSet {
    /// None.
    pub const EMPTY: Self = Self(0);

    /// Every purpose.
    pub const ALL: Self = Self(7);

    /// The set of that one.
    pub const fn only(purpose: Purpose) -> Self {
        Self(purpose.bit())
    }

    /// Whether `purpose` is one of them.
    pub const fn contains(self, purpose: Purpose) -> bool {
        self.0 & purpose.bit() != 0
    }

    /// Whether every purpose of `other` is one of them; none at all always is.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The purposes in it.
    pub fn iter(self) -> impl Iterator<Item = Purpose> {
        let all = Purpose::ALL.into_iter();
        all.filter(move |&purpose| self.contains(purpose))
    }
}

impl FromIterator<Purpose> for PurposeSet {
    fn from_iter<I: IntoIterator<Item = Purpose>>(purposes: I) -> Self {
        Self(purposes.into_iter().fold(0, |set, it| set | it.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_covers_its_parts() {
        let both = PurposeSet::from_iter([Purpose::Test, Purpose::Recovery]);
        assert!(both.covers(PurposeSet::only(Purpose::Test)));
        assert!(!both.covers(PurposeSet::only(Purpose::Vaccination)));
        assert!(both.covers(PurposeSet::EMPTY) && !PurposeSet::EMPTY.covers(both));
        assert_eq!(PurposeSet::from_iter(Purpose::ALL), PurposeSet::ALL);
        assert_eq!(
            both.iter().collect::<Vec<_>>(),
            [Purpose::Test, Purpose::Recovery]
        );
    }
}
