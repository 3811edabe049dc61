use super::{Backend, EAN, HEALTH_CARD, TestGateway, post};

/// Sends scans that would pass through; expects them refused, and the backend to have seen nothing.
#[track_caller]
fn check_malformed(requests: &[String]) {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let gateway = TestGateway::with(|files| files.pass_through(backend.address));
    for request in requests {
        let answer = gateway.send(request);
        assert_eq!(answer.reason(), Some("malformed-request"), "{request:?}");
        answer.assert_refused(400, "malformed-request");
        assert!(!answer.whole().contains(HEALTH_CARD), "{answer:?}");
    }
    assert_eq!(backend.seen(), [""; 0]);
}

/// A scan whose body has a length, with these header lines.
fn sized(headers: &str) -> String {
    format!("POST /v1/scan HTTP/1.1\r\n{headers}Content-Length: 66\r\n\r\n{HEALTH_CARD}")
}

fn chunked(headers: &str, body: &str) -> String {
    format!(
        "POST /v1/scan HTTP/1.1\r\n{headers}\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    )
}

#[test]
fn a_length_told_in_two_ways_is_refused() {
    let both = [
        "Host: g\r\nContent-Length: 66\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nHost: g\r\nContent-Length: 66\r\n",
        "Host: g\r\ncontent-length:66\r\nX: y\r\nTRANSFER-ENCODING:chunked\r\n",
    ];
    check_malformed(&both.map(|headers| chunked(headers, HEALTH_CARD)));
}

#[test]
fn a_length_that_is_none_or_two_is_refused() {
    let lengths = [
        "6\r\nContent-Length: 66",
        "+66",
        "-1",
        "6 6",
        "0x42",
        "66,6",
        "",
    ];
    check_malformed(&lengths.map(|length| {
        let head = "POST /v1/scan HTTP/1.1\r\nHost: g\r\nContent-Length:";
        format!("{head} {length}\r\n\r\n{HEALTH_CARD}")
    }));
}

#[test]
fn an_encoding_that_is_not_plainly_chunked_is_refused() {
    let encodings = [
        "gzip",
        "chunked, gzip",
        "gzip, chunked",
        "xchunked",
        "chunked\r\nTransfer-Encoding: identity",
    ];
    check_malformed(&encodings.map(|encoding| {
        chunked(
            &format!("Host: g\r\nTransfer-Encoding: {encoding}\r\n"),
            HEALTH_CARD,
        )
    }));
}

#[test]
fn a_compressed_body_is_not_read_as_a_plain_one() {
    let gateway = TestGateway::start();
    let answer = gateway.send(sized("Host: g\r\nContent-Encoding: gzip\r\n"));
    answer.assert_refused(415, "unsupported-media-type");
}

#[test]
fn chunks_that_are_none_are_refused() {
    let bodies = [
        "zz\r\n",
        "-1\r\n",
        "4\r\n6901XX\r\n",
        "ffffffffffffffffff\r\n",
    ];
    check_malformed(&bodies.map(|body| {
        format!("POST /v1/scan HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
    }));
}

#[test]
fn a_header_that_is_none_is_refused() {
    let headers = [
        "Content-Length : 66",
        " folded",
        "no colon",
        "a\0b: c",
        "X: a\0b",
    ];
    check_malformed(&headers.map(|header| sized(&format!("Host: g\r\n{header}\r\n"))));
}

#[test]
fn chunks_alone_are_read() {
    let gateway = TestGateway::start();
    let answer = gateway.send(
        "POST /v1/scan HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n\
         6;ext=1\r\n690123\r\n7\r\n4567892\r\n0\r\nTrailer: x\r\n\r\n",
    );
    assert_eq!(answer.json()["family"], "ean", "{answer:?}");
}

#[test]
fn a_client_that_waits_for_leave_is_given_it() {
    let gateway = TestGateway::start();
    let mut client = gateway.client();
    client.write(
        "POST /v1/scan HTTP/1.1\r\nHost: g\r\nContent-Length: 13\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(client.head().status, 100);
    assert_eq!(client.exchange(EAN).status, 200);
}

#[test]
fn a_client_that_waits_for_leave_to_send_too_much_is_refused_it() {
    let gateway = TestGateway::start();
    let answer = gateway.send("POST /v1/scan HTTP/1.1\r\nHost: g\r\nContent-Length: 99999\r\nExpect: 100-continue\r\n\r\n");
    answer.assert_refused(413, "too-large");
}

#[test]
fn one_host_is_asked_for() {
    let absolute = |headers| sized(headers).replace("/v1/scan", "http://a/v1/scan");
    check_malformed(&[
        sized(""),
        sized("Host: a\r\nHost: a\r\n"),
        sized("Host: a\r\nHost: b\r\n"),
        absolute("Host: b\r\n"),
        absolute(""),
    ]);
}

#[test]
fn a_whole_address_as_target_is_read() {
    let gateway = TestGateway::start();
    let answer = gateway.send(format!("POST http://Gate:8080/v1/scan HTTP/1.1\r\nHost: gate:8080\r\nContent-Length: 13\r\n\r\n{EAN}"));
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn other_protocols_are_not_spoken() {
    check_malformed(&[
        sized("Host: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"),
        sized("Host: g\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"),
        "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n".to_owned(),
    ]);
}

#[test]
fn the_old_version_is_read_with_and_without_host() {
    let gateway = TestGateway::start();
    for host in ["", "Host: g\r\n"] {
        let mut client = gateway.client();
        let answer = client.exchange(format!(
            "POST /v1/scan HTTP/1.0\r\n{host}Content-Length: 13\r\n\r\n{EAN}"
        ));
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(client.rest().is_empty());
    }
}

#[test]
fn a_pair_sent_at_once_is_answered_in_order() {
    let gateway = TestGateway::start();
    let mut client = gateway.client();
    let first = post("/v1/scan", "X-Request-Id: one\r\n", EAN);
    let second = post(
        "/v1/scan",
        "X-Request-Id: two\r\n",
        "wxp://f2f0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
    );
    client.write([first, second].concat());
    let answer = client.answer();
    assert_eq!(
        (answer.status, answer.header("x-request-id")),
        (200, Some("one"))
    );
    let answer = client.answer();
    answer.assert_refused(422, "merchant-code");
    assert_eq!(answer.header("x-request-id"), Some("two"));
}

#[test]
fn what_follows_a_request_that_was_refused_unread_is_no_request() {
    let gateway = TestGateway::start();
    let mut client = gateway.client();
    let smuggled = String::from_utf8(post("/v1/scan", "X-Request-Id: smuggled\r\n", EAN)).unwrap();
    client.write(chunked(
        "Host: g\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        &smuggled,
    ));
    client.answer().assert_refused(400, "malformed-request");
    let rest = String::from_utf8(client.rest()).unwrap();
    assert!(
        !rest.contains("smuggled") && !rest.contains("ean"),
        "{rest}"
    );
}

#[test]
fn garbage_is_answered_in_our_own_words() {
    let gateway = TestGateway::start();
    for garbage in [
        "secret-token\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\r\n\r\n",
        "POST /v1/scan\r\n\r\n",
        "POST /v1/scan HTTP/9.9\r\n\r\n",
        "POST /v1/s\x7f HTTP/1.1 \r\nHost: g\r\n\r\n",
    ] {
        let mut client = gateway.client();
        let answer = client.exchange(garbage);
        answer.assert_refused(400, "malformed-request");
        assert!(!answer.whole().contains("secret"));
        assert!(client.rest().is_empty());
    }
}

#[test]
fn a_client_that_begins_in_http_2_without_tls_is_closed() {
    let gateway = TestGateway::start();
    let mut client = gateway.client();
    client.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    // It could not read an answer in HTTP/1.1.
    assert!(client.rest().is_empty());
}
