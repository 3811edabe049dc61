//! The scan again: as a command and as a test.

use std::fmt::Write as _;

use crate::admin::lab::Question;
use crate::explain::Explanation;
use crate::proxy::Entrance;
use crate::server::Address;
use crate::time::Timestamp;

/// A command that sends the scan; its text is in `$CODE`, so that no history and no list of processes
/// shows it.
pub(super) fn curl(entrance: &Entrance, question: &Question) -> String {
    let (address, socket) = match &entrance.written {
        Address::Tcp(address) => {
            let mut address = *address;
            if address.ip().is_unspecified() {
                address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            }
            (address.to_string(), String::new())
        }
        Address::Unix(path) => {
            // Between single quotes of a shell only they themselves mean something.
            let path = path.display().to_string().replace('\'', "'\\''");
            ("localhost".to_owned(), format!(" --unix-socket '{path}'"))
        }
    };
    let claims = [
        ("scene", &question.scene),
        ("terminal", &question.terminal),
        ("organisation", &question.organisation),
        ("region", &question.region),
    ];
    let claims = claims.iter().filter_map(|(name, value)| {
        let value = value.as_deref()?;
        Some(format!("{name}={}", escaped(value)))
    });
    let claims: Vec<_> = claims.collect();
    let query = if claims.is_empty() {
        String::new()
    } else {
        format!("?{}", claims.join("&"))
    };
    format!(
        "printf %s \"$CODE\" | curl -sS -i{socket} 'http://{address}/v1/scan{query}' \
         -H 'content-type: text/plain; charset=utf-8' --data-binary @-"
    )
}

/// A value as it stands in a query, and between quotes of a shell.
fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A `[[test]]` that expects what came out.
pub(super) fn test(
    question: &Question,
    text: &str,
    story: &Explanation<'_>,
    now: Timestamp,
) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let came = story.reason.or(story.route).unwrap_or("decided");
    let family = story.family.unwrap_or("a text of no family");
    let mut block = "[[test]]\n".to_owned();
    let mut line = |key: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(block, "{key:<8} = {value}");
    };
    line("name", &quoted(&format!("{family}: {came}")));
    line("code", &quoted(text));
    let claims = [
        ("scene", &question.scene),
        ("terminal", &question.terminal),
        ("organisation", &question.organisation),
        ("region", &question.region),
    ];
    for (key, value) in claims {
        if let Some(value) = value {
            line(key, &quoted(value));
        }
    }
    line("at", &quoted(&now.to_string()));
    let expected = if let Some(reason) = story.reason {
        format!("reason = {}", quoted(reason))
    } else {
        let pairs = [
            ("route", story.route),
            ("upstream", story.upstream),
            ("family", story.family),
        ];
        let pairs = pairs
            .iter()
            .filter_map(|(key, value)| Some(format!("{key} = {}", quoted((*value)?))));
        pairs.collect::<Vec<_>>().join(", ")
    };
    line("expect", &format!("{{ {expected} }}"));
    Some(block)
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for one in text.chars() {
        match one {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            one if one.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(one));
            }
            one => out.push(one),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_says_cannot_break_out_of_the_command() {
        assert_eq!(escaped("a'b&c 挂"), "a%27b%26c%20%E6%8C%82");
    }

    #[test]
    fn a_text_of_anything_is_one_string_of_toml() {
        let text = "a\"b\\c\u{1d}d\n挂号";
        let written = format!("code = {}", quoted(text));
        let read: toml::Table = toml::from_str(&written).unwrap();
        assert_eq!(read["code"].as_str(), Some(text));
    }
}
