//! One thread: its runtime, its listening sockets, its connections.

use std::{
    cell::Cell,
    future::poll_fn,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::pin,
    rc::Rc,
    sync::{Arc, atomic::AtomicUsize},
    task::Poll,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{mpsc, watch},
    task::spawn_local,
    time::{Instant, sleep},
};
use tokio_rustls::TlsAcceptor;

use super::{
    Handler, Patience, Peer, Refusals, Rules, Socket, Undertakings,
    connection::{IDLE_GRACE, serve},
    crowd::Crowd,
    date::Date,
    lane::Desks,
    proxied,
    pulse::{self, Question},
    seat::Seat,
    session::Protocol,
    stream::{Accepted, Listening, Stream},
};
use crate::metrics::{Door as Counts, Handshake, TurnedAway};
use crate::tick::{Elapsed, TICK, Timer};
use crate::time::Timestamp;
use crate::tls::{self, ClientCertificate, Front};

/// Out of descriptors or memory: accepting at once again would only burn the core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often the log says that nobody can be accepted, while that lasts.
const ACCEPT_COMPLAINT: Duration = Duration::from_secs(60);

/// Where those come from who have no address: over a Unix socket comes nobody but from this machine.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What a handler is built from, on the thread it will live on.
#[derive(Clone, Debug)]
pub struct WorkerContext {
    /// Counts from 0.
    pub index: usize,
    /// The worker's clock and deadlines.
    pub timer: Timer,
    /// Where work is counted that outlives its connection: a drain waits for it, too.
    pub undertakings: Undertakings,
}

/// How a worker shall stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    /// What is under way is cut off after that time.
    pub(super) within: Duration,
    /// Whether somebody else accepts on the same sockets before long. New connections are then
    /// served while idle ones are seen off, so that they need not wait for that.
    pub(super) succeeded: bool,
}

/// What was cut off when a drain's time was up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CutOff {
    /// Connections with a request under way, or with an answer that was not taken to its end.
    pub connections: usize,
    /// Work under way, whether its connection was still there or not.
    pub undertakings: usize,
}

/// What a thread is started with.
pub(super) struct Plan {
    pub(super) index: usize,
    pub(super) sockets: Vec<Entry>,
    /// Where it is asked whether it still works.
    pub(super) asked: mpsc::Receiver<Question>,
    pub(super) patience: Patience,
    pub(super) refusals: Refusals,
    pub(super) fast_lane: bool,
    pub(super) clock: fn() -> Timestamp,
    pub(super) connections: Arc<AtomicUsize>,
    pub(super) crowd: Arc<Crowd>,
    pub(super) rules: Arc<ArcSwap<Rules>>,
    /// Connections that open files allow, whatever the rules say.
    pub(super) allowed: usize,
    /// Holds something once the worker shall stop.
    pub(super) stop: watch::Receiver<Option<Stop>>,
}

/// A listening socket and what is behind it.
pub(super) struct Entry {
    pub(super) socket: Socket,
    pub(super) tls: Option<Arc<Front>>,
    /// The listener's place.
    pub(super) listener: usize,
    pub(super) counts: Counts,
}

/// What the connections of one thread share.
pub(super) struct Worker<H> {
    pub(super) handler: Rc<H>,
    pub(super) timer: Timer,
    pub(super) fast_lane: bool,
    /// What connections on the fast lane lend.
    pub(super) desks: Desks<H>,
    pub(super) patience: Patience,
    pub(super) refusals: Rc<Refusals>,
    pub(super) draining: Cell<bool>,
    /// Connections with requests under way.
    pub(super) busy: Undertakings,
    undertakings: Undertakings,
    pub(super) open: Cell<usize>,
    pub(super) connections: Arc<AtomicUsize>,
    pub(super) crowd: Arc<Crowd>,
    pub(super) allowed: usize,
    rules: Arc<ArcSwap<Rules>>,
}

pub(super) struct Door {
    socket: Listening,
    tls: Option<Arc<Front>>,
    index: usize,
    pub(super) counts: Counts,
}

/// Serves until told to stop; gives what was cut off then.
pub(super) async fn run<H: Handler>(
    plan: Plan,
    factory: impl Fn(&WorkerContext) -> H,
    ready: impl FnOnce(io::Result<()>),
) -> CutOff {
    let doors = plan.sockets.into_iter().map(open);
    let doors = match doors.collect::<io::Result<Vec<_>>>() {
        Ok(doors) => doors,
        Err(error) => {
            ready(Err(error));
            return CutOff::default();
        }
    };
    let timer = Timer::new();
    let undertakings = Undertakings::default();
    let handler = Rc::new(factory(&WorkerContext {
        index: plan.index,
        timer: timer.clone(),
        undertakings: undertakings.clone(),
    }));
    let date = Date::new(plan.clock, timer.clone());
    let worker = Rc::new(Worker {
        desks: Desks::new(Rc::clone(&handler), date),
        handler,
        fast_lane: plan.fast_lane,
        timer: timer.clone(),
        patience: plan.patience,
        refusals: Rc::new(plan.refusals),
        draining: Cell::new(false),
        busy: Undertakings::default(),
        undertakings,
        open: Cell::new(0),
        connections: plan.connections,
        crowd: plan.crowd,
        rules: plan.rules,
        allowed: plan.allowed,
    });
    drop(spawn_local(async move { timer.run().await }));
    drop(spawn_local(pulse::answer(plan.asked)));
    ready(Ok(()));

    let accepting = doors.into_iter().map(|door| {
        let door = Rc::new(door);
        let task = spawn_local(accept(Rc::clone(&worker), Rc::clone(&door)));
        (task, door)
    });
    let accepting: Vec<_> = accepting.collect();
    let mut stop = plan.stop;
    // A lost sender means that nobody is left to wait for us.
    let Some(stop) = stop.wait_for(Option::is_some).await.ok().and_then(|it| *it) else {
        return CutOff::default();
    };
    let deadline = Instant::now() + stop.within;
    worker.draining.set(true);
    worker.timer.wake_all();
    if stop.succeeded {
        sleep(IDLE_GRACE.min(stop.within)).await;
    }
    for (task, door) in accepting {
        task.abort();
        empty(&worker, &door);
    }
    drain(&worker, deadline).await
}

fn open(
    Entry {
        socket,
        tls,
        listener,
        counts,
    }: Entry,
) -> io::Result<Door> {
    Ok(Door {
        socket: Listening::open(socket)?,
        tls,
        index: listener,
        counts,
    })
}

async fn accept<H: Handler>(worker: Rc<Worker<H>>, door: Rc<Door>) {
    let mut complained: Option<Instant> = None;
    loop {
        match door.socket.accept().await {
            Ok(accepted) => {
                if complained.take().is_some() {
                    tracing::info!("can accept again");
                }
                admit(&worker, &door, accepted);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if complained.is_none_or(|at| at.elapsed() > ACCEPT_COMPLAINT) {
                    complained = Some(Instant::now());
                    tracing::warn!(%error, "cannot accept");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether the next connection may well be accepted: this one was gone before anybody looked.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// Takes in whoever the kernel has already let in: closing the socket would reset them.
fn empty<H: Handler>(worker: &Rc<Worker<H>>, door: &Rc<Door>) {
    let Ok(waiting) = door.socket.waiting() else {
        return;
    };
    loop {
        match waiting.next() {
            Ok(accepted) => admit(worker, door, accepted),
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) => return,
        }
    }
}

/// Waits for the connections to end, each after the request it is in, and for work that outlived
/// its own.
async fn drain<H>(worker: &Worker<H>, deadline: Instant) -> CutOff {
    let is_busy = || worker.open.get() > 0 || worker.undertakings.count() > 0;
    while is_busy() && Instant::now() < deadline {
        sleep(TICK.min(deadline.saturating_duration_since(Instant::now()))).await;
    }
    CutOff {
        connections: worker.busy.count(),
        undertakings: worker.undertakings.count(),
    }
}

fn admit<H: Handler>(worker: &Rc<Worker<H>>, door: &Rc<Door>, (stream, address): Accepted) {
    let rules = worker.rules.load();
    let senders = rules.proxied.get(door.index);
    let proxied = senders.is_some_and(|senders| senders.include(address));
    let Some(seat) = Seat::take(worker, door, rules.connections) else {
        return turn_away(worker, door, &stream, TurnedAway::Connections);
    };
    // Whoever passes others on is not one client.
    let guest = if proxied {
        Ok(None)
    } else {
        seat.count(address, rules.per_address)
    };
    let Ok(guest) = guest else {
        return turn_away(worker, door, &stream, TurnedAway::Address);
    };
    drop(spawn_local(async move {
        if proxied {
            Box::pin(pass_on(&seat, stream, address)).await;
        } else {
            welcome(&seat.worker, &seat.door, stream, address).await;
        }
        drop(guest);
    }));
}

/// Says why, as far as that takes no waiting.
fn turn_away<H>(worker: &Worker<H>, door: &Door, stream: &Stream, why: TurnedAway) {
    door.counts.turned_away(why);
    if door.tls.is_none() {
        let _ = stream.try_write(&worker.refusals.overloaded);
    }
}

/// Hears from a balancer whose connection this is, and welcomes that client.
async fn pass_on<H: Handler>(seat: &Seat<H>, mut stream: Stream, from: Option<SocketAddr>) {
    let (worker, door) = (&seat.worker, &seat.door);
    let address = match greeting(worker, proxied::read(&mut stream)).await {
        Ok(Ok(client)) => client.or(from),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a connection does not begin as a balancer's must");
            return door.counts.turned_away(TurnedAway::Proxy);
        }
        Err(Elapsed) => return door.counts.turned_away(TurnedAway::Proxy),
    };
    let most = worker.rules.load().per_address;
    let Ok(_guest) = seat.count(address, most) else {
        return turn_away(worker, door, &stream, TurnedAway::Address);
    };
    welcome(worker, door, stream, address).await;
}

async fn welcome<H: Handler>(
    worker: &Rc<Worker<H>>,
    door: &Door,
    stream: Stream,
    address: Option<SocketAddr>,
) {
    let peer = Peer::new(address.unwrap_or(NOWHERE), door.tls.is_some(), door.index);
    match &door.tls {
        None => serve(Rc::clone(worker), stream, peer, Protocol::Http1).await,
        Some(tls) => Box::pin(welcome_securely(worker, tls, stream, peer)).await,
    }
}

async fn welcome_securely<H: Handler>(
    worker: &Rc<Worker<H>>,
    tls: &Front,
    stream: Stream,
    mut peer: Peer,
) {
    let Some(config) = tls.config() else { return };
    let handshake = TlsAcceptor::from(config).accept(stream);
    let stream = match greeting(worker, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tls.failed(tls::failure(&error)),
        Err(Elapsed) => return tls.failed(Handshake::Timeout),
    };
    let session = stream.get_ref().1;
    let shown = session.peer_certificates().and_then(<[_]>::first);
    // Verified, and yet nobody could say whose it is.
    let Ok(certificate) = shown.map(ClientCertificate::read).transpose() else {
        return tls.failed(Handshake::BadCertificate);
    };
    peer.certificate = certificate.map(Rc::new);
    let protocol = match session.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        _ => Protocol::Http1,
    };
    serve(Rc::clone(worker), stream, peer, protocol).await;
}

/// Gives a handshake the time of a head, and less once the worker drains: who has not even begun
/// to speak is not waited for.
async fn greeting<H, F: Future>(worker: &Worker<H>, handshake: F) -> Result<F::Output, Elapsed> {
    let mut handshake = pin!(handshake);
    let alarm = worker.timer.alarm();
    alarm.set(worker.patience.header);
    let mut hastened = false;
    poll_fn(|cx| {
        if let Poll::Ready(output) = handshake.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if worker.draining.get() && !hastened {
            hastened = true;
            alarm.set(worker.patience.header.min(IDLE_GRACE));
        }
        alarm.poll(cx).map(|()| Err(Elapsed))
    })
    .await
}
