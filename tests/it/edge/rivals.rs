//! A text that two families claim: nothing is guessed, and operators are told before and after.

use multicode::config::{NoSecrets, Style, check};

use super::{Files, TestGateway};

/// A text that both families below claim.
const BOTH: &str = "VCH-123456";

/// A family of that name whose texts look like this.
fn family(id: &str, regex: &str) -> String {
    format!(
        r#"
id      = "{id}"
names   = {{ en = "Voucher {id}", zh = "券" }}
kind    = "goods"
trust   = "structure"
mask    = {{ first = 3, last = 2 }}
sources = ["a test"]
[[shape]]
regex     = '{regex}'
freshness = "static"
[examples]
match    = ['{BOTH}']
no_match = ['VCH-12345']
"#
    )
}

/// The files with two more families, `a` and `b`, whose texts look like these.
fn add(files: &Files, a: &str, b: &str) {
    files.write("plugins/a.toml", &family("a", a));
    files.write("plugins/b.toml", &family("b", b));
}

/// How often a text of that family had to be told from another's.
fn told_apart(gateway: &TestGateway, id: &str) -> f64 {
    gateway.metric(&format!(
        "multicode_classify_ambiguous_total{{family=\"{id}\"}}"
    ))
}

const ONE: &str = "VCH-[0-9]{6}";
const EQUAL: &str = "VCH-[0-9]{3}[0-9]{3}";

#[test]
fn a_text_with_two_equal_families_is_refused_and_counted() {
    for (a, b) in [(ONE, EQUAL), (EQUAL, ONE)] {
        let gateway = TestGateway::with(|files| add(files, a, b));
        for scans in 1..=3 {
            let answer = gateway.scan(BOTH, "other");
            answer.assert_refused(422, "ambiguous-code");
            let counted = told_apart(&gateway, "a") + told_apart(&gateway, "b");
            assert_eq!(counted.to_string(), scans.to_string());
        }
        gateway.assert_nobody_was_asked();
    }
}

#[test]
fn of_two_families_the_stricter_is_taken_whatever_their_order() {
    // It begins in fewer ways that are certain.
    const LOOSE: &str = "V[A-Z]{2}-[0-9]{6}";
    for (strict, loose, a, b) in [("a", "b", ONE, LOOSE), ("b", "a", LOOSE, ONE)] {
        let gateway = TestGateway::with(|files| add(files, a, b));
        for scans in 1..=3 {
            let answer = gateway.scan(BOTH, "other");
            assert_eq!(answer.status, 200, "{}", answer.whole());
            assert_eq!(answer.json()["family"], strict);
            assert_eq!(told_apart(&gateway, strict).to_string(), scans.to_string());
        }
        let alone = gateway.scan("VXY-123456", "other");
        assert_eq!(alone.json()["family"], loose);
        assert_eq!(told_apart(&gateway, loose).to_string(), "0");
    }
}

#[test]
fn a_check_warns_of_a_text_with_two_equal_families() {
    let files = Files::shipped();
    add(&files, ONE, EQUAL);
    let found = check(&files.main(), &NoSecrets)
        .diagnostics
        .render(Style::Plain);
    let warned = "warning: families a and b can both claim";
    assert!(found.contains(warned), "{found}");
    assert!(found.contains("refused as ambiguous-code"), "{found}");
}
