//! `multicode health`: for containers and scripts that have nothing else to ask with.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use clap::Args;
use serde::Deserialize;

use super::{Exit, Failure, Process};

/// How long each step may take: who is asked whether it is well should not think about it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest answer that is read; why a gateway is degraded may fill pages.
const MAX_ANSWER_BYTES: u64 = 1024 * 1024;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Where operators come in.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    admin: SocketAddr,
}

/// What counts of an answer.
#[derive(Deserialize)]
struct Readiness {
    status: String,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let answer = ask(options.admin).map_err(|error| {
        let address = options.admin;
        Failure::io(format!("{address}: {error}"))
    })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let serves = head.split(' ').nth(1) == Some("200");
    let status = serde_json::from_str::<Readiness>(body);
    let status = status.map_err(|_| Failure::finding("the answer is not a gateway's"))?;
    writeln!(process.out, "{}", status.status)?;
    Ok(if serves { Exit::Success } else { Exit::Finding })
}

fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::time::Timestamp;

    /// What is said of a gateway that answers so.
    #[track_caller]
    fn check(answer: &'static str, expected: Result<Exit, Exit>, said: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let admin = listener.local_addr().unwrap();
        let gateway = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap();
            assert!(request[..length].starts_with(b"GET /readyz HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut process = Process {
            out: &mut out,
            err: &mut err,
            now: Timestamp::default,
        };
        let found = run(&Options { admin }, &mut process);
        assert_eq!(found.map_err(|failure| failure.exit()), expected);
        assert_eq!(String::from_utf8(out).unwrap(), said);
        gateway.join().unwrap();
    }

    #[test]
    fn a_gateway_that_serves_is_well_and_one_that_goes_is_not() {
        let ready = "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ready\",\"config\":{}}";
        check(ready, Ok(Exit::Success), "ready\n");
        let degraded = "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"degraded\"}";
        check(degraded, Ok(Exit::Success), "degraded\n");
        let draining = "HTTP/1.1 503 No\r\n\r\n{\"status\":\"draining\"}";
        check(draining, Ok(Exit::Finding), "draining\n");
        check("HTTP/1.1 200 OK\r\n\r\n<html>", Err(Exit::Finding), "");
        check("", Err(Exit::Finding), "");
    }

    #[test]
    fn nobody_there_is_the_systems_fault() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let admin = free.local_addr().unwrap();
        drop(free);
        let error = ask(admin).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
