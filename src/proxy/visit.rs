//! One request from its head to its end, and what there is to tell of it then.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{Method, Response, Version};

use super::View;
use super::exchange::Exchange;
use super::guard::OUTCOMES;
use super::identity::Identity;
use super::limits::Standings;
use super::respond::Refusal;
use crate::audit::{Class, Record, Unwritten};
use crate::classify::{Tried, Witness};
use crate::family::region::Relation;
use crate::family::{Code, Family, Match, Region};
use crate::gateway::{Decision, Recorder, Rejection};
use crate::policy::{Audited, Care, Place, Scene};
use crate::reason::{Reason, Stage};
use crate::route::Route;
use crate::scan::Scan;
use crate::server::Peer;
use crate::telemetry::{Asked, Laps, Outcome, ScanEvent, Sent, Tray, Verification};
use crate::time::Timestamp;
use crate::trust::{Depth, Findings, Untrusted, Verified};

/// What goes with a request from its head to the last that is done about it. It is told of when the
/// last who holds it lets go: a request whose terminal hung up may still be at its department.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) identity: Identity,
    pub(super) standings: Standings,
    view: Rc<View>,
    tray: Arc<Tray>,
    began: Instant,
    notes: RefCell<Notes>,
}

/// What is known so far.
#[derive(Debug)]
struct Notes {
    /// Nobody else has it before it is told.
    event: Arc<ScanEvent>,
    laps: Laps,
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
        let request_id = identity.request_id.to_str().unwrap_or_default();
        let names = Arc::clone(&view.names);
        let listener = narrow(peer.listener);
        let event = ScanEvent::of(names, at, request_id, identity.trace, listener);
        Rc::new(Self {
            standings: Standings::default(),
            view: Rc::clone(view),
            tray: Arc::clone(tray),
            began: Instant::now(),
            notes: RefCell::new(Notes {
                event: Arc::new(event),
                laps: Laps::default(),
                last: Duration::ZERO,
                answered: false,
            }),
            identity,
        })
    }

    /// Counts what passed since the last lap to a stage.
    pub(super) fn lap(&self, stage: Stage) {
        let now = self.began.elapsed();
        let mut notes = self.notes.borrow_mut();
        let from = notes.last;
        notes.laps.add(stage, from, now);
        notes.last = now;
    }

    /// The same where others were waited for.
    pub(super) fn waited(&self, stage: Stage) {
        let now = self.began.elapsed();
        let mut notes = self.notes.borrow_mut();
        let from = notes.last;
        notes.laps.add(stage, from, now);
        notes.laps.waited += now.saturating_sub(from);
        notes.last = now;
    }

    /// Adds to what is known.
    pub(super) fn note(&self, note: impl FnOnce(&mut ScanEvent)) {
        if let Some(event) = Arc::get_mut(&mut self.notes.borrow_mut().event) {
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

    /// Notes in which shape a request came, from which terminal, in which scene.
    pub(super) fn read(&self, exchange: &Exchange<'_>, scene: Option<&Scene>) {
        let gateway = &exchange.site.gateway;
        let claimed = exchange.extracted.terminal.as_deref();
        let terminal = claimed.filter(|name| !name.is_empty()).map(|name| {
            if gateway.knows_terminal(name) {
                name.into()
            } else {
                let pseudonym = self.pseudonym("terminal", name);
                format!("~{}", pseudonym.short()).into()
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
        let shown = rejection.family.map(|family| family.mask.show(text).into());
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
        let subject = match code.accounts.of(kind) {
            Some(account) => {
                self.hide(account);
                self.pseudonym(kind.name(), account)
            }
            None => self.pseudonym("text", code.text),
        };
        let shown = code.family.mask.show(code.text).into();
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
        let record = Record::of(&self.notes.borrow().event, Class::Decision);
        let written = match &self.view.site.shared.audit {
            Some(audit) => audit.commit(record).await,
            None => Err(Unwritten::Away),
        };
        self.lap(Stage::Guard);
        written.map_err(|_| Reason::AuditUnavailable)?;
        self.note(|event| event.audited = true);
        Ok(())
    }

    /// Notes that the department answered.
    pub(super) fn delivered<B>(&self, response: &Response<B>) {
        self.note(|event| {
            event.sent = Sent::Once;
            event.upstream_status = Some(response.status().as_u16());
        });
    }

    /// Notes what the terminal is answered.
    pub(super) fn answered<B>(&self, response: &Response<B>, refusal: Option<&Refusal>) {
        let total = self.began.elapsed();
        let mut notes = self.notes.borrow_mut();
        notes.laps.total = total;
        let Some(event) = Arc::get_mut(&mut notes.event) else {
            return;
        };
        event.status = response.status().as_u16();
        event.reason = refusal.map(|refusal| refusal.reason);
        event.outcome = match (refusal, event.adapter) {
            (Some(_), _) => Outcome::Rejection,
            (None, Some(_)) => Outcome::Decision,
            (None, None) => Outcome::Served,
        };
        if event.reason == Some(Reason::OutcomeUnknown) {
            event.sent = Sent::Unknown;
        }
        notes.answered = true;
    }

    /// A client names its requests as it likes; one that holds what nobody may see is not told of by
    /// that name.
    fn hide(&self, secret: &str) {
        if !self.identity.named {
            return;
        }
        self.note(|event| {
            if memchr::memmem::find(event.request_id.as_bytes(), secret.as_bytes()).is_some() {
                event.request_id = event.trace.trace_id().into();
            }
        });
    }

    fn pseudonym(&self, sort: &str, thing: &str) -> crate::telemetry::Pseudonym {
        let now = self.notes.borrow().event.at;
        self.view.pseudonyms.borrow_mut().of(sort, thing, now)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let total = self.began.elapsed();
        let notes = self.notes.get_mut();
        if !notes.answered {
            notes.laps.total = total;
        }
        if let Some(event) = Arc::get_mut(&mut notes.event) {
            event.laps = notes.laps;
        }
        self.view.site.account(&notes.event);
        self.tray.lay(Arc::clone(&notes.event));
    }
}

/// Notes what a decision looks at, and when.
#[derive(Debug)]
pub(super) struct Watch<'v> {
    visit: &'v Visit,
    considered: bool,
}

impl<'v> Watch<'v> {
    pub(super) const fn over(visit: &'v Visit) -> Self {
        Self {
            visit,
            considered: false,
        }
    }
}

impl<'a> Witness<'a> for Watch<'_> {
    fn tried(&mut self, _: &'a Family, _: &Match<'a>, _: Tried) {}
}

impl<'a> Recorder<'a> for Watch<'_> {
    const DEPTH: Depth = Depth::FirstRefusal;

    fn classified(&mut self, code: &Code<'a>) {
        self.visit.lap(Stage::Classify);
        self.visit.note(|event| {
            event.freshness = Some(code.freshness.name());
            event.made = code.issued_at;
        });
    }

    fn verified(&mut self, findings: &Findings<'a>, _: Result<&Verified<'a>, &Untrusted>) {
        self.visit.lap(Stage::Trust);
        let algorithm = findings.key.map(|key| key.algorithm);
        let signature = algorithm.zip(findings.signature);
        self.visit.note(|event| {
            event.issuer = findings
                .issuer
                .and_then(|issuer| event.names.issuer(&issuer.id));
            event.verification = signature.map(|(algorithm, verdict)| Verification {
                algorithm,
                holds: verdict.is_ok(),
            });
        });
    }

    fn placed(&mut self, scene: Option<&'a Scene>, place: &Place<'a>, _: Relation) {
        self.visit.note(|event| {
            event.scene = scene.map(|scene| narrow(scene.index));
            if place.registered {
                event.organisation = place.organisation.map(Into::into);
                event.region = place.region.map(Region::number);
            }
        });
    }

    fn considered(&mut self, _: &'a Route, unmet: Option<&'static str>) {
        if !self.considered {
            self.visit.lap(Stage::Policy);
            self.considered = true;
        }
        if unmet.is_none() {
            self.visit.lap(Stage::Route);
        }
    }
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

/// A place in a list of the configuration; there are never so many.
fn narrow(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}
