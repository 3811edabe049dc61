//! One scan over a real socket, as a terminal sends it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long an answer may take; the departments of a demonstration are next door.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the terminal was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// `x-multicode-reason`.
    pub(super) reason: Option<String>,
    /// The body.
    pub(super) body: String,
}

/// A scan's body, under a key of its own: the fields of `/v1/scan` and those the shipped contracts take from the terminal.
pub(super) fn body(code: &str, scene: &str, key: &str) -> String {
    let body = json!({
        "code": code,
        "scene": scene,
        "terminal": "W-0001",
        "operator": "demo",
        "idempotency_key": key,
        "order": "DEMO0001",
        "out_trade_no": "DEMO0001",
        "amount": 100,
        "total_fee": 100,
        "total_amount": "1.00",
        "subject": "demo",
    });
    body.to_string()
}

/// Posts a scan to `/v1/scan`.
pub(super) async fn post(address: SocketAddr, body: &str) -> io::Result<Answer> {
    let answered = tokio::time::timeout(PATIENCE, exchange(address, body)).await;
    let raw = answered.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    read(&raw).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

async fn exchange(address: SocketAddr, body: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let request = format!(
        "POST /v1/scan HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).await?;
    Ok(raw)
}

fn read(raw: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(raw);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut headers = lines.filter_map(|line| line.split_once(':'));
    let reason = headers.find(|(name, _)| name.eq_ignore_ascii_case("x-multicode-reason"));
    Some(Answer {
        status,
        reason: reason.map(|(_, value)| value.trim().to_owned()),
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::departments::{Department, Departments, Options};

    #[test]
    fn an_answer_is_read_as_far_as_the_table_needs_it() {
        let raw = b"HTTP/1.1 401 Unauthorized\r\nX-Multicode-Reason: expired\r\n\r\n{}";
        let expected = Answer {
            status: 401,
            reason: Some("expired".to_owned()),
            body: "{}".to_owned(),
        };
        assert_eq!(read(raw), Some(expected));
        assert_eq!(read(b""), None);
        assert_eq!(read(b"220 smtp\r\n"), None);
    }

    #[test]
    fn a_scan_travels_over_a_socket() {
        let (answer, seen) = crate::cli::block_on(async {
            let running = Departments::start(&Options::default()).await.unwrap();
            let address = running.address(Department::Health);
            let answer = post(address, &body("x", "010101", "demo-1")).await.unwrap();
            (answer, running.received(Department::Health))
        })
        .unwrap();
        assert_eq!(answer.status, 404);
        assert_eq!(seen[0].path, "/v1/scan");
        assert!(seen[0].body.contains("\"scene\":\"010101\""));
    }
}
