//! HTTP/2 in, HTTP/1.1 out: what "HTTP/2: The Sequel is Always Worse" puts into headers, and RFC 9113,
//! sections 8.1 to 8.3.

use std::{thread, time::Duration};

use super::frames::{
    Connection, DATA, END_HEADERS, END_STREAM, HEADERS, Outcome, block, frame, scan,
};
use super::secured;
use super::{HEALTH_CARD, Origin, Reading};
use crate::edge::TestGateway;

type Fields = &'static [(&'static [u8], &'static [u8])];

/// Headers beside a sound request's that make it none.
const ADDED: [(&str, Fields); 34] = [
    ("chunks", &[(b"transfer-encoding", b"chunked")]),
    ("an identity coding", &[(b"transfer-encoding", b"identity")]),
    ("a connection header", &[(b"connection", b"close")]),
    (
        "a proxy's connection header",
        &[(b"proxy-connection", b"keep-alive")],
    ),
    ("keep-alive", &[(b"keep-alive", b"timeout=1")]),
    ("an upgrade", &[(b"upgrade", b"h2c")]),
    ("te", &[(b"te", b"chunked")]),
    ("a longer length", &[(b"content-length", b"67")]),
    ("a shorter length", &[(b"content-length", b"5")]),
    ("no length", &[(b"content-length", b"0")]),
    (
        "two lengths",
        &[(b"content-length", b"66"), (b"content-length", b"0")],
    ),
    ("an odd length", &[(b"content-length", b"+66")]),
    ("a list of lengths", &[(b"content-length", b"66, 66")]),
    (
        "CRLF in a value",
        &[(b"x", b"y\r\ntransfer-encoding: chunked")],
    ),
    ("LF in a value", &[(b"x", b"y\nx-mark: smuggled")]),
    ("CR in a value", &[(b"x", b"y\rx-mark: smuggled")]),
    ("NUL in a value", &[(b"x", b"y\0")]),
    ("CRLF in a name", &[(b"x: y\r\nx-mark", b"smuggled")]),
    ("a colon in a name", &[(b"x: y", b"z")]),
    ("a space in a name", &[(b"transfer-encoding ", b"chunked")]),
    ("a space before a name", &[(b" x", b"y")]),
    (
        "upper case in a name",
        &[(b"Transfer-Encoding", b"chunked")],
    ),
    ("no name", &[(b"", b"x")]),
    ("another host", &[(b"host", b"other")]),
    ("two hosts", &[(b"host", b"localhost"), (b"host", b"other")]),
    ("a second method", &[(b":method", b"GET")]),
    ("a second path", &[(b":path", b"/admin")]),
    ("a second authority", &[(b":authority", b"other")]),
    ("a second scheme", &[(b":scheme", b"http")]),
    ("a status", &[(b":status", b"200")]),
    ("a protocol", &[(b":protocol", b"websocket")]),
    ("an unknown pseudo-header", &[(b":mark", b"smuggled")]),
    (
        "a late pseudo-header",
        &[(b"x", b"y"), (b":path", b"/v1/scan")],
    ),
    ("an odd expectation", &[(b"expect", b"200-ok")]),
];

/// Whole sets of headers that are no request.
const INSTEAD: [(&str, [&[u8]; 4]); 22] = [
    (
        "CRLF in the method",
        [
            b"POST /v1/scan HTTP/1.1\r\nX: y",
            b"/v1/scan",
            b"localhost",
            b"https",
        ],
    ),
    (
        "a space in the method",
        [b"POST /x", b"/v1/scan", b"localhost", b"https"],
    ),
    (
        "an empty method",
        [b"", b"/v1/scan", b"localhost", b"https"],
    ),
    (
        "a tunnel",
        [b"CONNECT", b"/v1/scan", b"localhost", b"https"],
    ),
    (
        "CRLF in the path",
        [
            b"POST",
            b"/v1/scan HTTP/1.1\r\nX-Mark: smuggled",
            b"localhost",
            b"https",
        ],
    ),
    (
        "a space in the path",
        [b"POST", b"/v1/scan HTTP/1.1", b"localhost", b"https"],
    ),
    (
        "a tab in the path",
        [b"POST", b"/v1/scan\tx", b"localhost", b"https"],
    ),
    (
        "NUL in the path",
        [b"POST", b"/v1/scan\0", b"localhost", b"https"],
    ),
    ("an empty path", [b"POST", b"", b"localhost", b"https"]),
    (
        "a path without its slash",
        [b"POST", b"v1/scan", b"localhost", b"https"],
    ),
    ("an asterisk", [b"POST", b"*", b"localhost", b"https"]),
    (
        "a whole address for a path",
        [b"POST", b"http://other/v1/scan", b"localhost", b"https"],
    ),
    (
        "CRLF in the authority",
        [
            b"POST",
            b"/v1/scan",
            b"localhost\r\nX-Mark: smuggled",
            b"https",
        ],
    ),
    (
        "a space in the authority",
        [b"POST", b"/v1/scan", b"local host", b"https"],
    ),
    (
        "a path in the authority",
        [b"POST", b"/v1/scan", b"localhost/x", b"https"],
    ),
    (
        "a user in the authority",
        [b"POST", b"/v1/scan", b"other@localhost", b"https"],
    ),
    ("an empty authority", [b"POST", b"/v1/scan", b"", b"https"]),
    (
        "an odd port",
        [b"POST", b"/v1/scan", b"localhost:x", b"https"],
    ),
    (
        "CRLF in the scheme",
        [b"POST", b"/v1/scan", b"localhost", b"https\r\nX: y"],
    ),
    (
        "an address in the scheme",
        [b"POST", b"/v1/scan", b"localhost", b"https://other/?"],
    ),
    (
        "a space in the scheme",
        [b"POST", b"/v1/scan", b"localhost", b"ht tps"],
    ),
    ("an empty scheme", [b"POST", b"/v1/scan", b"localhost", b""]),
];

#[test]
fn what_is_no_request_in_http_2_is_none_in_http_1() {
    let origin = Origin::start(Reading::Strict);
    let gateway = TestGateway::with(|files| {
        secured(files);
        files.pass_through(origin.address);
    });
    let authority = gateway.files.path("gateway.pem");
    let open = || Connection::open(gateway.address, &authority);
    let mut wrong = Vec::new();
    let added = ADDED
        .iter()
        .map(|(name, fields)| (*name, scan("attack", fields)));
    let instead = INSTEAD.iter().map(|(name, [method, path, host, scheme])| {
        let fields = [
            (&b":method"[..], *method),
            (b":scheme", scheme),
            (b":path", path),
            (b":authority", host),
        ];
        (
            *name,
            block(&[&fields[..], &[(b"x-mark", b"attack")]].concat()),
        )
    });
    for (name, headers) in added.chain(instead) {
        let mut connection = open();
        connection.send(&frame(HEADERS, END_HEADERS, 1, &headers));
        connection.send(&frame(DATA, END_STREAM, 1, HEALTH_CARD.as_bytes()));
        let outcome = connection.outcome(1);
        if matches!(outcome, Outcome::Answered(200, _) | Outcome::Ended(None)) {
            wrong.push(format!("{name}: {outcome:?}"));
        }
        let ended = matches!(outcome, Outcome::Ended(_));
        let mut expected = vec!["clean"];
        if !ended {
            expected.push("clean");
            let clean = connection.scan(3, "clean", HEALTH_CARD);
            // The connection may end over what was sent behind a stream that was refused.
            if let Outcome::Ended(Some(_)) = clean {
                expected.pop();
            } else if clean != Outcome::Answered(200, format!("clean|{HEALTH_CARD}")) {
                wrong.push(format!("{name}: and the next one {clean:?}"));
            }
        }
        let clean = open().scan(1, "clean", HEALTH_CARD);
        if clean != Outcome::Answered(200, format!("clean|{HEALTH_CARD}")) {
            wrong.push(format!("{name}: and another connection {clean:?}"));
        }
        let seen: Vec<_> = origin.take().into_iter().map(|it| it.mark).collect();
        if seen != expected {
            wrong.push(format!("{name}: seen {seen:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(origin.faults(), [""; 0]);
}

/// RFC 9112, section 9.6: what comes to a socket that is closed already resets the connection, and the reason
/// is lost; it is the same with a GOAWAY.
#[test]
fn who_goes_on_sending_reads_why_the_connection_ends() {
    let gateway = TestGateway::with(secured);
    let mut connection = Connection::open(gateway.address, &gateway.files.path("gateway.pem"));
    let broken = scan("attack", &[(b" x", b"y")]);
    connection.send(&frame(HEADERS, END_HEADERS, 1, &broken));
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(20));
        assert!(connection.send(&frame(DATA, 0, 1, HEALTH_CARD.as_bytes())));
    }
    let outcome = connection.outcome(1);
    assert!(matches!(outcome, Outcome::Ended(Some(_))), "{outcome:?}");
}

#[test]
fn trailers_in_http_2_reach_nobody() {
    let origin = Origin::start(Reading::Strict);
    let gateway = TestGateway::with(|files| {
        secured(files);
        files.pass_through(origin.address);
    });
    let mut connection = Connection::open(gateway.address, &gateway.files.path("gateway.pem"));
    connection.send(&frame(HEADERS, END_HEADERS, 1, &scan("attack", &[])));
    connection.send(&frame(DATA, 0, 1, HEALTH_CARD.as_bytes()));
    let trailers = block(&[(b"x-mark", b"smuggled"), (b"content-length", b"5")]);
    connection.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &trailers));
    assert_eq!(
        connection.outcome(1),
        Outcome::Answered(200, format!("attack|{HEALTH_CARD}"))
    );
    let seen: Vec<_> = origin.take().into_iter().map(|it| it.mark).collect();
    assert_eq!((seen, origin.faults()), (vec!["attack".to_owned()], vec![]));
}
