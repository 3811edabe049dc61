//! One thread: its runtime, its listening sockets, its connections.

use std::{
    cell::Cell,
    future::poll_fn,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::spawn_local,
    time::{Instant, sleep},
};
use tokio_rustls::TlsAcceptor;

use super::{Handler, Patience, Peer, Refusals, connection::serve, session::Protocol};
use crate::tick::{TICK, Timer};

/// Out of descriptors or memory: accepting at once again would only burn the core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a handler is built from, on the thread it will live on.
#[derive(Clone, Debug)]
pub struct WorkerContext {
    /// Counts from 0.
    pub index: usize,
    /// The worker's clock and deadlines.
    pub timer: Timer,
}

/// What a thread is started with.
pub(super) struct Plan {
    pub(super) index: usize,
    pub(super) sockets: Vec<(StdListener, Option<Arc<ServerConfig>>)>,
    pub(super) patience: Patience,
    pub(super) refusals: Refusals,
    pub(super) connections: Arc<AtomicUsize>,
    pub(super) limit: usize,
    /// Holds how long the rest may take once the worker shall stop.
    pub(super) stop: watch::Receiver<Option<Duration>>,
}

/// What the connections of one thread share.
pub(super) struct Worker<H> {
    pub(super) handler: H,
    pub(super) timer: Timer,
    pub(super) patience: Patience,
    pub(super) refusals: Rc<Refusals>,
    pub(super) draining: Cell<bool>,
    open: Cell<usize>,
    connections: Arc<AtomicUsize>,
    limit: usize,
}

struct Door {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    index: usize,
}

/// Serves until told to stop; gives the number of connections that were cut off.
pub(super) async fn run<H: Handler>(
    plan: Plan,
    factory: impl Fn(&WorkerContext) -> H,
    ready: impl FnOnce(io::Result<()>),
) -> usize {
    let doors = match plan
        .sockets
        .into_iter()
        .enumerate()
        .map(open)
        .collect::<io::Result<Vec<_>>>()
    {
        Ok(doors) => doors,
        Err(error) => {
            ready(Err(error));
            return 0;
        }
    };
    let timer = Timer::new();
    let worker = Rc::new(Worker {
        handler: factory(&WorkerContext {
            index: plan.index,
            timer: timer.clone(),
        }),
        timer: timer.clone(),
        patience: plan.patience,
        refusals: Rc::new(plan.refusals),
        draining: Cell::new(false),
        open: Cell::new(0),
        connections: plan.connections,
        limit: plan.limit,
    });
    drop(spawn_local(async move { timer.run().await }));
    ready(Ok(()));

    let accepting = doors.into_iter().map(|door| {
        let door = Rc::new(door);
        (
            spawn_local(accept(Rc::clone(&worker), Rc::clone(&door))),
            door,
        )
    });
    let accepting: Vec<_> = accepting.collect();
    let mut stop = plan.stop;
    // A lost sender means that nobody is left to wait for us.
    let grace = stop
        .wait_for(Option::is_some)
        .await
        .ok()
        .and_then(|grace| *grace);
    for (task, door) in accepting {
        task.abort();
        empty(&worker, &door).await;
    }
    drain(&worker, grace.unwrap_or_default()).await
}

fn open(
    (index, (socket, tls)): (usize, (StdListener, Option<Arc<ServerConfig>>)),
) -> io::Result<Door> {
    let socket = TcpListener::from_std(socket)?;
    Ok(Door {
        socket,
        tls: tls.map(TlsAcceptor::from),
        index,
    })
}

async fn accept<H: Handler>(worker: Rc<Worker<H>>, door: Rc<Door>) {
    loop {
        match door.socket.accept().await {
            Ok((stream, address)) => admit(&worker, &door, stream, address),
            Err(error) => {
                tracing::warn!(%error, "cannot accept");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Takes in whoever the kernel has already let in: closing the socket would reset them.
async fn empty<H: Handler>(worker: &Rc<Worker<H>>, door: &Rc<Door>) {
    poll_fn(|cx| {
        while let Poll::Ready(Ok((stream, address))) = door.socket.poll_accept(cx) {
            admit(worker, door, stream, address);
        }
        Poll::Ready(())
    })
    .await;
}

/// Waits for the connections to end, each after the request it is in.
async fn drain<H>(worker: &Worker<H>, grace: Duration) -> usize {
    let deadline = Instant::now() + grace;
    worker.draining.set(true);
    while worker.open.get() > 0 && Instant::now() < deadline {
        worker.timer.wake_all();
        sleep(TICK).await;
    }
    worker.open.get()
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
    tls: &TlsAcceptor,
    stream: TcpStream,
    peer: Peer,
) {
    let handshake = worker
        .timer
        .within(worker.patience.header, tls.accept(stream));
    let Ok(Ok(stream)) = handshake.await else {
        return;
    };
    let protocol = match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        _ => Protocol::Http1,
    };
    serve(Rc::clone(worker), stream, peer, protocol).await;
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
