//! A million scans explained: one JSON object a line in, one a line out, in order.

use std::borrow::Cow;
use std::io::{self, BufRead, BufWriter, Write};

use serde::Deserialize;

use super::Desk;
use super::overrides::Overrides;
use crate::cli::{Exit, Failure, Process};
use crate::explain::{Detail, Explanation, explain, unreadable};
use crate::gateway::Matter;
use crate::reason::Reason;
use crate::scan::{Claims, MAX_TEXT_BYTES, Scan, clean};
use crate::time::Timestamp;

/// The longest line read: a code of the greatest length with every character escaped, and room for
/// the rest.
const MAX_LINE_BYTES: usize = 6 * MAX_TEXT_BYTES + 16 * 1024;

/// One line.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
    #[serde(borrow, default)]
    scene: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    terminal: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    organisation: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    region: Option<Cow<'a, str>>,
    #[serde(default)]
    at: Option<serde_json::Value>,
    #[serde(borrow, default)]
    keys: Option<Cow<'a, str>>,
}

/// Explains every line of standard input; a line that cannot be read is a rejection like another.
pub(super) fn run(desk: &Desk, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let mut input = io::stdin().lock();
    let mut out = BufWriter::with_capacity(64 * 1024, &mut *process.out);
    let (mut line, mut overrides) = (Vec::new(), Overrides::new(desk.reading.clone()));
    while next_line(&mut input, &mut line)? {
        answer(desk, &mut overrides, &line, (process.now)(), &mut out)?;
    }
    out.flush()?;
    Ok(Exit::Success)
}

fn answer(
    desk: &Desk,
    overrides: &mut Overrides,
    line: &[u8],
    now: Timestamp,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut write = |story: &Explanation<'_>| {
        serde_json::to_writer(&mut *out, story).map_err(io::Error::from)?;
        out.write_all(b"\n").map_err(Failure::from)
    };
    let read = serde_json::from_slice::<Line<'_>>(line)
        .ok()
        .filter(|_| line.len() <= MAX_LINE_BYTES);
    let now = read
        .as_ref()
        .and_then(|line| line.at.as_ref().map_or(Some(now), instant));
    let (Some(line), Some(now)) = (read, now) else {
        return write(&unreadable(Reason::MalformedRequest));
    };
    if line.code.len() > MAX_TEXT_BYTES {
        return write(&unreadable(Reason::TooLarge));
    }
    let keys = match line.keys.as_deref().map(|path| overrides.get(path)) {
        None => &desk.keys,
        Some(Ok(keys)) => keys,
        Some(Err(why)) => {
            return write(&Explanation {
                detail: Some(why.to_owned()),
                ..unreadable(Reason::KeyUnavailable)
            });
        }
    };
    let claims = Claims {
        scene: line.scene.as_deref(),
        terminal: line.terminal.as_deref(),
        organisation: line.organisation.as_deref(),
        region: line.region.as_deref(),
    };
    let scan = Scan {
        text: clean(&line.code, desk.cleaning),
        claims,
    };
    write(
        &explain(
            &desk.gateway,
            Matter {
                scan: &scan,
                door: &desk.door,
                keys,
            },
            Detail::Verdict,
            now,
        )
        .0,
    )
}

/// Unix seconds, whole or with a fraction, or RFC 3339.
fn instant(value: &serde_json::Value) -> Option<Timestamp> {
    match value {
        serde_json::Value::String(text) => Timestamp::parse(text),
        serde_json::Value::Number(number) => Timestamp::parse(&number.to_string()),
        _ => None,
    }
}

/// Reads the next line without its end. What is beyond the limit is read and thrown away, so that
/// the line after it is read as itself.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let part = input.fill_buf()?;
        if part.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = part.iter().position(|&byte| byte == b'\n');
        let taken = part.get(..end.unwrap_or(part.len())).unwrap_or_default();
        if line.len() <= MAX_LINE_BYTES {
            line.extend_from_slice(taken);
        }
        let used = taken.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}
