//! Verifying heavy signatures beside the workers: a worker has other scans to serve meanwhile.

use std::sync::Arc;
use std::thread;

use tokio::sync::Semaphore;

use crate::trust::{Verdict, Verification};

/// Signatures waiting for each core, the one being verified included. At 350 µs for the slowest
/// (SM2 without tables) the last in line waits some 20 ms; more than that is better refused.
const IN_LINE_PER_CORE: usize = 64;

/// The desk where heavy signatures are verified; clones share its limit.
#[derive(Clone, Debug)]
pub struct Verifiers {
    line: Arc<Semaphore>,
    in_line: usize,
    cores: Arc<Semaphore>,
}

impl Default for Verifiers {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::new(cores, cores * IN_LINE_PER_CORE)
    }
}

impl Verifiers {
    fn new(cores: usize, in_line: usize) -> Self {
        Self {
            line: Arc::new(Semaphore::new(in_line)),
            in_line,
            cores: Arc::new(Semaphore::new(cores)),
        }
    }

    /// How many are in line, and how many may be.
    pub fn standing(&self) -> (usize, usize) {
        let free = self.line.available_permits();
        (self.in_line.saturating_sub(free), self.in_line)
    }

    /// The verdict; `None` if the line is too long.
    pub async fn verify(&self, verification: Arc<Verification>) -> Option<Verdict> {
        let _place = self.line.try_acquire().ok()?;
        let core = Arc::clone(&self.cores).acquire_owned().await.ok()?;
        let run = tokio::task::spawn_blocking(move || {
            let verdict = verification.run();
            drop(core);
            verdict
        });
        run.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::family::{
        Algorithm, AlgorithmSet, CaptureNames, Code, Family, Form, Kind, Mask, Names, PurposeSet,
        Reader, Signed, Trust, Validity, signature::Signature,
    };
    use crate::sandbox::signer::SigningKey;
    use crate::time::Timestamp;
    use crate::trust::{
        Answer, Assurance, Depth, Examination, Findings, Issuer, Key, KeySet, KeyWindow, Keys,
        Need, Question, Supply,
    };

    fn keys(signer: &SigningKey) -> Keys {
        let key = Key {
            id: None,
            algorithm: Algorithm::Sm2,
            window: KeyWindow::default(),
            purposes: PurposeSet::ALL,
            crl_version: None,
            verifier: Some(signer.verifier().clone()),
        };
        Keys::of_anyone(Issuer {
            keys: Arc::new(KeySet::new([key], Supply::Files)),
            ..Issuer::default()
        })
    }

    fn family() -> Family {
        Family {
            id: "family".into(),
            names: Names::default(),
            kind: Kind::Credential,
            mask: Mask::All,
            trust: Trust::Signature,
            shapes: Box::default(),
            captures: CaptureNames::default(),
            checks: Box::default(),
            reader: Reader::Gs1,
            validity: Validity::default(),
            index: 0,
        }
    }

    fn question<'a>(keys: &'a Keys, family: &'a Family, signer: &SigningKey) -> Question<'a> {
        let signature = signer.sign(Form::Raw, b"signed").unwrap();
        let code = Code {
            signed: Some(Signed {
                bytes: b"signed".into(),
                signature: Signature::Bytes(signature.into()),
                form: Form::Raw,
                algorithms: AlgorithmSet::ALL,
                message: AlgorithmSet::ALL,
            }),
            ..Code::opaque(family, "text")
        };
        let mut findings = Findings::default();
        match keys.examine(
            code,
            Depth::FirstRefusal,
            &mut findings,
            Timestamp::default(),
        ) {
            Examination::Asks(question) => question,
            Examination::Settled(settled) => panic!("settled: {settled:?}"),
        }
    }

    fn verification(question: &Question<'_>) -> Arc<Verification> {
        match question.need() {
            Need::Verification(verification) => Arc::clone(verification),
            Need::Introspection { .. } => panic!("asks somebody"),
        }
    }

    #[tokio::test]
    async fn who_finds_no_place_in_line_is_told_at_once() {
        let signer = SigningKey::generate(Algorithm::Sm2).unwrap();
        let (keys, family) = (keys(&signer), family());
        let questions = [(); 3].map(|()| question(&keys, &family, &signer));
        let desk = Verifiers::new(1, 2);
        let mut context = Context::from_waker(Waker::noop());
        let mut first = pin!(desk.verify(verification(&questions[0])));
        let mut second = pin!(desk.verify(verification(&questions[1])));
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        let mut third = pin!(desk.verify(verification(&questions[2])));
        assert!(matches!(
            third.as_mut().poll(&mut context),
            Poll::Ready(None)
        ));
        // Those in line are served, and their places are free again.
        let verdicts = [first.await, second.await];
        for (question, verdict) in questions.into_iter().zip(verdicts) {
            let answer = Answer::Verified(Some(verdict.unwrap()));
            let verified = question.resume(answer, &mut Findings::default(), Timestamp::default());
            assert_eq!(verified.unwrap().assurance(), Assurance::Signature);
        }
        let again = question(&keys, &family, &signer);
        assert!(desk.verify(verification(&again)).await.is_some());
    }

    #[tokio::test]
    async fn one_who_left_the_line_holds_no_place() {
        let signer = SigningKey::generate(Algorithm::Sm2).unwrap();
        let (keys, family) = (keys(&signer), family());
        let question = question(&keys, &family, &signer);
        let desk = Verifiers::new(1, 1);
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut left = pin!(desk.verify(verification(&question)));
            assert!(left.as_mut().poll(&mut context).is_pending());
        }
        assert!(desk.verify(verification(&question)).await.is_some());
    }
}
