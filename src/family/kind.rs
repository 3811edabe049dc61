//! The closed set of things a code can be for.

use std::fmt;

/// What a code is for; each kind has its department.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Several departments' accounts in one code.
    Aggregate,
    /// A signed statement about its holder.
    Credential,
    /// A thing on a shelf: medicine, device, parcel.
    Goods,
    /// Electronic health card (电子健康卡).
    HealthCard,
    /// Who somebody is: the resident identity number.
    Identity,
    /// Medical-insurance voucher (医保电子凭证).
    InsuranceVoucher,
    /// Tax invoice.
    Invoice,
    /// The shop's own code on the wall, shown by mistake.
    MerchantCode,
    /// A wallet's payment code.
    Payment,
    /// Electronic social-security card (电子社保卡).
    SocialSecurity,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Aggregate,
        Self::Credential,
        Self::Goods,
        Self::HealthCard,
        Self::Identity,
        Self::InsuranceVoucher,
        Self::Invoice,
        Self::MerchantCode,
        Self::Payment,
        Self::SocialSecurity,
    ];

    /// How many there are.
    pub const COUNT: usize = 10;

    /// The word for it in files, answers and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aggregate => "aggregate",
            Self::Credential => "credential",
            Self::Goods => "goods",
            Self::HealthCard => "health-card",
            Self::Identity => "identity",
            Self::InsuranceVoucher => "insurance-voucher",
            Self::Invoice => "invoice",
            Self::MerchantCode => "merchant-code",
            Self::Payment => "payment",
            Self::SocialSecurity => "social-security",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Aggregate => 0,
            Self::Credential => 1,
            Self::Goods => 2,
            Self::HealthCard => 3,
            Self::Identity => 4,
            Self::InsuranceVoucher => 5,
            Self::Invoice => 6,
            Self::MerchantCode => 7,
            Self::Payment => 8,
            Self::SocialSecurity => 9,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSet(u16);

impl KindSet {
    /// Every kind.
    pub const ALL: Self = Self((1 << Kind::COUNT) - 1);

    /// Whether `kind` is one of them.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind.index()) != 0
    }

    /// Whether the two have a kind in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The kinds in it.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL
            .into_iter()
            .filter(move |&kind| self.contains(kind))
    }
}

impl FromIterator<Kind> for KindSet {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        Self(
            kinds
                .into_iter()
                .fold(0, |set, kind| set | (1 << kind.index())),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_one_name_and_one_place_each() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), place);
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
            assert!(KindSet::ALL.contains(kind));
            assert_eq!(
                KindSet::from_iter([kind]).iter().collect::<Vec<_>>(),
                [kind]
            );
        }
        assert!(!KindSet::default().contains(Kind::Payment));
    }
}
