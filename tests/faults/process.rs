//! The program, and whoever takes its place.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::spawn;

use serde_json::Value;
use tempfile::TempDir;

use super::{SOON, eventually};

/// A configuration whose health cards go to one department, and a copy of the program's name that
/// can be given to another program.
pub(super) struct Folder(TempDir);

impl Folder {
    /// The shipped files with this department behind them, and a second listener with TLS.
    pub(super) fn new(department: SocketAddr) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["plugins", "routes.d"] {
            fs::create_dir(folder.path(name)).unwrap();
            for entry in fs::read_dir(root.join(name)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    fs::copy(&path, folder.path(name).join(path.file_name().unwrap())).unwrap();
                }
            }
        }
        fs::copy(root.join("terminals.toml"), folder.path("terminals.toml")).unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        folder.write("cert.pem", &made.cert.pem());
        folder.write("key.pem", &made.signing_key.serialize_pem());
        let mine = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(folder.path("key.pem"), mine).unwrap();
        let secure = r#"
[listener.secure]
address = "127.0.0.1:0"
terminals = "any"
anonymous = true
default_scene = "other"
tls = { cert = "cert.pem", key = "key.pem" }
"#;
        let routes = fs::read_to_string(root.join("routes.toml")).unwrap();
        folder.write("routes.toml", &(routes + secure));
        folder.write(
            "routes.d/faults.toml",
            &format!(
                r#"
owner = "faults"
[upstream.faults]
endpoints = ["http://{department}"]
timeout = "20s"
[[route]]
name    = "faults"
match   = {{ kind = ["health-card"], scene = ["other"] }}
forward = {{ upstream = "faults", path = "/in", method = "POST", headers = {{ x-code-kind = "family" }} }}
"#
            ),
        );
        folder.install(Path::new(env!("CARGO_BIN_EXE_multicode")));
        folder
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Replaces a text that must be there.
    pub(super) fn change(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, &text.replace(from, to));
    }

    /// Makes this the program that runs next.
    pub(super) fn install(&self, program: &Path) {
        let new = self.path("new");
        std::os::unix::fs::symlink(program, &new).unwrap();
        fs::rename(new, self.program()).unwrap();
    }

    pub(super) fn program(&self) -> PathBuf {
        self.path("multicode")
    }

    /// `multicode serve` on these files, with these words in front of it and behind it.
    pub(super) fn serve(&self, before: &[&str], after: &[&str]) -> Command {
        let program = self.program();
        let mut command = match before {
            [] => Command::new(program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command
            .args(["serve", "--no-watch", "--workers", "2", "--config"])
            .arg(self.path("routes.toml"))
            .args(after)
            .env("MULTICODE_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }
}

/// A gateway that runs, whoever serves in it; killed when dropped.
pub(super) struct Process {
    child: Child,
    /// Everything that it and its successors said.
    said: Arc<Mutex<String>>,
}

impl Process {
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (stderr, log) = (child.stderr.take().unwrap(), Arc::clone(&said));
        spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                *log.lock().unwrap() += &(line + "\n");
            }
        });
        let process = Self { child, said };
        process.wait_for("listening for operators", 1);
        process
    }

    pub(super) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// The events with this message.
    pub(super) fn events(&self, message: &str) -> Vec<Value> {
        let said = self.said();
        let events = said
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        events
            .filter(|event: &Value| event["message"] == message)
            .collect()
    }

    /// Waits until it was said so often.
    #[track_caller]
    pub(super) fn wait_for(&self, message: &str, times: usize) {
        let began = std::time::Instant::now();
        while self.events(message).len() < times {
            assert!(began.elapsed() < SOON, "no {message:?}:\n{}", self.said());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Where its listeners are, in the order of the files, but those at paths.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        let events = self.events("listening for scans");
        let address = |event: &Value| event["address"].as_str().unwrap().parse().ok();
        events.iter().filter_map(address).collect()
    }

    pub(super) fn admin(&self) -> SocketAddr {
        let event = self.events("listening for operators").remove(0);
        event["address"].as_str().unwrap().parse().unwrap()
    }

    /// The process that was started here.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The process that serves now.
    pub(super) fn serving(&self) -> u32 {
        let last = self.events("the successor serves").pop();
        let id = last.and_then(|event| u32::try_from(event["pid"].as_u64()?).ok());
        id.unwrap_or_else(|| self.child.id())
    }

    pub(super) fn signal(&self, name: &str) {
        assert!(signal(self.serving(), name), "{}", self.said());
    }

    /// Waits until the process that was started here ends.
    pub(super) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the process ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Status and text operators get at this path.
    pub(super) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.admin()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        (text.get(9..12).unwrap().parse().unwrap(), text)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let serving = self.serving();
        if serving != self.child.id() {
            signal(serving, "KILL");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(id: u32, name: &str) -> bool {
    let id = id.to_string();
    Command::new("kill")
        .args(["-s", name, &id])
        .status()
        .unwrap()
        .success()
}
