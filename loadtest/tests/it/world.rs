use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use multicode::app::{App, Overrides, Started, now};
use multicode::config::{self, NoSecrets, Style};
use multicode::sandbox::authority::{Authority, Made, Order, Purpose};
use multicode::sandbox::departments::{Department, Departments, Options, Running};
use multicode::sandbox::keyring::Keyring;
use multicode::sandbox::lent::lend_from;
use multicode::trial::Stopgap;
use multicode_loadtest::cli::{self, Exit, Process};
use multicode_loadtest::report::Report;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A gateway that serves until it is dropped.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) address: SocketAddr,
    _started: Started,
    _departments: Running,
    _stay: oneshot::Sender<()>,
}

/// The folder of the shipped files.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A scenario of the folder beside the manifest.
pub(crate) fn scenario(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    path.join(name).display().to_string()
}

impl World {
    /// On the shipped files.
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    /// On the shipped files with these changes.
    pub(crate) fn with(change: impl FnOnce(&Files<'_>)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(folder.path());
        let (stay, departments) = departments();
        let files = Files(folder.path());
        for (file, port, department) in [
            ("routes.d/health.toml", 18101, Department::Health),
            ("routes.d/insurance.toml", 18102, Department::Insurance),
            ("routes.d/payment.toml", 18103, Department::Payment),
        ] {
            let address = departments.address(department).to_string();
            files.change(file, &format!("127.0.0.1:{port}"), &address);
        }
        change(&files);
        let keyring = Keyring::kept(&folder.path().join("sandbox.key")).unwrap();
        let secrets = Stopgap::from(&NoSecrets, Some(&keyring));
        let loaded = config::load(&folder.path().join("routes.toml"), &secrets);
        let found = loaded.diagnostics.render(Style::Plain);
        let mut config = loaded.config.unwrap_or_else(|| panic!("{found}"));
        let lent = lend_from(&keyring, &config.gateway.families, &config.keys);
        config.keys = lent.unwrap().0;
        let overrides = Overrides {
            fast_lane: None,
            listen: Some((Ipv4Addr::LOCALHOST, 0).into()),
            admin: Some((Ipv4Addr::LOCALHOST, 0).into()),
            workers: Some(1),
        };
        let app = App::build(config, overrides).unwrap();
        let address = app.addresses()[0].tcp().unwrap();
        Self {
            address,
            _started: app.start().unwrap(),
            _departments: departments,
            _stay: stay,
            folder,
        }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Plays a scenario against it, with these options more.
    pub(crate) fn play(&self, scenario: &str, more: &[&str]) -> Played {
        self.play_at(&format!("http://{}", self.address), scenario, more)
    }

    /// The same at another URL.
    pub(crate) fn play_at(&self, url: &str, scenario: &str, more: &[&str]) -> Played {
        let keys = self.path("sandbox.key");
        play(url, scenario, &[&["--keys", &keys], more].concat())
    }
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) report: Option<Report>,
    pub(crate) json: String,
    pub(crate) html: String,
}

impl Played {
    /// The report of a run that ended as it should.
    #[track_caller]
    pub(crate) fn good(self) -> Report {
        assert_eq!(self.exit, Exit::Success, "{}{}", self.out, self.err);
        self.report.unwrap()
    }

    /// The report of a run in which something was found.
    #[track_caller]
    pub(crate) fn found(self) -> Report {
        assert_eq!(self.exit, Exit::Finding, "{}{}", self.out, self.err);
        self.report.unwrap()
    }
}

/// Runs the command line.
pub(crate) fn program(arguments: &[&str]) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut process = Process {
        out: &mut out,
        err: &mut err,
        is_watched: false,
        is_shown: false,
    };
    let all = ["multicode-loadtest"].iter().chain(arguments);
    let exit = cli::run(all.map(OsString::from), &mut process);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (exit, text(out), text(err))
}

/// Plays a scenario against whoever listens there.
pub(crate) fn play(url: &str, scenario: &str, more: &[&str]) -> Played {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (json, html) = (path("report.json"), path("report.html"));
    let own = [
        "run", scenario, "--target", url, "--json", &json, "--html", &html,
    ];
    let (exit, out, err) = program(&[&own, more].concat());
    let json = fs::read_to_string(json).unwrap_or_default();
    Played {
        exit,
        out,
        err,
        report: Report::from_json(&json).ok(),
        json,
        html: fs::read_to_string(html).unwrap_or_default(),
    }
}

/// The files of a gateway that does not serve yet.
pub(crate) struct Files<'f>(pub(crate) &'f Path);

impl Files<'_> {
    pub(crate) fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Replaces a text that must be there.
    pub(crate) fn change(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.0.join(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, &text.replace(from, to));
    }

    /// Makes an authority, `ca.pem`, and what it signed: `gateway` and `terminal`. The listener has the first, and
    /// with `clients` asks for the second.
    pub(crate) fn secure(&self, clients: &str) {
        let life = Duration::from_secs(86_400);
        let ca = Authority::make("load test", now(), life).unwrap();
        self.write("ca.pem", &ca.certificate);
        let authority = Authority::read(&ca.certificate, &ca.key).unwrap();
        let sign = |purpose, subject: &str, name: &str| -> Made {
            let order = Order {
                purpose,
                subject,
                names: &[name.to_owned()],
                now: now(),
                life,
            };
            authority.sign(&order).unwrap()
        };
        for (purpose, name, of) in [
            (Purpose::Server, "gateway", "localhost"),
            (Purpose::Client, "terminal", "w-0001.example"),
        ] {
            let made = sign(purpose, name, of);
            self.write(&format!("{name}.pem"), &made.certificate);
            self.write(&format!("{name}.key"), &made.key);
        }
        let tls = format!(
            "[listener.scan]\ntls = {{ cert = \"gateway.pem\", key = \"gateway.key\"{clients} }}\n"
        );
        self.change("routes.toml", "[listener.scan]\n", &tls);
    }
}

fn copy(to: &Path) {
    for name in ["routes.toml", "terminals.toml"] {
        fs::copy(root().join(name), to.join(name)).unwrap();
    }
    for name in ["plugins", "routes.d"] {
        fs::create_dir(to.join(name)).unwrap();
        for entry in fs::read_dir(root().join(name)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let file = path.file_name().unwrap();
                fs::copy(&path, to.join(name).join(file)).unwrap();
            }
        }
    }
}

/// The mock departments, on a thread of their own.
fn departments() -> (oneshot::Sender<()>, Running) {
    let (stay, gone) = oneshot::channel::<()>();
    let (report, started) = mpsc::channel();
    thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap().block_on(async {
            let started = Departments::start(&Options::default()).await;
            report.send(started.unwrap()).unwrap();
            let _ = gone.await;
        });
    });
    (stay, started.recv().unwrap())
}
