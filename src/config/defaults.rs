//! What counts where nobody wrote anything.

use std::collections::HashSet;
use std::time::Duration;

use super::meaning::{Config, Listener, Upstream};
use super::written::Setting;
use crate::policy::{Proving, Scene};
use crate::scan::Cleaning;

/// The settings that stand in no file, by their keys.
pub(super) fn of(config: &Config, written: &[Setting]) -> Vec<Setting> {
    let known: HashSet<&str> = written.iter().map(|setting| &*setting.key).collect();
    let mut all = limits(config);
    all.extend(config.listeners.iter().flat_map(listener));
    all.extend(config.upstreams.iter().flat_map(upstream));
    all.extend(config.gateway.scenes.iter().flat_map(scene));
    if let Some(admin) = &config.admin {
        all.push((
            "admin.hosts".into(),
            format!("[{}]", admin.hosts.join(", ")),
        ));
        let made = "made at the first start".to_owned();
        let tokens = ["admin.operator", "admin.viewer"].into_iter();
        let tokens = tokens.filter(|_| !admin.named);
        all.extend(tokens.map(|key| (key.into(), made.clone())));
    }
    let unwritten = all.into_iter().filter(|(key, _)| {
        // One key of a table that is written as a whole stands for it.
        let below = format!("{key}.");
        !known.contains(&**key) && !known.iter().any(|it| it.starts_with(&below))
    });
    let setting = |(key, value)| Setting {
        key,
        value,
        origin: None,
    };
    unwritten.map(setting).collect()
}

type Pair = (String, String);

fn limits(config: &Config) -> Vec<Pair> {
    let (limits, state) = (&config.limits, &config.state);
    let values = [
        ("limits.header_timeout", span(limits.header_timeout)),
        ("limits.body_timeout", span(limits.body_timeout)),
        ("limits.body_rate", size(limits.body_rate)),
        ("limits.idle_timeout", span(limits.idle_timeout)),
        ("limits.drain_timeout", span(limits.drain_timeout)),
        ("limits.connections", limits.connections.to_string()),
        (
            "limits.connections_per_address",
            limits.connections_per_address.to_string(),
        ),
        ("limits.workers", limits.workers.to_string()),
        ("limits.fast_lane", limits.fast_lane.to_string()),
        ("limits.in_flight", limits.in_flight.to_string()),
        ("state.keep", span(state.keep)),
        ("state.double_read", span(state.double_read)),
        ("state.answer_limit", size(state.answer_limit)),
        ("state.claims", state.claims.to_string()),
    ];
    values.map(|(key, value)| (key.to_owned(), value)).into()
}

fn listener(listener: &Listener) -> Vec<Pair> {
    let key = |key: &str| format!("listener.{}.{key}", listener.name);
    let clean = match listener.cleaning {
        Cleaning::None => "none",
        Cleaning::Scanner => "scanner",
    };
    let anonymous = listener.proving == Proving::Optional;
    let mut all = vec![
        (key("anonymous"), anonymous.to_string()),
        (key("body_limit"), size(listener.body_limit)),
        (key("clean"), clean.to_owned()),
    ];
    if listener.address.tcp().is_none() {
        all.push((key("mode"), format!("{:04o}", listener.mode)));
    }
    if listener.door.scenes.is_empty() {
        all.push((key("scenes"), "all".to_owned()));
    }
    all
}

fn upstream(upstream: &Upstream) -> Vec<Pair> {
    let key = |key: &str| format!("upstream.{}.{key}", upstream.name);
    let policy = &upstream.policy;
    let eject = &policy.eject;
    vec![
        (key("connect_timeout"), span(upstream.connect_timeout)),
        (key("timeout"), span(upstream.timeout)),
        (key("first_byte_timeout"), span(upstream.first_byte_timeout)),
        (key("idle_timeout"), span(upstream.idle_timeout)),
        (key("idle"), upstream.idle.to_string()),
        (key("protocol"), upstream.protocol.name().to_owned()),
        (key("balance"), policy.balance.name().to_owned()),
        (key("slow_start"), span(policy.slow_start)),
        (key("at_once"), policy.at_once.to_string()),
        (key("queue"), policy.queue.to_string()),
        (key("queue_timeout"), span(policy.queue_timeout)),
        (key("eject.failures"), eject.failures.to_string()),
        (key("eject.time"), span(eject.time)),
        (key("eject.longest"), span(eject.longest)),
        (key("eject.at_most"), eject.at_most.to_string()),
    ]
}

fn scene(scene: &Scene) -> Vec<Pair> {
    let key = |key: &str| format!("scene.{}.{key}", scene.name);
    let care = scene.care;
    vec![
        (key("idempotency"), care.idempotency.name().to_owned()),
        (key("reuse"), care.reuse.to_string()),
        (key("when_store_away"), care.when_away.name().to_owned()),
        (key("replicas"), care.replicas.to_string()),
    ]
}

/// A span as files spell it.
fn span(span: Duration) -> String {
    let units = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
    ];
    let millis = span.as_millis();
    let whole = units
        .iter()
        .find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit));
    match whole {
        Some((word, unit)) => format!("{}{word}", millis / unit),
        None if millis == 0 => "0s".to_owned(),
        None => format!("{millis}ms"),
    }
}

/// A size as files spell it.
fn size(bytes: usize) -> String {
    let units = [("MiB", 1 << 20), ("KiB", 1 << 10)];
    let whole = units
        .iter()
        .find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    whole.map_or_else(
        || format!("{bytes}B"),
        |(word, unit)| format!("{}{word}", bytes / unit),
    )
}
