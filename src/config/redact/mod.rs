//! Files made fit to be shown: what is or may be a secret is taken out, line by line.
//!
//! A reference to a secret is none. What the readers found to be a secret is known by its place;
//! the rest by its key's name and by what it looks like, for a text that is no TOML must be safe to
//! show as well. Too much is hidden rather than too little.

mod names;
mod reader;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub(super) use self::names::is_secret_name;
use self::reader::Reader;

/// What stands for a hidden value, whatever its length.
const HIDDEN: &str = "***";

/// Endings of the names of files with keys in them, which are no keys.
const FILES: [&str; 5] = [".key", ".pem", ".der", ".crt", ".jwks"];

/// Literal characters beside placeholders that hide nothing: `Bearer `.
const HARMLESS: usize = 8;

/// A value as it may be shown.
fn value(text: &str, secret: bool) -> String {
    if secret && !is_no_secret(text) || looks_secret(text) {
        return hidden(text);
    }
    without_userinfo(text)
}

/// The same of a text that may spell names and values of its own: an address with a query, JSON.
pub(super) fn text(text: &str, secret: bool) -> String {
    Reader::new(&value(text, secret)).read()
}

/// A whole file, without what stands at these places and without what else may be a secret. Its
/// lines stay lines.
pub(super) fn file(text: &str, masked: &[Range<usize>]) -> String {
    let mut masked: Vec<_> = masked.to_vec();
    masked.sort_by_key(|range| range.start);
    let mut plain = String::with_capacity(text.len());
    let mut done = 0;
    for range in masked {
        if range.end <= done {
            continue;
        }
        let (Some(before), Some(inside)) = (
            text.get(done..range.start.max(done)),
            text.get(range.start.max(done)..range.end.max(done)),
        ) else {
            continue;
        };
        plain.push_str(before);
        plain.push('"');
        plain.push_str(&hidden(inside));
        plain.push('"');
        done = range.end.max(done);
    }
    plain.push_str(text.get(done..).unwrap_or_default());
    Reader::new(&plain).read()
}

/// Asterisks, and the line ends of the text.
fn hidden(text: &str) -> String {
    let mut out = HIDDEN.to_owned();
    out.extend(std::iter::repeat_n('\n', text.matches('\n').count()));
    out
}

/// A reference, the name of a file, a placeholder with next to nothing around it.
fn is_no_secret(text: &str) -> bool {
    let text = text.trim();
    let reference = ["env:", "file:"].iter().any(|it| text.starts_with(it));
    let file = FILES.iter().any(|it| text.ends_with(it));
    let mut literal = 0;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        literal += before.len();
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    let filled = text.contains("${") && literal + rest.len() <= HARMLESS;
    let word = ["", HIDDEN, "true", "false"].contains(&text);
    reference || file || filled || word
}

/// A key as keys are written, whatever it is called.
fn looks_secret(text: &str) -> bool {
    const SHORTEST: usize = 16;
    let spelt = ["hex:", "base64:"];
    let spelt = spelt.iter().filter_map(|it| text.trim().strip_prefix(it));
    let mut spelt = spelt.map(str::len);
    spelt.any(|length| length >= SHORTEST) || text.contains("PRIVATE KEY")
}

/// An address without who asks and by which password (RFC 3986, section 3.2.1).
fn without_userinfo(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((scheme, after)) = rest.split_once("://") {
        out.push_str(scheme);
        out.push_str("://");
        let end = after.find(['/', '"', '\'', ' ', '\n', ',']);
        let authority = after.get(..end.unwrap_or(after.len())).unwrap_or_default();
        rest = match authority.rfind('@') {
            Some(at) => {
                out.push_str(HIDDEN);
                after.get(at..).unwrap_or_default()
            }
            None => after,
        };
    }
    out.push_str(rest);
    out
}
