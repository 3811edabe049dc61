//! What is hidden and what is not.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

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

/// Of what means something to the reader and comes to nothing: no part of a text is looked at again for
/// every other.
#[test]
fn every_text_is_read_in_its_time() {
    /// Of a processor; each takes a hundredth of it, and took ten times as much.
    const LONGEST: Duration = Duration::from_secs(4);
    let parts = [
        " ",
        "\t ",
        "\\",
        "${",
        "a . ",
        ". ",
        "\"a\".",
        "password = ${a ",
        "a = {",
        "[",
        "# ",
        "\\\"",
        "\"'",
        "<token>",
        "://a@",
        "'''",
        "\n[",
    ];
    for part in parts {
        let text = part.repeat((1 << 17) / part.len());
        let begun = processor_time();
        for text in [format!("a = {text}"), format!("password = \"{text}\"x")] {
            assert!(!file(&text, &[]).is_empty());
        }
        let took = processor_time().saturating_sub(begun);
        assert!(took < LONGEST, "{part:?} takes {took:?}");
    }
}

/// What this thread has had of its processor: a busy machine makes nothing slow.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

#[test]
fn names_without_end_are_hidden() {
    let names = "a . ".repeat(100);
    let shown = file(&format!("password . {names}b = \"hunter2\""), &[]);
    assert!(!shown.contains("hunter2"), "{shown}");
    let gap = format!("password = ${{{}hunter2}}", "x".repeat(200));
    assert!(!file(&gap, &[]).contains("hunter2"));
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

#[test]
fn queries_and_texts_within_strings_are_read() {
    check(
        "path = \"/scan?api_key=hunter2\"",
        "path = \"/scan?api_key=***\"",
    );
    check(
        "url = \"https://h/?token=aGk==&x=1&token=${secret.t}\"",
        "url = \"https://h/?token=***==&x=1&token=${secret.t}\"",
    );
    check(
        "json = '{\"password\": \"hunter2\", \"a\": \"b\"}'",
        "json = '{\"password\": \"***\", \"a\": \"b\"}'",
    );
    check(
        r#"json = "{\"password\": \"hun\\\"ter2\", \"a\": \"b\"}""#,
        r#"json = "{\"password\": \"***\", \"a\": \"b\"}""#,
    );
    assert_eq!(text("/scan?api_key=hunter2", false), "/scan?api_key=***");
}

#[test]
fn names_in_parts_and_in_quotes_are_names() {
    for name in [
        "secrets.\"api\"",
        "\"secrets\".api",
        "secrets . api",
        "secrets. 'api'",
        "\"pass\\u0077ord\"",
        "x-access-key",
        "accessKey",
        "API-KEY",
    ] {
        let shown = format!("{name} = \"***\"\nx = \"a\"\n");
        check(&shown.replace("***", "hunter2"), &shown);
    }
    let header = "[ 'a'.\"secrets#\" ]\nx = \"***\"\n[b]\nx = \"a\"\n";
    check(&header.replace("***", "hunter2"), header);
    for name in ["key_id", "keys", "sm2_id", "public_key", "idempotency-key"] {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn numbers_and_bare_words_of_secrets_are_hidden() {
    check(
        "token = [123456, 7]\nx = [1]",
        "token = [***, ***]\nx = [1]",
    );
    check("password = +123456", "password = +***");
    check("password = c:d=e f", "password = ***:***=*** ***");
}

#[test]
fn quotes_of_long_strings_may_be_escaped() {
    check(
        "password = \"\"\"a\\\"\"\"hunter2\"\"\"\nx = 1",
        "password = \"\"\"***\"\"\"\nx = 1",
    );
    check(
        "a = { x = \"\"\"b\"\"\"\", password = \"y\" }",
        "a = { x = \"\"\"b\"\"\"\", password = \"***\" }",
    );
}

#[test]
fn no_depth_is_too_deep() {
    let deep = "# ".repeat(100_000);
    assert!(file(&deep, &[]).ends_with(HIDDEN));
}
