//! Chunks: RFC 9112, section 7.1, and "Funky chunks" and its kin.

use super::{After, Case, HEALTH_CARD, chunked, head, scan};

pub(super) fn cases() -> Vec<Case> {
    let all = [sizes(), extensions(), ends(), trailers()];
    all.into_iter().flatten().collect()
}

/// A scan in chunks with this body, and another one behind it.
fn body(body: &str) -> String {
    head("Transfer-Encoding: chunked\r\n\r\n") + body + &scan("smuggled")
}

fn sizes() -> Vec<Case> {
    let mut cases = Vec::new();
    for size in [
        "",
        " ",
        "g",
        "0x42",
        "+42",
        "-42",
        " 42",
        "\t42",
        "42 ",
        "42\t",
        "4 2",
        "4_2",
        "42h",
        "42.",
        "42,",
        "\"42\"",
        "\u{ff14}\u{ff12}",
        "42\0",
        "42\r",
        "42\u{b}",
        "000000042",
        "100000042",
        "10000000000000042",
        "ffffffffffffffff",
        "-1",
        "42 ;a",
        "4\r\n2",
        "42\r\r",
        "\u{0}42",
        "NaN",
    ] {
        let chunks = format!("{size}\r\n{HEALTH_CARD}\r\n0\r\n\r\n");
        cases.push(Case::refused(format!("chunk size {size:?}"), body(&chunks)));
    }
    for line in ["42\n", "42\r", "42\n\r", "\n42\r\n", "\r\n42\r\n"] {
        let chunks = format!("{line}{HEALTH_CARD}\r\n0\r\n\r\n");
        cases.push(Case::refused(format!("chunk line {line:?}"), body(&chunks)));
    }
    for size in ["042", "00000042"] {
        let bytes = chunked("").replacen("\r\n42\r\n", &format!("\r\n{size}\r\n"), 1);
        cases.push(Case::taken(format!("chunk size {size:?}"), bytes));
    }
    let (start, end) = HEALTH_CARD.split_at(50);
    let (one, end) = end.split_at(1);
    let several = format!("32\r\n{start}\r\n1\r\n{one}\r\nF\r\n{end}\r\n0\r\n\r\n");
    let several = head("Transfer-Encoding: chunked\r\n\r\n") + &several;
    cases.push(Case::taken("several chunks", several));
    cases
}

fn extensions() -> Vec<Case> {
    let mut cases = Vec::new();
    let long = "x".repeat(300);
    for extension in [
        ";\n",
        ";a\n",
        ";a=b\nX: y",
        ";\0",
        ";a\u{1}",
        ";a\r",
        ";a\rb",
        ";\"\n\"",
        ";a=\"\r\"",
        ";\u{e9}",
        ";a\u{7f}",
        &*format!(";{long}"),
    ] {
        let chunks = format!("42{extension}\r\n{HEALTH_CARD}\r\n0\r\n\r\n");
        let name: String = extension.chars().take(20).collect();
        cases.push(Case::refused(
            format!("chunk extension {name:?}"),
            body(&chunks),
        ));
    }
    for extension in [";a", ";a=b", ";a=\"b; c\"", "; a = b", ";"] {
        let bytes = chunked("").replacen("\r\n42\r\n", &format!("\r\n42{extension}\r\n"), 1);
        cases.push(Case::taken(format!("chunk extension {extension:?}"), bytes));
    }
    let last = Case::refused(
        "the last chunk's extension with LF",
        body(&format!("42\r\n{HEALTH_CARD}\r\n0;\n\r\n\r\n")),
    );
    cases.push(last);
    cases
}

fn ends() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, chunks) in [
        ("LF behind data", format!("42\r\n{HEALTH_CARD}\n0\r\n\r\n")),
        ("CR behind data", format!("42\r\n{HEALTH_CARD}\r0\r\n\r\n")),
        (
            "nothing behind data",
            format!("42\r\n{HEALTH_CARD}0\r\n\r\n"),
        ),
        (
            "two bytes more data",
            format!("42\r\n{HEALTH_CARD}XX\r\n0\r\n\r\n"),
        ),
        (
            "two bytes instead of the end",
            format!("42\r\n{HEALTH_CARD}XX0\r\n\r\n"),
        ),
        ("less data", format!("43\r\n{HEALTH_CARD}\r\n0\r\n\r\n")),
        (
            "an empty line between chunks",
            format!("42\r\n{HEALTH_CARD}\r\n\r\n0\r\n\r\n"),
        ),
        (
            "LF behind the last chunk",
            format!("42\r\n{HEALTH_CARD}\r\n0\n\r\n"),
        ),
        (
            "LF for the last line",
            format!("42\r\n{HEALTH_CARD}\r\n0\r\n\n"),
        ),
        ("LFLF for the end", format!("42\r\n{HEALTH_CARD}\r\n0\n\n")),
        (
            "CR without LF at the end",
            format!("42\r\n{HEALTH_CARD}\r\n0\r\n\r"),
        ),
        (
            "a request for the last line",
            format!("42\r\n{HEALTH_CARD}\r\n0\r\n"),
        ),
    ] {
        cases.push(Case::refused(format!("chunks: {name}"), body(&chunks)));
    }
    cases.push(Case::taken(
        "chunks: 00 for the last",
        chunked("").replacen("\r\n0\r\n", "\r\n00\r\n", 1),
    ));
    cases
}

fn trailers() -> Vec<Case> {
    let mut cases = Vec::new();
    let long = format!("X: {}", "y".repeat(1_100));
    for trailer in [
        "X : y",
        " X: y",
        "X",
        "X: y\n",
        "X: y\r",
        ": y",
        "X: \0",
        "X y: z",
        "X: y\r\n z",
        "GET / HTTP/1.1",
        "\u{e9}: y",
        "X: y\nZ: a",
        &*long,
    ] {
        let chunks = format!("42\r\n{HEALTH_CARD}\r\n0\r\n{trailer}\r\n\r\n");
        let name: String = trailer.chars().take(20).collect();
        cases.push(Case::refused(format!("trailer {name:?}"), body(&chunks)));
    }
    // They are thrown away, whatever they are called.
    for trailer in [
        "X: y",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Host: other",
        "X-Mark: smuggled",
        "A:\r\nB: c",
    ] {
        let bytes = chunked("").replacen("\r\n0\r\n", &format!("\r\n0\r\n{trailer}\r\n"), 1);
        cases.push(Case::taken(format!("trailer {trailer:?}"), bytes));
    }
    let two = chunked("") + &chunked("");
    cases.push(
        Case::taken("two scans in chunks", two)
            .answered(&[200, 200], After::Open)
            .seen(&["attack", "attack"]),
    );
    cases
}
