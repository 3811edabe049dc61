use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{outcome, text, tool};
use crate::source::root;

const UNITS: [&str; 3] = [
    "multicode.service",
    "multicode-scan.socket",
    "multicode-admin.socket",
];

/// What is allowed of it, with 10 for no hardening at all.
const EXPOSURE: f64 = 2.0;

/// The user without rights that every machine has.
const NOBODY: u32 = 65534;

/// Since when `notify-reload` is known.
const RELOADS: u32 = 253;

fn analyze() -> Command {
    tool("MULTICODE_SYSTEMD_ANALYZE", "/usr/bin/systemd-analyze")
}

fn version() -> u32 {
    let mut command = analyze();
    command.arg("--version");
    let (_, said) = outcome(command);
    let version = said.split_whitespace().nth(1).unwrap();
    version.split('.').next().unwrap().parse().unwrap()
}

/// A machine's root folder with the units and the programs they start.
fn machine() -> TempDir {
    let machine = tempfile::tempdir().unwrap();
    let units = machine.path().join("etc/systemd/system");
    fs::create_dir_all(&units).unwrap();
    for unit in UNITS {
        fs::copy(root().join("deploy/systemd").join(unit), units.join(unit)).unwrap();
    }
    for program in ["usr/bin/multicode", "bin/kill"] {
        let path = machine.path().join(program);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    machine
}

/// What systemd says of the units there.
fn verified(machine: &Path) -> String {
    let mut command = analyze();
    command
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(format!("--root={}", machine.display()))
        .args(UNITS);
    outcome(command).1
}

#[test]
fn systemd_understands_every_line_of_the_units() {
    let machine = machine();
    let said = verified(machine.path());
    if version() >= RELOADS {
        assert_eq!(said, "");
        return;
    }
    // An older one knows everything but the type, and all with the drop-in that is for it.
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(
        lines[0].ends_with("Failed to parse service type, ignoring: notify-reload"),
        "{said}"
    );
    let path = machine.path().join("etc/systemd/system/multicode.service");
    let unit = fs::read_to_string(&path).unwrap();
    let older = text("deploy/systemd/multicode.service.d/older-systemd.conf");
    let unit = unit.replace("Type=notify-reload\n", "");
    fs::write(&path, format!("{unit}\n{older}")).unwrap();
    assert_eq!(verified(machine.path()), "");
}

#[test]
fn the_service_is_hardly_exposed() {
    let machine = machine();
    let mut command = analyze();
    command
        .args(["security", "--offline=true", "--no-pager"])
        .arg(format!("--root={}", machine.path().display()))
        .arg("multicode.service");
    let (_, said) = outcome(command);
    let (_, overall) = said
        .split_once("Overall exposure level for multicode.service: ")
        .unwrap();
    let exposure: f64 = overall.split(' ').next().unwrap().parse().unwrap();
    assert!(exposure < EXPOSURE, "{said}");
}

/// The values of a key in a unit.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines.filter(|it| it.0 == key).map(|it| it.1).collect()
}

#[test]
fn the_units_fit_each_other_and_the_shipped_files() {
    let service = text("deploy/systemd/multicode.service");
    assert_eq!(values(&service, "Type"), ["notify-reload"]);
    // A start runs the files' tests itself. A program before it that fails is started every second
    // until systemd gives up, the sockets with it, whatever its status says.
    assert_eq!(values(&service, "ExecStartPre"), Vec::<&str>::new());
    assert_eq!(values(&service, "RestartPreventExitStatus"), ["1 2"]);
    let sockets = values(&service, "Sockets")[0];
    let routes: toml::Table = text("routes.toml").parse().unwrap();
    for name in ["scan", "admin"] {
        let unit = format!("multicode-{name}.socket");
        assert!(sockets.split(' ').any(|it| it == unit), "{sockets}");
        let socket = text(&format!("deploy/systemd/{unit}"));
        assert_eq!(values(&socket, "FileDescriptorName"), [name]);
        assert_eq!(values(&socket, "Service"), ["multicode.service"]);
        let written = match name {
            "admin" => &routes["admin"],
            listener => &routes["listener"][listener],
        };
        let address = written["address"].as_str().unwrap();
        assert_eq!(values(&socket, "ListenStream"), [address]);
    }
}

#[test]
fn the_manual_refers_to_the_units_and_has_no_second_copy() {
    let manual = text("docs/operations.md");
    for unit in UNITS {
        assert!(
            manual.contains(&format!("(../deploy/systemd/{unit})")),
            "{unit}"
        );
    }
    assert!(!manual.contains("[Service]\nType="));
    assert!(!manual.contains("\nExecStart="));
}

/// A machine on which the package was installed, as far as the program sees it: its files, and the state they lead
/// to, which belongs to `user`.
fn installed(user: Option<u32>) -> TempDir {
    let machine = tempfile::tempdir().unwrap();
    fs::set_permissions(machine.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let files = crate::edge::Files::to_the_letter();
    let (etc, state) = (machine.path().join("etc"), machine.path().join("state"));
    fs::create_dir_all(etc.join("plugins")).unwrap();
    for name in ["routes.toml", "terminals.toml"] {
        fs::copy(files.path(name), etc.join(name)).unwrap();
    }
    for entry in fs::read_dir(files.path("plugins")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, etc.join("plugins").join(path.file_name().unwrap())).unwrap();
    }
    fs::create_dir(&state).unwrap();
    std::os::unix::fs::chown(&state, user, user).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::symlink(&state, etc.join("state")).unwrap();
    fs::copy(
        env!("CARGO_BIN_EXE_multicode"),
        machine.path().join("multicode"),
    )
    .unwrap();
    machine
}

/// The service's own view of the machine, as far as that can be had without systemd: another user, nothing
/// to write to but the folder of the state.
#[test]
fn the_program_serves_as_another_user_with_nothing_to_write_to_but_its_state() {
    // Whoever is not root is another user already.
    let user = rustix::process::getuid().is_root().then_some(NOBODY);
    let machine = installed(user);
    let mut command = Command::new(machine.path().join("multicode"));
    let any = "127.0.0.1:0";
    command
        .args(["serve", "--listen", any, "--admin", any, "--config"])
        .arg(machine.path().join("etc/routes.toml"))
        .current_dir("/")
        .env_clear()
        .env("MULTICODE_STATE_KEY", crate::edge::SECRET)
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    let mut child = command.spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let serves = "operators' tokens are in this file";
    let mut said = Vec::new();
    for line in log.lines().map_while(Result::ok) {
        said.push(line);
        if said.last().is_some_and(|line| line.contains(serves)) {
            break;
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    assert!(said.iter().any(|line| line.contains(serves)), "{said:?}");
    for name in ["ledger", "admin-tokens"] {
        assert!(machine.path().join("state").join(name).exists(), "{name}");
    }
}
