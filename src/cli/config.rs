//! `multicode config`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use http::Method;
use serde::Deserialize;

use super::online::{Address, Token};
use super::operators::differences;
use super::options::Config;
use super::{Exit, Failure, Process};
use crate::admin::config::FileDiff;
use crate::config::written::File;
use crate::config::{self, ProcessSecrets, Style, Written};
use crate::printable::printable;

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show how the files on disk differ from those a running gateway has in force, without secrets.
    Diff(Diff),
}

#[derive(Args, Debug)]
struct Diff {
    /// Instead of asking a gateway: a configuration, by its main file or its folder.
    #[arg(value_name = "OLD", requires = "new", conflicts_with = "admin")]
    old: Option<PathBuf>,
    /// What it is held against.
    #[arg(value_name = "NEW")]
    new: Option<PathBuf>,
    /// The operators' address of the gateway.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090")]
    admin: Address,
    #[command(flatten)]
    token: Token,
    #[command(flatten)]
    config: Config,
}

/// What a gateway says: the answer of `/admin/config/diff`.
#[derive(Deserialize)]
struct Story {
    files: Vec<Changed>,
    findings: Vec<Finding>,
}

/// A file that differs.
#[derive(Deserialize)]
struct Changed {
    path: String,
    diff: Vec<Row>,
}

#[derive(Clone, Deserialize)]
struct Row {
    kind: String,
    line_old: Option<usize>,
    line_new: Option<usize>,
    text: String,
}

#[derive(Deserialize)]
struct Finding {
    severity: String,
    message: String,
    file: String,
    line: Option<usize>,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let Command::Diff(options) = &options.command;
    let changed = match (&options.old, &options.new) {
        (Some(old), Some(new)) => on_disk(old, new, process)?,
        _ => in_force(options, process)?,
    };
    for file in &changed {
        write!(process.out, "{}", unified(file))?;
    }
    Ok(if changed.is_empty() {
        Exit::Success
    } else {
        Exit::Finding
    })
}

/// Asks a gateway; what is wrong with the files on disk goes to standard error.
fn in_force(options: &Diff, process: &mut Process<'_>) -> Result<Vec<Changed>, Failure> {
    let token = options.token.find(&options.config.config)?;
    let token = token.as_deref().map(String::as_str);
    let path = "/admin/config/diff";
    let story: Story = options.admin.ask(Method::GET, path, token)?;
    for found in story.findings.iter().filter(|it| it.severity == "error") {
        let line = found
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        let told = format!("{}{line}: {}", found.file, found.message);
        writeln!(process.err, "{}", printable(&told))?;
    }
    Ok(story.files)
}

/// Reads both. Where secrets stand is known even of files with mistakes, so those are told and no more.
fn on_disk(old: &Path, new: &Path, process: &mut Process<'_>) -> Result<Vec<Changed>, Failure> {
    let (old, new) = (read(old, process)?, read(new, process)?);
    let changed = differences(&old, &new).into_iter().map(Changed::from);
    Ok(changed.collect())
}

/// Its files, each called as in its folder.
fn read(place: &Path, process: &mut Process<'_>) -> Result<Written, Failure> {
    let main = if place.is_dir() {
        place.join("routes.toml")
    } else {
        place.to_path_buf()
    };
    let loaded = config::load(&main, &ProcessSecrets::beside(&main));
    if loaded.diagnostics.has_unreadable() {
        write!(
            process.err,
            "{}",
            loaded.diagnostics.errors().render(Style::Plain)
        )?;
        return Err(Failure::io(format!("{} cannot be read", main.display())));
    }
    let folder = main.parent().unwrap_or_else(|| Path::new(""));
    let local = |file: &File| File {
        path: file.path.strip_prefix(folder).unwrap_or(&file.path).into(),
        ..file.clone()
    };
    Ok(Written {
        files: loaded.written.files.iter().map(local).collect(),
        ..Written::default()
    })
}

impl From<FileDiff> for Changed {
    fn from(file: FileDiff) -> Self {
        let line = |line: crate::admin::config::DiffLine| Row {
            kind: line.kind.to_owned(),
            line_old: line.line_old,
            line_new: line.line_new,
            text: line.text,
        };
        Self {
            path: file.path,
            diff: file.diff.into_iter().map(line).collect(),
        }
    }
}

/// The form that `diff -u` has, and `patch` reads.
fn unified(file: &Changed) -> String {
    let path = printable(&file.path).to_string();
    if file.diff.is_empty() {
        return format!("{path}: only what is not shown differs\n");
    }
    let mut out = format!("--- {path}\n+++ {path}\n");
    for hunk in hunks(&file.diff) {
        let range = |number: fn(&Row) -> Option<usize>| {
            let count = hunk.iter().filter_map(number).count();
            let first = hunk.iter().find_map(number).unwrap_or_default();
            format!("{first},{count}")
        };
        let (old, new) = (range(|line| line.line_old), range(|line| line.line_new));
        let _ = writeln!(out, "@@ -{old} +{new} @@");
        for line in hunk {
            let _ = writeln!(out, "{}{}", line.kind, printable(&line.text));
        }
    }
    out
}

/// Lines that follow each other in both files.
fn hunks(lines: &[Row]) -> impl Iterator<Item = &[Row]> {
    let follows = |number: fn(&Row) -> Option<usize>, before: &Row, line: &Row| match (
        number(before),
        number(line),
    ) {
        (Some(before), Some(line)) => line == before + 1,
        _ => true,
    };
    lines.chunk_by(move |before, line| {
        follows(|it| it.line_old, before, line) && follows(|it| it.line_new, before, line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(lines: &[(&str, Option<usize>, Option<usize>)]) -> Changed {
        let line = |(kind, line_old, line_new): &(&str, Option<usize>, Option<usize>)| Row {
            kind: (*kind).to_owned(),
            line_old: *line_old,
            line_new: *line_new,
            text: "t".to_owned(),
        };
        Changed {
            path: "f".to_owned(),
            diff: lines.iter().map(line).collect(),
        }
    }

    #[test]
    fn lines_that_do_not_follow_each_other_are_apart() {
        let one = [
            (" ", Some(4), Some(4)),
            ("-", Some(5), None),
            ("+", None, Some(5)),
            ("+", None, Some(6)),
            (" ", Some(6), Some(7)),
            (" ", Some(20), Some(21)),
            ("-", Some(21), None),
        ];
        let expected =
            "--- f\n+++ f\n@@ -4,3 +4,4 @@\n t\n-t\n+t\n+t\n t\n@@ -20,2 +21,1 @@\n t\n-t\n";
        assert_eq!(unified(&changed(&one)), expected);
        let secret = "f: only what is not shown differs\n";
        assert_eq!(unified(&changed(&[])), secret);
    }
}
