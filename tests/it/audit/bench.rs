//! A trail to work on; a helper of the tests beside it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use multicode::audit::{Asked, Audit, Class, Finding, Key, Lines, Record, Report, Setting, verify};
use multicode::time::Timestamp;

static NOW: AtomicI64 = AtomicI64::new(1_795_312_800_000);

/// A clock that goes on by a millisecond each time it is looked at.
pub(super) fn clock() -> Timestamp {
    Timestamp::from_millis(NOW.fetch_add(1, Ordering::Relaxed))
}

pub(super) fn setting(folder: &Path) -> Setting {
    Setting {
        least_free: 0,
        settle: Duration::ZERO,
        takeover: Duration::ZERO,
        patience: Duration::from_secs(20),
        ..Setting::new(folder.to_owned(), "node", Key::Given([7; 32].into()), clock)
    }
}

pub(super) fn record(number: usize) -> Record {
    Record {
        at: clock(),
        request_id: Some(format!("r{number}").into()),
        terminal: Some("kiosk".into()),
        status: Some(200),
        ..Record::default()
    }
}

pub(super) fn decision(number: usize) -> Record {
    Record {
        class: Class::Decision,
        ..record(number)
    }
}

/// Waits until so many records are on disk.
pub(super) fn until(audit: &Audit, what: &str, mut holds: impl FnMut(&Audit) -> bool) {
    let began = Instant::now();
    while !holds(audit) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "never: {what}: {:?}",
            audit.standing()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A trail of some segments, closed.
pub(super) fn trail(folder: &Path, segments: usize, records: usize) {
    for segment in 0..segments {
        let audit = Audit::start(setting(folder)).unwrap();
        assert_eq!(
            audit.submit((0..records).map(|number| record(segment * records + number))),
            0
        );
        audit.close();
    }
}

pub(super) fn look(folder: &Path) -> (Report, Vec<Finding>) {
    look_with(folder, &Asked::default())
}

pub(super) fn look_with(folder: &Path, asked: &Asked) -> (Report, Vec<Finding>) {
    let mut found = Vec::new();
    let report = verify(folder, asked, &mut |finding| found.push(finding)).unwrap();
    assert_eq!(report.findings, u64::try_from(found.len()).unwrap());
    (report, found)
}

#[track_caller]
pub(super) fn sound(folder: &Path) -> Report {
    let (report, found) = look(folder);
    assert_eq!(found, [], "{report:?}");
    report
}

pub(super) fn faults(folder: &Path) -> Vec<&'static str> {
    look(folder)
        .1
        .iter()
        .map(|finding| finding.fault.name())
        .collect()
}

pub(super) fn whats(folder: &Path) -> Vec<String> {
    let lines = Lines::open(folder).unwrap();
    lines.map(|line| line.unwrap().what().to_owned()).collect()
}

/// The request ids in the trail.
pub(super) fn requests(folder: &Path) -> Vec<String> {
    let lines = Lines::open(folder).unwrap().map(Result::unwrap);
    let ids =
        lines.filter_map(|line| Some(line.text(multicode::audit::Field::RequestId)?.to_owned()));
    ids.collect()
}

/// The files of a trail with that ending, the oldest first.
pub(super) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|it| it == ending))
        .collect();
    paths.sort();
    paths
}

/// Copies a folder of files.
pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Where each record of a segment begins, and where the last one ends.
pub(super) fn frames(bytes: &[u8]) -> Vec<usize> {
    let mut places = vec![0];
    while let Some(length) = bytes[*places.last().unwrap()..].first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
        places.push(places.last().unwrap() + 4 + length + 32);
    }
    places
}
