//! From a code to a believed one, stopping where an answer from elsewhere is needed.

use std::sync::Arc;

use super::heavy::{Verdict, Verification};
use super::introspection::Introspected;
use super::{Assurance, Depth, Findings, Issuer, Key, Keys, Untrusted, Wanted};
use crate::family::signature::MAX_SIGNATURE_BYTES;
use crate::family::{Code, PurposeSet, Region, Signed, Trust};
use crate::time::Timestamp;

/// The most keys tried for one code whose verification takes tens of microseconds: together a
/// millisecond of a worker. Ids cut from a hash collide now and then, never this often; an issuer
/// with more keys than this that carry no id must give them ids.
const MAX_LIGHT_CANDIDATES: usize = 16;

/// The same of those that take hundreds of microseconds, on the pool.
const MAX_HEAVY_CANDIDATES: usize = 8;

/// A code that passed everything its family asks for. Nothing outside this module can make one.
#[derive(Clone, Debug)]
pub struct Verified<'a> {
    code: Code<'a>,
    assurance: Assurance,
    issuer: Option<&'a Issuer>,
    introspected: Option<Arc<Introspected>>,
}

impl<'a> Verified<'a> {
    /// The code.
    pub const fn code(&self) -> &Code<'a> {
        &self.code
    }

    /// How sure we are.
    pub const fn assurance(&self) -> Assurance {
        self.assurance
    }

    /// The configured issuer, if the code has one.
    pub const fn issuer(&self) -> Option<&'a Issuer> {
        self.issuer
    }

    /// The issuer's name: the configured one's, else what the code says.
    pub fn issuer_name(&self) -> Option<&str> {
        let configured = self.issuer.map(|issuer| &*issuer.id);
        configured.or(self.code.issuer.as_deref())
    }

    /// What the issuer's platform calls the holder, if it was asked and said so.
    pub fn index(&self) -> Option<&str> {
        self.introspected.as_ref()?.index.as_deref()
    }

    /// Where the platform says its holder is insured, else where the code says it is from, else
    /// where its issuer sits.
    pub fn region(&self) -> Option<Region> {
        let told = self.introspected.as_ref().and_then(|told| told.region);
        told.or(self.code.region).or_else(|| self.issuer?.region)
    }
}

/// How far an examination came.
#[derive(Debug)]
pub enum Examination<'a> {
    /// It waits for an answer.
    Asks(Question<'a>),
    /// It is over.
    Settled(Result<Verified<'a>, Untrusted>),
}

/// A code that is believed only with an answer to what it asks.
#[derive(Debug)]
pub struct Question<'a> {
    code: Code<'a>,
    issuer: Option<&'a Issuer>,
    /// The keys of a verification, in its order.
    keys: Vec<&'a Arc<Key>>,
    time: Result<(), Untrusted>,
    need: Need,
}

/// What is needed to go on.
#[derive(Clone, Debug)]
pub enum Need {
    /// The word of the issuer's platform.
    Introspection {
        /// Which platform, by its place in the configuration.
        by: usize,
    },
    /// A signature that takes too long for a worker.
    Verification(Arc<Verification>),
}

/// What came of a need.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What the platform says; `None`: nothing that could be read in time.
    Introspected(Option<Arc<Introspected>>),
    /// The signature was computed; `None`: nobody had the time.
    Verified(Option<Verdict>),
}

impl Keys {
    /// Examines `code` as its family asks, leaving what it found in `findings`.
    pub fn examine<'a>(
        &'a self,
        code: Code<'a>,
        depth: Depth,
        findings: &mut Findings<'a>,
        now: Timestamp,
    ) -> Examination<'a> {
        let issuer = self.meant_by(code.issuer.as_deref());
        let time = validity(&code, now);
        findings.issuer = issuer;
        let is_dated = code
            .issued_at
            .or(code.not_before)
            .or(code.expires_at)
            .is_some();
        findings.time = (is_dated || time.is_err()).then_some(time);
        if let (Err(refusal), Depth::FirstRefusal) = (time, depth) {
            return Examination::Settled(Err(refusal));
        }
        let (need, keys) = match code.family.trust {
            Trust::Structure => {
                return Examination::Settled(time.map(|()| Verified {
                    code,
                    assurance: Assurance::Structure,
                    issuer,
                    introspected: None,
                }));
            }
            Trust::Introspection { by } => match time {
                // To ask may use the code up: one that is over is not worth it.
                Err(refusal) => return Examination::Settled(Err(refusal)),
                Ok(()) => (Need::Introspection { by }, Vec::new()),
            },
            Trust::Signature => match signature(&code, issuer, findings, now) {
                Signature::Settled(verdict) => {
                    findings.note(&code, verdict);
                    return Examination::Settled(signed(code, issuer, time, verdict));
                }
                Signature::Heavy(verification, keys) => {
                    (Need::Verification(Arc::new(verification)), keys)
                }
            },
        };
        Examination::Asks(Question {
            code,
            issuer,
            keys,
            time,
            need,
        })
    }
}

impl<'a> Question<'a> {
    /// The code, unbelieved.
    pub const fn code(&self) -> &Code<'a> {
        &self.code
    }

    /// What is needed to go on.
    pub const fn need(&self) -> &Need {
        &self.need
    }

    /// Goes on with the answer; one to another question is no answer.
    pub fn resume(
        self,
        answer: Answer,
        findings: &mut Findings<'a>,
        now: Timestamp,
    ) -> Result<Verified<'a>, Untrusted> {
        match (self.need, answer) {
            (Need::Verification(asked), Answer::Verified(verdict)) => {
                let verdict = match verdict {
                    None => Err(Untrusted::Busy),
                    Some(verdict) => verdict.on(&asked).and_then(|place| {
                        let key = self.keys.get(place).ok_or(Untrusted::BadSignature)?;
                        findings.key = Some(key);
                        unrevoked(&self.code, self.issuer, key)
                    }),
                };
                findings.note(&self.code, verdict);
                signed(self.code, self.issuer, self.time, verdict)
            }
            (Need::Introspection { .. }, Answer::Introspected(told)) => {
                let told = told.ok_or(Untrusted::IssuerUnavailable)?;
                told.holds(now)?;
                Ok(Verified {
                    code: self.code,
                    assurance: Assurance::Introspected,
                    issuer: self.issuer,
                    introspected: Some(told),
                })
            }
            (Need::Verification(_), Answer::Introspected(_)) => Err(Untrusted::BadSignature),
            (Need::Introspection { .. }, Answer::Verified(_)) => Err(Untrusted::IssuerUnavailable),
        }
    }
}

impl Findings<'_> {
    /// Notes what became of a signature. Where the issuer has no key of the name the code gives, or
    /// the code gives none, one that holds under no key may be by a newer one.
    fn note(&mut self, code: &Code<'_>, verdict: Result<(), Untrusted>) {
        self.is_revoked = verdict == Err(Untrusted::Revoked);
        self.signature = Some(if self.is_revoked { Ok(()) } else { verdict });
        let id = code.key_id.as_deref();
        let has = |id: &str| self.issuer.is_some_and(|issuer| issuer.keys.has(id));
        let wanted = match verdict {
            Err(Untrusted::BadSignature) => !id.is_some_and(has),
            Err(untrusted) => untrusted.is_for_want_of_keys(),
            Ok(()) => false,
        };
        self.wanted = wanted.then(|| Wanted {
            id: id.map(Into::into),
        });
    }
}

fn signed<'a>(
    code: Code<'a>,
    issuer: Option<&'a Issuer>,
    time: Result<(), Untrusted>,
    signature: Result<(), Untrusted>,
) -> Result<Verified<'a>, Untrusted> {
    time.and(signature).map(|()| Verified {
        code,
        assurance: Assurance::Signature,
        issuer,
        introspected: None,
    })
}

/// Holds the code's own times and the family's bounds on the time of issue against `now`.
pub(super) fn validity(code: &Code<'_>, now: Timestamp) -> Result<(), Untrusted> {
    // RFC 7519, section 4.1.4: "the expiration time on or after which the JWT MUST NOT be accepted".
    if let Some(not_after) = code.expires_at.filter(|&end| now >= end) {
        return Err(Untrusted::Expired { not_after });
    }
    let ahead = code.family.validity.max_future;
    let begins = code.not_before.max(code.issued_at);
    if let Some(not_before) = begins
        .map(|begin| begin.before(ahead))
        .filter(|&it| now < it)
    {
        return Err(Untrusted::NotYetValid { not_before });
    }
    let Some(max_age) = code.family.validity.max_age else {
        return Ok(());
    };
    // What does not say when it was issued may be of any age.
    let not_after = code.issued_at.ok_or(Untrusted::Undated)?.after(max_age);
    if now > not_after {
        return Err(Untrusted::Expired { not_after });
    }
    Ok(())
}

/// How far a signature came.
enum Signature<'a> {
    Heavy(Verification, Vec<&'a Arc<Key>>),
    Settled(Result<(), Untrusted>),
}

/// Tries every key the code may mean: ids cut from a hash collide (EU DCC), and a key published
/// without an id may be any.
fn signature<'a>(
    code: &Code<'a>,
    issuer: Option<&'a Issuer>,
    findings: &mut Findings<'a>,
    now: Timestamp,
) -> Signature<'a> {
    let Some(issuer) = issuer else {
        return Signature::Settled(Err(Untrusted::UnknownIssuer));
    };
    if let Err(refusal) = issuer.keys.serves(now) {
        return Signature::Settled(Err(refusal));
    }
    let Some(signed) = &code.signed else {
        return Signature::Settled(Err(Untrusted::BadSignature));
    };
    let mut buffer = [0; MAX_SIGNATURE_BYTES];
    let signature = signed.signature.decode(&mut buffer);
    let mut verdict = Untrusted::UnknownKey;
    let mut heavy = Vec::new();
    let mut light = 0;
    for key in issuer.keys.candidates(code.key_id.as_deref()) {
        findings.key.get_or_insert(key);
        if !fits(key, code, signed, now) {
            continue;
        }
        let Some(verifier) = &key.verifier else {
            verdict = Untrusted::KeyUnavailable;
            continue;
        };
        let decoded = signature.filter(|_| signed.message.contains(key.algorithm));
        let Some(signature) = decoded else {
            verdict = Untrusted::BadSignature;
            continue;
        };
        let is_heavy = key.algorithm.is_heavy();
        let (tried, most) = if is_heavy {
            (heavy.len(), MAX_HEAVY_CANDIDATES)
        } else {
            (light, MAX_LIGHT_CANDIDATES)
        };
        if tried == most {
            continue;
        }
        light += usize::from(!is_heavy);
        if is_heavy {
            heavy.push(key);
        } else if verifier.verifies(signed.form, &signed.bytes, signature) {
            findings.key = Some(key);
            return Signature::Settled(unrevoked(code, Some(issuer), key));
        } else {
            verdict = Untrusted::BadSignature;
        }
    }
    match signature {
        Some(signature) if !heavy.is_empty() => {
            Signature::Heavy(Verification::new(signed, signature, &heavy), heavy)
        }
        _ => Signature::Settled(Err(verdict)),
    }
}

/// Whether a key may sign such a code now. One that may sign certain statements only signs nothing
/// that does not say which it makes: the same bytes could stand in another format.
pub(super) fn fits(key: &Key, code: &Code<'_>, signed: &Signed<'_>, now: Timestamp) -> bool {
    let states = !code.purposes.is_empty() && key.purposes.covers(code.purposes);
    key.window.contains(now)
        && signed.algorithms.contains(key.algorithm)
        && (key.purposes == PurposeSet::ALL || states)
}

/// What the issuer took back, by its lists.
fn unrevoked(code: &Code<'_>, issuer: Option<&Issuer>, key: &Key) -> Result<(), Untrusted> {
    let id = key.id.as_deref();
    if issuer.is_some_and(|issuer| {
        issuer
            .revoked
            .hold(id, code.nonce.as_deref(), code.issued_at)
    }) {
        Err(Untrusted::Revoked)
    } else {
        Ok(())
    }
}
