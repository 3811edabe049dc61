//! What a code that is good for one use is remembered by.

use std::time::Duration;

use memchr::memmem::find;

use super::Verified;
use crate::family::{Code, Kind, Reader, Signed};
use crate::time::Timestamp;

/// Longer than any code made for the moment is good: the bound for one that names no end although
/// its family does.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A believed code that is good for one use.
#[derive(Clone, Copy, Debug)]
pub struct OneTime<'v> {
    verified: &'v Verified<'v>,
    /// How long it is remembered if it names no end.
    pub lasting: Option<Duration>,
}

impl Verified<'_> {
    /// The code as one that is good for one use, if its family is.
    pub fn one_time(&self) -> Option<OneTime<'_>> {
        let one_time = self.code().family.validity.one_time?;
        Some(OneTime {
            verified: self,
            lasting: one_time.lasting,
        })
    }
}

impl OneTime<'_> {
    /// What tells it from every other code of its issuer, and what no holder can vary: the nonce its
    /// issuer gave it; else what is signed, never the signature, of which there may be several for
    /// one text; else what was read out of it, never its spelling.
    pub fn parts(&self) -> Vec<&[u8]> {
        let code = self.verified.code();
        let issuer = self.verified.issuer_name().unwrap_or_default();
        let mut parts = vec![code.family.id.as_bytes(), issuer.as_bytes()];
        match (&code.nonce, &code.signed) {
            (Some(nonce), signed) if is_covered(code, nonce, signed.as_ref()) => {
                parts.extend([&b"nonce"[..], nonce.as_bytes()]);
            }
            (_, Some(signed)) => parts.extend([&b"signed"[..], &*signed.bytes]),
            (_, None) => {
                parts.push(b"read");
                let accounts = Kind::ALL.iter().map(|&kind| code.accounts.of(kind));
                parts.extend(accounts.map(|account| account.unwrap_or_default().as_bytes()));
            }
        }
        parts
    }

    /// The first instant at which nobody would take it any more, even by a clock that lags as far as
    /// an issuer's may run ahead.
    pub fn until(&self, now: Timestamp) -> Timestamp {
        let code = self.verified.code();
        let end = code.end();
        end.unwrap_or_else(|| now.after(self.lasting.unwrap_or(LONGEST)))
            .after(code.family.validity.max_future)
    }

    /// The earliest instant at which it may have been made, if it says when: its issuer's clock may
    /// run ahead.
    pub fn made(&self) -> Option<Timestamp> {
        let code = self.verified.code();
        let ahead = code.family.validity.max_future;
        code.issued_at.map(|at| at.before(ahead))
    }

    /// How long a code of its family is good that does not say when it was made.
    pub fn lifetime(&self) -> Option<Duration> {
        let validity = &self.verified.code().family.validity;
        self.lasting.or(validity.max_age)
    }
}

/// Whether nobody but the issuer can have written the nonce. A token's is among its signed claims; in a
/// declared layout it is what the file says, and must stand in what is signed.
fn is_covered(code: &Code<'_>, nonce: &str, signed: Option<&Signed<'_>>) -> bool {
    let is_claim = matches!(code.family.reader, Reader::Token(_));
    let covers = |signed: &Signed<'_>| find(&signed.bytes, nonce.as_bytes()).is_some();
    is_claim || signed.is_none_or(covers)
}
