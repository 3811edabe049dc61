//! What is known about one connection, shared by its bytes, its task and the requests on it.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use slab::Slab;
use tokio::time::Instant;

use super::{
    strict::Fault,
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
}

impl Peer {
    /// A peer who showed nothing.
    pub fn new(address: SocketAddr, tls: bool, listener: usize) -> Self {
        Self {
            address,
            tls,
            listener,
            certificate: None,
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
    fault: Cell<Option<Fault>>,
    timer: Timer,
    /// Of every HTTP/2 answer under way, since when its client could have taken more of it; none while
    /// its department is waited for.
    answers: RefCell<Slab<Option<Instant>>>,
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
            fault: Cell::new(None),
            timer: timer.clone(),
            answers: RefCell::default(),
        }
    }

    pub(super) const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The time of the last tick.
    pub(super) fn now(&self) -> Instant {
        self.timer.now()
    }

    /// Something of a message is here, or more of it.
    pub(super) fn received(&self) {
        if self.phase.get() == Phase::Waiting {
            self.phase.set(Phase::Head);
            if !self.stalled.get() {
                self.alarm.set(self.patience.header);
            }
        }
    }

    /// No more bytes will come.
    pub(super) fn ended_by_client(&self) {
        self.ended.set(true);
    }

    /// What stands in the place of the next head breaks this rule.
    pub(super) fn refuse(&self, fault: Fault) {
        self.fault.set(Some(fault));
    }

    /// Why the next head was refused, if it was.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault.get()
    }

    /// Whether the client took what was written; `false` when it must wait for room.
    pub(super) fn written(&self, progress: bool) {
        let stalled = !progress;
        if self.stalled.replace(stalled) == stalled {
            return;
        }
        if stalled {
            self.alarm.set(self.patience.idle);
        } else {
            match self.phase.get() {
                Phase::Serving => self.watch_answers(Duration::ZERO),
                Phase::Waiting => self.alarm.set(self.idle.get()),
                // A head's time is the head's, whatever is read beside it.
                Phase::Head => self.alarm.set(self.patience.header),
            }
        }
    }

    /// Whether the client does not take what it is answered.
    pub(super) fn stalled(&self) -> bool {
        self.stalled.get()
    }

    /// A request's head is complete.
    pub(super) fn begin(self: &Rc<Self>) -> Turn {
        if self.serving.replace(self.serving.get() + 1) == 0 {
            *self.under_way.borrow_mut() = Some(self.busy.begin());
            self.watch_answers(self.patience.idle);
        }
        self.phase.set(Phase::Serving);
        Turn {
            session: Rc::clone(self),
            answer: Cell::new(None),
        }
    }

    /// Over HTTP/1 an answer that is not taken stalls the connection. Over HTTP/2 its stream has a window
    /// of its own, and somebody has to look.
    fn watch_answers(&self, after: Duration) {
        match self.protocol {
            // Who does not take the answer before this one is still waited for, and no longer than that.
            Protocol::Http1 if self.stalled.get() => {}
            Protocol::Http1 => self.alarm.clear(),
            Protocol::Http2 => self.alarm.set(after),
        }
    }

    /// Whether a client could have taken more of an answer for as long as nobody is waited for.
    fn has_slow_reader(&self) -> bool {
        let long_ago = self.now().checked_sub(self.patience.idle);
        let mut since = self
            .answers
            .borrow()
            .iter()
            .filter_map(|(_, since)| *since)
            .min();
        since
            .take()
            .is_some_and(|since| long_ago.is_some_and(|long_ago| since <= long_ago))
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
        ready!(self.alarm.poll(cx));
        let serving = self.protocol == Protocol::Http2 && self.phase.get() == Phase::Serving;
        if !serving || self.stalled.get() || self.has_slow_reader() {
            return Poll::Ready(());
        }
        self.watch_answers(self.patience.idle / 2);
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
}

/// Who is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    /// Whoever is to take the answer.
    Client,
    /// Whoever gives it.
    Department,
}

/// One request's stay, from its head until its answer's body is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    session: Rc<Session>,
    /// The answer's place among those under way.
    answer: Cell<Option<usize>>,
}

impl Turn {
    /// The answer's body cannot be sent to its end. Over HTTP/2 its stream alone is reset.
    pub(super) fn break_off(&self) {
        let alone = self.session.protocol == Protocol::Http2;
        self.session.broke_off.set(!alone);
    }

    /// Notes who has to do something about the answer next.
    pub(super) fn is_up_to(&self, whom: Party) {
        if self.session.protocol == Protocol::Http1 {
            return;
        }
        let since = (whom == Party::Client).then(|| self.session.now());
        let mut answers = self.session.answers.borrow_mut();
        match self.answer.get().and_then(|key| answers.get_mut(key)) {
            Some(known) => *known = since,
            None => self.answer.set(Some(answers.insert(since))),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let session = &self.session;
        if let Some(key) = self.answer.get() {
            session.answers.borrow_mut().try_remove(key);
        }
        let left = session.serving.get().saturating_sub(1);
        session.serving.set(left);
        if left == 0 {
            drop(session.under_way.take());
            session.phase.set(Phase::Waiting);
            if !session.stalled.get() {
                session.alarm.set(session.idle.get());
            }
        }
    }
}
