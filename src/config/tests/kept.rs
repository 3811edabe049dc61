//! Keys and lists that are kept elsewhere, and what is said about the places.

use std::os::unix::fs::PermissionsExt as _;

use super::issuers::{authority, check, files};
use super::mistakes::LEAST;
use super::*;
use crate::family::Algorithm;
use crate::fetch::{WhenStale, WhenUnlisted};
use crate::sandbox::signer::SigningKey;
use crate::time::Timestamp;
use crate::trust::{Supply, material};

#[test]
fn a_server_is_trusted_by_an_authority_of_its_own() {
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
}

#[test]
fn a_server_has_an_address_and_speaks_tls() {
    check(
        "[issuer.x]\nkeys = { url = \"http://keys.example/jwks.json\", ca = \"ca.pem\" }\n",
        "routes.toml:18:16: error: \"url\" must begin with https: over http anybody could answer
 18 | keys = { url = \"http://keys.example/jwks.json\", ca = \"ca.pem\" }
    |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
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
        "routes.toml:18:8: error: \"iss\" must end without a slash or query, for \"well_known\" is below it
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

/// One issuer of each form.
const FORMS: &str = r#"
[keys]
snapshot = "state/keys"
[issuer.file]
iss = ["https://a.example", "a"]
keys = "file:ec.jwk"
sm2_id = "alice"
when_unlisted = "reject"
revoked = ["file:list.txt", { url = "https://a.example:8443/crl.json?all=1", ca = "ca.pem" }]
[issuer.here]
keys = [{ id = "1", algorithm = "es256", public = "file:ec.jwk", not_after = 2030-01-01T00:00:00Z }]
[issuer.card]
iss = ["https://card.example/issuer"]
keys = { well_known = true, ca = "ca.pem" }
[issuer.server]
keys = { url = "https://keys.example", ca = "ca.pem", refresh = "5m", max_stale = "1d", when_stale = "accept", private_addresses = true }
rsa = "rs256"
"#;

#[test]
fn what_is_kept_elsewhere_is_kept_fresh() {
    let (folder, loaded) = loaded(FORMS, 0o600);
    let config = loaded.config.unwrap();
    assert_eq!(config.snapshot, Some(folder.path().join("state/keys")));
    let within = format!("{}/", folder.path().display());
    let told = config.feeds.iter().map(|feed| {
        let origins = feed.keys.iter().chain(&feed.revoked);
        let origins: Vec<_> = origins.map(|it| it.told().replace(&within, "")).collect();
        format!("{}: {}", feed.issuer, origins.join(" "))
    });
    let expected = [
        "file: ec.jwk list.txt https://a.example:8443/crl.json?all=1",
        "card: https://card.example:443/issuer/.well-known/jwks.json",
        "server: https://keys.example:443/",
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let [file, _, server] = &config.feeds[..] else {
        panic!("three are kept elsewhere")
    };
    assert_eq!(&*file.reading.sm2_id, "alice");
    assert_eq!(file.refresh.as_secs(), 3_600);
    assert_eq!(file.when_unlisted, WhenUnlisted::Reject);
    assert_eq!(server.when_unlisted, WhenUnlisted::Accept);
    assert_eq!(server.refresh.as_secs(), 300);
    assert_eq!(server.max_stale.as_secs(), 86_400);
    assert_eq!(server.when_stale, WhenStale::Accept);
    assert_eq!(server.reading.rsa, Algorithm::Rs256);
    assert_eq!(server.reading.from, material::Origin::Network);
}

#[test]
fn what_is_on_this_machine_is_known_at_once() {
    let (_folder, loaded) = loaded(FORMS, 0o600);
    let keys = loaded.config.unwrap().keys;
    let issuer = |name| keys.issuer(name).unwrap();
    assert_eq!(issuer("server").keys.supply, Supply::Awaited);
    assert_eq!(&*issuer("https://a.example").id, "file");
    assert_eq!(issuer("a").revoked.len(), (1, 0));
    let here = issuer("here").keys.iter().next().unwrap();
    let end = Timestamp::parse("2030-01-01T00:00:00Z");
    assert_eq!((here.label(), here.window.not_after), ("1", end));
}

#[test]
fn the_forms_shown_in_the_shipped_file_are_right() {
    let text = include_str!("../../../routes.toml");
    let (_, shown) = text.split_once("# The other forms of keys").unwrap();
    let (shown, _) = shown.split_once("# --- Scenes").unwrap();
    let shown = shown
        .lines()
        .skip(1)
        .map(|line| line.trim_start_matches('#'));
    let routes = format!("{LEAST}{}", shown.collect::<Vec<_>>().join("\n"));
    let key = |algorithm| {
        let key = SigningKey::generate(algorithm).unwrap();
        key.jwk("1").to_string()
    };
    let files = [
        ("routes.toml", routes),
        ("certs/hospital.pem", key(Algorithm::Es256)),
        ("certs/hospital-sm2.pem", key(Algorithm::Sm2)),
        ("certs/campus.jwks", key(Algorithm::EdDsa)),
        ("certs/campus-revoked.txt", "key 0\n".to_owned()),
        ("certs/province-ca.pem", authority()),
        ("certs/public-ca.pem", authority()),
    ];
    let folder = folder(&files.each_ref().map(|(name, text)| (*name, &**text)));
    let loaded = load(&folder.path().join("routes.toml"), &NoSecrets);
    let shown = loaded.diagnostics.render(Style::Plain);
    let config = loaded.config.unwrap_or_else(|| panic!("{shown}"));
    assert_eq!(config.keys.issuers().count(), 4, "{shown}");
    assert_eq!((config.feeds.len(), config.snapshot.is_some()), (3, true));
}
