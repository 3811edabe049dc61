//! The clock on the wall is put forward and back while money moves.
//!
//! Run by `just prove`, which unpacks libfaketime; what stores do about clocks is among their tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use multicode::time::Timestamp;

use super::eventually;
use super::process::Process;
use super::till::{AHEAD, Order, Shop};

/// Jumps in seconds from the true time, one after the other.
const JUMPS: [i64; 9] = [7_200, 0, -7_200, 0, 7_200, -7_200, 3_600, -3_600, 0];

/// The library that comes between the program and the clock.
fn library() -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/faketime/usr/lib");
    let named = std::env::var_os("MULTICODE_FAKETIME").map(PathBuf::from);
    let found = named.or_else(|| {
        let folders = fs::read_dir(unpacked).ok()?;
        let folders = folders.filter_map(|it| Some(it.ok()?.path()));
        folders
            .map(|it| it.join("faketime/libfaketime.so.1"))
            .find(|it| it.exists())
    });
    found.expect("no libfaketime: `just prove` unpacks it, or name it in MULTICODE_FAKETIME")
}

/// A code that passed is never taken again, whatever the clock says.
fn assert_used(codes: &[Order], process: &Process, turn: usize) {
    for order in codes {
        let key = format!("{}-{turn}", order.id);
        let told = order.pay_as(process.addresses()[0], &key).unwrap();
        let refused = ["replayed", "refresh-code", "expired", "not-yet-valid"];
        assert!(refused.contains(&&*told.verdict()), "{order:?}: {told:?}");
    }
}

#[test]
#[ignore = "needs libfaketime: `just prove`"]
fn a_clock_that_jumps_two_hours_opens_no_window_and_stops_no_payment() {
    let shop = Shop::open(0..=5, |_| {});
    let offset = shop.files.path("offset");
    let set = |seconds: i64| {
        // Renamed into its place: the program never reads half of it.
        let new = shop.files.path("offset.new");
        fs::write(&new, format!("{seconds:+}\n")).unwrap();
        fs::rename(new, &offset).unwrap();
    };
    set(0);
    let mut command = shop.command(&[]);
    command
        .env("LD_PRELOAD", library())
        .env("FAKETIME_TIMESTAMP_FILE", &offset)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let process = Process::start(command);
    let gateway = process.addresses()[0];
    let code = |jump: i64| {
        let now = multicode::app::now().seconds() + jump;
        shop.made(Timestamp::from_seconds(now).after(AHEAD))
    };
    let mut used = Vec::new();
    let mut paid = Vec::new();
    for (turn, jump) in [0].into_iter().chain(JUMPS).enumerate() {
        set(jump);
        // The jump is there: a code of that time is not refused for its time.
        eventually("the clock jumps", || {
            let told = code(jump).pay(gateway).unwrap();
            !["expired", "not-yet-valid"].contains(&&*told.verdict())
        });
        assert_used(&used, &process, turn);
        for _ in 0..5 {
            let order = shop.wallet();
            let told = order.pay(gateway).unwrap();
            assert_eq!(told.status, 200, "{told:?}");
            paid.push((order, told.body));
            let order = code(jump);
            let told = order.pay(gateway).unwrap();
            // Nothing was forgotten in these seconds, so nothing is refused for being old.
            assert_eq!(told.status, 200, "{jump}: {told:?}");
            used.push(order);
        }
        for (order, body) in &paid {
            let told = order.pay(gateway).unwrap();
            assert_eq!((told.replayed, &told.body), (true, body), "{jump}");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(shop.bank.extra(), []);
    assert!(!process.said().contains("panicked"), "{}", process.said());
    assert_eq!(process.get("/readyz").0, 200);
}
