//! What comes into force, at a start as at a reload: whole files that pass their own tests, and all of
//! what they say, to the last secret.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use multicode::app;
use multicode::config::{Secret, SecretError, SecretRef, Secrets};
use multicode::reload::Reloader;

use super::tls_authority::{Authority, Wish};
use super::{FAILING_TEST, Files, KEYS, Mocks, Program, SECRET, TestGateway, eventually, keep};

/// Files, and a program that serves them.
fn town(change: impl FnOnce(&Files)) -> (Files, Mocks, Program) {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    change(&files);
    let program = Program::watching(&files);
    (files, mocks, program)
}

/// How the last reading of the files ended, and why.
fn newest(program: &Program) -> (String, String) {
    let history = program.get("/admin/config/history").json();
    let text = |key: &str| {
        history["reloads"][0][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    (text("result"), text("why"))
}

/// Waits until the files are refused with these words.
#[track_caller]
fn is_refused(program: &Program, words: &str) {
    eventually(words, || {
        let (result, why) = newest(program);
        result == "failure" && why.contains(words)
    });
}

#[track_caller]
fn is_ready(program: &Program) {
    eventually("it is ready", || {
        program.get("/readyz").json()["status"] == "ready"
    });
}

#[test]
fn a_start_whose_own_tests_fail_is_none() {
    let files = Files::shipped();
    files.write("routes.d/edge.toml", FAILING_TEST);
    let mut serve = Command::new(env!("CARGO_BIN_EXE_multicode"));
    serve
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--config",
        ])
        .arg(files.main())
        .env_clear()
        .envs(KEYS.map(|name| (name, SECRET)))
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped());
    let serving = serve.spawn().unwrap();
    let (killer, number) = (AtomicUsize::new(0), serving.id().to_string());
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            // One that serves would never end.
            for _ in 0..300 {
                std::thread::sleep(std::time::Duration::from_millis(100));
                if killer.load(Ordering::Relaxed) > 0 {
                    return;
                }
            }
            Command::new("kill").arg(&number).status().unwrap();
        });
        let output = serving.wait_with_output().unwrap();
        killer.store(1, Ordering::Relaxed);
        output
    });
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("test \"wrong\": expected kind payment"),
        "{said}"
    );
    assert!(said.contains("edge.toml:3"), "{said}");
}

#[test]
fn a_registry_that_is_gone_takes_no_terminal_out() {
    let (files, _mocks, program) = town(|_| {});
    let (registry, away) = (files.path("terminals.toml"), files.path("away"));
    fs::rename(&registry, &away).unwrap();
    is_refused(&program, "terminals.toml is gone");
    assert_eq!(program.get("/readyz").json()["status"], "degraded");
    fs::rename(&away, &registry).unwrap();
    is_ready(&program);
    // To have none is a wish that can be told.
    fs::write(&registry, "# nobody\n").unwrap();
    eventually("it is read", || newest(&program).0 == "success");
}

#[test]
fn a_token_that_leaked_opens_nothing_once_its_file_holds_another() {
    let (old, new) = ["0", "1"].map(|one| one.repeat(32)).into();
    let (files, _mocks, program) = town(|files| {
        keep(&files.path("token"), &old);
        files.change(
            "routes.toml",
            "[admin]\n",
            "[admin]\noperator = \"file:token\"\n",
        );
    });
    let opens = |token: &str| {
        let headers = format!("Authorization: Bearer {token}\r\n");
        program.ask("GET", "/admin/session", &headers, "").status
    };
    assert_eq!((opens(&old), opens(&new)), (200, 401));
    keep(&files.path("token"), &new);
    program.wait_until_it_says("configuration reloaded");
    assert_eq!(opens(&old), 401);
    // One wrong token is answered at a time.
    eventually("the new one opens", || opens(&new) == 200);
}

#[test]
fn a_secret_that_takes_a_restart_does_not_count_as_reloaded() {
    let other = SECRET.replace("00112233", "99887766");
    let (files, _mocks, program) = town(|files| {
        keep(&files.path("state-key"), SECRET);
        files.change(
            "routes.toml",
            "\"env:MULTICODE_STATE_KEY\"",
            "\"file:state-key\"",
        );
    });
    is_ready(&program);
    keep(&files.path("state-key"), &other);
    is_refused(
        &program,
        "what key refers to in [state] was changed, which needs a restart",
    );
    assert!(!program.said().contains(&other));
    keep(&files.path("state-key"), SECRET);
    is_ready(&program);
}

#[test]
fn a_folder_that_is_named_for_the_first_time_is_followed_at_once() {
    let (files, _mocks, program) = town(|_| {});
    let elsewhere = tempfile::tempdir().unwrap();
    let ca = elsewhere.path().join("ca.pem");
    let made = |name: &str| {
        Authority::new(&files, name);
        fs::copy(files.path(&format!("{name}.pem")), &ca).unwrap();
    };
    made("one");
    let upstream = format!("endpoints = [\"https://127.0.0.1:1\"]\nca = {ca:?}");
    files.pass_through_with(&upstream);
    eventually("it is read", || {
        program.get("/admin/config/history").json()["reloads"][1].is_object()
    });
    assert_eq!(newest(&program).0, "success");
    fs::write(&ca, "nothing").unwrap();
    is_refused(&program, "ca.pem");
    made("two");
    is_ready(&program);
}

/// Whatever a refused configuration lacked is waited for, be it named by an issuer.
#[test]
fn what_was_missing_is_read_as_soon_as_it_is_there() {
    let (files, _mocks, program) = town(|_| {});
    let main = fs::read_to_string(files.main()).unwrap();
    files.write(
        "routes.toml",
        &format!("{main}\n[issuer.later]\nkeys = \"file:later.pem\"\n"),
    );
    is_refused(&program, "later.pem");
    let signer = Wish::new("later", &["signer.example"]);
    Authority::new(&files, "other").sign(&files, &signer);
    eventually("it is read", || newest(&program).0 == "success");
}

/// Somebody writes a file anew, as it was, whenever a secret is asked for.
struct Restless {
    file: PathBuf,
    times: AtomicUsize,
    loads: Arc<AtomicUsize>,
}

impl Secrets for Restless {
    fn resolve(&self, reference: &SecretRef) -> Result<Option<Secret>, SecretError> {
        let is_first = matches!(reference, SecretRef::Env(name) if name == "MULTICODE_STATE_KEY");
        if is_first {
            self.loads.fetch_add(1, Ordering::SeqCst);
            let left = self.times.load(Ordering::SeqCst);
            if left > 0 {
                self.times.store(left - 1, Ordering::SeqCst);
                rewrite(&self.file);
            }
        }
        Ok(Some(Secret::new(SECRET.as_bytes().to_vec())))
    }
}

fn rewrite(file: &Path) {
    let text = fs::read(file).unwrap();
    fs::write(file, "").unwrap();
    fs::write(file, text).unwrap();
}

#[test]
fn files_that_were_touched_while_they_were_read_are_read_again() {
    let gateway = TestGateway::start();
    let loads = Arc::new(AtomicUsize::new(0));
    let reload = |times| {
        loads.store(0, Ordering::SeqCst);
        let reloader = Reloader::new(
            gateway.files.main(),
            Box::new(Restless {
                file: gateway.files.path("terminals.toml"),
                times: AtomicUsize::new(times),
                loads: Arc::clone(&loads),
            }),
            Arc::clone(&gateway.started.sites),
            gateway.started.metrics.clone(),
            app::now(),
        );
        let outcome = reloader.reload(app::now());
        (outcome.map_err(|stale| stale.why), reloader.seen())
    };
    assert_eq!(reload(0).0, Ok(()));
    let untouched = loads.load(Ordering::SeqCst);
    assert_eq!(reload(1).0, Ok(()));
    assert!(loads.load(Ordering::SeqCst) > untouched);
    let (outcome, seen) = reload(usize::MAX);
    assert!(outcome.unwrap_err().contains("again and again"));
    // They have to be read once more, be they what they were.
    assert_eq!(seen, None);
}
