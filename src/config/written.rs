//! What was written where: the files as operators may see them, and the place of everything that
//! has a name.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Collector, Diagnostics};
use super::redact;
use super::source::{Place, Source, SourceId, Sources};
use super::{OnDisk, reader};

/// Tables whose contents are no settings.
const NO_SETTINGS: [&str; 1] = ["test"];

/// The files of one load.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// In the order they are read: the main one, departments', families', terminals.
    pub files: Vec<File>,
    /// Every value that stands in them.
    pub settings: Vec<Setting>,
    /// Where the routes are, by name.
    pub routes: HashMap<Box<str>, Spot>,
    /// Where the backends are.
    pub upstreams: HashMap<Box<str>, Spot>,
    /// Where the terminals' requests are.
    pub adapters: HashMap<Box<str>, Spot>,
    /// Where the pages behind the code on the wall are.
    pub landings: HashMap<Box<str>, Spot>,
    /// The files of the families, by their ids.
    pub families: HashMap<Box<str>, PathBuf>,
    /// The files that are named in them: certificates, keys, authorities, secrets.
    pub named: BTreeSet<PathBuf>,
}

/// One file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path as the operator would write it.
    pub path: PathBuf,
    /// What is in it.
    pub role: FileRole,
    /// Its text, without secrets.
    pub text: Arc<str>,
    /// What its whole text comes to.
    pub digest: [u8; 32],
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// A department's routes.
    Department,
    /// A code family.
    Family,
    /// What everybody shares.
    Main,
    /// The registry of terminals.
    Terminals,
}

impl FileRole {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Department => "department",
            Self::Family => "family",
            Self::Main => "main",
            Self::Terminals => "terminals",
        }
    }
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key with everything above it: `limits.workers`.
    pub key: String,
    /// The value as written, without secrets.
    pub value: String,
    /// Where; none: nobody wrote it.
    pub origin: Option<Spot>,
}

impl Written {
    /// Looks over what was read.
    pub(super) fn of(on_disk: &OnDisk, diagnostics: &Diagnostics) -> Self {
        let mut written = Self::default();
        let main = (FileRole::Main, on_disk.main, String::new());
        let departments = on_disk.departments.iter();
        let departments = departments.map(|id| (FileRole::Department, *id, String::new()));
        let families = on_disk.families.iter();
        let families =
            families.map(|(stem, id)| (FileRole::Family, *id, format!("family.{stem}.")));
        let terminals = on_disk.terminals.into_iter();
        let terminals = terminals.map(|id| (FileRole::Terminals, id, String::new()));
        let all = std::iter::once(main).chain(departments);
        for (role, id, prefix) in all.chain(families).chain(terminals) {
            let Some(source) = diagnostics.sources().get(id) else {
                continue;
            };
            written.files.push(file(source, id, role, diagnostics));
            let masked = masked(id, diagnostics);
            written.look_into((source, &masked), role, &prefix);
        }
        for (stem, id) in &on_disk.families {
            let path = path_of(diagnostics.sources(), *id);
            written.families.insert(stem.as_str().into(), path);
        }
        written
    }

    fn look_into(
        &mut self,
        (source, masked): (&Source, &[Range<usize>]),
        role: FileRole,
        prefix: &str,
    ) {
        // The text has been read once; what was wrong with it is known.
        let mut again = Sources::default();
        let id = again.add(source.path(), String::new());
        let collector = Collector::default();
        let document = reader::parse(id, source.text(), &collector);
        for (key, value) in document.root.in_order() {
            if NO_SETTINGS.contains(&&*key.value) {
                continue;
            }
            let walk = Walk { source, masked };
            let at = value.at().span().map_or(0, |span| span.start);
            let key = format!("{prefix}{}", key.value);
            walk.value(&key, value.get(), at, &mut self.settings);
            if role != FileRole::Family {
                self.names(&key, value.get(), source);
            }
        }
    }

    /// Notes where named things stand.
    fn names(&mut self, key: &str, value: &DeValue<'_>, source: &Source) {
        let places = match key {
            "route" => &mut self.routes,
            "adapter" => &mut self.adapters,
            "landing" => &mut self.landings,
            "upstream" => {
                for (name, _) in value.as_table().into_iter().flat_map(DeTable::iter) {
                    let spot = spot(source, name.span().start);
                    let name = name.get_ref().as_ref();
                    self.upstreams.entry(name.into()).or_insert(spot);
                }
                return;
            }
            _ => return,
        };
        for one in value.as_array().into_iter().flat_map(|array| array.iter()) {
            let named = one.get_ref().as_table().and_then(|it| it.get("name"));
            if let Some(name) = named
                && let Some(word) = name.get_ref().as_str()
            {
                let spot = spot(source, name.span().start);
                places.entry(word.into()).or_insert(spot);
            }
        }
    }

    /// The file with this very name.
    pub fn file(&self, path: &Path) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The value of a key, as written.
    pub fn value(&self, key: &str) -> Option<&str> {
        let setting = self.settings.iter().find(|setting| setting.key == key);
        setting.map(|setting| &*setting.value)
    }
}

fn path_of(sources: &Sources, id: SourceId) -> PathBuf {
    let source = sources.get(id);
    source.map_or_else(PathBuf::new, |source| source.path().to_path_buf())
}

/// What the readers found to be secrets in a file.
fn masked(id: SourceId, diagnostics: &Diagnostics) -> Vec<Range<usize>> {
    let masked = diagnostics.masked.iter();
    let masked = masked.filter(|place| place.source() == id);
    masked.copied().filter_map(Place::span).collect()
}

fn file(source: &Source, id: SourceId, role: FileRole, diagnostics: &Diagnostics) -> File {
    let masked = masked(id, diagnostics);
    let mut whole = [0; 32];
    let found = digest(&SHA256, source.text().as_bytes());
    whole.copy_from_slice(found.as_ref());
    File {
        path: source.path().to_path_buf(),
        role,
        text: redact::file(source.text(), &masked).into(),
        digest: whole,
    }
}

fn spot(source: &Source, offset: usize) -> Spot {
    Spot {
        file: source.path().to_path_buf(),
        line: source.line_at(offset),
    }
}

/// Goes down the values of one file.
struct Walk<'s> {
    source: &'s Source,
    /// Where the readers found secrets, whatever their keys are called.
    masked: &'s [Range<usize>],
}

impl Walk<'_> {
    fn value(&self, key: &str, value: &DeValue<'_>, at: usize, to: &mut Vec<Setting>) {
        match value {
            DeValue::Table(table) => {
                for (name, value) in table {
                    let key = format!("{key}.{}", name.get_ref());
                    self.value(&key, value.get_ref(), value.span().start, to);
                }
            }
            DeValue::Array(array) if array.iter().any(|it| it.get_ref().is_table()) => {
                for (place, one) in array.iter().enumerate() {
                    let table = one.get_ref().as_table();
                    let name = ["name", "id", "url"].iter().find_map(|it| {
                        let named = table?.get(*it)?;
                        named.get_ref().as_str().map(str::to_owned)
                    });
                    let name = name.unwrap_or_else(|| place.to_string());
                    let key = format!("{key}.{}", redact::text(&name, false));
                    self.value(&key, one.get_ref(), one.span().start, to);
                }
            }
            other => {
                let found = self.masked.iter().any(|range| range.contains(&at));
                let secret = found || key.split('.').any(redact::is_secret_name);
                let shown = shown(other, secret);
                to.push(Setting {
                    key: key.to_owned(),
                    value: shown,
                    origin: Some(spot(self.source, at)),
                });
            }
        }
    }
}

/// A value as it may be shown.
fn shown(value: &DeValue<'_>, secret: bool) -> String {
    match value {
        DeValue::String(text) => redact::text(text, secret),
        DeValue::Integer(number) => redact::text(number.as_str(), secret),
        DeValue::Float(number) => redact::text(number.as_str(), secret),
        DeValue::Boolean(is) => is.to_string(),
        DeValue::Datetime(time) => redact::text(&time.to_string(), secret),
        DeValue::Array(array) => {
            let each = array.iter().map(|one| shown(one.get_ref(), secret));
            format!("[{}]", each.collect::<Vec<_>>().join(", "))
        }
        DeValue::Table(_) => String::new(),
    }
}
