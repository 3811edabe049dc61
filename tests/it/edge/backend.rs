//! A backend that says exactly what a test wants it to say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Both directions of a connection, whatever is below.
pub(super) trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// What it does after it has read a request.
pub(super) type Play = Arc<dyn Fn(&mut dyn Write) + Send + Sync>;

/// A listening backend; its threads end with the tests.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Backend {
    /// Answers everybody the same.
    pub(super) fn answering(answer: &'static str) -> Self {
        Self::playing(move |stream| stream.write_all(answer.as_bytes()).unwrap())
    }

    pub(crate) fn playing(play: impl Fn(&mut dyn Write) + Send + Sync + 'static) -> Self {
        Self::behind(play, |stream| Box::new(stream))
    }

    /// The same with something between the socket and the play, such as TLS.
    pub(super) fn behind(
        play: impl Fn(&mut dyn Write) + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Box<dyn Stream> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, play, wrap): (_, Play, _) = (Arc::clone(&seen), Arc::new(play), Arc::new(wrap));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, play, wrap) = (Arc::clone(&log), Arc::clone(&play), Arc::clone(&wrap));
                thread::spawn(move || {
                    let mut stream = BufReader::new(wrap(stream.unwrap()));
                    while let Some(request) = request(&mut stream) {
                        log.lock().unwrap().push(request);
                        play(stream.get_mut());
                        stream.get_mut().flush().unwrap();
                    }
                });
            }
        });
        Self { address, seen }
    }

    /// The requests so far, to the letter.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The only request, its head in lower case.
    #[track_caller]
    pub(super) fn only_head(&self) -> String {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        let (head, _) = seen[0].split_once("\r\n\r\n").unwrap();
        format!("{}\r\n", head.to_ascii_lowercase())
    }
}

fn request(stream: &mut impl BufRead) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let lower = head.to_ascii_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    head.push_str(&String::from_utf8_lossy(&body));
    Some(head)
}
