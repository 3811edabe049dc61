//! The `[[test]]` blocks of the route files, run through the very function that decides scans.
//!
//! They must mean the same on every machine: a key whose secret is not set here gets a throw-away
//! one for the length of the run, so that signed codes can be minted for the test.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::config::meaning::{Expect, Trial, TrialCode};
use crate::config::source::Place;
use crate::config::{self, Diagnostic, Secret, SecretError, SecretRef, Secrets, Style};
use crate::explain::{Detail, Explanation, Telling, explain};
use crate::family::Kind;
use crate::gateway::{Door, Gateway, Matter};
use crate::policy::Strangers;
use crate::random::Random;
use crate::reason::Reason;
use crate::sandbox::keyring::Keyring;
use crate::sandbox::lent::lend;
use crate::sandbox::mint::{Order, mint};
use crate::sandbox::signer::Signers;
use crate::scan::{Claims, Cleaning, Scan, clean};
use crate::trust::Keys;

/// What became of one test.
#[derive(Debug)]
pub struct Outcome {
    /// Its name.
    pub name: Box<str>,
    /// Where it was written.
    pub at: Place,
    /// The route it is about, if it says so.
    pub route: Option<Box<str>>,
    /// What came out otherwise than expected; nothing if all did.
    pub failures: Vec<Failure>,
}

impl Outcome {
    /// What `check` says of it.
    pub fn finding(&self, failure: &Failure) -> Diagnostic {
        let message = format!("test \"{}\": {failure}", self.name);
        Diagnostic::error("test-failed", self.at, message)
    }
}

/// Something that came out otherwise than expected.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// What: `route`, `reason`, …
    pub what: &'static str,
    /// What the test says.
    pub expected: String,
    /// What came out.
    pub found: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "expected {} {}, found {}",
            self.what, self.expected, self.found
        )
    }
}

/// The tests could not be run, which is not the same as that there are none.
#[derive(Debug, thiserror::Error)]
#[error("the tests cannot be run: {0}")]
pub struct NotRun(String);

/// Runs every test of the files beside `path`.
pub fn run(path: &Path, secrets: &dyn Secrets) -> Result<Vec<Outcome>, NotRun> {
    let loaded = config::load(path, &Stopgap::over(secrets));
    let Some(config) = loaded.config else {
        let errors = loaded.diagnostics.errors();
        return Err(NotRun(errors.render(Style::Plain)));
    };
    let gateway = Gateway::new(config.gateway);
    // Without randomness the tests that need a pair say so themselves.
    let (keys, signers) = lend(gateway.families(), &config.keys)
        .unwrap_or_else(|_| (config.keys, Signers::default()));
    let door = config
        .listeners
        .first()
        .map(|listener| listener.door.clone())
        .unwrap_or_default();
    let door = Door {
        scenes: Box::default(),
        strangers: Strangers::Admit,
        ..door
    };
    let outcome = |trial: &Trial| Outcome {
        name: trial.name.clone(),
        at: trial.at,
        route: trial.expect.route.clone(),
        failures: failures(&gateway, &keys, &signers, &door, trial),
    };
    Ok(config.trials.iter().map(outcome).collect())
}

fn failures(
    gateway: &Gateway,
    keys: &Keys,
    signers: &Signers,
    door: &Door,
    trial: &Trial,
) -> Vec<Failure> {
    let text = match text(gateway, keys, signers, trial) {
        Ok(text) => text,
        Err(found) => {
            return vec![Failure {
                what: "a code",
                expected: "of that family".to_owned(),
                found,
            }];
        }
    };
    let claims = Claims {
        scene: trial.scene.as_deref(),
        terminal: trial.terminal.as_deref(),
        organisation: trial.organisation.as_deref(),
        region: trial.region.as_deref(),
    };
    let scan = Scan {
        text: clean(&text, Cleaning::Scanner),
        claims,
    };
    let telling = Telling {
        detail: Detail::Verdict,
        ask: Some(&|_| Some(Arc::clone(&trial.platform))),
    };
    let (story, _) = explain(
        gateway,
        Matter {
            scan: &scan,
            door,
            keys,
        },
        telling,
        trial.now,
    );
    compare(&trial.expect, &story)
}

fn text(
    gateway: &Gateway,
    keys: &Keys,
    signers: &Signers,
    trial: &Trial,
) -> Result<String, String> {
    let TrialCode::Mint {
        family,
        issuer,
        region,
        flaw,
    } = &trial.code
    else {
        let TrialCode::Text(text) = &trial.code else {
            return Err(String::new());
        };
        return Ok(text.to_string());
    };
    let order = Order {
        issuer: issuer.as_deref().map(str::to_owned),
        region: *region,
        flaw: flaw
            .as_deref()
            .and_then(|flaw| flaw.parse().ok())
            .unwrap_or_default(),
        signers: signers.clone(),
        ..Order::default()
    };
    let family = gateway
        .families()
        .iter()
        .find(|known| known.id == *family)
        .ok_or("no such family")?;
    mint(family, keys, &order, &mut Random::seeded(0), trial.now).map_err(|error| error.to_string())
}

fn compare(expect: &Expect, story: &Explanation<'_>) -> Vec<Failure> {
    let wanted_reason = expect.reason.map_or("none", Reason::slug);
    let pairs = [
        ("reason", Some(wanted_reason), story.reason),
        ("route", expect.route.as_deref(), story.route),
        ("upstream", expect.upstream.as_deref(), story.upstream),
        ("family", expect.family.as_deref(), story.family),
        ("kind", expect.kind.map(Kind::name), story.kind),
    ];
    let differs = |(what, expected, found): (&'static str, Option<&str>, Option<&str>)| {
        let (expected, found) = (expected?, found.unwrap_or("none"));
        (expected != found).then(|| Failure {
            what,
            expected: expected.to_owned(),
            found: found.to_owned(),
        })
    };
    pairs.into_iter().filter_map(differs).collect()
}

/// Secrets, and throw-away ones in the place of those that are not set.
pub struct Stopgap<'a> {
    set: &'a dyn Secrets,
    keyring: Option<&'a Keyring>,
    /// One for each reference: issuer and gateway must agree.
    made: Mutex<HashMap<SecretRef, Secret>>,
}

impl fmt::Debug for Stopgap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopgap").finish_non_exhaustive()
    }
}

impl<'a> Stopgap<'a> {
    /// Stands in for what `set` does not have.
    pub fn over(set: &'a dyn Secrets) -> Self {
        Self {
            set,
            keyring: None,
            made: Mutex::default(),
        }
    }

    /// The same with those of a keyring, which others may have as well.
    pub fn from(set: &'a dyn Secrets, keyring: Option<&'a Keyring>) -> Self {
        Self {
            keyring,
            ..Self::over(set)
        }
    }
}

impl Secrets for Stopgap<'_> {
    fn resolve(&self, reference: &SecretRef) -> Result<Option<Secret>, SecretError> {
        if let Some(secret) = self.set.resolve(reference)? {
            return Ok(Some(secret));
        }
        if let Some(keyring) = self.keyring {
            let secret = keyring.secret(&format!("secret {reference}"));
            return Ok(Some(spelled(secret.as_slice())));
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if !made.contains_key(reference) {
            made.extend(throw_away().map(|secret| (reference.clone(), secret)));
        }
        Ok(made.get(reference).cloned())
    }
}

/// A key as files spell it; none if the system has no random numbers, and the key stays unset.
fn throw_away() -> Option<Secret> {
    let mut bytes = Zeroizing::new([0; 32]);
    SystemRandom::new().fill(bytes.as_mut_slice()).ok()?;
    Some(spelled(bytes.as_slice()))
}

fn spelled(bytes: &[u8]) -> Secret {
    Secret::new(STANDARD.encode(bytes).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NoSecrets;

    #[test]
    fn an_unset_key_is_made_up_once() {
        let secrets = Stopgap::over(&NoSecrets);
        let key = |name: &str| {
            let secret = secrets
                .resolve(&SecretRef::Env(name.to_owned()))
                .unwrap()
                .unwrap();
            secret.decode_key().unwrap().expose().to_vec()
        };
        let first = key("ONE");
        assert_eq!(first, key("ONE"));
        assert_ne!(first, key("OTHER"));
    }
}
