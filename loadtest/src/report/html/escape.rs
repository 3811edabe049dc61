//! Text from outside, made harmless within a page.

use crate::report::table;

/// A text as it may stand between tags and in a quoted attribute. Characters that show nothing, or turn the
/// direction of writing around, are replaced: a name must not pretend to be another.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in table::printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_tag_or_an_attribute() {
        let found = escape("<b a=\"1\" c='2'>&路\0\u{202e}");
        assert_eq!(
            found,
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;路\u{fffd}\u{fffd}"
        );
    }
}
