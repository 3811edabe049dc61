//! A department that gives back what it got, and remembers how often it got it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// Listens until the tests end.
pub(super) struct Department {
    pub(super) address: SocketAddr,
    received: Arc<Mutex<HashMap<String, usize>>>,
}

impl Department {
    pub(super) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<HashMap<_, _>>> = Arc::default();
        let log = Arc::clone(&received);
        spawn(move || {
            for stream in listener.incoming() {
                let log = Arc::clone(&log);
                spawn(move || serve(stream.unwrap(), &log));
            }
        });
        Self { address, received }
    }

    /// The bodies that came more than once, and how often.
    pub(super) fn received_again(&self) -> Vec<(String, usize)> {
        let received = self.received.lock().unwrap();
        let again = received.iter().filter(|(_, times)| **times > 1);
        again.map(|(body, times)| (body.clone(), *times)).collect()
    }

    /// How many different bodies came.
    pub(super) fn received(&self) -> usize {
        self.received.lock().unwrap().len()
    }
}

/// Takes as long as the body says in `"pause":` milliseconds.
fn serve(stream: TcpStream, log: &Mutex<HashMap<String, usize>>) {
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    while let Some(body) = request(&mut stream) {
        *log.lock().unwrap().entry(body.clone()).or_default() += 1;
        let said: serde_json::Value = serde_json::from_str(&body).unwrap();
        sleep(Duration::from_millis(said["pause"].as_u64().unwrap_or(0)));
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let answer = [head.as_bytes(), body.as_bytes()].concat();
        if stream.get_mut().write_all(&answer).is_err() {
            return;
        }
    }
}

/// The next request's body.
pub(super) fn request(stream: &mut impl BufRead) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(said) = lower.strip_prefix("content-length: ") {
            length = said.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}
