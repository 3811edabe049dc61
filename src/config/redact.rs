//! Files made fit to be shown: what is or may be a secret is taken out, line by line.
//!
//! A reference to a secret is none. What the readers found to be a secret is known by its place;
//! the rest by its key's name and by what it looks like, for a text that is no TOML must be safe to
//! show as well. Too much is hidden rather than too little.

use std::ops::Range;

/// What stands for a hidden value, whatever its length.
pub(super) const HIDDEN: &str = "***";

/// Parts of names whose values are secrets.
const WORDS: [&str; 11] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "authorization",
    "cookie",
    "credential",
    "private",
    "api_key",
    "api-key",
];

/// The same as whole names.
const NAMES: [&str; 3] = ["key", "apikey", "pwd"];

/// Endings of the names of files with keys in them, which are no keys.
const FILES: [&str; 5] = [".key", ".pem", ".der", ".crt", ".jwks"];

/// Literal characters beside placeholders that hide nothing: `Bearer `.
const HARMLESS: usize = 8;

/// Whether values under this name are secrets.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.contains(&&*name) || WORDS.iter().any(|word| name.contains(word))
}

/// A value as it may be shown.
pub(super) fn value(text: &str, secret: bool) -> String {
    if secret && !is_no_secret(text) || looks_secret(text) {
        return hidden(text);
    }
    without_userinfo(text)
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
    Reader::of(&plain, false).read()
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

/// Goes over a text that may be TOML.
struct Reader<'t> {
    rest: &'t str,
    out: String,
    /// Whether what is read next belongs to a secret's name.
    secret: bool,
    /// Whether the table does.
    table: bool,
    /// The same of each open bracket.
    open: Vec<bool>,
    /// Whether something but blanks was seen on this line.
    began: bool,
}

impl<'t> Reader<'t> {
    fn of(rest: &'t str, table: bool) -> Self {
        Self {
            rest,
            out: String::with_capacity(rest.len()),
            secret: table,
            table,
            open: Vec::new(),
            began: false,
        }
    }

    fn read(mut self) -> String {
        while let Some(first) = self.rest.chars().next() {
            let header = first == '[' && !self.began && self.open.is_empty();
            match first {
                '\n' => self.line(),
                '#' => self.comment(),
                '"' | '\'' => self.string(first),
                '[' if header => self.header(),
                '[' | '{' => {
                    self.open.push(self.secret);
                    self.take(1);
                }
                ']' | '}' => {
                    self.open.pop();
                    self.secret = self.around();
                    self.take(1);
                }
                ',' => {
                    self.secret = self.around();
                    self.take(1);
                }
                one if is_bare(one) => self.word(),
                one => {
                    self.began |= !one.is_whitespace();
                    self.take(one.len_utf8());
                }
            }
        }
        self.out
    }

    /// Whether whatever encloses this place is a secret's.
    fn around(&self) -> bool {
        self.open.last().copied().unwrap_or(self.table)
    }

    /// Passes bytes on.
    fn take(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.out.push_str(taken);
        self.rest = rest;
    }

    fn line(&mut self) {
        self.secret = self.around();
        self.began = false;
        self.take(1);
    }

    fn comment(&mut self) {
        let (line, rest) = split(self.rest, self.rest.find('\n'));
        self.out.push('#');
        let inside = line.get(1..).unwrap_or_default();
        self.out.push_str(&Reader::of(inside, self.table).read());
        self.rest = rest;
    }

    fn header(&mut self) {
        let end = self.rest.find(['\n', '#']);
        let (line, rest) = split(self.rest, end);
        let names = line.split(['[', ']', '.', '"', '\'', ' ']);
        self.table = names.into_iter().any(is_secret_name);
        self.secret = self.table;
        self.out.push_str(line);
        self.rest = rest;
    }

    fn string(&mut self, quote: char) {
        self.began = true;
        let (long, short) = (quote.to_string().repeat(3), quote.to_string());
        let (mark, end) = if self.rest.starts_with(&long) {
            let after = self.rest.get(3..).unwrap_or_default();
            (long.as_str(), after.find(&long))
        } else {
            let after = self.rest.get(1..).unwrap_or_default();
            (short.as_str(), end_of_line_string(after, quote))
        };
        self.take(mark.len());
        let (inside, rest) = split(self.rest, end);
        if mark.len() == 1 && is_key_ahead(rest.get(1..).unwrap_or_default()) {
            self.secret = self.around() || is_secret_name(inside);
            self.out.push_str(inside);
        } else {
            let shown = value(inside, self.secret);
            let shown = if mark.len() == 3 {
                // A template may spell names and values of its own.
                Reader::of(&shown, false).read()
            } else {
                shown
            };
            self.out.push_str(&shown);
        }
        self.rest = rest;
        if self.rest.starts_with(mark) {
            self.take(mark.len());
        }
    }

    fn word(&mut self) {
        self.began = true;
        let end = self.rest.find(|one| !is_bare(one));
        let (word, rest) = split(self.rest, end);
        let last = word.rsplit('.').next().unwrap_or_default();
        let opens = self.out.ends_with('<') && rest.starts_with('>');
        self.rest = rest;
        if opens && is_secret_name(word) {
            self.out.push_str(word);
            self.take(1);
            let (inside, rest) = split(self.rest, self.rest.find('<'));
            self.out.push_str(&value(inside, true));
            self.rest = rest;
        } else if is_key_ahead(rest) {
            self.secret =
                self.around() || word.split('.').any(is_secret_name) || is_secret_name(last);
            self.out.push_str(word);
        } else if self.secret && self.out.trim_end().ends_with(['=', ':']) {
            self.out.push_str(&value(word, true));
        } else {
            self.out.push_str(word);
        }
    }
}

const fn is_bare(one: char) -> bool {
    one.is_ascii_alphanumeric() || matches!(one, '_' | '-' | '.')
}

/// Whether what stood before is the name of what follows.
fn is_key_ahead(rest: &str) -> bool {
    rest.trim_start_matches([' ', '\t']).starts_with(['=', ':'])
}

fn split(text: &str, at: Option<usize>) -> (&str, &str) {
    text.split_at_checked(at.unwrap_or(text.len()))
        .unwrap_or((text, ""))
}

/// Where a string that may not go over the line's end ends.
fn end_of_line_string(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    let end = text.char_indices().find(|&(_, one)| {
        let ends = one == '\n' || one == quote && !escaped;
        escaped = one == '\\' && quote == '"' && !escaped;
        ends
    });
    end.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str) {
        assert_eq!(file(text, &[]), shown);
    }

    #[test]
    fn references_and_everything_else_stay_as_they_are() {
        for text in [
            "[state]\nfile = \"state/ledger\"\nkey  = \"env:MULTICODE_STATE_KEY\" # why\n",
            "tls = { cert = \"certs/g.pem\", key = \"certs/g.key\" }\n",
            "headers = { authorization = \"Bearer ${secret.api}\" }\n",
            "regex = '(?<token>[A-Za-z0-9_-]{20,})'\nkey_id = \"kid\"\n",
            "xml = '''\n<sign>${secret.sign?}</sign>\n<token>${secret.t}</token>\n'''\n",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn what_may_be_a_secret_is_hidden_wherever_it_stands() {
        check("password = \"hunter2\"\n", "password = \"***\"\n");
        check("key = \"hunter2hunter2\"\n", "key = \"***\"\n");
        check(
            "[a.secrets]\nx = 'hunter2'\ny = 7\n",
            "[a.secrets]\nx = '***'\ny = ***\n",
        );
        check(
            "secrets = { x = \"hunter2\", y = \"env:Y\" }\nz = \"a\"",
            "secrets = { x = \"***\", y = \"env:Y\" }\nz = \"a\"",
        );
        check(
            "tokens = [\n \"hunter2\",\n \"b\" ]\n",
            "tokens = [\n \"***\",\n \"***\" ]\n",
        );
        check("# password = \"hunter2\"\n", "# password = \"***\"\n");
        check(
            "x = \"redis://me:hunter2@h/0\"\n",
            "x = \"redis://***@h/0\"\n",
        );
        check("x = \"hex:00112233445566778899\"\n", "x = \"***\"\n");
        check(
            "token = \"\"\"\nhunter2\nb\"\"\"\nx = 1\n",
            "token = \"\"\"***\n\n\"\"\"\nx = 1\n",
        );
        check(
            "json = '''{\"password\": \"hunter2\"}'''",
            "json = '''{\"password\": \"***\"}'''",
        );
        check(
            "xml = '<a>'\nx = '''<password>hunter2</password>'''",
            "xml = '<a>'\nx = '''<password>***</password>'''",
        );
    }

    #[test]
    fn a_text_that_is_no_toml_is_safe_too() {
        check(
            "secret = \"hunter2\nnext = \"a\"\n",
            "secret = \"***\nnext = \"a\"\n",
        );
        check(
            "password hunter = \nsecret = hunter2",
            "password hunter = \nsecret = ***",
        );
        check(
            "x = '''\nsecret = \"hunter2\"\n",
            "x = '''\nsecret = \"***\"\n",
        );
    }

    #[test]
    fn known_places_are_hidden_whatever_they_are_called() {
        let text = "sign = \"hunter2\"\nrest = 1\n";
        assert_eq!(file(text, &[7..16, 7..16]), "sign = \"***\"\nrest = 1\n");
    }
}
