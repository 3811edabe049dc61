//! Bombs thrown at the program itself, by terminals, operators, an issuer's server and a platform: its memory
//! hardly grows over all of them together, each is refused for its own reason, and sound scans are answered
//! meanwhile.

mod bombs;
mod issuers;
mod memory;
mod others;

#[path = "../../../src/proxy/picture/tests/bombs.rs"]
mod made_bombs;

use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use self::bombs::Bomb;
use self::issuers::Issuer;
use self::memory::{most_while, resident};
use crate::edge::{Answer, Client, Files, Mocks, Program, json, post};
use crate::faults::delivery::report;
use crate::pictures::drawn;
use crate::proof::scale;

/// The most that resident memory may grow over one bomb, thrown by everybody at once, in KiB.
const GROWTH: usize = 64 << 10;

/// The same over all of them, one after the other: what was given back is not at once the system's again.
const ROW: usize = 96 << 10;

/// Who throws the same bomb at the same time.
const HANDS: usize = 8;

/// Who holds up a picture of which the last byte never comes, while others throw.
const STALLED: usize = 32;

/// How often each hand throws, in a test run and in the long proof.
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
fn throw(address: SocketAddr, request: &[u8]) -> Answer {
    let mut client = Client::new(address).patient();
    client.try_write(request);
    client.answer()
}

fn check(address: SocketAddr, bomb: &Bomb) {
    let [few, many] = TIMES;
    thread::scope(|scope| {
        for _ in 0..HANDS {
            scope.spawn(|| {
                for _ in 0..scale(few, many) {
                    let answer = throw(address, &bomb.request);
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

/// Many hold up what is nearly a whole picture while others throw pictures.
fn check_with_stalled(address: SocketAddr, bombs: &[Bomb]) {
    let mut nearly = post(
        "/v1/scan?scene=other",
        "Content-Type: image/png\r\n",
        vec![0x89; 4 << 20],
    );
    nearly.pop();
    let (here, over) = (Barrier::new(STALLED + 1), Barrier::new(STALLED + 1));
    thread::scope(|scope| {
        for _ in 0..STALLED {
            scope.spawn(|| {
                let mut client = Client::new(address);
                client.try_write(&nearly);
                here.wait();
                over.wait();
            });
        }
        here.wait();
        // Those that throw must not wait for ever for those that stall: the barrier is passed in any case.
        let done = std::panic::catch_unwind(|| bombs.iter().for_each(|bomb| check(address, bomb)));
        over.wait();
        if let Err(panic) = done {
            std::panic::resume_unwind(panic);
        }
    });
}

/// What was thrown so far, and how much memory the program took at most meanwhile.
struct Series<'a> {
    program: &'a Program,
    before: usize,
    most: usize,
    /// The most that one of them took beyond what was there before it.
    one: usize,
    told: String,
}

impl Series<'_> {
    fn throw(&mut self, name: &str, work: impl FnOnce()) {
        let (first, _) = resident(self.program.process());
        let most = most_while(self.program.process(), work);
        self.most = self.most.max(most);
        self.one = self.one.max(most.saturating_sub(first));
        let grown = most.saturating_sub(self.before);
        let line = format!("{grown:>7} KiB  {name}\n");
        if !self.told.ends_with(&line) {
            self.told += &line;
        }
    }
}

#[test]
fn no_bomb_goes_off() {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    let issuer = Issuer::among(&files);
    let platform = others::Platform::among(&files);
    let program = Program::serve(&files, "info");
    let address = program.scan_address();
    // Warm: every thread that reads pictures was there once.
    let photograph = drawn::png(&drawn::made(800, 600, |x, y| {
        if (x / 9 + y / 9) % 2 == 0 { 0 } else { 255 }
    }));
    let photograph = post("/v1/scan", "Content-Type: image/png\r\n", photograph);
    for _ in 0..8 {
        assert_eq!(throw(address, &sound()).status, 200);
        throw(address, &photograph);
    }
    let (before, _) = resident(program.process());
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut series = Series {
        program: &program,
        before,
        most: before,
        one: 0,
        told: String::new(),
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                assert_eq!(throw(address, &sound()).status, 200);
                served.fetch_add(1, Ordering::Relaxed);
            }
        });
        let _over = Over(&over);
        for bomb in issuers::all() {
            series.throw(bomb.name, || issuer.throws(&bomb));
        }
        for bomb in bombs::all() {
            series.throw(bomb.name, || check(address, &bomb));
        }
        series.throw("32 stalled pictures", || {
            check_with_stalled(address, &bombs::pictures());
        });
        for (name, answer) in others::answers() {
            series.throw(name, || platform.check(address, &answer));
        }
        for (name, bytes) in others::pictures() {
            series.throw(name, || others::check_lab(&program, &bytes));
        }
    });
    let (after, _) = resident(program.process());
    let Series {
        most, one, told, ..
    } = series;
    let grown = most - before;
    assert!(one < GROWTH, "{one} KiB over one\n{told}");
    assert!(grown < ROW, "{grown} KiB over all\n{told}");
    report(format_args!(
        "{told}{before} KiB before, {most} at most, {after} after, {served:?} sound scans meanwhile"
    ));
    assert!(served.into_inner() > 0);
}
