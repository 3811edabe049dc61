//! What a service manager is told of a gateway: that it serves, reads its files again, ends, is
//! succeeded, and is alive. The protocol is that of `sd_notify(3)`: datagrams of lines to the socket
//! that `NOTIFY_SOCKET` names. Whether anybody listens changes nothing about the gateway.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::reload::{Stale, Witness};

/// Where the manager listens.
const SOCKET: &str = "NOTIFY_SOCKET";

/// How long the manager waits for a sign of life, in microseconds.
const WATCHDOG: &str = "WATCHDOG_USEC";

/// Whose sign of life it waits for, if not anybody's.
pub(super) const WATCHED: &str = "WATCHDOG_PID";

/// A manager that reads nothing must not hold the gateway up for longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Beyond what requests under way may take at the end: the ledger's and the audit trail's last words.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Who started the gateway and watches over it; nobody, as the case may be.
#[derive(Clone, Debug, Default)]
pub(super) struct Manager {
    line: Option<Arc<Line>>,
    /// How long it waits for a sign of life.
    patience: Option<Duration>,
}

/// The way to it.
#[derive(Debug)]
struct Line {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Manager {
    /// Finds it by the variables of this process.
    pub(super) fn find(variable: impl Fn(&str) -> Option<String>) -> Self {
        let Some(named) = variable(SOCKET).filter(|named| !named.is_empty()) else {
            return Self::default();
        };
        let line = match Line::open(&named) {
            Ok(line) => Arc::new(line),
            Err(error) => {
                tracing::warn!(%error, "the service manager cannot be told anything");
                return Self::default();
            }
        };
        let watched = variable(WATCHED).and_then(|pid| pid.parse().ok());
        let is_watched = watched.is_none_or(|pid: u32| pid == std::process::id());
        let patience = variable(WATCHDOG).and_then(|text| text.parse().ok());
        let patience = patience.filter(|micros| is_watched && *micros > 0);
        Self {
            line: Some(line),
            patience: patience.map(Duration::from_micros),
        }
    }

    /// How long it waits for a sign of life, if it does.
    pub(super) const fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// The gateway serves.
    pub(super) fn ready(&self, status: &str) {
        self.say(&format!("READY=1\nSTATUS={status}"));
    }

    /// The files are read again. The instant tells the manager that this is after it asked for it.
    fn reloading(&self) {
        let now = monotonic();
        self.say(&format!(
            "RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=reading the files"
        ));
    }

    /// The gateway ends, which may take so long.
    pub(super) fn stopping(&self, drain: Duration) {
        let within = drain.saturating_add(LAST_WORDS).as_micros();
        self.say(&format!(
            "STOPPING=1\nEXTEND_TIMEOUT_USEC={within}\nSTATUS=ending what is under way"
        ));
    }

    /// Another process of this service serves in this one's place.
    pub(super) fn succeeded_by(&self, process: u32) {
        self.say(&format!("MAINPID={process}\nSTATUS=a successor serves"));
    }

    /// The gateway is alive.
    pub(super) fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    /// How the gateway is, in a few words of one line.
    pub(super) fn status(&self, status: &str) {
        self.say(&format!("STATUS={status}"));
    }

    fn say(&self, lines: &str) {
        let Some(line) = &self.line else { return };
        if let Err(error) = line.say(lines) {
            tracing::warn!(%error, "the service manager was not told");
        }
    }
}

impl Witness for Manager {
    fn begins(&self) {
        self.reloading();
    }

    fn ended(&self, outcome: Result<(), &Stale>) {
        match outcome {
            Ok(()) => self.ready("serving"),
            // What is in force serves on: ready it is, and the log says why it is not newer.
            Err(_) => self.ready("serving; the newest files were refused, the log says why"),
        }
    }
}

impl Line {
    fn open(named: &str) -> io::Result<Self> {
        let address = match named.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None if named.starts_with('/') => SocketAddr::from_pathname(named)?,
            None => {
                let why = "NOTIFY_SOCKET is neither a path nor an abstract name";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket, address })
    }

    fn say(&self, lines: &str) -> io::Result<()> {
        self.socket
            .send_to_addr(lines.as_bytes(), &self.address)
            .map(drop)
    }
}

/// Microseconds of the clock that managers go by.
fn monotonic() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec
        .saturating_mul(1_000_000)
        .saturating_add(now.tv_nsec / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(socket: &str, patience: Option<&str>, watched: Option<&str>) -> Manager {
        Manager::find(|name| match name {
            SOCKET => Some(socket.to_owned()),
            WATCHDOG => patience.map(str::to_owned),
            WATCHED => watched.map(str::to_owned),
            _ => None,
        })
    }

    fn heard(socket: &UnixDatagram) -> String {
        let mut message = [0; 1024];
        let length = socket.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    #[test]
    fn what_is_said_arrives_by_path_and_by_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("multicode-test-{}", std::process::id());
        let by_name = SocketAddr::from_abstract_name(&name).unwrap();
        let sockets = [
            (path.to_str().unwrap().to_owned(), UnixDatagram::bind(&path)),
            (format!("@{name}"), UnixDatagram::bind_addr(&by_name)),
        ];
        for (named, socket) in sockets {
            let (socket, manager) = (socket.unwrap(), manager(&named, None, None));
            manager.ready("serving");
            assert_eq!(heard(&socket), "READY=1\nSTATUS=serving");
            manager.succeeded_by(7);
            assert_eq!(heard(&socket), "MAINPID=7\nSTATUS=a successor serves");
            manager.stopping(Duration::from_secs(1));
            let stopping =
                "STOPPING=1\nEXTEND_TIMEOUT_USEC=11000000\nSTATUS=ending what is under way";
            assert_eq!(heard(&socket), stopping);
            let before = monotonic();
            manager.reloading();
            let reloading = heard(&socket);
            let at = reloading
                .split("MONOTONIC_USEC=")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            let at: i64 = at.unwrap().parse().unwrap();
            assert!(before <= at && at <= monotonic(), "{reloading}");
        }
    }

    #[test]
    fn nobody_is_told_where_nobody_listens() {
        for named in ["", "relative", "@", "/nowhere/at/all"] {
            let manager = manager(named, Some("1000000"), None);
            manager.ready("serving");
            manager.alive();
        }
    }

    #[test]
    fn only_the_process_that_is_watched_gives_signs_of_life() {
        let own = std::process::id().to_string();
        let after = |patience, watched| manager("/nowhere", patience, watched).patience();
        let second = Some(Duration::from_secs(1));
        assert_eq!(after(Some("1000000"), Some(&own)), second);
        assert_eq!(after(Some("1000000"), None), second);
        assert_eq!(after(Some("1000000"), Some("1")), None);
        assert_eq!(after(Some("0"), None), None);
        assert_eq!(after(Some("soon"), None), None);
        assert_eq!(after(None, None), None);
    }
}
