//! What a process has once and for all, so that a change of it needs another process.

use crate::config::Written;
use crate::config::written::Setting;

/// The keys that are read at the start alone, and everything below them. Addresses and names of listeners,
/// `[state]` and `[audit]` are held against what they came to, by [`super::Reloader`] itself.
const FIXED: [&str; 7] = [
    "admin.address",
    "keys.snapshot",
    "limits.drain_timeout",
    "limits.fast_lane",
    "limits.header_timeout",
    "limits.idle_timeout",
    "limits.workers",
];

/// The first of them that is not what it was, and how it is to be told.
pub(super) fn changed(in_force: &Written, new: &Written) -> Option<String> {
    // A gateway whose files nobody knows; tests have such.
    if in_force.settings.is_empty() {
        return None;
    }
    let all = in_force.settings.iter().chain(&new.settings);
    let mut fixed = all.filter(|setting| is_fixed(setting));
    let changed = fixed.find(|it| in_force.value(&it.key) != new.value(&it.key))?;
    let shown = |written: &Written| written.value(&changed.key).unwrap_or("nothing").to_owned();
    let (old, new) = (shown(in_force), shown(new));
    Some(format!(
        "{} was changed from {old} to {new}, which needs a restart",
        changed.key
    ))
}

fn is_fixed(setting: &Setting) -> bool {
    let key = &*setting.key;
    let below = |above: &str| {
        key.strip_prefix(above)
            .is_some_and(|it| it.starts_with('.'))
    };
    FIXED.iter().any(|fixed| key == *fixed || below(fixed)) || {
        // Permissions are given when the socket is made.
        let last = key.rsplit('.').next();
        key.starts_with("listener.") && last == Some("mode")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(settings: &[(&str, &str)]) -> Written {
        let setting = |(key, value): &(&str, &str)| Setting {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
            origin: None,
        };
        Written {
            settings: settings.iter().map(setting).collect(),
            ..Written::default()
        }
    }

    #[track_caller]
    fn check(old: &[(&str, &str)], new: &[(&str, &str)], expected: Option<&str>) {
        let found = changed(&written(old), &written(new));
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn what_needs_a_restart_is_named() {
        let old = [("limits.workers", "2"), ("limits.connections", "10")];
        check(&old, &old, None);
        check(
            &old,
            &[("limits.workers", "2"), ("limits.connections", "20")],
            None,
        );
        let workers = "limits.workers was changed from 2 to 4, which needs a restart";
        check(&old, &[("limits.workers", "4")], Some(workers));
        let gone =
            "admin.address was changed from 127.0.0.1:9090 to nothing, which needs a restart";
        check(&[("admin.address", "127.0.0.1:9090")], &[], Some(gone));
        let mode = "listener.scan.mode was changed from nothing to 0660, which needs a restart";
        let new = [("limits.workers", "2"), ("listener.scan.mode", "0660")];
        check(&old, &new, Some(mode));
        check(&[], &new, None);
    }
}
