//! Connections in, requests to a handler, answers out: one thread a core, nothing shared.
//!
//! Every worker is a single-threaded runtime with listening sockets of its own on the same
//! addresses; a connection lives and dies on the worker that accepted it. What a request means is
//! the [`Handler`]'s business. Bodies have no deadline here: the handler reads them and knows what
//! to answer when they are late.

pub mod address;
mod body;
mod connection;
mod crowd;
mod date;
pub mod descriptors;
mod frames;
#[doc(hidden)]
pub mod fuzzing;
mod inherited;
mod lane;
mod listener;
mod proxied;
mod pulse;
mod refusal;
mod seat;
mod session;
mod stream;
mod strict;
mod undertakings;
mod wire;
mod worker;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle, available_parallelism},
    time::Duration,
};

use arc_swap::ArcSwap;
use http::{Request, Response};
use tokio::{
    runtime::{Builder, LocalOptions},
    sync::watch,
};

pub use self::{
    address::{Address, AddressError, Socket},
    body::{RequestBody, RequestError},
    inherited::{InheritError, Inherited, Passed, Place},
    listener::{BindError, Listener, MODE},
    proxied::Senders,
    pulse::{Ended, Pulse},
    refusal::Refusals,
    session::{Patience, Peer},
    strict::{Fault, is_authority},
    undertakings::{Undertaking, Undertakings},
    worker::{CutOff, WorkerContext},
};
use self::{crowd::Crowd, listener::File, worker::Stop};
use crate::tick::end_turn;
use crate::time::Timestamp;
use crate::upstream::ResponseBody;

/// Answers requests; one on every worker, which never leaves its thread.
pub trait Handler: 'static {
    /// Answers, whatever happens: there is no way to fail.
    fn handle(
        &self,
        request: Request<RequestBody>,
        peer: &Peer,
    ) -> impl Future<Output = Response<ResponseBody>>;
}

/// What a server is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; a [`Peer`] names its listener by its place in this list.
    pub listeners: Vec<Listener>,
    /// Threads; 0 means one a core.
    pub workers: usize,
    /// Whom to let in.
    pub rules: Rules,
    /// Deadlines of a connection.
    pub patience: Patience,
    /// What is said where no handler is asked.
    pub refusals: Refusals,
    /// Whether usual HTTP/1.1 requests take the short way; all others, and without it all, are hyper's.
    pub fast_lane: bool,
    /// What answers are dated by.
    pub clock: fn() -> Timestamp,
}

/// Whom to let in; can be changed while a server is at work, and then counts for those who come.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Open connections, over all workers.
    pub connections: usize,
    /// Open connections of one client; 0: as many as it wants. A Unix socket's clients have no
    /// address, and are not counted.
    pub per_address: usize,
    /// From whom a header of the PROXY protocol is expected, by the places of the listeners.
    pub proxied: Vec<Senders>,
}

impl Rules {
    /// That many connections, whoever's they are.
    pub const fn up_to(connections: usize) -> Self {
        Self {
            connections,
            per_address: 0,
            proxied: Vec::new(),
        }
    }
}

/// A server whose addresses are bound, and which serves nobody yet. While it lives its addresses
/// stay bound, whether workers accept there or not.
#[derive(Debug)]
pub struct Server {
    config: Config,
    rules: Arc<ArcSwap<Rules>>,
    /// What open files allow.
    allowed: usize,
    addresses: Vec<Address>,
    workers: usize,
    /// For each listener, the sockets its workers share.
    sockets: Vec<Vec<Socket>>,
    /// What is to be taken away at the end.
    files: Vec<File>,
}

impl Server {
    /// Binds every listener once for each worker.
    pub fn bind(config: Config) -> Result<Self, BindError> {
        Self::bind_beside(config, Vec::new(), false)
    }

    /// Binds the listeners that inherit no sockets; the others have theirs, by their places. Whoever
    /// keeps those has made the files of Unix sockets, and takes them away.
    pub fn bind_beside(
        config: Config,
        inherited: Vec<Vec<Socket>>,
        are_kept: bool,
    ) -> Result<Self, BindError> {
        let workers = match config.workers {
            0 => available_parallelism().map_or(1, usize::from),
            workers => workers,
        };
        let mut sockets = inherited;
        sockets.resize_with(config.listeners.len(), Vec::new);
        let mut addresses = Vec::with_capacity(config.listeners.len());
        let mut files = Vec::new();
        for (listener, own) in config.listeners.iter().zip(&mut sockets) {
            let is_ours = own.is_empty() || !are_kept;
            if own.is_empty() {
                *own = listener::bind(listener, workers)?;
            }
            let bound = own.first().and_then(Socket::address);
            let bound = bound.unwrap_or_else(|| listener.address.clone());
            if let Address::Unix(path) = &bound
                && is_ours
            {
                let file = File::at(path).and_then(|file| {
                    // A predecessor's files may have said something else.
                    file.permit(listener.mode)?;
                    Ok(file)
                });
                files.push(file.map_err(|source| BindError {
                    address: bound.clone(),
                    source,
                })?);
            }
            addresses.push(bound);
        }
        Ok(Self {
            rules: Arc::new(ArcSwap::from_pointee(config.rules.clone())),
            allowed: usize::MAX,
            config,
            addresses,
            workers,
            sockets,
            files,
        })
    }

    /// What can be changed while it is at work.
    pub const fn rules(&self) -> &Arc<ArcSwap<Rules>> {
        &self.rules
    }

    /// The listening sockets and where the configuration wants them, by the places of their
    /// listeners.
    pub fn sockets(&self) -> impl Iterator<Item = (&Address, &[Socket])> {
        let listeners = self.config.listeners.iter();
        let written = listeners.map(|listener| &listener.address);
        written.zip(self.sockets.iter().map(Vec::as_slice))
    }

    /// Gives up the addresses; whoever still has workers there keeps them until those end.
    pub fn leave(&mut self) {
        self.sockets.clear();
    }

    /// Takes the files of Unix sockets away: nobody comes after this process.
    pub fn remove_files(&mut self) {
        self.files.drain(..).for_each(|file| file.remove());
    }

    /// Whether the socket of this listener is a file that somebody else has made and takes away.
    pub fn is_kept(&self, listener: usize) -> bool {
        let address = self.addresses.get(listener);
        address.is_some_and(|it| it.tcp().is_none() && !self.files.iter().any(|file| file.is(it)))
    }

    /// The file of this listener's socket is somebody else's.
    pub fn disown(&mut self, listener: usize) {
        if let Some(address) = self.addresses.get(listener) {
            self.files.retain(|file| !file.is(address));
        }
    }

    /// How many threads serve.
    pub const fn workers(&self) -> usize {
        self.workers
    }

    /// Lets in no more than that many connections, if the configuration would let in more.
    pub fn allow_at_most(&mut self, connections: usize) {
        self.allowed = connections;
    }

    /// The bound addresses, in the order of the listeners.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Starts the workers; `factory` is called once on each. All of them serve on return.
    pub fn start<H: Handler>(
        &self,
        factory: impl Fn(&WorkerContext) -> H + Clone + Send + 'static,
    ) -> io::Result<Running> {
        let (stop, stopped) = watch::channel(None);
        let connections = Arc::new(AtomicUsize::new(0));
        let crowd = Arc::new(Crowd::new());
        let (report, reports) = mpsc::channel();
        let mut threads = Vec::with_capacity(self.workers);
        let (pulse, asked) = Pulse::of(self.workers);
        for ((index, sockets), asked) in self.entries()?.into_iter().enumerate().zip(asked) {
            let plan = worker::Plan {
                index,
                sockets,
                asked,
                patience: self.config.patience,
                refusals: self.config.refusals.clone(),
                fast_lane: self.config.fast_lane,
                clock: self.config.clock,
                connections: Arc::clone(&connections),
                crowd: Arc::clone(&crowd),
                rules: Arc::clone(&self.rules),
                allowed: self.allowed,
                stop: stopped.clone(),
            };
            threads.push(start_worker(plan, factory.clone(), report.clone())?);
        }
        drop(report);
        for _ in &threads {
            // A worker that reports nothing has panicked in its factory.
            reports
                .recv()
                .unwrap_or_else(|_| Err(io::Error::other("a worker did not start")))?;
        }
        Ok(Running {
            threads,
            stop,
            connections,
            pulse,
        })
    }

    /// For each worker, its sockets.
    fn entries(&self) -> io::Result<Vec<Vec<worker::Entry>>> {
        let mut entries: Vec<Vec<_>> = (0..self.workers).map(|_| Vec::new()).collect();
        for (index, (listener, sockets)) in
            self.config.listeners.iter().zip(&self.sockets).enumerate()
        {
            let spread = listener::spread(sockets, self.workers)?;
            for (worker, sockets) in entries.iter_mut().zip(spread) {
                worker.extend(sockets.into_iter().map(|socket| worker::Entry {
                    socket,
                    tls: listener.tls.clone(),
                    listener: index,
                    counts: listener.counts.clone(),
                }));
            }
        }
        Ok(entries)
    }
}

fn start_worker<H: Handler>(
    plan: worker::Plan,
    factory: impl Fn(&WorkerContext) -> H + Send + 'static,
    report: mpsc::Sender<io::Result<()>>,
) -> io::Result<JoinHandle<CutOff>> {
    let name = format!("worker-{}", plan.index);
    // Nobody listens any more when another worker has failed to start.
    let ready = move |outcome| drop(report.send(outcome));
    let body = move || {
        let mut builder = Builder::new_current_thread();
        builder.enable_all().on_thread_park(end_turn);
        match builder.build_local(LocalOptions::default()) {
            Ok(runtime) => runtime.block_on(worker::run(plan, factory, ready)),
            Err(error) => {
                ready(Err(error));
                CutOff::default()
            }
        }
    };
    thread::Builder::new().name(name).spawn(body)
}

/// A server at work; dropping it stops it at once, without waiting for anyone.
#[derive(Debug)]
pub struct Running {
    threads: Vec<JoinHandle<CutOff>>,
    stop: watch::Sender<Option<Stop>>,
    connections: Arc<AtomicUsize>,
    pulse: Pulse,
}

impl Running {
    /// Asks the workers whether they still work.
    pub const fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Accepts no more, lets every connection finish the request it is in and work that outlived
    /// its connection end, and waits for that at most so long. Gives what was cut off. Blocks the
    /// thread.
    pub fn drain(self, within: Duration) -> CutOff {
        self.stop(Stop {
            within,
            succeeded: false,
        })
    }

    /// The same where somebody else will accept on the same sockets: idle connections are seen off
    /// while new ones are still served, so that those which come then wait for requests under way
    /// alone.
    pub fn make_room(self, within: Duration) -> CutOff {
        self.stop(Stop {
            within,
            succeeded: true,
        })
    }

    fn stop(self, stop: Stop) -> CutOff {
        self.stop.send_replace(Some(stop));
        let ends = self.threads.into_iter();
        let ends = ends.map(|thread| thread.join().unwrap_or_default());
        ends.fold(CutOff::default(), |sum, end| CutOff {
            connections: sum.connections + end.connections,
            undertakings: sum.undertakings + end.undertakings,
        })
    }
}
