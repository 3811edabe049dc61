//! How a value is written in each format, and which values a format cannot carry.

use std::fmt;

/// A place a value can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A value of `application/x-www-form-urlencoded`.
    Form,
    /// A header value.
    Header,
    /// The inside of a JSON string.
    Json,
    /// A path segment or query value of a URL.
    Url,
    /// XML character data or an attribute value.
    Xml,
    /// A CDATA section that carries plain text.
    XmlCdata,
}

/// The value has a character its place cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uncarried;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

impl Place {
    /// Appends a value so that the place reads back exactly this text.
    pub(super) fn write(self, text: &str, out: &mut Vec<u8>) -> Result<(), Uncarried> {
        match self {
            Self::Form => form(text, out),
            Self::Header => return header(text, out),
            Self::Json => json(text, out),
            Self::Url => url(text, out),
            Self::Xml => return xml(text, out),
            Self::XmlCdata => return cdata(text, out),
        }
        Ok(())
    }

    /// Appends what the contract's author wrote: markup stays, plain text is escaped.
    pub(super) fn write_literal(self, text: &str, out: &mut Vec<u8>) {
        match self {
            Self::Form => form(text, out),
            Self::Json => json(text, out),
            // Checked when the contract was made.
            Self::Header | Self::Url | Self::Xml | Self::XmlCdata => out.extend(text.bytes()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a form value",
            Self::Header => "a header value",
            Self::Json => "a JSON string",
            Self::Url => "a part of a URL",
            Self::Xml => "XML text",
            Self::XmlCdata => "an XML CDATA section",
        })
    }
}

/// Whether XML 1.0 can carry the character at all: production 2, `Char`, without the surrogates
/// that no `char` can be.
pub(super) fn is_xml_char(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// Whether the text can stand in a header: visible ASCII and spaces, so no line can be broken.
pub(super) fn is_header_text(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b))
}

fn form(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push(b'+'),
            b'*' | b'-' | b'.' | b'_' => out.push(byte),
            _ if byte.is_ascii_alphanumeric() => out.push(byte),
            _ => percent(byte, out),
        }
    }
}

fn url(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        // RFC 3986, 2.3: only unreserved characters never need encoding.
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(byte),
            _ if byte.is_ascii_alphanumeric() => out.push(byte),
            _ => percent(byte, out),
        }
    }
}

fn percent(byte: u8, out: &mut Vec<u8>) {
    out.extend([b'%', hex(byte >> 4), hex(byte & 0xF)]);
}

fn hex(nibble: u8) -> u8 {
    HEX.get(usize::from(nibble)).copied().unwrap_or(b'0')
}

fn json(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            0..=0x1F => out.extend([b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 0xF)]),
            _ => out.push(byte),
        }
    }
}

fn header(text: &str, out: &mut Vec<u8>) -> Result<(), Uncarried> {
    if !is_header_text(text) {
        return Err(Uncarried);
    }
    out.extend(text.bytes());
    Ok(())
}

fn xml(text: &str, out: &mut Vec<u8>) -> Result<(), Uncarried> {
    if !text.chars().all(is_xml_char) {
        return Err(Uncarried);
    }
    for byte in text.bytes() {
        match byte {
            b'&' => out.extend(b"&amp;"),
            b'<' => out.extend(b"&lt;"),
            b'>' => out.extend(b"&gt;"),
            b'"' => out.extend(b"&quot;"),
            b'\'' => out.extend(b"&apos;"),
            // As references these survive line-end and attribute-value normalisation.
            b'\t' => out.extend(b"&#9;"),
            b'\n' => out.extend(b"&#10;"),
            b'\r' => out.extend(b"&#13;"),
            _ => out.push(byte),
        }
    }
    Ok(())
}

/// Nothing can be escaped in a CDATA section, so whatever could help to end it is refused.
fn cdata(text: &str, out: &mut Vec<u8>) -> Result<(), Uncarried> {
    let carried = |char| is_xml_char(char) && !matches!(char, ']' | '>' | '\r');
    if !text.chars().all(carried) {
        return Err(Uncarried);
    }
    out.extend(text.bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(place: Place, text: &str, expected: Option<&str>) {
        let mut out = Vec::new();
        let written = place
            .write(text, &mut out)
            .ok()
            .map(|()| String::from_utf8(out).unwrap());
        assert_eq!(written.as_deref(), expected);
    }

    #[test]
    fn every_place_writes_its_own_escapes() {
        check(
            Place::Form,
            "a b&c=1/中~",
            Some("a+b%26c%3D1%2F%E4%B8%AD%7E"),
        );
        check(Place::Url, "a b/../?#~", Some("a%20b%2F..%2F%3F%23~"));
        check(
            Place::Json,
            "a\"b\\c\n\u{1}/中",
            Some("a\\\"b\\\\c\\u000A\\u0001/中"),
        );
        check(
            Place::Xml,
            "<a b='c'>&\"\n",
            Some("&lt;a b=&apos;c&apos;&gt;&amp;&quot;&#10;"),
        );
        check(Place::Header, "Bearer a~", Some("Bearer a~"));
        check(Place::XmlCdata, "a<b&c", Some("a<b&c"));
    }

    #[test]
    fn what_a_place_cannot_carry_is_refused() {
        check(Place::Header, "a\r\nx: y", None);
        check(Place::Header, "中", None);
        check(Place::Header, "\u{7f}", None);
        check(Place::Xml, "\u{0}", None);
        check(Place::Xml, "\u{FFFE}", None);
        check(Place::XmlCdata, "]]>", None);
    }
}
