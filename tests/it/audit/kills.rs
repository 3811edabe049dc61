//! The process is killed (-9) at any instant: nothing that was confirmed is missing.
//!
//! The child is this program once more, running one ignored test that is given a folder.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use multicode::audit::{Audit, Class, Record, Setting};
use multicode::random::Random;

use super::bench::{record, requests, setting, sound, whats};
use crate::proof::scale;
use crate::reruns;

#[expect(clippy::print_stdout, reason = "what the parent reads")]
fn say(key: &str) {
    println!("step {key}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "what is killed"]
async fn child() {
    let Some(folder) = reruns::folder() else {
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
    let rounds = scale(8, 100);
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random::seeded(u64::from(std::process::id()));
    let mut confirmed = Vec::new();
    for _ in 0..rounds {
        let span = Duration::from_millis(u64::try_from(50 + random.below(300)).unwrap());
        confirmed.extend(reruns::killed_after(
            span,
            folder.path(),
            "audit::kills::child",
        ));
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
