//! `multicode certs`, and what `check` says of certificates.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::tls_authority::{client, is_let_in, open, secure};
use super::{Files, TestGateway, keep};

/// Runs `multicode certs` with these words and a folder to write into.
fn certs(folder: &Path, words: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_multicode"));
    command.arg("certs").args(words.split(' ')).arg("--out");
    command.arg(folder).env_clear().output().unwrap()
}

#[track_caller]
pub(super) fn made(folder: &Path, words: &str) -> String {
    let output = certs(folder, words);
    let told = String::from_utf8(output.stdout).unwrap();
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}: {failed}");
    told
}

#[track_caller]
fn check_refused(folder: &Path, words: &str, status: i32, why: &str) {
    let output = certs(folder, words);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(why), "{words}: {told}");
    assert_eq!(output.status.code(), Some(status), "{told}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn what_is_made_lets_a_terminal_in_and_nobody_else() {
    let gateway = TestGateway::with(|files| {
        let folder = files.path("made");
        made(&folder, "ca");
        let told = made(&folder, "server localhost 127.0.0.1");
        made(&folder, "terminal W-0001");
        // The lines it prints are the lines that work.
        let line = told.lines().find(|line| line.starts_with("tls = "));
        let line = line.unwrap().trim_start_matches("tls = { ");
        let line = line.trim_end_matches(" }");
        let told = made(&folder, "ca --force --name again");
        let clients = told.lines().find(|line| line.starts_with("clients"));
        // All over again: what the old authority signed is worth nothing.
        made(&folder, "server localhost 127.0.0.1 --force");
        made(&folder, "terminal W-0001 --force");
        made(&folder, "terminal W-0002 --san w-0002.example");
        secure(files, &format!("{line}, {}", clients.unwrap()));
    });
    let files = &gateway.files;
    let shown = |name| is_let_in(gateway.address, client(files, "made/ca", name));
    assert!(shown(Some("made/W-0001")));
    assert!(shown(Some("made/W-0002")));
    assert!(!shown(None));
    // A server's certificate is no terminal's.
    assert!(!shown(Some("made/gateway")));
}

#[test]
fn keys_are_their_owners_alone_and_git_leaves_them() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("certs");
    made(&folder, "ca");
    made(&folder, "server gateway.example");
    let told = made(&folder, "terminal W-0001");
    made(&folder, "upstream gateway-1");
    let files = [
        ".gitignore",
        "W-0001.key",
        "W-0001.pem",
        "ca.key",
        "ca.pem",
        "gateway-1.key",
        "gateway-1.pem",
        "gateway.key",
        "gateway.pem",
    ];
    assert_eq!(names(&folder), files);
    assert_eq!(
        fs::read_to_string(folder.join(".gitignore")).unwrap(),
        "*\n"
    );
    for key in files.iter().filter(|name| name.contains(".key")) {
        let mode = fs::metadata(folder.join(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    let (_, lines) = told.split_once("terminals.toml:\n").unwrap();
    let terminals: toml::Table = toml::from_str(lines).unwrap();
    let written = terminals["terminal"]["W-0001"]["certificate"].as_str();
    let text = fs::read(folder.join("W-0001.pem")).unwrap();
    let der =
        <rustls_pki_types::CertificateDer<'_> as rustls_pki_types::pem::PemObject>::from_pem_slice(
            &text,
        );
    let read = multicode::tls::ClientCertificate::read(&der.unwrap()).unwrap();
    let digest = data_encoding::HEXLOWER.encode(&read.sha256);
    assert_eq!(written, Some(&*format!("sha256:{digest}")));
    assert_eq!(&*read.names.concat(), "urn:multicode:terminal:W-0001");
}

#[test]
fn nothing_that_is_there_is_lost_by_mistake() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    check_refused(folder, "server a.example", 2, "make one with");
    made(folder, "ca");
    made(folder, "server a.example");
    let all = |name: &str| fs::read(folder.join(name)).unwrap();
    let before = ["ca.key", "ca.pem", "gateway.key", "gateway.pem"].map(all);
    check_refused(folder, "ca", 3, "ca.key is there already");
    check_refused(
        folder,
        "server a.example",
        3,
        "gateway.key is there already",
    );
    check_refused(folder, "terminal ../x", 2, "cannot be the name of files");
    check_refused(folder, "terminal ca --force", 2, "cannot be the name");
    check_refused(
        folder,
        "server a..example --file b",
        1,
        "stand in no certificate",
    );
    check_refused(folder, "server a.example --days 399", 2, "399");
    let after = ["ca.key", "ca.pem", "gateway.key", "gateway.pem"].map(all);
    assert_eq!(before, after);
    // A folder that was there is somebody's own: no file beside what was asked for.
    assert_eq!(names(folder).len(), 4);
    keep(&folder.join("ca.key"), "text");
    check_refused(
        folder,
        "server b.example --file b",
        1,
        "the key cannot be made or used",
    );
}

/// What `check` says of a gateway's files.
fn checked(files: &Files, strict: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_multicode"));
    command
        .arg("check")
        .arg(files.main())
        .args(strict.split_terminator(' '));
    let output = command.env_clear().output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), said)
}

#[test]
fn check_says_what_is_wrong_with_certificates() {
    let files = Files::shipped();
    let folder: PathBuf = files.path("made");
    made(&folder, "ca");
    made(&folder, "server localhost");
    let own = "cert = \"made/gateway.pem\", key = \"made/gateway.key\"";
    secure(
        &files,
        &format!("{own}, clients = {{ ca = \"made/ca.pem\" }}"),
    );
    let (status, said) = checked(&files, "");
    assert_eq!(status, Some(0), "{said}");
    assert!(!said.contains("made/"), "{said}");
    let said_after = |words: &str| {
        made(&folder, words);
        checked(&files, "")
    };
    let (status, said) = said_after("server localhost --days 13 --force");
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("warning: "), "{said}");
    assert!(
        said.contains("made/gateway.pem: the certificate ends at"),
        "{said}"
    );
    let (_, said) = said_after("server urn:x:y --force");
    assert!(said.contains("no DNS name and no address"), "{said}");
    let (_, said) = said_after("server 127.0.0.1 --force");
    assert!(!said.contains("made/"), "{said}");
    files.change("routes.toml", "made/gateway.", "made/ca.");
    let (status, said) = checked(&files, "");
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("is an authority's, expected a server's"),
        "{said}"
    );
    files.change(
        "routes.toml",
        "key = \"made/ca.key\"",
        "key = \"made/gateway.key\"",
    );
    let (status, said) = checked(&files, "");
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("error: the certificates of listener"),
        "{said}"
    );
    assert!(said.contains("do not make a usable pair"), "{said}");
    open(&files.path("made/gateway.key"));
    let (_, said) = checked(&files, "");
    assert!(said.contains("mode 0644"), "{said}");
}
