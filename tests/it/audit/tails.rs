//! What a crash leaves behind, what is kept how long, and who may write.

use std::time::Duration;

use multicode::audit::{Audit, Class, Key, OpenError, Record, Setting, Unwritten};

use super::bench::{
    copy, decision, faults, files, frames, record, requests, setting, sound, until, whats,
};

/// What lies there of a trail while it is written: five records of which the last checkpoint knows nothing.
fn crashed() -> tempfile::TempDir {
    let (folder, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let rarely = Setting {
        checkpoint: Duration::from_secs(3_600),
        ..setting(folder.path())
    };
    let audit = Audit::start(rarely).unwrap();
    until(&audit, "the start is signed", |audit| {
        audit.standing().checkpoint.is_some()
    });
    audit.submit((0..5).map(record));
    until(&audit, "all is written", |audit| {
        audit.standing().records == 7
    });
    copy(folder.path(), crashed.path());
    crashed
}

#[test]
fn a_torn_tail_is_cut_off_wherever_it_is_torn() {
    let crashed = crashed();
    sound(crashed.path());
    let path = &files(crashed.path(), "audit")[0];
    let whole = std::fs::read(path).unwrap();
    let places = frames(&whole);
    assert_eq!(places.len(), 8);
    for length in places[2]..=whole.len() {
        let folder = tempfile::tempdir().unwrap();
        copy(crashed.path(), folder.path());
        let path = &files(folder.path(), "audit")[0];
        std::fs::write(path, &whole[..length]).unwrap();
        let whole_records = places.iter().filter(|place| **place <= length).count() - 1;
        let torn = !places.contains(&length);
        assert_eq!(faults(folder.path()), ["torn"][..usize::from(torn)]);
        let audit = Audit::start(setting(folder.path())).unwrap();
        audit.submit([record(100)]);
        audit.close();
        let report = sound(folder.path());
        let own = 4 + usize::from(torn);
        assert_eq!(
            report.records,
            Some((1, u64::try_from(whole_records + own).unwrap()))
        );
        let said = whats(folder.path())
            .iter()
            .filter(|what| *what == "recovery")
            .count();
        assert_eq!(said, usize::from(torn), "{length}");
        let kept = requests(folder.path());
        assert_eq!(kept.len(), whole_records - 2 + 1, "{length}");
    }
}

#[test]
fn a_torn_tail_is_cut_off_whatever_stands_in_it() {
    let crashed = crashed();
    let path = &files(crashed.path(), "audit")[0];
    let whole = std::fs::read(path).unwrap();
    let places = frames(&whole);
    for place in (places[2]..whole.len()).step_by(7) {
        let folder = tempfile::tempdir().unwrap();
        copy(crashed.path(), folder.path());
        let mut bytes = whole.clone();
        // As file systems leave it that knew the length before the content.
        bytes[place..].fill(0);
        std::fs::write(&files(folder.path(), "audit")[0], &bytes).unwrap();
        Audit::start(setting(folder.path())).unwrap().close();
        sound(folder.path());
        assert!(whats(folder.path()).iter().any(|what| what == "recovery"));
    }
}

#[test]
fn what_was_signed_and_is_changed_stays_as_evidence() {
    let folder = tempfile::tempdir().unwrap();
    super::bench::trail(folder.path(), 1, 6);
    let path = files(folder.path(), "audit").remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    let place = frames(&bytes)[4];
    bytes[place + 20] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let before = faults(folder.path());
    super::bench::trail(folder.path(), 2, 3);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(faults(folder.path()), before);
    assert_eq!(
        whats(folder.path())
            .iter()
            .filter(|what| *what == "recovery")
            .count(),
        1
    );
    // Cut short, it goes on behind what was signed, and no number is used twice.
    std::fs::write(&path, &bytes[..frames(&bytes)[3]]).unwrap();
    for ending in ["audit", "checkpoints"] {
        for later in &files(folder.path(), ending)[1..] {
            std::fs::remove_file(later).unwrap();
        }
    }
    Audit::start(setting(folder.path())).unwrap().close();
    assert_eq!(faults(folder.path()), ["truncated", "missing", "apart"]);
    assert_eq!(files(folder.path(), "audit").len(), 2);
}

#[test]
fn a_torn_checkpoint_is_written_again() {
    let crashed = crashed();
    let path = &files(crashed.path(), "checkpoints")[0];
    let whole = std::fs::read(path).unwrap();
    for length in 0..whole.len() {
        let folder = tempfile::tempdir().unwrap();
        copy(crashed.path(), folder.path());
        std::fs::write(&files(folder.path(), "checkpoints")[0], &whole[..length]).unwrap();
        Audit::start(setting(folder.path())).unwrap().close();
        sound(folder.path());
    }
}

#[test]
fn one_process_at_a_time_writes() {
    let folder = tempfile::tempdir().unwrap();
    let first = Audit::start(setting(folder.path())).unwrap();
    let second = Audit::new(setting(folder.path()));
    assert!(matches!(second.open(), Err(OpenError::Held)));
    second.submit([record(1)]);
    let opened = std::thread::scope(|scope| {
        let patient = Setting {
            takeover: Duration::from_secs(30),
            ..setting(folder.path())
        };
        let successor = Audit::new(patient);
        let opened = scope.spawn(move || successor.open().map(|()| successor));
        first.close();
        opened.join().unwrap().unwrap()
    });
    opened.close();
    // It may be taken back, and what waited meanwhile is written.
    first.submit([record(2)]);
    first.open().unwrap();
    first.close();
    second.open().unwrap();
    second.close();
    assert_eq!(requests(folder.path()), ["r2", "r1"]);
    assert_eq!(sound(folder.path()).segments, 4);
}

#[tokio::test]
async fn nothing_is_confirmed_while_nobody_writes() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::new(setting(folder.path()));
    assert_eq!(audit.commit(decision(1)).await, Err(Unwritten::Away));
    audit.open().unwrap();
    assert_eq!(audit.commit(decision(2)).await, Ok(()));
    assert_eq!(requests(folder.path()), ["r2"]);
    audit.close();
    assert_eq!(audit.commit(decision(3)).await, Err(Unwritten::Away));
    let keyless = Setting {
        key: Key::Missing,
        ..setting(folder.path())
    };
    let keyless = Audit::new(keyless);
    assert!(matches!(keyless.open(), Err(OpenError::NoKey)));
    assert!(keyless.standing().trouble.is_some());
    assert_eq!(audit.standing().refused, 2);
}

#[test]
fn what_there_is_no_room_for_is_counted_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::new(Setting {
        queue: 10,
        ..setting(folder.path())
    });
    assert_eq!(audit.submit((0..25).map(record)), 15);
    audit.open().unwrap();
    audit.close();
    assert_eq!(audit.standing().lost, 15);
    assert_eq!(requests(folder.path()).len(), 10);
    let lines = multicode::audit::Lines::open(folder.path()).unwrap();
    let lost = lines.map(Result::unwrap).find(|line| line.what() == "lost");
    assert_eq!(lost.unwrap().number(multicode::audit::Field::Lost), 15);
    sound(folder.path());
}

#[test]
fn segments_turn_over_and_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let small = || Setting {
        segment: 2_000,
        ..setting(folder.path())
    };
    let audit = Audit::start(small()).unwrap();
    for round in 0..8 {
        audit.submit((0..40).map(|number| record(round * 40 + number)));
        let most = u64::try_from((round + 1) * 40).unwrap();
        until(&audit, "written", |audit| audit.standing().records > most);
    }
    audit.close();
    let before = sound(folder.path());
    assert!(before.segments > 4, "{before:?}");
    let forgetful = || Setting {
        keep: Duration::ZERO,
        ..small()
    };
    // Not before the clock can be believed.
    let settling = Setting {
        settle: Duration::from_secs(3_600),
        ..forgetful()
    };
    let audit = Audit::start(settling).unwrap();
    until(&audit, "the start is signed", |audit| {
        audit.standing().checkpoint.is_some()
    });
    audit.close();
    assert_eq!(sound(folder.path()).segments, before.segments + 1);
    let audit = Audit::start(forgetful()).unwrap();
    until(&audit, "the old are gone", |_| {
        files(folder.path(), "audit").len() <= 2
    });
    audit.close();
    let after = sound(folder.path());
    assert!(after.records.unwrap().0 > 1 && after.records.unwrap().1 > before.records.unwrap().1);
    assert_eq!(files(folder.path(), "checkpoints").len(), after.segments);
}

#[test]
fn with_hardly_any_room_only_what_must_be_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::start(Setting {
        least_free: u64::MAX,
        queue: 10,
        ..setting(folder.path())
    });
    let audit = audit.unwrap();
    until(&audit, "the disk is looked at", |audit| {
        audit.standing().warning.is_some()
    });
    audit.submit([record(1)]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(audit.commit(decision(2))).unwrap();
    assert!(audit.standing().up);
    assert_eq!(
        (requests(folder.path()), audit.standing().waiting),
        (vec!["r2".to_owned()], 1)
    );
    // However many of the others wait, what became of it is written; what is lost is told once.
    for number in 10..40 {
        audit.submit([record(number)]);
        std::thread::sleep(Duration::from_millis(20));
    }
    let outcome = Record {
        class: Class::Outcome,
        ..record(3)
    };
    assert_eq!(audit.submit([outcome]), 0);
    until(&audit, "what became of it is there", |_| {
        requests(folder.path()) == ["r2", "r3"]
    });
    let told = whats(folder.path());
    assert_eq!(told.iter().filter(|what| *what == "lost").count(), 1);
}
