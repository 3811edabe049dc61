//! The process is killed (-9) at any instant: nothing that was confirmed is missing.
//!
//! The child is this program once more, running one ignored test that is given a folder.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use multicode::audit::{Audit, Class, Record, Setting};
use multicode::random::Random;

use super::bench::{record, requests, setting, sound, whats};

const FOLDER: &str = "MULTICODE_TEST_FOLDER";

#[expect(clippy::print_stdout, reason = "what the parent reads")]
fn say(key: &str) {
    println!("step {key}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "what is killed"]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let audit = Audit::start(Setting {
        segment: 100_000,
        checkpoint: Duration::from_millis(20),
        takeover: Duration::from_secs(5),
        ..setting(Path::new(&folder))
    });
    let audit = audit.unwrap();
    let round = std::process::id();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let audit = audit.clone();
            tokio::spawn(async move {
                for number in 0.. {
                    let key = format!("{round}-{task}-{number}");
                    let wanted = Record {
                        class: Class::Decision,
                        request_id: Some(key.as_str().into()),
                        ..record(number)
                    };
                    audit.commit(wanted).await.unwrap();
                    say(&key);
                    audit.submit([record(number)]);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn what_was_confirmed_is_there_after_a_kill() {
    let full =
        std::env::vars_os().any(|(name, value)| name == "MULTICODE_PROOF" && value == "full");
    let rounds = if full { 100 } else { 8 };
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::seeded(u64::from(std::process::id()));
    let mut confirmed = Vec::new();
    for _ in 0..rounds {
        let span = Duration::from_millis(u64::try_from(50 + random.below(300)).unwrap());
        run_and_kill(folder.path(), span, &mut confirmed);
        // Whoever comes next puts in order what was left.
        Audit::start(setting(folder.path())).unwrap().close();
        sound(folder.path());
        let there: BTreeSet<_> = requests(folder.path()).into_iter().collect();
        let missing = confirmed.iter().filter(|key| !there.contains(*key));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&String>::new());
    }
    assert!(!confirmed.is_empty());
    assert!(whats(folder.path()).len() > confirmed.len());
}

fn run_and_kill(folder: &Path, span: Duration, confirmed: &mut Vec<String>) {
    let path = module_path!().split_once("::").unwrap().1;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            &format!("{path}::child"),
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
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
    let keys = whole.filter_map(|line| Some(line.split_once("step ")?.1.to_owned()));
    confirmed.extend(keys);
}
