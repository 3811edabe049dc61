//! What an issuer took back: keys, and single codes.
//!
//! Two forms are read: a SMART Health Card revocation list (`/.well-known/crl/<kid>.json`), and a
//! plain list of one `key` or `code` a line.

mod card;
mod names;

use std::sync::Arc;

use self::card::CardList;
use self::names::Names;
use super::material::MAX_KEY_ID_BYTES;
use crate::family::token::shc::MAX_RID;
use crate::time::Timestamp;

/// The longest list read: a million entries of the longest usual kind.
pub const MAX_LIST_BYTES: usize = 64 << 20;

/// The most entries of one list, those that are there more than once counted as often.
pub const MAX_ENTRIES: usize = 1 << 20;

/// The lists of one issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    lists: Vec<List>,
    others: Vec<Arc<Self>>,
}

/// One list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct List {
    /// Whose codes they are: those signed with this key; none: whichever key.
    signed_with: Option<Box<str>>,
    keys: Names,
    codes: Names,
}

/// Why a list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// A line of a plain list is none.
    #[error("line {line}: expected \"key ID\" or \"code ID [TIME]\"")]
    Line {
        /// Which, from 1.
        line: usize,
    },
    /// The list tells codes apart by something else than their `rid`.
    #[error("the list's \"method\" is not \"rid\"")]
    Method,
    /// It looks like JSON and is not a revocation list.
    #[error("not a revocation list: expected \"kid\", \"method\" and \"rids\"")]
    Json(#[source] serde_json::Error),
    /// No key has such a name.
    #[error("a \"kid\" of {bytes} bytes, expected {MAX_KEY_ID_BYTES} at most")]
    Key {
        /// How long it is.
        bytes: usize,
    },
    /// No card has such a name.
    #[error("entry {entry}: expected 1 to {MAX_RID} characters of base64url")]
    Name {
        /// Which, from 1.
        entry: usize,
    },
    /// Not text.
    #[error("not UTF-8 text")]
    NotText,
    /// An entry's time is none.
    #[error("entry {entry}: expected Unix seconds behind the dot")]
    Time {
        /// Which, from 1.
        entry: usize,
    },
    /// Codes are taken back key by key, and this list is about another key.
    #[error("a list of another key than the one it was asked for")]
    OtherKey,
    /// Longer than [`MAX_LIST_BYTES`].
    #[error("longer than {MAX_LIST_BYTES} bytes")]
    TooLong,
    /// More entries than [`MAX_ENTRIES`].
    #[error("more than {MAX_ENTRIES} entries")]
    TooMany,
}

impl Revocations {
    /// What any of these lists holds. Each stays as it is, so that renewing one leaves the others.
    pub fn united(lists: impl IntoIterator<Item = Arc<Self>>) -> Self {
        Self {
            others: lists.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Adds a list in either form.
    pub fn read(&mut self, bytes: &[u8]) -> Result<(), ListError> {
        let text = text(bytes)?;
        let list = if text.trim_start().starts_with('{') {
            CardList::parse(text)?.list
        } else {
            List::of_lines(text)?
        };
        self.lists.push(list);
        Ok(())
    }

    /// Adds the SMART Health Card list of that key, and nothing else. Returns the list's `ctr`.
    pub fn read_card(&mut self, bytes: &[u8], key: &str) -> Result<u64, ListError> {
        let CardList { list, ctr } = CardList::parse(text(bytes)?)?;
        if list.signed_with.as_deref() != Some(key) {
            return Err(ListError::OtherKey);
        }
        self.lists.push(list);
        Ok(ctr)
    }

    /// How many keys and how many codes they hold.
    pub fn len(&self) -> (usize, usize) {
        let own = self.lists.iter();
        let own = own.map(|list| (list.keys.len(), list.codes.len()));
        let others = self.others.iter().map(|list| list.len());
        own.chain(others)
            .fold((0, 0), |sum, list| (sum.0 + list.0, sum.1 + list.1))
    }

    /// Whether they hold nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }

    /// Whether they hold the key, or the code of that id, signed with it and issued then. One that
    /// does not say when it was issued is held by an entry with a time: nothing speaks for it.
    pub(super) fn hold(
        &self,
        key: Option<&str>,
        code: Option<&str>,
        issued: Option<Timestamp>,
    ) -> bool {
        let here = self.lists.iter().any(|list| {
            let same_key = list.signed_with.is_none() || list.signed_with.as_deref() == key;
            key.is_some_and(|key| list.keys.hold(key, None))
                || same_key && code.is_some_and(|code| list.codes.hold(code, issued))
        });
        here || self.others.iter().any(|list| list.hold(key, code, issued))
    }
}

impl List {
    fn of_lines(text: &str) -> Result<Self, ListError> {
        let mut list = Self {
            keys: Names::with_room(text.len()),
            codes: Names::with_room(text.len()),
            ..Self::default()
        };
        for (place, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            // One more than a line has: a line of nothing but words must not become a list of them.
            let mut words = line.split_ascii_whitespace();
            let words = [(); 4].map(|()| words.next());
            let wrong = || ListError::Line { line: place + 1 };
            match words {
                [None, ..] => {}
                [Some("key"), Some(id), None, _] => list.keys.add(id, None)?,
                [Some("code"), Some(id), None, _] => list.codes.add(id, None)?,
                [Some("code"), Some(id), Some(time), None] => {
                    let before = Timestamp::parse(time).ok_or_else(wrong)?;
                    list.codes.add(id, Some(before))?;
                }
                _ => return Err(wrong()),
            }
        }
        list.sort();
        Ok(list)
    }

    fn sort(&mut self) {
        self.keys.sort();
        self.codes.sort();
    }
}

fn text(bytes: &[u8]) -> Result<&str, ListError> {
    if bytes.len() > MAX_LIST_BYTES {
        return Err(ListError::TooLong);
    }
    std::str::from_utf8(bytes).map_err(|_| ListError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_card_list_holds_by_key_id_and_time() {
        let mut lists = Revocations::default();
        let list = br#"{"kid":"k","method":"rid","ctr":1,"rids":["whole","part.1000"]}"#;
        lists.read(list).unwrap();
        assert_eq!(lists.len(), (0, 2));
        assert!(lists.hold(Some("k"), Some("whole"), Some(at(5_000))));
        assert!(!lists.hold(Some("other"), Some("whole"), Some(at(5_000))));
        assert!(lists.hold(Some("k"), Some("part"), Some(at(999))));
        assert!(!lists.hold(Some("k"), Some("part"), Some(at(1_000))));
        assert!(lists.hold(Some("k"), Some("part"), None));
        assert!(!lists.hold(Some("k"), None, None));
    }

    #[test]
    fn of_one_name_the_widest_entry_counts() {
        let mut lists = Revocations::default();
        let list = br#"{"kid":"k","method":"rid","rids":["a.9","a.1000","a.7","b","b.9","a.9"]}"#;
        lists.read(list).unwrap();
        assert_eq!(lists.len(), (0, 2));
        assert!(lists.hold(Some("k"), Some("a"), Some(at(999))));
        assert!(!lists.hold(Some("k"), Some("a"), Some(at(1_000))));
        assert!(lists.hold(Some("k"), Some("b"), Some(at(1_000))));
        lists.read(b"code a\n").unwrap();
        assert!(lists.hold(Some("other"), Some("a"), Some(at(1_000))));
    }

    #[test]
    fn what_no_key_and_no_card_can_be_called_is_refused() {
        let read = |kid: &str, rids: &str| {
            let list = format!("{{\"rids\":[{rids}],\"kid\":\"{kid}\",\"method\":\"rid\"}}");
            Revocations::default().read(list.as_bytes())
        };
        let long = "k".repeat(MAX_KEY_ID_BYTES);
        assert!(read(&long, "").is_ok());
        let error = read(&(long + "k"), "\"a\"").unwrap_err();
        assert_eq!(
            error.to_string(),
            "a \"kid\" of 129 bytes, expected 128 at most"
        );
        let long = "r".repeat(MAX_RID);
        assert!(read("k", &format!("\"{long}\",\"{long}.1\"")).is_ok());
        for rid in ["", ".1", "a b", "a\\n", "é", &(long + "r")] {
            let error = read("k", &format!("\"a\",\"{rid}\"")).unwrap_err();
            assert!(
                matches!(error, ListError::Name { entry: 2 }),
                "{rid}: {error}"
            );
        }
    }

    #[test]
    fn a_list_has_an_end() {
        let many = |count| "\"a\",".repeat(count) + "\"b\"";
        let read = |rids: &str| {
            let list = format!("{{\"kid\":\"k\",\"method\":\"rid\",\"rids\":[{rids}]}}");
            let mut lists = Revocations::default();
            lists.read(list.as_bytes()).map(|()| lists.len())
        };
        assert_eq!(read(&many(MAX_ENTRIES - 1)).unwrap(), (0, 2));
        assert!(matches!(read(&many(MAX_ENTRIES)), Err(ListError::TooMany)));
        let lines = "code a\n".repeat(MAX_ENTRIES + 1);
        let error = Revocations::default().read(lines.as_bytes()).unwrap_err();
        assert!(matches!(error, ListError::TooMany));
    }

    #[test]
    fn a_card_list_is_of_the_key_it_was_asked_for() {
        let mut lists = Revocations::default();
        let mut read = |text: &str| lists.read_card(text.as_bytes(), "k");
        let list = r#"{"kid":"k","method":"rid","ctr":7,"rids":["a"]}"#;
        assert_eq!(read(list).unwrap(), 7);
        assert_eq!(
            read(r#"{"kid":"k","method":"rid","rids":["a"]}"#).unwrap(),
            0
        );
        let other = r#"{"kid":"j","method":"rid","ctr":8,"rids":["b"]}"#;
        assert!(matches!(read(other), Err(ListError::OtherKey)));
        assert!(matches!(read("key k"), Err(ListError::Json(_))));
        assert!(matches!(read(""), Err(ListError::Json(_))));
        // Each list stands for itself.
        assert_eq!(lists.len(), (0, 2));
    }

    #[test]
    fn a_plain_list_holds_keys_and_codes() {
        let mut lists = Revocations::default();
        let list = "# taken back\nkey lost\n\ncode a # stolen\r\ncode b 1970-01-01T00:10:00Z\n";
        lists.read(list.as_bytes()).unwrap();
        assert!(lists.hold(Some("lost"), None, None));
        assert!(lists.hold(Some("k"), Some("a"), Some(at(1))) && lists.hold(None, Some("a"), None));
        assert!(lists.hold(Some("k"), Some("b"), Some(at(599))));
        assert!(!lists.hold(Some("k"), Some("b"), Some(at(600))));
        assert!(!lists.hold(Some("a"), Some("lost"), None));
    }

    #[test]
    fn united_lists_hold_what_any_of_them_holds() {
        let list = |text: &str| {
            let mut list = Revocations::default();
            list.read(text.as_bytes()).unwrap();
            Arc::new(list)
        };
        let all = Revocations::united([list("key a\ncode x"), list("code y")]);
        assert_eq!(all.len(), (1, 2));
        assert!(all.hold(Some("a"), None, None) && all.hold(None, Some("y"), None));
        assert!(!all.hold(Some("b"), Some("z"), None));
    }

    #[test]
    fn what_is_no_list_is_said_to_be_none() {
        let read = |text: &str| Revocations::default().read(text.as_bytes()).unwrap_err();
        assert_eq!(
            read("key a\nkeys b").to_string(),
            "line 2: expected \"key ID\" or \"code ID [TIME]\""
        );
        assert!(matches!(read("<html>"), ListError::Line { line: 1 }));
        assert!(matches!(read("{}"), ListError::Json(_)));
        let other = r#"{"kid":"k","method":"hash","rids":[]}"#;
        assert!(matches!(read(other), ListError::Method));
        let late = r#"{"kid":"k","method":"rid","rids":["a","b.soon"]}"#;
        assert!(matches!(read(late), ListError::Time { entry: 2 }));
    }
}
