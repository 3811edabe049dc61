//! Secrets in files that are no TOML, where nothing says what is a value.

use super::{findings, folder};
use crate::config::{NoSecrets, load};

const SECRET: &str = "hunter22hunter22hunter22";

/// Every key of the configuration whose value is a secret, below the header it stands under.
const KEYS: [(&str, &str); 11] = [
    ("[admin]", "viewer"),
    ("[admin]", "operator"),
    ("[issuer.campus]", "secret"),
    ("[state]", "password"),
    ("[state]", "key"),
    ("[telemetry]", "pseudonym_key"),
    ("[audit]", "key"),
    ("[[audit.ship]]", "token"),
    ("[contract.pay.secrets]", "anything"),
    ("[contract.pay]", "secrets"),
    ("[terminal.gate]", "signature_key"),
];

/// What a slip of the keyboard makes of `KEY = "SECRET"`.
const SLIPS: [&str; 12] = [
    "KEY \"SECRET\"",
    "KEY 'SECRET",
    "KEY: \"SECRET\"",
    "KEY = \"SECRET",
    "KEY = SECRET SECRET",
    "KEY =\n\"SECRET\"",
    "KEY\n\"SECRET\"",
    "KEY = [\n\"SECRET\n",
    "KEY = [\n  [\"a\"],\n[ \"SECRET ]\n",
    "KEY = { a = \"env:A\",,\n b = \"SECRET }",
    "KEY = \"\"\"\nSECRET \\q\n\"\"\"",
    "\"KEY\" \"SECRET\"",
];

#[test]
fn no_secret_of_a_broken_file_is_shown() {
    for (header, key) in KEYS {
        for slip in SLIPS {
            let slip = slip.replace("KEY", key).replace("SECRET", SECRET);
            for text in [
                format!("{header}\n{slip}\nnext = 1\n"),
                format!("{header}\na = 1\n\n{slip}"),
                format!("{header} {slip}\n"),
            ] {
                let files = [("routes.toml", &*text), ("routes.d/a.toml", &*text)];
                let shown = findings(&files);
                assert!(shown.contains("error"), "{text}\n{shown}");
                assert!(!shown.contains("hunter"), "{text}\n{shown}");
                let folder = folder(&files);
                let loaded = load(&folder.path().join("routes.toml"), &NoSecrets);
                let told = loaded.diagnostics.to_json().to_string();
                assert!(!told.contains("hunter"), "{text}\n{told}");
            }
        }
    }
}

#[test]
fn a_broken_line_without_a_secret_is_shown() {
    let shown = findings(&[(
        "routes.toml",
        "[state]\nkey = \"env:K\"\n\n[listen]\naddress \"a\"\n",
    )]);
    assert!(shown.contains("address \"a\""), "{shown}");
}
