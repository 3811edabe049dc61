//! The process may open no more files.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::crowd::{connect, exchange, scan};
use super::department::Department;
use super::process::{Folder, Process};
use super::{SOON, eventually};

const AT: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

/// How long a worker that spins would have to show it.
const WATCHED: Duration = Duration::from_secs(2);

/// The time on the processor so far, in hundredths of a second.
fn ticks(id: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let (_, after) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<_> = after.split(' ').collect();
    fields[11..13]
        .iter()
        .map(|it| it.parse::<u64>().unwrap())
        .sum()
}

fn descriptors(id: u32) -> usize {
    fs::read_dir(format!("/proc/{id}/fd")).unwrap().count()
}

fn highest(id: u32) -> usize {
    let open = fs::read_dir(format!("/proc/{id}/fd")).unwrap();
    let number = |entry: fs::DirEntry| entry.file_name().to_str().unwrap().parse().unwrap();
    open.map(|entry| number(entry.unwrap())).max().unwrap()
}

#[track_caller]
fn assert_rests(id: u32) {
    let before = ticks(id);
    sleep(WATCHED);
    let used = ticks(id) - before;
    // Half of one processor would be a hundred.
    assert!(used < 50, "{used} ticks in {WATCHED:?}");
}

#[test]
fn sixty_four_descriptors_are_enough_to_serve_some_and_refuse_the_rest() {
    let department = Department::open();
    let folder = Folder::new(department.address);
    let limited = folder.serve(&["prlimit", "--nofile=64:64"], &AT);
    let process = Process::start(limited);
    let warnings =
        process.events("the limit of open files allows fewer connections than configured");
    let allowed = warnings[0]["allowed"].as_u64().unwrap();
    assert!((1..32).contains(&allowed), "{allowed}");
    let address = process.addresses()[0];
    // Somebody is being served, and a crowd comes that does nothing but be there.
    let mut served = connect(address).unwrap();
    exchange(&mut served, &scan(0, 0), "").unwrap();
    let slow = std::thread::spawn(move || {
        let goodbye = exchange(&mut served, &scan(1, 1_500), "").unwrap();
        (goodbye, served)
    });
    let crowd: Vec<_> = (0..200).map(|_| connect(address).unwrap()).collect();
    sleep(Duration::from_millis(300));
    assert_eq!(process.get("/readyz").0, 200);
    assert_eq!(process.get("/metrics").0, 200);
    assert_rests(process.serving());
    let (goodbye, mut served) = slow.join().unwrap();
    assert!(!goodbye);
    exchange(&mut served, &scan(2, 0), "").unwrap();
    assert!(descriptors(process.serving()) <= 64);
    drop(crowd);
    eventually("who comes later is served", || {
        connect(address).is_ok_and(|mut stream| exchange(&mut stream, &scan(3, 0), "").is_ok())
    });
    assert_eq!(
        process.events("cannot accept").len(),
        0,
        "{}",
        process.said()
    );
}

#[test]
fn whoever_cannot_be_accepted_waits_until_there_is_a_descriptor() {
    let department = Department::open();
    let folder = Folder::new(department.address);
    let process = Process::start(folder.serve(&[], &AT));
    let (id, address) = (process.serving(), process.addresses()[0]);
    // The connection to the department is kept, so that this one needs nothing new.
    let mut served = connect(address).unwrap();
    exchange(&mut served, &scan(0, 0), "").unwrap();
    let limit = |files: usize| {
        let (id, files) = (id.to_string(), format!("--nofile={files}:"));
        let set = Command::new("prlimit")
            .args(["--pid", &id, &files])
            .status();
        assert!(set.unwrap().success());
    };
    // Descriptors that are free below the limit are taken by some who say nothing.
    limit(highest(id) + 1);
    let mut silent = Vec::new();
    eventually("nobody can be accepted", || {
        silent.push(connect(address).unwrap());
        !process.events("cannot accept").is_empty()
    });
    // On the other worker's socket as well.
    silent.extend((0..20).map(|_| connect(address).unwrap()));
    let waiting: Vec<_> = (1..=20)
        .map(|number| {
            let mut stream = connect(address).unwrap();
            std::thread::spawn(move || exchange(&mut stream, &scan(number, 0), ""))
        })
        .collect();
    assert_rests(id);
    // Operators have descriptors of their own, however often they come.
    for _ in 0..20 {
        assert_eq!(process.get("/metrics").0, 200);
    }
    assert!(waiting.iter().all(|it| !it.is_finished()));
    exchange(&mut served, &scan(100, 0), "").unwrap();
    // One complaint for each socket, not one for each attempt; and one more for each of the operators'
    // four spare descriptors that a worker was faster to take.
    assert!(
        process.events("cannot accept").len() <= 2 + 4,
        "{}",
        process.said()
    );
    limit(1_024);
    let began = Instant::now();
    for answer in waiting {
        answer.join().unwrap().unwrap();
    }
    assert!(began.elapsed() < SOON);
    drop(silent);
    process.wait_for("can accept again", 1);
    assert_eq!(process.get("/readyz").0, 200);
}
