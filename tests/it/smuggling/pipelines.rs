//! Several messages on one connection: CL.0, 0.CL, and what hides behind a message.

use super::{After, Case, HEALTH_CARD, chunked, head, scan, sized};

pub(super) fn cases() -> Vec<Case> {
    let all = [
        unwanted_bodies(),
        leave(),
        pairs(),
        behind_sound_ones(),
        versions(),
    ];
    all.into_iter().flatten().collect()
}

/// Twice taken.
fn pair(name: &str, bytes: String) -> Case {
    Case::taken(name, bytes)
        .answered(&[200, 200], After::Open)
        .seen(&["attack", "attack"])
}

/// A sound scan, and then something else.
fn behind(name: &str, rest: &str) -> Case {
    let bytes = sized("") + rest + &scan("smuggled");
    Case::refused(name, bytes)
        .answered(&[200, 400], After::Closed)
        .seen(&["attack"])
}

/// A body that its path has no use for is a body all the same.
fn unwanted_bodies() -> Vec<Case> {
    let smuggled = scan("smuggled");
    let length = smuggled.len();
    let chunks = format!("{length:x}\r\n{smuggled}\r\n0\r\n\r\n");
    let page = "GET /l/nowhere HTTP/1.1\r\nHost: gateway\r\n";
    let in_chunks = format!("{page}Transfer-Encoding: chunked\r\n\r\n{chunks}");
    let mut cases = vec![
        Case::refused("CL.0 in chunks", in_chunks).answered(&[404], After::Either),
        // Without a length there is no body: what follows is the next request.
        Case::taken("0.CL", format!("{page}\r\n{smuggled}"))
            .answered(&[404, 200], After::Open)
            .seen(&["smuggled"]),
    ];
    let lines: [(&str, &'static [u16]); 4] = [
        ("GET /l/nowhere", &[404]),
        ("POST /nowhere", &[404]),
        ("DELETE /v1/scan", &[405]),
        ("GET /v1/outcomes/x", &[404]),
    ];
    for (line, answers) in lines {
        let head = format!("{line} HTTP/1.1\r\nHost: gateway\r\nContent-Length: {length}\r\n\r\n");
        let case = Case::refused(format!("CL.0 {line}"), head + &smuggled);
        cases.push(case.answered(answers, After::Either));
    }
    cases
}

/// `Expect`, met or not.
fn leave() -> Vec<Case> {
    let asking = head("Expect: 100-continue\r\nContent-Length: 66\r\n\r\n") + HEALTH_CARD;
    let too_large = head("Content-Length: 99999\r\n\r\n") + &scan("smuggled");
    let no_body = "POST /v1/scan HTTP/1.1\r\nHost: gateway\r\nX-Mark: attack\r\n\r\n";
    vec![
        Case::taken("a body without waiting for leave", &asking),
        pair("a pair without waiting for leave", asking + &sized("")),
        Case::refused("a body too large", too_large).answered(&[413], After::Closed),
        Case::refused("a scan without a body", no_body).answered(&[400], After::Open),
    ]
}

fn pairs() -> Vec<Case> {
    let mut inner = scan("smuggled");
    inner.truncate(66);
    let request = head("Content-Length: 66\r\n\r\n") + &inner;
    vec![
        pair("a pair", sized("") + &sized("")),
        pair(
            "a pair with an empty line between",
            sized("") + "\r\n" + &chunked(""),
        ),
        Case::taken("an empty line behind", sized("") + "\r\n"),
        Case::refused("a request for a body", request).answered(&[422], After::Open),
    ]
}

fn behind_sound_ones() -> Vec<Case> {
    let twice = head(&format!(
        "Content-Length: 1\r\nContent-Length: 1\r\n\r\n{HEALTH_CARD}"
    ));
    let chunks = head("Transfer-Encoding: chunked\r\n\r\nz\r\n");
    let both = head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    vec![
        behind("two empty lines behind", "\r\n\r\n"),
        behind("LF behind", "\n"),
        behind("NUL behind", "\0"),
        behind("garbage behind", "garbage\r\n\r\n"),
        behind("two lengths behind", &twice),
        behind("broken chunks behind", &chunks),
        behind("both lengths behind", &both),
        Case::refused("a letter behind", sized("") + "X" + &scan("smuggled"))
            .answered(&[200, 405], After::Either)
            .seen(&["attack"]),
    ]
}

fn versions() -> Vec<Case> {
    let old = |lines: &str| sized(lines).replace("HTTP/1.1", "HTTP/1.0");
    let mixed = sized("") + &old("Connection: close\r\n") + &scan("smuggled");
    vec![
        Case::taken("HTTP/1.0", old("") + &scan("smuggled")).answered(&[200], After::Closed),
        Case::taken("HTTP/1.0 that is kept", old("Connection: keep-alive\r\n")),
        pair("HTTP/1.0 behind HTTP/1.1", mixed).answered(&[200, 200], After::Closed),
    ]
}
