//! The operators' side of a running gateway.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::operators::{Operators, Purpose, Watched, instance};
use super::manager::Manager;
use crate::admin::tokens::{self, PLACE};
use crate::admin::{self, Access, TokenTexts, Tokens};
use crate::app::{self, App};
use crate::config::{Admin, Config, ProcessSecrets, Secret};
use crate::reload::{Admit, First, Reloader, Seen};
use crate::trial::Outcome;
use crate::trust::standing::chain;
use crate::watch::Watch;

/// How long operators' answers may take when the process ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Does work on a thread of its own, where it waits behind no request, and sends what comes of it.
pub(super) fn aside<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (done, outcome) = oneshot::channel();
    let runtime = Handle::current();
    let work = move || {
        let _inside = runtime.enter();
        let _ = done.send(work());
    };
    thread::Builder::new().name(name.to_owned()).spawn(work)?;
    Ok(outcome)
}

/// What a gateway begins with.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    first: First,
    admin: Option<Admin>,
    watched: bool,
}

impl Files {
    /// What was read of `path`: what it means, as what it was seen, what its tests came to; whether it
    /// is read again when it changes.
    pub(super) fn new(
        path: PathBuf,
        config: &Config,
        seen: Seen,
        trials: Vec<Outcome>,
        watched: bool,
    ) -> Self {
        let first = First {
            written: Arc::clone(&config.written),
            since: app::now(),
            seen: Some(seen),
            trials: Some(trials),
        };
        Self {
            path,
            first,
            admin: config.admin.clone(),
            watched,
        }
    }
}

/// The operators whom the files beside `main` name, or those whom a file beside them does, which is made
/// if it is not there; and the gateway's names.
fn admitted(main: &Path, admin: Option<&Admin>) -> (Option<Tokens>, Box<[Box<str>]>) {
    let hosts = admin.iter().flat_map(|admin| admin.hosts.iter());
    let hosts = hosts.cloned().collect();
    let named = admin.filter(|admin| admin.named);
    let texts = if let Some(admin) = named {
        let text = |secret: &Option<Secret>| {
            let text = secret.as_ref()?.expose_text().ok()?;
            Some(text.to_owned())
        };
        Ok(TokenTexts {
            viewer: text(&admin.viewer),
            operator: text(&admin.operator),
        })
    } else {
        let path = main.with_file_name(PLACE);
        tokens::keep(&path).inspect(|_| {
            tracing::info!(path = %path.display(), "operators' tokens are in this file");
        })
    };
    let tokens = texts.and_then(|texts| match texts {
        TokenTexts {
            viewer: None,
            operator: None,
        } => Ok(None),
        texts => Tokens::of(&texts).map(Some),
    });
    match &tokens {
        Ok(Some(_)) => {}
        Ok(None) => tracing::error!("no operators' token is set: /admin/ is closed"),
        Err(error) => {
            let why = chain(error);
            tracing::error!(why, "there are no operators' tokens: /admin/ is closed");
        }
    }
    (tokens.ok().flatten(), hosts)
}

/// Where operators come in, and what they may do there.
#[derive(Debug)]
pub(super) struct Office {
    reloader: Arc<Reloader>,
    watch: Option<Watch>,
    draining: Arc<AtomicBool>,
    /// Rung by an operator who wants the process to end.
    end: Arc<Notify>,
    /// Dropped, it stops letting operators in.
    open: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Office {
    /// Lets operators in.
    pub(super) fn open(
        app: &App,
        files: Files,
        listener: Option<TcpListener>,
        manager: &Manager,
        watched: &Watched,
    ) -> Self {
        let Files {
            path,
            first,
            admin,
            watched: is_watched,
        } = files;
        let (sites, metrics) = (Arc::clone(app.sites()), app.metrics().clone());
        let started = first.since;
        let secrets = Box::new(ProcessSecrets::beside(&path));
        let reloader = Reloader::new(
            path.clone(),
            secrets,
            Arc::clone(&sites),
            metrics.clone(),
            first,
        );
        let mut reloader = reloader.witnessed_by(Box::new(manager.clone()));
        let mut access = None;
        if listener.is_some() {
            let (now, admit) = access_to(path, admin.as_ref());
            access = Some(now);
            reloader = reloader.admitting(admit);
        }
        let reloader = Arc::new(reloader);
        let draining = Arc::new(AtomicBool::new(false));
        let end = Arc::new(Notify::new());
        let operators = Operators {
            sites,
            metrics,
            reloader: Arc::clone(&reloader),
            live: app.telling().live.clone(),
            pulse: app.telling().pulse.clone(),
            started,
            instance: instance(),
            draining: Arc::clone(&draining),
            watched: watched.clone(),
            purpose: Purpose::Serve(Arc::clone(&end)),
        };
        let (open, closed) = oneshot::channel::<()>();
        let serving = listener.zip(access);
        let serving = serving.map(|(listener, access)| serve(listener, operators, access, closed));
        Self {
            watch: is_watched.then(|| watch(&reloader)).flatten(),
            reloader,
            draining,
            end,
            open: Some(open),
            serving,
        }
    }

    /// Waits until an operator wants the process to end.
    pub(super) fn end(&self) -> impl Future<Output = ()> + use<> {
        let end = Arc::clone(&self.end);
        async move { end.notified().await }
    }

    /// Reads the files again. Reading and compiling them takes a while; operators are served
    /// meanwhile.
    pub(super) fn reload(&self) {
        let reloader = Arc::clone(&self.reloader);
        let begun = aside("reload", move || reloader.reload(app::now()).is_ok());
        if let Err(error) = begun {
            tracing::error!(%error, "the files are not read again");
        }
    }

    /// Tells operators from now on that the gateway goes.
    pub(super) fn announce_drain(&mut self) {
        self.watch = None;
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Lets nobody in any more: a successor does.
    pub(super) fn close(&mut self) {
        self.watch = None;
        self.open = None;
    }

    /// Waits a moment for those who are still there.
    pub(super) async fn empty(mut self) {
        self.announce_drain();
        self.close();
        if let Some(serving) = self.serving.take() {
            let _ = timeout(FAREWELL, serving).await;
        }
    }
}

/// Who may come in by the files beside `main`, and how others are let in when they are read again.
fn access_to(main: PathBuf, named: Option<&Admin>) -> (Arc<Access>, Box<Admit>) {
    let (tokens, hosts) = admitted(&main, named);
    let access = Arc::new(Access::new(tokens, hosts));
    let door = Arc::clone(&access);
    let let_in = move |named: Option<&Admin>| {
        let (tokens, hosts) = admitted(&main, named);
        door.admit(tokens, hosts);
    };
    (access, Box::new(let_in))
}

/// Serves operators until it is told to end.
fn serve(
    listener: TcpListener,
    operators: Operators,
    access: Arc<Access>,
    end: oneshot::Receiver<()>,
) -> JoinHandle<()> {
    let end = async {
        let _ = end.await;
    };
    tokio::spawn(async {
        let serving = admin::serve_until(listener, Arc::new(operators), access, end);
        if let Err(error) = serving.await {
            tracing::error!(%error, "operators are not served");
        }
    })
}

/// Has the files read again when they change.
fn watch(reloader: &Arc<Reloader>) -> Option<Watch> {
    let (watch, work) = Watch::new(Arc::clone(reloader), app::now);
    let begun = aside("watch", work);
    let begun = begun.inspect_err(|error| tracing::error!(%error, "the files are not watched"));
    begun.ok().map(|_| watch)
}
