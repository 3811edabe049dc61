//! What is said about platforms that are asked wrongly.

use super::mistakes::TWO_IN_ONE;
use super::*;

const ROUTES: &str = "config_version = 1
[listener]
scan = { address = \"127.0.0.1:0\", terminals = \"any\", anonymous = true }

[scene.desk]
accepts = [\"health-card\", \"aggregate\"]
freshness = \"any\"
assurance = \"structure\"
settlement = false
[[route]]
name = \"desk\"
match = {}
respond = true
[upstream.platform]
endpoints = [\"http://127.0.0.1:1\"]
[contract.ask]
account = \"health-card\"
path = \"/ask\"
json = { code = \"${account}\" }
[introspection.card]
families = [\"card\"]
upstream = \"platform\"
contract = \"ask\"
answer = { valid = \"/code\", good = [\"0\"] }
";

const CARD: &str = "id = \"card\"
names = { en = \"Card\", zh = \"卡\" }
kind = \"health-card\"
sources = [\"made up\"]
mask = \"all\"
trust = \"introspect\"
[[shape]]
regex = 'C[0-9]{18}'
[examples]
match = [\"C123456789012345678\"]
";

/// Replaces `old` in the routes and gives what is said, the place and the message of each finding.
#[track_caller]
fn check(old: &str, new: &str, expected: &[&str]) {
    assert!(ROUTES.contains(old), "{old}");
    let routes = ROUTES.replace(old, new);
    let said = said(&routes, CARD);
    assert_eq!(said, expected, "{new}");
}

fn said(routes: &str, card: &str) -> Vec<String> {
    let files = [
        ("routes.toml", routes),
        ("plugins/card.toml", card),
        ("plugins/two.toml", TWO_IN_ONE),
    ];
    let text = findings(&files);
    let heads = text.lines().filter(|line| line.contains(".toml:"));
    heads.map(str::to_owned).collect()
}

#[test]
fn a_platform_is_asked_about_its_families() {
    check("", "", &[]);
    check("[\"card\"]", "[\"card\", \"two\"]", &[]);
}

#[test]
fn names_must_be_somebodys() {
    check(
        "families = [\"card\"]",
        "families = [\"card\", \"car\"]",
        &["routes.toml:21:21: error: unknown family \"car\""],
    );
    check(
        "upstream = \"platform\"",
        "upstream = \"platfrom\"",
        &[
            "routes.toml:14:11: warning: no route uses upstream \"platform\"",
            "routes.toml:22:12: error: unknown upstream \"platfrom\"",
        ],
    );
    check(
        "contract = \"ask\"",
        "contract = \"asks\"",
        &[
            "routes.toml:16:11: warning: no route uses contract \"ask\"",
            "routes.toml:23:12: error: unknown contract \"asks\"",
        ],
    );
}

#[test]
fn about_a_family_one_platform_is_asked() {
    let second = "[introspection.other]
families = [\"card\"]
upstream = \"platform\"
contract = \"ask\"
answer = { valid = \"/code\", good = [\"0\"] }
";
    let said = said(&format!("{ROUTES}{second}"), CARD);
    let expected = [
        "routes.toml:26:13: error: another platform is asked about \"card\"",
        "routes.toml:21:13: note: there",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_family_that_needs_a_platform_has_one() {
    check(
        "families = [\"card\"]",
        "families = [\"two\"]",
        &["plugins/card.toml:6:9: error: nobody is asked about codes of \"card\""],
    );
    let disabled = CARD.replace("kind =", "enabled = false\nkind =");
    let routes = ROUTES.replace("[\"card\"]", "[\"two\"]");
    assert_eq!(said(&routes, &disabled), [""; 0]);
}

#[test]
fn a_signed_family_asks_nobody() {
    let signed = CARD
        .replace("introspect", "signature")
        .replace("C[0-9]{18}", "(?<a>C[0-9]{10})(?<b>[0-9]{8})")
        .replace(
            "[examples]",
            "[signature]\nover = \"a\"\nvalue = \"b\"\nencoding = \"hex\"\nalgorithms = [\"hmac-sha256\"]\n[examples]",
        );
    let expected = "routes.toml:21:13: error: codes of \"card\" are believed by their signature, \
                    nobody is asked about them";
    assert_eq!(said(ROUTES, &signed), [expected]);
}

#[test]
fn a_platform_sees_its_own_account_of_a_code() {
    check(
        "account = \"health-card\"",
        "account = \"payment\"",
        &[
            "routes.toml:23:12: error: contract \"ask\" is for another department than codes of card \
             have an account of",
        ],
    );
    let both = ROUTES
        .replace("[\"card\"]", "[\"card\", \"two\"]")
        .replace("${account}", "${code}");
    let expected = "routes.toml:23:12: error: introspection \"card\" would show this backend the whole \
                    text of two, accounts of other departments included";
    assert_eq!(said(&both, CARD), [expected]);
}

#[test]
fn a_question_can_be_put() {
    check(
        "\"${account}\"",
        "\"${index}\"",
        &[
            "routes.toml:23:12: error: ${index} is what the platform answers, the question cannot \
             hold it",
        ],
    );
    check(
        "\"${account}\"",
        "\"${scene.medical_step}\"",
        &["routes.toml:23:12: warning: scene \"desk\" has no code \"medical_step\""],
    );
    check("\"${account}\"", "\"${body:/office}${index?}\"", &[]);
}

#[test]
fn an_answer_can_be_read() {
    check(
        "\"/code\"",
        "\"code\"",
        &["routes.toml:24:20: error: \"valid\" must be a JSON pointer such as \"/rsp/resultCode\""],
    );
    check(
        "[\"0\"]",
        "[]",
        &["routes.toml:20:16: error: introspection \"card\" calls no code good"],
    );
    check(
        "answer =",
        "keep = \"16m\"\nanswer =",
        &[
            "routes.toml:24:8: error: \"keep\" is 900 s at most: the platform is asked for what is so now",
        ],
    );
    check(
        "answer =",
        "timeout = \"0s\"\nat_once = 0\nanswer =",
        &[
            "routes.toml:24:11: error: \"timeout\" must be longer than nothing",
            "routes.toml:25:11: error: \"at_once\" must be between 1 and 4096",
        ],
    );
}
