//! What is said about issuers, their keys and their lists.

use super::mistakes::{LEAST, WALLET};
use super::*;

/// A family of codes that name their issuer and are signed.
const TICKET: &str = "id = \"ticket\"
names = { en = \"Ticket\", zh = \"票\" }
kind = \"payment\"
sources = [\"made up\"]
mask = \"all\"
trust = \"signature\"
[[shape]]
regex = '(?<signed>T\\.(?<issuer>[a-z]{1,8})\\.(?<kid>[a-z]))\\.(?<sig>[A-Za-z0-9_-]{4})'
[fields]
issuer = \"issuer\"
key_id = \"kid\"
[signature]
over = \"signed\"
value = \"sig\"
encoding = \"base64url\"
algorithms = [\"es256\", \"eddsa\", \"hmac-sm3\"]
[examples]
match = [\"T.x.a.AAAA\"]
";

/// The public key of RFC 7517, appendix A.1.
const EC: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"good"}"#;

/// Of the files below, what every test may refer to.
pub(super) fn files() -> Vec<(&'static str, String)> {
    let off = EC.replace(
        "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    );
    let off = off.replace("good", "off");
    let set = |keys: &[&str]| format!("{{\"keys\":[{}]}}", keys.join(","));
    vec![
        ("broken.jwks", "{\"keys\":[".to_owned()),
        ("ca.pem", authority()),
        ("ec.jwk", EC.to_owned()),
        ("empty.jwks", set(&[])),
        ("empty/readme.txt", String::new()),
        ("folder/bad.pem", "-----BEGIN ".to_owned()),
        ("folder/good.jwk", EC.to_owned()),
        ("folder/mixed.jwks", set(&[EC, &off])),
        ("list.txt", "key lost\n".to_owned()),
        ("mixed.jwks", set(&[&off, EC])),
        ("off.jwk", off.clone()),
        ("page.html", "<html>".to_owned()),
        ("two.jwks", set(&[EC, EC])),
    ]
}

pub(super) fn authority() -> String {
    let made = rcgen::generate_simple_self_signed(vec!["keys.example".to_owned()]);
    made.unwrap().cert.pem()
}

/// Loads the least configuration with `added` behind it, and the files beside it.
fn found(added: &str) -> String {
    let routes = format!("{LEAST}{added}");
    let beside = files();
    let beside = beside.iter().map(|(name, text)| (*name, &**text));
    let own = [
        ("routes.toml", &*routes),
        ("plugins/wallet.toml", WALLET),
        ("plugins/ticket.toml", TICKET),
    ];
    let all: Vec<_> = beside.chain(own).collect();
    findings(&all)
}

#[track_caller]
pub(super) fn check(added: &str, expected: &str) {
    assert_eq!(found(added), expected);
}

#[test]
fn a_key_is_made_of_what_its_algorithm_asks_for() {
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"es256\", secret = \"env:A\" }]\n",
        "routes.toml:18:9: error: a key of es256 is made of \"public\", not of \"secret\"
 18 | keys = [{ id = \"a\", algorithm = \"es256\", secret = \"env:A\" }]
    |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"hmac-sm3\", public = \"file:ec.jwk\" }]\n",
        "routes.toml:18:9: error: a key of hmac-sm3 is made of \"secret\", not of \"public\"
 18 | keys = [{ id = \"a\", algorithm = \"hmac-sm3\", public = \"file:ec.jwk\" }]
    |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"es256\" }]\n",
        "routes.toml:18:9: error: \"keys\" needs \"public\"
 18 | keys = [{ id = \"a\", algorithm = \"es256\" }]
    |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"hmac-sm3\" }]\n",
        "routes.toml:18:9: error: \"keys\" needs \"secret\"
 18 | keys = [{ id = \"a\", algorithm = \"hmac-sm3\" }]
    |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"es512\", public = \"file:ec.jwk\" }]\n",
        "routes.toml:18:33: error: \"algorithm\" cannot be \"es512\"
 18 | keys = [{ id = \"a\", algorithm = \"es512\", public = \"file:ec.jwk\" }]
    |                                 ^^^^^^^
help: known: eddsa, es256, es384, hmac-sha256, hmac-sha384, hmac-sha512, hmac-sm3, ps256, rs256, sm2
",
    );
}

#[test]
fn a_public_key_comes_from_a_file_and_what_stands_in_its_place_is_never_shown() {
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"es256\", public = \"MFkwEwYHhunter22\" }]\n",
        "routes.toml:18:51: error: \"public\" must be \"file:PATH\"
 18 | keys = [{ id = \"a\", algorithm = \"es256\", public = *** }]
    |                                                   ^^^
",
    );
    check(
        "[issuer.x]\nkeys = \"hunter22hunter22\"\n",
        "routes.toml:18:8: error: \"keys\" must be \"file:PATH\"
 18 | keys = ***
    |        ^^^
",
    );
    check(
        "[issuer.x]\nkeys = 7\n",
        "routes.toml:18:8: error: \"keys\" must be an array of keys, \"file:PATH\" or a table with \"url\", not an integer
 18 | keys = 7
    |        ^
",
    );
}

#[test]
fn a_file_that_is_not_there_or_holds_no_keys_is_refused() {
    check(
        "[issuer.x]\nkeys = \"file:gone.jwks\"\n",
        "routes.toml:18:8: error: gone.jwks: cannot be read: No such file or directory (os error 2)
 18 | keys = \"file:gone.jwks\"
    |        ^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"es256\", public = \"file:gone.pem\" }]\n",
        "routes.toml:18:51: error: gone.pem: cannot be read: No such file or directory (os error 2)
 18 | keys = [{ id = \"a\", algorithm = \"es256\", public = \"file:gone.pem\" }]
    |                                                   ^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = \"file:page.html\"\n",
        "routes.toml:18:8: error: page.html: HTML or XML where a JWK Set, PEM or DER is expected
 18 | keys = \"file:page.html\"
    |        ^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = \"file:broken.jwks\"\n",
        "routes.toml:18:8: error: broken.jwks: broken JSON in line 1, column 9
 18 | keys = \"file:broken.jwks\"
    |        ^^^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = \"file:empty.jwks\"\n",
        "routes.toml:18:8: error: empty.jwks holds no key that can be used
 18 | keys = \"file:empty.jwks\"
    |        ^^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = \"file:empty/\"\n",
        "routes.toml:18:8: error: empty/ holds no key that can be used
 18 | keys = \"file:empty/\"
    |        ^^^^^^^^^^^^^
",
    );
}

#[test]
fn one_public_key_is_what_a_public_key_is() {
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"es256\", public = \"file:two.jwks\" }]\n",
        "routes.toml:18:51: error: two.jwks holds 2 keys where one is expected
 18 | keys = [{ id = \"a\", algorithm = \"es256\", public = \"file:two.jwks\" }]
    |                                                   ^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"eddsa\", public = \"file:ec.jwk\" }]\n",
        "routes.toml:18:51: error: ec.jwk holds a key of es256
 18 | keys = [{ id = \"a\", algorithm = \"eddsa\", public = \"file:ec.jwk\" }]
    |                                                   ^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"es256\", public = \"file:off.jwk\" }]\n",
        "routes.toml:18:51: error: off.jwk is rejected: the point is not on the curve
 18 | keys = [{ id = \"a\", algorithm = \"es256\", public = \"file:off.jwk\" }]
    |                                                   ^^^^^^^^^^^^^^
",
    );
}

#[test]
fn a_bad_key_among_good_ones_is_named() {
    check(
        "[issuer.x]\nkeys = \"file:mixed.jwks\"\n",
        "routes.toml:18:8: warning: mixed.jwks: \"off\" is rejected: the point is not on the curve
 18 | keys = \"file:mixed.jwks\"
    |        ^^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = \"file:folder\"\n",
        "routes.toml:18:8: warning: folder: \"bad.pem: key 1\" is rejected: a broken PEM section
 18 | keys = \"file:folder\"
    |        ^^^^^^^^^^^^^
routes.toml:18:8: warning: folder: \"mixed.jwks: off\" is rejected: the point is not on the curve
 18 | keys = \"file:folder\"
    |        ^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = \"file:off.jwk\"\n",
        "routes.toml:18:8: error: off.jwk holds no key that can be used
 18 | keys = \"file:off.jwk\"
    |        ^^^^^^^^^^^^^^
routes.toml:18:8: warning: off.jwk: \"off\" is rejected: the point is not on the curve
 18 | keys = \"file:off.jwk\"
    |        ^^^^^^^^^^^^^^
",
    );
}

#[test]
fn an_sm2_identity_is_for_sm2() {
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"es256\", public = \"file:ec.jwk\", sm2_id = \"alice\" }]\n",
        "routes.toml:18:75: error: \"sm2_id\" means nothing to a key of es256
 18 | keys = [{ id = \"a\", algorithm = \"es256\", public = \"file:ec.jwk\", sm2_id = \"alice\" }]
    |                                                                           ^^^^^^^
",
    );
    check(
        "[issuer.x]\nrsa = \"es256\"\nkeys = \"file:ec.jwk\"\n",
        "routes.toml:18:7: error: \"rsa\" cannot be \"es256\"
 18 | rsa = \"es256\"
    |       ^^^^^^^
help: did you mean \"ps256\"?
",
    );
}

#[test]
fn a_name_means_one_issuer() {
    check(
        "[issuer.x]\niss = [\"https://a.example\"]\nkeys = \"file:ec.jwk\"\n[issuer.y]\niss = [\"https://a.example\"]\nkeys = \"file:ec.jwk\"\n",
        "routes.toml:21:8: error: issuer \"https://a.example\" exists already
 21 | iss = [\"https://a.example\"]
    |        ^^^^^^^^^^^^^^^^^^^
routes.toml:18:8: note: the first one
 18 | iss = [\"https://a.example\"]
    |        ^^^^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\niss = [\"y\"]\nkeys = \"file:ec.jwk\"\n[issuer.y]\nkeys = \"file:ec.jwk\"\n",
        "routes.toml:18:8: error: issuer \"y\" exists already
 18 | iss = [\"y\"]
    |        ^^^
routes.toml:20:9: note: the first one
 20 | [issuer.y]
    |         ^
",
    );
    check(
        "[issuer.x]\niss = [\"\"]\nkeys = \"file:ec.jwk\"\n",
        "routes.toml:18:8: error: no code calls its issuer \"\"
 18 | iss = [\"\"]
    |        ^^
",
    );
}

#[test]
fn a_list_of_what_was_taken_back_must_be_one() {
    check(
        "[issuer.x]\nkeys = \"file:ec.jwk\"\nrevoked = [\"file:gone.txt\"]\n",
        "routes.toml:19:12: error: gone.txt: cannot be read: No such file or directory (os error 2)
 19 | revoked = [\"file:gone.txt\"]
    |            ^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = \"file:ec.jwk\"\nrevoked = [\"file:page.html\"]\n",
        "routes.toml:19:12: error: page.html: line 1: expected \"key ID\" or \"code ID [TIME]\"
 19 | revoked = [\"file:page.html\"]
    |            ^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = \"file:ec.jwk\"\nrevoked = [{ url = \"https://a.example/crl.json\" }]\n",
        "routes.toml:19:12: error: a server needs \"ca\": nobody is trusted by default
 19 | revoked = [{ url = \"https://a.example/crl.json\" }]
    |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
help: write ca = \"certs/ca.pem\" beside the address
",
    );
    check(
        "[issuer.x]\nkeys = \"file:ec.jwk\"\nrevoked = \"file:list.txt\"\n",
        "routes.toml:19:11: error: \"revoked\" must be an array, not a string
 19 | revoked = \"file:list.txt\"
    |           ^^^^^^^^^^^^^^^
help: write [\"file:list.txt\"]
",
    );
    check(
        "[issuer.x]\nkeys = \"file:ec.jwk\"\nrevoked = [7]\n",
        "routes.toml:19:12: error: \"revoked\" must be \"file:PATH\" or a table with \"url\", not an integer
 19 | revoked = [7]
    |            ^
",
    );
    check(
        "[issuer.x]\nkeys = \"file:ec.jwk\"\nrevoked = [\"list.txt\"]\n",
        "routes.toml:19:12: error: \"revoked\" must be \"file:PATH\"
 19 | revoked = [***]
    |            ^^^
",
    );
    check(
        "[issuer.x]\nkeys = \"file:ec.jwk\"\nrevoked = [{ well_known = true, ca = \"ca.pem\" }]\n",
        "routes.toml:19:12: error: \"revoked\" needs \"url\"
 19 | revoked = [{ well_known = true, ca = \"ca.pem\" }]
    |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
routes.toml:19:14: error: \"revoked\" has no key \"well_known\"
 19 | revoked = [{ well_known = true, ca = \"ca.pem\" }]
    |              ^^^^^^^^^^
help: known: ca, private_addresses, url
",
    );
}

#[test]
fn keys_and_issuers_no_code_can_mean_are_found() {
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"hmac-sha512\", secret = \"env:A\" }]\n",
        "routes.toml:18:9: warning: no family takes signatures by hmac-sha512
 18 | keys = [{ id = \"a\", algorithm = \"hmac-sha512\", secret = \"env:A\" }]
    |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
help: add the algorithm to [signature] of the family whose codes it signs
routes.toml:18:57: warning: env:A is not set
 18 | keys = [{ id = \"a\", algorithm = \"hmac-sha512\", secret = \"env:A\" }]
    |                                                         ^^^^^^^
help: what needs it answers key-unavailable, contract-unfilled, store-unavailable or audit-unavailable until it is
",
    );
}

#[test]
fn an_unset_secret_is_worth_a_warning() {
    check(
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"hmac-sm3\", secret = \"env:UNSET\" }]\n",
        "routes.toml:18:54: warning: env:UNSET is not set
 18 | keys = [{ id = \"a\", algorithm = \"hmac-sm3\", secret = \"env:UNSET\" }]
    |                                                      ^^^^^^^^^^^
help: what needs it answers key-unavailable, contract-unfilled, store-unavailable or audit-unavailable until it is
",
    );
}
