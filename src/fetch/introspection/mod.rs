//! Asking an issuer's platform about a code: once, in its time, and not again while its word counts.
//!
//! The first that needs to know about a code asks; whoever puts the same question meanwhile, on
//! whichever worker, waits for the same answer. A code that can be used once is used by being asked
//! about, so the word is kept for all that ask the same, under a keyed digest: nobody finds a code in
//! the memory of the process. The same is what differs in nothing the contract names: an answer to
//! one office is none to another. A question that came to nothing is forgotten, and the next scan
//! asks anew.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use ring::hmac;
use tokio::sync::Semaphore;
use tokio::task::spawn_local;

use crate::metrics::{Asked, Introspections};
use crate::route::contract::{Contract, RenderError, Rendered, Values};
use crate::tick::Timer;
use crate::time::Timestamp;
use crate::trust::Introspected;
use crate::trust::introspection::AnswerLayout;
use crate::trust::standing::chain;
use crate::upstream::{SendError, Upstreams, unrecorded};

/// How long a word counts by default: from the window to the pharmacy is another scan, but a card
/// that is blocked meanwhile must not open much.
pub const DEFAULT_KEEP: Duration = Duration::from_secs(30);

/// The longest a word may count, whatever the files say: the platform is asked for what is so now.
pub const MAX_KEEP: Duration = Duration::from_secs(15 * 60);

/// How long an answer is waited for by default; the department is still to be asked after it.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

/// Questions open at a platform at the same time, over all workers, by default.
pub const DEFAULT_AT_ONCE: u16 = 64;

/// The longest answer: those seen have less than 2 KiB.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How long a refusal is kept: a scanner that reads the same code again and again asks once, and a
/// card that was put in order is good at the next try.
const REFUSAL_KEPT: Duration = Duration::from_secs(2);

/// The least time between two warnings about one platform: an ill one fails every scan.
const WARNED_EVERY: Duration = Duration::from_secs(60);

/// Words kept of one platform, of some 200 bytes each; beyond that the one used longest ago goes.
const MAX_KEPT: u64 = 65_536;

/// A platform, as the files say.
#[derive(Clone, Debug)]
pub struct Introspection {
    /// Its name.
    pub name: Box<str>,
    /// Who is asked.
    pub upstream: usize,
    /// The question.
    pub contract: Contract,
    /// The answer.
    pub answer: AnswerLayout,
    /// The longest a word counts.
    pub keep: Duration,
    /// How long an answer is waited for.
    pub timeout: Duration,
    /// Questions open at the same time.
    pub at_once: usize,
}

/// A platform at work, and what it said lately; every worker asks the same one.
pub struct Platform {
    about: Introspection,
    open: Semaphore,
    kept: Cache<[u8; DIGEST], Word>,
    digests: hmac::Key,
    counts: Introspections,
    health: Mutex<Health>,
}

/// How a platform does.
#[derive(Debug, Default)]
struct Health {
    /// Why the last question came to nothing, if it did.
    trouble: Option<Box<str>>,
    /// When somebody was warned of it last.
    warned: Option<Timestamp>,
}

/// As much of a digest as makes two questions with the same one a thing that does not happen.
const DIGEST: usize = 16;

/// What a worker asks with.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Its connections.
    pub upstreams: Rc<Upstreams>,
    /// Its timer.
    pub timer: Timer,
    /// The process's clock.
    pub clock: fn() -> Timestamp,
}

/// What was said, and for how long that counts.
#[derive(Clone)]
struct Word {
    told: Arc<Introspected>,
    counts: Duration,
}

/// Why there is no word; never what came instead of it.
#[derive(Debug, thiserror::Error)]
pub enum NoWord {
    /// The answer broke off, or did not end.
    #[error("the platform's answer broke off or is longer than {MAX_ANSWER_BYTES} bytes")]
    Body,
    /// The platform was not asked: enough questions are open.
    #[error("too many questions are open")]
    Busy,
    /// The worker that asked is gone.
    #[error("the question was given up")]
    Dropped,
    /// No answer came in time.
    #[error("no answer came in time")]
    Late,
    /// The platform could not be asked.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The platform says nothing about the code.
    #[error("the platform answered with status {0}")]
    Status(StatusCode),
    /// The question cannot be made of this scan.
    #[error("the question cannot be filled")]
    Unfilled(#[from] RenderError),
    /// The answer is not what the files say it is.
    #[error("the platform's answer does not say whether the code is good")]
    Unreadable,
}

impl fmt::Debug for Platform {
    /// Without what it said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform")
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

impl Platform {
    /// A platform that nobody has asked yet. `digests` must be random.
    pub fn new(about: Introspection, digests: hmac::Key, counts: Introspections) -> Self {
        Self {
            open: Semaphore::new(about.at_once),
            // Least recently used, so that a flood of codes cannot keep a new word out.
            kept: Cache::builder()
                .max_capacity(MAX_KEPT)
                .eviction_policy(EvictionPolicy::lru())
                .expire_after(ForItsTime)
                .build(),
            about,
            digests,
            counts,
            health: Mutex::default(),
        }
    }

    /// Its name in the files.
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// Why the last question came to nothing, if it did; never what was answered.
    pub fn trouble(&self) -> Option<Box<str>> {
        let health = self.health.lock();
        let health = health.unwrap_or_else(PoisonError::into_inner);
        health.trouble.clone()
    }

    /// Notes how a question ended. Says whether it is time to warn.
    fn note(&self, word: Result<(), &NoWord>, now: Timestamp) -> bool {
        let health = self.health.lock();
        let mut health = health.unwrap_or_else(PoisonError::into_inner);
        health.trouble = word.err().map(|error| chain(error).into());
        let soon = |last: Timestamp| now < last.after(WARNED_EVERY);
        let warns = word.is_err() && !health.warned.is_some_and(soon);
        if warns {
            health.warned = Some(now);
        }
        warns
    }

    /// What the platform says of `code`, asked with the `values` that the contract may name.
    pub async fn ask<'a>(
        self: &'a Arc<Self>,
        code: &str,
        values: impl FnOnce(&'a Contract) -> Values<'a>,
        asker: Asker,
    ) -> Result<Arc<Introspected>, Arc<NoWord>> {
        let contract = &self.about.contract;
        let values = values(contract);
        let particulars = contract.particulars(&values).map_err(NoWord::from)?;
        let digest = self.digest(code, &particulars);
        if let Some(word) = self.kept.get(&digest).await {
            self.counts.count(Asked::Kept);
            return Ok(word.told);
        }
        let request = request(contract.render(&values).map_err(NoWord::from)?);
        let platform = Arc::clone(self);
        // In a task of its own: a request that is reset does not take the question with it, which
        // those who wait for its answer would have to put again.
        let flight = spawn_local(async move { platform.fly(digest, request, &asker).await });
        flight.await.map_err(|_| NoWord::Dropped)?
    }

    /// Waits for the answer to the one such question there is about this code, be it this one.
    async fn fly(
        &self,
        digest: [u8; DIGEST],
        request: Request<Full<Bytes>>,
        asker: &Asker,
    ) -> Result<Arc<Introspected>, Arc<NoWord>> {
        let first = Cell::new(false);
        let question = async {
            first.set(true);
            // Boxed: the way to a platform is long, and rarely gone.
            let word = Box::pin(self.put(request, asker)).await;
            if self.note(word.as_ref().map(drop), (asker.clock)()) {
                let (introspection, error) = (self.name(), self.trouble());
                tracing::warn!(introspection, error, "a platform gives no word of codes");
            }
            self.counts.count(match &word {
                Ok(word) if word.told.active => Asked::Active,
                Ok(_) => Asked::Inactive,
                Err(NoWord::Busy) => Asked::Busy,
                Err(_) => Asked::Unavailable,
            });
            word
        };
        let word = self.kept.try_get_with(digest, question).await;
        if !first.get() {
            self.counts.count(Asked::Kept);
        } else if let Err(error) = &word {
            tracing::debug!(introspection = &*self.about.name, %error, "no word of a code");
        }
        word.map(|word| word.told)
    }

    /// Puts the question, once.
    async fn put(&self, request: Request<Full<Bytes>>, asker: &Asker) -> Result<Word, NoWord> {
        let _seat = self.open.try_acquire().map_err(|_| NoWord::Busy)?;
        // Boxed: it is large, and would be moved with everything around it.
        let answer = Box::pin(self.answer(request, &asker.upstreams));
        let answer = asker.timer.within(self.about.timeout, answer).await;
        let answer = answer.map_err(|_| NoWord::Late)??;
        let told = serde_json::from_slice(&answer).ok();
        let told = told.and_then(|answer| self.about.answer.read(&answer));
        let told = told.ok_or(NoWord::Unreadable)?;
        Ok(Word {
            counts: self.counts_for(&told, (asker.clock)()),
            told: Arc::new(told),
        })
    }

    async fn answer(
        &self,
        request: Request<Full<Bytes>>,
        upstreams: &Upstreams,
    ) -> Result<Bytes, NoWord> {
        // Boxed: asking is rare beside deciding, and its state would be moved with the question's.
        let answer = upstreams.send(self.about.upstream, request.into(), unrecorded);
        let answer = Box::pin(answer).await?;
        // The platforms that are known say no in an answer of status 200; with any other status
        // nobody says anything about a code.
        if answer.status() != StatusCode::OK {
            return Err(NoWord::Status(answer.status()));
        }
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES);
        let body = body.collect().await.map_err(|_| NoWord::Body)?;
        Ok(body.to_bytes())
    }

    /// Until its own end, but no longer than the files let it.
    fn counts_for(&self, told: &Introspected, now: Timestamp) -> Duration {
        let longest = if told.active {
            self.about.keep
        } else {
            self.about.keep.min(REFUSAL_KEPT)
        };
        let left = told.expires_at.map(|end| end.since(now));
        left.map_or(longest, |left| left.min(longest))
    }

    fn digest(&self, code: &str, particulars: &[u8]) -> [u8; DIGEST] {
        let mut question = hmac::Context::with_key(&self.digests);
        question.update(&code.len().to_be_bytes());
        question.update(code.as_bytes());
        question.update(particulars);
        let tag = question.sign();
        let mut digest = [0; DIGEST];
        digest
            .iter_mut()
            .zip(tag.as_ref())
            .for_each(|(to, from)| *to = *from);
        digest
    }
}

fn request(rendered: Rendered) -> Request<Full<Bytes>> {
    let body = rendered.body.map(Bytes::from).unwrap_or_default();
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = rendered.method;
    *request.uri_mut() = rendered.target;
    let headers = request.headers_mut();
    headers.extend(rendered.content_type.map(|kind| (CONTENT_TYPE, kind)));
    headers.extend(rendered.headers);
    request
}

/// Every word has its own end.
struct ForItsTime;

impl moka::Expiry<[u8; DIGEST], Word> for ForItsTime {
    fn expire_after_create(&self, _: &[u8; DIGEST], word: &Word, _: Instant) -> Option<Duration> {
        Some(word.counts)
    }

    /// A word in the place of one that is over counts for its own time, not for what is left.
    fn expire_after_update(
        &self,
        _: &[u8; DIGEST],
        word: &Word,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(word.counts)
    }
}

#[cfg(test)]
mod tests;
