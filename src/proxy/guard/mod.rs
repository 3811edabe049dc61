//! Never twice, never lost: what stands between a decision and its department.
//!
//! A request that was made before is answered as it was then, straight after it was read. A new one
//! is reserved just before it is forwarded, so that a scan that goes nowhere uses nothing up; from
//! then on it is carried out whether its terminal waits or not.

mod answer;
mod books;
mod carry;
mod key;
mod outcomes;

pub use self::books::Books;
use self::books::is_light;
pub(super) use self::outcomes::OUTCOMES;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use tokio::sync::oneshot;

use self::carry::{Carrier, Told};
use super::consult::{Act, Deed};
use super::exchange::Exchange;
use super::forward::{self, no_answer};
use super::headers::Client;
use super::respond::Refusal;
use super::visit::Visit;
use super::{Proxy, View};
use crate::gateway::Decision;
use crate::metrics::{Again, Met};
use crate::policy::{Care, Idempotency, Scene};
use crate::reason::{Reason, Stage};
use crate::state::{About, Away, Claim, Entry, Keep, Name, Reserved, Seals, Standing, Ticket};
use crate::time::Timestamp;
use crate::upstream::ResponseBody;

/// How often a repetition looks whether the first request is through.
const LOOK: Duration = Duration::from_millis(20);

/// How much longer than its department may take a gateway may take to say what came of a request
/// before it is taken for dead.
const LEASE: Duration = Duration::from_secs(5);

/// What tells a request from others before anything is known of its code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyed {
    /// The name of its idempotency key.
    name: Name,
    /// What must be the same for it to be the same.
    fingerprint: Name,
}

impl Keyed {
    /// Reads the key, and asks for one where the scene does.
    pub(super) fn of(
        exchange: &Exchange<'_>,
        scene: Option<&Scene>,
    ) -> Result<Option<Self>, Refusal> {
        let key = key::find(
            &exchange.parts.headers,
            exchange.extracted.idempotency_key.as_deref(),
        )?;
        let required = scene.is_some_and(|it| it.care.idempotency == Idempotency::Required);
        if key.is_none() && required {
            return Err(Reason::IdempotencyKeyMissing.into());
        }
        let books = &exchange.site.shared.books;
        Ok(key.map(|key| Self {
            name: named(books, exchange.terminal(), &key),
            fingerprint: exchange.fingerprint(scene),
        }))
    }
}

/// What a repetition is answered, counted if that is an answer.
fn answered_again((books, visit): (&Books, &Visit), standing: &Standing, why: Again) -> Told {
    books.counts.met(match standing {
        Standing::Done(_) => Met::Answered,
        Standing::InFlight => Met::InFlight,
        Standing::Other => Met::Reused,
        Standing::Unknown => Met::Unknown,
    });
    if matches!(standing, Standing::Done(_)) {
        books.counts.answered_again(why);
        visit.note(|event| event.repeated = true);
    }
    answer::of(standing)
}

/// The code that a decision uses up, if it is good for one use.
fn claim(decision: &Decision<'_>, seals: &Seals, now: Timestamp) -> Result<Option<Claim>, Refusal> {
    let one_time = decision.verified.one_time();
    let Some(code) = one_time.filter(|_| !decision.scene.care.reuse) else {
        return Ok(None);
    };
    Ok(Some(Claim {
        name: seals.name("code", code.parts().iter().map(|part| &**part)),
        until: code.until(now).ok_or(Reason::RefreshCode)?,
        made: code.made(),
        lifetime: code.lifetime(),
    }))
}

/// The name of a terminal's key.
fn named(books: &Books, terminal: &str, key: &str) -> Name {
    let parts = [terminal.as_bytes(), key.as_bytes()];
    books.seals.name("key", parts)
}

impl Proxy {
    /// What a request that was made before is answered; nothing if this is the first.
    pub(super) async fn recall(
        &self,
        exchange: &Exchange<'_>,
        Keyed { name, fingerprint }: Keyed,
        scene: Option<&Scene>,
    ) -> Result<Option<Response<ResponseBody>>, Refusal> {
        let books = &exchange.site.shared.books;
        let care = scene.map(|scene| scene.care).unwrap_or_default();
        let look = async || {
            let now = books.moment(self);
            books.look(name, Some(fingerprint), (care, now)).await
        };
        let standing = self.watch(look, books.double_read).await;
        exchange.visit.lap(Stage::Guard);
        standing?
            .map(|standing| answered_again((books, exchange.visit), &standing, Again::Key))
            .transpose()
    }

    /// What is to be recorded of a decision, if anything is.
    pub(super) fn entry(
        exchange: &Exchange<'_>,
        keyed: Option<Keyed>,
        decision: &Decision<'_>,
        (patience, now): (Duration, Timestamp),
    ) -> Result<Option<Entry>, Refusal> {
        let books = &exchange.site.shared.books;
        let seals = &books.seals;
        let claim = claim(decision, seals, now)?;
        let keep = match (keyed, decision.scene.settlement) {
            (_, true) => Keep::Durably,
            (Some(_), false) => Keep::Kept,
            (None, false) => Keep::Briefly,
        };
        let is_watched = !books.double_read.is_zero();
        if keep == Keep::Briefly && claim.is_none() && !is_watched {
            return Ok(None);
        }
        let fresh = || seals.fresh_name().map_err(|_| Reason::Internal);
        let name = keyed.map_or_else(fresh, |keyed| Ok(keyed.name))?;
        let known = keyed.map(|keyed| keyed.fingerprint);
        let fingerprint =
            known.or_else(|| is_watched.then(|| exchange.fingerprint(Some(decision.scene))));
        let read = fingerprint.filter(|_| is_watched);
        let (request_id, terminal) = exchange.visit.shown_as();
        Ok(Some(Entry {
            name,
            keyed: keyed.is_some(),
            fingerprint: fingerprint.unwrap_or(name),
            keep,
            read: read.map(|same| {
                let who = exchange.who();
                seals.name("read", [who.as_bytes(), &same.as_bytes()[..]])
            }),
            claim,
            about: About {
                request_id,
                terminal,
                scene: (&*decision.scene.name).into(),
                route: (&*decision.route.name).into(),
                since: now,
            },
            lease: patience.saturating_add(LEASE),
            replicas: decision.scene.care.replicas,
        }))
    }

    /// Does what was decided, and records it where that is asked for.
    pub(super) async fn perform(&self, view: &Rc<View>, act: Act, visit: &Rc<Visit>) -> Told {
        if let Some(entry) = act.entry {
            // Boxed: it would be moved with every request that is not recorded.
            return Box::pin(self.record((view, visit), entry, act.care, act.deed)).await;
        }
        visit.audit(act.care).await?;
        match act.deed {
            Deed::Answer(response) => Ok(response),
            Deed::Ask { upstream, ask } => {
                let intent = async || {
                    visit.sending();
                    Ok(())
                };
                let sent = forward::ask((&view.upstreams, visit), (upstream, ask), intent).await;
                sent.map_err(|error| no_answer(&error))
            }
        }
    }

    /// Reserves the right to do it, and has it done whether the terminal waits or not.
    async fn record(
        &self,
        (view, visit): (&Rc<View>, &Rc<Visit>),
        entry: Entry,
        care: Care,
        deed: Deed,
    ) -> Told {
        let books = Arc::clone(&view.site.shared.books);
        let light = is_light(&entry);
        let patience = entry.lease.saturating_sub(LEASE);
        let reserved = self.reserve(&books, entry, care).await;
        visit.lap(Stage::Guard);
        let ticket = match reserved {
            Ok(Ok(ticket)) => ticket,
            Ok(Err((standing, why))) => return answered_again((&books, visit), &standing, why),
            // A scanner that reads twice will be two scans; nothing else is lost.
            Err(refusal) if light && refusal.reason != Reason::InFlight => {
                let unrecorded = Act {
                    deed,
                    entry: None,
                    care,
                };
                return Box::pin(self.perform(view, unrecorded, visit)).await;
            }
            Err(refusal) => return Err(refusal),
        };
        let carrier = Carrier {
            view: Rc::clone(view),
            visit: Rc::clone(visit),
            care,
            books,
            timer: self.timer.clone(),
            clock: self.clock,
            until: self.timer.now() + patience,
            _undertaking: self.undertakings.begin(),
        };
        let (tell, told) = oneshot::channel();
        drop(tokio::task::spawn_local(carrier.carry(deed, ticket, tell)));
        told.await.unwrap_or_else(|_| Err(Reason::Internal.into()))
    }

    /// Reserves the right to carry a decision out; or, where another request was first, gives what
    /// came of that one.
    async fn reserve(
        &self,
        books: &Books,
        entry: Entry,
        care: Care,
    ) -> Result<Result<Ticket, (Standing, Again)>, Refusal> {
        let patience = entry.lease;
        let until = self.timer.now() + patience;
        loop {
            let now = books.moment(self);
            let reserved = books.reserve(&entry, care, now).await;
            let (reserved, store) = reserved.map_err(|Away| Reason::StoreUnavailable)?;
            let (name, patience, why) = match reserved {
                Reserved::Begun(ticket) => return Ok(Ok(ticket)),
                Reserved::Full => return Err(Reason::StoreFull.into()),
                Reserved::Refresh => return Err(Reason::RefreshCode.into()),
                Reserved::Replayed => return Err(Reason::Replayed.into()),
                Reserved::Known(Standing::InFlight) => (entry.name, books.double_read, Again::Key),
                Reserved::Known(standing) => return Ok(Err((standing, Again::Key))),
                Reserved::Joined(other) => (other, patience, Again::Read),
            };
            let look = async || store.look(name, None, books.moment(self)).await;
            match self.watch(look, patience).await? {
                Some(standing) => return Ok(Err((standing, why))),
                // Nothing of the first one was sent: this one may try. Were it to fail at once each
                // time, nobody else on this thread would have a turn, not even the clock.
                None if self.timer.now() < until => self.pause().await,
                None => return Err(Reason::InFlight.into()),
            }
        }
    }

    /// How it stands with a request, waiting a while if it is under way.
    async fn watch(
        &self,
        look: impl AsyncFn() -> Result<Option<Standing>, Away>,
        patience: Duration,
    ) -> Result<Option<Standing>, Refusal> {
        let until = self.timer.now() + patience;
        loop {
            match look().await.map_err(|Away| Reason::StoreUnavailable)? {
                Some(Standing::InFlight) if self.timer.now() < until => self.pause().await,
                found => return Ok(found),
            }
        }
    }

    async fn pause(&self) {
        let pause = self.timer.within(LOOK, std::future::pending::<()>());
        let _ = pause.await;
    }
}

impl Exchange<'_> {
    /// The scene, as far as it can be told.
    pub(super) fn scene(&self) -> Option<&Scene> {
        let named = self.extracted.scene.as_deref();
        self.site.gateway.scene(named, &self.entrance.door).ok()
    }

    /// What must be the same for a request to be the same.
    fn fingerprint(&self, scene: Option<&Scene>) -> Name {
        let claims = self.claims();
        // Doors may have scenes of their own for those who name none.
        let claimed = [
            scene.map(|scene| &*scene.name).or(claims.scene),
            claims.terminal,
            claims.organisation,
            claims.region,
        ];
        let query = self.parts.uri.query();
        let texts = [Some(&*self.adapter.name), query]
            .into_iter()
            .chain(claimed);
        let texts = texts.map(|text| text.unwrap_or_default().as_bytes());
        let seals = &self.site.shared.books.seals;
        seals.name("request", texts.chain([&**self.body]))
    }

    /// The terminal's name; empty if it has none.
    fn terminal(&self) -> &str {
        self.caller.name().unwrap_or_default()
    }

    /// Whom two reads of one code must have in common: the terminal, else the address it has.
    fn who(&self) -> String {
        match self.terminal() {
            "" => {
                let proxies = &self.entrance.trusted_proxies;
                let client = Client::of(self.peer.address.ip(), &self.parts.headers, proxies);
                client.address.to_string()
            }
            terminal => terminal.to_owned(),
        }
    }
}
