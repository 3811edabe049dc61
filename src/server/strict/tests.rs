//! Heads one by one.

use super::*;

/// Reads a message whole and in pieces, as the wire does.
#[track_caller]
fn check(message: impl AsRef<[u8]>, expected: Step) {
    let bytes = message.as_ref();
    for step in [bytes.len().max(1), 1, 2, 7] {
        assert_eq!(
            read(bytes, step),
            expected,
            "{} by {step}",
            bytes.escape_ascii()
        );
    }
}

/// The first step that is not a wait for more.
fn read(bytes: &[u8], step: usize) -> Step {
    let mut reader = Reader::new();
    let mut here = 0;
    loop {
        here = bytes.len().min(here + step);
        match reader.step(&bytes[..here]) {
            Step::More if here < bytes.len() => {}
            found => return found,
        }
    }
}

#[track_caller]
fn refused(head: &str, fault: Fault) {
    check(head, Step::RefuseHead(fault));
}

#[track_caller]
fn header(line: &str, fault: Fault) {
    refused(
        &format!("POST / HTTP/1.1\r\nHost: g\r\n{line}\r\n\r\n"),
        fault,
    );
}

#[test]
fn a_plain_head_passes() {
    for head in [
        "GET / HTTP/1.1\r\nHost: g\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost:\tg:80 \r\n\r\n",
        "GET /a?b=%20c HTTP/1.0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
        "GET HTTP://G/ HTTP/1.1\r\nhost: g\r\n\r\n",
        "GET http://g?q HTTP/1.1\r\nHost: G\r\nX:\r\nY: \u{e9}\r\n\r\n",
        "M-X! / HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n",
    ] {
        check(head, Step::Pass(head.len()));
    }
}

#[test]
fn a_head_passes_with_what_is_here_of_its_body_and_no_more() {
    let head = "POST / HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n";
    let mut reader = Reader::new();
    let bytes = format!("{head}{{}}GET");
    assert_eq!(reader.step(bytes.as_bytes()), Step::Pass(head.len() + 2));
    assert!(reader.awaits_head());
    assert_eq!(reader.step(b"GET"), Step::More);
    let mut reader = Reader::new();
    assert_eq!(reader.step(head.as_bytes()), Step::Pass(head.len()));
    assert!(!reader.awaits_head());
    assert_eq!(reader.step(b"{"), Step::Pass(1));
    assert_eq!(reader.step(b"}\r\n"), Step::Pass(1));
}

#[test]
fn the_chunk_before_a_broken_one_passes() {
    let head = "POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: Chunked\r\n\r\n";
    let mut reader = Reader::new();
    let bytes = format!("{head}1\r\nx\r\nz");
    assert_eq!(reader.step(bytes.as_bytes()), Step::Pass(head.len() + 6));
    assert_eq!(reader.step(b""), Step::RefuseBody(Fault::ChunkSize));
    assert_eq!(
        reader.step(b"0\r\n\r\n"),
        Step::RefuseBody(Fault::ChunkSize)
    );
}

#[test]
fn a_request_line_has_three_words() {
    for line in [
        "GET /",
        "GET / ",
        "GET  / HTTP/1.1",
        " GET / HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "",
        "G(T / HTTP/1.1",
        "GET / HTTP/1.1 ",
    ] {
        let head = format!("{line}\r\nHost: g\r\n\r\n");
        let fault = match read(head.as_bytes(), head.len()) {
            Step::RefuseHead(fault) => fault,
            other => panic!("{line:?}: {other:?}"),
        };
        assert!(
            matches!(fault, Fault::RequestLine | Fault::Version),
            "{line:?}: {fault:?}"
        );
    }
    for version in [
        "HTTP/1.2",
        "HTTP/2.0",
        "HTTP/11",
        "http/1.1",
        "HTTP/1.01",
        "HTTP/1,1",
        "HTTPS/1.1",
    ] {
        refused(
            &format!("GET / {version}\r\nHost: g\r\n\r\n"),
            Fault::Version,
        );
    }
    refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Fault::Preface);
    refused(
        "CONNECT g:80 HTTP/1.1\r\nHost: g:80\r\n\r\n",
        Fault::Connect,
    );
    refused(
        "\r\n\r\nGET / HTTP/1.1\r\nHost: g\r\n\r\n",
        Fault::RequestLine,
    );
}

#[test]
fn a_target_is_a_path_or_a_whole_address() {
    for target in [
        "x",
        "*",
        "g:80",
        "//\u{e9}",
        "/#f",
        "/a|b",
        "/\\a",
        "ftp://g/",
        "http:///",
        "http://u@g/",
        "http://g:x/",
        "http://g:99999/",
    ] {
        refused(
            &format!("GET {target} HTTP/1.1\r\nHost: g\r\n\r\n"),
            Fault::Target,
        );
    }
    refused(
        "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
        Fault::HostsDiffer,
    );
    refused(
        "GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n",
        Fault::HostsDiffer,
    );
}

#[test]
fn lines_end_in_both_characters_and_hold_no_others() {
    refused("GET / HTTP/1.1\nHost: g\r\n\r\n", Fault::BareLineFeed);
    header("X: y\n", Fault::BareLineFeed);
    header("X: y\r\n\n", Fault::BareLineFeed);
    header("X: y\rZ: a", Fault::Control);
    header("X: y\0", Fault::Control);
    header("X: \x7f", Fault::Control);
    header("X: y\r", Fault::Control);
    refused("GET /\0 HTTP/1.1\r\nHost: g\r\n\r\n", Fault::Control);
    check("\x16\x03\x01", Step::RefuseHead(Fault::Control));
}

#[test]
fn a_field_is_a_name_and_a_value() {
    for line in [
        "X : y",
        "X\t: y",
        ": y",
        "no colon",
        "a b: c",
        "\u{e9}: c",
        "a[b]: c",
    ] {
        header(line, Fault::FieldName);
    }
    header(" folded", Fault::Folded);
    header("X: y\r\n\tfolded", Fault::Folded);
    header("Content_Length: 1", Fault::Lookalike);
    header(
        "transfer-encoding: chunked\r\nTRANSFER_ENCODING: x",
        Fault::Lookalike,
    );
}

#[test]
fn a_length_is_told_once_and_plainly() {
    for length in [
        "",
        "+1",
        "-1",
        "1,1",
        "1 1",
        "0x1",
        "01",
        "00",
        "1.0",
        "1e1",
        "18446744073709551614",
        "99999999999999999999",
        "100000000000000000000",
        "\u{a0}1",
        "1;",
    ] {
        header(&format!("Content-Length: {length}"), Fault::Length);
    }
    header("Content-Length: 1\r\nContent-Length: 1", Fault::Length);
    for coding in [
        "",
        "gzip",
        "chunked, chunked",
        "chunked;q=1",
        "\"chunked\"",
        "identity",
        "xchunked",
        "chunked\r\nTransfer-Encoding: chunked",
        "\u{b}chunked",
    ] {
        let head = format!("POST / HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: {coding}\r\n\r\n");
        let found = read(head.as_bytes(), head.len());
        let right = matches!(
            found,
            Step::RefuseHead(Fault::TransferCoding | Fault::Control)
        );
        assert!(right, "{coding:?}: {found:?}");
    }
    refused(
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        Fault::TransferCoding,
    );
    header(
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        Fault::TwoLengths,
    );
    header(
        "Transfer-Encoding: chunked\r\nContent-Length: 1",
        Fault::TwoLengths,
    );
}

#[test]
fn there_is_one_host() {
    refused("GET / HTTP/1.1\r\n\r\n", Fault::Host);
    header("Host: g", Fault::Host);
    for host in [
        "", "a b", "a/b", "u@g", "g:", "g:x", "g:+1", "[::1", "[g]", "a,b", "a\\b", "g:80:80",
    ] {
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let found = read(head.as_bytes(), head.len());
        // Both are of the grammar: an empty port, and a name with a comma.
        let sound = matches!(host, "g:" | "a,b");
        assert_eq!(
            found == Step::RefuseHead(Fault::Host),
            !sound,
            "{host:?}: {found:?}"
        );
    }
}

#[test]
fn a_head_comes_to_an_end() {
    let long = format!(
        "GET / HTTP/1.1\r\nHost: g\r\nX: {}\r\n\r\n",
        "x".repeat(HEAD)
    );
    refused(&long, Fault::HeadTooLong);
    refused(&"x".repeat(HEAD), Fault::HeadTooLong);
    for end in ["", "\r\n"] {
        let broken = format!("GET / HTTP/1.1\r\n\r{}{end}", "x".repeat(HEAD));
        refused(&broken, Fault::Control);
    }
    let most = format!("GET / HTTP/1.1\r\nHost: g\r\n{}\r\n", "a: b\r\n".repeat(99));
    check(&most, Step::Pass(most.len()));
    let more = format!(
        "GET / HTTP/1.1\r\nHost: g\r\n{}\r\n",
        "a: b\r\n".repeat(100)
    );
    refused(&more, Fault::TooManyFields);
    let start = "GET / HTTP/1.1\r\nHost: g\r\nX: ";
    let exact = format!("{start}{}\r\n\r\n", "x".repeat(HEAD - start.len() - 4));
    check(&exact, Step::Pass(HEAD));
}
