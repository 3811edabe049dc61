//! Secrets of every kind: a value is refused wherever one may stand, a file others can read as well, and
//! nothing of what was read is shown.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::mistakes::{LEAST, WALLET};
use super::*;

/// 32 bytes in base64, as a key would be written out by mistake.
const KEY: &str = "UExBTlRFRCBQTEFOVEVEIFBMQU5URUQgUExBTlRFRCA=";

/// Everything that is a secret, with a gap where its reference stands.
const PLACES: [(&str, &str); 9] = [
    (
        "an issuer's key",
        "[issuer.x]\nkeys = [{ id = \"a\", algorithm = \"hmac-sha256\", secret = GAP }]\n",
    ),
    ("the seals' key", "[state]\nfile = \"ledger\"\nkey = GAP\n"),
    (
        "the store's password",
        "[state]\nredis = [\"redis://10.0.0.5:6379/0\"]\nkey = \"env:STATE\"\npassword = GAP\n",
    ),
    (
        "the trail's key",
        "[audit]\nfolder = \"state/audit\"\nkey = GAP\n",
    ),
    (
        "a collector's token",
        "[audit]\nfolder = \"state/audit\"\n[audit.ship.siem]\nurl = \"http://127.0.0.1:1/\"\ntoken = GAP\n",
    ),
    ("the pseudonyms' key", "[telemetry]\npseudonym_key = GAP\n"),
    (
        "who may look",
        "[admin]\naddress = \"127.0.0.1:0\"\nviewer = GAP\noperator = \"env:OPERATOR\"\n",
    ),
    (
        "who may act",
        "[admin]\naddress = \"127.0.0.1:0\"\nviewer = \"env:VIEWER\"\noperator = GAP\n",
    ),
    (
        "what a backend is told",
        "[contract.c]\naccount = \"payment\"\npath = \"/p\"\nsecrets = { sign = GAP }\njson = { a = \"${account}\" }\n",
    ),
];

fn routes(place: &str, reference: &str) -> String {
    format!(
        "{LEAST}{}",
        place.replace("GAP", &format!("\"{reference}\""))
    )
}

#[test]
fn a_value_is_refused_in_every_place_and_not_repeated() {
    for (what, place) in PLACES {
        for value in [
            KEY,
            "hunter22-PLANTED",
            "hex:00ff",
            "ENV:X",
            "env:",
            "file:",
        ] {
            let routes = routes(place, value);
            let shown = findings(&[("routes.toml", &routes), ("plugins/wallet.toml", WALLET)]);
            let said = "error: a secret must be a reference, never its value";
            assert!(shown.contains(said), "{what}, {value}: {shown}");
            assert!(
                !shown.contains(KEY) && !shown.contains("PLANTED"),
                "{what}: {shown}"
            );
        }
    }
}

#[test]
fn a_file_others_can_read_is_refused_in_every_place() {
    for (what, place) in PLACES {
        let routes = routes(place, "file:secret");
        let files = [
            ("routes.toml", &*routes),
            ("plugins/wallet.toml", WALLET),
            ("secret", KEY),
        ];
        let folder = folder(&files);
        let main = folder.path().join("routes.toml");
        let said = |mode: u32| {
            let path = folder.path().join("secret");
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            let loaded = load(&main, &ProcessSecrets::beside(&main));
            assert!(!format!("{:?}", loaded.config).contains(KEY), "{what}");
            loaded.diagnostics.render(Style::Plain)
        };
        for mode in [0o640, 0o604, 0o620, 0o610] {
            let shown = said(mode);
            let error = format!("error: file:secret can be read by others (mode {mode:04o})");
            assert!(shown.contains(&error), "{what}: {shown}");
            assert!(shown.contains("chmod 600 the file"), "{what}: {shown}");
            assert!(!shown.contains(KEY), "{what}: {shown}");
        }
        let shown = said(0o600);
        assert!(!shown.contains("file:secret"), "{what}: {shown}");
    }
}

#[test]
fn a_link_is_judged_by_what_it_leads_to() {
    let folder = folder(&[("elsewhere/secret", KEY)]);
    std::os::unix::fs::symlink("elsewhere/secret", folder.path().join("link")).unwrap();
    let secrets = ProcessSecrets::beside(&folder.path().join("routes.toml"));
    let link = SecretRef::parse("file:link").unwrap();
    let to = folder.path().join("elsewhere/secret");
    fs::set_permissions(&to, Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(
        secrets.resolve(&link),
        Err(SecretError::Open { mode: 0o644 })
    ));
    fs::set_permissions(&to, Permissions::from_mode(0o400)).unwrap();
    assert_eq!(
        secrets.resolve(&link).unwrap().unwrap().expose(),
        KEY.as_bytes()
    );
}
