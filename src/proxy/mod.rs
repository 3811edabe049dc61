//! From a request to a scan, from a decision to an answer.
//!
//! One readable function, [`Proxy::handle`], is the whole way: the request is held against HTTP's
//! rules, read to its end, its scan decided, and the decision carried out. A department is asked
//! once; what may have reached it is never sent again.

pub mod body;
mod consult;
pub mod exchange;
pub mod extract;
pub mod forward;
pub mod guard;
pub mod headers;
pub mod identity;
mod ink;
pub mod introspect;
pub mod landing;
pub mod limits;
pub mod picture;
pub mod pictures;
mod proof;
pub mod respond;
pub mod site;
pub mod verifiers;
mod visit;
mod watch;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, Version};

use self::exchange::Exchange;
use self::guard::{Keyed, OUTCOMES};
use self::headers::Announcements;
use self::identity::Names;
use self::ink::Ink;
use self::proof::Gate;
pub use self::proof::Vouching;
use self::respond::{REQUEST_ID, Refusal};
pub use self::site::{Entrance, Fronts, Shared, Site, SiteConfig};
use self::visit::Visit;
use crate::gateway::{Decision, Rejection};
use crate::identity::Heard;
use crate::metrics::{Counted, What};
use crate::reason::{Reason, Stage};
use crate::route::Action;
use crate::server::{Handler, Peer, RequestBody, Undertakings, WorkerContext, is_authority};
use crate::telemetry::{EventNames, Pseudonyms, ScanEvent, Sent, Tray};
use crate::tick::Timer;
use crate::time::Timestamp;
use crate::trust::Keys;
use crate::upstream::{ResponseBody, Upstreams};

/// One worker's proxy.
#[derive(Debug)]
pub struct Proxy {
    sites: Arc<ArcSwap<Site>>,
    view: RefCell<Rc<View>>,
    keys: RefCell<Rc<KeysInForce>>,
    names: Names,
    ink: Ink,
    announcements: Announcements,
    timer: Timer,
    clock: fn() -> Timestamp,
    /// Where it is laid what there is to tell of scans.
    tray: Arc<Tray>,
    /// What is still to be done when the connections have ended.
    undertakings: Undertakings,
}

/// The configuration in force, and this worker's connections to its departments.
#[derive(Debug)]
struct View {
    site: Arc<Site>,
    /// Shared with what outlives a scan: a question to a platform is waited for by others, too.
    upstreams: Rc<Upstreams>,
    /// This worker's copy, so that its count of references is nobody else's.
    names: Arc<EventNames>,
    pseudonyms: RefCell<Pseudonyms>,
}

/// The keys in force, as one worker holds them.
#[derive(Debug)]
struct KeysInForce(Arc<Keys>);

impl View {
    fn new(site: Arc<Site>, timer: &Timer) -> Self {
        Self {
            upstreams: Rc::new(Upstreams::of(&site.upstreams, timer)),
            names: Arc::new(site.names.clone()),
            pseudonyms: RefCell::new(site.pseudonyms.clone()),
            site,
        }
    }
}

impl Handler for Proxy {
    async fn handle(&self, request: Request<RequestBody>, peer: &Peer) -> Response<ResponseBody> {
        let view = self.view();
        let identity = self.names.identify(request.headers());
        let visit = Visit::begin(&view, &self.tray, identity, peer, (self.clock)());
        let request_id = &visit.identity.request_id;
        let mut response = match self.answer(&view, request, peer, &visit).await {
            Ok(response) => {
                visit.answered(&response, None);
                response
            }
            Err(refusal) => {
                let response = refusal.response(request_id);
                visit.answered(&response, Some(&refusal));
                response
            }
        };
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, request_id.clone());
        visit.standings.tell(headers, &self.ink);
        response
    }
}

impl Proxy {
    /// A worker's proxy; `seed` must be random and its own.
    pub fn new(
        sites: Arc<ArcSwap<Site>>,
        context: &WorkerContext,
        seed: u64,
        clock: fn() -> Timestamp,
    ) -> Self {
        let view = View::new(sites.load_full(), &context.timer);
        let telemetry = &view.site.shared.telemetry;
        Self {
            tray: telemetry.trays.add(),
            names: Names::new(seed, telemetry.sampling),
            ink: Ink::default(),
            sites,
            keys: RefCell::new(Rc::new(KeysInForce(view.site.keys.load_full()))),
            view: RefCell::new(Rc::new(view)),
            announcements: Announcements::default(),
            timer: context.timer.clone(),
            clock,
            undertakings: context.undertakings.clone(),
        }
    }

    /// The configuration in force; after a reload the connections to departments begin anew. Its
    /// count of references is this worker's own.
    fn view(&self) -> Rc<View> {
        let site = self.sites.load();
        let mut view = self.view.borrow_mut();
        if !Arc::ptr_eq(&view.site, &site) {
            *view = Rc::new(View::new(Arc::clone(&site), &self.timer));
        }
        Rc::clone(&view)
    }

    /// The keys in force, counted like the view.
    fn keys(&self, site: &Site) -> Rc<KeysInForce> {
        let newest = site.keys.load();
        let mut keys = self.keys.borrow_mut();
        if !Arc::ptr_eq(&keys.0, &newest) {
            *keys = Rc::new(KeysInForce(Arc::clone(&newest)));
        }
        Rc::clone(&keys)
    }

    async fn answer(
        &self,
        view: &Rc<View>,
        request: Request<RequestBody>,
        peer: &Peer,
        visit: &Rc<Visit>,
    ) -> Result<Response<ResponseBody>, Refusal> {
        let site = &*view.site;
        let entrance = site.entrances.get(peer.listener).ok_or(Reason::Internal)?;
        let (parts, body) = request.into_parts();
        visit.asked(&parts, peer);
        hold_to_http(&parts)?;
        let (_flight, body) = limits::enter(site, entrance, peer, (&parts, body), visit).await?;
        if let Some(name) = parts.uri.path().strip_prefix("/l/") {
            return site.landing(name, &parts);
        }
        let gate = Gate {
            site,
            entrance,
            peer,
        };
        let (heard, body) = gate.hear((&parts, body), (self.clock)()).await?;
        if let Some(key) = parts.uri.path().strip_prefix(OUTCOMES) {
            // Nobody reads what goes with such a request: it says nothing.
            let proven = gate.settle(heard, (&parts, &[]), (self.clock)())?;
            visit.proven(proven);
            return Box::pin(self.outcome(site, key, (&parts, proven))).await;
        }
        self.scan(view, gate, visit, (parts, body, heard)).await
    }

    /// Reads a scan, finds out whether it was made before, and has it decided and carried out.
    async fn scan(
        &self,
        view: &Rc<View>,
        gate: Gate<'_>,
        visit: &Rc<Visit>,
        (parts, body, heard): (Parts, RequestBody, Heard<'_>),
    ) -> Result<Response<ResponseBody>, Refusal> {
        let Gate {
            site,
            entrance,
            peer,
        } = gate;
        let adapter = site.adapter(&parts)?;
        let bounds = site.bounds(adapter, entrance, &parts);
        let shared = &site.shared;
        let (body, _share) =
            body::read(body, &parts.headers, bounds, &shared.held, &self.timer).await?;
        visit.waited(Stage::Ingress);
        let proven = gate.settle(heard, (&parts, &body), (self.clock)())?;
        visit.proven(proven);
        let said = exchange::head(&parts);
        let (medium, extracted) = exchange::extract((site, adapter), &said, &body).await?;
        visit.lap(Stage::Ingress);
        let claimed = extracted.terminal.clone();
        let terminals = site.gateway.terminals();
        let caller = terminals.caller(proven, claimed.as_deref())?;
        let exchange = Exchange {
            parts: &parts,
            body: &body,
            medium,
            extracted,
            caller,
            adapter,
            entrance,
            peer,
            site,
            visit,
            announcements: &self.announcements,
        };
        limits::terminal(&exchange)?;
        let scene = exchange.scene();
        visit.read(&exchange, scene);
        let keyed = Keyed::of(&exchange, scene)?;
        // Boxed, as few requests come twice.
        if let Some(keyed) = keyed
            && let Some(response) = Box::pin(self.recall(&exchange, keyed, scene)).await?
        {
            return Ok(response);
        }
        let act = self.decide(view, &exchange, keyed).await?;
        visit.lap(Stage::Forward);
        self.perform(view, act, visit).await
    }
}

/// A body is read as it is: nothing here undoes a coding, and its bytes are not a scan's.
fn hold_to_coding(parts: &Parts) -> Result<(), Refusal> {
    let only = |name: HeaderName, allowed: &str| {
        let mut values = parts.headers.get_all(name).iter();
        values.all(|value| value.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
    };
    if !only(header::TRANSFER_ENCODING, "chunked") {
        let detail = "found a transfer coding that is not read here, expected chunked alone";
        return Err(Refusal::because(Reason::MalformedRequest, detail));
    }
    if !only(header::CONTENT_ENCODING, "identity") {
        let detail = "found a compressed body, expected a plain one";
        return Err(Refusal::because(Reason::UnsupportedMediaType, detail));
    }
    Ok(())
}

/// What hyper lets pass and a gateway must not (RFC 9112).
fn hold_to_http(parts: &Parts) -> Result<(), Refusal> {
    let malformed = |detail: &str| Err(Refusal::because(Reason::MalformedRequest, detail));
    hold_to_coding(parts)?;
    if parts.method == Method::CONNECT || parts.headers.contains_key(header::UPGRADE) {
        return malformed("found an upgrade, expected a plain request");
    }
    // RFC 9110, section 10.1.1: there is one expectation, and nobody meets another.
    let mut expectations = parts.headers.get_all(header::EXPECT).iter();
    if !expectations.all(|it| it.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return malformed("found an odd Expect, expected 100-continue");
    }
    hold_to_authority(parts)
}

/// HTTP/1 is held to its Host before it comes here. HTTP/2 is here: RFC 9113, section 8.3.1, "a server
/// SHOULD treat a request as malformed if it contains a Host header field that identifies an entity that
/// differs from the entity in the :authority pseudo-header field".
fn hold_to_authority(parts: &Parts) -> Result<(), Refusal> {
    let malformed = |detail: &str| Err(Refusal::because(Reason::MalformedRequest, detail));
    let scheme = parts.uri.scheme_str();
    if parts.version == Version::HTTP_2 && !matches!(scheme, Some("http" | "https")) {
        return malformed("found an odd scheme, expected https");
    }
    let target = parts.uri.authority().map(|it| it.as_str().as_bytes());
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let (host, another) = (hosts.next().map(HeaderValue::as_bytes), hosts.next());
    if another.is_some() {
        return malformed("found several Hosts, expected one");
    }
    if !target.into_iter().chain(host).all(is_authority) {
        return malformed("found an odd Host or authority, expected a name or an address");
    }
    match (target, host) {
        (Some(target), Some(host)) if !target.eq_ignore_ascii_case(host) => {
            malformed("found a target and a Host that differ, expected one authority")
        }
        (None, None) if parts.version != Version::HTTP_10 => {
            malformed("found no Host, expected one")
        }
        _ => Ok(()),
    }
}

impl Site {
    /// Counts what became of a request.
    fn account(&self, event: &ScanEvent) {
        let (handles, laps) = (&self.handles, &event.laps);
        let route = event.route.map(usize::from);
        let what = match (event.reason, event.repeated, route) {
            (Some(reason), ..) => What::Refused(reason),
            (None, true, _) => What::Repeated,
            (None, false, Some(route)) => What::Decided { route },
            (None, false, None) => return,
        };
        handles.scan(Counted {
            family: event.family.map(usize::from),
            issuer: event.issuer().and_then(|id| handles.issuer(id)),
            what,
        });
        for (stage, lap) in laps.iter() {
            handles.stage(stage, lap.spent);
        }
        let trace = event.trace.trace.to_be_bytes();
        let exemplar = event.trace.sampled.then_some((&trace, event.at));
        handles.took(route, laps.total, laps.overhead(), exemplar);
        if let Some(signature) = event.verification {
            let took = laps.spent(Stage::Trust);
            handles.verified(signature.algorithm, signature.holds, took);
        }
        if event.sent != Sent::No
            && let Some(Action::Forward(forward)) =
                route.and_then(|at| Some(&self.gateway.routes().get(at)?.action))
        {
            handles.upstream_took(forward.upstream, laps.spent(Stage::Forward));
        }
    }

    fn count(&self, decision: &Decision<'_>) {
        if decision.rival.is_some() {
            self.handles
                .ambiguous(decision.verified.code().family.index);
        }
    }

    fn refuse(&self, rejection: &Rejection<'_>) -> Refusal {
        if let (Some(_), Some(family)) = (rejection.rival, rejection.family) {
            self.handles.ambiguous(family.index);
        }
        Refusal {
            family: rejection.family.map(|family| family.id.clone()),
            issuer: rejection.issuer.map(|issuer| issuer.id.clone()),
            ..Refusal::from(rejection.reason)
        }
    }
}
