//! People who do not exist, always the same behind the same account.

use sha2::{Digest, Sha256};

const SURNAMES: [&str; 8] = ["陈", "林", "黄", "张", "吴", "李", "郑", "王"];
const GIVEN: [&str; 8] = ["示", "例", "安", "宁", "和", "平", "康", "泰"];

/// A made-up person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    hash: [u8; 32],
}

impl Person {
    /// The person behind an account, derived from its hash.
    pub(super) fn behind(account: &str) -> Self {
        let mut digest = Sha256::new();
        digest.update(b"multicode sandbox person\n");
        digest.update(account);
        Self {
            hash: digest.finalize().into(),
        }
    }

    /// Two characters such as `陈安`.
    pub(super) fn name(&self) -> String {
        format!("{}{}", self.of(0, &SURNAMES), self.of(1, &GIVEN))
    }

    /// The name as an insurance counter shows it: `陈*`.
    pub(super) fn masked_name(&self) -> String {
        format!("{}*", self.of(0, &SURNAMES))
    }

    /// 男 or 女.
    pub(super) fn gender(&self) -> &'static str {
        self.of(2, &["男", "女"])
    }

    /// The same as GB/T 2261.1 numbers it: 1 or 2.
    pub(super) fn gender_code(&self) -> &'static str {
        self.of(2, &["1", "2"])
    }

    /// A date of the years 1940 to 2009 that every calendar has.
    pub(super) fn birthday(&self) -> String {
        let [year, month, day] = [
            self.byte(3) % 70,
            self.byte(4) % 12 + 1,
            self.byte(5) % 28 + 1,
        ];
        format!("{}-{month:02}-{day:02}", 1940 + u32::from(year))
    }

    /// A masked identity number; there is nothing behind the stars.
    pub(super) fn masked_id_number(&self) -> String {
        let year = self.birthday();
        let year = year.get(..4).unwrap_or_default();
        format!("350000{year}*******{}", self.byte(6) % 10)
    }

    /// A masked telephone number.
    pub(super) fn masked_phone(&self) -> String {
        format!(
            "1{}****{:04}",
            30 + self.byte(7) % 60,
            u16::from(self.byte(8)) * 39
        )
    }

    /// `length` hexadecimal digits that stand for the person at one department.
    pub(super) fn token(&self, department: &str, length: usize) -> String {
        let mut digest = Sha256::new();
        digest.update(self.hash);
        digest.update(department);
        let hash: [u8; 32] = digest.finalize().into();
        let halves = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = halves.filter_map(|half| char::from_digit(half.into(), 16));
        digits
            .take(length)
            .map(|digit| digit.to_ascii_uppercase())
            .collect()
    }

    /// The same in decimal digits.
    pub(super) fn number(&self, department: &str, length: usize) -> String {
        let digits = self.token(department, length).into_bytes().into_iter();
        digits.map(|digit| char::from(b'0' + digit % 10)).collect()
    }

    fn of<T: Copy + Default>(&self, at: usize, choices: &[T]) -> T {
        let chosen = usize::from(self.byte(at)) % choices.len().max(1);
        choices.get(chosen).copied().unwrap_or_default()
    }

    fn byte(&self, at: usize) -> u8 {
        self.hash.get(at).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_one_person_and_the_person_does_not_show_it() {
        let person = Person::behind("134650328919428540");
        assert_eq!(person, Person::behind("134650328919428540"));
        assert_ne!(person, Person::behind("134650328919428541"));
        let shown = format!(
            "{} {} {} {} {}",
            person.name(),
            person.birthday(),
            person.masked_id_number(),
            person.masked_phone(),
            person.number("payment", 28),
        );
        assert!(!shown.contains("134650328919428540"), "{shown}");
        assert_eq!(person.masked_id_number().chars().count(), 18);
        assert_eq!(person.masked_phone().len(), 11);
    }
}
