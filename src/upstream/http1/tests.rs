//! The parser of an answer's head, and what follows it.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, Version};

use super::{
    Buffers,
    head::{Flaw, Head},
    rest::{Given, Rest},
};

/// Whole, and in pieces of every size: the same end, or the same flaw.
fn read(head: &[u8]) -> Result<Option<(usize, Head)>, Flaw> {
    let mut found = Vec::new();
    for step in [head.len().max(1), 1, 2, 7] {
        let mut reader = Head::default();
        let mut outcome = Ok(None);
        let mut here = 0;
        while here < head.len() && outcome == Ok(None) {
            here = head.len().min(here + step);
            outcome = reader.read(&head[..here]);
        }
        found.push((outcome, reader));
    }
    let (first, _) = &found[0];
    for (other, _) in &found {
        // Pieces may show a flaw in a line before the line's end does.
        assert_eq!(
            other.is_err(),
            first.is_err(),
            "{:?}",
            head.escape_ascii().to_string()
        );
        assert_eq!(other.ok(), first.ok());
    }
    let (outcome, reader) = found.swap_remove(0);
    Ok(outcome?.map(|end| (end, reader)))
}

#[track_caller]
fn check(head: &str, expected: Result<Option<usize>, Flaw>) {
    let found = read(head.as_bytes()).map(|read| read.map(|(end, _)| end));
    assert_eq!(found, expected, "{head:?}");
}

#[track_caller]
fn sound(head: &str) -> Head {
    let (end, head_read) = read(head.as_bytes()).unwrap().unwrap();
    assert_eq!(end, head.len());
    head_read
}

#[test]
fn a_head_ends_behind_its_empty_line() {
    check("HTTP/1.1 200 OK\r\n\r\n", Ok(Some(19)));
    check("HTTP/1.1 200 \r\n\r\nbody", Ok(Some(17)));
    check("HTTP/1.1 200\r\n\r\n", Ok(Some(16)));
    check(
        "HTTP/1.0 404 Not Found\r\nA:b\r\nC: \t d \t\r\nE:\r\n\r\n",
        Ok(Some(45)),
    );
    check("HTTP/1.1 999 \u{e9}\r\n\r\n", Ok(Some(19)));
}

#[test]
fn a_head_under_way_goes_on() {
    for head in [
        "",
        "H",
        "HTTP/1.",
        "HTTP/1.1 200 OK\r",
        "HTTP/1.1 200 OK\r\n",
    ] {
        check(head, Ok(None));
    }
    for head in ["A", "A:", "A: b\r", "A: b\r\n", "A: b\r\n\r"] {
        check(&format!("HTTP/1.1 200 OK\r\n{head}"), Ok(None));
    }
}

#[test]
fn what_is_no_status_line_is_refused_at_once() {
    for head in [
        "SSH-2.0-x\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        " HTTP/1.1 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1\t200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 +20 OK\r\n\r\n",
        "HTTP/1.1 200OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
    ] {
        check(head, Err(Flaw::StatusLine));
    }
    check("HTTP/1.1 200 a\0b\r\n\r\n", Err(Flaw::Control));
    check("HTTP/1.1 200 a\rb\r\n\r\n", Err(Flaw::Control));
    check("HTTP/1.1 200 OK\n\r\n", Err(Flaw::BareLineFeed));
}

#[test]
fn what_is_no_field_is_refused() {
    for (field, flaw) in [
        ("A: b\n", Flaw::BareLineFeed),
        ("A : b\r\n", Flaw::Field),
        ("A\r\n", Flaw::Field),
        (": b\r\n", Flaw::Field),
        ("A: b\r\n folded\r\n", Flaw::Field),
        (" A: b\r\n", Flaw::Field),
        ("A\u{e9}: b\r\n", Flaw::Field),
        ("A(: b\r\n", Flaw::Field),
        ("A: b\0\r\n", Flaw::Control),
        ("A: b\rc\r\n", Flaw::Control),
        ("A: b\u{7f}\r\n", Flaw::Control),
    ] {
        check(&format!("HTTP/1.1 200 OK\r\n{field}\r\n"), Err(flaw));
    }
}

#[test]
fn an_odd_length_is_refused() {
    for length in [
        "",
        "-1",
        "+1",
        "1,1",
        "1, 1",
        "0x1",
        "1 1",
        "01",
        "00",
        "1.0",
        "18446744073709551615",
        "99999999999999999999",
        "\u{b2}",
    ] {
        check(
            &format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"),
            Err(Flaw::Length),
        );
    }
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\n",
        Err(Flaw::Length),
    );
    for coding in [
        "",
        "gzip",
        "gzip, chunked",
        "chunked, chunked",
        "chunked;a=b",
        "xchunked",
        "identity",
    ] {
        check(
            &format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n"),
            Err(Flaw::TransferCoding),
        );
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n";
    check(
        &format!("HTTP/1.1 200 OK\r\n{twice}\r\n"),
        Err(Flaw::TransferCoding),
    );
    check(
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        Err(Flaw::TransferCoding),
    );
    for both in [
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "transfer-encoding: Chunked\r\nCONTENT-LENGTH: 0\r\n",
    ] {
        check(
            &format!("HTTP/1.1 200 OK\r\n{both}\r\n"),
            Err(Flaw::TwoLengths),
        );
    }
}

#[test]
fn a_head_has_its_limits() {
    let fields = |count: usize| format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(count));
    check(&fields(100), Ok(Some(619)));
    check(&fields(101), Err(Flaw::TooLong));
    let long = |length: usize| format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(length));
    let most = 16 * 1024 - long(0).len();
    check(&long(most), Ok(Some(16 * 1024)));
    check(&long(most + 1), Err(Flaw::TooLong));
    check(
        &format!("HTTP/1.1 200 {}", "x".repeat(20_000)),
        Err(Flaw::TooLong),
    );
}

#[test]
fn what_follows_is_what_the_head_says() {
    let rest = |head: &str, of_head| format!("{:?}", sound(head).rest(of_head));
    let of = |status: &str, fields: &str| format!("HTTP/1.1 {status} x\r\n{fields}\r\n");
    let chunked = of("200", "Transfer-Encoding: chunked\r\n");
    assert!(rest(&chunked, false).starts_with("Chunks"));
    assert_eq!(rest(&chunked, true), "Length(0)");
    assert_eq!(
        rest(&of("200", "Content-Length:7 \r\n"), false),
        "Length(7)"
    );
    assert_eq!(rest(&of("200", "Content-Length: 7\r\n"), true), "Length(0)");
    assert_eq!(
        rest(&of("204", "Content-Length: 7\r\n"), false),
        "Length(0)"
    );
    assert_eq!(
        rest(&of("304", "Content-Length: 7\r\n"), false),
        "Length(0)"
    );
    assert_eq!(
        rest(&of("205", "Content-Length: 7\r\n"), false),
        "Length(7)"
    );
    assert_eq!(rest(&of("500", ""), false), "UntilClose");
}

#[test]
fn another_request_may_follow_unless_somebody_says_otherwise() {
    for (head, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n", false),
        (
            "HTTP/1.1 200 OK\r\nConnection: keep-alive , close\r\n\r\n",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
            false,
        ),
        ("HTTP/1.1 200 OK\r\nConnection: closed\r\n\r\n", true),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", false),
        ("HTTP/1.1 204 x\r\n\r\n", true),
        ("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.1 204 x\r\nContent-Length: 2\r\n\r\n", false),
        (
            "HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n",
            false,
        ),
        ("HTTP/1.1 304 x\r\nContent-Length: 2\r\n\r\n", true),
    ] {
        assert_eq!(sound(head).keeps_open(), expected, "{head:?}");
    }
}

#[test]
fn a_head_becomes_a_response_without_copies() {
    let text =
        "HTTP/1.1 404 Nobody\r\nX-Own:  a b \r\nSet-Cookie: 1\r\nset-cookie: 2\r\nEmpty:\r\n\r\n";
    let bytes = Bytes::from_static(text.as_bytes());
    let response = sound(text).into_response(&bytes, HeaderMap::new(), &Buffers::default());
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.version(), Version::HTTP_11);
    let reason = response.extensions().get::<hyper::ext::ReasonPhrase>();
    assert_eq!(reason.unwrap().as_bytes(), b"Nobody");
    let headers = response.headers();
    let own = headers["x-own"].as_bytes();
    assert_eq!(own, b"a b");
    assert!(text.as_bytes().as_ptr_range().contains(&own.as_ptr()));
    let cookies: Vec<_> = headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["1", "2"]);
    assert_eq!((headers.len(), headers["empty"].as_bytes()), (4, &b""[..]));
}

#[test]
fn a_body_in_one_chunk_is_whole_and_others_come_part_by_part() {
    for (body, whole, left) in [
        ("2\r\nok\r\n0\r\n\r\n", Some("ok"), ""),
        ("0\r\nT: x\r\n\r\n", Some(""), ""),
        ("2\r\nok\r\n0\r\n\r\nHTTP", Some("ok"), "HTTP"),
        ("2\r\nok\r\n1\r\n!\r\n0\r\n\r\n", None, ""),
        ("2\r\nok\r\n0\r\n", None, ""),
        ("2\r\no", None, ""),
        ("2\r\nok", None, ""),
    ] {
        let mut arrived = BytesMut::from(body);
        let mut rest = Rest::Chunks(crate::framing::Chunks::default());
        let found = rest.whole(&mut arrived);
        assert_eq!(found.as_deref(), whole.map(str::as_bytes), "{body:?}");
        if whole.is_some() {
            assert_eq!((&arrived[..], rest.is_over()), (left.as_bytes(), true));
        } else {
            assert_eq!((&arrived[..], rest.is_over()), (body.as_bytes(), false));
        }
    }
    let mut arrived = BytesMut::from("2\r\nok\r\n1;x=y\r\n!\r\n0\r\n\r\nrest");
    let mut rest = Rest::Chunks(crate::framing::Chunks::default());
    let mut parts = Vec::new();
    while let Given::Part(part) = rest.take(&mut arrived).unwrap() {
        parts.push(part);
    }
    assert_eq!(parts, ["ok", "!"]);
    assert_eq!((&arrived[..], rest.is_over()), (&b"rest"[..], true));
}

#[test]
fn a_body_of_a_length_ends_there_or_is_broken() {
    let mut arrived = BytesMut::from("abcdef");
    let mut rest = Rest::Length(4);
    assert_eq!(rest.whole(&mut arrived).unwrap(), "abcd");
    assert_eq!((&arrived[..], rest.is_over()), (&b"ef"[..], true));
    let mut rest = Rest::Length(7);
    assert_eq!(rest.whole(&mut arrived), None);
    assert!(matches!(rest.take(&mut arrived), Ok(Given::Part(part)) if part == "ef"));
    assert!(matches!(rest.take(&mut arrived), Ok(Given::More)));
    assert!(rest.closed().is_err());
    let mut rest = Rest::UntilClose;
    assert!(rest.closed().is_ok() && rest.is_over());
}
