//! `multicode demo`.
//!
//! Three mock departments and the gateway on the shipped configuration, over real sockets. Each
//! scan is looked at three times: as the gateway's core decides it, as the terminal is answered,
//! and as the departments received it. A row is as expected only if the three agree.

mod cases;
mod post;
mod shipped;
mod stage;
mod table;
mod verdict;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use self::cases::{Case, Cases, Expected};
use self::shipped::Shipped;
use self::stage::{Opening, Stage};
use self::verdict::Happened;
use super::{Exit, Failure, Process, block_on, interrupted, load};
use crate::admin::{self, Access, TokenTexts, Tokens, tokens};
use crate::app::{self, Overrides};
use crate::config::{ProcessSecrets, StatePlace};
use crate::explain::{Detail, Explanation, explain};
use crate::gateway::Matter;
use crate::random::Random;
use crate::sandbox::departments::{self, Department, Departments, Running};
use crate::sandbox::keyring::Keyring;
use crate::sandbox::lent::lend_from;
use crate::time::Timestamp;
use crate::trial::Stopgap;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// End after the table; the exit status is 0 only if every row is as expected.
    #[arg(long)]
    once: bool,
    /// Where the gateway listens for scans; else 127.0.0.1:8080, with --once a free port.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where it listens for operators; else 127.0.0.1:9090, with --once a free port.
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// Signs and verifies with the keys of this file, which is made if it is not there: the load tester
    /// signs with the same.
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

/// The table's columns.
const TITLES: [&str; 7] = [
    "scanned",
    "scene",
    "recognised",
    "believed",
    "decided",
    "answered",
    "as expected",
];

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    block_on(show(options, process))?
}

async fn show(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let mut random = Random::seeded(app::seed().map_err(Failure::io)?);
    let started = Departments::start(&departments::Options::default()).await;
    let running = started.map_err(Failure::io)?;
    let shipped = Shipped::find()?;
    let set = ProcessSecrets::beside(shipped.config());
    let keyring = options.keyring()?;
    let secrets = Stopgap::from(&set, Some(&keyring));
    let mut config = load::config_with(shipped.config(), &secrets, process)?;
    let lent = lend_from(&keyring, &config.gateway.families, &config.keys).map_err(Failure::io)?;
    let signers;
    (config.keys, signers) = lent;
    let folder = Folder::make().map_err(Failure::io)?;
    config.state.place = StatePlace::File(folder.0.join("ledger"));
    let opening = Opening {
        path: shipped.config(),
        departments: &running,
        signers: signers.clone(),
        overrides: options.overrides(),
        now: (process.now)(),
    };
    let (stage, office) = Stage::open(config, opening).map_err(Failure::finding)?;
    let token = tokens::random().map_err(Failure::io)?;
    let texts = TokenTexts {
        viewer: None,
        operator: Some(token.to_string()),
    };
    let tokens = Tokens::of(&texts).map_err(Failure::io)?;
    let access = Access::new(Some(tokens), Box::default());
    tokio::spawn(admin::serve(office.listener, office.operations, access));

    let cases = cases::draw_up(&stage, signers, &mut random, (process.now)());
    let mut rows = Vec::new();
    let mut wrong = 0;
    for (number, case) in cases.cases.iter().enumerate() {
        let key = format!("demo-{number}");
        let (row, is_right) = play(case, &key, &stage, &running, process.now).await?;
        wrong += usize::from(!is_right);
        rows.push(row);
    }
    write!(process.out, "{}", table::draw(TITLES, &rows))?;
    sum_up(&cases, wrong, process.out)?;
    if !options.once {
        invite(&cases, &stage, &running, &token, process.out)?;
        interrupted().await?;
    }
    Ok(if wrong == 0 {
        Exit::Success
    } else {
        Exit::Finding
    })
}

/// Where the demonstration keeps its books; gone when it ends.
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Self> {
        let name = format!("multicode-demo-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind is sealed with a key that nobody has any more.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Scans one code and draws its row.
async fn play(
    case: &Case,
    key: &str,
    stage: &Stage,
    running: &Running,
    now: fn() -> Timestamp,
) -> Result<([String; 7], bool), Failure> {
    running.forget();
    let body = post::body(&case.text, &case.scene, key);
    let answer = post::post(stage.scan, &body).await?;
    let asked = Department::ALL.into_iter().flat_map(|department| {
        let received = running.received(department).into_iter();
        received.map(move |received| (department, received))
    });
    let happened = Happened {
        asked: asked.collect(),
        answer,
    };
    let now = now();
    let (scan, keys) = (cases::scan(&case.text, &case.scene), stage.keys());
    let (explanation, decided) = explain(
        stage.gateway(),
        Matter {
            scan: &scan,
            door: stage.door(),
            keys: &keys,
        },
        Detail::Verdict,
        now,
    );
    let leaked = decided
        .is_ok_and(|decision| verdict::told_too_much(decision.verified.code(), &happened.asked));
    let leak = leaked.then_some("a department was told too much");
    let objection = leak.or_else(|| verdict::objection(case, &explanation, &happened));
    let mark = objection.map_or_else(|| "✓".to_owned(), |why| format!("✗ {why}"));
    Ok((
        row(case, &explanation, &happened, mark),
        objection.is_none(),
    ))
}

fn row(
    case: &Case,
    explanation: &Explanation<'_>,
    happened: &Happened,
    mark: String,
) -> [String; 7] {
    let answer = &happened.answer;
    let asked: Vec<&str> = happened
        .asked
        .iter()
        .map(|(asked, _)| asked.name())
        .collect();
    let answered = match (&answer.reason, asked.is_empty()) {
        (Some(reason), _) => format!("{} {reason}", answer.status),
        (None, true) => answer.status.to_string(),
        (None, false) => format!("{} by {}", answer.status, asked.join(", ")),
    };
    let or_dash = |word: Option<&str>| word.unwrap_or("-").to_owned();
    [
        case.shown.clone(),
        case.scene.clone(),
        or_dash(explanation.family),
        or_dash(explanation.assurance.or_else(|| doubt(explanation))),
        or_dash(explanation.route.or(explanation.reason)),
        answered,
        mark,
    ]
}

/// What stood in the way of believing a code.
fn doubt(explanation: &Explanation<'_>) -> Option<&'static str> {
    let time = explanation.trust.time.filter(|time| *time != "ok");
    let signature = explanation.trust.signature;
    time.or_else(|| signature.filter(|signature| *signature != "none"))
}

fn sum_up(cases: &Cases, wrong: usize, out: &mut dyn Write) -> Result<(), Failure> {
    let all = cases.cases.len();
    writeln!(out, "\n{} of {all} as expected", all - wrong)?;
    for (what, why) in &cases.unmade {
        writeln!(out, "not shown: {what}: {why}")?;
    }
    out.flush()?;
    Ok(())
}

/// What to try while everything is up.
fn invite(
    cases: &Cases,
    stage: &Stage,
    running: &Running,
    token: &str,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (scan, admin) = (stage.scan, stage.admin);
    writeln!(out, "\nconsole   http://{admin}/console/#token={token}")?;
    writeln!(
        out,
        "scans     http://{scan}/v1/scan\noperators http://{admin}/readyz  http://{admin}/metrics"
    )?;
    for department in Department::ALL {
        let (name, address) = (department.name(), running.address(department));
        writeln!(out, "{name:<9} http://{address}/_mock/received")?;
    }
    let mut sound = cases.cases.iter();
    // The last one is a wallet's: nothing in it ends while somebody tries it.
    if let Some(case) = sound.rfind(|case| matches!(case.expected, Expected::Department(_))) {
        let body = post::body(&case.text, &case.scene, "demo-by-hand").replace('\'', "'\\''");
        writeln!(
            out,
            "\ncurl -i http://{scan}/v1/scan -H 'content-type: application/json' -d '{body}'"
        )?;
    }
    writeln!(out, "\nCtrl-C ends it.")?;
    out.flush()?;
    Ok(())
}

impl Options {
    /// The keys of the file; others every time if none is named.
    fn keyring(&self) -> Result<Keyring, Failure> {
        match &self.keys {
            Some(path) => Keyring::kept(path).map_err(Failure::at(path)),
            None => Keyring::make().map_err(Failure::io),
        }
    }

    /// A demonstration that ends at once must not stumble over one that stays.
    fn overrides(&self) -> Overrides {
        let or_port = |given: Option<SocketAddr>, port| {
            let port = if self.once { 0 } else { port };
            given.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        };
        Overrides {
            listen: Some(or_port(self.listen, 8080).into()),
            admin: Some(or_port(self.admin, 9090)),
            workers: None,
            fast_lane: None,
        }
    }
}

#[cfg(test)]
mod tests;
