//! How a head announces its body: RFC 9112, sections 6.1 to 6.3, and the attacks called CL.TE, TE.CL and
//! TE.TE.

use super::{After, Case, HEALTH_CARD, chunked, head, scan, sized};

pub(super) fn cases() -> Vec<Case> {
    let all = [lengths(), codings(), both()];
    all.into_iter().flatten().collect()
}

/// What is no length, or is one to some readers only.
const ODD_LENGTHS: [&str; 34] = [
    "",
    " ",
    "+66",
    "-66",
    "-0",
    "6 6",
    "66 6",
    "66,66",
    "66, 66",
    "66;66",
    "66.0",
    "6.6e1",
    "0x42",
    "066",
    "0066",
    "00",
    "66\t6",
    "\"66\"",
    "'66'",
    "66\u{a0}",
    "\u{ff16}\u{ff16}",
    "66 HTTP/1.1",
    "1_000",
    "18446744073709551682",
    "18446744073709551616",
    "18446744073709551615",
    "340282366920938463463374607431768211522",
    "NaN",
    "66\0",
    "66\u{b}",
    "\u{c}66",
    "66:",
    "=66",
    "66\r66",
];

/// Section 6.2, and CVE-2019-16276 and its kin: lengths that are read in two ways.
fn lengths() -> Vec<Case> {
    let mut cases = Vec::new();
    for length in ODD_LENGTHS {
        let bytes = head(&format!("Content-Length: {length}\r\n\r\n{HEALTH_CARD}"));
        let name = format!("length {length:?}");
        cases.push(Case::refused(name, bytes + &scan("smuggled")));
    }
    for (first, second) in [
        ("66", "66"),
        ("66", "0"),
        ("0", "66"),
        ("66", "067"),
        ("66", ""),
        ("", "66"),
    ] {
        let lines =
            format!("Content-Length: {first}\r\nContent-Length: {second}\r\n\r\n{HEALTH_CARD}");
        let name = format!("lengths {first:?} and {second:?}");
        cases.push(Case::refused(name, head(&lines) + &scan("smuggled")));
    }
    for line in [
        "content-length:66",
        "CONTENT-LENGTH: \t66 \t",
        "Content-Length:\t66",
    ] {
        let bytes = head(&format!("{line}\r\n\r\n{HEALTH_CARD}"));
        cases.push(Case::taken(format!("length {line:?}"), bytes));
    }
    cases
}

/// Header lines that some reader takes for chunks.
const ODD_CODINGS: [&str; 43] = [
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunkedx",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    "Transfer-Encoding:",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: 'chunked'",
    "Transfer-Encoding: chunked chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: \u{b}chunked",
    "Transfer-Encoding: chunked\u{c}",
    "Transfer-Encoding: chunked\0",
    "Transfer-Encoding: \u{a0}chunked",
    "Transfer-Encoding: \u{ff}chunked",
    "Transfer-Encoding: chun\rked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding: chunked\r\n x",
    "Transfer-Encoding: x\n\tchunked",
    " Transfer-Encoding: chunked",
    "\tTransfer-Encoding: chunked",
    "X: y\nTransfer-Encoding: chunked",
    "X: y\rTransfer-Encoding: chunked",
    "X: y\r\n\rTransfer-Encoding: chunked",
    "Transfer-Encoding\r\n: chunked",
    "Transfer_Encoding: chunked",
    "Transfer-Encoding\0: chunked",
    "Transfer-Encoding\u{1}: chunked",
    "\u{ef}Transfer-Encoding: chunked",
    "Transfer-\r\n Encoding: chunked",
    "Transfer Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent_Length: 3",
];

/// Section 6.1: TE.TE, a coding that one reader knows and another one does not.
fn codings() -> Vec<Case> {
    let mut cases = Vec::new();
    for line in ODD_CODINGS {
        let bytes = head(&format!("{line}\r\n\r\n42\r\n{HEALTH_CARD}\r\n0\r\n\r\n"));
        let name = format!("coding {line:?}");
        cases.push(Case::refused(name, bytes + &scan("smuggled")));
    }
    for line in [
        "Transfer-Encoding: chunked",
        "TRANSFER-ENCODING:CHUNKED",
        "transfer-encoding:\tchUnked\t ",
    ] {
        let bytes = head(&format!("{line}\r\n\r\n42\r\n{HEALTH_CARD}\r\n0\r\n\r\n"));
        cases.push(Case::taken(format!("coding {line:?}"), bytes));
    }
    let old = chunked("").replace("HTTP/1.1", "HTTP/1.0");
    cases.push(Case::refused("chunks in HTTP/1.0", old + &scan("smuggled")));
    let compressed = Case::refused(
        "a content coding called chunked",
        sized("Content-Encoding: chunked\r\n"),
    );
    cases.push(compressed.answered(&[415], After::Either));
    cases
}

/// Section 6.3: CL.TE and TE.CL, in every order and disguise.
fn both() -> Vec<Case> {
    let mut cases = Vec::new();
    let coding = [
        "Transfer-Encoding: chunked",
        "Transfer-Encoding:chunked",
        "transfer-encoding:\tchunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: x",
        "Transfer-Encoding:",
    ];
    for line in coding {
        for (order, lines) in [
            ("CL.TE", format!("Content-Length: 5\r\n{line}\r\n")),
            ("TE.CL", format!("{line}\r\nContent-Length: 5\r\n")),
        ] {
            let bytes = head(&lines) + "\r\n0\r\n\r\n" + &scan("smuggled");
            cases.push(Case::refused(format!("{order} {line:?}"), bytes));
        }
    }
    let inner = scan("smuggled");
    let inside = format!(
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{inner}\r\n0\r\n\r\n",
        inner.len()
    );
    cases.push(Case::refused(
        "TE.CL with a request in its chunk",
        head(&inside),
    ));
    let zero = "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    cases.push(Case::refused("CL.TE of nothing", head(zero)));
    cases
}
