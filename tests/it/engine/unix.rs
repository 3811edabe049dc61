//! Connections over a path.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::spawn;

use multicode::server::{Address, Config, CutOff, Listener, Rules, Senders};

use super::{SOON, TestServer, WHO, config, post};

fn at(path: &Path) -> Config {
    Config {
        listeners: vec![Listener {
            mode: 0o660,
            ..Listener::at(Address::Unix(path.into()))
        }],
        // Nobody here has an address, so nobody has too many.
        rules: Rules {
            per_address: 1,
            ..Rules::up_to(100)
        },
        workers: 3,
        ..config()
    }
}

/// All that is said to these bytes.
fn answer(path: &Path, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn a_path_is_served_like_a_port() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.sock");
    let _server = TestServer::start(at(&path));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let clients = (0..20).map(|number| {
        let path = path.clone();
        spawn(move || {
            let body = format!("number {number}");
            let two = [post("/echo", &body), post("/nap", &body)].concat();
            let said = answer(&path, two.as_bytes());
            assert_eq!(said.matches("HTTP/1.1 200").count(), 2, "{said}");
            assert_eq!(said.matches(&body).count(), 2, "{said}");
        })
    });
    let clients: Vec<_> = clients.collect();
    for client in clients {
        client.join().unwrap();
    }
    let said = answer(&path, WHO.as_bytes());
    assert!(said.ends_with("127.0.0.1"), "{said}");
    assert!(answer(&path, b"nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
}

#[test]
fn a_drain_finishes_who_came_over_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.sock");
    let server = TestServer::start(at(&path));
    let busy = {
        let path = path.clone();
        spawn(move || answer(&path, post("/sleep", "finished").as_bytes()))
    };
    while server.running.connections() == 0 {
        std::thread::yield_now();
    }
    assert_eq!(server.running.drain(SOON), CutOff::default());
    let said = busy.join().unwrap();
    assert!(said.ends_with("finished"), "{said}");
}

#[test]
fn a_balancer_on_this_machine_says_whose_connection_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.sock");
    let mut config = at(&path);
    config.rules.proxied = vec![Senders {
        networks: Vec::new(),
        unix: true,
    }];
    let _server = TestServer::start(config);
    let addresses = [192, 0, 2, 7, 10, 0, 0, 1, 0, 1, 0, 80];
    let header = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C"[..], &addresses].concat();
    let said = answer(&path, &[&header[..], WHO.as_bytes()].concat());
    assert!(said.ends_with("192.0.2.7"), "{said}");
    // It is closed with what was sent unread, which may be told as a reset.
    let mut stranger = UnixStream::connect(&path).unwrap();
    stranger.set_read_timeout(Some(SOON)).unwrap();
    stranger.write_all(WHO.as_bytes()).unwrap();
    let mut said = Vec::new();
    let end = stranger.read_to_end(&mut said);
    let reset = end.map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |_| true);
    assert!(reset && said.is_empty(), "{said:?}");
}
