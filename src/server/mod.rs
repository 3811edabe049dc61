//! Connections in, requests to a handler, answers out: one thread a core, nothing shared.
//!
//! Every worker is a single-threaded runtime with listening sockets of its own on the same
//! addresses; a connection lives and dies on the worker that accepted it. What a request means is
//! the [`Handler`]'s business. Bodies have no deadline here: the handler reads them and knows what
//! to answer when they are late.

mod connection;
mod framing;
mod listener;
mod refusal;
mod session;
mod wire;
mod worker;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle, available_parallelism},
    time::Duration,
};

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::{
    runtime::{Builder, LocalOptions},
    sync::watch,
};

pub use self::{
    listener::{BindError, Listener},
    refusal::Refusals,
    session::{Framing, Patience, Peer},
    worker::WorkerContext,
};
use crate::upstream::ResponseBody;

/// Answers requests; one on every worker, which never leaves its thread.
pub trait Handler: 'static {
    /// Answers, whatever happens: there is no way to fail.
    fn handle(
        &self,
        request: Request<Incoming>,
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
    /// Open connections, over all workers.
    pub connections: usize,
    /// Deadlines of a connection.
    pub patience: Patience,
    /// What is said where no handler is asked.
    pub refusals: Refusals,
}

/// A server whose addresses are bound, and which serves nobody yet.
#[derive(Debug)]
pub struct Server {
    config: Config,
    addresses: Vec<SocketAddr>,
    /// For each worker, its sockets in the order of the listeners.
    sockets: Vec<Vec<TcpListener>>,
}

impl Server {
    /// Binds every listener once for each worker.
    pub fn bind(config: Config) -> Result<Self, BindError> {
        let workers = match config.workers {
            0 => available_parallelism().map_or(1, usize::from),
            workers => workers,
        };
        let mut sockets: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
        let mut addresses = Vec::with_capacity(config.listeners.len());
        for listener in &config.listeners {
            let (address, bound) = listener::bind(listener.address, workers)?;
            addresses.push(address);
            for (worker, socket) in sockets.iter_mut().zip(bound) {
                worker.push(socket);
            }
        }
        Ok(Self {
            config,
            addresses,
            sockets,
        })
    }

    /// The bound addresses, in the order of the listeners.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Starts the workers; `factory` is called once on each. All of them serve on return.
    pub fn start<H: Handler>(
        self,
        factory: impl Fn(&WorkerContext) -> H + Clone + Send + 'static,
    ) -> io::Result<Running> {
        let (stop, stopped) = watch::channel(None);
        let connections = Arc::new(AtomicUsize::new(0));
        let (report, reports) = mpsc::channel();
        let mut threads = Vec::with_capacity(self.sockets.len());
        for (index, sockets) in self.sockets.into_iter().enumerate() {
            let tls = self
                .config
                .listeners
                .iter()
                .map(|listener| listener.tls.clone());
            let plan = worker::Plan {
                index,
                sockets: sockets.into_iter().zip(tls).collect(),
                patience: self.config.patience,
                refusals: self.config.refusals.clone(),
                connections: Arc::clone(&connections),
                limit: self.config.connections,
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
        })
    }
}

fn start_worker<H: Handler>(
    plan: worker::Plan,
    factory: impl Fn(&WorkerContext) -> H + Send + 'static,
    report: mpsc::Sender<io::Result<()>>,
) -> io::Result<JoinHandle<usize>> {
    let name = format!("worker-{}", plan.index);
    // Nobody listens any more when another worker has failed to start.
    let ready = move |outcome| drop(report.send(outcome));
    let body = move || {
        let mut builder = Builder::new_current_thread();
        match builder.enable_all().build_local(LocalOptions::default()) {
            Ok(runtime) => runtime.block_on(worker::run(plan, factory, ready)),
            Err(error) => {
                ready(Err(error));
                0
            }
        }
    };
    thread::Builder::new().name(name).spawn(body)
}

/// A server at work; dropping it stops it at once, without waiting for anyone.
#[derive(Debug)]
pub struct Running {
    threads: Vec<JoinHandle<usize>>,
    stop: watch::Sender<Option<Duration>>,
    connections: Arc<AtomicUsize>,
}

impl Running {
    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Accepts no more, lets every connection finish the request it is in, and waits for that at
    /// most so long. Gives the number of connections that were cut off. Blocks the thread.
    pub fn drain(self, deadline: Duration) -> usize {
        self.stop.send_replace(Some(deadline));
        self.threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default())
            .sum()
    }
}
