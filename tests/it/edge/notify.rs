//! What a service manager hears of the program on the socket of `NOTIFY_SOCKET`, played here.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

use super::{EAN, Files, Program};

/// Longer than anything that is going to be said takes.
const LONG: Duration = Duration::from_secs(60);

/// The manager's socket.
struct Ear {
    socket: UnixDatagram,
    named: String,
    _folder: TempDir,
}

impl Ear {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self::on(socket, path.to_str().unwrap().to_owned(), folder)
    }

    fn on(socket: UnixDatagram, named: String, folder: TempDir) -> Self {
        socket.set_read_timeout(Some(LONG)).unwrap();
        Self {
            socket,
            named,
            _folder: folder,
        }
    }

    /// Serves these files, with this manager over it.
    fn watch_over(&self, files: &Files, others: &[(&str, &str)]) -> Program {
        let own = [("NOTIFY_SOCKET", self.named.as_str())];
        let variables: Vec<_> = own.iter().chain(others).copied().collect();
        Program::serve_with(files, "info", &variables)
    }

    /// What is said next, line by line.
    #[track_caller]
    fn hears(&self) -> Vec<String> {
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).expect("a message");
        let text = String::from_utf8(message[..length].to_vec()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// The same, but for signs of life, and for what is said when the machine is too busy for them.
    #[track_caller]
    fn hears_news(&self) -> Vec<String> {
        loop {
            let lines = self.hears();
            if lines.len() > 1 {
                return lines;
            }
        }
    }

    /// Waits for a sign of life; nothing else may be said before it but that it is late.
    #[track_caller]
    fn hears_life(&self) {
        loop {
            let lines = self.hears();
            if lines == ["WATCHDOG=1"] {
                return;
            }
            assert!(
                lines.len() == 1 && lines[0].starts_with("STATUS="),
                "{lines:?}"
            );
        }
    }

    /// Hears of a reload that began after this instant.
    #[track_caller]
    fn hears_of_reload(&self, since: u64) {
        let lines = self.hears();
        assert_eq!(lines[0], "RELOADING=1");
        let at = lines[1].strip_prefix("MONOTONIC_USEC=").unwrap();
        let at: u64 = at.parse().unwrap();
        assert!(since <= at && at <= monotonic(), "{lines:?}");
    }
}

/// What the manager's clock says, in microseconds.
fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000).unwrap()
}

#[test]
fn the_manager_hears_when_scans_are_served() {
    let (ear, files) = (Ear::open(), Files::shipped());
    let program = ear.watch_over(&files, &[]);
    assert_eq!(ear.hears(), ["READY=1", "STATUS=serving"]);
    let scan = super::json(&serde_json::json!({ "code": EAN, "scene": "pharmacy" }));
    assert_eq!(program.send(&scan).status, 200);
}

#[test]
fn an_abstract_socket_is_heard_as_well() {
    let name = format!("multicode-notify-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    let ear = Ear::on(socket, format!("@{name}"), tempfile::tempdir().unwrap());
    let files = Files::shipped();
    let _program = ear.watch_over(&files, &[]);
    assert_eq!(ear.hears()[0], "READY=1");
}

#[test]
fn a_reload_is_told_from_its_beginning_to_its_end() {
    let (ear, files) = (Ear::open(), Files::shipped());
    let program = ear.watch_over(&files, &[]);
    ear.hears();
    let before = monotonic();
    program.signal("HUP");
    ear.hears_of_reload(before);
    assert_eq!(ear.hears(), ["READY=1", "STATUS=serving"]);

    // Who asked makes no difference.
    let before = monotonic();
    assert_eq!(
        program
            .send_json("/admin/reload", &serde_json::json!({}))
            .status,
        200
    );
    ear.hears_of_reload(before);
    assert_eq!(ear.hears()[0], "READY=1");
}

#[test]
fn a_reload_that_is_refused_ends_as_well_and_says_so() {
    let (ear, files) = (Ear::open(), Files::shipped());
    let program = ear.watch_over(&files, &[]);
    ear.hears();
    files.write("routes.d/edge.toml", "owner = 1\n");
    let before = monotonic();
    program.signal("HUP");
    ear.hears_of_reload(before);
    let lines = ear.hears();
    assert_eq!(lines[0], "READY=1");
    assert!(lines[1].contains("were refused"), "{lines:?}");
    assert_eq!(program.get("/readyz").json()["status"], "degraded");
}

#[test]
fn signs_of_life_come_only_from_a_process_that_lives() {
    let (ear, files) = (Ear::open(), Files::shipped());
    let program = ear.watch_over(&files, &[("WATCHDOG_USEC", "200000")]);
    assert_eq!(ear.hears_news()[0], "READY=1");
    for _ in 0..5 {
        ear.hears_life();
    }
    program.signal("STOP");
    // What was on its way when it was stopped.
    std::thread::sleep(Duration::from_millis(300));
    ear.socket.set_nonblocking(true).unwrap();
    while ear.socket.recv(&mut [0; 100]).is_ok() {}
    std::thread::sleep(Duration::from_millis(500));
    assert!(ear.socket.recv(&mut [0; 100]).is_err());
    ear.socket.set_nonblocking(false).unwrap();
    program.signal("CONT");
    ear.hears_life();
}

#[test]
fn the_end_is_announced_with_the_time_it_may_take() {
    let (ear, files) = (Ear::open(), Files::shipped());
    files.limit("drain_timeout = \"7s\"");
    let mut program = ear.watch_over(&files, &[("WATCHDOG_USEC", "200000")]);
    program.signal("TERM");
    assert_eq!(ear.hears_news()[0], "READY=1");
    let lines = ear.hears_news();
    assert_eq!(lines[..2], ["STOPPING=1", "EXTEND_TIMEOUT_USEC=17000000"]);
    assert!(program.ended().success());
}

#[test]
fn a_successor_becomes_the_process_the_manager_watches() {
    let (ear, files) = (Ear::open(), Files::shipped());
    let own = std::process::id().to_string();
    let mut program = ear.watch_over(&files, &[("WATCHDOG_USEC", "200000")]);
    assert_eq!(ear.hears_news()[0], "READY=1");
    program.signal("USR2");
    assert_eq!(ear.hears_news()[0], "READY=1", "the successor's");
    let lines = ear.hears_news();
    let successor = lines[0].strip_prefix("MAINPID=").unwrap();
    assert_ne!(successor, own);
    assert!(program.ended().success());
    for _ in 0..3 {
        ear.hears_life();
    }
    let said = program.said();
    assert!(said.contains(&format!("\"pid\":{successor}")), "{said}");
    let ended = Command::new("kill")
        .args(["-s", "TERM", successor])
        .status();
    assert!(ended.unwrap().success());
    assert_eq!(ear.hears_news()[0], "STOPPING=1");
}
