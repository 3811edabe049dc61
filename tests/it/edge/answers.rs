use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::{Backend, Client, HEALTH_CARD, SOON, TestGateway};

const PARTS: usize = 64;
const PART: usize = 64 * 1024;

/// A backend that sends a first part, waits for leave, and sends the rest.
fn hesitant() -> (Backend, Sender<()>) {
    let (leave, given): (_, Receiver<()>) = channel();
    let given = Mutex::new(given);
    let backend = Backend::playing(move |stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            .unwrap();
        stream.flush().unwrap();
        given.lock().unwrap().recv_timeout(SOON).unwrap();
        for _ in 0..PARTS {
            write!(stream, "{PART:x}\r\n{}\r\n", "x".repeat(PART)).unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
    });
    (backend, leave)
}

fn scan(client: &mut Client) {
    client.write(super::post(
        "/v1/scan?scene=other",
        "Content-Type: text/plain\r\n",
        HEALTH_CARD,
    ));
}

#[test]
fn a_large_answer_arrives_whole_and_begins_before_it_has_ended() {
    let (backend, leave) = hesitant();
    let gateway = TestGateway::with(|files| files.pass_through(backend.address));
    let mut client = gateway.client();
    scan(&mut client);
    let head = client.head();
    assert_eq!(
        (head.status, head.header("transfer-encoding")),
        (200, Some("chunked"))
    );
    assert_eq!(client.chunk().unwrap(), b"first");
    leave.send(()).unwrap();
    let mut rest = 0;
    while let Some(chunk) = client.chunk() {
        assert!(chunk.iter().all(|byte| *byte == b'x'));
        rest += chunk.len();
    }
    assert_eq!(rest, PARTS * PART);
}

#[test]
fn one_slow_answer_holds_up_no_other() {
    let (backend, leave) = hesitant();
    let gateway = TestGateway::with(|files| files.pass_through(backend.address));
    let mut client = gateway.client();
    scan(&mut client);
    client.head();
    for _ in 0..3 {
        assert_eq!(gateway.scan(super::EAN, "pharmacy").status, 200);
    }
    leave.send(()).unwrap();
}

#[test]
fn an_answer_that_stalls_is_cut_off() {
    let (backend, _leave) = hesitant();
    let gateway = TestGateway::with(|files| {
        files.pass_through(backend.address);
        files.change("routes.d/edge.toml", "\"2s\"", "\"300ms\"");
    });
    let mut client = gateway.client();
    scan(&mut client);
    client.head();
    assert_eq!(client.chunk().unwrap(), b"first");
    // No last chunk: nobody takes it for the whole.
    assert_eq!(client.rest(), b"");
}
