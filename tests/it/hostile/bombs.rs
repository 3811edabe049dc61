//! Requests that cost little to send, and would cost much to read.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
use qrcode::{EcLevel, QrCode, Version};

use super::made_bombs::{jpeg_head, tables};
use crate::edge::post;
use crate::pictures::drawn::{jpeg, made, noisy, png, webp};

/// The shipped listener's limit of a body.
const BODY: usize = 16 * 1024;

/// What a text that is broken is refused for.
const REFUSED: &[&str] = &["malformed-code"];

/// What a text is refused for that may be too short to be anything.
const SHORT: &[&str] = &["malformed-code", "unknown-code"];

/// What any text may be refused for.
const ANY: &[&str] = &[
    "malformed-request",
    "missing-code",
    "too-large",
    "unknown-code",
    "malformed-code",
];

/// A picture that costs too much; the fifth at the same time is told so.
const LARGE: &[&str] = &["too-large", "overloaded"];

/// A picture that was read, and shows nothing.
const UNREAD: &[&str] = &["unreadable-picture", "overloaded"];

/// A request and the reason it is refused for; none for what is no error.
pub(super) struct Bomb {
    pub(super) name: &'static str,
    pub(super) request: Vec<u8>,
    pub(super) reasons: &'static [&'static str],
}

fn bomb(name: &'static str, request: Vec<u8>, reasons: &'static [&'static str]) -> Bomb {
    Bomb {
        name,
        request,
        reasons,
    }
}

pub(super) fn all() -> Vec<Bomb> {
    let mut all = tokens();
    all.extend(documents());
    all.extend(pictures());
    all.extend(framing());
    all
}

/// A code as text in a scene that takes any.
fn scan(text: &str) -> Vec<u8> {
    post("/v1/scan?scene=other", "Content-Type: text/plain\r\n", text)
}

fn card(payload: &[u8]) -> Vec<u8> {
    let header = BASE64URL.encode(r#"{"zip":"DEF","alg":"ES256","kid":"k"}"#);
    let jws = format!("{header}.{}.AAAA", BASE64URL.encode(payload));
    let digits = jws.bytes().map(|byte| format!("{:02}", byte - b'-'));
    scan(&digits.fold("shc:/".to_owned(), |text, pair| text + &pair))
}

fn certificate(payload: &[u8]) -> Vec<u8> {
    let deflated = compress_to_vec_zlib(payload, 9);
    scan(&format!("HC1:{}", base45::encode(&deflated)))
}

/// A payload within COSE's four parts.
fn signed(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [
        &b"\xD2\x84\x43\xA1\x01\x26\xA0\x59"[..],
        &length,
        payload,
        b"\x41\0",
    ]
    .concat()
}

fn tokens() -> Vec<Bomb> {
    let zeros = vec![0; 1 << 20];
    let many = signed(&[&b"\x99\xFF\xF0"[..], &vec![0; 65_520][..]].concat());
    let mut bombs = vec![
        bomb(
            "deflate: 1 MiB in a card",
            card(&compress_to_vec(&zeros, 9)),
            REFUSED,
        ),
        bomb(
            "deflate: 64 KiB of [ in a card",
            card(&compress_to_vec(&[b'['; 65_536], 9)),
            REFUSED,
        ),
        bomb("zlib: 1 MiB in a certificate", certificate(&zeros), REFUSED),
        bomb("zlib: 64 KiB of cbor items", certificate(&many), REFUSED),
    ];
    for (name, payload) in cbor() {
        // The shortest are too short for a certificate.
        bombs.push(bomb(name, certificate(&payload), SHORT));
        bombs.push(bomb(name, certificate(&signed(&payload)), REFUSED));
    }
    bombs
}

fn cbor() -> [(&'static str, Vec<u8>); 9] {
    let huge = |head: &[u8], length: u64| [head, &length.to_be_bytes(), b"\0"].concat();
    let pieces = [&b"\x5F"[..], &vec![0x40; 60_000][..], b"\xFF"].concat();
    [
        ("cbor: arrays 10,000 deep", vec![0x81; 10_000]),
        ("cbor: arrays without end 10,000 deep", vec![0x9F; 10_000]),
        ("cbor: tags 10,000 deep", vec![0xC1; 10_000]),
        ("cbor: maps 10,000 deep", b"\xA1\0".repeat(10_000)),
        ("cbor: an array of 2^64 items", huge(b"\x9B", u64::MAX)),
        ("cbor: a map of 2^63 members", huge(b"\xBB", u64::MAX / 2)),
        ("cbor: 2^63 bytes", huge(b"\x5B", u64::MAX / 2)),
        ("cbor: text of 2^63 bytes", huge(b"\x7B", u64::MAX / 2)),
        ("cbor: 60,000 empty pieces", pieces),
    ]
}

fn documents() -> Vec<Bomb> {
    let mut bombs = objects();
    let form = |name, body: &[u8], reasons| {
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        bomb(name, post("/v1/scan", kind, body), reasons)
    };
    bombs.extend([
        form(
            "form: 5,000 parts",
            &b"a=&".repeat(5_000),
            &["missing-code"],
        ),
        form(
            "form: deep names",
            &cut(&"a[b]".repeat(BODY)),
            &["too-large"],
        ),
        form(
            "form: the code 2,000 times",
            &b"code=1&".repeat(2_000),
            &["malformed-request"],
        ),
    ]);
    for byte in 0..=u8::MAX {
        let kind = "Content-Type: text/plain\r\n";
        let request = post("/v1/scan?scene=other", kind, vec![byte; BODY]);
        bombs.push(bomb("every byte, 16 Ki times", request, ANY));
    }
    bombs
}

fn objects() -> Vec<Bomb> {
    let json = |name, body: &[u8], reason| {
        let kind = "Content-Type: application/json\r\n";
        bomb(name, post("/v1/scan", kind, body), reason)
    };
    let (malformed, missing): (&[&str], &[&str]) = (&["malformed-request"], &["missing-code"]);
    let large: &[&str] = &["too-large"];
    let members: String = (0..BODY).fold("{".to_owned(), |all, at| all + &format!("\"{at}\":0,"));
    let million = format!("{{{}\"a\":0}}", "\"a\":0,".repeat(1_000_000));
    let digits = format!("{{\"a\":{}}}", "9".repeat(BODY - 6));
    let escapes = format!("{{\"code\":\"{}\"}}", "\\u0041".repeat(2_700));
    let long = format!("{{\"code\":\"{}\"}}", "7".repeat(8_000));
    vec![
        json("json: arrays 16 Ki deep", &[b'['; BODY], malformed),
        json(
            "json: objects deep",
            &cut(&"{\"a\":".repeat(BODY)),
            malformed,
        ),
        json("json: members without end", &cut(&members), malformed),
        json("json: a million members", million.as_bytes(), large),
        json("json: a number of 16 Ki digits", digits.as_bytes(), missing),
        json("json: escapes", escapes.as_bytes(), &["unknown-code"]),
        json("json: a code of 8,000 characters", long.as_bytes(), large),
        json("json: one byte over", &[b' '; BODY + 1], large),
    ]
}

fn cut(text: &str) -> Vec<u8> {
    text.as_bytes()[..BODY].to_vec()
}

fn picture(kind: &str, bytes: &[u8]) -> Vec<u8> {
    let kind = format!("Content-Type: image/{kind}\r\n");
    post("/v1/scan?scene=other", &kind, bytes)
}

/// A PNG with these chunks behind its head.
fn with_chunk(name: &str, body: &[u8]) -> Vec<u8> {
    let plain = png(&made(64, 64, |_, _| 255));
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let named = [name.as_bytes(), body].concat();
    let sum = crate::pictures::drawn::crc32(&named).to_be_bytes();
    [&plain[..33], &length, &named, &sum, &plain[33..]].concat()
}

/// A QR code of version 40 with so many digits.
fn largest(digits: usize) -> Vec<u8> {
    let code = QrCode::with_version("7".repeat(digits), Version::Normal(40), EcLevel::L).unwrap();
    let (modules, colours) = (code.width(), code.to_colors());
    png(&made(4 * (modules + 8), 4 * (modules + 8), |x, y| {
        let at = (x / 4).checked_sub(4).zip((y / 4).checked_sub(4));
        let inside = at.filter(|(x, y)| *x < modules && *y < modules);
        let dark = inside.is_some_and(|(x, y)| colours[y * modules + x] == qrcode::Color::Dark);
        if dark { 0 } else { 255 }
    }))
}

pub(super) fn pictures() -> Vec<Bomb> {
    let mut bombs = pngs();
    let chess = made(
        2_048,
        2_048,
        |x, y| if (x / 8 + y / 8) % 2 == 0 { 0 } else { 255 },
    );
    let scans = jpeg_head(0xC2, (2_048, 2_048), &[0x11; 3], 3);
    let scans = [&scans[..], &scans[scans.len() - 14..].repeat(10_000)].concat();
    let kept = jpeg_head(0xC2, (4_096, 2_048), &[0x11; 4], 4);
    let huge = b"RIFF\x12\0\0\0WEBPVP8L\x06\0\0\0\x2F\xFE\xBF\xFF\x0F\0";
    let heavy = webp(&made(1_500, 1_500, |_, _| 255));
    let of = |name, kind, bytes: &[u8], reasons| bomb(name, picture(kind, bytes), reasons);
    bombs.extend([
        of("jpeg: 10,000 scans", "jpeg", &scans, UNREAD),
        of("jpeg: all coefficients kept", "jpeg", &kept, LARGE),
        of("jpeg: 2,048 pixels a side", "jpeg", &jpeg(&chess), UNREAD),
        of("webp: 16,383 pixels a side", "webp", huge, LARGE),
        of("webp: tables of 1.3 GiB", "webp", &tables(u16::MAX), LARGE),
        of(
            "webp: tables within the limit",
            "webp",
            &tables(1_400),
            UNREAD,
        ),
        of("webp: the heaviest lossless", "webp", &heavy, UNREAD),
        of(
            "a picture of 4 MiB and a byte",
            "png",
            &vec![0x89; (4 << 20) + 1],
            LARGE,
        ),
    ]);
    bombs
}

/// A PNG of 8 Mi pixels in four colours, all white.
pub(super) fn white() -> Vec<u8> {
    let white = made(4096, 2048, |_, _| 255);
    crate::pictures::drawn::encoded(&white, ::png::ColorType::Rgba, |shade| vec![shade; 4])
}

fn pngs() -> Vec<Bomb> {
    let mut huge = png(&made(1, 1, |_, _| 0));
    huge[16..24].copy_from_slice(&[0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF]);
    let sum = crate::pictures::drawn::crc32(&huge[12..29]).to_be_bytes();
    huge[29..33].copy_from_slice(&sum);
    let zlib = compress_to_vec_zlib(&vec![0; 8 << 20], 9);
    let packed = [&b"a\0\0"[..], &zlib].concat();
    let mosaic = png(&made(1_200, 1_200, |x, y| {
        let (x, y) = (x / 2 % 9, y / 2 % 9);
        let ring = x.abs_diff(3).max(y.abs_diff(3));
        if x < 7 && y < 7 && ring != 2 { 0 } else { 255 }
    }));
    let frames = with_chunk("acTL", b"\xFF\xFF\xFF\xFF\0\0\0\0");
    let of = |name, bytes: &[u8], reasons| bomb(name, picture("png", bytes), reasons);
    vec![
        of("png: 65,535 pixels a side", &huge, LARGE),
        of("png: 8 Mi pixels in colour", &white(), UNREAD),
        of(
            "png: 8 Mi pixels of noise",
            &png(&noisy(made(4096, 2048, |_, _| 255), 200)),
            // Noise does not pack: its body alone is too large.
            LARGE,
        ),
        of("png: a text of 8 MiB", &with_chunk("zTXt", &packed), UNREAD),
        of(
            "png: a profile of 8 MiB",
            &with_chunk("iCCP", &packed),
            UNREAD,
        ),
        of("png: 2^32 frames", &frames, UNREAD),
        of("png: a mosaic of finder patterns", &mosaic, UNREAD),
        of(
            "qr: version 40, 7,089 digits",
            &largest(7_089),
            &["unknown-code", "overloaded"],
        ),
    ]
}

fn framing() -> Vec<Bomb> {
    let chunked = "POST /v1/scan?scene=other HTTP/1.1\r\nHost: g\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    let crumbs = [
        chunked.as_bytes(),
        &b"1\r\n7\r\n".repeat(7_000),
        b"0\r\n\r\n",
    ]
    .concat();
    let header = format!("X-A: {}\r\n", "a".repeat(1_000));
    let heads = post(
        "/v1/scan?scene=other",
        &format!("{}Content-Type: text/plain\r\n", header.repeat(7)),
        "7",
    );
    vec![
        bomb("7,000 chunks of one byte", crumbs, &["unknown-code"]),
        bomb("a head near the limit", heads, &["unknown-code"]),
    ]
}
