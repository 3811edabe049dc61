//! What a department was sent: the proof of who learned what.

use std::collections::VecDeque;

use http::request::Parts;
use serde::Serialize;

/// Requests a log keeps; older ones make room.
const KEPT: usize = 1_024;

/// A request as a department saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Received {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names and values in the order they came; values that are not text are shown as far as they are.
    pub headers: Vec<(String, String)>,
    /// The body, shown like the values.
    pub body: String,
}

/// The latest requests of one department.
#[derive(Debug, Default, Serialize)]
pub(super) struct Log {
    total: u64,
    received: VecDeque<Received>,
}

impl Received {
    pub(super) fn of(parts: &Parts, body: &[u8]) -> Self {
        let headers = parts.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.to_string(), value.into_owned())
        });
        Self {
            method: parts.method.to_string(),
            path: parts
                .uri
                .path_and_query()
                .map_or_else(String::new, ToString::to_string),
            headers: headers.collect(),
            body: String::from_utf8_lossy(body).into_owned(),
        }
    }

    /// The first value of a header, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl Log {
    pub(super) fn push(&mut self, received: Received) {
        if self.received.len() == KEPT {
            self.received.pop_front();
        }
        self.received.push_back(received);
        self.total += 1;
    }

    pub(super) fn list(&self) -> Vec<Received> {
        self.received.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_the_latest_and_counts_all() {
        let mut log = Log::default();
        for number in 0..KEPT + 10 {
            let (parts, ()) = http::Request::get(format!("/{number}?q"))
                .body(())
                .unwrap()
                .into_parts();
            log.push(Received::of(&parts, b""));
        }
        assert_eq!(log.list().len(), KEPT);
        assert_eq!(log.list()[0].path, "/10?q");
        assert_eq!(usize::try_from(log.total), Ok(KEPT + 10));
    }
}
