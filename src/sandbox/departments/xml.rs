//! The flat XML of WeChat Pay v2: one `<xml>` element of named texts.
//!
//! Deliberately absent: everything else of XML, entities of one's own above all.

use std::fmt::Write as _;

/// Reads `<xml><name>text</name>…</xml>`; none if it is anything else.
pub(super) fn read(body: &str) -> Option<Vec<(String, String)>> {
    let mut rest = body.trim();
    if let Some(declared) = rest.strip_prefix("<?xml") {
        rest = declared.split_once("?>")?.1.trim_start();
    }
    rest = rest.strip_prefix("<xml>")?.strip_suffix("</xml>")?.trim();
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.strip_prefix('<')?.split_once('>')?;
        let (value, after) = value(name, after)?;
        fields.push((name.to_owned(), value));
        rest = after.trim_start();
    }
    Some(fields)
}

/// Writes the answer the way WeChat does, every text in a CDATA section.
pub(super) fn write(fields: &[(&str, &str)]) -> String {
    let mut out = String::from("<xml>");
    for (name, value) in fields {
        let value = value.replace("]]>", "");
        let _ = write!(out, "<{name}><![CDATA[{value}]]></{name}>");
    }
    out.push_str("</xml>");
    out
}

/// A text or a CDATA section up to the end tag.
fn value<'a>(name: &str, rest: &'a str) -> Option<(String, &'a str)> {
    let close = format!("</{name}>");
    if let Some(section) = rest.strip_prefix("<![CDATA[") {
        let (text, rest) = section.split_once("]]>")?;
        return Some((text.to_owned(), rest.strip_prefix(&close)?));
    }
    let (text, rest) = rest.split_once(&close)?;
    (!text.contains('<')).then(|| (unescape(text), rest))
}

/// The five entities every XML reader knows; `&amp;` last, so that nothing is read twice.
fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: Option<&[(&str, &str)]>) {
        let read = read(body);
        let read: Option<Vec<(&str, &str)>> = read.as_ref().map(|fields| {
            fields
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect()
        });
        assert_eq!(read.as_deref(), expected, "{body}");
    }

    #[test]
    fn flat_documents_are_read_and_others_are_not() {
        check("<xml></xml>", Some(&[]));
        check(
            "<?xml version=\"1.0\"?>\n<xml>\n<a>1 &amp;lt; 2</a>\n<b><![CDATA[<x>]]></b></xml>\n",
            Some(&[("a", "1 &lt; 2"), ("b", "<x>")]),
        );
        check("<xml><a>1</b></xml>", None);
        check("<xml><a><b>1</b></a></xml>", None);
        check("<xml>text</xml>", None);
        check("{}", None);
        check("", None);
    }

    #[test]
    fn what_is_written_reads_back() {
        let fields = [("return_code", "SUCCESS"), ("err_code_des", "a<b & c")];
        check(&write(&fields), Some(&fields));
    }
}
