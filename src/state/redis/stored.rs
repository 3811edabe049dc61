//! Records as they stand in Redis: the head that scripts read, and what is sealed behind it.

use redis::Value;

use super::lane::{part, text};
use crate::state::record::{Record, State};
use crate::state::{Name, Seals, Standing};
use crate::time::Timestamp;

/// What stands under a name.
#[derive(Debug)]
pub(super) enum Stored {
    /// A record, and whether it was only reserved.
    Record(Box<Record>),
    /// The record that counts is another one, of this name.
    Elsewhere(Box<Record>, Name),
    /// Something nobody can open: written by whoever has another secret, or damaged.
    Unreadable,
}

const KIND: usize = 0;
const OTHER: std::ops::Range<usize> = 50..82;

impl Stored {
    pub(super) fn read(bytes: &[u8], name: Name, seals: &Seals) -> Self {
        let sealed = bytes.get(OTHER.end..).unwrap_or_default();
        let Some(record) = Record::open(name, sealed, seals) else {
            tracing::error!(%name, "a record in redis cannot be opened, it is taken for unknown");
            return Self::Unreadable;
        };
        let other = bytes.get(OTHER).and_then(parse);
        match (bytes.get(KIND), other) {
            (Some(b'S'), Some(other)) => Self::Elsewhere(Box::new(record), other),
            _ => Self::Record(Box::new(record)),
        }
    }

    /// How it stands with a request of this fingerprint; nothing if its gateway died before
    /// anything was sent.
    pub(super) fn standing(&self, fingerprint: Option<Name>, now: Timestamp) -> Option<Standing> {
        match self {
            Self::Unreadable => Some(Standing::Unknown),
            Self::Record(record) | Self::Elsewhere(record, _) => {
                let dead = record.state == State::Reserved && now >= record.lease;
                (!dead).then(|| record.standing(fingerprint, now))
            }
        }
    }
}

/// A record and the one it leads to.
#[derive(Debug)]
pub(super) struct Known {
    own: Option<Stored>,
    other: Option<Stored>,
}

/// What a script tells of a name that is taken: its record if it has one, then the one it leads to.
pub(super) fn known(value: &Value, name: Name, seals: &Seals) -> Known {
    let read = |at: usize, name: Name| {
        let bytes = text(part(value, at)?)?;
        Some(Stored::read(bytes, name, seals))
    };
    let own = read(1, name);
    let other = match &own {
        Some(Stored::Elsewhere(_, other)) => read(2, *other),
        _ => None,
    };
    Known { own, other }
}

impl Known {
    pub(super) const fn new(own: Stored, other: Option<Stored>) -> Self {
        Self {
            own: Some(own),
            other,
        }
    }

    /// How it stands with a request of this fingerprint: a claim that nothing is known of may have
    /// been forwarded. Nothing if the name is free.
    pub(super) fn standing(&self, fingerprint: Option<Name>, now: Timestamp) -> Option<Standing> {
        match (&self.own, &self.other) {
            (None, _) => Some(Standing::Unknown),
            (Some(Stored::Elsewhere(own, _)), other) => {
                if fingerprint.is_some_and(|it| own.fingerprint != *it.as_bytes()) {
                    return other.as_ref().map(|_| Standing::Other);
                }
                match other.as_ref()? {
                    Stored::Unreadable => Some(Standing::Unknown),
                    Stored::Record(record) | Stored::Elsewhere(record, _) => {
                        Stored::Record(record.clone()).standing(None, now)
                    }
                }
            }
            (Some(own), _) => own.standing(fingerprint, now),
        }
    }
}

/// A name as it is shown, read back.
pub(super) fn parse(shown: &[u8]) -> Option<Name> {
    let mut name = [0; Name::LENGTH];
    let mut pairs = shown.chunks_exact(2);
    for byte in &mut name {
        let pair = std::str::from_utf8(pairs.next()?).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    (pairs.next().is_none()).then(|| Name::from_bytes(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_shown() {
        let name = Name::from_bytes(*b"0123456789abcdef");
        assert_eq!(parse(name.to_string().as_bytes()), Some(name));
        for wrong in ["", "00", &"-".repeat(32), &"0".repeat(34)] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_opened_blocks_its_name() {
        let seals = Seals::new(&[7; 32]).unwrap();
        let name = Name::from_bytes([1; 16]);
        let stored = Stored::read(b"Dk rubbish", name, &seals);
        let standing = stored.standing(Some(name), Timestamp::default());
        assert_eq!(standing, Some(Standing::Unknown));
    }
}
