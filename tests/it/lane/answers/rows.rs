//! Answers of every kind, from RFC 9112 and from what is known of response smuggling.

use http::Method;

use super::department::{Case, End};

/// An answer, and whether our own way is stricter about it than hyper's.
pub(super) struct Row {
    pub(super) case: Case,
    /// Why, if it is.
    pub(super) stricter: Option<&'static str>,
}

fn row(answer: impl Into<Vec<u8>>, end: End) -> Row {
    let answer = answer.into();
    let case = Case {
        method: Method::POST,
        piece: answer.len().max(1),
        answer,
        end,
    };
    Row {
        case,
        stricter: None,
    }
}

impl Row {
    fn to(mut self, method: Method) -> Self {
        self.case.method = method;
        self
    }

    fn because(mut self, reason: &'static str) -> Self {
        self.stricter = Some(reason);
        self
    }
}

/// All of them.
pub(super) fn rows() -> Vec<Row> {
    let all = [
        status_lines(),
        line_ends(),
        fields(),
        limits(),
        lengths(),
        codings(),
        chunks(),
        broken_chunks(),
        interim(),
        bodyless(),
        ends(),
        more_than_one(),
    ];
    all.into_iter().flatten().collect()
}

fn status_lines() -> Vec<Row> {
    let of = |line: &str| row(format!("{line}\r\nContent-Length: 2\r\n\r\nok"), End::Stay);
    let sound = [
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 ",
        "HTTP/1.1 200",
        "HTTP/1.1 404 Nobody here\tat all",
        "HTTP/1.1 500 Internal Server Error",
        "HTTP/1.1 999 x",
        "HTTP/1.1 200 \u{e9}",
        "HTTP/1.0 200 OK",
        "HTTP/1.1 206 Partial Content",
        "HTTP/1.1 418 I'm a teapot",
    ];
    let none = [
        "HTTP/1.1 099 x",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 2x0 OK",
        "HTTP/1.1 200OK",
        "HTTP/1.1 +20 OK",
        "HTTP/1.1 -20 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.2 200 OK",
        "HTTP/0.9 200 OK",
        "HTTP/2.0 200 OK",
        "HTTP/2 200 OK",
        "HTTP/11 200 OK",
        "http/1.1 200 OK",
        "HTTP /1.1 200 OK",
        " HTTP/1.1 200 OK",
        "ICY 200 OK",
        "SSH-2.0-x",
        "HTTPS/1.1 200 OK",
        "HTTP/1.1 200 a\0b",
        "HTTP/1.1 200 a\rb",
        "HTTP/1.1 200 a\u{7f}b",
        "GET / HTTP/1.1",
        "\0HTTP/1.1 200 OK",
        "\u{feff}HTTP/1.1 200 OK",
        "HTTP/1.1 200\0OK",
        "<html>",
    ];
    sound.into_iter().chain(none).map(of).collect()
}

fn line_ends() -> Vec<Row> {
    [
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok",
        "\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "\n\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ]
    .map(|answer| row(answer, End::Stay).because("a line ends in CRLF, and none is empty in front"))
    .into()
}

fn fields() -> Vec<Row> {
    let of = |fields: &str| {
        row(
            format!("HTTP/1.1 200 OK\r\n{fields}\r\nContent-Length: 2\r\n\r\nok"),
            End::Stay,
        )
    };
    [
        "A:b",
        "A:  b  ",
        "A:\tb\t",
        "A:",
        "A: ",
        "A: \u{e9}\u{fc}",
        "A: b\r\nA: c\r\na: d",
        "!#$%&'*+-.^_`|~: x",
        "Set-Cookie: a=b; Path=/\r\nSet-Cookie: c=d",
        "Content_Length: 3",
        "X-Content-Length: 3",
        "Connection: close",
        "Connection: keep-alive",
        "Connection: keep-alive, close",
        "Connection: CLOSE",
        "Connection: close\r\nConnection: keep-alive",
        "Connection: closed",
        "Connection: ,,close,",
        "Keep-Alive: timeout=5",
        "Upgrade: h2c",
        "Trailer: X",
        "Content-Type: text/plain; charset=utf-8",
        "A : b",
        "A\t: b",
        " A: b",
        "\tA: b",
        ": b",
        "A",
        "A b: c",
        "A(: b",
        "A\0: b",
        "A\"b: c",
        "A: b\0",
        "A: b\u{7f}",
        "A: b\u{b}",
        "A: b\rc",
        "A: b\r\n folded",
        "A: b\r\n\tfolded",
        "\u{e9}: b",
        "A: b\r\n: c",
        "A[]: b",
        "A,: b",
        "A: b\r\nB",
    ]
    .map(of)
    .into()
}

fn limits() -> Vec<Row> {
    let many = |count: usize| "A: b\r\n".repeat(count);
    let of = |fields: &str| {
        row(
            format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok"),
            End::Stay,
        )
    };
    let empty = "HTTP/1.1 200 OK\r\nA: \r\nContent-Length: 2\r\n\r\n".len();
    let long = |length: usize| of(&format!("A: {}\r\n", "x".repeat(length - empty)));
    vec![
        of(&many(50)),
        of(&many(99)),
        of(&many(100)),
        of(&many(1_000)),
        long(16 * 1024),
        long(16 * 1024 + 1),
        long(40_000),
        long(100_000),
        row(
            format!(
                "HTTP/1.1 200 {}\r\nContent-Length: 0\r\n\r\n",
                "x".repeat(17_000)
            ),
            End::Stay,
        ),
        row(
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{}",
                "y".repeat(100_000)
            ),
            End::Stay,
        ),
    ]
}

fn lengths() -> Vec<Row> {
    let of = |length: &str| {
        row(
            format!("HTTP/1.1 200 OK\r\nContent-Length:{length}\r\n\r\nok"),
            End::Close,
        )
    };
    let equal = [
        "2",
        " 2 ",
        "\t2",
        " 0",
        " 1",
        " 3",
        " 00002x",
        "",
        " ",
        " -1",
        " +2",
        " 0x2",
        " 2;",
        " 2.0",
        " two",
        " 2 2",
        " 18446744073709551615",
        " 18446744073709551616",
        " 99999999999999999999999",
        " 2, 3",
        " 2,",
        " ,2",
        " \"2\"",
        " \u{b2}",
        " 2\r\nContent-Length: 3",
        " 3\r\ncontent-length: 2",
        " 2\0",
    ];
    let lenient = [
        " 02",
        " 002",
        " 2, 2",
        " 2,2",
        " 2\r\nContent-Length: 2",
        " 2\r\nCONTENT-LENGTH:2",
    ];
    let equal = equal.into_iter().map(of);
    let lenient = lenient.into_iter().map(of);
    equal
        .chain(lenient.map(|row| row.because("one length, and plain digits")))
        .collect()
}

fn codings() -> Vec<Row> {
    let of = |fields: &str| {
        row(
            format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
            End::Close,
        )
    };
    let equal = [
        "Transfer-Encoding: chunked",
        "Transfer-Encoding:Chunked\t",
        "TRANSFER-ENCODING: CHUNKED",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding : chunked",
        "X-Transfer-Encoding: chunked",
        "Transfer_Encoding: chunked",
    ];
    let lenient = [
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding:",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
        "Transfer-Encoding: chunked\r\nContent-Length: 12",
        "Content-Length: 2\r\nTransfer-Encoding: chunked",
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
    ];
    let old = "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let equal = equal.into_iter().map(of).chain([row(old, End::Close)]);
    let lenient = lenient.into_iter().map(of);
    equal
        .chain(lenient.map(|row| row.because("chunked alone, or a length alone")))
        .collect()
}

fn chunked(body: &str, end: End) -> Row {
    row(
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"),
        end,
    )
}

fn chunks() -> Vec<Row> {
    let long = format!("1000\r\n{}\r\n0\r\n\r\n", "x".repeat(4_096));
    let many = format!("{}0\r\n\r\n", "1\r\nx\r\n".repeat(500));
    let mut rows: Vec<_> = [
        "0\r\n\r\n",
        "2\r\nok\r\n0\r\n\r\n",
        "1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        "A\r\n0123456789\r\n0\r\n\r\n",
        "a\r\n0123456789\r\n00\r\n\r\n",
        "00000002\r\nok\r\n0\r\n\r\n",
        "2;a\r\nok\r\n0\r\n\r\n",
        "2;a=b;c=\"d\"\r\nok\r\n0;x\r\n\r\n",
        "2\r\nok\r\n0\r\nT: v\r\n\r\n",
        "2\r\nok\r\n0\r\nT: v\r\nContent-Length: 5\r\nU:\r\n\r\n",
        "4\r\n\r\n\r\n\r\n0\r\n\r\n",
        &long,
        &many,
    ]
    .into_iter()
    .map(|body| chunked(body, End::Stay))
    .collect();
    let extension = format!("2;{}\r\nok\r\n0\r\n\r\n", "x".repeat(300));
    let trailer = format!("2\r\nok\r\n0\r\nT: {}\r\n\r\n", "x".repeat(1_100));
    rows.push(chunked("2 \r\nok\r\n0\r\n\r\n", End::Close).because("no space behind a size"));
    rows.push(chunked("2\t;a\r\nok\r\n0\r\n\r\n", End::Close).because("no space behind a size"));
    rows.push(
        chunked("000000002\r\nok\r\n0\r\n\r\n", End::Close).because("eight digits are enough"),
    );
    rows.push(chunked("2;a\0b\r\nok\r\n0\r\n\r\n", End::Close).because("an extension is text"));
    rows.push(chunked(&extension, End::Close).because("extensions come to an end"));
    rows.push(chunked(&trailer, End::Close).because("trailers come to an end"));
    rows
}

fn broken_chunks() -> Vec<Row> {
    [
        "",
        "2",
        "2\r",
        "2\r\n",
        "2\r\no",
        "2\r\nok",
        "2\r\nok\r",
        "2\r\nok\r\n",
        "2\r\nok\r\n0",
        "2\r\nok\r\n0\r\n",
        "2\r\nok\r\n0\r\n\r",
        "\r\n2\r\nok\r\n0\r\n\r\n",
        " 2\r\nok\r\n0\r\n\r\n",
        "+2\r\nok\r\n0\r\n\r\n",
        "-2\r\nok\r\n0\r\n\r\n",
        "0x2\r\nok\r\n0\r\n\r\n",
        "g\r\nok\r\n0\r\n\r\n",
        "2\nok\r\n0\r\n\r\n",
        "2\rXok\r\n0\r\n\r\n",
        "2\r\nokay\r\n0\r\n\r\n",
        "3\r\nok\r\n0\r\n\r\n",
        "2\r\nok0\r\n\r\n",
        "2\r\nok\n0\r\n\r\n",
        "2\r\nok\r\r\n0\r\n\r\n",
        ";a\r\nok\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nok\r\n0\r\n\r\n",
        "10000000000000000\r\nok\r\n0\r\n\r\n",
        "2;a\nb\r\nok\r\n0\r\n\r\n",
        "2\r\nok\r\n0\r\nT\r\n\r\n",
        "2\r\nok\r\n0\r\nT : v\r\n\r\n",
        "2\r\nok\r\n0\r\n folded\r\n\r\n",
        "2\r\nok\r\n0\r\n\n",
        "ok",
    ]
    .map(|body| chunked(body, End::Close))
    .into()
}

fn interim() -> Vec<Row> {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let with = |before: &str| row(format!("{before}{ok}"), End::Stay);
    let many = |count| "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n".repeat(count);
    vec![
        with("HTTP/1.1 100 Continue\r\n\r\n"),
        with("HTTP/1.1 102 Processing\r\nA: b\r\n\r\n"),
        with("HTTP/1.1 199 x\r\n\r\n"),
        with("HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n"),
        with("HTTP/1.1 100 Continue\r\nContent-Length: 7\r\n\r\n"),
        with(&many(16)),
        with(&many(17)).because("somebody who says nothing but that is not waited for"),
        with("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"),
        with("HTTP/1.1 100 Continue\n\n").because("a line ends in CRLF"),
        row("HTTP/1.1 100 Continue\r\n\r\n", End::Close),
        row("HTTP/1.1 100 Continue\r\n\r\n", End::Hang),
        row("HTTP/1.1 101 Switching Protocols\r\n\r\n", End::Close),
    ]
}

fn bodyless() -> Vec<Row> {
    let head = |answer: &str| row(answer, End::Stay).to(Method::HEAD);
    vec![
        head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        head("HTTP/1.1 200 OK\r\n\r\n"),
        head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        row("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", End::Stay).to(Method::GET),
        row("HTTP/1.1 204 No Content\r\n\r\n", End::Stay),
        row(
            "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
            End::Stay,
        ),
        row(
            "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n",
            End::Stay,
        ),
        row(
            "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
            End::Stay,
        ),
        row(
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
            End::Stay,
        ),
        row(
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            End::Stay,
        ),
        row(
            "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\nmore",
            End::Stay,
        ),
        row(
            "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
            End::Stay,
        ),
        row(
            "HTTP/1.1 204 x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            End::Stay,
        )
        .because("what has two lengths is no answer, with a body or without"),
    ]
}

fn ends() -> Vec<Row> {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfull";
    let heads = [0, 1, 5, 7, 9, 11, 15, 16, 17, 20, 33, 34, 35, 36, 37, 39];
    let mut rows: Vec<_> = heads
        .map(|length| row(&ok.as_bytes()[..length], End::Close))
        .into();
    rows.extend([0, 8, 15, 30, 37, 39].map(|length| row(&ok.as_bytes()[..length], End::Hang)));
    rows.extend([
        row(ok, End::Close),
        row("HTTP/1.1 200 OK\r\n\r\n", End::Close),
        row("HTTP/1.1 200 OK\r\n\r\nuntil the end", End::Close),
        row("HTTP/1.0 200 OK\r\n\r\nuntil the end", End::Close),
        row("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", End::Stay),
        row(
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
            End::Stay,
        ),
        row(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            End::Stay,
        ),
        row(
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
            End::Close,
        ),
        row("HTTP/1.1 200 OK\r\n\r\nnever ends", End::Hang),
        chunked("2\r\nok\r\n", End::Hang),
    ]);
    rows
}

/// Answers nobody asked for, which the next request must never get.
fn more_than_one() -> Vec<Row> {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    vec![
        row(format!("{ok}{evil}"), End::Stay),
        row(format!("{ok}{evil}"), End::Close),
        row(format!("{chunks}{evil}"), End::Stay),
        row(format!("{ok}\r\n"), End::Stay),
        row(format!("{ok}\n"), End::Stay),
        row(format!("{ok}x"), End::Stay),
        row(format!("{chunks}\r\n"), End::Stay),
        row(format!("HTTP/1.1 204 x\r\n\r\n{evil}"), End::Stay),
        row(format!("HTTP/1.1 304 x\r\n\r\n{evil}"), End::Stay),
        row(
            format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n{evil}"),
            End::Stay,
        ),
        row(
            format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{evil}"),
            End::Stay,
        )
        .to(Method::HEAD),
        row(format!("{ok}HTTP/1.1 100 Continue\r\n\r\n"), End::Stay),
    ]
}
