//! The program is replaced while terminals scan: a service manager, played here, holds the sockets.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use super::crowd::Crowd;
use super::department::Department;
use super::process::{Folder, Process};

/// Passes what it got as standard input and output on as descriptors 3 and 4, as systemd does.
pub(super) const PASS: &str =
    r#"export LISTEN_PID=$$ LISTEN_FDS=2; exec "$@" 3<&0 4>&1 0</dev/null 1>&2"#;

const BETWEEN: u64 = 200;

/// The manager: it holds the sockets while services come and go.
struct Manager {
    folder: Folder,
    scan: TcpListener,
    admin: TcpListener,
}

impl Manager {
    fn new(department: SocketAddr) -> Self {
        let any = "127.0.0.1:0";
        Self {
            folder: Folder::new(department),
            scan: TcpListener::bind(any).unwrap(),
            admin: TcpListener::bind(any).unwrap(),
        }
    }

    fn command(&self, names: &str) -> Command {
        let mut command = self.folder.serve(&["sh", "-c", PASS, "sh"], &[]);
        let socket = |socket: &TcpListener| OwnedFd::from(socket.try_clone().unwrap());
        command
            .env("LISTEN_FDNAMES", names)
            .stdin(Stdio::from(socket(&self.scan)))
            .stdout(Stdio::from(socket(&self.admin)));
        command
    }

    fn start(&self) -> Process {
        Process::start(self.command("scan:admin"))
    }
}

fn end(mut process: Process) {
    process.signal("TERM");
    assert!(process.ended().success(), "{}", process.said());
    process.wait_for("stopped", 1);
    let stopped = &process.events("stopped")[0];
    assert_eq!(
        (&stopped["cut_off"], &stopped["unfinished"]),
        (&0.into(), &0.into())
    );
}

#[track_caller]
fn check(times: usize, beside: bool) {
    let department = Department::open();
    let manager = Manager::new(department.address);
    let mut process = Some(manager.start());
    let crowd = Crowd::at(manager.scan.local_addr().unwrap());
    for _ in 0..times {
        crowd.scan_on(BETWEEN);
        let next = beside.then(|| manager.start());
        end(process.take().unwrap());
        // Where the next one was not there yet, who came meanwhile has waited for it.
        process = Some(next.unwrap_or_else(|| manager.start()));
    }
    crowd.scan_on(BETWEEN);
    let tally = crowd.disperse();
    assert_eq!(tally.failures, Vec::<String>::new(), "of {}", tally.scans);
    assert_eq!(department.received_again(), []);
    assert_eq!(department.received(), tally.scans);
    let process = process.unwrap();
    assert_eq!(process.addresses()[0], manager.scan.local_addr().unwrap());
    assert_eq!(process.admin(), manager.admin.local_addr().unwrap());
    end(process);
}

#[test]
fn a_restart_on_sockets_of_the_manager_loses_no_scan() {
    check(3, false);
}

#[test]
fn a_service_beside_the_one_that_ends_loses_no_scan() {
    check(3, true);
}

#[test]
#[ignore = "the long proof: a minute or two"]
fn thirty_restarts_on_sockets_of_the_manager_lose_no_scan() {
    check(30, false);
    check(30, true);
}

#[test]
fn a_gateway_on_sockets_of_the_manager_hands_over_as_well() {
    let department = Department::open();
    let manager = Manager::new(department.address);
    let process = manager.start();
    let crowd = Crowd::at(manager.scan.local_addr().unwrap());
    crowd.scan_on(BETWEEN);
    process.signal("USR2");
    process.wait_for("the successor serves", 1);
    crowd.scan_on(BETWEEN);
    process.wait_for("stopped", 1);
    assert_eq!(process.get("/readyz").0, 200);
    assert_eq!(crowd.disperse().failures, Vec::<String>::new());
}

#[test]
fn a_socket_that_fits_nowhere_stops_the_start() {
    let department = Department::open();
    let manager = Manager::new(department.address);
    for (names, expected) in [
        (
            "scan:other",
            "named \"other\", and there is no such listener",
        ),
        (
            "admin:admin",
            "more than one inherited socket is for operators",
        ),
    ] {
        let output = manager.command(names).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn sockets_without_names_are_taken_in_order() {
    let department = Department::open();
    let manager = Manager::new(department.address);
    // A socket unit's name, which is no listener's.
    let mut command = manager.command("gateway.socket:gateway.socket");
    command.args(["--admin", "127.0.0.1:0"]);
    let process = Process::start(command);
    let expected = [&manager.scan, &manager.admin].map(|it| it.local_addr().unwrap());
    assert_eq!(process.addresses(), expected);
    end(process);
}
