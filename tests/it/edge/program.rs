//! The program itself, as an operator starts it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use super::{Answer, Client, Files, KEYS, SECRET, eventually};

/// `multicode serve`, killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    said: Arc<Mutex<String>>,
    pub(crate) scan: SocketAddr,
    pub(crate) admin: SocketAddr,
    tokens: PathBuf,
}

impl Program {
    /// Serves these files at ports of its own choice.
    pub(crate) fn serve(files: &Files, log: &str) -> Self {
        Self::serve_with(files, log, &[])
    }

    /// The same, and reads the files again as soon as they change.
    pub(crate) fn watching(files: &Files) -> Self {
        Self::serve_as(files, "info", &[], &[])
    }

    /// The same with these variables. Tests say themselves when files are to be read again.
    pub(super) fn serve_with(files: &Files, log: &str, variables: &[(&str, &str)]) -> Self {
        Self::serve_as(files, log, variables, &["--no-watch"])
    }

    fn serve_as(files: &Files, log: &str, variables: &[(&str, &str)], options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_multicode"));
        let any = "127.0.0.1:0";
        command
            .arg("serve")
            .arg("--config")
            .arg(files.main())
            .args(["--listen", any, "--admin", any, "--workers", "1"])
            .args(options)
            .env_clear()
            .envs(KEYS.map(|name| (name, SECRET)))
            .env("MULTICODE_LOG", log)
            .envs(crate::lane::variable())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        listen(child.stderr.take().unwrap(), Arc::clone(&said));
        listen(child.stdout.take().unwrap(), Arc::clone(&said));
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut program = Self {
            child,
            said,
            scan: nowhere,
            admin: nowhere,
            tokens: files.path("state/admin-tokens"),
        };
        program.scan = program.address("listening for scans");
        program.admin = program.address("listening for operators");
        program
    }

    /// Its number.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Where it takes scans.
    pub(crate) fn scan_address(&self) -> SocketAddr {
        self.scan
    }

    /// Everything it said so far, on both streams.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    #[track_caller]
    pub(super) fn wait_until_it_says(&self, words: &str) {
        eventually(words, || self.said().contains(words));
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end.
    pub(super) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// What operators read at this path.
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &self.as_operator(), "")
    }

    /// What operators are answered who send this there.
    pub(super) fn send_json(&self, path: &str, body: &Value) -> Answer {
        let headers = self.as_operator() + "Content-Type: application/json\r\n";
        self.ask("POST", path, &headers, body.to_string())
    }

    /// Asks the operators' listener with these header lines, each with its end.
    pub(super) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: impl AsRef<[u8]>,
    ) -> Answer {
        Client::new(self.admin).exchange(self.request(method, path, headers, body))
    }

    /// The same as bytes.
    pub(super) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: impl AsRef<[u8]>,
    ) -> Vec<u8> {
        let (host, body) = (self.admin, body.as_ref());
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }

    /// The token that was made for a role.
    pub(crate) fn token(&self, role: &str) -> String {
        eventually("tokens are made", || self.tokens.exists());
        let text = std::fs::read_to_string(&self.tokens).unwrap();
        let texts: toml::Table = toml::from_str(&text).unwrap();
        texts[role].as_str().unwrap().to_owned()
    }

    /// The header line of whoever may do everything.
    pub(super) fn as_operator(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token("operator"))
    }

    /// The header line of whoever may look.
    pub(super) fn as_viewer(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.token("viewer"))
    }

    /// Sends the bytes on a connection of their own and reads one answer.
    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) -> Answer {
        Client::new(self.scan).exchange(bytes)
    }

    fn address(&self, message: &str) -> SocketAddr {
        self.wait_until_it_says(message);
        let said = self.said();
        let event = said
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|event| event["message"] == message);
        let event = event.unwrap_or_else(|| panic!("not a line of JSON: {said}"));
        event["address"].as_str().unwrap().parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whole lines only, so that nobody reads half an event.
fn listen(stream: impl Read + Send + 'static, said: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
        }
    });
}
