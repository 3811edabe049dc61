//! A gateway from its first scan to its last, whoever comes after it.

use std::future::pending;
use std::process::Command;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout_at};

use super::super::operators::Watched;
use super::super::{Exit, Failure};
use super::manager::{self, Manager};
use super::office::{Files, Office, aside};
use super::watchdog::Watchdog;
use crate::app::App;
use crate::handover::{Predecessor, Successor, Word};
use crate::server::{CutOff, Running};

/// How long a successor may read its files, have keys fetched and wait to be asked: a start that
/// takes longer will not succeed.
const PREPARATION: Duration = Duration::from_secs(60);

/// How long it may take from there until it serves. Nobody may be served meanwhile.
const TAKEOVER: Duration = Duration::from_secs(20);

/// A process that others depend on as their first: when it ends, so do they.
const INIT: u32 = 1;

/// What operators say to a process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    replace: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            replace: signal(SignalKind::user_defined2())?,
        })
    }

    async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What happens to a gateway.
enum Event {
    End,
    Reload,
    Replace,
    /// What the successor said, if it is still there and in time.
    Said(Option<Word>),
}

/// What a gateway begins with.
pub(super) struct Start {
    /// Whose place it takes.
    pub(super) predecessor: Option<Predecessor>,
    /// Whether only when that one's work has ended.
    pub(super) alone: bool,
    pub(super) files: Files,
    pub(super) manager: Manager,
}

/// A gateway and the one that shall take its place.
struct Life {
    app: App,
    office: Office,
    manager: Manager,
    watched: Watched,
    watchdog: Watchdog,
    /// Absent while the successor is about to serve alone.
    running: Option<Running>,
    successor: Option<(Successor, Instant)>,
}

/// Serves until somebody ends it or takes its place.
pub(super) async fn live(mut app: App, start: Start) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let predecessor = match start.predecessor {
        Some(predecessor) => {
            let alone = start.alone || app.is_exclusive();
            let waiting = let_go(predecessor, alone);
            tokio::select! {
                predecessor = waiting => Some(predecessor?),
                () = signals.end() => return Ok(Exit::Success),
            }
        }
        None => None,
    };
    app.before_serving().map_err(Failure::io)?;
    let running = app.launch().map_err(Failure::io)?;
    let listener = app.admin()?;
    let (manager, watched) = (start.manager, Watched::default());
    watched.work(running.pulse());
    let mut life = Life {
        office: Office::open(&app, start.files, listener, &manager, &watched),
        app,
        watchdog: Watchdog::begin(&manager, &watched),
        manager,
        watched,
        running: Some(running),
        successor: None,
    };
    life.manager.ready("serving");
    if let Some(predecessor) = predecessor {
        predecessor.serving();
        tracing::info!("serving in the place of the predecessor");
    }
    loop {
        let event = tokio::select! {
            _ = signals.terminate.recv() => Event::End,
            _ = signals.interrupt.recv() => Event::End,
            () = life.office.end() => Event::End,
            _ = signals.hangup.recv() => Event::Reload,
            _ = signals.replace.recv() => Event::Replace,
            word = next_word(&mut life.successor) => Event::Said(word),
        };
        match event {
            Event::Reload => life.office.reload(),
            Event::Replace => life.begin_handover().await,
            Event::Said(Some(Word::Ready { alone })) => life.make_way(alone).await?,
            Event::Said(None) => life.take_back()?,
            Event::Said(Some(Word::Serving)) => {
                life.finish_handover().await?;
                break;
            }
            Event::End => {
                life.end().await?;
                break;
            }
        }
    }
    life.office.empty().await;
    Ok(Exit::Success)
}

/// Waits until the predecessor lets this process serve.
async fn let_go(predecessor: Predecessor, alone: bool) -> Result<Predecessor, Failure> {
    let wait = move || (predecessor.wait(alone), predecessor);
    let waited = tokio::task::spawn_blocking(wait).await;
    let (asked, predecessor) = waited.map_err(Failure::io)?;
    if !asked {
        tracing::warn!("the predecessor is gone, taking its place");
    }
    Ok(predecessor)
}

async fn next_word(successor: &mut Option<(Successor, Instant)>) -> Option<Word> {
    match successor {
        Some((successor, until)) => timeout_at(*until, successor.word()).await.ok().flatten(),
        None => pending().await,
    }
}

impl Life {
    /// Starts the program again, as this process was started, with this process's sockets.
    async fn begin_handover(&mut self) {
        if self.successor.is_some() {
            tracing::warn!("a successor is starting already");
            return;
        }
        if std::process::id() == INIT {
            tracing::error!("no hand-over: when process 1 ends, its container does");
            return;
        }
        match self.start_successor().await {
            Ok(successor) => {
                tracing::info!(pid = successor.id(), "starting a successor");
                self.successor = Some((successor, Instant::now() + PREPARATION));
            }
            Err(error) => tracing::error!(%error, "cannot start a successor"),
        }
    }

    async fn start_successor(&self) -> std::io::Result<Successor> {
        let mut arguments = std::env::args_os();
        let program = arguments.next().ok_or(std::io::ErrorKind::NotFound)?;
        let mut command = Command::new(program);
        command.args(arguments);
        // The manager watches over the service, whichever of its processes serves.
        command.env_remove(manager::WATCHED);
        let sockets = self.app.passed()?;
        let start = move || Successor::start(command, &sockets);
        let started = tokio::task::spawn_blocking(start).await;
        started.map_err(std::io::Error::other)?
    }

    /// The successor could serve: lets it, when nothing of this process is in its way.
    async fn make_way(&mut self, alone: bool) -> Result<(), Failure> {
        if alone && let Some(running) = self.running.take() {
            tracing::info!(
                open = running.connections(),
                "making room for the successor"
            );
            self.watched.rest();
            let within = self.app.drain();
            told(ended(move || running.make_room(within)).await?);
            self.app.drained();
        }
        if let Some((successor, until)) = &mut self.successor {
            *until = Instant::now() + TAKEOVER;
            if let Err(error) = successor.go() {
                // Its end will be heard of.
                tracing::debug!(%error, "the successor is gone");
            }
        }
        Ok(())
    }

    /// There will be no successor: goes on, or begins again.
    fn take_back(&mut self) -> Result<(), Failure> {
        if let Some((mut successor, _)) = self.successor.take() {
            let status = successor.end().map(|status| status.to_string());
            tracing::error!(status, "the successor does not serve, this process goes on");
        }
        if self.running.is_none() {
            self.app.before_serving().map_err(Failure::io)?;
            let running = self.app.launch().map_err(Failure::io)?;
            self.watched.work(running.pulse());
            self.running = Some(running);
        }
        Ok(())
    }

    /// The successor serves: ends what is under way here.
    async fn finish_handover(&mut self) -> Result<(), Failure> {
        let pid = self.successor.as_ref().map(|(successor, _)| successor.id());
        tracing::info!(pid, "the successor serves");
        // From here on it gives the signs of life; this process's end is not the service's.
        self.watchdog.end();
        if let Some(pid) = pid {
            self.manager.succeeded_by(pid);
        }
        self.office.close();
        self.stop().await
    }

    /// Ends what is under way, and a successor that nobody wants any more.
    async fn end(&mut self) -> Result<(), Failure> {
        if let Some((mut successor, _)) = self.successor.take() {
            successor.end();
        }
        self.office.announce_drain();
        self.manager.stopping(self.app.drain());
        self.app.remove_files();
        self.stop().await
    }

    async fn stop(&mut self) -> Result<(), Failure> {
        self.app.leave();
        let cut_off = match self.running.take() {
            Some(running) => {
                tracing::info!(open = running.connections(), "draining");
                self.watched.rest();
                let within = self.app.drain();
                let cut_off = ended(move || running.drain(within)).await?;
                self.app.drained();
                cut_off
            }
            None => CutOff::default(),
        };
        told(cut_off);
        Ok(())
    }
}

async fn ended(drain: impl FnOnce() -> CutOff + Send + 'static) -> Result<CutOff, Failure> {
    let outcome = aside("drain", drain).map_err(Failure::io)?;
    outcome.await.map_err(Failure::io)
}

fn told(cut_off: CutOff) {
    let CutOff {
        connections,
        undertakings,
    } = cut_off;
    tracing::info!(cut_off = connections, unfinished = undertakings, "stopped");
}
