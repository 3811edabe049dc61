//! The claims, carried from one process to the next.
//!
//! Written beside the ledger when it is closed, and good once: the ledger says which snapshot
//! belongs to it, and stops saying so before a new process goes by it. A snapshot that is damaged,
//! cut short or not the ledger's is none at all, and the memory begins anew.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Shared;
use super::fence::Fence;
use crate::state::claims::{Carried, ClaimSet};
use crate::state::{Name, Seals};
use crate::time::{Moment, Timestamp};

/// So many claims are sealed at a time: two megabytes.
const CLAIMS_A_PART: usize = 40_000;

/// Name, token, milliseconds left, and until when.
const CLAIM: usize = 2 * Name::LENGTH + 16;

/// No part is longer.
const LONGEST_PART: usize = CLAIMS_A_PART * CLAIM + 1024;

/// What the first part says.
const HEAD: usize = 1 + 8 + 1 + 8 + 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Last,
    More,
}

/// What a snapshot holds.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) claims: ClaimSet,
    pub(super) fence: Option<Fence>,
}

/// Writes the claims of the desk; they count when the ledger says so.
pub(super) fn write(shared: &Shared, ledger: &Path) -> io::Result<()> {
    let id = shared.seals.fresh_name().map_err(io::Error::other)?;
    let path = path_of(ledger);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(&path)?;
    let mut part = Vec::with_capacity(HEAD);
    let mut number = 0_u64;
    let desk = shared.desk();
    let steady = desk.latest().steady;
    put_head(&mut part, desk.claims.watermark(), desk.fence, steady);
    let mut claims = desk.claims.carried(steady).peekable();
    loop {
        for claim in claims.by_ref().take(CLAIMS_A_PART) {
            put_claim(&mut part, &claim);
        }
        let place = claims.peek().map_or(Place::Last, |_| Place::More);
        let sealed = shared
            .seals
            .seal(part_name(&shared.seals, id, number, place), &part)
            .map_err(io::Error::other)?;
        let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        file.write_all(&[u8::from(place == Place::Last)])?;
        file.write_all(&length.to_le_bytes())?;
        file.write_all(&sealed)?;
        if place == Place::Last {
            break;
        }
        part.clear();
        number = number.saturating_add(1);
    }
    drop(claims);
    drop(desk);
    file.sync_all()?;
    if let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    shared.shelf.note_snapshot(id).map_err(io::Error::other)
}

/// Reads the snapshot of that name, and removes whatever snapshot there is.
pub(super) fn read(
    ledger: &Path,
    id: Option<Name>,
    seals: &Seals,
    most: usize,
    now: Moment,
) -> Option<Snapshot> {
    let path = path_of(ledger);
    let file = File::open(&path).ok();
    // The ledger does not name it any more: should this fail, nobody goes by it again.
    drop(fs::remove_file(&path));
    let (mut file, id) = (io::BufReader::new(file?), id?);
    let mut claims = ClaimSet::new(most);
    let mut fence = None;
    for number in 0_u64.. {
        let (place, sealed) = get_part(&mut file)?;
        let plain = seals.open(part_name(seals, id, number, place), &sealed)?;
        let mut rest = &*plain;
        if number == 0 {
            let (watermark, carried) = get_head(&mut rest, now)?;
            claims.restore_watermark(watermark);
            fence = carried;
        }
        while !rest.is_empty() {
            let claim = get_claim(&mut rest)?;
            if !claims.restore(claim, now.steady) {
                // Fewer fit than there were: what is not known any more must not look new.
                return None;
            }
        }
        if place == Place::Last {
            break;
        }
    }
    Some(Snapshot { claims, fence })
}

fn path_of(ledger: &Path) -> PathBuf {
    let mut path = ledger.as_os_str().to_owned();
    path.push(".claims");
    path.into()
}

/// Each part opens in its own place only, and the last as the last.
fn part_name(seals: &Seals, id: Name, number: u64, place: Place) -> Name {
    let place = [u8::from(place == Place::Last)];
    seals.name(
        "claims",
        [&id.as_bytes()[..], &number.to_le_bytes(), &place],
    )
}

fn put_head(
    part: &mut Vec<u8>,
    watermark: Option<Timestamp>,
    fence: Option<Fence>,
    steady: Duration,
) {
    part.push(u8::from(watermark.is_some()));
    part.extend(watermark.unwrap_or_default().millis().to_le_bytes());
    part.push(u8::from(fence.is_some()));
    let wall = fence.map(|fence| fence.wall).unwrap_or_default();
    part.extend(wall.millis().to_le_bytes());
    let age = fence.map(|fence| fence.age(steady)).unwrap_or_default();
    part.extend(millis(age).to_le_bytes());
}

fn get_head(rest: &mut &[u8], now: Moment) -> Option<(Option<Timestamp>, Option<Fence>)> {
    let [marked] = take(rest)?;
    let watermark = Timestamp::from_millis(i64::from_le_bytes(take(rest)?));
    let [fenced] = take(rest)?;
    let fence = Fence {
        wall: Timestamp::from_millis(i64::from_le_bytes(take(rest)?)),
        age: Duration::from_millis(u64::from_le_bytes(take(rest)?)),
        steady: now.steady,
    };
    Some((
        (marked == 1).then_some(watermark),
        (fenced == 1).then_some(fence),
    ))
}

fn put_claim(part: &mut Vec<u8>, claim: &Carried) {
    part.extend(claim.name.as_bytes());
    part.extend(claim.token.as_bytes());
    part.extend(millis(claim.left).to_le_bytes());
    part.extend(claim.until.millis().to_le_bytes());
}

fn get_claim(rest: &mut &[u8]) -> Option<Carried> {
    Some(Carried {
        name: Name::from_bytes(take(rest)?),
        token: Name::from_bytes(take(rest)?),
        left: Duration::from_millis(u64::from_le_bytes(take(rest)?)),
        until: Timestamp::from_millis(i64::from_le_bytes(take(rest)?)),
    })
}

fn get_part(file: &mut impl Read) -> Option<(Place, Vec<u8>)> {
    let (mut place, mut length) = ([0; 1], [0; 4]);
    file.read_exact(&mut place).ok()?;
    file.read_exact(&mut length).ok()?;
    let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
    if length > LONGEST_PART {
        return None;
    }
    let mut sealed = vec![0; length];
    file.read_exact(&mut sealed).ok()?;
    let place = if place == [1] {
        Place::Last
    } else {
        Place::More
    };
    Some((place, sealed))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

/// Rounded up: what is carried must not end early.
fn millis(span: Duration) -> u64 {
    let whole = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    whole.saturating_add(1)
}
