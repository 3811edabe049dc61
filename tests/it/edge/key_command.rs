use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread;

use multicode::family::Algorithm;
use multicode::sandbox::signer::SigningKey;
use multicode::tls::server_config;
use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::files::{KEYS, SECRET};
use super::tls::certify;
use super::{Client, Files, Program};

/// The shipped files with an issuer whose keys are in a set of their own.
fn files() -> Files {
    let files = Files::shipped();
    let sign = |kid: &str| SigningKey::generate(Algorithm::Es256).unwrap().jwk(kid);
    let mut bad = sign("bad");
    bad["y"] = bad["x"].clone();
    files.write("set.jwks", &set([sign("one"), bad]));
    files.write("good.jwks", &set([sign("one")]));
    files.write("page.html", "<html>");
    files.change(
        "routes.toml",
        "# --- Scenes",
        "[issuer.campus]\nkeys = \"file:set.jwks\"\n[keys]\nsnapshot = \"state\"\n# --- Scenes",
    );
    files
}

fn set(keys: impl IntoIterator<Item = Value>) -> String {
    json!({"keys": keys.into_iter().collect::<Vec<_>>()}).to_string()
}

/// Runs a command beside the files, and says its status and what it wrote.
fn run(files: &Files, arguments: &[&str], input: &str) -> (i32, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_multicode"))
        .args(arguments)
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
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    let said = [stdout, stderr].concat();
    (status.code().unwrap(), String::from_utf8(said).unwrap())
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
    let (status, said) = run(&files, &["keys", "list"], "");
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains("campus  files, from set.jwks\n  one  es256"),
        "{said}"
    );
    assert!(
        said.contains("  bad  rejected: the point is not on the curve\n"),
        "{said}"
    );
    assert!(said.contains("fujian  files, from the configuration\n  2026a  hmac-sha256  active"));
    let (_, said) = run(&files, &["keys", "list", "--format", "json"], "");
    assert_campus(&serde_json::from_str(&said).unwrap());
}

#[test]
fn a_running_gateway_tells_its_keys_and_reads_them_again() {
    let files = files();
    let program = Program::serve(&files, "info");
    assert_campus(&program.get("/admin/keys").json());
    let admin = format!("http://{}", program.admin);
    let (status, said) = run(&files, &["keys", "list", "--admin", &admin], "");
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("bad  rejected"), "{said}");

    let two = SigningKey::generate(Algorithm::EdDsa).unwrap().jwk("two");
    files.write("set.jwks", &set([two]));
    let (status, said) = run(
        &files,
        &["keys", "refresh", "campus", "--admin", &admin],
        "",
    );
    assert_eq!(status, 0, "{said}");
    assert!(
        said.contains("two  eddsa") && !said.contains("fujian"),
        "{said}"
    );

    files.write("set.jwks", "<html>");
    let (status, said) = run(&files, &["keys", "refresh", "--admin", &admin], "");
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("two  eddsa") && said.contains("failed: "),
        "{said}"
    );

    let (status, said) = run(
        &files,
        &["keys", "refresh", "nobody", "--admin", &admin],
        "",
    );
    assert_eq!(
        (status, said.contains("no such issuer")),
        (1, true),
        "{said}"
    );
    let post = "GET /admin/keys/refresh HTTP/1.1\r\nHost: admin\r\n\r\n";
    assert_eq!(Client::new(program.admin).exchange(post).status, 405);
}

#[test]
fn a_gateway_that_is_not_there_cannot_be_asked() {
    let files = files();
    let (status, said) = run(
        &files,
        &["keys", "list", "--admin", "http://127.0.0.1:1"],
        "",
    );
    assert_eq!(
        (status, said.contains("cannot connect")),
        (3, true),
        "{said}"
    );
    for wrong in [
        "127.0.0.1:9090",
        "https://127.0.0.1:9090",
        "http://host",
        "http://h:1/x",
    ] {
        let (status, said) = run(&files, &["keys", "list", "--admin", wrong], "");
        assert_eq!(
            (status, said.contains("http://HOST:PORT")),
            (2, true),
            "{said}"
        );
    }
}

#[test]
fn files_of_keys_are_looked_at_before_they_are_used() {
    let files = files();
    let verify = |paths: &[&str]| {
        let arguments = ["keys", "verify"].iter().chain(paths).copied();
        run(&files, &arguments.collect::<Vec<_>>(), "")
    };
    let (status, said) = verify(&["good.jwks"]);
    assert_eq!(status, 0, "{said}");
    assert!(
        said.starts_with("good.jwks: 1 good, 0 rejected\n  one  es256"),
        "{said}"
    );
    let (status, said) = verify(&["set.jwks", "page.html"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("set.jwks: 1 good, 1 rejected"), "{said}");
    assert!(said.contains("rejected: HTML or XML where"), "{said}");
    let (status, said) = verify(&["gone.pem"]);
    assert_eq!((status, said.contains("gone.pem")), (3, true), "{said}");
    let (status, said) = verify(&["https://keys.example/"]);
    assert_eq!((status, said.contains("--ca")), (2, true), "{said}");
    let (_, said) = verify(&["set.jwks", "--format", "json"]);
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["rejected"][0]["id"], "bad");

    let shared = json!({"kty": "oct", "alg": "HS256", "k": "A".repeat(43)});
    files.write("secret.jwk", &shared.to_string());
    let readable_by = |mode| {
        let path = files.path("secret.jwk");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    readable_by(0o644);
    let (status, said) = verify(&["secret.jwk"]);
    assert_eq!(
        (status, said.contains("can be read by others")),
        (1, true),
        "{said}"
    );
    readable_by(0o600);
    assert_eq!(verify(&["secret.jwk"]).0, 0);
}

#[test]
fn a_line_may_bring_its_own_keys() {
    let files = files();
    let secret = json!({"kty": "oct", "alg": "HS256", "kid": "2026a", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"});
    files.write("other.jwk", &secret.to_string());
    let path = files.path("other.jwk");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    let (_, code) = run(&files, &["mint", "aggregate"], "");
    let code = code.trim();
    let line = |keys: Option<&str>| match keys {
        Some(keys) => json!({"code": code, "scene": "register", "keys": keys}).to_string(),
        None => json!({"code": code, "scene": "register"}).to_string(),
    };
    let paths = [
        None,
        Some("other.jwk"),
        Some("good.jwks"),
        Some("gone.jwks"),
        None,
    ];
    let lines: Vec<_> = paths.into_iter().map(line).collect();
    let (status, said) = run(&files, &["explain", "--batch"], &lines.join("\n"));
    assert_eq!(status, 0, "{said}");
    let told: Vec<Value> = said
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    let reasons: Vec<_> = told.iter().map(|it| it["reason"].as_str()).collect();
    let expected = [
        None,
        Some("bad-signature"),
        Some("unknown-key"),
        Some("key-unavailable"),
        None,
    ];
    assert_eq!(reasons, expected, "{said}");
    assert_eq!(told[1]["issuer"], "fujian");
    assert!(
        told[3]["detail"]
            .as_str()
            .unwrap()
            .starts_with("gone.jwks: cannot be read")
    );
    assert!(told[0].get("detail").is_none());

    let (status, said) = run(
        &files,
        &[
            "explain",
            "--scene",
            "register",
            "--keys",
            "other.jwk",
            code,
        ],
        "",
    );
    assert_eq!(
        (status, said.contains("bad-signature")),
        (1, true),
        "{said}"
    );
    let (status, said) = run(&files, &["explain", "--keys", "page.html", code], "");
    assert_eq!((status, said.contains("HTML or XML")), (1, true), "{said}");
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
    let verify = ["keys", "verify", &url, "--ca", "server.pem"];
    let (status, said) = run(&files, &verify, "");
    assert_eq!(
        (status, said.contains("not a public address")),
        (3, true),
        "{said}"
    );
    let inside = [&verify[..], &["--private-addresses"]].concat();
    let (status, said) = run(&files, &inside, "");
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains(": 1 good, 1 rejected\n  one  es256"),
        "{said}"
    );
    let (status, said) = run(
        &files,
        &[
            "keys",
            "verify",
            "https://localhost:1/",
            "--ca",
            "server.pem",
            "--private-addresses",
        ],
        "",
    );
    assert_eq!((status, said.contains("refused")), (3, true), "{said}");

    let server = format!("{{ url = \"{url}\", ca = \"server.pem\", private_addresses = true }}");
    files.change("routes.toml", "\"file:set.jwks\"", &server);
    let (status, said) = run(&files, &["keys", "list"], "");
    assert_eq!(
        (
            status,
            said.contains("campus  awaited, from https://localhost")
        ),
        (0, true),
        "{said}"
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
