//! Signatures that take too long for a worker: they are carried to where there is time, and back.

use std::fmt;
use std::sync::Arc;

use super::Untrusted;
use super::keys::Key;
use crate::family::{Form, Signed};

/// A signature to be computed, with everything that needs: it may leave the thread.
pub struct Verification {
    bytes: Box<[u8]>,
    form: Form,
    keys: Box<[Arc<Key>]>,
    signature: Box<[u8]>,
}

impl fmt::Debug for Verification {
    /// Shows lengths only: signed bytes are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, keys) = (self.bytes.len(), self.keys.len());
        write!(f, "Verification({bytes} bytes by {keys} keys)")
    }
}

impl Verification {
    /// A signature and the keys it may be by.
    pub(super) fn new(signed: &Signed<'_>, signature: &[u8], keys: &[&Arc<Key>]) -> Self {
        Self {
            bytes: signed.bytes.as_ref().into(),
            form: signed.form,
            keys: keys.iter().map(|&key| Arc::clone(key)).collect(),
            signature: signature.into(),
        }
    }

    /// Computes: up to some hundreds of microseconds for each key.
    pub fn run(self: &Arc<Self>) -> Verdict {
        let holds = |key: &Arc<Key>| {
            let verifier = key.verifier.as_ref();
            verifier.is_some_and(|it| it.verifies(self.form, &self.bytes, &self.signature))
        };
        Verdict {
            on: Arc::clone(self),
            by: self.keys.iter().position(holds),
        }
    }
}

/// What came of a [`Verification`]. Only running it makes one, and it answers no other.
#[derive(Clone, Debug)]
pub struct Verdict {
    on: Arc<Verification>,
    by: Option<usize>,
}

impl Verdict {
    /// The place of the key that signed, if this is the verdict on `asked`.
    pub(super) fn on(&self, asked: &Arc<Verification>) -> Result<usize, Untrusted> {
        let by = self.by.filter(|_| Arc::ptr_eq(&self.on, asked));
        by.ok_or(Untrusted::BadSignature)
    }
}
