//! Files that change are read again without anybody asking, whichever way they change.

use std::fs;
use std::os::unix::fs::symlink;
use std::thread::sleep;
use std::time::Duration;

use super::gateway::value_of;
use super::{EAN, Files, Mocks, Program, eventually};

/// Longer than the gateway waits for files to come to rest.
const LONGER: Duration = Duration::from_millis(900);

/// A department whose route medicines take in the pharmacy.
fn department(route: &str) -> String {
    format!(
        r#"
owner = "edge"
[[route]]
name    = "{route}"
match   = {{ kind = ["goods"], scene = ["pharmacy"], family = ["ean"] }}
respond = true
"#
    )
}

struct Town {
    files: Files,
    program: Program,
    _mocks: Mocks,
}

impl Town {
    fn new() -> Self {
        let (files, mocks) = (Files::shipped(), Mocks::start());
        mocks.stand_in(&files);
        let program = Program::watching(&files);
        Self {
            files,
            program,
            _mocks: mocks,
        }
    }

    fn route(&self) -> String {
        let scan = super::json(&serde_json::json!({ "code": EAN, "scene": "pharmacy" }));
        let answer = self.program.send(&scan);
        answer.json()["route"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn takes(&self, route: &str) {
        eventually(route, || self.route() == route);
    }

    fn loads(&self, result: &str) -> f64 {
        let metrics = self.program.get("/metrics");
        let series = format!("multicode_config_reloads_total{{result=\"{result}\"}}");
        value_of(metrics.text(), &series)
    }

    fn last_reload(&self) -> serde_json::Value {
        self.program.get("/admin/config/history").json()["reloads"][0].clone()
    }
}

#[test]
fn files_are_read_again_however_they_change() {
    let town = Town::new();
    let files = &town.files;
    assert_eq!(town.route(), "medicine");

    files.write("routes.d/edge.toml", &department("written"));
    town.takes("written");
    assert_eq!(town.last_reload()["by"], "watch");

    // As editors and package managers do.
    files.write("routes.d/.edge.toml.new", &department("renamed"));
    let edge = files.path("routes.d/edge.toml");
    fs::rename(files.path("routes.d/.edge.toml.new"), &edge).unwrap();
    town.takes("renamed");

    fs::rename(&edge, files.path("edge.toml.off")).unwrap();
    town.takes("medicine");

    // A folder that goes, and comes back as another one.
    let (routes, aside) = (files.path("routes.d"), files.path("aside"));
    fs::rename(&routes, &aside).unwrap();
    eventually("it says that routes are gone", || {
        town.last_reload()["result"] == "failure"
    });
    assert_eq!(town.route(), "medicine");
    fs::create_dir(&routes).unwrap();
    for entry in fs::read_dir(&aside).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, routes.join(path.file_name().unwrap())).unwrap();
    }
    files.write("routes.d/edge.toml", &department("again"));
    town.takes("again");

    // What is there is watched as well.
    files.write("routes.d/edge.toml", &department("still"));
    town.takes("still");
}

#[test]
fn a_folder_that_a_link_leads_to_is_followed() {
    let town = Town::new();
    let files = &town.files;
    let mount = files.path("mount");
    let version = |name: &str| {
        fs::create_dir_all(mount.join(name)).unwrap();
        fs::write(mount.join(name).join("edge.toml"), department(name)).unwrap();
        symlink(name, mount.join("..tmp")).unwrap();
        fs::rename(mount.join("..tmp"), mount.join("..data")).unwrap();
    };
    version("..first");
    symlink(
        mount.join("..data/edge.toml"),
        files.path("routes.d/edge.toml"),
    )
    .unwrap();
    town.takes("..first");
    for name in ["..second", "..third"] {
        version(name);
        town.takes(name);
    }
    fs::remove_dir_all(mount.join("..first")).unwrap();
    fs::write(mount.join("..third/edge.toml"), department("..fourth")).unwrap();
    town.takes("..fourth");
}

#[test]
fn nothing_is_read_again_that_is_what_it_was() {
    let town = Town::new();
    let files = &town.files;
    files.write("routes.d/edge.toml", &department("new"));
    town.takes("new");
    let loads = town.loads("success");
    let same = fs::read(files.path("routes.d/edge.toml")).unwrap();
    fs::write(files.path("routes.d/edge.toml"), same).unwrap();
    files.write("routes.d/notes.txt", "not for the gateway");
    files.write("routes.d/.hidden.toml", "an editor's");
    // A signal reads the files; nobody has to read them once more for the same change.
    files.write("routes.d/edge.toml", &department("signalled"));
    town.program.signal("HUP");
    town.takes("signalled");
    sleep(LONGER);
    assert!((town.loads("success") - loads - 1.0).abs() < 0.1);
    assert!(town.loads("failure") < 0.1);
}

#[test]
fn a_file_that_is_being_written_is_waited_for() {
    use std::io::Write as _;
    let town = Town::new();
    let text = department("whole");
    let (first, second) = text.split_at(text.len() / 2);
    let mut file = fs::File::create(town.files.path("routes.d/edge.toml")).unwrap();
    // Well within the two seconds a file that is not closed is waited for, each time.
    for part in [first, second] {
        file.write_all(part.as_bytes()).unwrap();
        sleep(LONGER / 2);
    }
    drop(file);
    town.takes("whole");
    assert!(town.loads("failure") < 0.1);
}

#[test]
fn a_mistake_is_told_and_mended() {
    let town = Town::new();
    town.files
        .write("routes.d/edge.toml", "owner = \"edge\"\nowner");
    eventually("it is degraded", || {
        town.program.get("/readyz").json()["status"] == "degraded"
    });
    assert_eq!(town.route(), "medicine");
    fs::remove_file(town.files.path("routes.d/edge.toml")).unwrap();
    eventually("it is ready", || {
        town.program.get("/readyz").json()["status"] == "ready"
    });
    assert!((town.loads("failure") - 1.0).abs() < 0.1);
}

#[test]
fn a_file_that_is_named_is_watched_where_it_lies() {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    let certs = tempfile::tempdir().unwrap();
    let authority = |name: &str| {
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().pem()
    };
    let ca = certs.path().join("ca.pem");
    fs::write(&ca, authority("one")).unwrap();
    let upstream = format!(
        "endpoints = [\"https://127.0.0.1:1\"]\nca = {:?}",
        ca.to_str().unwrap()
    );
    files.pass_through_with(&upstream);
    let program = Program::watching(&files);
    let newest = || program.get("/admin/config/history").json()["reloads"][0].clone();
    fs::write(&ca, "nothing").unwrap();
    eventually("it is refused", || newest()["result"] == "failure");
    assert!(newest()["why"].as_str().unwrap().contains("ca.pem"));
    fs::write(&ca, authority("two")).unwrap();
    eventually("it is read", || newest()["result"] == "success");
    assert_eq!(newest()["by"], "watch");
}
