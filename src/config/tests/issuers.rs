//! What is said about issuers, their keys and their lists.

use std::os::unix::fs::PermissionsExt as _;

use super::mistakes::{LEAST, WALLET};
use super::*;
use crate::family::Algorithm;
use crate::fetch::{Origin, WhenStale};
use crate::time::Timestamp;
use crate::trust::{Supply, material};

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
fn files() -> Vec<(&'static str, String)> {
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

fn authority() -> String {
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
fn check(added: &str, expected: &str) {
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
fn a_server_is_asked_over_tls_and_trusted_by_name() {
    check(
        "[issuer.x]\nkeys = { url = \"http://keys.example/jwks.json\", ca = \"ca.pem\" }\n",
        "routes.toml:18:16: error: \"url\" must begin with https: over http anybody could answer
 18 | keys = { url = \"http://keys.example/jwks.json\", ca = \"ca.pem\" }
    |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = { url = \"https://keys.example/jwks.json\" }\n",
        "routes.toml:18:8: error: a server needs \"ca\": nobody is trusted by default
 18 | keys = { url = \"https://keys.example/jwks.json\" }
    |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
help: write ca = \"certs/ca.pem\" beside the address
",
    );
    check(
        "[issuer.x]\nkeys = { url = \"https://keys.example/jwks.json\", ca = \"gone.pem\" }\n",
        "routes.toml:18:55: error: cannot read gone.pem: No such file or directory (os error 2)
 18 | keys = { url = \"https://keys.example/jwks.json\", ca = \"gone.pem\" }
    |                                                       ^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = { url = \"https://keys.example/jwks.json\", ca = \"page.html\" }\n",
        "routes.toml:18:55: error: page.html: found no PEM text, expected a certificate
 18 | keys = { url = \"https://keys.example/jwks.json\", ca = \"page.html\" }
    |                                                       ^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = { url = \"https://me:you@keys.example/\", ca = \"ca.pem\" }\n",
        "routes.toml:18:16: error: \"url\" must hold no user, password or fragment
 18 | keys = { url = ***, ca = \"ca.pem\" }
    |                ^^^
",
    );
    check(
        "[issuer.x]\nkeys = { url = \"https://keys.example:0/\", ca = \"ca.pem\" }\n",
        "routes.toml:18:16: error: \"url\" must name a port between 1 and 65535
 18 | keys = { url = \"https://keys.example:0/\", ca = \"ca.pem\" }
    |                ^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = { url = \"keys.example\", ca = \"ca.pem\" }\n",
        "routes.toml:18:16: error: \"url\" must be an address such as \"https://keys.example.gov.cn/jwks.json\"
 18 | keys = { url = \"keys.example\", ca = \"ca.pem\" }
    |                ^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = { ca = \"ca.pem\", urll = \"https://keys.example/\" }\n",
        "routes.toml:18:8: error: \"keys\" needs \"url\"
 18 | keys = { ca = \"ca.pem\", urll = \"https://keys.example/\" }
    |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
routes.toml:18:25: error: \"keys\" has no key \"urll\"
 18 | keys = { ca = \"ca.pem\", urll = \"https://keys.example/\" }
    |                         ^^^^
help: did you mean \"url\"?
",
    );
}

#[test]
fn the_well_known_place_is_below_the_first_iss() {
    check(
        "[issuer.x]\nkeys = { well_known = true, ca = \"ca.pem\" }\n",
        "routes.toml:18:8: error: \"well_known\" is a place below the first \"iss\", and there is none
 18 | keys = { well_known = true, ca = \"ca.pem\" }
    |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\niss = [\"https://a.example/\"]\nkeys = { well_known = true, ca = \"ca.pem\" }\n",
        "routes.toml:18:8: error: \"iss\" must end without a slash, for \"well_known\" is below it
 18 | iss = [\"https://a.example/\"]
    |        ^^^^^^^^^^^^^^^^^^^^
",
    );
    check(
        "[issuer.x]\niss = [\"a\"]\nkeys = { well_known = true, ca = \"ca.pem\" }\n",
        "routes.toml:18:8: error: \"iss\" must be an address such as \"https://keys.example.gov.cn/jwks.json\"
 18 | iss = [\"a\"]
    |        ^^^
",
    );
    check(
        "[issuer.x]\niss = [\"https://a.example\"]\nkeys = { well_known = true, url = \"https://b.example/\", ca = \"ca.pem\" }\n",
        "routes.toml:19:23: error: \"url\" and \"well_known\" exclude each other
 19 | keys = { well_known = true, url = \"https://b.example/\", ca = \"ca.pem\" }
    |                       ^^^^
",
    );
}

#[test]
fn keys_are_renewed_before_they_are_too_old() {
    check(
        "[issuer.x]\nkeys = { url = \"https://keys.example/\", ca = \"ca.pem\", refresh = \"2h\", max_stale = \"1h\" }\n",
        "routes.toml:18:84: error: \"max_stale\" is shorter than \"refresh\": keys would be too old before they are renewed
 18 | keys = { url = \"https://keys.example/\", ca = \"ca.pem\", refresh = \"2h\", max_stale = \"1h\" }
    |                                                                                    ^^^^
",
    );
    check(
        "[issuer.x]\nkeys = { url = \"https://keys.example/\", ca = \"ca.pem\", refresh = \"4d\" }\n",
        "routes.toml:18:66: error: \"max_stale\" is shorter than \"refresh\": keys would be too old before they are renewed
 18 | keys = { url = \"https://keys.example/\", ca = \"ca.pem\", refresh = \"4d\" }
    |                                                                  ^^^^
",
    );
    check(
        "[issuer.x]\nkeys = { url = \"https://keys.example/\", ca = \"ca.pem\", refresh = \"10ms\" }\n",
        "routes.toml:18:66: error: \"refresh\" is shorter than a second: no server wants to be asked so often
 18 | keys = { url = \"https://keys.example/\", ca = \"ca.pem\", refresh = \"10ms\" }
    |                                                                  ^^^^^^
",
    );
    check(
        "[issuer.x]\nkeys = { url = \"https://keys.example/\", ca = \"ca.pem\", when_stale = \"acept\" }\n",
        "routes.toml:18:69: error: \"when_stale\" cannot be \"acept\"
 18 | keys = { url = \"https://keys.example/\", ca = \"ca.pem\", when_stale = \"acept\" }
    |                                                                     ^^^^^^^
help: did you mean \"accept\"?
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
help: what needs it answers key-unavailable or contract-unfilled until it is
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
help: what needs it answers key-unavailable or contract-unfilled until it is
",
    );
}

#[test]
fn the_folder_of_fetched_keys_is_one_key() {
    check(
        "[keys]\nsnapshots = \"state\"\n",
        "routes.toml:17:1: error: \"keys\" needs \"snapshot\"
 17 | [keys]
    | ^^^^^^
routes.toml:18:1: error: \"keys\" has no key \"snapshots\"
 18 | snapshots = \"state\"
    | ^^^^^^^^^
help: did you mean \"snapshot\"?
",
    );
}

/// A folder of its own, with the files a test may refer to.
fn loaded(added: &str, mode: u32) -> (tempfile::TempDir, Loaded) {
    let routes = format!("{LEAST}{added}");
    let secret = r#"{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr8"}"#;
    let mut all = files();
    all.extend([("secret.jwk", secret.to_owned()), ("routes.toml", routes)]);
    let all: Vec<_> = all.iter().map(|(name, text)| (*name, &**text)).collect();
    let folder = folder(&all);
    let secret = folder.path().join("secret.jwk");
    std::fs::set_permissions(secret, std::fs::Permissions::from_mode(mode)).unwrap();
    let loaded = load(&folder.path().join("routes.toml"), &NoSecrets);
    (folder, loaded)
}

#[test]
fn a_file_with_secrets_is_its_owners_alone() {
    let added = "[issuer.x]\nkeys = \"file:secret.jwk\"\n";
    let (_folder, open) = loaded(added, 0o640);
    let message = "secret.jwk: holds secrets and can be read by others (mode 0640)";
    assert!(open.diagnostics.iter().any(|it| it.message == message));
    let (_folder, closed) = loaded(added, 0o600);
    let keys = closed.config.unwrap().keys;
    assert_eq!(keys.issuer("x").unwrap().keys.iter().count(), 1);
}

#[test]
fn what_is_kept_elsewhere_is_kept_fresh() {
    let (folder, loaded) = loaded(
        r#"
[keys]
snapshot = "state/keys"
[issuer.file]
iss = ["https://a.example", "a"]
keys = "file:ec.jwk"
sm2_id = "alice"
revoked = ["file:list.txt", { url = "https://a.example:8443/crl.json?all=1", ca = "ca.pem" }]
[issuer.here]
keys = [{ id = "1", algorithm = "es256", public = "file:ec.jwk", not_after = 2030-01-01T00:00:00Z }]
[issuer.card]
iss = ["https://card.example/issuer"]
keys = { well_known = true, ca = "ca.pem" }
[issuer.server]
keys = { url = "https://[::1]/jwks", ca = "ca.pem", refresh = "5m", max_stale = "1d", when_stale = "accept", private_addresses = true }
rsa = "rs256"
"#,
        0o600,
    );
    let config = loaded.config.unwrap();
    assert_eq!(config.snapshot, Some(folder.path().join("state/keys")));
    let told: Vec<_> = config
        .feeds
        .iter()
        .map(|feed| {
            let from = |origin: &Origin| match origin {
                Origin::File(path) => path
                    .strip_prefix(folder.path())
                    .unwrap()
                    .display()
                    .to_string(),
                Origin::Remote(remote) => format!("{remote:?}"),
            };
            let keys = feed.keys.as_ref().map(from);
            (
                &*feed.issuer,
                keys.unwrap(),
                feed.revoked.iter().map(from).collect::<Vec<_>>().join(" "),
            )
        })
        .collect();
    let card = "https://card.example:443/issuer/.well-known/jwks.json";
    let list = "list.txt https://a.example:8443/crl.json?all=1";
    assert_eq!(
        told,
        [
            ("file", "ec.jwk".to_owned(), list.to_owned()),
            ("card", card.to_owned(), String::new()),
            ("server", "https://::1:443/jwks".to_owned(), String::new()),
        ]
    );
    let [file, _, server] = &config.feeds[..] else {
        panic!()
    };
    assert_eq!(
        (&*file.reading.sm2_id, file.refresh.as_secs()),
        ("alice", 3_600)
    );
    assert_eq!(
        (server.refresh.as_secs(), server.max_stale.as_secs()),
        (300, 86_400)
    );
    assert_eq!(
        (server.reading.rsa, server.when_stale),
        (Algorithm::Rs256, WhenStale::Accept)
    );
    assert_eq!(server.reading.from, material::Origin::Network);
    let keys = config.keys;
    assert_eq!(keys.issuer("server").unwrap().keys.supply, Supply::Awaited);
    assert_eq!(&*keys.issuer("https://a.example").unwrap().id, "file");
    assert_eq!(keys.issuer("a").unwrap().revoked.len(), (1, 0));
    let here = keys.issuer("here").unwrap().keys.iter().next().unwrap();
    assert_eq!((here.label(), here.window.not_before), ("1", None));
    assert_eq!(
        here.window.not_after,
        Timestamp::parse("2030-01-01T00:00:00Z")
    );
}
