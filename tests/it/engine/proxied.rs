//! Balancers that say whose connection it is, and everybody else.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use multicode::metrics::Metrics;
use multicode::server::{Config, Listener, Patience, Senders};
use multicode::tls::{client_config, server_config};
use rustls::{ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;

use super::{Client, SOON, TestServer, WHO, config};

const SHORT: Duration = Duration::from_millis(300);

/// From the networks a header is required.
fn from(network: &str, listener: Listener) -> Config {
    let mut config = Config {
        listeners: vec![listener],
        ..config()
    };
    config.rules.proxied = vec![Senders {
        networks: vec![network.parse().unwrap()],
        unix: false,
    }];
    config
}

fn plain() -> Listener {
    Listener::at(([127, 0, 0, 1], 0))
}

fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    [&signature[..], &[command, family], &length, rest].concat()
}

/// For 192.0.2.7, with a value behind the addresses.
fn passed() -> Vec<u8> {
    let addresses = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];
    header(
        0x21,
        0x11,
        &[&addresses[..], &[1, 0, 2, b'h', b'2']].concat(),
    )
}

#[test]
fn whose_connection_it_is_says_the_balancer() {
    let server = TestServer::start(from("127.0.0.0/8", plain()));
    for (head, expected) in [
        (passed(), "192.0.2.7"),
        (header(0x20, 0, &[]), "127.0.0.1"),
        (header(0x20, 0x11, b"not read"), "127.0.0.1"),
        (header(0x21, 0, &[]), "127.0.0.1"),
    ] {
        let mut whole = server.client();
        whole.write([&head[..], WHO.as_bytes(), WHO.as_bytes()].concat());
        for _ in 0..2 {
            assert_eq!(whole.answer(), (200, expected.into()));
        }
        let mut pieces = server.client();
        for byte in &head {
            pieces.write([*byte]);
        }
        pieces.write(WHO);
        assert_eq!(pieces.answer(), (200, expected.into()));
    }
}

#[test]
fn a_balancer_that_says_anything_else_is_closed_without_a_word() {
    let metrics = Metrics::default();
    let listener = Listener {
        counts: metrics.door("scan"),
        ..plain()
    };
    let server = TestServer::start(from("127.0.0.0/8", listener));
    let mut broken = passed();
    broken[12] = 0x11;
    let others: [&[u8]; 5] = [
        WHO.as_bytes(),
        b"PROXY TCP4 192.0.2.7 10.0.0.1 4660 80\r\n",
        &broken,
        &header(0x21, 0x12, &[0; 12]),
        &header(0x21, 0x11, &[0; 5000]),
    ];
    for bytes in others {
        let mut client = server.client();
        // It may be closed while this is being sent.
        let _ = client.0.write_all(bytes);
        let mut rest = Vec::new();
        let _ = client.0.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }
    let whole = passed();
    for end in 0..whole.len() {
        let mut client = server.client();
        client.write(&whole[..end]);
        client.0.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.rest().0, "");
    }
    let text = metrics.exposition("").body;
    let text = String::from_utf8(text).unwrap();
    let count = others.len() + whole.len();
    let line =
        format!("multicode_connections_refused_total{{listener=\"scan\",cause=\"proxy\"}} {count}");
    assert!(text.contains(&line), "{text}");
}

#[test]
fn a_header_that_does_not_come_is_not_waited_for() {
    let config = Config {
        patience: Patience {
            header: SHORT,
            idle: SOON,
        },
        ..from("127.0.0.0/8", plain())
    };
    let server = TestServer::start(config);
    let mut silent = server.client();
    let mut slow = server.client();
    for byte in &passed()[..10] {
        slow.write([*byte]);
        sleep(SHORT / 20);
    }
    for client in [&mut silent, &mut slow] {
        let (said, waited) = client.rest();
        assert_eq!(said, "");
        assert!(waited < SOON, "{waited:?}");
    }
    let began = Instant::now();
    while server.running.connections() > 0 {
        assert!(began.elapsed() < SOON, "they are still there");
        sleep(SHORT / 20);
    }
}

#[test]
fn from_others_no_header_is_read() {
    let server = TestServer::start(from("10.0.0.0/8", plain()));
    let mut client = server.client();
    client.write(WHO);
    assert_eq!(client.answer(), (200, "127.0.0.1".into()));
    let mut liar = server.client();
    liar.write([&passed()[..], WHO.as_bytes()].concat());
    assert_eq!(liar.answer().0, 400);
}

#[test]
fn the_header_comes_before_tls() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let (cert, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mine = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&key, mine).unwrap();
    let listener = Listener {
        tls: Some(Arc::new(server_config(&cert, &key).unwrap().into())),
        ..plain()
    };
    let server = TestServer::start(from("127.0.0.0/8", listener));
    let ask = |header: &[u8]| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(header).unwrap();
        let mut config = Arc::unwrap_or_clone(client_config(&cert).unwrap());
        config.alpn_protocols.clear();
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = StreamOwned::new(client, stream);
        stream.write_all(WHO.as_bytes())?;
        let mut head = vec![0; 12];
        stream.read_exact(&mut head)?;
        let mut text = String::from_utf8(head).unwrap();
        while !text.ends_with("192.0.2.7") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            text.push(char::from(byte[0]));
        }
        std::io::Result::Ok(text)
    };
    assert!(ask(&passed()).unwrap().starts_with("HTTP/1.1 200"));
    // A handshake is no header.
    ask(&[]).unwrap_err();
    let _still: Client = server.client();
}
