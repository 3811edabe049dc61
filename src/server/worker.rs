//! One thread: its runtime, its listening sockets, its connections.

use std::{
    cell::Cell,
    future::poll_fn,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    os::fd::AsFd,
    pin::pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::spawn_local,
    time::{Instant, sleep},
};
use tokio_rustls::TlsAcceptor;

use super::{
    Handler, Patience, Peer, Refusals, Undertakings,
    connection::{IDLE_GRACE, serve},
    session::Protocol,
};
use crate::metrics::Handshake;
use crate::tick::{Elapsed, TICK, Timer};
use crate::tls::{self, ClientCertificate, Front};

/// Out of descriptors or memory: accepting at once again would only burn the core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often the log says that nobody can be accepted, while that lasts.
const ACCEPT_COMPLAINT: Duration = Duration::from_secs(60);

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
    pub(super) patience: Patience,
    pub(super) refusals: Refusals,
    pub(super) connections: Arc<AtomicUsize>,
    pub(super) limit: usize,
    /// Holds something once the worker shall stop.
    pub(super) stop: watch::Receiver<Option<Stop>>,
}

/// A listening socket and what is behind it.
pub(super) struct Entry {
    pub(super) socket: StdListener,
    pub(super) tls: Option<Arc<Front>>,
    /// The listener's place.
    pub(super) listener: usize,
}

/// What the connections of one thread share.
pub(super) struct Worker<H> {
    pub(super) handler: H,
    pub(super) timer: Timer,
    pub(super) patience: Patience,
    pub(super) refusals: Rc<Refusals>,
    pub(super) draining: Cell<bool>,
    /// Connections with requests under way.
    pub(super) busy: Undertakings,
    undertakings: Undertakings,
    open: Cell<usize>,
    connections: Arc<AtomicUsize>,
    limit: usize,
}

struct Door {
    socket: TcpListener,
    tls: Option<Arc<Front>>,
    index: usize,
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
    let worker = Rc::new(Worker {
        handler: factory(&WorkerContext {
            index: plan.index,
            timer: timer.clone(),
            undertakings: undertakings.clone(),
        }),
        timer: timer.clone(),
        patience: plan.patience,
        refusals: Rc::new(plan.refusals),
        draining: Cell::new(false),
        busy: Undertakings::default(),
        undertakings,
        open: Cell::new(0),
        connections: plan.connections,
        limit: plan.limit,
    });
    drop(spawn_local(async move { timer.run().await }));
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
    }: Entry,
) -> io::Result<Door> {
    Ok(Door {
        socket: TcpListener::from_std(socket)?,
        tls,
        index: listener,
    })
}

async fn accept<H: Handler>(worker: Rc<Worker<H>>, door: Rc<Door>) {
    let mut complained: Option<Instant> = None;
    loop {
        match door.socket.accept().await {
            Ok((stream, address)) => {
                if complained.take().is_some() {
                    tracing::info!("can accept again");
                }
                admit(&worker, &door, stream, address);
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

/// Takes in whoever the kernel has already let in: closing the socket would reset them. The kernel is
/// asked itself, as the runtime may not have heard of the latest yet.
fn empty<H: Handler>(worker: &Rc<Worker<H>>, door: &Rc<Door>) {
    let Ok(socket) = door.socket.as_fd().try_clone_to_owned() else {
        return;
    };
    let socket = StdListener::from(socket);
    loop {
        let (stream, address) = match socket.accept() {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(_) => return,
        };
        let stream = stream.set_nonblocking(true).map(|()| stream);
        if let Ok(stream) = stream.and_then(TcpStream::from_std) {
            admit(worker, door, stream, address);
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

fn admit<H: Handler>(
    worker: &Rc<Worker<H>>,
    door: &Rc<Door>,
    stream: TcpStream,
    address: SocketAddr,
) {
    let Some(seat) = Seat::take(worker) else {
        return turn_away(worker, door, &stream);
    };
    let door = Rc::clone(door);
    drop(spawn_local(async move {
        // Only a socket that is already broken refuses this.
        let _ = stream.set_nodelay(true);
        welcome(&seat.0, &door, stream, address).await;
    }));
}

/// Says why, as far as that takes no waiting.
fn turn_away<H>(worker: &Worker<H>, door: &Door, stream: &TcpStream) {
    if door.tls.is_none() {
        let _ = stream.try_write(&worker.refusals.overloaded);
    }
}

async fn welcome<H: Handler>(
    worker: &Rc<Worker<H>>,
    door: &Door,
    stream: TcpStream,
    address: SocketAddr,
) {
    let peer = Peer::new(address, door.tls.is_some(), door.index);
    match &door.tls {
        None => serve(Rc::clone(worker), stream, peer, Protocol::Http1).await,
        Some(tls) => Box::pin(welcome_securely(worker, tls, stream, peer)).await,
    }
}

async fn welcome_securely<H: Handler>(
    worker: &Rc<Worker<H>>,
    tls: &Front,
    stream: TcpStream,
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

/// A connection's place among those allowed.
struct Seat<H>(Rc<Worker<H>>);

impl<H> Seat<H> {
    fn take(worker: &Rc<Worker<H>>) -> Option<Self> {
        let taken = worker.connections.fetch_add(1, Ordering::Relaxed);
        worker.open.set(worker.open.get() + 1);
        let seat = Self(Rc::clone(worker));
        (taken < worker.limit).then_some(seat)
    }
}

impl<H> Drop for Seat<H> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
        self.0.open.set(self.0.open.get().saturating_sub(1));
    }
}
