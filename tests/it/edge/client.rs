//! A client that decides about every byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::SOON;

/// One end of a connection.
pub(crate) struct Client<S: Read = TcpStream>(pub(crate) BufReader<S>);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// Waits for what takes long in a build without optimisation.
    pub(crate) fn patient(self) -> Self {
        let long = Duration::from_secs(120);
        self.0.get_ref().set_read_timeout(Some(long)).unwrap();
        self
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
        self.0.get_mut().flush().unwrap();
    }

    /// Writes, although the other side may close meanwhile.
    pub(crate) fn try_write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.get_mut().write_all(bytes.as_ref());
    }

    /// Sends the bytes and reads one answer.
    pub(crate) fn exchange(&mut self, bytes: impl AsRef<[u8]>) -> Answer {
        self.write(bytes);
        self.answer()
    }
}

impl<S: Read> Client<S> {
    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line of an answer");
        assert!(line.ends_with('\n'), "the connection ended in {line:?}");
        line.trim_end().to_owned()
    }

    /// The next answer's head.
    pub(crate) fn head(&mut self) -> Answer {
        let line = self.line();
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok());
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').expect("a header");
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Answer {
            status: status.expect("a status line"),
            headers,
            body: Vec::new(),
        }
    }

    /// The next final answer, by its length, its chunks, or the end of the connection.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        while answer.status == 100 {
            answer = self.head();
        }
        if let Some(length) = answer.header("content-length") {
            answer.body = vec![0; length.parse().unwrap()];
            self.0.read_exact(&mut answer.body).expect("a whole body");
        } else if answer.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk() {
                answer.body.extend(chunk);
            }
        } else if !matches!(answer.status, 204 | 304) {
            self.0.read_to_end(&mut answer.body).expect("the end");
        }
        answer
    }

    /// The body of an answer whose head was read, unless it breaks off.
    pub(crate) fn rest_of(&mut self, answer: &mut Answer) -> Option<String> {
        if let Some(length) = answer.header("content-length") {
            let mut body = vec![0; length.parse().unwrap()];
            self.0.read_exact(&mut body).ok()?;
            return Some(String::from_utf8(body).unwrap());
        }
        answer.header("transfer-encoding")?;
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).ok()?;
            let length = usize::from_str_radix(line.trim_end(), 16).ok()?;
            let mut chunk = vec![0; length + 2];
            self.0.read_exact(&mut chunk).ok()?;
            if length == 0 {
                return Some(String::from_utf8(body).unwrap());
            }
            body.extend_from_slice(&chunk[..length]);
        }
    }

    /// The next chunk, unless it is the last one.
    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(&self.line(), 16).expect("a chunk's length");
        let mut chunk = vec![0; length];
        self.0.read_exact(&mut chunk).expect("a whole chunk");
        assert_eq!(self.line(), "");
        (length > 0).then_some(chunk)
    }

    /// Everything until the other side closes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // Whether it closes or resets is not what the tests are about.
        let _ = self.0.read_to_end(&mut rest);
        rest
    }
}

impl Answer {
    /// The header's value, if it is there; it must not be there twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "two headers {name}");
        value
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Asserts a refusal in every particular that is common to all.
    #[track_caller]
    pub(crate) fn assert_refused(&self, status: u16, reason: &str) {
        assert_eq!((self.status, self.reason()), (status, Some(reason)));
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(self.header("cache-control"), Some("no-store"));
        let problem = self.json();
        assert_eq!(problem["reason"], reason);
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:multicode:reason:{reason}"));
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.header("x-multicode-reason")
    }

    /// Everything of it as text.
    pub(crate) fn whole(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!("{} {:?} {body}", self.status, self.headers)
    }
}

/// A `POST` with these header lines, each with its end.
pub(crate) fn post(path: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: gateway\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A scan in the gateway's own form.
pub(crate) fn json(value: &Value) -> Vec<u8> {
    post(
        "/v1/scan",
        "Content-Type: application/json\r\n",
        value.to_string(),
    )
}
