//! Bombs thrown at the program itself: its memory hardly grows, each is refused for its own reason, and
//! sound scans are answered meanwhile.

mod bombs;
mod memory;

#[path = "../../../src/proxy/picture/tests/bombs.rs"]
mod made_bombs;

#[path = "../../../src/proxy/picture/tests/drawn.rs"]
#[expect(dead_code, reason = "some of it is for the unit tests")]
mod drawn;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use self::bombs::Bomb;
use self::memory::{most_while, resident};
use crate::edge::{Answer, Client, Files, Mocks, Program, json, post};

/// A picture in shades of grey.
#[derive(Clone)]
struct Grey {
    shades: Vec<u8>,
    width: usize,
    height: usize,
}

/// The most that resident memory may grow over one bomb, in KiB.
const GROWTH: usize = 64 << 10;

/// Who throws the same bomb at the same time.
const HANDS: usize = 4;

/// How often each of them does.
const TIMES: usize = 3;

fn sound() -> Vec<u8> {
    json(&serde_json::json!({ "code": "6901234567892", "scene": "other" }))
}

/// Sends it, although the other side may answer and close before it has read all of it.
fn throw(program: &Program, request: &[u8]) -> Answer {
    let mut client = Client::new(program.scan_address()).patient();
    client.try_write(request);
    client.answer()
}

fn check(program: &Program, bomb: &Bomb) {
    thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                for _ in 0..TIMES {
                    let answer = throw(program, &bomb.request);
                    let reason = answer.reason().unwrap_or("none");
                    assert!(
                        bomb.reasons.contains(&reason),
                        "{}: {} {reason}: {}",
                        bomb.name,
                        answer.status,
                        answer.whole()
                    );
                }
            });
        }
    });
}

#[test]
fn no_bomb_goes_off() {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    let program = Program::serve(&files, "info");
    // Warm: every thread that reads pictures was there once.
    let photograph = drawn::png(&drawn::made(800, 600, |x, y| {
        if (x / 9 + y / 9) % 2 == 0 { 0 } else { 255 }
    }));
    let photograph = post("/v1/scan", "Content-Type: image/png\r\n", photograph);
    for _ in 0..8 {
        assert_eq!(throw(&program, &sound()).status, 200);
        throw(&program, &photograph);
    }
    let before = resident(program.process());
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut told = String::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                assert_eq!(throw(&program, &sound()).status, 200);
                served.fetch_add(1, Ordering::Relaxed);
            }
        });
        for bomb in bombs::all() {
            let (first, _) = resident(program.process());
            let most = most_while(program.process(), || check(&program, &bomb));
            let grown = most.saturating_sub(first);
            assert!(grown < GROWTH, "{}: {grown} KiB\n{told}", bomb.name);
            let line = format!("{grown:>7} KiB  {}\n", bomb.name);
            if !told.ends_with(&line) {
                told += &line;
            }
        }
        over.store(true, Ordering::Release);
    });
    let after = resident(program.process());
    println!("{told}{before:?} before, {after:?} after, {served:?} sound scans meanwhile");
    assert!(served.into_inner() > 0);
}
