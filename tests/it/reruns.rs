//! Tests of this binary, run again in a process of their own: to be killed, or to have little room.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const FOLDER: &str = "MULTICODE_TEST_FOLDER";

/// Set by whoever knows that nobody may mount there: the tests that have to do not run. `tests/run` never sets
/// it.
const NO_MOUNTS: &str = "MULTICODE_TEST_NO_MOUNTS";

/// The folder of whoever was run again; nobody else has one.
pub(crate) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Makes it run the ignored test of that name.
fn again<'a>(command: &'a mut Command, folder: &Path, test: &str) -> &'a mut Command {
    command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(FOLDER, folder)
}

/// What `command` sets up around the test must let it pass.
#[track_caller]
fn passes(command: &mut Command, folder: &Path, test: &str) {
    command.arg(std::env::current_exe().unwrap());
    let output = again(command, folder, test).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 passed"), "{told}");
}

/// Runs a test in a mount namespace of its own, where `script` mounts something over the folder.
#[track_caller]
pub(crate) fn on_a_disk_of_its_own(script: &str, test: &str) {
    if !may_mount() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command
        .args(["-Ur", "--mount", "sh", "-c", script])
        .arg(folder.path());
    passes(&mut command, folder.path(), test);
}

/// Whether tests that have to mount something are to run here. Where they are and cannot, they fail: a test that
/// did not run must not pass.
#[track_caller]
pub(crate) fn may_mount() -> bool {
    let runs = std::env::var_os(NO_MOUNTS).is_none();
    if runs {
        must_mount("unshare");
    }
    runs
}

#[track_caller]
fn must_mount(unshare: &str) {
    let allowed = Command::new(unshare)
        .args(["-Ur", "--mount", "true"])
        .output();
    let missing = match allowed {
        Ok(output) if output.status.success() => return,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    panic!(
        "no disk of its own, since \"{unshare} -Ur --mount\" fails: {missing}\n\
         Allow user namespaces (sysctl kernel.unprivileged_userns_clone, container options), or say with \
         {NO_MOUNTS}=1 that this test shall not run here"
    );
}

#[test]
#[should_panic(
    expected = "no disk of its own, since \"no-such-unshare -Ur --mount\" fails: No such file"
)]
fn where_nobody_may_mount_a_test_fails() {
    must_mount("no-such-unshare");
}

/// Runs a test under the limit that `script` sets.
#[track_caller]
pub(crate) fn under_a_limit(script: &str, test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]);
    passes(&mut command, folder.path(), test);
}

/// Writes until the disk takes no more.
pub(crate) fn fill(path: &Path) -> std::fs::File {
    let mut file = std::fs::File::create(path).unwrap();
    let block = [7; 4096];
    while file.write_all(&block).is_ok() {}
    file
}

/// Takes the limit of a file's size off this process.
pub(crate) fn lift_the_limit() {
    let own = format!("--pid={}", std::process::id());
    let raised = Command::new("prlimit")
        .args([&own, "--fsize=unlimited"])
        .status();
    assert!(raised.unwrap().success());
}

/// Runs a test and kills it after that time; gives what it said behind `step `, in its order.
pub(crate) fn killed_after(span: Duration, folder: &Path, test: &str) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = again(&mut command, folder, test).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut told = String::new();
        stdout.read_to_string(&mut told).unwrap();
        told
    });
    std::thread::sleep(span);
    child.kill().unwrap();
    child.wait().unwrap();
    let told = reader.join().unwrap();
    // What has no end was cut short, and says nothing.
    let whole = told
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'));
    // The harness writes on the same line.
    let steps = whole.filter_map(|line| Some(line.split_once("step ")?.1.to_owned()));
    steps.collect()
}
