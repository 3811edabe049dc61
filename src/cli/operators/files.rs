//! The files in force, those on disk, and reading them again.

use std::collections::BTreeSet;
use std::path::Path;

use similar::{ChangeTag, TextDiff};

use crate::admin::config::{
    ConfigDiff, ConfigStory, DiffLine, Effective, FileDiff, FileStory, Finding, Line, Origin,
    ReloadEntry, ReloadStory,
};
use crate::app;
use crate::config::{Diagnostics, Written};
use crate::reload::{By, Reload, Reloader};

/// Lines shown around a changed one.
const AROUND: usize = 3;

/// The configuration in force.
pub(super) fn config(reloader: &Reloader) -> ConfigStory {
    let (written, standing) = (reloader.written(), reloader.standing());
    let files = written.files.iter().map(|file| FileStory {
        path: shown(&file.path),
        role: file.role.name(),
        text: file.text.to_string(),
    });
    let effective = written.settings.iter().map(|setting| Effective {
        key: setting.key.clone(),
        value: setting.value.clone(),
        origin: setting
            .origin
            .as_ref()
            .map_or(Origin::Default("default"), |spot| {
                Origin::Line(Line {
                    file: shown(&spot.file),
                    line: spot.line,
                })
            }),
    });
    ConfigStory {
        files: files.collect(),
        effective: effective.collect(),
        since: standing.since.to_string(),
        stale_since: standing.stale.as_ref().map(|it| it.since.to_string()),
        why: standing.stale.map(|stale| stale.why.to_string()),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// How the files on disk differ from those in force.
pub(super) fn diff(reloader: &Reloader) -> ConfigDiff {
    let (diagnostics, on_disk) = reloader.look(app::now());
    let files = differences(&reloader.written(), &on_disk);
    ConfigDiff {
        changed: !files.is_empty(),
        files,
        findings: findings(&diagnostics),
    }
}

/// The files of either that differ, by their paths.
pub(in crate::cli) fn differences(in_force: &Written, on_disk: &Written) -> Vec<FileDiff> {
    let all = in_force.files.iter().chain(&on_disk.files);
    let paths: BTreeSet<&Path> = all.map(|file| &*file.path).collect();
    let pairs = paths
        .into_iter()
        .map(|path| (path, in_force.file(path), on_disk.file(path)));
    // A secret that was changed is not shown, but that something was is told.
    let changed = pairs.filter(|(_, old, new)| old.map(|it| it.digest) != new.map(|it| it.digest));
    let each = changed.map(|(path, old, new)| FileDiff {
        path: shown(path),
        diff: lines(old.map_or("", |it| &it.text), new.map_or("", |it| &it.text)),
    });
    each.collect()
}

fn lines(old: &str, new: &str) -> Vec<DiffLine> {
    let diff = TextDiff::from_lines(old, new);
    let groups = diff.grouped_ops(AROUND);
    let changes = groups.iter().flatten().flat_map(|op| diff.iter_changes(op));
    let line = |change: similar::Change<&str>| DiffLine {
        kind: match change.tag() {
            ChangeTag::Delete => "-",
            ChangeTag::Equal => " ",
            ChangeTag::Insert => "+",
        },
        line_old: change.old_index().map(|at| at + 1),
        line_new: change.new_index().map(|at| at + 1),
        text: change.value().trim_end_matches(['\n', '\r']).to_owned(),
    };
    changes.map(line).collect()
}

/// What `check` says, for operators.
pub(super) fn findings(diagnostics: &Diagnostics) -> Vec<Finding> {
    let finding = |found: &crate::config::Diagnostic| {
        let source = diagnostics.sources().get(found.at.source());
        let start = found.at.span().map(|span| span.start);
        let position = source.zip(start).map(|(source, at)| source.position(at));
        Finding {
            severity: found.severity.name().to_owned(),
            code: found.code.to_owned(),
            message: found.message.clone(),
            file: source
                .map(|source| shown(source.path()))
                .unwrap_or_default(),
            line: position.map(|at| at.line),
            column: position.map(|at| at.column),
            help: found.help.clone(),
        }
    };
    diagnostics.iter().map(finding).collect()
}

/// The last readings of the files.
pub(super) fn history(reloader: &Reloader) -> Vec<ReloadEntry> {
    let entry = |reload: Reload| ReloadEntry {
        at: reload.at.to_string(),
        result: result(reload.why.is_none()),
        why: reload.why.map(|why| why.to_string()),
        by: reload.by.name(),
    };
    reloader.history().into_iter().map(entry).collect()
}

const fn result(good: bool) -> &'static str {
    if good { "success" } else { "failure" }
}

/// Reads the files again.
pub(super) fn reload(reloader: &Reloader) -> ReloadStory {
    let outcome = reloader.reload_for(By::Api, app::now());
    let (diagnostics, _) = reloader.look(app::now());
    ReloadStory {
        result: result(outcome.is_ok()),
        why: outcome.err().map(|stale| stale.why.to_string()),
        findings: findings(&diagnostics),
    }
}

/// What a demonstration answers.
pub(super) fn not_reloaded() -> ReloadStory {
    ReloadStory {
        result: result(false),
        why: Some("a demonstration keeps the files it began with".to_owned()),
        findings: Vec::new(),
    }
}
