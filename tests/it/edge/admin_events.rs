//! Scans as operators see them happen.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{EAN, Files, Mocks, Program, eventually, post};

/// Somebody who watches.
struct Watcher(BufReader<TcpStream>);

impl Watcher {
    fn of(program: &Program, query: &str) -> Self {
        let stream = TcpStream::connect(program.admin).unwrap();
        stream.set_read_timeout(Some(super::SOON)).unwrap();
        let path = format!("/admin/events{query}");
        let request = program.request("GET", &path, &program.as_viewer(), "");
        (&stream).write_all(&request).unwrap();
        let mut watcher = Self(BufReader::new(stream));
        assert_eq!(watcher.next("hello")["sample"], 1.0);
        watcher
    }

    /// The data of the next event of that name.
    fn next(&mut self, name: &str) -> Value {
        let mut is = false;
        loop {
            let mut line = String::new();
            assert!(
                self.0.read_line(&mut line).unwrap() > 0,
                "no {name} any more"
            );
            if let Some(event) = line.strip_prefix("event: ") {
                is = event.trim() == name;
            }
            if let Some(data) = line.strip_prefix("data: ").filter(|_| is) {
                return serde_json::from_str(data).unwrap();
            }
        }
    }
}

fn serve() -> (Program, Mocks, Files) {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    (Program::serve(&files, "info"), mocks, files)
}

#[test]
fn watchers_see_what_they_ask_for() {
    let (program, _mocks, _files) = serve();
    let mut all = Watcher::of(&program, "");
    let mut refusals = Watcher::of(&program, "?outcome=rejection&reason=merchant-code");
    program.send(post("/v1/scan?terminal=W-0001", "", EAN));
    let merchant = "wxp://f2f0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789";
    program.send(post("/v1/scan", "", merchant));
    let first = all.next("scan");
    assert_eq!(
        (&first["family"], &first["outcome"], &first["terminal"]),
        (&"ean".into(), &"decision".into(), &"W-0001".into())
    );
    assert!(first["stages"].as_array().unwrap().len() > 2 && first["total_us"].as_u64() > Some(0));
    let second = all.next("scan");
    assert_eq!(second["reason"], "merchant-code");
    assert_eq!(refusals.next("scan")["id"], second["id"]);
    for event in [&first, &second] {
        let told = event.to_string();
        assert!(
            !told.contains(EAN) && !told.contains("f2f0aBcDeFgHiJ"),
            "{told}"
        );
    }
    let recent = program.get("/admin/events/recent?limit=1").json();
    assert_eq!(recent["events"][0], second);
    assert_eq!(recent["events"].as_array().unwrap().len(), 1);
    let recent = program.get("/admin/events/recent?family=ean").json();
    assert_eq!(recent["events"], serde_json::json!([first]));
}

#[test]
fn a_watcher_who_does_not_read_holds_nobody_up() {
    let (program, _mocks, _files) = serve();
    let slow = Watcher::of(&program, "");
    let mut quick = Watcher::of(&program, "");
    let began = Instant::now();
    for _ in 0..400 {
        assert_eq!(program.send(post("/v1/scan", "", EAN)).status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(60));
    let note = quick.next("sampled");
    assert!(note["seen"].as_u64() > note["shown"].as_u64(), "{note}");
    assert_eq!(program.get("/readyz").status, 200);
    drop(slow);
}

#[test]
fn so_many_may_watch_and_all_are_sent_home_at_the_end() {
    let (mut program, _mocks, _files) = serve();
    let mut watchers: Vec<_> = (0..16).map(|_| Watcher::of(&program, "")).collect();
    let refused = program.get("/admin/events");
    assert_eq!(refused.status, 503);
    assert_eq!(
        refused.json()["type"],
        "urn:multicode:admin:too-many-watchers"
    );
    watchers.pop();
    eventually("a place is free", || {
        let stream = TcpStream::connect(program.admin).unwrap();
        let request = program.request("GET", "/admin/events", &program.as_viewer(), "");
        (&stream).write_all(&request).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.starts_with("HTTP/1.1 200")
    });
    program.signal("TERM");
    assert_eq!(program.ended().code(), Some(0));
}
