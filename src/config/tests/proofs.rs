//! The registry's proofs: what is read, what is refused, and what is never shown.

use super::mistakes::{LEAST, WALLET};
use super::*;
use crate::identity::Proofs;

const ONE: &str = "1111111111111111111111111111111111111111111111111111111111111111";

/// Gives every reference a key of its own, of as many bytes as it says.
struct ByName;

impl Secrets for ByName {
    fn resolve(&self, reference: &SecretRef) -> Result<Option<Secret>, SecretError> {
        let name = reference.to_string();
        let (_, bytes) = name.rsplit_once('_').unwrap();
        let byte = if name.contains("ONE") { "01" } else { "02" };
        let key = format!("hex:{}", byte.repeat(bytes.parse().unwrap()));
        Ok(Some(Secret::new(key.into_bytes())))
    }
}

fn load_with_terminals(routes: &str, terminals: &str) -> (Loaded, String) {
    let files = [
        ("routes.toml", routes),
        ("plugins/wallet.toml", WALLET),
        ("terminals.toml", terminals),
    ];
    let folder = folder(&files);
    let loaded = load(&folder.path().join("routes.toml"), &ByName);
    let text = loaded.diagnostics.render(Style::Plain);
    let text = text.replace(&format!("{}/", folder.path().display()), "");
    (loaded, text)
}

#[track_caller]
fn check(terminals: &str, expected: &str) {
    let (_, shown) = load_with_terminals(LEAST, terminals);
    assert_eq!(shown, expected);
}

#[test]
fn a_proof_is_one_or_several_in_any_spelling() {
    let colons = ONE
        .as_bytes()
        .chunks(2)
        .map(|pair| str::from_utf8(pair).unwrap());
    let colons = colons.collect::<Vec<_>>().join(":").replace('1', "a");
    let upper = ONE.replace('1', "B");
    let terminals = format!(
        "[terminal.A]\ncertificate = [\"sha256:{ONE}\", \"sha256:{colons}\", \"sha256:{upper}\"]\n\
         san = \"W-1.Terminals.example\"\napi_key = \"sha256:{ONE}\"\n\
         signature_key = \"env:ONE_32\"\nrevoked = true\n\
         [terminal.B]\nsan = [\"urn:x:Y\", \"b.example\"]\n"
    );
    let (loaded, shown) = load_with_terminals(LEAST, &terminals);
    assert_eq!(shown, "");
    let config = loaded.config.unwrap();
    let of = |name: &str| {
        let mut terminals = config.gateway.terminals.iter();
        terminals.find(|it| it.0 == name).unwrap().1.proofs.clone()
    };
    let (a, b) = (of("A"), of("B"));
    assert_eq!(a.certificates, [[0x11; 32], [0xAA; 32], [0xBB; 32]]);
    let names = |it: &Proofs| it.names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&a), ["w-1.terminals.example"]);
    assert_eq!(names(&b), ["urn:x:Y", "b.example"]);
    assert_eq!(a.api_keys, [[0x11; 32]]);
    assert!(a.revoked && a.signature_key.is_some() && b.signature_key.is_none());
}

#[test]
fn what_is_no_proof_is_told_by_its_place() {
    check(
        "[terminal.A]\ncertificate = \"sha1:00\"\n",
        "terminals.toml:2:15: error: \"certificate\" must be \"sha256:\" and 64 hexadecimal digits
 2 | certificate = \"sha1:00\"
   |               ^^^^^^^^^
",
    );
    let short = format!("sha256:{}", ONE.strip_prefix('1').unwrap());
    let long = format!("sha256:{ONE}1");
    let odd = format!("sha256:+{}", ONE.strip_prefix('1').unwrap());
    let pairs = format!("sha256:11:{}", ONE.strip_prefix("11").unwrap());
    for wrong in [&short, &long, &odd, &pairs, ONE] {
        let (loaded, shown) =
            load_with_terminals(LEAST, &format!("[terminal.A]\ncertificate = \"{wrong}\"\n"));
        assert!(loaded.config.is_none(), "{wrong}");
        assert!(shown.contains("64 hexadecimal digits"), "{shown}");
    }
    for wrong in ["*.example", "", "a b", "a..b", "\u{4e2d}.example"] {
        let (loaded, shown) =
            load_with_terminals(LEAST, &format!("[terminal.A]\nsan = \"{wrong}\"\n"));
        assert!(loaded.config.is_none(), "{wrong}");
        assert!(shown.contains("must be a DNS name"), "{shown}");
    }
    let short = "[terminal.A]\nsignature_key = \"env:ONE_31\"\n";
    let (loaded, shown) = load_with_terminals(LEAST, short);
    assert!(loaded.config.is_none());
    assert!(shown.contains("31 bytes, expected 32 or more"), "{shown}");
}

#[test]
fn a_key_that_is_written_down_is_shown_to_nobody() {
    const PLAIN: &str = "PLAINKEYPLAINKEYPLAINKEYPLAINKEY";
    for key in ["api_key", "signature_key", "api_kye"] {
        let (loaded, shown) =
            load_with_terminals(LEAST, &format!("[terminal.A]\n{key} = \"{PLAIN}\"\n"));
        assert!(loaded.config.is_none() && !shown.is_empty());
        let files = loaded.written.files.iter();
        let whole: String = files.map(|file| file.text.to_string()).collect();
        for told in [&shown, &whole, &format!("{:?}", loaded.written.settings)] {
            assert!(!told.contains(PLAIN), "{key}: {told}");
        }
    }
    let (loaded, _) = load_with_terminals(
        LEAST,
        &format!("[terminal.A]\napi_key = \"sha256:{ONE}\"\n"),
    );
    let told = format!("{:?}", loaded.written);
    assert!(!told.contains(ONE), "not even the digest: {told}");
}

#[test]
fn a_proof_is_one_terminals() {
    let both = |line: &str| format!("[terminal.A]\n{line}\n[terminal.B]\n{line}\n");
    check(
        &both("san = \"a.example\""),
        "terminals.toml:4:7: error: the name is terminal \"A\"'s already
 4 | san = \"a.example\"
   |       ^^^^^^^^^^^
terminals.toml:2:7: note: the first one
 2 | san = \"a.example\"
   |       ^^^^^^^^^^^
help: a proof is one terminal's; give each its own
",
    );
    let lines = [
        format!("certificate = \"sha256:{ONE}\""),
        format!("api_key = \"sha256:{ONE}\""),
        "signature_key = \"env:ONE_32\"".to_owned(),
    ];
    for line in lines {
        let (loaded, shown) = load_with_terminals(LEAST, &both(&line));
        assert!(
            loaded.config.is_none() && shown.contains("terminal \"A\"'s already"),
            "{shown}"
        );
    }
    // The same key by two names; and two keys.
    let two = |one: &str, other: &str| {
        format!(
            "[terminal.A]\nsignature_key = \"env:{one}\"\n[terminal.B]\nsignature_key = \"env:{other}\"\n"
        )
    };
    let (same, _) = load_with_terminals(LEAST, &two("ONE_32", "ONE_AGAIN_32"));
    assert!(same.config.is_none());
    check(&two("ONE_32", "TWO_32"), "");
    let twice = format!("[terminal.A]\napi_key = [\"sha256:{ONE}\", \"sha256:{ONE}\"]\n");
    let (_, shown) = load_with_terminals(LEAST, &twice);
    assert!(shown.contains("stands here twice"), "{shown}");
}

#[test]
fn a_listener_that_lets_nobody_in_is_told_of() {
    let routes = LEAST.replace("anonymous = true\n", "");
    let expected = "routes.toml:2:11: warning: listener \"scan\" asks terminals to prove who they are, and none of the registry can
 2 | [listener.scan]
   |           ^^^^
help: give terminals a certificate, san, api_key or signature_key in terminals.toml, or write anonymous = true if whoever reaches the listener may scan
";
    for nobody in [
        "",
        "[terminal.A]\n",
        "[terminal.A]\nsan = \"a.example\"\nrevoked = true\n",
    ] {
        let (loaded, shown) = load_with_terminals(&routes, nobody);
        assert_eq!(shown, expected);
        assert!(loaded.config.is_some());
    }
    let (_, shown) = load_with_terminals(&routes, "[terminal.A]\nsan = \"a.example\"\n");
    assert_eq!(shown, "");
}

/// What is found of a registry of one terminal at listeners of these lines.
fn found_at(listener: &str, proof: &str) -> Vec<&'static str> {
    let routes = LEAST.replace("anonymous = true\n", listener);
    let terminals = format!("[terminal.A]\n{proof}\n");
    let (loaded, shown) = load_with_terminals(&routes, &terminals);
    assert!(loaded.config.is_some(), "{shown}");
    loaded.diagnostics.iter().map(|found| found.code).collect()
}

#[test]
fn a_key_in_plain_text_is_safe_on_this_machine_alone() {
    let key = format!("api_key = \"sha256:{ONE}\"");
    let elsewhere = "[listener.ward]\naddress = \"0.0.0.0:0\"\nterminals = \"any\"\n";
    assert!(found_at("", &key).is_empty());
    assert_eq!(found_at(elsewhere, &key), ["key-in-the-open"]);
    assert!(found_at(elsewhere, "san = \"a.example\"").is_empty());
    let secured = format!("{elsewhere}tls = {{ cert = \"a.pem\", key = \"a.key\" }}\n");
    assert!(found_at(&secured, &key).is_empty());
}

#[test]
fn names_are_given_out_by_one_authority() {
    let tls = |ca: &str| {
        format!("tls = {{ cert = \"a.pem\", key = \"a.key\", clients = {{ ca = \"{ca}\" }} }}\n")
    };
    let two = |one: &str, other: &str| {
        let ward = "[listener.ward]\naddress = \"127.0.0.1:0\"\nterminals = \"any\"\n";
        format!("{}{ward}{}", tls(one), tls(other))
    };
    let named = "san = \"a.example\"";
    assert!(found_at(&two("ca.pem", "ca.pem"), named).is_empty());
    assert_eq!(
        found_at(&two("ca.pem", "other.pem"), named),
        ["several-authorities"]
    );
    let digest = format!("certificate = \"sha256:{ONE}\"");
    assert!(found_at(&two("ca.pem", "other.pem"), &digest).is_empty());
}
