//! A real redis-server of its own for every test, on a port of its own, in a folder of its own.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use redis::Value;
use tempfile::TempDir;

/// Longer than any start takes on a machine that does other things, too.
const SOON: Duration = Duration::from_secs(30);

/// A server, killed when it is dropped.
pub(crate) struct Server {
    child: Option<Child>,
    port: u16,
    folder: TempDir,
    options: Vec<String>,
}

impl Server {
    /// Starts one with these options beside the defaults: no file of any sort.
    pub(crate) fn start(options: &[&str]) -> Self {
        let mut server = Self::prepare(options);
        while !server.launch() {
            server.port = free_port();
        }
        server
    }

    /// One that does not run yet.
    pub(crate) fn prepare(options: &[&str]) -> Self {
        Self {
            child: None,
            port: free_port(),
            folder: TempDir::new().unwrap(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
        }
    }

    /// A replica of it, in step.
    pub(crate) fn replica(&self) -> Self {
        let port = self.port.to_string();
        let replica = Self::start(&["--replicaof", &format!("127.0.0.1 {port}")]);
        // To a primary that never had one, one that is just coming seems to have everything.
        until("the replica is in step", || {
            let line = self.info("slave0").unwrap_or_default();
            line.contains("state=online") && self.reaches_a_replica()
        });
        replica
    }

    /// Whether something written now is confirmed.
    fn reaches_a_replica(&self) -> bool {
        let client = redis::Client::open(&*self.url()).unwrap();
        let mut connection = client.get_connection().unwrap();
        let mut pipe = redis::pipe();
        pipe.cmd("SET").arg("probe").arg("").ignore();
        pipe.cmd("DEL").arg("probe").ignore();
        pipe.cmd("WAIT").arg(1).arg(100);
        pipe.query::<(i64,)>(&mut connection).unwrap() == (1,)
    }

    /// Starts it again on the same port with the same files.
    pub(crate) fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        assert!(self.launch(), "somebody else took its port");
    }

    /// Starts it again and does not wait until it can be used.
    pub(crate) fn restart_unawaited(&mut self, more: &[&str]) {
        assert!(self.child.is_none(), "it runs already");
        self.options.extend(more.iter().map(|&it| it.to_owned()));
        self.child = Some(self.spawn());
    }

    /// SIGKILL. Gone when it returns.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGSTOP: connections are accepted by the kernel, nothing is answered.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Its address.
    pub(crate) fn url(&self) -> Box<str> {
        format!("redis://127.0.0.1:{}", self.port).into()
    }

    /// Asks it something on a connection of its own.
    pub(crate) fn ask(&self, words: &[&str]) -> Value {
        self.try_ask(words).unwrap()
    }

    pub(crate) fn try_ask(&self, words: &[&str]) -> redis::RedisResult<Value> {
        let client = redis::Client::open(&*self.url())?;
        let mut connection = client.get_connection_with_timeout(Duration::from_secs(5))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut cmd = redis::cmd(words[0]);
        cmd.arg(&words[1..]).query(&mut connection)
    }

    /// One field of what it says about itself.
    pub(crate) fn info(&self, field: &str) -> Option<String> {
        let info: String = redis::from_redis_value(self.try_ask(&["INFO"]).ok()?).ok()?;
        info.lines().find_map(|line| {
            line.strip_prefix(field)?
                .strip_prefix(':')
                .map(ToOwned::to_owned)
        })
    }

    /// How many keys it has under this pattern.
    pub(crate) fn count(&self, pattern: &str) -> usize {
        match self.ask(&["KEYS", pattern]) {
            Value::Array(keys) => keys.len(),
            other => panic!("{other:?}"),
        }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        let done = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(done.success());
    }

    /// False if the port is somebody else's.
    fn launch(&mut self) -> bool {
        let child = self.spawn();
        let pid = child.id().to_string();
        // Held at once: whatever fails from here on, it is killed.
        self.child = Some(child);
        let began = Instant::now();
        while self.info("process_id") != Some(pid.clone()) {
            let child = self.child.as_mut().unwrap();
            if child.try_wait().unwrap().is_some() {
                self.child = None;
                return false;
            }
            assert!(began.elapsed() < SOON, "redis-server does not come up");
            sleep(Duration::from_millis(10));
        }
        true
    }

    fn spawn(&self) -> Child {
        let (program, libraries) = program();
        let log = self.folder.path().join("log");
        let mut command = Command::new(&program);
        command
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--repl-diskless-sync-delay", "0"])
            .arg("--dir")
            .arg(self.folder.path())
            .arg("--logfile")
            .arg(log)
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(libraries) = libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command.spawn().unwrap_or_else(|error| {
            let program = program.display();
            panic!(
                "no redis-server ({program}: {error}): `tests/run` unpacks one into target/tools, \
                 or name one of version 7 or later in MULTICODE_REDIS_SERVER"
            )
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until it is so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "never came about: {what}");
        sleep(Duration::from_millis(10));
    }
}

/// The program, and where the libraries lie that were unpacked with it.
fn program() -> (PathBuf, Option<OsString>) {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/redis");
    let named = std::env::var_os("MULTICODE_REDIS_SERVER").filter(|name| !name.is_empty());
    let program = match named {
        Some(named) => PathBuf::from(named),
        None if unpacked.join("usr/bin/redis-server").exists() => {
            unpacked.join("usr/bin/redis-server")
        }
        None => PathBuf::from("redis-server"),
    };
    let root = program.ancestors().nth(3).map(Path::to_path_buf);
    let beside = root.filter(|_| program.ends_with("redis/usr/bin/redis-server"));
    let libraries = beside.and_then(|root| {
        let folders = std::fs::read_dir(root.join("usr/lib")).ok()?;
        let folders = folders.filter_map(|it| Some(it.ok()?.path()));
        std::env::join_paths(folders.filter(|it| it.is_dir())).ok()
    });
    (program, libraries)
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
