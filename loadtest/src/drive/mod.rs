//! A run: threads that make requests, threads that send them, one that counts.
//!
//! Each driver thread has a runtime of its own, its own connections and its own maker of codes, and shares with
//! others nothing but the begin. In an open load a request is due when the plan says so, and its latency counts
//! from then: whether it waited for the driver, for a free connection or for the gateway.

mod count;
mod desk;
mod floor;
mod lane;
mod maker;
mod pacer;
mod summary;
mod tally;
mod timeline;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use multicode::sandbox::mint::MintError;

pub use self::count::Key;
use self::maker::Shot;
pub use self::summary::{About, report};
pub use self::tally::{Cell, Tally};
use self::timeline::{Part, Timeline};
use crate::client::{Fault, Target};
use crate::letter::{LetterError, Stationery};
use crate::report::Second;
use crate::scenario::{Model, Scenario};
use crate::workshop::Workshop;

/// From the last connection to the first request, so that all threads are there.
const BREATH: Duration = Duration::from_millis(20);

/// What a run is made of.
#[derive(Debug)]
pub struct Setup {
    /// What is sent.
    pub scenario: Scenario,
    /// How often; the scenario's own or another one.
    pub model: Model,
    /// Who makes the codes.
    pub workshop: Arc<Workshop>,
    /// Who writes the requests.
    pub stationery: Arc<Stationery>,
    /// Who is asked.
    pub target: Target,
    /// Driver threads.
    pub threads: usize,
    /// What makes this run's codes differ from those of others.
    pub run: u64,
}

/// What a run has measured.
#[derive(Debug)]
pub struct Measured {
    /// All counters.
    pub tally: Tally,
    /// Second by second.
    pub timeline: Vec<Second>,
    /// From the begin to the last answer.
    pub elapsed: Duration,
    /// The share of their time the busiest driver thread computed, and the busiest maker of codes.
    pub busy: f64,
    /// The same of the busiest maker of codes.
    pub making: f64,
    /// Processor time of the driver threads.
    pub driving: Duration,
}

/// Why there is no run.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    /// The gateway is not there.
    #[error("no connection to {address}: {}", .fault.name())]
    Connect {
        /// Where it was looked for.
        address: std::net::SocketAddr,
        /// What went wrong.
        fault: Fault,
    },
    /// A code cannot be made any more.
    #[error("no code can be made")]
    Mint(#[from] MintError),
    /// A request cannot be written.
    #[error("no request can be written")]
    Letter(#[from] LetterError),
    /// The system gave no thread, no runtime or no timer.
    #[error("the system gave no thread, runtime or timer")]
    System(#[from] std::io::Error),
}

/// What all threads of a run look at.
struct Common {
    begin: OnceLock<Instant>,
    stop: Arc<AtomicBool>,
}

impl Common {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What a driver thread has done.
struct Driven {
    tally: Tally,
    busy: Duration,
    wall: Duration,
    last: Duration,
}

/// Runs the load until its end or until somebody stops it; `watch` is shown every second.
pub fn drive(
    setup: &Arc<Setup>,
    stop: &Arc<AtomicBool>,
    watch: &mut dyn FnMut(&Second),
) -> Result<Measured, DriveError> {
    let common = Common {
        begin: OnceLock::new(),
        stop: Arc::clone(stop),
    };
    let (parts, received) = mpsc::channel();
    let (ready, arrived) = mpsc::channel();
    thread::scope(|scope| {
        let mut makers = Vec::new();
        let mut drivers = Vec::new();
        let mut gates: Vec<SyncSender<()>> = Vec::new();
        for index in 0..setup.threads {
            let (shots, made) = mpsc::sync_channel(maker::ahead(&setup.model));
            let (gate, opened) = mpsc::sync_channel(1);
            gates.push(gate);
            let common = &common;
            let making = move || maker::make(setup, index, common, &shots);
            makers.push(
                thread::Builder::new()
                    .name(format!("make-{index}"))
                    .spawn_scoped(scope, making)?,
            );
            let hall = Hall {
                ready: ready.clone(),
                opened,
                parts: parts.clone(),
            };
            let drive = move || lane::drive(setup, index, common, made, hall);
            drivers.push(
                thread::Builder::new()
                    .name(format!("drive-{index}"))
                    .spawn_scoped(scope, drive)?,
            );
        }
        drop((parts, ready));
        let all_there = arrived.iter().take(setup.threads).all(|there| there);
        if all_there {
            common.begin.get_or_init(|| Instant::now() + BREATH);
            for gate in &gates {
                // Who is gone says why when it is joined.
                let _ = gate.send(());
            }
        }
        drop(gates);
        let timeline = follow(&received, watch);
        let mut all = Measured::empty(timeline);
        for driver in drivers {
            let driven = driver
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            all.add(driven);
        }
        for maker in makers {
            let made = maker
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            all.making = all.making.max(made);
        }
        Ok(all)
    })
}

/// A driver thread's way to the one that counts.
struct Hall {
    /// Told whether its connections are there.
    ready: Sender<bool>,
    /// Hears when the run begins; hangs up if it does not.
    opened: Receiver<()>,
    /// Takes what each second came to.
    parts: Sender<Part>,
}

fn follow(parts: &Receiver<Part>, watch: &mut dyn FnMut(&Second)) -> Vec<Second> {
    let mut timeline = Timeline::default();
    for part in parts {
        for second in timeline.add(part) {
            watch(&second);
        }
    }
    timeline.finish(watch)
}

impl Measured {
    fn empty(timeline: Vec<Second>) -> Self {
        Self {
            tally: Tally::default(),
            timeline,
            elapsed: Duration::ZERO,
            busy: 0.0,
            making: 0.0,
            driving: Duration::ZERO,
        }
    }

    fn add(&mut self, driven: Driven) {
        self.tally.add(driven.tally);
        self.elapsed = self.elapsed.max(driven.last);
        self.driving += driven.busy;
        let share = driven.busy.as_secs_f64() / driven.wall.as_secs_f64().max(f64::MIN_POSITIVE);
        self.busy = self.busy.max(share);
    }
}

/// Processor time of the calling thread so far.
fn processor_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(spent.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(spent.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}

/// Hands a maker's error to whoever ends the run for it.
type Made = Result<Shot, DriveError>;
