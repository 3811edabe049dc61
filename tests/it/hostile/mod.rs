//! Bombs thrown at the program itself: its memory hardly grows, each is refused for its own reason, and
//! sound scans are answered meanwhile.

mod bombs;
mod memory;

#[path = "../../../src/proxy/picture/tests/bombs.rs"]
mod made_bombs;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use self::bombs::Bomb;
use self::memory::{most_while, resident};
use crate::edge::{Answer, Client, Files, Mocks, Program, json, post};
use crate::faults::delivery::{report, scale};
use crate::pictures::drawn;

/// The most that resident memory may grow over one bomb, in KiB.
const GROWTH: usize = 64 << 10;

/// Who throws the same bomb at the same time.
const HANDS: usize = 4;

/// How often each of them does, in a test run and in the long proof.
const TIMES: [usize; 2] = [1, 3];

/// Says so at its end, also where a bomb went off: nobody scans on then.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

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
    let [few, many] = TIMES;
    thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                for _ in 0..scale(few, many) {
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
        let _over = Over(&over);
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
    });
    let after = resident(program.process());
    report(format_args!(
        "{told}{before:?} before, {after:?} after, {served:?} sound scans meanwhile"
    ));
    assert!(served.into_inner() > 0);
}
