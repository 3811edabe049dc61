//! One request from its head to its end, and what there is to tell of it then.

use std::cell::RefCell;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use compact_str::CompactString;
use http::request::Parts;
use http::{Method, Response, Version};

use super::View;
use super::exchange::Exchange;
use super::guard::OUTCOMES;
use super::identity::Identity;
use super::limits::Standings;
use super::respond::Refusal;
use crate::audit::{Class, Record, Unwritten};
use crate::gateway::{Decision, Rejection};
use crate::identity::Proven;
use crate::policy::{Audited, Care, Scene};
use crate::reason::{Reason, Stage};
use crate::scan::{self, Cleaning, Scan};
use crate::server::Peer;
use crate::telemetry::{Asked, Outcome, Pseudonym, ScanEvent, Sent, Tray};
use crate::time::Timestamp;
use crate::upstream::SendError;

/// What goes with a request from its head to the last that is done about it. It is told of when the
/// last who holds it lets go: a request whose terminal hung up may still be at its department.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) identity: Identity,
    pub(super) standings: Standings,
    view: Rc<View>,
    tray: Arc<Tray>,
    /// When it began, and by which clock's instant.
    at: Timestamp,
    began: Instant,
    notes: RefCell<Notes>,
}

/// What is known so far.
#[derive(Debug)]
struct Notes {
    /// There until it is told.
    event: Option<ScanEvent>,
    /// The end of the last lap, from the beginning.
    last: Duration,
    /// Whether the terminal was answered.
    answered: bool,
}

impl Visit {
    pub(super) fn begin(
        view: &Rc<View>,
        tray: &Arc<Tray>,
        identity: Identity,
        peer: &Peer,
        at: Timestamp,
    ) -> Rc<Self> {
        let own_id = identity.named.then(|| identity.request_id.to_str().ok());
        let names = Arc::clone(&view.names);
        let listener = narrow(peer.listener);
        let event = ScanEvent::of(names, at, own_id.flatten(), identity.trace, listener);
        Rc::new(Self {
            standings: Standings::default(),
            view: Rc::clone(view),
            tray: Arc::clone(tray),
            at,
            began: Instant::now(),
            notes: RefCell::new(Notes {
                event: Some(event),
                last: Duration::ZERO,
                answered: false,
            }),
            identity,
        })
    }

    /// Counts what passed since the last lap to a stage.
    pub(super) fn lap(&self, stage: Stage) {
        self.count(stage);
    }

    /// The same where others were waited for.
    pub(super) fn waited(&self, stage: Stage) {
        let waited = self.count(stage);
        self.note(|event| event.laps.waited += waited);
    }

    fn count(&self, stage: Stage) -> Duration {
        let now = self.began.elapsed();
        let mut notes = self.notes.borrow_mut();
        let from = mem::replace(&mut notes.last, now);
        if let Some(event) = &mut notes.event {
            event.laps.add(stage, from, now);
        }
        now.saturating_sub(from)
    }

    /// The end of the last lap: there is no later time that anybody has read.
    pub(super) fn now(&self) -> Instant {
        self.began + self.notes.borrow().last
    }

    /// Adds to what is known.
    pub(super) fn note(&self, note: impl FnOnce(&mut ScanEvent)) {
        if let Some(event) = &mut self.notes.borrow_mut().event {
            note(event);
        }
    }

    /// Notes how a request was put.
    pub(super) fn asked(&self, parts: &Parts, peer: &Peer) {
        let path = parts.uri.path();
        let page = match path {
            _ if path.starts_with("/l/") => Some("/l/{name}"),
            _ if path.starts_with(OUTCOMES) => Some("/v1/outcomes/{key}"),
            _ => None,
        };
        self.note(|event| {
            event.asked = Asked {
                method: method(&parts.method),
                version: version(parts.version),
                tls: peer.tls,
                page,
            };
        });
    }

    /// Notes who has proven to send a request.
    pub(super) fn proven(&self, proven: Option<Proven<'_>>) {
        self.note(|event| {
            event.proof = proven.map(|proven| proven.by());
            event.terminal = proven.map(|proven| proven.name().into());
        });
    }

    /// Notes in which shape a request came, from which terminal, in which scene.
    pub(super) fn read(&self, exchange: &Exchange<'_>, scene: Option<&Scene>) {
        let gateway = &exchange.site.gateway;
        if self.identity.named {
            // Before anything can be refused or recalled.
            let code = &exchange.extracted.code;
            self.hide(code);
            self.hide(&scan::clean(code, Cleaning::Scanner).text);
        }
        let caller = exchange.caller.name();
        let terminal = caller.filter(|name| !name.is_empty()).map(|name| {
            if gateway.knows_terminal(name) {
                name.into()
            } else {
                let mut stranger = CompactString::const_new("~");
                stranger.push_str(&self.pseudonym("terminal", name).short());
                stranger
            }
        });
        let names = &self.view.names;
        let mut adapters = names.adapters.iter();
        let adapter = adapters.position(|name| **name == *exchange.adapter.name);
        self.note(|event| {
            event.adapter = adapter.map(narrow);
            event.medium = Some(exchange.medium.name());
            event.terminal = terminal;
            event.scene = scene.map(|scene| narrow(scene.index));
        });
    }

    /// Notes what was scanned, as far as it may be told.
    pub(super) fn scanned(&self, scan: &Scan<'_>, rejection: &Rejection<'_>) {
        let text = &*scan.text.text;
        self.hide(text);
        let subject = self.pseudonym("text", text);
        let shown = rejection.family.map(|family| family.mask.show(text));
        self.note(|event| {
            event.subject = Some(subject);
            event.shown = shown;
            event.artefacts = scan.text.artefacts;
            event.family = rejection.family.map(|family| narrow(family.index));
            event.rival = rejection.rival.map(|family| narrow(family.index));
            let issuer = rejection.issuer.and_then(|it| event.names.issuer(&it.id));
            event.issuer = issuer.or(event.issuer);
        });
    }

    /// Notes a decision.
    pub(super) fn decided(&self, scan: &Scan<'_>, decision: &Decision<'_>) {
        let code = decision.verified.code();
        let kind = code.family.kind;
        self.hide(code.text);
        for account in code.accounts.kinds().filter_map(|it| code.accounts.of(it)) {
            self.hide(account);
        }
        let subject = match code.accounts.of(kind) {
            Some(account) => self.pseudonym(kind.name(), account),
            None => self.pseudonym("text", code.text),
        };
        let shown = code.family.mask.show(code.text);
        self.note(|event| {
            event.subject = Some(subject);
            event.shown = Some(shown);
            event.artefacts = scan.text.artefacts;
            event.family = Some(narrow(code.family.index));
            event.rival = decision.rival.map(|family| narrow(family.index));
            event.route = Some(narrow(decision.route.index));
            event.assurance = Some(decision.verified.assurance().name());
            event.relation = Some(decision.relation.name());
            let issuer = decision.verified.issuer();
            event.issuer = issuer.and_then(|issuer| event.names.issuer(&issuer.id));
        });
    }

    /// Has the audit trail hold it before anything is sent, where its scene asks for that.
    pub(super) async fn audit(&self, care: Care) -> Result<(), Reason> {
        if care.audit == Audited::BestEffort {
            return Ok(());
        }
        let record = self
            .notes
            .borrow()
            .event
            .as_ref()
            .map(|event| Record::of(event, Class::Decision));
        let written = match (&self.view.site.shared.audit, record) {
            (Some(audit), Some(record)) => audit.commit(record).await,
            _ => Err(Unwritten::Away),
        };
        self.lap(Stage::Guard);
        written.map_err(|_| Reason::AuditUnavailable)?;
        self.note(|event| event.audited = true);
        Ok(())
    }

    /// Notes that from now on the department may have been asked.
    pub(super) fn sending(&self) {
        self.note(|event| event.sent = Sent::Unknown);
    }

    /// Notes that no department was asked after all.
    pub(super) fn nothing_sent(&self) {
        self.note(|event| event.sent = Sent::No);
    }

    /// Notes what came of asking the department.
    pub(super) fn sent<B>(&self, sent: &Result<Response<B>, SendError>) {
        match sent {
            Ok(response) => self.note(|event| {
                event.sent = Sent::Once;
                event.upstream_status = Some(response.status().as_u16());
            }),
            Err(SendError::Busy | SendError::Unreachable | SendError::Withheld) => {
                self.nothing_sent();
            }
            Err(SendError::Invalid | SendError::OutcomeUnknown { .. }) => {}
        }
    }

    /// Notes why there is no answer, whether the terminal is still there to hear it or not.
    pub(super) fn failed(&self, reason: Reason) {
        self.note(|event| event.reason = Some(reason));
    }

    /// The request's id and its terminal, as they may be shown.
    pub(super) fn shown_as(&self) -> (CompactString, CompactString) {
        let notes = self.notes.borrow();
        let shown = notes.event.as_ref().map(|event| {
            let terminal = event.terminal.clone().unwrap_or_default();
            (event.request_id().into(), terminal)
        });
        shown.unwrap_or_default()
    }

    /// Notes what the terminal is answered.
    pub(super) fn answered<B>(&self, response: &Response<B>, refusal: Option<&Refusal>) {
        let total = self.began.elapsed();
        self.note(|event| {
            event.laps.total = total;
            event.status = response.status().as_u16();
            event.reason = refusal.map(|refusal| refusal.reason);
            event.outcome = match (refusal, event.adapter) {
                (Some(_), _) => Outcome::Rejection,
                (None, Some(_)) => Outcome::Decision,
                (None, None) => Outcome::Served,
            };
        });
        self.notes.borrow_mut().answered = true;
    }

    /// A client names its requests as it likes; one that holds what nobody may see is not told of by
    /// that name.
    fn hide(&self, secret: &str) {
        if !self.identity.named || secret.is_empty() {
            return;
        }
        self.note(|event| {
            let own = event.own_id.as_deref();
            if own.is_some_and(|own| own.contains(secret)) {
                event.own_id = None;
            }
        });
    }

    fn pseudonym(&self, sort: &str, thing: &str) -> Pseudonym {
        self.view.pseudonyms.borrow_mut().of(sort, thing, self.at)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let notes = self.notes.get_mut();
        if let Some(event) = &mut notes.event {
            if !notes.answered {
                event.laps.total = self.began.elapsed();
                event.outcome = match (event.reason, event.route) {
                    (Some(_), _) => Outcome::Rejection,
                    (None, Some(_)) => Outcome::Decision,
                    (None, None) => Outcome::Served,
                };
            }
            self.view.site.account(event);
        }
        if let Some(event) = notes.event.take() {
            self.tray.lay(event);
        }
    }
}

/// A place in a list of the configuration; there are never so many.
pub(super) fn narrow(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}

/// A method by a word of ours: a stranger may have made one up.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::CONNECT => "CONNECT",
        Method::DELETE => "DELETE",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::TRACE => "TRACE",
        _ => "",
    }
}

/// A version as it is written without `HTTP/`.
const fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_2 => "2",
        _ => "1.1",
    }
}
