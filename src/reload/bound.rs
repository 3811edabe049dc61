//! New files beside the listeners and books of a process, which stay as they are.

use super::fixed;
use crate::app::{self, Material};
use crate::config::{Config, Written};
use crate::proxy::{Entrance, Site};

/// The listeners in the order they are bound. Refused is what needs another process.
pub(super) fn as_bound(
    mut config: Config,
    material: &Material,
    in_force: &Written,
    site: &Site,
) -> Result<Config, String> {
    if let Some(changed) = fixed::changed(in_force, &config.written) {
        return Err(changed);
    }
    as_kept("state", &site.shared.books.written, &material.state)?;
    as_kept("audit", &site.shared.audit_written, &material.audit)?;
    let moved = config.listeners.iter().find(|listener| {
        let mut entrances = site.entrances.iter();
        let entrance = entrances.find(|entrance| entrance.name == listener.name);
        entrance.is_some_and(|entrance| entrance.written != listener.address)
    });
    if let Some(moved) = moved {
        return Err(format!(
            "listener \"{}\" has another address, which needs a restart",
            moved.name
        ));
    }
    as_secured(site, &config)?;
    let place = |entrance: &Entrance| {
        let mut listeners = config.listeners.iter();
        listeners.position(|listener| listener.name == entrance.name)
    };
    let places: Option<Vec<_>> = site.entrances.iter().map(place).collect();
    match places {
        Some(places) if places.len() == config.listeners.len() => {
            config.listeners = places
                .iter()
                .filter_map(|&place| config.listeners.get(place).cloned())
                .collect();
            Ok(config)
        }
        _ => Err("listeners were added or removed, which needs a restart".to_owned()),
    }
}

/// Whether a section is what it was, to its secrets and the files it names.
fn as_kept(section: &str, old: &str, new: &str) -> Result<(), String> {
    let what = match app::changed(old, new) {
        None => return Ok(()),
        Some("") => String::new(),
        Some(key) => format!("what {key} refers to in "),
    };
    Err(format!(
        "{what}[{section}] was changed, which needs a restart"
    ))
}

/// Whether each listener that stays speaks TLS as before: connections that are being made must not be
/// taken for something else.
fn as_secured(site: &Site, config: &Config) -> Result<(), String> {
    let fronts = site.entrances.iter().zip(&*site.shared.fronts);
    for (Entrance { name, .. }, front) in fronts {
        let listener = config.listeners.iter().find(|it| it.name == *name);
        let changed = match (listener.map(|it| it.tls.is_some()), front) {
            (Some(true), None) => "was given",
            (Some(false), Some(_)) => "has lost",
            _ => continue,
        };
        return Err(format!(
            "listener \"{name}\" {changed} its \"tls\", which needs a restart"
        ));
    }
    Ok(())
}
