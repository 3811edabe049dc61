//! A gateway on the shipped files, with a mock department in the place of each backend.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use multicode::app::{App, Overrides, Started};
use multicode::reload::Reloader;
use multicode::sandbox::departments::{self, Behaviour, Department, Departments, Fault, Received};
use multicode::sandbox::mint::Flaw;
use serde_json::json;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::files::minted;
use super::{Answer, Client, Files, OneSecret};

/// The departments, on a thread of their own.
pub(crate) struct Mocks {
    pub(crate) running: departments::Running,
    /// Dropped, it ends the thread.
    _stay: oneshot::Sender<()>,
}

impl Mocks {
    pub(crate) fn start() -> Self {
        let (stay, gone) = oneshot::channel::<()>();
        let (report, started) = mpsc::channel();
        thread::spawn(move || {
            let mut builder = Builder::new_current_thread();
            builder.enable_all().build().unwrap().block_on(async {
                let started = Departments::start(&departments::Options::default()).await;
                report.send(started.unwrap()).unwrap();
                let _ = gone.await;
            });
        });
        Self {
            running: started.recv().unwrap(),
            _stay: stay,
        }
    }

    /// Puts them behind these files.
    pub(crate) fn stand_in(&self, files: &Files) {
        for department in Department::ALL {
            files.point(department, self.running.address(department));
        }
    }

    /// Everything any of them received.
    pub(crate) fn received(&self) -> Vec<(Department, Received)> {
        let of = |department| {
            let received = self.running.received(department).into_iter();
            received.map(move |received| (department, received))
        };
        Department::ALL.into_iter().flat_map(of).collect()
    }
}

/// A gateway that serves until it is dropped.
pub(crate) struct TestGateway {
    pub(crate) started: Started,
    pub(crate) address: SocketAddr,
    /// Of every listener, the first one's too.
    pub(crate) doors: Vec<SocketAddr>,
    pub(crate) mocks: Mocks,
    pub(crate) files: Files,
    seed: AtomicU64,
}

impl TestGateway {
    /// On the shipped files.
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    /// On the shipped files with these changes.
    pub(crate) fn with(change: impl FnOnce(&Files)) -> Self {
        Self::with_workers(1, change)
    }

    /// The same on so many threads.
    pub(crate) fn with_workers(workers: usize, change: impl FnOnce(&Files)) -> Self {
        Self::on(Files::shipped(), workers, change)
    }

    /// On the shipped files with these changes, with the fast lane or without, whatever is asked for.
    pub(crate) fn on_lane(fast: bool, change: impl FnOnce(&Files)) -> Self {
        Self::open(Files::shipped(), (1, Some(fast)), change)
    }

    /// On the shipped files to the letter, with these changes.
    pub(crate) fn strict(change: impl FnOnce(&Files)) -> Self {
        Self::strict_with_workers(1, change)
    }

    /// The same on so many threads.
    pub(crate) fn strict_with_workers(workers: usize, change: impl FnOnce(&Files)) -> Self {
        Self::on(Files::to_the_letter(), workers, change)
    }

    fn on(files: Files, workers: usize, change: impl FnOnce(&Files)) -> Self {
        Self::open(files, (workers, crate::lane::asked_for()), change)
    }

    fn open(
        files: Files,
        (workers, fast_lane): (usize, Option<bool>),
        change: impl FnOnce(&Files),
    ) -> Self {
        let mocks = Mocks::start();
        change(&files);
        mocks.stand_in(&files);
        let overrides = Overrides {
            listen: Some((Ipv4Addr::LOCALHOST, 0).into()),
            admin: Some((Ipv4Addr::LOCALHOST, 0).into()),
            workers: Some(workers),
            fast_lane,
        };
        let app = App::build(files.load(), overrides).unwrap();
        let doors = app.addresses().iter();
        let doors: Vec<_> = doors.map(|door| door.tcp().unwrap()).collect();
        Self {
            started: app.start().unwrap(),
            address: doors[0],
            doors,
            mocks,
            files,
            seed: AtomicU64::new(1),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Sends the bytes on a connection of their own and reads one answer.
    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) -> Answer {
        self.client().exchange(bytes)
    }

    /// Scans a code in the gateway's own form.
    pub(crate) fn scan(&self, code: &str, scene: &str) -> Answer {
        self.send(super::json(&json!({ "code": code, "scene": scene })))
    }

    /// A code no other one equals.
    pub(crate) fn mint(&self, family: &str) -> String {
        self.mint_flawed(family, Flaw::None)
    }

    pub(crate) fn mint_flawed(&self, family: &str, flaw: Flaw) -> String {
        let seed = self.seed.fetch_add(1, Ordering::Relaxed);
        let site = self.started.sites.load();
        minted(&site.gateway, &site.keys.load(), family, flaw, seed)
    }

    /// Reads the files again; there must be no mistake in them.
    pub(crate) fn reload(&self) {
        let sites = std::sync::Arc::clone(&self.started.sites);
        let (secrets, metrics) = (Box::new(OneSecret), self.started.metrics.clone());
        let now = multicode::app::now();
        let reloader = Reloader::new(self.files.main(), secrets, sites, metrics, now);
        reloader.reload(now).unwrap();
    }

    /// The only request any department received.
    #[track_caller]
    pub(crate) fn only_received(&self) -> (Department, Received) {
        let mut all = self.mocks.received();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    #[track_caller]
    pub(crate) fn assert_nobody_was_asked(&self) {
        assert_eq!(self.mocks.received(), []);
    }

    /// Every request to the department meets this fault.
    pub(crate) fn spoil(&self, department: Department, fault: Fault) {
        let behaviour = Behaviour {
            fault,
            fault_rate: 1.0,
            ..Behaviour::default()
        };
        self.mocks.running.behave(department, behaviour);
    }

    /// The value of a counter or gauge by its name and labels as they are exposed.
    #[track_caller]
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let text = self.started.metrics.text();
        value_of(&text, series)
    }
}

/// The value of a series in an exposition; of all together that say these things and more.
#[track_caller]
pub(crate) fn value_of(exposition: &str, series: &str) -> f64 {
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.trim_end_matches('}').split(',');
    let found = exposition.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (said, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.split_once("} ")?,
            None => ("", rest.strip_prefix(' ')?),
        };
        let all = labels.clone().all(|label| said.contains(label));
        all.then(|| value.split(' ').next()?.parse::<f64>().ok())?
    });
    let found: Vec<_> = found.collect();
    assert!(!found.is_empty(), "no {series} in\n{exposition}");
    found.into_iter().sum()
}
