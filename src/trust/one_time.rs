//! What a code that is good for one use is remembered by.

use std::borrow::Cow;
use std::time::Duration;

use memchr::memmem::find;

use super::Verified;
use crate::family::{Code, Kind, Reader, Signed};
use crate::time::Timestamp;

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
    /// one text; else what was read out of it, never its spelling: the times as well, by which a
    /// holder's next code is another one.
    pub fn parts(&self) -> Vec<Cow<'_, [u8]>> {
        let code = self.verified.code();
        let issuer = self.verified.issuer_name().unwrap_or_default();
        let mut parts = [code.family.id.as_bytes(), issuer.as_bytes()]
            .map(Cow::Borrowed)
            .to_vec();
        match (&code.nonce, &code.signed) {
            (Some(nonce), signed) if is_covered(code, nonce, signed.as_ref()) => {
                parts.extend([&b"nonce"[..], nonce.as_bytes()].map(Cow::Borrowed));
            }
            (_, Some(signed)) => {
                parts.extend([&b"signed"[..], &*signed.bytes].map(Cow::Borrowed));
            }
            (_, None) => {
                parts.push(Cow::Borrowed(b"read"));
                let accounts = Kind::ALL.iter().map(|&kind| code.accounts.of(kind));
                let accounts = accounts.map(|account| account.unwrap_or_default().as_bytes());
                parts.extend(accounts.map(Cow::Borrowed));
                let times = [code.issued_at, code.not_before, code.expires_at];
                let written = |at: Timestamp| at.millis().to_le_bytes().to_vec();
                let times = times.map(|at| Cow::Owned(at.map(written).unwrap_or_default()));
                parts.extend(times);
            }
        }
        parts
    }

    /// The first instant at which nobody would take it any more, even by a clock that lags as far as
    /// an issuer's may run ahead. There is none if the code names no end although its family does:
    /// it would have to be remembered for ever.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let code = self.verified.code();
        let lasting = || self.lasting.map(|span| now.after(span));
        let end = code.end().or_else(lasting)?;
        Some(end.after(code.family.validity.max_future))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::{CaptureNames, Family, Mask, Names, OneTime as Once, Trust, Validity};
    use crate::trust::{Depth, Examination, Findings, Keys};

    const ISSUED: Timestamp = Timestamp::from_seconds(1_795_309_200);

    fn family(lasting: Option<Duration>) -> Family {
        Family {
            id: "family".into(),
            names: Names::default(),
            kind: Kind::HealthCard,
            mask: Mask::All,
            trust: Trust::Structure,
            shapes: Box::default(),
            captures: CaptureNames::default(),
            checks: Box::default(),
            reader: Reader::Gs1,
            validity: Validity {
                one_time: Some(Once { lasting }),
                ..Validity::default()
            },
            index: 0,
        }
    }

    fn believed<T>(code: Code<'_>, tell: impl Fn(OneTime<'_>) -> T) -> T {
        let keys = Keys::default();
        let mut findings = Findings::default();
        let examined = keys.examine(code, Depth::FirstRefusal, &mut findings, ISSUED);
        let Examination::Settled(Ok(verified)) = examined else {
            panic!("not believed")
        };
        tell(verified.one_time().unwrap())
    }

    fn parts(code: Code<'_>) -> Vec<Vec<u8>> {
        believed(code, |code| {
            code.parts().iter().map(|part| part.to_vec()).collect()
        })
    }

    #[test]
    fn the_next_code_of_one_holder_is_another_code() {
        let family = family(None);
        let code = |text, issued| Code {
            issued_at: issued,
            ..Code {
                text,
                ..Code::opaque(&family, "6217 0001")
            }
        };
        let first = parts(code("one spelling", Some(ISSUED)));
        assert_eq!(parts(code("another spelling", Some(ISSUED))), first);
        let next = ISSUED.before(Duration::from_secs(60));
        assert_ne!(parts(code("one spelling", Some(next))), first);
        assert_ne!(parts(code("one spelling", None)), first);
    }

    #[test]
    fn a_code_is_remembered_until_nobody_takes_it() {
        let (day, ahead) = (Duration::from_secs(86_400), Validity::default().max_future);
        let until = |lasting, end| {
            let family = family(lasting);
            let code = Code {
                expires_at: end,
                ..Code::opaque(&family, "text")
            };
            believed(code, |code| code.until(ISSUED))
        };
        let (soon, later) = (ISSUED.after(Duration::from_secs(1)), ISSUED.after(day));
        assert_eq!(until(None, Some(soon)), Some(soon.after(ahead)));
        assert_eq!(until(Some(day), Some(soon)), Some(soon.after(ahead)));
        assert_eq!(until(Some(day), None), Some(later.after(ahead)));
        assert_eq!(until(None, None), None, "no span is long enough");
    }
}
