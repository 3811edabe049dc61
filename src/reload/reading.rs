//! Reading several files as one, while somebody may be changing them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use crate::app::{Material, StartError};
use crate::config::fingerprint::folders;
use crate::config::written::FileRole;
use crate::config::{self, Config, Diagnostics, Fingerprint, Secrets, Stamp, Style, Written};
use crate::trial::{self, NotRun, Outcome};
use crate::trust::standing::chain;

/// How often files are read that change while they are being read, and the pause in between.
const READINGS: usize = 5;
const PAUSE: Duration = Duration::from_millis(50);

/// The clock by which a file says when it was changed stands still for up to 10 ms, by the kernel's
/// ticks. What is read so long after the file was looked at and is changed then is seen to be.
const TICK: Duration = Duration::from_millis(20);

/// The files as they were read.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What they came to; none: they did not come to rest, and have to be read once more.
    pub fingerprint: Option<Fingerprint>,
    /// Files that are named in them.
    pub named: BTreeSet<PathBuf>,
}

/// What one reading of all files came to.
#[derive(Debug)]
pub struct Reading {
    /// The files as they were read.
    pub seen: Seen,
    /// What they come to.
    pub outcome: Result<Ready, Refused>,
}

/// A configuration that lacks nothing to be put in force.
#[derive(Debug)]
pub struct Ready {
    /// What the files say.
    pub config: Config,
    /// What the files say that they name.
    pub material: Material,
    /// What their tests came to: all as they should.
    pub trials: Vec<Outcome>,
}

/// Why files cannot be put in force.
#[derive(Debug)]
pub enum Refused {
    /// There are mistakes in them.
    Mistakes(Diagnostics),
    /// A test of theirs fails; the findings, and the first of them in a line.
    Tests(Diagnostics, String),
    /// Their tests cannot be run.
    NotRun(NotRun),
    /// A file that they name cannot be used.
    Material(StartError),
    /// Something of what is in force is gone altogether.
    Gone(String),
    /// They were not left alone.
    Restless,
}

impl Refused {
    /// Why, for the log and for operators: nothing of what stands in a test but its name.
    pub fn why(self) -> String {
        match self {
            Self::Mistakes(found) => found.errors().render(Style::Plain),
            Self::Tests(_, why) | Self::Gone(why) => why,
            Self::NotRun(error) => error.to_string(),
            Self::Material(error) => chain(&error),
            Self::Restless => {
                "the files were changed again and again while they were read".to_owned()
            }
        }
    }
}

/// Reads the files beside `main`, those they name, and runs their tests. Somebody may be changing them
/// at this moment: what is read of several files counts only if nobody has touched any of them
/// meanwhile, so that old ones and new ones, and halves, are never mixed. `known` are the files they
/// are known to name; what is `in_force` must not be gone.
pub fn read(
    main: &Path,
    secrets: &dyn Secrets,
    mut known: BTreeSet<PathBuf>,
    in_force: &Written,
) -> Reading {
    for _ in 0..READINGS {
        let stamp = Stamp::of(main, &known);
        sleep(TICK);
        let fingerprint = Fingerprint::of(main, &known);
        let mut loaded = config::load(main, secrets);
        let all = in_force.named.union(&loaded.written.named);
        let all: BTreeSet<_> = all.cloned().collect();
        if !all.is_subset(&known) {
            // Some were not looked at.
            known = all;
            continue;
        }
        let outcome = match loaded.config.take() {
            Some(config) => prepared(main, secrets, config, loaded.diagnostics),
            None => Err(Refused::Mistakes(loaded.diagnostics)),
        };
        let outcome = gone(main, in_force).map_or(outcome, |gone| Err(Refused::Gone(gone)));
        // A file system that keeps no such times at least shows its contents.
        if Stamp::of(main, &known) == stamp && Fingerprint::of(main, &known) == fingerprint {
            let seen = Seen {
                fingerprint: Some(fingerprint),
                named: known,
            };
            return Reading { seen, outcome };
        }
        sleep(PAUSE);
    }
    Reading {
        seen: Seen {
            fingerprint: None,
            named: known,
        },
        outcome: Err(Refused::Restless),
    }
}

fn prepared(
    main: &Path,
    secrets: &dyn Secrets,
    config: Config,
    mut diagnostics: Diagnostics,
) -> Result<Ready, Refused> {
    // They are run with keys of their own where there are none, and so on a load of their own.
    let trials = trial::run(main, secrets).map_err(Refused::NotRun)?;
    if trials.len() != config.trials.len() {
        return Err(Refused::Restless);
    }
    let mut first = None;
    for trial in &trials {
        for failure in &trial.failures {
            first.get_or_insert_with(|| format!("test \"{}\": {failure}", trial.name));
            diagnostics.push(trial.finding(failure));
        }
    }
    if let Some(first) = first {
        return Err(Refused::Tests(diagnostics, first));
    }
    let material = Material::read(&config).map_err(Refused::Material)?;
    Ok(Ready {
        config,
        material,
        trials,
    })
}

/// A folder, or the registry, that is gone is a disk that is not there or a move half done, and no wish
/// to have no routes any more, or no terminals, and so none that was taken back.
fn gone(main: &Path, in_force: &Written) -> Option<String> {
    let folder = folders(main).into_iter().find(|folder| {
        let mut files = in_force.files.iter();
        files.any(|file| file.path.parent() == Some(folder)) && !folder.is_dir()
    });
    if let Some(folder) = folder {
        let folder = folder.display();
        return Some(format!(
            "{folder} is gone, and its files are in force: an empty folder takes them out"
        ));
    }
    let registry = in_force
        .files
        .iter()
        .find(|file| file.role == FileRole::Terminals)?;
    let path = registry.path.display();
    (!registry.path.exists()).then(|| {
        format!("{path} is gone, and its terminals are in force: an empty file takes them out")
    })
}
