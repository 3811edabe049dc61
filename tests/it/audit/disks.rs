//! A disk that is full, and gets room again.
//!
//! The child is this program once more: on a tmpfs of its own in a namespace of its own, or with a
//! limit on how long a file may become.

use std::path::Path;

use multicode::audit::{Audit, Setting, Unwritten};

use super::bench::{decision, record, requests, setting, sound, until, whats};
use crate::reruns;

/// Some megabytes of its own, mounted over the folder; as root of nothing but itself.
const SMALL: &str = r#"mount -t tmpfs -o size=4m tmpfs "$0" && exec "$@""#;
/// No file over 64 KiB; the signal that would kill is ignored, as services do.
const SHORT: &str = r#"trap "" XFSZ; ulimit -S -f 128; exec "$@""#;

/// The whole story; `take` makes the disk full, `give` gives room.
async fn full_and_recovered(folder: &Path, take: impl FnOnce(), give: impl FnOnce()) {
    let audit = Audit::start(Setting {
        queue: 50_000,
        ..setting(folder)
    });
    let audit = audit.unwrap();
    let mut confirmed = Vec::new();
    for number in 0..20 {
        audit.commit(decision(number)).await.unwrap();
        confirmed.push(format!("r{number}"));
    }
    take();
    let mut number = 1_000;
    loop {
        assert_eq!(audit.submit((0..50).map(|_| record(900_000))), 0);
        match audit.commit(decision(number)).await {
            Ok(()) => confirmed.push(format!("r{number}")),
            Err(refused) => {
                assert_eq!(refused, Unwritten::Away);
                break;
            }
        }
        number += 1;
        assert!(number < 5_000, "there is always room");
    }
    let standing = audit.standing();
    assert!(!standing.up && standing.trouble.is_some(), "{standing:?}");
    // Refused at once, while ordinary records wait.
    assert_eq!(audit.commit(decision(800_000)).await, Err(Unwritten::Away));
    assert_eq!(audit.submit((0..100).map(|_| record(700_000))), 0);
    give();
    until(&audit, "it can be written again", |audit| {
        let standing = audit.standing();
        standing.up && standing.waiting == 0
    });
    audit.commit(decision(5_001)).await.unwrap();
    confirmed.push("r5001".into());
    audit.close();
    sound(folder);
    let there = requests(folder);
    let ordinary = |id: &&String| id.starts_with("r900000") || id.starts_with("r700000");
    let committed: Vec<_> = there.iter().filter(|id| !ordinary(id)).cloned().collect();
    assert_eq!(committed, confirmed);
    assert_eq!(there.iter().filter(|id| *id == "r700000").count(), 100);
    assert!(whats(folder).iter().any(|what| what == "recovery"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another, on a disk of its own"]
async fn on_a_small_disk() {
    let Some(folder) = reruns::folder() else {
        return;
    };
    let filler = folder.join("filler");
    let take = || {
        let file = reruns::fill(&filler);
        // A little is left.
        let length = file.metadata().unwrap().len();
        file.set_len(length.saturating_sub(65_536)).unwrap();
    };
    let give = || std::fs::remove_file(&filler).unwrap();
    full_and_recovered(&folder, take, give).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another, with a limit"]
async fn with_a_limit() {
    let Some(folder) = reruns::folder() else {
        return;
    };
    full_and_recovered(&folder, || (), reruns::lift_the_limit).await;
}

#[test]
fn a_full_disk_refuses_what_must_last_and_recovers() {
    reruns::on_a_disk_of_its_own(SMALL, "audit::disks::on_a_small_disk");
}

#[test]
fn a_file_that_may_not_grow_refuses_what_must_last_and_recovers() {
    reruns::under_a_limit(SHORT, "audit::disks::with_a_limit");
}
