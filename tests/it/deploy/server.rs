//! A real Prometheus of its own, on a port of its own, in a folder of its own.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::edge::Client;
use crate::source::root;

/// Longer than anything takes on a machine that does other things, too.
const SOON: Duration = Duration::from_secs(60);

/// A server, killed when it is dropped.
pub(super) struct Prometheus {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

/// `prometheus` or `promtool`: one that is named, one that tests/run unpacked, or one of the system.
pub(super) fn program(name: &str, variable: &str) -> Command {
    let unpacked = root().join("target/tools/prometheus/usr/bin").join(name);
    let named = std::env::var_os(variable).filter(|named| !named.is_empty());
    let program = match named {
        Some(named) => PathBuf::from(named),
        None if unpacked.exists() => unpacked,
        None => PathBuf::from(name),
    };
    let mut command = Command::new(&program);
    command.stdin(Stdio::null());
    let found = command.arg("--version").output();
    assert!(
        found.is_ok_and(|out| out.status.success()),
        "{} cannot be run: tests/run unpacks Debian's, or name one in {variable}",
        program.display()
    );
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// Waits until it is so.
#[track_caller]
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "never came about: {what}");
        sleep(Duration::from_millis(100));
    }
}

impl Prometheus {
    /// Scrapes the gateway's operators' address once a second, by the shipped configuration.
    pub(super) fn scraping(gateway: SocketAddr, features: &str) -> Self {
        let folder = TempDir::new().unwrap();
        configure(folder.path(), gateway);
        let address = free();
        let mut command = program("prometheus", "MULTICODE_PROMETHEUS");
        let log = fs::File::create(folder.path().join("log")).unwrap();
        command
            .arg("--config.file")
            .arg(folder.path().join("prometheus.yml"))
            .arg("--storage.tsdb.path")
            .arg(folder.path().join("data"))
            .arg(format!("--web.listen-address={address}"))
            .arg(format!("--enable-feature={features}"))
            .stdout(Stdio::null())
            .stderr(log);
        let mut server = Self {
            child: command.spawn().unwrap(),
            address,
            folder,
        };
        until("prometheus is ready", || {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "{}", server.log());
            server.get("/-/ready").is_some_and(|it| it.0 == 200)
        });
        server
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Status and body, if it listens already.
    fn get(&self, path: &str) -> Option<(u16, Vec<u8>)> {
        TcpStream::connect(self.address).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: prometheus\r\n\r\n");
        let answer = Client::new(self.address).exchange(request);
        Some((answer.status, answer.body))
    }

    /// The `data` of an answer of its API.
    #[track_caller]
    pub(super) fn api(&self, path: &str) -> Value {
        let (_, body) = self.get(&format!("/api/v1/{path}")).unwrap();
        let mut answer: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].take()
    }

    /// What an expression gives: labels and value of every series.
    #[track_caller]
    pub(super) fn ask(&self, expression: &str) -> Vec<(Value, f64)> {
        let data = self.api(&format!("query?query={}", escaped(expression)));
        let all = data["result"].as_array().unwrap();
        let pair = |one: &Value| {
            let value = one["value"][1].as_str().unwrap_or("NaN");
            (one["metric"].clone(), value.parse().unwrap())
        };
        all.iter().map(pair).collect()
    }

    /// The one number an expression gives; not a number while there is none.
    #[track_caller]
    pub(super) fn number(&self, expression: &str) -> f64 {
        let found = self.ask(expression);
        assert!(found.len() < 2, "{expression}: {found:?}");
        found.first().map_or(f64::NAN, |one| one.1)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            // Beside the message of the test that failed.
            let _ = std::io::stderr().write_all(self.log().as_bytes());
        }
    }
}

/// The shipped files in this folder, but that everything happens once a second, and what has to last
/// for a minute for a second.
fn configure(folder: &Path, gateway: SocketAddr) {
    let shipped = root().join("deploy/prometheus");
    let written = fs::read_to_string(shipped.join("prometheus.yml")).unwrap();
    let mut config = written.clone();
    for (from, to) in [
        ("_interval: 15s", "_interval: 1s"),
        ("127.0.0.1:9090", &gateway.to_string()),
    ] {
        assert!(config.contains(from), "{from}");
        config = config.replace(from, to);
    }
    fs::write(folder.join("prometheus.yml"), config).unwrap();
    fs::create_dir(folder.join("rules")).unwrap();
    for file in super::rules::files("rules") {
        let rules = fs::read_to_string(&file).unwrap();
        let rules = rules.replace("for: 1m\n", "for: 1s\n");
        let name = file.file_name().unwrap();
        fs::write(folder.join("rules").join(name), rules).unwrap();
    }
}

/// An address nobody listens at.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// As it stands in a query string.
pub(super) fn escaped(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    });
    escaped.collect()
}
