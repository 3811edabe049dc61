//! The operators' side of a running gateway.

use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::operators::{Operators, Purpose, instance};
use super::manager::Manager;
use crate::admin::tokens::{self, PLACE};
use crate::admin::{self, Access, TokenTexts, Tokens};
use crate::app::{self, App};
use crate::config::{Admin, Config, Fingerprint, ProcessSecrets, Secret, Written};
use crate::reload::{First, Reloader};
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

/// What the files say to operators.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    written: Arc<Written>,
    seen: Fingerprint,
    admin: Option<Admin>,
    watched: bool,
}

impl Files {
    /// Takes them out of a configuration that was read from `path` this moment; whether they are
    /// read again when they change.
    pub(super) fn of(config: &Config, path: PathBuf, watched: bool) -> Self {
        Self {
            written: Arc::clone(&config.written),
            seen: Fingerprint::of(&path, &config.written.named),
            admin: config.admin.clone(),
            path,
            watched,
        }
    }

    /// Who may come in: those the files name, or those a file beside them does, which is made if it
    /// is not there.
    fn access(&self) -> Access {
        let hosts = self.admin.iter().flat_map(|admin| admin.hosts.iter());
        let hosts = hosts.cloned().collect();
        let named = self.admin.as_ref().filter(|admin| admin.named);
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
            let path = self.path.with_file_name(PLACE);
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
        Access::new(tokens.ok().flatten(), hosts)
    }
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
        files: &Files,
        listener: Option<TcpListener>,
        manager: &Manager,
    ) -> Self {
        let path = files.path.clone();
        let secrets = Box::new(ProcessSecrets::beside(&path));
        let (sites, metrics) = (Arc::clone(app.sites()), app.metrics().clone());
        let started = app::now();
        let first = First {
            written: Arc::clone(&files.written),
            since: started,
            seen: Some(files.seen),
        };
        let reloader = Reloader::new(path, secrets, Arc::clone(&sites), metrics.clone(), first);
        let reloader = Arc::new(reloader.witnessed_by(Box::new(manager.clone())));
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
            purpose: Purpose::Serve(Arc::clone(&end)),
        };
        let (open, closed) = oneshot::channel::<()>();
        let serving = listener.map(|listener| {
            let (access, operators) = (files.access(), Arc::new(operators));
            let closed = async {
                let _ = closed.await;
            };
            tokio::spawn(async {
                let serving = admin::serve_until(listener, operators, access, closed);
                if let Err(error) = serving.await {
                    tracing::error!(%error, "operators are not served");
                }
            })
        });
        Self {
            watch: files.watched.then(|| watch(&reloader)).flatten(),
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

/// Has the files read again when they change.
fn watch(reloader: &Arc<Reloader>) -> Option<Watch> {
    let (watch, work) = Watch::new(Arc::clone(reloader), app::now);
    let begun = aside("watch", work);
    let begun = begun.inspect_err(|error| tracing::error!(%error, "the files are not watched"));
    begun.ok().map(|_| watch)
}
