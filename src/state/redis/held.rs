//! One reservation: what is written for it, and its right to be changed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::board::millis;
use super::lane::{Answered, Call, Failed, letter};
use super::link::Link;
use super::owed::Debt;
use super::script::Which;
use super::{Redis, stored};
use crate::state::record::{Answer, Content, Record, State};
use crate::state::seals::Unsealable;
use crate::state::{Entry, Keep, Name, Outcome, Unintended};
use crate::time::{Moment, Timestamp};

/// An answer larger than this is not kept for a double read.
const MOST_BRIEF: usize = 64 * 1024;

/// A reservation in Redis.
#[derive(Debug)]
pub(in crate::state) struct Held {
    redis: Redis,
    entry: Entry,
    owner: String,
    since: Moment,
    stage: Stage,
}

/// How far it is, and so what has to be done if it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Whether it was written nobody knows.
    Asked,
    /// It was written.
    Reserved,
    /// It may have been sent.
    Intended,
    /// Nothing is to be done any more.
    Over,
}

/// Written when it is dropped, unless it was paid.
struct Due<'a>(&'a Link, Option<Debt>);

impl Drop for Due<'_> {
    fn drop(&mut self) {
        if let Some(debt) = self.1.take() {
            self.0.owe(debt);
        }
    }
}

impl Held {
    pub(super) fn new(redis: &Redis, entry: Entry, since: Moment) -> Box<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Box::new(Self {
            owner: format!("{:016x}{count:016x}", redis.instance),
            redis: redis.clone(),
            entry,
            since,
            stage: Stage::Asked,
        })
    }

    pub(in crate::state) const fn name(&self) -> Name {
        self.entry.name
    }

    pub(super) const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Whether more is written than a claim.
    pub(super) const fn is_recorded(&self) -> bool {
        let entry = &self.entry;
        entry.keyed
            || entry.read.is_some()
            || entry.replicas > 0
            || !matches!(entry.keep, Keep::Briefly)
    }

    /// It stands.
    pub(super) const fn begun(&mut self) {
        self.stage = Stage::Reserved;
    }

    /// It was not written, and will not be.
    pub(super) const fn forget(&mut self) {
        self.stage = Stage::Over;
    }

    const fn is_brief(&self) -> bool {
        matches!(self.entry.keep, Keep::Briefly)
    }

    /// How long a record lives that nobody keeps.
    fn brief(&self) -> Duration {
        self.entry.lease.max(self.redis.double_read)
    }

    /// How long the claim has to stand from now on.
    pub(super) fn window(&self, now: Timestamp) -> i64 {
        let claim = self.entry.claim.as_ref();
        let left = claim.map(|claim| claim.until.since(now));
        left.map_or(0, |left| millis(left).max(1))
    }

    /// Head, other name and sealed record of this state.
    fn value(&self, state: State, now: Timestamp) -> Result<Vec<u8>, Unsealable> {
        let letter = match state {
            State::Reserved => 'R',
            State::Forwarding => 'F',
            State::Done(_) => 'D',
            State::Unknown => 'U',
            State::Same(_) => 'S',
        };
        let lease = now.after(self.entry.lease);
        let mut value = self.head(letter, lease).into_bytes();
        if letter != 'S' {
            let claim = self.entry.claim.as_ref().map(|claim| claim.name);
            let claim = claim.map_or_else(|| "-".repeat(32), |name| name.to_string());
            value.extend_from_slice(claim.as_bytes());
        }
        value.extend(self.sealed(state, lease, now)?);
        Ok(value)
    }

    fn head(&self, letter: char, lease: Timestamp) -> String {
        let keep = if self.is_brief() { 'b' } else { 'k' };
        let lease = lease.millis().max(0);
        format!("{letter}{keep}{}{lease:016}", self.owner)
    }

    fn sealed(
        &self,
        state: State,
        lease: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<u8>, Unsealable> {
        let record = Record {
            state,
            fingerprint: *self.entry.fingerprint.as_bytes(),
            about: self.entry.about.clone(),
            lease,
            until: now.after(self.redis.link.context.keep),
        };
        record.seal(self.entry.name, &self.redis.seals)
    }

    /// The four keys it may touch; its record's where it has none of that sort.
    fn keys(&self) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
        let keys = &self.redis.link.context.keys;
        let record = keys.record(self.entry.name);
        let read = self.entry.read.map(|name| keys.read(name));
        let claim = self.entry.claim.as_ref().map(|it| keys.claim(it.name));
        let read = read.unwrap_or_else(|| record.clone());
        let claim = claim.unwrap_or_else(|| record.clone());
        (record, read, claim)
    }

    /// The atomic step that begins it.
    pub(super) fn reservation(&self) -> Result<Call, Unsealable> {
        let entry = &self.entry;
        let context = &self.redis.link.context;
        let now = self.since.wall;
        let lease = now.after(entry.lease);
        let brief = self.brief();
        // A brief one has no intent of its own: it may be sent from now on.
        let (state, living) = if self.is_brief() {
            (State::Forwarding, brief)
        } else {
            let window = Duration::from_millis(self.window(now).unsigned_abs());
            (State::Reserved, brief.saturating_mul(2).max(window))
        };
        let mark = format!("{}{}{}", self.owner, entry.name, u8::from(entry.keyed));
        let (same, sealed) = if entry.keyed && entry.read.is_some() {
            let same = State::Same([0; Name::LENGTH]);
            (self.head('S', lease), self.sealed(same, lease, now)?)
        } else {
            (String::new(), Vec::new())
        };
        let same_living = if self.is_brief() { brief } else { context.keep };
        let claim = entry.claim.as_ref();
        let optional = |value: Option<i64>| value.map(|it| it.to_string()).unwrap_or_default();
        let (record, read, claimed) = self.keys();
        Ok(Call::Run {
            which: Which::Reserve,
            keys: vec![context.keys.marker().into(), record, read, claimed],
            args: vec![
                context.keys.prefix().into(),
                self.owner.clone().into(),
                entry.name.to_string().into(),
                flag(entry.keyed),
                number(now.millis()),
                self.value(state, now)?,
                number(millis(living)),
                flag(entry.read.is_some()),
                mark.into(),
                number(millis(brief)),
                same.into(),
                sealed,
                number(millis(same_living)),
                flag(claim.is_some()),
                number(self.window(now)),
                number(claim.map_or(0, |claim| claim.until.millis())),
                optional(claim.and_then(|it| it.made).map(Timestamp::millis)).into(),
                optional(claim.and_then(|it| it.lifetime).map(millis)).into(),
            ],
        })
    }

    pub(in crate::state) async fn intend(&mut self, now: Moment) -> Result<(), Unintended> {
        if self.stage != Stage::Reserved {
            return Err(Unintended::Away);
        }
        let replicas = self.entry.replicas;
        if self.is_brief() && replicas == 0 {
            self.stage = Stage::Intended;
            return Ok(());
        }
        let call = self
            .intent(now.wall)
            .map_err(|Unsealable| Unintended::Away)?;
        match self.redis.link.ask(call, replicas).await {
            Ok(answered) => self.intended(&answered, now),
            Err(failed) => {
                // It may yet be carried out: what is given back now would be taken again.
                if failed == Failed::Lost {
                    self.stage = Stage::Asked;
                }
                Err(Unintended::Away)
            }
        }
    }

    fn intended(&mut self, answered: &Answered, now: Moment) -> Result<(), Unintended> {
        match letter(&answered.value) {
            Some(b'B') if answered.replicas >= i64::from(self.entry.replicas) => {
                self.stage = Stage::Intended;
                Ok(())
            }
            Some(b'K') => {
                self.stage = Stage::Over;
                let entry = &self.entry;
                let (name, fingerprint) = (entry.name, entry.fingerprint);
                let known = stored::known(&answered.value, name, &self.redis.seals);
                let standing = known.standing(Some(fingerprint), now.wall);
                standing.map_or(Err(Unintended::Away), |it| Err(Unintended::Known(it)))
            }
            _ => Err(Unintended::Away),
        }
    }

    fn intent(&self, now: Timestamp) -> Result<Call, Unsealable> {
        let keys = &self.redis.link.context.keys;
        let keep = self.redis.link.context.keep;
        let living = if self.is_brief() { self.brief() } else { keep };
        Ok(Call::Run {
            which: Which::Intend,
            keys: vec![
                keys.marker().into(),
                keys.record(self.entry.name),
                keys.open().into(),
            ],
            args: vec![
                self.owner.clone().into(),
                self.entry.name.to_string().into(),
                self.value(State::Forwarding, now)?,
                number(millis(living)),
                number(now.after(self.entry.lease).millis()),
                flag(!self.is_brief()),
                number(millis(keep)),
            ],
        })
    }

    pub(in crate::state) async fn settle(mut self: Box<Self>, outcome: Outcome, now: Moment) {
        let replicas = match self.entry.keep {
            Keep::Durably => self.entry.replicas,
            Keep::Briefly | Keep::Kept => 0,
        };
        let Some(call) = self.ending(outcome, now) else {
            self.stage = Stage::Over;
            return;
        };
        self.stage = Stage::Over;
        let redis = self.redis.clone();
        let debt = Debt::now(call.clone(), redis.link.context.keep);
        let mut due = Due(&redis.link, Some(debt));
        if redis.link.ask(call, replicas).await.is_ok() {
            due.1 = None;
        }
    }

    /// What is to be written in the end.
    fn ending(&self, outcome: Outcome, now: Moment) -> Option<Call> {
        match outcome {
            Outcome::NotSent => Some(self.release()),
            _ if !self.is_recorded() => None,
            Outcome::Unknown => self.settlement(State::Unknown, now).ok(),
            Outcome::Done(mut answer) => {
                if self.is_brief() {
                    cut(&mut answer);
                }
                self.settlement(State::Done(answer), now).ok()
            }
        }
    }

    fn settlement(&self, state: State, now: Moment) -> Result<Call, Unsealable> {
        let context = &self.redis.link.context;
        let spent = now.steady.saturating_sub(self.since.steady);
        let mark = self.redis.double_read.saturating_sub(spent);
        let (record, read, claim) = self.keys();
        let window = match self.entry.claim {
            Some(_) => self.window(now.wall),
            None => 0,
        };
        Ok(Call::Run {
            which: Which::Settle,
            keys: vec![record, context.keys.open().into(), read, claim],
            args: vec![
                self.owner.clone().into(),
                self.entry.name.to_string().into(),
                self.value(state, now.wall)?,
                number(millis(context.keep)),
                number(millis(self.redis.double_read)),
                number(if self.entry.read.is_some() {
                    millis(mark)
                } else {
                    0
                }),
                number(window),
                number(now.wall.millis()),
            ],
        })
    }

    fn release(&self) -> Call {
        let (record, read, claim) = self.keys();
        Call::Run {
            which: Which::Release,
            keys: vec![
                record,
                self.redis.link.context.keys.open().into(),
                read,
                claim,
            ],
            args: vec![
                self.owner.clone().into(),
                self.entry.name.to_string().into(),
            ],
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let context = &self.redis.link.context;
        let debt = match self.stage {
            Stage::Over => return,
            Stage::Asked => Debt::later(self.release(), context.keep, context.budget),
            Stage::Reserved => Debt::now(self.release(), context.keep),
            Stage::Intended => {
                let now = (context.clock)();
                let Some(call) = self.ending(Outcome::Unknown, now) else {
                    return;
                };
                Debt::now(call, context.keep)
            }
        };
        self.redis.link.owe(debt);
    }
}

/// Keeps what a double read may wait for within bounds.
fn cut(answer: &mut Answer) {
    if let Content::Whole(bytes) = &answer.content
        && bytes.len() > MOST_BRIEF
    {
        answer.content = Content::Digest {
            sha256: Sha256::digest(bytes).into(),
            length: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        };
    }
}

fn number(value: i64) -> Vec<u8> {
    value.to_string().into()
}

fn flag(value: bool) -> Vec<u8> {
    number(value.into())
}
