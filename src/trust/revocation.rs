//! What an issuer took back: keys, and single codes.
//!
//! Two forms are read: a SMART Health Card revocation list (`/.well-known/crl/<kid>.json`), and a
//! plain list of one `key` or `code` a line.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use crate::time::Timestamp;

/// The longest list read: a million entries of the longest usual kind.
pub const MAX_LIST_BYTES: usize = 64 << 20;

/// The lists of one issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    keys: FxHashSet<Box<str>>,
    codes: FxHashMap<Box<str>, Vec<Entry>>,
    others: Vec<Arc<Self>>,
}

/// Which of the codes with one id are taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Those signed with this key; none: whichever key.
    key: Option<Box<str>>,
    /// Those issued before; none: all.
    issued_before: Option<Timestamp>,
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
}

/// A SMART Health Card revocation list.
#[derive(Deserialize)]
struct CardList<'a> {
    #[serde(borrow)]
    kid: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    method: std::borrow::Cow<'a, str>,
    /// Grows with every version of the list; some leave it out.
    #[serde(default)]
    ctr: u64,
    rids: Vec<String>,
}

impl<'a> CardList<'a> {
    fn parse(text: &'a str) -> Result<Self, ListError> {
        let list: Self = serde_json::from_str(text).map_err(ListError::Json)?;
        match &*list.method {
            "rid" => Ok(list),
            _ => Err(ListError::Method),
        }
    }
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
        if text.trim_start().starts_with('{') {
            self.add_card_list(&CardList::parse(text)?)
        } else {
            self.read_lines(text)
        }
    }

    /// Adds the SMART Health Card list of that key, and nothing else. Returns the list's `ctr`.
    pub fn read_card(&mut self, bytes: &[u8], key: &str) -> Result<u64, ListError> {
        let list = CardList::parse(text(bytes)?)?;
        if list.kid != key {
            return Err(ListError::OtherKey);
        }
        self.add_card_list(&list)?;
        Ok(list.ctr)
    }

    /// SMART Health Cards, "Revocation": `rid` alone, or `rid.seconds` for those issued before.
    fn add_card_list(&mut self, list: &CardList<'_>) -> Result<(), ListError> {
        for (place, entry) in list.rids.iter().enumerate() {
            let (rid, issued_before) = match entry.split_once('.') {
                None => (entry.as_str(), None),
                Some((rid, seconds)) => {
                    let seconds = seconds.parse();
                    let seconds = seconds.map_err(|_| ListError::Time { entry: place + 1 })?;
                    (rid, Some(Timestamp::from_seconds(seconds)))
                }
            };
            let key = Some(list.kid.as_ref().into());
            self.add(rid, Entry { key, issued_before });
        }
        Ok(())
    }

    fn read_lines(&mut self, text: &str) -> Result<(), ListError> {
        for (place, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            // One more than a line has: a line of nothing but words must not become a list of them.
            let words: Vec<&str> = line.split_ascii_whitespace().take(4).collect();
            match *words.as_slice() {
                [] => {}
                ["key", id] => {
                    self.keys.insert(id.into());
                }
                ["code", id] => self.add(id, Entry::ALL),
                ["code", id, time] if Timestamp::parse(time).is_some() => self.add(
                    id,
                    Entry {
                        key: None,
                        issued_before: Timestamp::parse(time),
                    },
                ),
                _ => return Err(ListError::Line { line: place + 1 }),
            }
        }
        Ok(())
    }

    fn add(&mut self, code: &str, entry: Entry) {
        // Room for one: nearly all have no other, and a list may have a million.
        let one = || Vec::with_capacity(1);
        let entries = self.codes.entry(code.into());
        entries.or_insert_with(one).push(entry);
    }

    /// How many keys and how many codes they hold.
    pub fn len(&self) -> (usize, usize) {
        let own = (self.keys.len(), self.codes.len());
        let others = self.others.iter().map(|list| list.len());
        others.fold(own, |sum, list| (sum.0 + list.0, sum.1 + list.1))
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
        if key.is_some_and(|key| self.keys.contains(key)) {
            return true;
        }
        let entries = code.and_then(|code| self.codes.get(code));
        let here = entries.into_iter().flatten().any(|entry| {
            let same_key = entry.key.is_none() || entry.key.as_deref() == key;
            let in_time = match (entry.issued_before, issued) {
                (Some(end), Some(issued)) => issued < end,
                (None, _) | (_, None) => true,
            };
            same_key && in_time
        });
        here || self.others.iter().any(|list| list.hold(key, code, issued))
    }
}

fn text(bytes: &[u8]) -> Result<&str, ListError> {
    if bytes.len() > MAX_LIST_BYTES {
        return Err(ListError::TooLong);
    }
    std::str::from_utf8(bytes).map_err(|_| ListError::NotText)
}

impl Entry {
    const ALL: Self = Self {
        key: None,
        issued_before: None,
    };
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
        assert_eq!(lists.len(), (0, 1));
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
