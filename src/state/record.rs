//! What is kept of a request: how it stands, and the answer as far as it is kept.

use bytes::Bytes;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::Standing;
use super::seals::{Name, Seals, Unsealable};
use crate::time::Timestamp;

/// What is kept under a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// How it stands.
    pub state: State,
    /// What else must be the same for a request to be the same.
    pub fingerprint: [u8; Name::LENGTH],
    /// What operators are told about it.
    pub about: About,
    /// When its gateway is taken for dead if there is no outcome.
    pub lease: Timestamp,
    /// When it may be forgotten.
    pub until: Timestamp,
}

/// How it stands with a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The answer was given.
    Done(Answer),
    /// From here on it may have been sent.
    Forwarding,
    /// Nothing was sent yet.
    Reserved,
    /// The same request came under another name, whose record counts.
    Same([u8; Name::LENGTH]),
    /// It may have been acted on; no answer came.
    Unknown,
}

/// What operators are told about a request; nothing a person is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its id, which the department was told as well.
    pub request_id: CompactString,
    /// The terminal's name, empty if it has none.
    pub terminal: CompactString,
    /// The scene.
    pub scene: CompactString,
    /// The route.
    pub route: CompactString,
    /// When it came.
    pub since: Timestamp,
}

/// An answer that was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Those of its headers that are given again.
    pub headers: Vec<(Box<str>, Box<[u8]>)>,
    /// Its content.
    pub content: Content,
}

/// An answer's content, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// All of it.
    Whole(#[serde(with = "in_base64")] Bytes),
    /// It was too large: its SHA-256 and its length.
    Digest {
        /// FIPS 180-4.
        sha256: [u8; 32],
        /// In bytes.
        length: u64,
    },
}

impl Record {
    /// How a request with this fingerprint stands. One whose gateway died on the way is unknown.
    pub fn standing(&self, fingerprint: Option<Name>, now: Timestamp) -> Standing {
        if fingerprint.is_some_and(|one| self.fingerprint != *one.as_bytes()) {
            return Standing::Other;
        }
        match &self.state {
            State::Done(answer) => Standing::Done(answer.clone()),
            State::Forwarding if now >= self.lease => Standing::Unknown,
            State::Forwarding | State::Reserved | State::Same(_) => Standing::InFlight,
            State::Unknown => Standing::Unknown,
        }
    }

    /// The record as it is stored.
    pub fn seal(&self, name: Name, seals: &Seals) -> Result<Vec<u8>, Unsealable> {
        let plain = serde_json::to_vec(self).map_err(|_| Unsealable)?;
        seals.seal(name, &plain)
    }

    /// A record read back; nothing if it is not one of this name and secret.
    pub fn open(name: Name, sealed: &[u8], seals: &Seals) -> Option<Self> {
        serde_json::from_slice(&seals.open(name, sealed)?).ok()
    }
}

/// JSON has no bytes.
mod in_base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(D::Error::custom)
    }
}
