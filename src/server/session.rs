//! What is known about one connection, shared by its bytes, its task and the requests on it.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, header};

use super::{
    framing::HeadLines,
    undertakings::{Undertaking, Undertakings},
};
use crate::tick::{Alarm, Timer};
use crate::tls::ClientCertificate;

/// The one at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where the connection comes from; behind a load balancer, that one.
    pub address: SocketAddr,
    /// Whether the bytes came through TLS.
    pub tls: bool,
    /// Which of the configured listeners accepted it.
    pub listener: usize,
    /// What it showed who it is, verified by the listener's authority.
    pub certificate: Option<Rc<ClientCertificate>>,
    session: Option<Rc<Session>>,
}

/// How a request announced the length of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// In chunks, and in no other way: seen with our own eyes.
    Chunked,
    /// In two ways at once, which two readers may understand differently: to be refused.
    Conflicting,
    /// With `Content-Length`, as HTTP/2 does, or not at all.
    Plain,
    /// In chunks, but nobody looked at the bytes: to be refused.
    Unattested,
}

impl Peer {
    /// A peer without a connection, whose chunked requests nobody attests; for tests.
    pub fn new(address: SocketAddr, tls: bool, listener: usize) -> Self {
        Self {
            address,
            tls,
            listener,
            certificate: None,
            session: None,
        }
    }

    pub(super) fn attach(&mut self, session: Rc<Session>) {
        self.session = Some(session);
    }

    /// How the request with these headers, received from this peer, announced its body.
    ///
    /// A conflict anywhere on the connection taints its later chunked requests too.
    pub fn framing(&self, headers: &HeaderMap) -> Framing {
        if !headers.contains_key(header::TRANSFER_ENCODING) {
            return Framing::Plain;
        }
        match self.session.as_ref().and_then(|session| session.conflict()) {
            Some(true) => Framing::Conflicting,
            Some(false) => Framing::Chunked,
            None => Framing::Unattested,
        }
    }
}

/// How long a connection may take, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From a head's first byte to its end; also for the TLS handshake and the first byte.
    pub header: Duration,
    /// Between two requests, and for a client that does not take its answer.
    pub idle: Duration,
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing of the next request is here.
    Waiting,
    /// Some of a head is here.
    Head,
    /// At least one request is with the handler, or its answer on the way.
    Serving,
}

/// What a connection speaks, as far as it matters to its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// One request after the other, in text.
    Http1,
    /// Many at a time, framed.
    Http2,
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Session {
    protocol: Protocol,
    patience: Patience,
    /// [`Patience::idle`] between two requests, shorter while the worker drains.
    idle: Cell<Duration>,
    /// The worker's connections with requests under way.
    busy: Undertakings,
    under_way: RefCell<Option<Undertaking>>,
    alarm: Alarm,
    phase: Cell<Phase>,
    serving: Cell<usize>,
    stalled: Cell<bool>,
    ended: Cell<bool>,
    broke_off: Cell<bool>,
    lines: RefCell<HeadLines>,
}

impl Session {
    pub(super) fn new(
        protocol: Protocol,
        patience: Patience,
        timer: &Timer,
        busy: &Undertakings,
    ) -> Self {
        let alarm = timer.alarm();
        alarm.set(patience.header);
        Self {
            protocol,
            patience,
            idle: Cell::new(patience.idle),
            busy: busy.clone(),
            under_way: RefCell::default(),
            alarm,
            phase: Cell::new(Phase::Waiting),
            serving: Cell::new(0),
            stalled: Cell::new(false),
            ended: Cell::new(false),
            broke_off: Cell::new(false),
            lines: RefCell::default(),
        }
    }

    /// Bytes came in; none means that no more will.
    pub(super) fn received(&self, bytes: &[u8]) {
        self.ended.set(bytes.is_empty());
        if self.protocol == Protocol::Http2 || bytes.is_empty() {
            return;
        }
        self.lines.borrow_mut().observe(bytes);
        if self.phase.get() == Phase::Waiting {
            self.phase.set(Phase::Head);
            self.alarm.set(self.patience.header);
        }
    }

    /// Whether the client took what was written; `false` when it must wait for room.
    pub(super) fn written(&self, progress: bool) {
        let stalled = !progress;
        if self.stalled.replace(stalled) == stalled {
            return;
        }
        if stalled {
            self.alarm.set(self.patience.idle);
        } else if self.phase.get() == Phase::Serving {
            self.alarm.clear();
        } else {
            self.alarm.set(self.idle.get());
        }
    }

    /// A request's head is complete.
    pub(super) fn begin(self: &Rc<Self>) -> Turn {
        if self.serving.replace(self.serving.get() + 1) == 0 {
            *self.under_way.borrow_mut() = Some(self.busy.begin());
        }
        self.phase.set(Phase::Serving);
        self.alarm.clear();
        Turn(Rc::clone(self))
    }

    /// From now on nobody is waited for longer than that between two requests.
    pub(super) fn hasten(&self, idle: Duration) {
        self.idle.set(self.idle.get().min(idle));
        if self.idle() {
            self.alarm.set(self.idle.get());
        }
    }

    /// Gives the connection that long to end by itself.
    pub(super) fn grace(&self, time: Duration) {
        self.alarm.set(time);
    }

    pub(super) fn poll_late(&self, cx: &Context<'_>) -> Poll<()> {
        self.alarm.poll(cx)
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Whether nobody owes anybody anything.
    pub(super) fn idle(&self) -> bool {
        self.phase.get() == Phase::Waiting && !self.stalled.get()
    }

    /// Whether the client has closed its side, or the connection broke.
    pub(super) fn ended(&self) -> bool {
        self.ended.get()
    }

    /// Whether an answer ended before it was whole.
    pub(super) fn broke_off(&self) -> bool {
        self.broke_off.get()
    }

    fn conflict(&self) -> Option<bool> {
        (self.protocol == Protocol::Http1).then(|| self.lines.borrow().conflict())
    }
}

/// One request's stay, from its head until its answer's body is dropped.
#[derive(Debug)]
pub(super) struct Turn(Rc<Session>);

impl Turn {
    /// The answer's body cannot be sent to its end.
    pub(super) fn break_off(&self) {
        self.0.broke_off.set(true);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let left = self.0.serving.get().saturating_sub(1);
        self.0.serving.set(left);
        if left == 0 {
            drop(self.0.under_way.take());
            self.0.phase.set(Phase::Waiting);
            self.0.alarm.set(self.0.idle.get());
        }
    }
}
