//! Which kind of body a request carries.

use super::error::ExtractError;
use crate::proxy::picture;

/// The kinds of body a scan can come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Medium {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// A JSON document.
    Json,
    /// A PNG, JPEG or WebP picture of a code.
    Picture,
    /// Plain text: the whole body is the code.
    Text,
}

/// What the built-in endpoint reads.
const READ_HERE: &str = "application/json, application/x-www-form-urlencoded, text/plain, image/png, image/jpeg or image/webp";

/// The byte order mark, which RFC 8259 allows a reader to pass over.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

impl Medium {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Json => "json",
            Self::Picture => "picture",
            Self::Text => "text",
        }
    }

    /// Reads `Content-Type`. Without one, and for a form that visibly is none (what `curl -d`
    /// sends), the body's first bytes decide.
    pub(super) fn of(content_type: Option<&str>, body: &[u8]) -> Result<Self, ExtractError> {
        let Some(content_type) = content_type else {
            return Ok(Self::guess(body));
        };
        let essence = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is("application/json") || is("text/json") || ends_with_json(essence) {
            Ok(Self::Json)
        } else if is("application/x-www-form-urlencoded") {
            let guess = Self::guess(body);
            let named = guess == Self::Text && body.contains(&b'=');
            Ok(if named { Self::Form } else { guess })
        } else if is("text/plain") {
            Ok(Self::Text)
        } else if ["image/png", "image/jpeg", "image/jpg", "image/webp"]
            .into_iter()
            .any(is)
        {
            Ok(Self::Picture)
        } else {
            Err(ExtractError::Unsupported {
                expected: READ_HERE,
            })
        }
    }

    fn guess(body: &[u8]) -> Self {
        let body = without_mark(body).trim_ascii_start();
        if body.starts_with(b"{") {
            Self::Json
        } else if picture::is(body) {
            Self::Picture
        } else {
            Self::Text
        }
    }
}

/// The body as text, if its declared character set and its bytes allow that.
pub(super) fn text<'a>(
    content_type: Option<&str>,
    body: &'a [u8],
) -> Result<&'a str, ExtractError> {
    let body = without_mark(body);
    match content_type.and_then(charset) {
        None => {}
        // In these every ASCII byte is that character, so an ASCII body reads the same.
        Some(Charset::Ascii) if body.is_ascii() => {}
        Some(_) => return Err(ExtractError::Unsupported { expected: "UTF-8" }),
    }
    str::from_utf8(body).map_err(|error| ExtractError::NotUtf8 {
        at: error.valid_up_to(),
    })
}

enum Charset {
    Ascii,
    Other,
}

/// The declared character set; `None` for UTF-8.
fn charset(content_type: &str) -> Option<Charset> {
    let mut parameters = content_type
        .split(';')
        .skip(1)
        .filter_map(|part| part.split_once('='));
    let (_, name) =
        parameters.find(|(name, _)| name.trim_ascii().eq_ignore_ascii_case("charset"))?;
    let name = name.trim_ascii().trim_matches('"');
    let is = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
    if is(&["utf-8", "utf8", ""]) {
        None
    } else if is(&[
        "us-ascii",
        "iso-8859-1",
        "gbk",
        "gb2312",
        "gb18030",
        "windows-1252",
    ]) {
        Some(Charset::Ascii)
    } else {
        Some(Charset::Other)
    }
}

fn ends_with_json(essence: &str) -> bool {
    essence
        .rsplit_once('+')
        .is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("json"))
}

fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: Option<&str>, body: &str, expected: Option<Medium>) {
        assert_eq!(Medium::of(content_type, body.as_bytes()).ok(), expected);
    }

    #[test]
    fn the_content_type_decides() {
        check(Some("application/json"), "x", Some(Medium::Json));
        check(
            Some("Application/Json ; charset=utf-8"),
            "x",
            Some(Medium::Json),
        );
        check(Some("application/vnd.his+json"), "x", Some(Medium::Json));
        check(Some("text/plain;charset=UTF-8"), "{", Some(Medium::Text));
        check(
            Some("application/x-www-form-urlencoded"),
            "code=1",
            Some(Medium::Form),
        );
        check(Some("image/png"), "x", Some(Medium::Picture));
        check(Some("image/webp"), "x", Some(Medium::Picture));
        check(None, "RIFF\0\0\0\0WEBP", Some(Medium::Picture));
        check(None, "RIFF0000WAVE", Some(Medium::Text));
        check(Some("application/xml"), "{}", None);
        check(Some(""), "{}", None);
    }

    #[test]
    fn without_one_the_first_bytes_decide() {
        check(None, "\u{feff} {\"code\":1}", Some(Medium::Json));
        check(None, "MC1.x", Some(Medium::Text));
        check(None, "", Some(Medium::Text));
        let form = Some("application/x-www-form-urlencoded");
        check(form, "{\"code\":\"a=b\"}", Some(Medium::Json));
        check(form, "MC1.x", Some(Medium::Text));
    }

    #[test]
    fn only_utf_8_is_text() {
        let check =
            |content_type, body: &[u8], expected| assert_eq!(text(content_type, body), expected);
        let other = Err(ExtractError::Unsupported { expected: "UTF-8" });
        check(None, b"\xEF\xBB\xBFa", Ok("a"));
        check(None, b"ab\xFF", Err(ExtractError::NotUtf8 { at: 2 }));
        check(
            Some("text/plain; charset=\"utf-8\""),
            "中".as_bytes(),
            Ok("中"),
        );
        check(Some("text/plain; charset=GBK"), b"123", Ok("123"));
        check(Some("text/plain; charset=GBK"), "中".as_bytes(), other);
        check(Some("text/plain; charset=utf-16le"), b"1\0", other);
    }
}
