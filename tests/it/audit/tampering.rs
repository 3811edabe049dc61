//! Whatever is changed, left out, put in or put elsewhere is found.

use std::path::Path;

use multicode::audit::{Asked, Fault, Signed};

use super::bench::{copy, faults, files, frames, look, look_with, sound, trail};

#[test]
fn an_untouched_trail_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    trail(folder.path(), 3, 5);
    let report = sound(folder.path());
    assert_eq!((report.segments, report.records), (3, Some((1, 24))));
    assert_eq!(report.checkpoint.as_ref().map(|it| it.size), Some(24));
    assert_eq!((report.unsigned(), report.live), (0, false));
}

#[test]
fn every_flipped_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    trail(folder.path(), 2, 4);
    let mut flipped = 0;
    let mut paths = files(folder.path(), "audit");
    paths.extend(files(folder.path(), "checkpoints"));
    paths.push(folder.path().join("audit.pub"));
    for path in paths {
        let whole = std::fs::read(&path).unwrap();
        for place in 0..whole.len() {
            for mask in [1 << (place % 8), 0xFF] {
                let mut bytes = whole.clone();
                bytes[place] ^= mask;
                std::fs::write(&path, &bytes).unwrap();
                let (_, found) = look(folder.path());
                assert!(!found.is_empty(), "{}: {place} ^ {mask}", path.display());
                flipped += 1;
            }
        }
        std::fs::write(&path, &whole).unwrap();
    }
    assert!(flipped > 4_000, "{flipped}");
    sound(folder.path());
}

#[test]
fn a_flipped_byte_is_told_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    trail(folder.path(), 2, 6);
    let path = &files(folder.path(), "audit")[0];
    let whole = std::fs::read(path).unwrap();
    let places = frames(&whole);
    for (number, place) in places.iter().enumerate().take(places.len() - 1).skip(1) {
        let mut bytes = whole.clone();
        bytes[place + 30] ^= 1;
        std::fs::write(path, &bytes).unwrap();
        let (_, found) = look(folder.path());
        let seq = u64::try_from(number + 1).unwrap();
        assert!(found.iter().all(|it| it.seq == Some(seq)), "{found:?}");
        assert_eq!((found[0].fault, found[0].seq), (Fault::Changed, Some(seq)));
        assert_eq!(found[0].offset, Some(u64::try_from(*place).unwrap()));
    }
}

/// The trail with this segment's frames in this order.
fn reordered(folder: &Path, order: &dyn Fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>) -> Vec<&'static str> {
    let other = tempfile::tempdir().unwrap();
    copy(folder, other.path());
    let path = &files(other.path(), "audit")[1];
    let bytes = std::fs::read(path).unwrap();
    let places = frames(&bytes);
    let frames = places
        .windows(2)
        .map(|pair| bytes[pair[0]..pair[1]].to_vec());
    std::fs::write(path, order(frames.collect()).concat()).unwrap();
    faults(other.path())
}

#[test]
fn records_cannot_be_dropped_repeated_or_swapped() {
    let folder = tempfile::tempdir().unwrap();
    trail(folder.path(), 3, 6);
    let count = 9;
    for place in 0..count {
        let dropped = reordered(folder.path(), &|mut frames| {
            assert_eq!(frames.len(), count);
            frames.remove(place);
            frames
        });
        let expected = match place {
            0 => "header",
            _ if place + 1 == count => "truncated",
            _ => "missing",
        };
        assert!(dropped.contains(&expected), "{place}: {dropped:?}");
        let twice = reordered(folder.path(), &|mut frames| {
            frames.insert(place, frames[place].clone());
            frames
        });
        assert_eq!(twice, ["misplaced"], "{place}");
        for other in place + 1..count {
            let swapped = reordered(folder.path(), &|mut frames| {
                frames.swap(place, other);
                frames
            });
            assert!(!swapped.is_empty(), "{place}, {other}");
            let moved = reordered(folder.path(), &|mut frames| {
                let frame = frames.remove(place);
                frames.insert(other, frame);
                frames
            });
            assert!(!moved.is_empty(), "{place}, {other}");
        }
    }
}

#[test]
fn segments_cannot_be_dropped_swapped_or_cut() {
    let folder = tempfile::tempdir().unwrap();
    trail(folder.path(), 4, 3);
    let tampered = |tamper: &dyn Fn(&Path)| {
        let other = tempfile::tempdir().unwrap();
        copy(folder.path(), other.path());
        tamper(other.path());
        faults(other.path())
    };
    let gone = tampered(&|folder| std::fs::remove_file(&files(folder, "audit")[1]).unwrap());
    assert!(
        gone.contains(&"missing") && gone.contains(&"apart"),
        "{gone:?}"
    );
    let swapped = tampered(&|folder| {
        let paths = files(folder, "audit");
        let beside = folder.join("beside");
        std::fs::rename(&paths[1], &beside).unwrap();
        std::fs::rename(&paths[2], &paths[1]).unwrap();
        std::fs::rename(&beside, &paths[2]).unwrap();
    });
    assert!(!swapped.is_empty());
    let unsigned = tampered(&|folder| {
        std::fs::remove_file(&files(folder, "checkpoints")[1]).unwrap();
    });
    assert_eq!(unsigned, ["unsigned"]);
    let unsigned = tampered(&|folder| {
        std::fs::remove_file(&files(folder, "checkpoints")[3]).unwrap();
    });
    assert_eq!(unsigned, ["unsigned"]);
    let keyless = tampered(&|folder| std::fs::remove_file(folder.join("audit.pub")).unwrap());
    assert!(keyless.contains(&"public-key"));
    // The oldest may go: what is left says where it begins.
    let oldest = tampered(&|folder| {
        std::fs::remove_file(&files(folder, "audit")[0]).unwrap();
        std::fs::remove_file(&files(folder, "checkpoints")[0]).unwrap();
    });
    assert_eq!(oldest, [""; 0]);
}

#[test]
fn a_trail_that_ends_early_is_found_at_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    trail(folder.path(), 2, 3);
    let path = files(folder.path(), "audit").pop().unwrap();
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let found = faults(folder.path());
        assert!(found.contains(&"truncated"), "{length}: {found:?}");
    }
}

#[test]
fn a_checkpoint_kept_elsewhere_sees_what_the_folder_cannot() {
    let folder = tempfile::tempdir().unwrap();
    trail(folder.path(), 3, 3);
    let notes = std::fs::read_to_string(&files(folder.path(), "checkpoints")[2]).unwrap();
    let last = notes
        .trim_end()
        .rsplit_once("\n\nmulticode-audit")
        .unwrap()
        .1;
    let from = Signed::parse(&format!("multicode-audit{last}")).unwrap();
    let asked = Asked {
        from: Some(from),
        ..Asked::default()
    };
    let (report, found) = look_with(folder.path(), &asked);
    assert_eq!((report.segments, found), (1, vec![]));
    // Somebody with the disk takes the newest segment away, checkpoints and all.
    for ending in ["audit", "checkpoints"] {
        std::fs::remove_file(&files(folder.path(), ending)[2]).unwrap();
    }
    sound(folder.path());
    let (_, found) = look_with(folder.path(), &asked);
    assert_eq!(found[0].fault, Fault::Truncated { signed: 18 });
}

#[test]
fn another_key_signs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    trail(folder.path(), 1, 3);
    let other = tempfile::tempdir().unwrap();
    let mut setting = super::bench::setting(other.path());
    setting.key = multicode::audit::Key::Own([9; 32].into());
    multicode::audit::Audit::start(setting).unwrap().close();
    sound(other.path());
    let stranger = std::fs::read_to_string(other.path().join("audit.pub")).unwrap();
    let key = multicode::audit::PublicKey::parse(stranger.trim_end()).unwrap();
    let asked = Asked {
        keys: vec![key],
        ..Asked::default()
    };
    let (_, found) = look_with(folder.path(), &asked);
    let names: Vec<_> = found.iter().map(|finding| finding.fault.name()).collect();
    assert!(
        names.contains(&"checkpoint-signature") && names.contains(&"unsigned"),
        "{names:?}"
    );
}
