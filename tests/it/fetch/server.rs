//! A key server over real TLS that does exactly what a test wants.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use multicode::fetch::Remote;
use multicode::tls::{Authority, server_config};
use rustls::{ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::edge::keep;

/// What is done with a request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// Before anything is sent.
    pub(crate) wait: Duration,
    /// The whole answer; nothing: the connection just ends.
    pub(crate) bytes: Vec<u8>,
    /// Between two bytes of it.
    pub(crate) drip: Option<Duration>,
}

impl Reply {
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            wait: Duration::ZERO,
            bytes: bytes.into(),
            drip: None,
        }
    }

    pub(crate) fn full(head: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len());
        Self::raw([head.as_bytes(), body].concat())
    }

    pub(crate) fn json(body: impl AsRef<[u8]>) -> Self {
        Self::full("200 OK\r\nContent-Type: application/jwk-set+json", body)
    }

    pub(crate) fn redirect(location: &str) -> Self {
        Self::full(&format!("302 Found\r\nLocation: {location}"), "")
    }

    pub(crate) fn nothing() -> Self {
        Self::raw("")
    }

    pub(crate) fn after(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) etag: Option<String>,
}

type Play = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// A listening server; its threads end with the tests.
pub(crate) struct KeyServer {
    pub(crate) address: SocketAddr,
    folder: TempDir,
    seen: Arc<Mutex<Vec<Asked>>>,
    play: Arc<Mutex<Play>>,
}

impl KeyServer {
    /// Answers everybody the same.
    pub(crate) fn start(reply: Reply) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let (cert, key) = (folder.path().join("ca.pem"), folder.path().join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        keep(&key, &made.signing_key.serialize_pem());
        let identity = server_config(&cert, &key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            folder,
            seen: Arc::default(),
            play: Arc::new(Mutex::new(Arc::new(move |_| reply.clone()))),
        };
        let (seen, play) = (Arc::clone(&server.seen), Arc::clone(&server.play));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, play) = (Arc::clone(&seen), Arc::clone(&play));
                let session = ServerConnection::new(Arc::clone(&identity)).unwrap();
                let stream = StreamOwned::new(session, stream.unwrap());
                thread::spawn(move || serve(stream, &seen, &play));
            }
        });
        server
    }

    /// Answers differently from now on.
    pub(crate) fn says(&self, reply: Reply) {
        self.plays(move |_| reply.clone());
    }

    pub(crate) fn plays(&self, play: impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
        *self.play.lock().unwrap() = Arc::new(play);
    }

    pub(crate) fn dies(&self) {
        self.says(Reply::nothing());
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The file of its authority.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(crate) fn authority(&self) -> Authority {
        Authority::read(&self.ca()).unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    pub(crate) fn remote(&self, path: &str) -> Remote {
        Remote {
            host: "localhost".into(),
            port: self.address.port(),
            path: path.into(),
            authority: self.authority(),
            private_addresses: true,
        }
    }
}

fn serve(
    stream: StreamOwned<ServerConnection, std::net::TcpStream>,
    seen: &Mutex<Vec<Asked>>,
    play: &Mutex<Play>,
) {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        // A handshake that fails is a client that does not trust us.
        if !stream.read_line(&mut head).is_ok_and(|length| length > 0) {
            return;
        }
    }
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let etag = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let found = name.eq_ignore_ascii_case("if-none-match");
        found.then(|| value.to_owned())
    });
    let asked = Asked { path, etag };
    seen.lock().unwrap().push(asked.clone());
    let play = Arc::clone(&play.lock().unwrap());
    let reply = play(&asked);
    thread::sleep(reply.wait);
    // Whoever asked may have had enough.
    let stream = stream.get_mut();
    match reply.drip {
        None => drop(stream.write_all(&reply.bytes)),
        Some(pause) => {
            for byte in reply.bytes {
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
                thread::sleep(pause);
            }
        }
    }
    stream.conn.send_close_notify();
    drop(stream.flush());
}
