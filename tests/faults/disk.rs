//! The disk below the books is full, or cannot be written to, while the program runs.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use super::delivery::report;
use super::process::Process;
use super::street::Street;
use super::till::Shop;
use super::{SOON, eventually};
use crate::reruns;

/// The signal that would kill whoever writes beyond the limit is ignored, as services do.
const IGNORE: &str = r#"trap "" XFSZ; exec "$@""#;

/// A disk of its own over the folder, of this size and sort; as root of nothing but itself.
const SMALL: &str = r#"mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@""#;
const READ_ONLY: &str = r#"mount -t tmpfs -o ro,size=8m tmpfs "$0" && exec "$@""#;

/// Money moves, the disk fills up, there is room again.
fn full_and_recovered(shop: &Shop, process: &Process, take: impl Fn(), give: impl Fn()) {
    let gateway = process.addresses()[0];
    let street = Street::of(shop, vec![gateway]);
    scope(|threads| {
        let _hours = street.open(threads);
        for _ in 0..2 {
            street.pays_on(30);
            let early = shop.wallet();
            let paid = early.pay(gateway).unwrap();
            assert_eq!(paid.status, 200, "{paid:?}");
            take();
            let refused = refused(shop, gateway);
            // What was paid before is remembered.
            eventually("it is told again", || {
                early
                    .pay(gateway)
                    .is_ok_and(|told| told.replayed && told.body == paid.body)
            });
            give();
            eventually("what was refused passes", || {
                let told = refused.pay(gateway).unwrap();
                told.status == 200
            });
            assert_eq!(shop.bank.deliveries(&refused.id), 1);
        }
        street.pays_on(30);
    });
    assert!(street.refused() > 0, "nobody was refused");
    let verdicts = street.audit(false);
    report(format_args!("{} refused, {verdicts:?}", street.refused()));
    assert!(verdicts["200"] > 60, "{verdicts:?}");
}

/// A payment that is refused, as every other is, while at the desk work goes on.
fn refused(shop: &Shop, gateway: SocketAddr) -> super::till::Order {
    let mut last = shop.wallet();
    eventually("payments are refused", || {
        last = shop.wallet();
        last.pay(gateway).unwrap().verdict() == "store-unavailable"
    });
    for order in [&last, &shop.wallet(), &shop.one_time()] {
        let told = order.pay(gateway).unwrap();
        assert_eq!((told.status, &*told.verdict()), (503, "store-unavailable"));
        assert_eq!(shop.bank.deliveries(&order.id), 0);
    }
    for _ in 0..10 {
        let told = shop.desk(gateway).unwrap();
        assert_eq!(told.status, 200, "{told:?}");
    }
    last
}

#[test]
fn a_file_that_may_not_grow_stops_payments_until_it_may() {
    let shop = Shop::open(0..=5, |_| {});
    let process = Process::start(shop.command(&["sh", "-c", IGNORE, "sh"]));
    let limit = |bytes: &str| {
        let id = process.id().to_string();
        let set = Command::new("prlimit")
            .args(["--pid", &id, &format!("--fsize={bytes}:")])
            .status();
        assert!(set.unwrap().success());
    };
    full_and_recovered(&shop, &process, || limit("4096"), || limit("unlimited"));
}

#[test]
fn a_full_disk_stops_payments_until_there_is_room() {
    if !reruns::may_mount() {
        return;
    }
    let shop = Shop::open(0..=5, |_| {});
    let folder = shop.files.path("state");
    fs::create_dir(&folder).unwrap();
    let place = folder.to_str().unwrap();
    let process =
        Process::start(shop.command(&["unshare", "-Ur", "--mount", "sh", "-c", SMALL, place]));
    // The folder as the process sees it.
    let seen = PathBuf::from(format!("/proc/{}/root{place}", process.id()));
    let filler = seen.join("filler");
    let take = || {
        let mut file = fs::File::create(&filler).unwrap();
        while file.write_all(&[7; 4096]).is_ok() {}
    };
    let give = || fs::remove_file(&filler).unwrap();
    full_and_recovered(&shop, &process, take, give);
}

#[test]
fn on_a_disk_that_is_read_only_it_does_not_start_and_says_why() {
    if !reruns::may_mount() {
        return;
    }
    let shop = Shop::open(0..=5, |_| {});
    let folder = shop.files.path("state");
    fs::create_dir(&folder).unwrap();
    let place = folder.to_str().unwrap();
    let mut command = shop.command(&["unshare", "-Ur", "--mount", "sh", "-c", READ_ONLY, place]);
    let (began, mut child) = (Instant::now(), command.spawn().unwrap());
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > SOON {
            let _ = child.kill();
        }
        sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code().is_some_and(|code| code != 0), "{said}");
    assert!(
        said.contains("ledger") && said.contains("Read-only"),
        "{said}"
    );
    // The same files on a disk that is as it should be.
    let process = shop.serve();
    assert_eq!(
        shop.wallet().pay(process.addresses()[0]).unwrap().status,
        200
    );
}
