//! Files that are torn, swapped, deleted and put back while terminals scan: never half a configuration,
//! never a lost scan.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use multicode::random::Random;
use serde_json::json;

use super::gateway::value_of;
use super::{Client, EAN, Files, HEALTH_CARD, Mocks, Program, json as post_json};
use crate::faults::delivery::report;
use crate::proof::scale;

/// Edits in a test run, and in the long proof.
const FEW: usize = 40;
const MANY: usize = 1_000;

/// After so many edits the gateway is waited for, once with good files and once with bad ones, so that
/// both are seen in between.
const EACH: u64 = 5;

/// For the reloads that were asked for meanwhile.
const LONG: Duration = Duration::from_secs(60);

/// Terminals that scan all the time.
const TERMINALS: usize = 4;

/// One configuration in three files. Two of them are moved into place together, and a request shows
/// both: the endpoint of the one is its host, the route of the other its path. Nothing in them ties
/// them to each other, so that a mixture would be accepted. The third is torn: the test in the first says
/// what it must hold when it is whole.
struct Edited {
    files: Files,
    department: SocketAddr,
    random: Random,
}

/// The loopback network has an address for each generation.
fn host(generation: u64) -> u64 {
    generation % 250 + 1
}

/// Its last part is padding, so that most of what is cut off is what matters.
fn torn(generation: u64) -> String {
    let padding = "# nothing\n".repeat(30);
    format!(
        r#"{padding}owner = "torn"
[[route]]
name    = "torn"
match   = {{ kind = ["goods"], scene = ["pharmacy"], family = ["ean"] }}
respond = true
# {generation}
"#
    )
}

impl Edited {
    fn mount(&self) -> PathBuf {
        self.files.path("mount")
    }

    /// Moves both files of a generation into place by one link.
    fn swap(&self, generation: u64) {
        let (mount, port) = (self.mount(), self.department.port());
        let folder = mount.join(format!("..{generation}"));
        fs::create_dir_all(&folder).unwrap();
        let route = format!(
            r#"
owner = "storm"
[[route]]
name    = "storm"
match   = {{ kind = ["health-card"], scene = ["other"] }}
forward = {{ upstream = "storm", path = "/{generation}", method = "POST" }}
[[test]]
name   = "the third file is whole"
code   = "{EAN}"
scene  = "pharmacy"
at     = "2026-11-22T09:00:00+08:00"
expect = {{ route = "torn" }}
"#
        );
        let upstream = format!(
            "owner = \"tempest\"\n[upstream.storm]\nendpoints = [\"http://127.0.0.{}:{port}\"]\ntimeout = \"20s\"\n",
            host(generation)
        );
        // What may be in force is not written to.
        if !folder.join("tempest.toml").exists() {
            fs::write(folder.join("storm.toml"), route).unwrap();
            fs::write(folder.join("tempest.toml"), upstream).unwrap();
        }
        let link = mount.join("..new");
        symlink(format!("..{generation}"), &link).unwrap();
        fs::rename(link, mount.join("..data")).unwrap();
    }

    /// One of the things that happen to files.
    fn edit(&mut self, generation: u64) {
        let path = self.files.path("routes.d/torn.toml");
        let whole = torn(generation);
        let cut = self.random.below(whole.len());
        match self.random.below(10) {
            // Written anew, as it was, and a little later again: nothing but the time says so.
            8 | 9 => {
                let bytes = fs::read(&path).unwrap_or_default();
                for _ in 0..2 {
                    fs::write(&path, &bytes[..cut.min(bytes.len())]).unwrap();
                    self.pause();
                    fs::write(&path, &bytes).unwrap();
                }
            }
            0 | 1 => self.swap(generation),
            2 => fs::write(&path, &whole.as_bytes()[..cut]).unwrap(),
            3 => {
                // In the middle of being written.
                let mut file = fs::File::create(&path).unwrap();
                file.write_all(&whole.as_bytes()[..cut]).unwrap();
                self.pause();
                file.write_all(&whole.as_bytes()[cut..]).unwrap();
            }
            4 => {
                let mut bytes = whole.into_bytes();
                let other = self.random.below(bytes.len());
                bytes.swap(cut, other);
                fs::write(&path, bytes).unwrap();
            }
            5 => fs::remove_file(&path).unwrap_or_default(),
            6 => {
                let (routes, away) = (self.files.path("routes.d"), self.files.path("away"));
                fs::rename(&routes, &away).unwrap();
                self.pause();
                fs::rename(&away, &routes).unwrap();
            }
            _ => {
                let new = self.files.path("routes.d/.torn.toml.new");
                fs::write(&new, whole).unwrap();
                fs::rename(new, path).unwrap();
            }
        }
    }

    /// Sometimes shorter than the gateway waits, sometimes longer.
    fn pause(&mut self) {
        let millis = [0, 5, 40, 150, 450][self.random.below(5)];
        sleep(Duration::from_millis(millis));
    }
}

/// A department that says which configuration asked it, and notes when two did at once.
fn department(mixed: &Arc<AtomicU64>) -> SocketAddr {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mixed = Arc::clone(mixed);
    spawn(move || {
        for stream in listener.incoming() {
            let mixed = Arc::clone(&mixed);
            spawn(move || serve(stream.unwrap(), &mixed));
        }
    });
    address
}

fn serve(stream: std::net::TcpStream, mixed: &AtomicU64) {
    use std::io::{BufRead, BufReader, Read};
    let mut stream = BufReader::new(stream);
    loop {
        let (mut path, mut host_said, mut length) = (String::new(), String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).unwrap_or_default() == 0 {
                return;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("post /") {
                rest.split(' ').next().unwrap().clone_into(&mut path);
            } else if let Some(said) = line.strip_prefix("host: ") {
                said.split(':').next().unwrap().clone_into(&mut host_said);
            } else if let Some(said) = line.strip_prefix("content-length: ") {
                length = said.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        stream.read_exact(&mut vec![0; length]).unwrap();
        let generation: u64 = path.parse().unwrap();
        if host_said != format!("127.0.0.{}", host(generation)) {
            mixed.fetch_add(1, Ordering::Relaxed);
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}",
            path.len()
        );
        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Scans both codes until told to stop; says how often, and what was wrong.
fn terminal(address: SocketAddr, over: &AtomicBool, newest: &AtomicU64) -> (usize, Vec<String>) {
    let (mut scans, mut wrong) = (0, Vec::new());
    let mut client = Client::new(address);
    let card = post_json(&json!({ "code": HEALTH_CARD, "scene": "other" }));
    let goods = post_json(&json!({ "code": EAN, "scene": "pharmacy" }));
    while !over.load(Ordering::Relaxed) {
        let answer = client.exchange(&card);
        let generation = answer.text().parse::<u64>().ok();
        let newest = newest.load(Ordering::SeqCst);
        if answer.status != 200 || generation.is_none_or(|it| it > newest) {
            wrong.push(format!("{answer:?}"));
        }
        let answer = client.exchange(&goods);
        if answer.status != 200 || answer.json()["route"] != "torn" {
            wrong.push(format!("{answer:?}"));
        }
        scans += 2;
    }
    (scans, wrong)
}

#[track_caller]
fn wait(program: &Program, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "{}", program.said());
        sleep(Duration::from_millis(50));
    }
}

fn loads(program: &Program, result: &str) -> f64 {
    let metrics = program.get("/metrics");
    let series = format!("multicode_config_reloads_total{{result=\"{result}\"}}");
    value_of(metrics.text(), &series)
}

/// Waits until this generation is, and nothing newer is refused.
#[track_caller]
fn in_force(program: &Program, generation: u64) {
    let card = post_json(&json!({ "code": HEALTH_CARD, "scene": "other" }));
    wait(program, || {
        program.send(&card).text() == generation.to_string()
            && program.get("/readyz").json()["config"]["stale_since"].is_null()
    });
}

/// Changes the files somehow; now and then leaves them whole, or broken for good, until that is noticed.
fn one_edit(program: &Program, edited: &mut Edited, generation: u64) {
    edited.edit(generation);
    if edited.random.below(8) == 0 {
        // Whoever has the files read at once has them as they stand.
        program.signal("HUP");
    }
    edited.pause();
    if generation.is_multiple_of(2 * EACH) {
        edited.swap(generation);
        edited.files.write("routes.d/torn.toml", &torn(generation));
        in_force(program, generation);
    } else if generation.is_multiple_of(EACH) {
        let before = loads(program, "failure");
        let broken = "owner = \"torn\"\n[[route]]\n";
        edited.files.write("routes.d/torn.toml", broken);
        wait(program, || loads(program, "failure") > before + 0.5);
    }
}

#[test]
fn a_storm_of_edits_never_brings_half_a_configuration_into_force() {
    let edits = scale(FEW, MANY);
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    let mixed = Arc::new(AtomicU64::new(0));
    let mut edited = Edited {
        department: department(&mixed),
        files,
        random: Random::seeded(20_261_122),
    };
    edited.swap(0);
    edited.files.write("routes.d/torn.toml", &torn(0));
    for name in ["storm.toml", "tempest.toml"] {
        let link = edited.files.path("routes.d").join(name);
        symlink(edited.mount().join("..data").join(name), link).unwrap();
    }
    let program = Program::watching(&edited.files);
    let (over, newest) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let terminals = (0..TERMINALS).map(|_| {
        let (over, newest) = (Arc::clone(&over), Arc::clone(&newest));
        let address = program.scan;
        spawn(move || terminal(address, &over, &newest))
    });
    let terminals: Vec<_> = terminals.collect();
    for edit in 1..=edits {
        let generation = u64::try_from(edit).unwrap();
        // It may be in force before the edit is done.
        newest.store(generation, Ordering::SeqCst);
        one_edit(&program, &mut edited, generation);
    }
    let last = u64::try_from(edits).unwrap() + 1;
    newest.store(last, Ordering::SeqCst);
    edited.swap(last);
    edited.files.write("routes.d/torn.toml", &torn(last));
    in_force(&program, last);
    over.store(true, Ordering::Relaxed);
    let mut scans = 0;
    for terminal in terminals {
        let (some, wrong) = terminal.join().unwrap();
        assert_eq!(wrong, Vec::<String>::new());
        scans += some;
    }
    assert_eq!(mixed.load(Ordering::Relaxed), 0, "of {scans}");
    let metrics = program.get("/metrics");
    let successful = "multicode_config_last_reload_successful";
    assert!(value_of(metrics.text(), successful) > 0.5);
    let results = ["success", "failure"].map(|result| loads(&program, result));
    report(format_args!(
        "{edits} edits, {scans} scans, loaded and refused: {results:?}"
    ));
    let history = program.get("/admin/config/history").json();
    assert_eq!(history["reloads"][0]["result"], "success");
    let said = program.said();
    let reloads = said.lines().filter(|it| it.contains("configuration re"));
    let newest = { reloads }.next_back().unwrap();
    assert!(newest.contains("configuration reloaded"), "{newest}");
}
