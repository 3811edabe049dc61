//! From files to meaning: `routes.toml` and what lies beside it, read, resolved and checked.
//!
//! `file` mirrors the files letter by letter; `lower` turns them into [`Config`], where no name is
//! left to resolve and no default to apply; `lint` looks at the whole. All three drop what they
//! find into one collector, so that one load shows every mistake.

mod defaults;
pub mod diagnostic;
mod file;
pub mod fingerprint;
mod lint;
mod lower;
pub mod meaning;
mod reader;
mod redact;
pub mod render;
pub mod secrets;
pub mod source;
mod stamp;
mod suggest;
pub mod way;
pub mod written;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::diagnostic::Collector;
pub use self::diagnostic::{Diagnostic, Diagnostics, Severity};
use self::file::{RoutesFile, Shared};
pub use self::fingerprint::Fingerprint;
use self::fingerprint::Noted;
pub use self::lint::certificates::certificates;
use self::lower::{Files, Surroundings};
pub use self::meaning::{
    Admin, Audit, AuditKey, Config, Limits, Listener, Ship, State, StatePlace, Telemetry, Trial,
    Upstream,
};
pub(crate) use self::reader::Address;
pub use self::render::Style;
pub use self::secrets::{NoSecrets, ProcessSecrets, Secret, SecretError, SecretRef, Secrets};
use self::source::{Place, SourceId, Sources};
pub use self::stamp::Stamp;
pub use self::written::Written;

/// What one load came to.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration, unless something refuses it.
    pub config: Option<Config>,
    /// Everything found on the way.
    pub diagnostics: Diagnostics,
    /// The files as operators may see them.
    pub written: Arc<Written>,
}

/// Loads `path` with `plugins/*.toml`, `routes.d/*.toml` and `terminals.toml` beside it.
pub fn load(path: &Path, secrets: &dyn Secrets) -> Loaded {
    load_with(path, secrets, Scrutiny::Usual, None)
}

/// As [`load`], with a department's file that stands nowhere yet; a file of that name beside the
/// others is taken for replaced.
pub fn load_draft(path: &Path, secrets: &dyn Secrets, draft: Draft<'_>) -> Loaded {
    load_with(path, secrets, Scrutiny::Usual, Some(draft))
}

/// A department's file that somebody thinks about.
#[derive(Clone, Copy)]
pub struct Draft<'d> {
    /// Its name in `routes.d/`, without the ending.
    pub name: &'d str,
    /// What is to stand in it.
    pub text: &'d str,
}

impl std::fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Draft").field(&self.name).finish()
    }
}

/// As [`load`], and compares every two families for texts both would claim, which takes its time.
pub fn check(path: &Path, secrets: &dyn Secrets) -> Loaded {
    load_with(path, secrets, Scrutiny::Overlaps, None)
}

/// How closely the whole is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scrutiny {
    /// Families are compared with each other as well.
    Overlaps,
    /// All but that.
    Usual,
}

fn load_with(
    path: &Path,
    secrets: &dyn Secrets,
    scrutiny: Scrutiny,
    draft: Option<Draft<'_>>,
) -> Loaded {
    let folder = path.parent().unwrap_or_else(|| Path::new("")).to_path_buf();
    let collector = Collector::default();
    let mut sources = Sources::default();
    let on_disk = OnDisk::read(path, &folder, draft, &mut sources, &collector);
    let noted = Noted::over(secrets);
    let config = on_disk.as_ref().and_then(|on_disk| {
        let around = Surroundings {
            collector: &collector,
            secrets: &noted,
            folder: &folder,
        };
        on_disk.understand(&sources, scrutiny, around)
    });
    let config = config.filter(|_| !collector.has_errors());
    let diagnostics = collector.finish(sources);
    let written = on_disk.map(|on_disk| Written::of(&on_disk, &diagnostics));
    let mut written = written.unwrap_or_default();
    written.named = noted.files(&folder);
    if let Some(config) = &config {
        let files = config.files().map(Path::to_path_buf);
        written.named.extend(files);
        let defaults = defaults::of(config, &written.settings);
        written.settings.extend(defaults);
    }
    let written = Arc::new(written);
    Loaded {
        config: config.map(|config| Config {
            written: Arc::clone(&written),
            ..config
        }),
        diagnostics,
        written,
    }
}

/// The files that were found.
struct OnDisk {
    main: SourceId,
    departments: Vec<SourceId>,
    families: Vec<(String, SourceId)>,
    terminals: Option<SourceId>,
}

impl OnDisk {
    /// Reads every file there is; `None` without `routes.toml`, for then all the rest is noise.
    fn read(
        path: &Path,
        folder: &Path,
        draft: Option<Draft<'_>>,
        sources: &mut Sources,
        collector: &Collector,
    ) -> Option<Self> {
        let routes = folder.join("routes.d");
        let drafted = draft.map(|draft| routes.join(format!("{}.toml", draft.name)));
        let mut listed = |folder: &Path| {
            toml_files(folder).unwrap_or_else(|error| {
                let at = Place::file(sources.add(folder, String::new()));
                let found = Diagnostic::error(diagnostic::UNREADABLE, at, error.to_string());
                collector.push(found.help("what is in this folder would be missing"));
                Vec::new()
            })
        };
        let (mut departments, families) = (listed(&routes), listed(&folder.join("plugins")));
        let mut read = |path: &Path| {
            if let Some(draft) = draft.filter(|_| drafted.as_deref() == Some(path)) {
                return Some(sources.add(path, draft.text.to_owned()));
            }
            let read = sources.read(path);
            read.map_err(|found| collector.push(*found)).ok()
        };
        let main = read(path)?;
        let terminals = folder.join("terminals.toml");
        departments.extend(drafted.clone());
        departments.sort();
        departments.dedup();
        Some(Self {
            main,
            departments: departments.iter().filter_map(|path| read(path)).collect(),
            families: families
                .iter()
                .filter_map(|path| {
                    let stem = path.file_stem()?.to_string_lossy().into_owned();
                    Some((stem, read(path)?))
                })
                .collect(),
            // A link that leads nowhere, or a file nobody may look at, is not the same as none.
            terminals: match std::fs::symlink_metadata(&terminals) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                _ => read(&terminals),
            },
        })
    }

    fn understand(
        &self,
        sources: &Sources,
        scrutiny: Scrutiny,
        around: Surroundings<'_>,
    ) -> Option<Config> {
        let collector = around.collector;
        let mut damaged = false;
        let mut root = |id: SourceId| {
            let text = sources.get(id).map_or("", |source| source.text());
            let document = reader::parse(id, text, collector);
            damaged |= document.damaged;
            document.root
        };
        let files = Files {
            main: RoutesFile::read(root(self.main)),
            departments: self
                .departments
                .iter()
                .map(|id| Shared::read_department(root(*id)))
                .collect(),
            families: self
                .families
                .iter()
                .map(|(stem, id)| (stem.clone(), file::Family::read(root(*id))))
                .collect(),
            terminals: self
                .terminals
                .map(|id| file::terminal::read_registry(root(id)))
                .unwrap_or_default(),
        };
        if files.families.is_empty() {
            let message = "no code families: plugins/ beside this file is empty or not there";
            let found = Diagnostic::warning("no-families", Place::file(self.main), message);
            collector.push(found.help("without families every scan is answered unknown-code"));
        }
        // Of a file that did not parse whole nobody knows which names it defines.
        if damaged {
            return None;
        }
        let lowered = lower::lower(&files, around);
        lint::run(&lowered, scrutiny, collector);
        Some(lowered.config)
    }
}

/// The `.toml` files of a folder by name, none if there is no folder; hidden ones are editors'
/// leftovers.
fn toml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        path.extension().is_some_and(|it| it == "toml")
            && name.is_some_and(|name| !name.starts_with('.'))
    });
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests;
