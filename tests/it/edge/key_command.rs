use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use multicode::family::Algorithm;
use multicode::sandbox::signer::SigningKey;
use multicode::tls::server_config;
use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::files::{KEYS, SECRET};
use super::tls::certify;
use super::{Files, Program};

/// The shipped files with an issuer whose keys are in a set of their own.
fn files() -> Files {
    let files = Files::shipped();
    let sign = |kid: &str| SigningKey::generate(Algorithm::Es256).unwrap().jwk(kid);
    let mut bad = sign("bad");
    bad["y"] = bad["x"].clone();
    files.write("set.jwks", &set([sign("one"), bad]));
    files.write("good.jwks", &set([sign("one")]));
    files.write("page.html", "<html>");
    files.write("list.txt", "key lost\n");
    files.change(
        "routes.toml",
        "# --- Scenes",
        "[issuer.campus]\nkeys = \"file:set.jwks\"\nrevoked = [\"file:list.txt\"]\n[keys]\nsnapshot = \"state\"\n# --- Scenes",
    );
    files
}

fn set(keys: impl IntoIterator<Item = Value>) -> String {
    json!({"keys": keys.into_iter().collect::<Vec<_>>()}).to_string()
}

/// Runs a command beside the files, and says its status and what it wrote.
fn run(files: &Files, command: &str, input: &str) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_multicode"))
        .args(command.split_whitespace())
        .current_dir(files.path(""))
        .env_clear()
        .envs(KEYS.map(|name| (name, SECRET)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let out = child.wait_with_output().unwrap();
    let said = [out.stdout, out.stderr].concat();
    (out.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// Holds what a command says against its status and some words.
#[track_caller]
fn check(files: &Files, command: &str, status: i32, words: &[&str]) {
    let (found, said) = run(files, command, "");
    assert_eq!(found, status, "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} in {said}");
    }
}

/// An issuer of a list of them.
#[track_caller]
fn issuer<'v>(told: &'v Value, id: &str) -> &'v Value {
    let issuers = told["issuers"].as_array().unwrap();
    issuers.iter().find(|it| it["issuer"] == id).unwrap()
}

#[track_caller]
fn assert_campus(told: &Value) {
    let campus = issuer(told, "campus");
    assert_eq!(campus["state"], "files");
    assert!(campus["source"].as_str().unwrap().ends_with("set.jwks"));
    let key = &campus["keys"][0];
    assert_eq!(
        (&key["id"], &key["state"]),
        (&json!("one"), &json!("active"))
    );
    assert_eq!(key["algorithm"], "es256");
    assert_eq!(
        campus["rejected"],
        json!([{"id": "bad", "reason": "the point is not on the curve"}])
    );
}

#[test]
fn the_keys_of_the_files_are_listed() {
    let files = files();
    let campus = "campus  files, from set.jwks\n  one  es256";
    let rejected = "  bad  rejected: the point is not on the curve\n";
    let fujian = "fujian  files, from the configuration\n  2026a  hmac-sha256  active";
    check(&files, "keys list", 0, &[campus, rejected, fujian]);
    let (_, said) = run(&files, "keys list --format json", "");
    assert_campus(&serde_json::from_str(&said).unwrap());
}

#[test]
fn a_running_gateway_tells_its_keys_and_reads_them_again() {
    let files = files();
    let program = Program::serve(&files, "info");
    assert_campus(&program.get("/admin/keys").json());
    let asked = |command: &str| format!("keys {command} --admin http://{}", program.admin);
    check(&files, &asked("list"), 0, &["bad  rejected", "fujian"]);

    let two = SigningKey::generate(Algorithm::EdDsa).unwrap().jwk("two");
    files.write("set.jwks", &set([two]));
    let (status, said) = run(&files, &asked("refresh campus"), "");
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains("two  eddsa") && !said.contains("fujian"),
        "{said}"
    );
    files.write("set.jwks", "<html>");
    check(
        &files,
        &asked("refresh"),
        1,
        &["two  eddsa", "failed: ", "HTML or XML", "fujian"],
    );
    files.write("list.txt", "no list\n");
    check(
        &files,
        &asked("refresh"),
        1,
        &["took back 1 key, 0 codes", "list.txt failed: "],
    );
    check(&files, &asked("refresh nobody"), 1, &["no such issuer"]);
    assert_eq!(program.get("/admin/keys/refresh").status, 405);
}

#[test]
fn a_gateway_that_is_not_there_cannot_be_asked() {
    let files = files();
    check(
        &files,
        "keys list --admin http://127.0.0.1:1",
        3,
        &["cannot connect"],
    );
    for wrong in [
        "127.0.0.1:9090",
        "https://127.0.0.1:9090",
        "http://host",
        "http://h:1/x",
    ] {
        check(
            &files,
            &format!("keys list --admin {wrong}"),
            2,
            &["http://HOST:PORT"],
        );
    }
}

#[test]
fn files_of_keys_are_looked_at_before_they_are_used() {
    let files = files();
    let good = "good.jwks: 1 good, 0 rejected\n  one  es256";
    check(&files, "keys verify good.jwks", 0, &[good]);
    let page = "page.html: 0 good, 1 rejected\n  -  rejected: HTML or XML where";
    let both = ["set.jwks: 1 good, 1 rejected", page];
    check(&files, "keys verify set.jwks page.html", 1, &both);
    check(
        &files,
        "keys verify gone.pem",
        3,
        &["gone.pem: No such file"],
    );
    check(&files, "keys verify https://keys.example/", 2, &["--ca"]);
    check(
        &files,
        "keys verify http://keys.example/ --ca x",
        2,
        &["must begin with https"],
    );
    let (_, said) = run(&files, "keys verify set.jwks --format json", "");
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&told["source"], &told["rejected"][0]["id"]),
        (&json!("set.jwks"), &json!("bad"))
    );

    shared_secret(&files, 0o644);
    check(
        &files,
        "keys verify secret.jwk",
        1,
        &["can be read by others (mode 0644)"],
    );
    shared_secret(&files, 0o600);
    check(
        &files,
        "keys verify secret.jwk",
        0,
        &["2026a  hmac-sha256  active"],
    );
}

/// Another key than the issuer's by the name of the issuer's, in a file of its own.
fn shared_secret(files: &Files, mode: u32) {
    let key = json!({"kty": "oct", "alg": "HS256", "kid": "2026a", "k": "A".repeat(43)});
    files.write("secret.jwk", &key.to_string());
    fs::set_permissions(files.path("secret.jwk"), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_line_may_bring_its_own_keys() {
    let files = files();
    shared_secret(&files, 0o600);
    let (_, code) = run(&files, "mint aggregate", "");
    let code = code.trim();
    let judged = |keys: Option<&str>| {
        let line = json!({"code": code, "scene": "register", "keys": keys}).to_string();
        let (status, said) = run(&files, "explain --batch", &line);
        assert_eq!(status, 0, "{said}");
        serde_json::from_str::<Value>(&said).unwrap()
    };
    let sound = judged(None);
    assert_eq!(
        (sound["reason"].as_str(), sound.get("detail")),
        (None, None)
    );
    let other = judged(Some("secret.jwk"));
    assert_eq!(
        (&other["reason"], &other["issuer"]),
        (&json!("bad-signature"), &json!("fujian"))
    );
    assert_eq!(judged(Some("good.jwks"))["reason"], "unknown-key");
    for (path, why) in [
        ("gone.jwks", "cannot be read: No such file"),
        ("page.html", "HTML or XML"),
    ] {
        let refused = judged(Some(path));
        assert_eq!(refused["reason"], "key-unavailable");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.starts_with(&format!("{path}: {why}")), "{detail}");
    }
    let explain = |keys: &str| format!("explain --scene register --keys {keys} {code}");
    check(&files, &explain("secret.jwk"), 1, &["bad-signature"]);
    check(&files, &explain("page.html"), 1, &["HTML or XML"]);
    check(
        &files,
        &explain("gone.pem"),
        3,
        &["gone.pem: cannot be read"],
    );
    let json = explain("gone.pem") + " --format json";
    let object = "{\"outcome\":\"rejection\",\"reason\":\"key-unavailable\"";
    check(&files, &json, 3, &[object, "\"detail\":\"gone.pem: "]);
}

#[test]
fn keys_are_read_as_their_issuer_would_read_them() {
    let files = files();
    let minted = "mint jws --kid sandboxOfSM2 --lend lent.jwks";
    let (_, code) = run(&files, minted, "");
    let explain = format!("explain --scene other --keys lent.jwks {}", code.trim());
    check(&files, &explain, 0, &["signature  valid"]);
    let other = format!("{explain} --sm2-id ALICE");
    check(&files, &other, 1, &["bad-signature"]);
    check(&files, &format!("{explain} --rsa rs512"), 2, &["ps256"]);
}

#[test]
fn explain_knows_the_keys_of_servers_as_a_gateway_does() {
    let files = files();
    let (_, code) = run(
        &files,
        "mint jws --issuer campus --valid-for 200h --lend lent.jwks",
        "",
    );
    let url = key_server(&files, fs::read_to_string(files.path("lent.jwks")).unwrap());
    let server = format!("{{ url = \"{url}\", ca = \"server.pem\", private_addresses = true }}");
    files.change("routes.toml", "\"file:set.jwks\"", &server);
    let explain = format!("explain --scene other {}", code.trim());
    let unread = [
        "key-unavailable",
        "campus are on a server",
        "--online",
        "--keys FILE",
    ];
    check(&files, &explain, 1, &unread);
    assert!(!files.path("state").exists(), "nothing is written");
    check(
        &files,
        &format!("{explain} --online"),
        0,
        &["signature  valid"],
    );
    assert!(!files.path("state").exists(), "nothing is written");

    drop(Program::serve(&files, "info"));
    let late = multicode::app::now().seconds() + 100 * 3_600;
    assert!(files.path("state").exists());
    check(&files, &explain, 0, &["signature  valid"]);
    check(
        &files,
        &format!("{explain} --at {late}"),
        1,
        &["rejection: keys-stale"],
    );
}

#[test]
fn what_keys_say_does_not_reach_the_terminal() {
    let files = files();
    let kid = "evil\u{1b}[2J\u{202e}";
    let bad = json!({"kty": "EC", "kid": kid, "crv": "P-256", "alg": "ES256"});
    files.write("evil.jwks", &set([bad]));
    files.change("routes.toml", "file:set.jwks", "file:evil.jwks");
    for command in [
        "keys verify evil.jwks",
        "keys list",
        "check",
        "explain --keys evil.jwks 1",
    ] {
        let (_, said) = run(&files, command, "");
        assert!(said.contains("evil\\u{1b}[2J\\u{202e}"), "{said}");
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{said}");
    }
}

#[test]
fn a_key_that_was_taken_back_is_listed_as_such() {
    let files = files();
    files.write("list.txt", "key one\n");
    check(&files, "keys list", 0, &["one  es256        revoked"]);
}

#[test]
fn public_keys_sign_nothing() {
    let files = files();
    let why = "issuer `campus` has public keys only: --lend signs with others";
    check(&files, "mint jws --issuer campus", 1, &[why]);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let files = files();
    for command in [
        "keys list --format json",
        "explain 6901234567892 --format json",
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_multicode"))
            .args(command.split_whitespace())
            .current_dir(files.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let out = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(out.stderr).unwrap(), "", "{command}");
        assert!(out.status.success(), "{command}");
    }
}

#[test]
fn lines_that_name_the_same_keys_share_them_and_keep_their_order() {
    let files = files();
    let line = |keys: &str| json!({"code": "6901234567892", "keys": keys}).to_string();
    let lines: Vec<_> = ["set.jwks", "gone.jwks", "set.jwks"].map(line).into();
    let (_, said) = run(&files, "explain --batch", &lines.join("\n"));
    let outcomes = said
        .lines()
        .map(|line| line.contains("\"outcome\":\"decision\""));
    assert_eq!(outcomes.collect::<Vec<_>>(), [true, false, true], "{said}");
}

/// Answers every request with the set, at the address this returns, as `localhost`.
fn key_server(files: &Files, body: String) -> String {
    certify(files, "server");
    let (cert, key) = (files.path("server.pem"), files.path("server.key"));
    let config = server_config(&cert, &key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(session, stream.unwrap());
            let mut request = [0; 1_024];
            if stream.read(&mut request).is_ok_and(|read| read > 0) {
                let length = body.len();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
                let _ = stream.flush();
            }
        }
    });
    format!("https://localhost:{port}/jwks.json")
}

#[test]
fn a_server_is_asked_by_a_gateway_and_by_a_curious_operator() {
    let files = files();
    let url = key_server(&files, fs::read_to_string(files.path("set.jwks")).unwrap());
    let verify = |url: &str, more: &str| format!("keys verify {url} --ca server.pem {more}");
    check(&files, &verify(&url, ""), 3, &["not a public address"]);
    let found = ": 1 good, 1 rejected\n  one  es256";
    check(&files, &verify(&url, "--private-addresses"), 1, &[found]);
    let nobody = verify("https://localhost:1/", "--private-addresses");
    check(&files, &nobody, 3, &["refused"]);

    let server = format!("{{ url = \"{url}\", ca = \"server.pem\", private_addresses = true }}");
    files.change("routes.toml", "\"file:set.jwks\"", &server);
    check(
        &files,
        "keys list",
        0,
        &["campus  awaited, from https://localhost"],
    );
    let program = Program::serve(&files, "info");
    let told = program.get("/admin/keys").json();
    let campus = issuer(&told, "campus");
    assert_eq!(
        (&campus["state"], &campus["keys"][0]["id"]),
        (&json!("fresh"), &json!("one"))
    );
    assert_eq!(campus["rejected"][0]["id"], "bad");
    assert!(
        campus["next_refresh"].is_string() && campus["last_error"].is_null(),
        "{campus}"
    );
}
