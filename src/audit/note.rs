//! Checkpoints: how far the trail goes and its last link, signed.
//!
//! The text is a signed note (c2sp.org/signed-note) whose body has the shape of a transparency log's
//! checkpoint (c2sp.org/tlog-checkpoint): origin, size, hash, and one more line with the time. The
//! hash is the chain's link, not a Merkle tree's root.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Take};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::chain::Link;
use crate::time::Timestamp;

/// What a signature line begins with: an em dash and a space.
const DASH: &str = "\u{2014} ";

/// Ed25519, in the numbering of signed notes.
const ALGORITHM: u8 = 1;

/// A line of a note is never longer.
const MAX_LINE: u64 = 1_024;

/// How far the trail went at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose trail.
    pub origin: Box<str>,
    /// The last record's number.
    pub size: u64,
    /// Its link.
    pub head: Link,
    /// When it was signed.
    pub at: Timestamp,
}

/// A checkpoint with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// The first bytes of the digest of name and key.
    hint: [u8; 4],
    signature: [u8; 64],
}

/// The public half of a key that signs checkpoints.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// A key that signs checkpoints.
pub(super) struct Signer(Ed25519KeyPair);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", STANDARD.encode(self.0))
    }
}

impl Checkpoint {
    /// What is signed.
    fn body(&self) -> String {
        let head = STANDARD.encode(self.head);
        let Self { origin, size, .. } = self;
        format!("{origin}\n{size}\n{head}\ntime {}\n", self.at.millis())
    }
}

impl PublicKey {
    /// The key as its lines in `audit.pub` are written: `ORIGIN+HINT+BASE64`.
    pub fn line(&self, origin: &str) -> String {
        let hint = u32::from_be_bytes(self.hint(origin));
        format!("{origin}+{hint:08x}+{}", STANDARD.encode(self.numbered()))
    }

    /// Reads such a line.
    pub fn parse(line: &str) -> Option<Self> {
        // The key may hold a plus itself.
        let mut parts = line.splitn(3, '+');
        let (origin, hint, key) = (parts.next()?, parts.next()?, parts.next()?);
        let key = STANDARD.decode(key).ok()?;
        let (&ALGORITHM, key) = key.split_first()? else {
            return None;
        };
        let key = Self(key.try_into().ok()?);
        let same = format!("{:08x}", u32::from_be_bytes(key.hint(origin))) == hint;
        same.then_some(key)
    }

    fn numbered(&self) -> Vec<u8> {
        [&[ALGORITHM][..], &self.0].concat()
    }

    fn hint(&self, origin: &str) -> [u8; 4] {
        let digest = digest(
            &SHA256,
            &[origin.as_bytes(), b"\n", &self.numbered()].concat(),
        );
        let first = digest.as_ref().first_chunk::<4>();
        first.copied().unwrap_or_default()
    }
}

impl Signer {
    pub(super) fn new(seed: &[u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Self)
    }

    pub(super) fn public(&self) -> PublicKey {
        let bytes = self.0.public_key().as_ref().try_into();
        PublicKey(bytes.unwrap_or_default())
    }

    /// The note that stands in the file.
    pub(super) fn sign(&self, checkpoint: &Checkpoint) -> String {
        let body = checkpoint.body();
        let signature = self.0.sign(body.as_bytes());
        let hint = self.public().hint(&checkpoint.origin);
        let signed = STANDARD.encode([&hint[..], signature.as_ref()].concat());
        format!("{body}\n{DASH}{} {signed}\n\n", checkpoint.origin)
    }
}

impl Signed {
    /// Whether one of these keys signed it.
    pub fn holds(&self, keys: &[PublicKey]) -> bool {
        let body = self.checkpoint.body();
        keys.iter().any(|key| {
            let is_named = key.hint(&self.checkpoint.origin) == self.hint;
            let key = UnparsedPublicKey::new(&ED25519, key.0);
            is_named && key.verify(body.as_bytes(), &self.signature).is_ok()
        })
    }

    /// Reads one note, as it stands in a file of checkpoints.
    pub fn parse(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.trim_end().lines().map(str::to_owned).collect();
        Self::read(&[&lines[..], &[String::new()]].concat())
    }

    /// Reads a note's five lines and the empty ones between and behind them. What would not be
    /// written so is none: every byte counts.
    fn read(lines: &[String]) -> Option<Self> {
        let [origin, size, head, time, empty, signature, end] = lines else {
            return None;
        };
        let checkpoint = Checkpoint {
            origin: origin.as_str().into(),
            size: size.parse().ok()?,
            head: STANDARD.decode(head).ok()?.try_into().ok()?,
            at: Timestamp::from_millis(time.strip_prefix("time ")?.parse().ok()?),
        };
        let signed = signature.strip_prefix(DASH)?.strip_prefix(&**origin)?;
        let signed = STANDARD.decode(signed.strip_prefix(' ')?).ok()?;
        let (hint, signature) = signed.split_first_chunk()?;
        let written = checkpoint.body() == format!("{origin}\n{size}\n{head}\n{time}\n");
        (written && empty.is_empty() && end.is_empty()).then_some(Self {
            checkpoint,
            hint: *hint,
            signature: signature.try_into().ok()?,
        })
    }
}

/// What comes next in a file of checkpoints.
#[derive(Debug)]
pub(super) enum Next {
    Note(Signed),
    End,
    /// No note begins there.
    Broken {
        offset: u64,
    },
}

/// The checkpoints of a file, one after the other; those that were there when it was opened.
#[derive(Debug)]
pub(super) struct Notes {
    input: Option<BufReader<Take<File>>>,
    offset: u64,
}

impl Notes {
    /// From the beginning; a file that is not there has none.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let input = match File::open(path) {
            Ok(file) => {
                let length = file.metadata()?.len();
                Some(BufReader::new(file.take(length)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Self { input, offset: 0 })
    }

    /// Where the next one begins.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// The next one. Behind what is broken there is nothing.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        let offset = self.offset;
        let Some(input) = &mut self.input else {
            return Ok(Next::End);
        };
        let mut lines = Vec::new();
        let mut bytes = 0_u64;
        for _ in 0..7 {
            let mut line = Vec::new();
            let read = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
            bytes = bytes.saturating_add(u64::try_from(read).unwrap_or_default());
            let text = line.strip_suffix(b"\n").map(<[u8]>::to_vec);
            lines.extend(text.and_then(|text| String::from_utf8(text).ok()));
        }
        if bytes == 0 {
            return Ok(Next::End);
        }
        let Some(signed) = Signed::read(&lines) else {
            self.input = None;
            return Ok(Next::Broken { offset });
        };
        self.offset = offset.saturating_add(bytes);
        Ok(Next::Note(signed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "multicode-audit/a".into(),
            size: 12,
            head: [7; 32],
            at: Timestamp::from_millis(1_795_312_800_123),
        }
    }

    fn notes(bytes: &[u8]) -> Vec<Next> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        std::fs::write(&path, bytes).unwrap();
        let mut notes = Notes::open(&path).unwrap();
        let mut all = Vec::new();
        loop {
            match notes.next().unwrap() {
                Next::End => return all,
                next => all.push(next),
            }
        }
    }

    #[test]
    fn a_note_is_read_as_it_was_signed_and_not_otherwise() {
        let signer = Signer::new(&[3; 32]).unwrap();
        let note = signer.sign(&checkpoint());
        let good = |bytes: &[u8]| match &*notes(bytes) {
            [Next::Note(one)] => one.holds(&[signer.public()]),
            _ => false,
        };
        assert!(good(note.as_bytes()));
        for place in 0..note.len() {
            for bit in 0..8 {
                let mut flipped = note.clone().into_bytes();
                flipped[place] ^= 1 << bit;
                assert!(!good(&flipped), "{place}, {bit}");
            }
            assert!(!good(&note.as_bytes()[..place]), "{place}");
        }
        let other = Signer::new(&[4; 32]).unwrap().public();
        let [Next::Note(only)] = &*notes(note.as_bytes()) else {
            panic!("{note}");
        };
        assert!(!only.holds(&[other]) && only.holds(&[other, signer.public()]));
        assert_eq!(only.checkpoint, checkpoint());
        assert_eq!(Signed::parse(&note), Some(only.clone()));
    }

    #[test]
    fn a_key_is_read_as_it_was_written_and_not_otherwise() {
        let key = Signer::new(&[3; 32]).unwrap().public();
        let line = key.line("multicode-audit/a");
        assert_eq!(PublicKey::parse(&line), Some(key));
        for place in 0..line.len() {
            let mut flipped = line.clone().into_bytes();
            flipped[place] ^= 1;
            let flipped = String::from_utf8(flipped).unwrap();
            assert_eq!(PublicKey::parse(&flipped), None, "{flipped}");
        }
    }
}
