//! SMART Health Card revocation lists: `{"kid":…,"method":"rid","ctr":…,"rids":[…]}`.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::names::Names;
use super::{List, ListError};
use crate::family::token::shc::is_rid;
use crate::time::Timestamp;
use crate::trust::material::MAX_KEY_ID_BYTES;

/// A list that was read.
pub(super) struct CardList {
    pub(super) list: List,
    pub(super) ctr: u64,
}

/// A list as it is written.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    kid: Cow<'a, str>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    /// Grows with every version of the list; some leave it out.
    #[serde(default)]
    ctr: u64,
    /// Read name by name afterwards: a list of strings would cost many times its bytes.
    #[serde(borrow)]
    rids: &'a RawValue,
}

impl CardList {
    pub(super) fn parse(text: &str) -> Result<Self, ListError> {
        let written: Written<'_> = serde_json::from_str(text).map_err(ListError::Json)?;
        if written.method != "rid" {
            return Err(ListError::Method);
        }
        let bytes = written.kid.len();
        if bytes > MAX_KEY_ID_BYTES {
            return Err(ListError::Key { bytes });
        }
        let rids = written.rids.get();
        let mut entries = Entries {
            names: Names::with_room(rids.len()),
            fault: None,
        };
        let read = Deserializer::from_str(rids).deserialize_seq(&mut entries);
        if let Some(fault) = entries.fault {
            return Err(fault);
        }
        read.map_err(ListError::Json)?;
        let mut list = List {
            signed_with: Some(written.kid.into()),
            codes: entries.names,
            ..List::default()
        };
        list.sort();
        let ctr = written.ctr;
        Ok(Self { list, ctr })
    }
}

/// The names so far, and what is wrong with the one that is none: nothing is read behind it.
struct Entries {
    names: Names,
    fault: Option<ListError>,
}

impl<'de> Visitor<'de> for &mut Entries {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of names")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut entry = 0;
        while let Some(text) = entries.next_element::<Cow<'_, str>>()? {
            entry += 1;
            if let Err(fault) = add(&mut self.names, &text, entry) {
                self.fault = Some(fault);
                break;
            }
        }
        Ok(())
    }
}

/// SMART Health Cards, "Revocation": `rid` alone, or `rid.seconds` for those issued before.
fn add(names: &mut Names, text: &str, entry: usize) -> Result<(), ListError> {
    let (rid, before) = match text.split_once('.') {
        None => (text, None),
        Some((rid, seconds)) => {
            let seconds = seconds.parse().map_err(|_| ListError::Time { entry })?;
            (rid, Some(Timestamp::from_seconds(seconds)))
        }
    };
    if !is_rid(rid) {
        return Err(ListError::Name { entry });
    }
    names.add(rid, before)
}
