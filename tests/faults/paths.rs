//! A listener at a path while processes come and go.

use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::spawn;

use super::activation::PASS;
use super::crowd::scan;
use super::department::Department;
use super::process::{Folder, Process};
use super::{SOON, eventually};

/// Scans between two events.
const BETWEEN: u64 = 100;

/// Adds a listener at a path to the files.
fn with_path(folder: &Folder) -> PathBuf {
    let path = folder.path("scan.sock");
    let text = fs::read_to_string(folder.path("routes.toml")).unwrap();
    let listener = format!(
        "{text}\n[listener.local]\naddress = \"unix:{}\"\nmode = \"0660\"\nterminals = \"any\"\nanonymous = true\ndefault_scene = \"other\"\n",
        path.display()
    );
    folder.write("routes.toml", &listener);
    path
}

/// Scans over a connection of its own; the answer must be the scan.
fn exchange(path: &Path, number: u64) -> io::Result<()> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(SOON))?;
    let body = scan(number, number % 5);
    let length = body.len();
    write!(
        stream,
        "POST /v1/scan HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    stream.shutdown(Shutdown::Write)?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    if said.contains(" 200 ") && said.ends_with(&body) {
        return Ok(());
    }
    Err(io::Error::other(said))
}

/// Somebody who scans there until told to stop.
struct Scanner {
    stop: Arc<AtomicBool>,
    scans: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<Vec<String>>,
}

impl Scanner {
    fn at(path: &Path) -> Self {
        let (stop, scans) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (over, count, path) = (Arc::clone(&stop), Arc::clone(&scans), path.to_owned());
        let thread = spawn(move || {
            let mut failures = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let number = count.fetch_add(1, Ordering::Relaxed);
                if let Err(error) = exchange(&path, number) {
                    failures.push(error.to_string());
                }
            }
            failures
        });
        Self {
            stop,
            scans,
            thread,
        }
    }

    fn scan_on(&self) {
        let enough = self.scans.load(Ordering::Relaxed) + BETWEEN;
        eventually("scans go on", || {
            self.scans.load(Ordering::Relaxed) >= enough
        });
    }

    #[track_caller]
    fn lost_nothing(self) {
        self.stop.store(true, Ordering::Relaxed);
        assert_eq!(self.thread.join().unwrap(), Vec::<String>::new());
    }
}

const ANY: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

#[test]
fn a_path_passes_to_the_successor_and_is_taken_away_at_the_end() {
    let department = Department::open();
    let folder = Folder::new(department.address);
    let path = with_path(&folder);
    let process = Process::start(folder.serve(&[], &ANY));
    let made = fs::symlink_metadata(&path).unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o660);
    let scanner = Scanner::at(&path);
    scanner.scan_on();
    for times in 1..=2 {
        process.signal("USR2");
        process.wait_for("the successor serves", times);
        scanner.scan_on();
        process.wait_for("stopped", times);
        assert_eq!(fs::symlink_metadata(&path).unwrap().ino(), made.ino());
    }
    scanner.scan_on();
    scanner.lost_nothing();
    process.signal("TERM");
    eventually("the file is taken away", || !path.exists());
    process.wait_for("stopped", 3);
}

#[test]
fn what_a_dead_process_left_is_replaced_and_what_a_live_one_has_is_not() {
    let department = Department::open();
    let folder = Folder::new(department.address);
    let path = with_path(&folder);
    let mut first = Process::start(folder.serve(&[], &ANY));
    let output = folder.serve(&[], &ANY).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("scan.sock: address in use"), "{said}");
    exchange(&path, 1).unwrap();
    first.signal("KILL");
    first.ended();
    assert!(path.exists());
    let second = Process::start(folder.serve(&[], &ANY));
    exchange(&path, 2).unwrap();
    drop(second);
    fs::remove_file(&path).unwrap();
    folder.write("scan.sock", "precious");
    let output = folder.serve(&[], &ANY).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_manager_may_hold_the_path() {
    let department = Department::open();
    let folder = Folder::new(department.address);
    let written = with_path(&folder);
    // The manager's path counts, and stays the manager's.
    let path = folder.path("manager.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let admin = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let start = || {
        let mut command = folder.serve(&["sh", "-c", PASS, "sh"], &["--listen", "127.0.0.1:0"]);
        command
            .env("LISTEN_FDNAMES", "local:admin")
            .stdin(Stdio::from(OwnedFd::from(listener.try_clone().unwrap())))
            .stdout(Stdio::from(OwnedFd::from(admin.try_clone().unwrap())));
        Process::start(command)
    };
    let scanner = Scanner::at(&path);
    for _ in 0..2 {
        let mut process = start();
        scanner.scan_on();
        process.signal("TERM");
        assert!(process.ended().success(), "{}", process.said());
        assert!(path.exists() && !written.exists());
    }
    // A successor knows whose it is.
    let process = start();
    process.signal("USR2");
    process.wait_for("the successor serves", 1);
    scanner.scan_on();
    scanner.lost_nothing();
    process.signal("TERM");
    process.wait_for("stopped", 2);
    assert!(path.exists());
}
