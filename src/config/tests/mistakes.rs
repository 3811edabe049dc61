//! Tables of mistakes and exactly what is said about them.

use super::*;

/// The least `routes.toml` there is, for tests to add to.
pub(super) const LEAST: &str = "config_version = 1
[listener.scan]
address = \"127.0.0.1:0\"
terminals = \"any\"
anonymous = true
[scene.pay]
accepts = [\"payment\"]
freshness = \"any\"
assurance = \"structure\"
settlement = false
[upstream.bank-pay]
endpoints = [\"http://127.0.0.1:1\"]
[[route]]
name = \"pay\"
match = { kind = [\"payment\"] }
forward = { upstream = \"bank-pay\", path = \"/pay\" }
";

/// A place for what is recorded, for scenes in which money moves.
pub(super) const STATE: &str = "[state]
file = \"state/ledger\"
key = \"env:STATE\"
";

/// The same files, but money moves.
pub(super) fn settling(routes: &str) -> String {
    routes.replace("settlement = false", "settlement = true")
}

/// A family of payment codes.
pub(super) const WALLET: &str = "id = \"wallet\"
names = { en = \"Wallet\", zh = \"钱包\" }
kind = \"payment\"
sources = [\"made up\"]
mask = \"all\"
trust = \"structure\"
[[shape]]
regex = '[0-9]{18}'
[examples]
match = [\"123456789012345678\"]
no_match = [\"1\"]
";

/// A family whose codes carry two departments' accounts.
pub(super) const TWO_IN_ONE: &str = "id = \"two\"
names = { en = \"Two\", zh = \"二合一\" }
kind = \"aggregate\"
sources = [\"made up\"]
mask = \"all\"
trust = \"structure\"
[[shape]]
regex = 'T(?<a>[0-9]{4})-(?<b>[0-9]{4})'
[fields]
accounts = { payment = \"a\", health-card = \"b\" }
[examples]
match = [\"T1234-5678\"]
";

/// Loads the least configuration with `added` behind it.
#[track_caller]
fn check(added: &str, expected: &str) {
    let routes = format!("{LEAST}{added}");
    let files = [("routes.toml", &*routes), ("plugins/wallet.toml", WALLET)];
    assert_eq!(findings(&files), expected);
}

/// Replaces `old` in the least configuration.
#[track_caller]
fn check_with(old: &str, new: &str, expected: &str) {
    assert!(LEAST.contains(old));
    let routes = LEAST.replace(old, new);
    let files = [("routes.toml", &*routes), ("plugins/wallet.toml", WALLET)];
    assert_eq!(findings(&files), expected);
}

#[test]
fn the_least_configuration_is_correct() {
    check("", "");
}

#[test]
fn an_unknown_name_is_shown_with_the_one_that_was_meant() {
    check_with(
        "upstream = \"bank-pay\", path",
        "upstream = \"bank\", path",
        "routes.toml:11:11: warning: no route uses upstream \"bank-pay\"
 11 | [upstream.bank-pay]
    |           ^^^^^^^^
routes.toml:16:24: error: unknown upstream \"bank\"
 16 | forward = { upstream = \"bank\", path = \"/pay\" }
    |                        ^^^^^^
help: did you mean \"bank-pay\"?
",
    );
    check_with(
        "{ kind = [\"payment\"] }",
        "{ knd = [\"payment\"], family = [\"walet\"], scene = \"pay\" }",
        "routes.toml:15:11: error: \"match\" has no key \"knd\"
 15 | match = { knd = [\"payment\"], family = [\"walet\"], scene = \"pay\" }
    |           ^^^
help: did you mean \"kind\"?
routes.toml:15:40: error: unknown family \"walet\"
 15 | match = { knd = [\"payment\"], family = [\"walet\"], scene = \"pay\" }
    |                                        ^^^^^^^
help: did you mean \"wallet\"?
routes.toml:15:58: error: \"scene\" must be an array, not a string
 15 | match = { knd = [\"payment\"], family = [\"walet\"], scene = \"pay\" }
    |                                                          ^^^^^
help: write [\"pay\"]
",
    );
}

#[test]
fn a_listener_that_serves_no_scene_is_a_mistake() {
    let routes = LEAST.replace("anonymous = true\n", "scenes = []\n");
    let shown = findings(&[("routes.toml", &routes), ("plugins/wallet.toml", WALLET)]);
    assert!(
        shown.contains("error:") && shown.contains("scenes"),
        "{shown}"
    );
}

/// Adds a header of its own to the least configuration's route.
fn with_header(header: &str) -> String {
    let routes = LEAST.replace(
        "path = \"/pay\"",
        &format!("path = \"/pay\", headers = {{ {header} }}"),
    );
    findings(&[("routes.toml", &routes), ("plugins/wallet.toml", WALLET)])
}

#[test]
fn a_route_writes_no_credential_and_no_header_of_the_gateways_own() {
    assert_eq!(
        with_header("x-code-kind = \"family\", x-from = \"=window\""),
        ""
    );
    let shown = with_header("authorization = \"=Bearer hunter22\"");
    assert!(
        shown.contains("holds a credential in plain text"),
        "{shown}"
    );
    assert!(!shown.contains("hunter22"), "{shown}");
    for own in [
        "x-multicode-kind",
        "x-forwarded-for",
        "traceparent",
        "x-request-id",
        "content-length",
    ] {
        let shown = with_header(&format!("{own} = \"=x\""));
        assert!(shown.contains("error:"), "{own}: {shown}");
    }
}

#[test]
fn a_secret_written_out_is_refused_and_never_shown() {
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"hmac-sha256\", secret = \"hunter22hunter22\" }]\n",
        "routes.toml:18:57: error: a secret must be a reference, never its value
 18 | keys = [{ id = \"a\", algorithm = \"hmac-sha256\", secret = *** }]
    |                                                         ^^^
help: put it into a variable or a file and write \"env:NAME\" or \"file:PATH\"; treat what stood here as disclosed
",
    );
    // Under a mistyped key it is hidden as well.
    let routes = format!("{LEAST}[issuer.x]\nkeys = [{{ id = \"a\", secrt = \"hunter22\" }}]\n");
    let shown = findings(&[("routes.toml", &routes), ("plugins/wallet.toml", WALLET)]);
    assert!(shown.contains("did you mean \"secret\"?"), "{shown}");
    assert!(!shown.contains("hunter"), "{shown}");
    let routes = format!("{LEAST}[issuer.x]\nkeys = [{{ id = \"a\", secret = \"hunter22 }}]\n");
    let shown = findings(&[("routes.toml", &routes), ("plugins/wallet.toml", WALLET)]);
    assert!(!shown.contains("hunter"), "{shown}");
}

#[test]
fn https_trusts_nobody_by_default() {
    check_with(
        "http://127.0.0.1:1",
        "https://127.0.0.1:1",
        "routes.toml:12:14: error: an https endpoint needs \"ca\": nobody is trusted by default
 12 | endpoints = [\"https://127.0.0.1:1\"]
    |              ^^^^^^^^^^^^^^^^^^^^^
help: write ca = \"certs/upstream-ca.pem\" beside the endpoints
",
    );
}

#[test]
fn a_redirect_leads_to_listed_hosts_only() {
    check_with(
        "forward = { upstream = \"bank-pay\", path = \"/pay\" }",
        "redirect = { location = \"https://evil.example/\" }",
        "routes.toml:11:11: warning: no route uses upstream \"bank-pay\"
 11 | [upstream.bank-pay]
    |           ^^^^^^^^
routes.toml:16:25: error: host \"evil.example\" is not among the hosts redirects may lead to
 16 | redirect = { location = \"https://evil.example/\" }
    |                         ^^^^^^^^^^^^^^^^^^^^^^^
",
    );
}

#[test]
fn an_unknown_placeholder_is_shown_with_the_one_that_was_meant() {
    check(
        "[contract.c]\naccount = \"payment\"\npath = \"/p\"\njson = { a = \"${acount}\" }\n",
        "routes.toml:17:11: warning: no route uses contract \"c\"
 17 | [contract.c]
    |           ^
routes.toml:20:14: error: unknown placeholder \"acount\"
 20 | json = { a = \"${acount}\" }
    |              ^^^^^^^^^^^
help: did you mean \"account\"?
",
    );
}

#[test]
fn routes_nobody_takes_are_found() {
    check(
        "[[route]]\nname = \"late\"\nmatch = { kind = [\"payment\"] }\nrespond = true\n\
         [[route]]\nname = \"none\"\nmatch = { kind = [\"invoice\"] }\nrespond = true\n",
        "routes.toml:18:8: warning: route \"late\" is never taken
 18 | name = \"late\"
    |        ^^^^^^
routes.toml:14:8: note: this route is taken instead
 14 | name = \"pay\"
    |        ^^^^^
routes.toml:22:8: warning: route \"none\" can match no enabled family
 22 | name = \"none\"
    |        ^^^^^^
",
    );
}

#[test]
fn a_scene_that_accepts_what_no_route_takes_is_found() {
    check_with(
        "match = { kind = [\"payment\"] }",
        "match = { kind = [\"payment\"], region = [\"same-city\"] }",
        "routes.toml:6:8: warning: scene \"pay\" accepts wallet but no route takes them unconditionally
 6 | [scene.pay]
   |        ^^^
help: such a scan is answered no-route; add a route or leave the kind out
",
    );
}

#[test]
fn names_are_shared_by_all_files() {
    let health = "owner = \"health\"\n[upstream.bank-pay]\nendpoints = [\"http://127.0.0.1:2\"]\n";
    let files = [
        ("routes.toml", LEAST),
        ("plugins/wallet.toml", WALLET),
        ("routes.d/health.toml", health),
    ];
    assert_eq!(
        findings(&files),
        "routes.d/health.toml:2:11: error: upstream \"bank-pay\" exists already
 2 | [upstream.bank-pay]
   |           ^^^^^^^^
routes.toml:11:11: note: the first one
 11 | [upstream.bank-pay]
    |           ^^^^^^^^
"
    );
}

#[test]
fn no_backend_sees_another_departments_account() {
    let routes = LEAST.replace("[\"payment\"]", "[\"payment\", \"aggregate\"]");
    let files = [
        ("routes.toml", &*routes),
        ("plugins/wallet.toml", WALLET),
        ("plugins/two.toml", TWO_IN_ONE),
    ];
    assert_eq!(
        findings(&files),
        "routes.toml:16:11: error: route \"pay\" would show this backend the whole text of two, accounts of other departments included
 16 | forward = { upstream = \"bank-pay\", path = \"/pay\" }
    |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
help: use a contract with ${account} and no ${code}
"
    );
}

#[test]
fn a_family_is_held_against_its_own_examples() {
    let broken = WALLET
        .replace("id = \"wallet\"", "id = \"walet\"")
        .replace("no_match = [\"1\"]", "no_match = [\"876543210987654321\"]")
        .replace("match = [\"123456789012345678\"]", "match = [\"12\"]");
    let files = [("routes.toml", LEAST), ("plugins/wallet.toml", &*broken)];
    assert_eq!(
        findings(&files),
        "plugins/wallet.toml:1:6: error: id \"walet\" is not the file's name
 1 | id = \"walet\"
   |      ^^^^^^^
help: write id = \"wallet\" or rename the file
plugins/wallet.toml:10:10: error: this example must match, but no shape takes it
 10 | match = [\"12\"]
    |          ^^^^
plugins/wallet.toml:11:13: error: this example must not match, but it does
 11 | no_match = [\"876543210987654321\"]
    |             ^^^^^^^^^^^^^^^^^^^^
"
    );
}

#[test]
fn overlapping_families_are_reported_with_a_text_both_claim() {
    let other = WALLET.replace("id = \"wallet\"", "id = \"other\"");
    let files = [
        ("routes.toml", LEAST),
        ("plugins/wallet.toml", WALLET),
        ("plugins/other.toml", &*other),
    ];
    let folder = folder(&files);
    let checked = super::super::check(&folder.path().join("routes.toml"), &NoSecrets);
    let found: Vec<_> = checked.diagnostics.iter().collect();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].code, found[0].severity),
        ("overlap", Severity::Warning)
    );
    assert!(
        found[0]
            .message
            .starts_with("families other and wallet can both claim")
    );
}

#[test]
fn a_damaged_file_says_only_what_is_certain() {
    check_with(
        "accepts = [\"payment\"]",
        "accepts = [\"payment\"",
        "routes.toml:8:1: error: missing comma between array elements, expected `,`
 8 | freshness = \"any\"
   | ^
",
    );
}

#[test]
fn a_missing_file_is_named() {
    assert_eq!(
        findings(&[]),
        "routes.toml: error: No such file or directory (os error 2)\n"
    );
}

#[test]
fn a_backend_is_spoken_to_in_a_way_that_exists() {
    let upstream =
        |keys: &str| format!("[upstream.other]\nendpoints = [\"http://127.0.0.1:2\"]\n{keys}\n");
    let says = |keys: &str, expected: &[&str]| {
        let routes = format!("{LEAST}{}", upstream(keys));
        let files = [("routes.toml", &*routes), ("plugins/wallet.toml", WALLET)];
        let found = findings(&files);
        for expected in expected {
            assert!(found.contains(expected), "{expected} not in {found}");
        }
    };
    says(
        "protocol = \"http3\"",
        &["\"protocol\" is \"http1\" or \"http2\""],
    );
    says("cert = \"a.pem\"", &["needs both \"cert\" and \"key\""]);
    says(
        "server_name = \"a b\"",
        &["no name a certificate can be for", "is for https endpoints"],
    );
    says(
        "idle_timeout = \"9s\"\nfirst_byte_timeout = \"8s\"",
        &[
            "\"idle_timeout\" is longer than",
            "\"first_byte_timeout\" is longer than",
        ],
    );
}

#[test]
fn money_is_never_sent_twice_whatever_the_route_says() {
    let twice = LEAST.replace("path = \"/pay\"", "path = \"/pay\", idempotent = true");
    let routes = format!("{}{STATE}", settling(&twice));
    let files = [("routes.toml", &*routes), ("plugins/wallet.toml", WALLET)];
    let found = findings(&files);
    let expected = "route \"pay\" is idempotent and serves the settlement scene \"pay\"";
    assert!(found.contains(expected), "{found}");
    let files = [("routes.toml", &*twice), ("plugins/wallet.toml", WALLET)];
    assert_eq!(findings(&files), "");
}
