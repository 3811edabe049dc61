//! Where codes are made: the configuration whose codes they are, and what it decides of each case.

use std::path::Path;

use multicode::config::{self, Diagnostic, ProcessSecrets, Style};
use multicode::family::Family;
use multicode::gateway::{Door, Gateway, Matter};
use multicode::policy::Strangers;
use multicode::random::Random;
use multicode::reason::Reason;
use multicode::route::Action;
use multicode::sandbox::keyring::Keyring;
use multicode::sandbox::lent;
use multicode::sandbox::mint::{MintError, Order, mint};
use multicode::sandbox::signer::Signers;
use multicode::scan::{Claims, Cleaning, Scan, clean};
use multicode::time::Timestamp;
use multicode::trial::Stopgap;
use multicode::trust::Keys;

use crate::answer::{Decision, Wish};
use crate::scenario::{Case, Expect, Scenario, Shown, Wanted};

/// Codes made to order, and what should come of them.
#[derive(Debug)]
pub struct Workshop {
    gateway: Gateway,
    keys: Keys,
    door: Door,
    orders: Vec<Article>,
    /// For each case and each of its scenes.
    wishes: Vec<Vec<Wish>>,
}

/// What a case shows.
#[derive(Debug)]
enum Article {
    Minted { family: usize, order: Box<Order> },
    Text(String),
    Replayed(usize),
}

/// Why there is no workshop.
#[derive(Debug, thiserror::Error)]
pub enum WorkshopError {
    /// The configuration cannot be used.
    #[error("{0}the configuration cannot be used")]
    Config(String),
    /// No pairs of keys could be made.
    #[error("no keys can be lent to issuers")]
    Keys(#[from] multicode::sandbox::signer::SigningError),
    /// Cases of which no code can be made, or that the configuration decides otherwise than they say.
    #[error("{} cases cannot be played", .0.len())]
    Cases(Vec<Diagnostic>),
}

impl Workshop {
    /// Opens the workshop of a scenario: signs with the keys of `keyring`, if there is one, else with
    /// those that the configuration names and the environment has.
    pub fn open(
        scenario: &Scenario,
        keyring: Option<&Keyring>,
        now: Timestamp,
    ) -> Result<Self, WorkshopError> {
        let (gateway, keys, signers, door) = read(&scenario.config, keyring)?;
        let mut workshop = Self {
            gateway,
            keys,
            door,
            orders: Vec::new(),
            wishes: Vec::new(),
        };
        let mut found = Vec::new();
        for case in &scenario.cases {
            match workshop.article(case, &signers) {
                Ok(article) => workshop.orders.push(article),
                Err(diagnostic) => found.push(*diagnostic),
            }
        }
        if found.is_empty() {
            for (index, case) in scenario.cases.iter().enumerate() {
                match workshop.wishes_of(scenario, case, index, now) {
                    Ok(wishes) => workshop.wishes.push(wishes),
                    Err(diagnostic) => found.push(*diagnostic),
                }
            }
        }
        if found.is_empty() {
            Ok(workshop)
        } else {
            Err(WorkshopError::Cases(found))
        }
    }

    /// A code of that case, made now. Of a case that shows others' codes again, one of theirs.
    pub fn code(
        &self,
        case: usize,
        random: &mut Random,
        now: Timestamp,
    ) -> Result<String, MintError> {
        match self.orders.get(case) {
            Some(Article::Minted { family, order }) => {
                let families = self.gateway.families();
                let family = families.get(*family).ok_or(MintError::NotRead)?;
                mint(family, &self.keys, order, random, now)
            }
            Some(Article::Text(text)) => Ok(text.clone()),
            Some(Article::Replayed(of)) if *of != case => self.code(*of, random, now),
            _ => Err(MintError::NotRead),
        }
    }

    /// What should come of that case in the scene of that place.
    pub fn wish(&self, case: usize, scene: usize) -> Option<&Wish> {
        self.wishes.get(case)?.get(scene)
    }

    fn article(&self, case: &Case, signers: &Signers) -> Result<Article, Box<Diagnostic>> {
        let wrong = |message: String| Box::new(Diagnostic::error("scenario", case.at, message));
        match &case.shown {
            Shown::Text(text) => Ok(Article::Text(text.clone())),
            Shown::Replayed(of) => Ok(Article::Replayed(*of)),
            Shown::Minted(wanted) => {
                let mut families = self.gateway.families().iter();
                let found = families.position(|family| *family.id == *wanted.family);
                let family = found.ok_or_else(|| {
                    let known: Vec<&str> = self.gateway.families().iter().map(id).collect();
                    let (found, known) = (&wanted.family, known.join(", "));
                    wrong(format!("found family `{found}`, expected one of {known}"))
                })?;
                let order = self.order(wanted, signers).map_err(wrong)?;
                Ok(Article::Minted {
                    family,
                    order: Box::new(order),
                })
            }
        }
    }

    fn order(&self, wanted: &Wanted, signers: &Signers) -> Result<Order, String> {
        let key_id = match (&wanted.key, wanted.algorithm) {
            (Some(key), _) => Some(key.clone()),
            (None, Some(algorithm)) => {
                let issuers = self.keys.issuers();
                let asked = issuers.filter(|issuer| {
                    wanted
                        .issuer
                        .as_deref()
                        .is_none_or(|name| issuer.is_called(name))
                });
                let mut keys = asked.flat_map(|issuer| issuer.keys.iter());
                let found = keys.find(|key| key.algorithm == algorithm);
                let no_key =
                    || format!("found no key of {algorithm}, expected an issuer that has one");
                Some(found.ok_or_else(no_key)?.label().to_owned())
            }
            (None, None) => None,
        };
        Ok(Order {
            issuer: wanted.issuer.clone(),
            key_id,
            accounts: Vec::new(),
            region: wanted.region,
            freshness: wanted.freshness,
            valid_for: wanted.valid_for,
            flaw: wanted.flaw,
            signers: signers.clone(),
        })
    }

    /// What should come of a case: what it says, else what the configuration decides of such a code.
    fn wishes_of(
        &self,
        scenario: &Scenario,
        case: &Case,
        index: usize,
        now: Timestamp,
    ) -> Result<Vec<Wish>, Box<Diagnostic>> {
        let wrong = |message: String| Box::new(Diagnostic::error("scenario", case.at, message));
        let scenes: Vec<Option<&str>> = match &*case.scenes {
            [] => vec![None],
            named => named.iter().map(|scene| Some(&**scene)).collect(),
        };
        let mut wishes = Vec::new();
        for (place, scene) in scenes.into_iter().enumerate() {
            let seed = scenario
                .seed
                .wrapping_add(u64::try_from(place).unwrap_or_default());
            let made = self.code(index, &mut Random::seeded(seed), now);
            let text = made.map_err(|error| wrong(format!("no code can be made: {error}")))?;
            let expected = match (&case.expect, &case.shown) {
                (Some(expect), _) => expect.clone(),
                (None, Shown::Replayed(_)) => expectation(Decision::Refused(Reason::Replayed)),
                (None, _) => expectation(self.decided(&text, scene, scenario, now)),
            };
            let wish = Wish::of(&expected);
            wishes.push(wish);
        }
        Ok(wishes)
    }

    /// What the configuration decides of a text that the first terminal shows.
    fn decided(
        &self,
        text: &str,
        scene: Option<&str>,
        scenario: &Scenario,
        now: Timestamp,
    ) -> Decision {
        let scan = Scan {
            text: clean(text, Cleaning::Scanner),
            claims: Claims {
                scene,
                terminal: scenario.terminals.names.first().map(|name| &**name),
                ..Claims::default()
            },
        };
        let matter = Matter {
            scan: &scan,
            door: &self.door,
            keys: &self.keys,
        };
        match self.gateway.decide(matter, now) {
            Ok(decision) => match decision.route.action {
                Action::Forward(_) => Decision::Forward,
                Action::Redirect(_) => Decision::Redirect,
                Action::Respond => Decision::Respond,
            },
            Err(rejection) => Decision::Refused(rejection.reason),
        }
    }
}

fn id(family: &Family) -> &str {
    &family.id
}

fn expectation(decision: Decision) -> Expect {
    Expect {
        decision: decision.name().to_owned(),
        ..Expect::default()
    }
}

/// The configuration's tables, its keys, and who signs with those that others have.
fn read(
    path: &Path,
    keyring: Option<&Keyring>,
) -> Result<(Gateway, Keys, Signers, Door), WorkshopError> {
    let set = ProcessSecrets::beside(path);
    let stopgap = keyring.map(|keyring| Stopgap::from(&set, Some(keyring)));
    let loaded = match &stopgap {
        Some(stopgap) => config::load(path, stopgap),
        None => config::load(path, &set),
    };
    let Some(config) = loaded.config else {
        let found = loaded.diagnostics.errors().render(Style::Plain);
        return Err(WorkshopError::Config(found));
    };
    let first = config.listeners.first();
    let door = Door {
        scenes: Box::default(),
        strangers: Strangers::Admit,
        ..first
            .map(|listener| listener.door.clone())
            .unwrap_or_default()
    };
    let (keys, signers) = match keyring {
        Some(keyring) => lent::lend_from(keyring, &config.gateway.families, &config.keys)?,
        None => (config.keys, Signers::default()),
    };
    Ok((Gateway::new(config.gateway), keys, signers, door))
}
