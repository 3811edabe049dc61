//! Heads: RFC 9112, sections 2 to 5; what "HTTP Desync Attacks", "HTTP/1.1 Must Die" and others since
//! Watchfire's paper of 2005 have tried on them.

use super::{After, Case, scan, sized};

pub(super) fn cases() -> Vec<Case> {
    let all = [
        request_lines(),
        targets(),
        hosts(),
        lines(),
        names(),
        hops(),
    ];
    all.into_iter().flatten().collect()
}

/// Section 3: request lines that are none, with and without a version.
fn request_lines() -> Vec<Case> {
    let mut cases = Vec::new();
    for line in [
        "POST /v1/scan",
        "POST",
        "",
        "POST /v1/scan ",
        "POST  /v1/scan HTTP/1.1",
        "POST /v1/scan  HTTP/1.1",
        "POST /v1/scan HTTP/1.1 ",
        " POST /v1/scan HTTP/1.1",
        "\tPOST /v1/scan HTTP/1.1",
        "POST\t/v1/scan\tHTTP/1.1",
        "POST /v1/scan\tHTTP/1.1",
        "POST\u{b}/v1/scan HTTP/1.1",
        "POST /v1/scan HTTP/1.1\u{c}",
        "P\0ST /v1/scan HTTP/1.1",
        "PO(ST /v1/scan HTTP/1.1",
        "POST: /v1/scan HTTP/1.1",
        "\"POST\" /v1/scan HTTP/1.1",
        "POST /v1/scan HTTP/1.2",
        "POST /v1/scan HTTP/2.0",
        "POST /v1/scan HTTP/3",
        "POST /v1/scan HTTP/0.9",
        "POST /v1/scan HTTP/1.10",
        "POST /v1/scan HTTP/1.",
        "POST /v1/scan HTTP/+1.1",
        "POST /v1/scan http/1.1",
        "POST /v1/scan HTTP /1.1",
        "POST /v1/scan XTTP/1.1",
        "POST /v1/scan HTTP/1.1 HTTP/1.1",
        "POST /v1/scan HTTP/1.1\rX: y",
        "POST /v1/scan HTTP\\1.1",
        "\u{feff}POST /v1/scan HTTP/1.1",
        "HTTP/1.1 200 OK",
    ] {
        let bytes = sized("").replacen("POST /v1/scan HTTP/1.1", line, 1);
        let name = format!("request line {line:?}");
        cases.push(Case::refused(name, bytes + &scan("smuggled")));
    }
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned() + &scan("smuggled");
    cases.push(Case::refused("the preface of HTTP/2", preface).answered(&[], After::Closed));
    let two = "\r\n\r\n".to_owned() + &sized("");
    cases.push(Case::refused("two empty lines before a request", two));
    cases.push(Case::taken(
        "an empty line before a request",
        "\r\n".to_owned() + &sized(""),
    ));
    cases.push(Case::refused(
        "LF before a request",
        "\n".to_owned() + &sized(""),
    ));
    for method in ["GPOST", "post", "TRACE", "OPTIONS", "X-Y!"] {
        let bytes = sized("").replacen("POST", method, 1);
        let case = Case::refused(format!("method {method}"), bytes);
        cases.push(case.answered(&[405], After::Either));
    }
    cases
}

/// Section 3.2.
fn targets() -> Vec<Case> {
    let mut cases = Vec::new();
    for target in [
        "v1/scan",
        "*",
        "gateway:80",
        "/v1/scan#x",
        "/v1/scan?a=\u{e9}",
        "/v1/scan?a|b",
        "/v1\\scan",
        "/v1/<scan>",
        "/v1/scan\u{7f}",
        "/v1/\0scan",
        "http:/v1/scan",
        "http:///v1/scan",
        "ftp://gateway/v1/scan",
        "http://other/v1/scan",
        "http://gateway@other/v1/scan",
        "http://gateway:80/v1/scan",
        "//gateway:x/\"",
        "http://gateway%00/v1/scan",
        "http://[::1/v1/scan",
        "gopher:x",
        "http://gate way/v1/scan",
    ] {
        let bytes = sized("").replacen("/v1/scan", target, 1);
        let name = format!("target {target:?}");
        cases.push(Case::refused(name, bytes + &scan("smuggled")));
    }
    for target in [
        "http://gateway/v1/scan",
        "HTTP://GATEWAY/v1/scan",
        "https://Gateway/v1/scan?x=%0d%0aX:y",
    ] {
        let bytes = sized("").replacen("/v1/scan", target, 1);
        cases.push(Case::taken(format!("target {target:?}"), bytes));
    }
    let connect = "CONNECT gateway:80 HTTP/1.1\r\nHost: gateway:80\r\n\r\n".to_owned();
    cases.push(Case::refused("a tunnel", connect + &scan("smuggled")));
    cases
}

/// Section 3.2: one Host, and an authority.
fn hosts() -> Vec<Case> {
    let mut cases = Vec::new();
    for hosts in [
        "",
        "Host:\r\n",
        "Host: gateway\r\nHost: gateway\r\n",
        "Host: gateway\r\nHost: other\r\n",
        "Host : gateway\r\n",
        "Host: gateway other\r\n",
        "Host: gateway/other\r\n",
        "Host: x@gateway\r\n",
        "Host: gateway:x\r\n",
        "Host: gateway:80:80\r\n",
        "Host: gateway\\other\r\n",
        "Host: [::1\r\n",
        "Host: gateway\0\r\n",
        "Host: g\u{e9}\r\n",
        "Host: gateway#\r\n",
        "Host: gateway?\r\n",
        "Host: gateway:99999\r\n",
        " Host: gateway\r\n",
        "Host: a\r\n b\r\n",
        "Host: gateway\nHost: other\r\n",
    ] {
        let bytes = sized("").replacen("Host: gateway\r\n", hosts, 1);
        let name = format!("hosts {hosts:?}");
        cases.push(Case::refused(name, bytes + &scan("smuggled")));
    }
    for host in [
        "Host:gateway",
        "HOST: gateway:8080 ",
        "Host: 127.0.0.1",
        "Host: [::1]:80",
    ] {
        let bytes = sized("").replacen("Host: gateway", host, 1);
        cases.push(Case::taken(format!("host {host:?}"), bytes));
    }
    cases
}

/// Section 2.2: line ends, and what stands within lines.
fn lines() -> Vec<Case> {
    let all_lf = sized("").replace("\r\n", "\n");
    let all_cr = sized("").replace("\r\n", "\r");
    let swapped = sized("").replace("\r\n", "\n\r");
    let mut cases = vec![
        Case::refused("LF for every CRLF", all_lf),
        Case::refused("LFCR for every CRLF", swapped),
        Case::refused("CR for every CRLF", all_cr + "\n\n"),
        Case::refused(
            "LF behind the request line",
            sized("").replacen("\r\n", "\n", 1),
        ),
        Case::refused(
            "LF for the last line",
            sized("").replacen("\r\n\r\n", "\r\n\n", 1),
        ),
        Case::refused(
            "CRCRLF for the last line",
            sized("").replacen("\r\n\r\n", "\r\n\r\r\n", 1),
        ),
        Case::refused(
            "LFLF for the end",
            sized("").replacen("\r\n\r\n", "\n\n", 1),
        ),
    ];
    for line in [
        "X: y\n",
        "X: y\r",
        "X: \ry",
        "X: \0",
        "X: \u{1}",
        "X: \u{8}",
        "X: \u{1b}[0m",
        "X: \u{7f}",
        "X: y\u{b}",
    ] {
        let bytes = sized(&format!("{line}\r\n"));
        cases.push(Case::refused(
            format!("line {line:?}"),
            bytes + &scan("smuggled"),
        ));
    }
    cases
}

/// Sections 5.1 and 5.2: names, and lines that are folded.
fn names() -> Vec<Case> {
    let mut cases = Vec::new();
    for line in [
        "X : y",
        "X\t: y",
        ": y",
        "X",
        "X y: z",
        "X(: y",
        "X[]: y",
        "\u{e9}: y",
        "\"X\": y",
        "X/Y: z",
        "X@: y",
        "X=y",
        "{X}: y",
        " X: y",
        "\tX: y",
        "Y: z\r\n X: y",
        "Y: z\r\n\tContent-Length: 0",
        "Content_Length: 0",
        "content_length: 66",
        "TRANSFER_ENCODING: chunked",
        "Transfer-encoding_: x\r\nTransfer_Encoding: y",
    ] {
        let bytes = sized(&format!("{line}\r\n"));
        cases.push(Case::refused(
            format!("field {line:?}"),
            bytes + &scan("smuggled"),
        ));
    }
    let many = "A: b\r\n".repeat(98);
    cases.push(
        Case::refused("a hundred and one fields", sized(&many)).answered(&[431], After::Closed),
    );
    let long = format!("A: {}\r\n", "b".repeat(9_000));
    cases.push(Case::refused("a long field", sized(&long)).answered(&[431], After::Closed));
    cases.push(Case::taken(
        "a field without a value",
        sized("A:\r\nB: \r\n"),
    ));
    cases
}

/// RFC 9110, section 7.6: what is for one hop, and what changes protocols.
fn hops() -> Vec<Case> {
    let mut cases = Vec::new();
    for line in [
        "Connection: content-length",
        "Connection: host, content-length",
        "Connection: keep-alive, transfer-encoding",
        "Connection: x\r\nConnection: content-type",
        "Proxy-Connection: close",
        "Keep-Alive: timeout=1",
        "TE: trailers",
        "TE: chunked",
        "Trailer: Content-Length",
        "X-HTTP-Method-Override: DELETE",
        "X-Original-URL: /admin",
        "X-Forwarded-Host: other",
        "Max-Forwards: 0",
        "Range: bytes=0-0",
        "Expect: 100-Continue",
    ] {
        cases.push(Case::taken(
            format!("hop {line:?}"),
            sized(&format!("{line}\r\n")),
        ));
    }
    for line in [
        "Upgrade: h2c",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
        "Connection: upgrade\r\nUpgrade: websocket",
        "Upgrade: TLS/1.0",
        "Expect: 200-ok",
        "Expect: y 100-continue",
        "Expect: 100-continue, 100-continue",
        "Expect: 100-continue\r\nExpect: x",
        "Expect:",
    ] {
        let case = Case::refused(format!("hop {line:?}"), sized(&format!("{line}\r\n")));
        cases.push(case.answered(&[400], After::Either));
    }
    let last = Case::taken(
        "hop \"Connection: close\"",
        sized("Connection: close\r\n") + &scan("smuggled"),
    );
    cases.push(last.answered(&[200], After::Closed));
    cases
}
