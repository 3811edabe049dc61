//! Administrative regions of China, as six-digit codes (GB/T 2260).

use std::fmt;

/// Provinces that are one city (GB/T 2260): Beijing, Tianjin, Shanghai, Chongqing, Hong Kong, Macao.
/// Their third and fourth digits tell urban districts from counties.
const MUNICIPALITIES: [u32; 6] = [11, 12, 31, 50, 81, 82];

/// A region: two digits of province, two of city, two of county; zeros where it is coarser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Region(u32);

impl Region {
    /// Reads 2, 4 or 6 digits, filling up with zeros.
    pub fn parse(digits: &str) -> Option<Self> {
        let scale = match digits.len() {
            2 => 10_000,
            4 => 100,
            6 => 1,
            _ => return None,
        };
        if !digits.bytes().all(|b| b.is_ascii_digit()) || digits.starts_with('0') {
            return None;
        }
        digits
            .parse::<u32>()
            .ok()
            .map(|number| Self(number * scale))
    }

    /// Reads the region in front of a longer reference, such as the health card's issuer `4400A0062FWHB0187`:
    /// six digits if there are just six, else the first four.
    pub fn leading(reference: &str) -> Option<Self> {
        Self::parse(reference).or_else(|| Self::parse(reference.get(..4)?))
    }

    /// The six digits as a number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// How `terminal` lies to this region. Where one of them is coarser than a city, no more than
    /// the province can be told.
    pub fn relation(self, terminal: Self) -> Relation {
        if self.province() != terminal.province() {
            Relation::Elsewhere
        } else if MUNICIPALITIES.contains(&self.province())
            || self
                .city()
                .is_some_and(|city| terminal.city() == Some(city))
        {
            Relation::SameCity
        } else {
            Relation::SameProvince
        }
    }

    const fn province(self) -> u32 {
        self.0 / 10_000
    }

    /// The city's digits; a county the province governs itself (third and fourth digit 90) is a
    /// city of its own.
    const fn city(self) -> Option<u32> {
        match self.0 / 100 % 100 {
            0 => None,
            90 => Some(self.0),
            _ => Some(self.0 / 100),
        }
    }

    /// Whether the code begins with `prefix`.
    pub fn starts_with(self, prefix: RegionPrefix) -> bool {
        self.0 / prefix.scale == prefix.number
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// The first digits of region codes: a province, a city or a county.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionPrefix {
    number: u32,
    scale: u32,
}

impl fmt::Display for RegionPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.scale.checked_ilog10() {
            Some(missing @ 0..6) => 6 - missing,
            _ => 6,
        };
        let width = usize::try_from(digits).unwrap_or_default();
        write!(f, "{:0width$}", self.number)
    }
}

impl RegionPrefix {
    /// Reads one to six digits.
    pub fn parse(digits: &str) -> Option<Self> {
        let missing = 6_u32.checked_sub(u32::try_from(digits.len()).ok()?)?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            number: digits.parse().ok()?,
            scale: 10_u32.pow(missing),
        })
    }
}

/// How the region of a code lies to the region of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Another province.
    Elsewhere,
    /// The same first four digits.
    SameCity,
    /// The same first two digits, another city.
    SameProvince,
    /// One of the two is not known.
    Unknown,
}

impl Relation {
    /// Every relation.
    pub const ALL: [Self; 4] = [
        Self::Elsewhere,
        Self::SameCity,
        Self::SameProvince,
        Self::Unknown,
    ];

    /// The word for it in files and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Elsewhere => "elsewhere",
            Self::SameCity => "same-city",
            Self::SameProvince => "same-province",
            Self::Unknown => "unknown",
        }
    }

    /// The relation of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|relation| relation.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_padded_to_six_digits() {
        assert_eq!(
            Region::parse("35").map(|r| r.to_string()),
            Some("350000".to_owned())
        );
        assert_eq!(Region::parse("3502"), Region::parse("350200"));
        assert_eq!(Region::leading("4400A0062FWHB0187"), Region::parse("4400"));
        assert_eq!(Region::leading("350203"), Region::parse("350203"));
        for wrong in ["", "3", "350", "05", "35020x", "3502000"] {
            assert_eq!(Region::parse(wrong), None, "{wrong}");
        }
    }

    #[track_caller]
    fn check(code: &str, terminal: &str, expected: Relation) {
        let [code, terminal] = [code, terminal].map(|digits| Region::parse(digits).unwrap());
        assert_eq!(code.relation(terminal), expected);
        assert_eq!(terminal.relation(code), expected);
    }

    #[test]
    fn relations_compare_city_then_province() {
        let xiamen = Region::parse("350200").unwrap();
        let of = |code: &str| Region::parse(code).unwrap().relation(xiamen);
        assert_eq!(of("350203"), Relation::SameCity);
        assert_eq!(of("350100"), Relation::SameProvince);
        assert_eq!(of("35"), Relation::SameProvince);
        assert_eq!(of("330100"), Relation::Elsewhere);
        check("3502", "3502", Relation::SameCity);
        check("35", "35", Relation::SameProvince);
        check("500112", "500230", Relation::SameCity);
        check("11", "110105", Relation::SameCity);
        check("429004", "429006", Relation::SameProvince);
        check("429004", "429004", Relation::SameCity);
        assert!(xiamen.starts_with(RegionPrefix::parse("3502").unwrap()));
        assert!(!xiamen.starts_with(RegionPrefix::parse("3501").unwrap()));
    }
}
