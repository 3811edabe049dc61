//! Signs of life for a service manager, only while every worker gives one. A gateway whose workers hang
//! is to be started anew, and nobody else would notice: operators are answered by another thread.

use std::pin::pin;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::super::operators::Watched;
use super::manager::Manager;
use crate::server::Ended;

/// Tells the manager twice within its patience that the gateway is alive. The runtime that does this is
/// the one that hears signals and answers operators. Ends when dropped.
#[derive(Debug)]
pub(super) struct Watchdog(Option<JoinHandle<()>>);

impl Watchdog {
    /// Begins, if the manager waits for it.
    pub(super) fn begin(manager: &Manager, watched: &Watched) -> Self {
        let patience = manager.patience();
        Self(patience.map(|patience| {
            let (manager, watched) = (manager.clone(), watched.clone());
            tokio::spawn(async move { watch(&manager, &watched, patience / 2).await })
        }))
    }

    /// Gives no more signs of life: somebody else does.
    pub(super) fn end(&self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.end();
    }
}

async fn watch(manager: &Manager, watched: &Watched, every: Duration) {
    loop {
        if all_answer(manager, watched, every).await {
            manager.alive();
        }
        sleep(every).await;
    }
}

/// Waits for every worker. What is late is complained of once and waited for all the same: a gateway
/// that comes round before the manager loses patience is alive.
async fn all_answer(manager: &Manager, watched: &Watched, every: Duration) -> bool {
    let Some(pulse) = watched.pulse() else {
        return true;
    };
    for worker in 0..pulse.workers() {
        let mut asked = pin!(pulse.ask(worker));
        let answered = if let Ok(answered) = timeout(every, &mut asked).await {
            answered
        } else {
            tracing::error!(worker, "a worker does not answer");
            manager.status("a worker does not answer");
            let answered = asked.await;
            manager.status("serving");
            answered
        };
        if let Err(Ended(worker)) = answered {
            if watched.pulse().is_none() {
                // It was told to, meanwhile.
                return true;
            }
            tracing::error!(worker, "a worker has ended");
            manager.status("a worker has ended");
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::os::unix::net::UnixDatagram;
    use std::sync::{Arc, Mutex};

    use http::{Request, Response};

    use super::*;
    use crate::server::{
        Config, Handler, Listener, Patience, Peer, Refusals, RequestBody, Rules, Server,
        WorkerContext,
    };
    use crate::time::Timestamp;
    use crate::upstream::ResponseBody;

    /// Holds its thread up until it may go on.
    #[derive(Clone)]
    struct Hangs(Arc<Mutex<()>>);

    impl Handler for Hangs {
        async fn handle(&self, _: Request<RequestBody>, _: &Peer) -> Response<ResponseBody> {
            drop(self.0.lock().unwrap());
            Response::new("done".into())
        }
    }

    fn server() -> Server {
        let long = Duration::from_secs(30);
        let config = Config {
            listeners: vec![Listener::at(([127, 0, 0, 1], 0))],
            workers: 2,
            rules: Rules::up_to(10),
            patience: Patience {
                header: long,
                idle: long,
            },
            refusals: Refusals::default(),
            fast_lane: true,
            clock: Timestamp::default,
        };
        Server::bind(config).unwrap()
    }

    /// Who hears the watchdog, and the manager that tells it.
    fn ear() -> (tempfile::TempDir, UnixDatagram, Manager) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let path = path.to_str().unwrap().to_owned();
        let manager = Manager::find(move |name| match name {
            "NOTIFY_SOCKET" => Some(path.clone()),
            "WATCHDOG_USEC" => Some("100000".into()),
            _ => None,
        });
        (folder, socket, manager)
    }

    fn hears(socket: &UnixDatagram) -> String {
        let mut message = [0; 100];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_worker_that_hangs_is_not_covered_up() {
        let runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = { runtime }.enable_all().worker_threads(1).build().unwrap();
        let _inside = runtime.enter();
        let (server, gate) = (server(), Arc::new(Mutex::new(())));
        let handler = Hangs(Arc::clone(&gate));
        let running = server.start(move |_: &WorkerContext| handler.clone());
        let running = running.unwrap();
        let (_folder, socket, manager) = ear();
        let watched = Watched::default();
        watched.work(running.pulse());
        let _watchdog = Watchdog::begin(&manager, &watched);
        assert_eq!(hears(&socket), "WATCHDOG=1");

        let shut = gate.lock().unwrap();
        let mut client = TcpStream::connect(server.addresses()[0].tcp().unwrap()).unwrap();
        let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        client.write_all(request.as_bytes()).unwrap();
        // What was on its way comes first.
        while hears(&socket) != "STATUS=a worker does not answer" {}
        socket.set_nonblocking(true).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert!(runtime.block_on(watched.silent()).is_some());
        assert!(socket.recv(&mut [0; 100]).is_err(), "not a word");
        socket.set_nonblocking(false).unwrap();

        drop(shut);
        assert_eq!(hears(&socket), "STATUS=serving");
        assert_eq!(hears(&socket), "WATCHDOG=1");
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("done"), "{answer}");
        assert_eq!(runtime.block_on(watched.silent()), None);
    }

    #[test]
    fn workers_that_ended_are_missed_unless_they_shall() {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        let (_folder, socket, manager) = ear();
        let watched = Watched::default();
        let running = server().start(|_: &WorkerContext| Hangs(Arc::default()));
        let running = running.unwrap();
        watched.work(running.pulse());
        let is_alive = || runtime.block_on(all_answer(&manager, &watched, Duration::from_secs(30)));
        assert!(is_alive());
        running.drain(Duration::ZERO);
        assert!(!is_alive());
        assert_eq!(hears(&socket), "STATUS=a worker has ended");
        watched.rest();
        assert!(is_alive());
    }
}
