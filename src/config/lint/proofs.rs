//! Listeners against the terminals that could prove who they are there.

use crate::config::diagnostic::{Collector, Diagnostic};
use crate::config::lower::Lowered;
use crate::config::meaning::Listener;
use crate::config::source::Place;
use crate::identity::Proofs;
use crate::policy::Proving;

/// Finds listeners that let nobody in, and proofs that are not safe there.
pub(super) fn run(lowered: &Lowered, to: &Collector) {
    nobody(lowered, to);
    overheard(lowered, to);
    vouched_by_several(lowered, to);
}

/// The proofs of the terminals in service.
fn proofs(lowered: &Lowered) -> impl Iterator<Item = &Proofs> {
    let terminals = lowered.config.gateway.terminals.iter();
    let proofs = terminals.map(|(_, one)| &one.proofs);
    proofs.filter(|proofs| !proofs.is_empty() && !proofs.revoked)
}

/// The listeners and where they stand.
fn listeners(lowered: &Lowered) -> impl Iterator<Item = (&Listener, Place)> {
    let places = lowered.listeners.iter().copied();
    lowered.config.listeners.iter().zip(places)
}

fn nobody(lowered: &Lowered, to: &Collector) {
    if proofs(lowered).next().is_some() {
        return;
    }
    for (listener, at) in listeners(lowered).filter(|(it, _)| it.proving == Proving::Required) {
        let message = format!(
            "listener \"{}\" asks terminals to prove who they are, and none of the registry can",
            listener.name
        );
        let found = Diagnostic::warning("nobody-proven", at, message);
        let help = "give terminals a certificate, san, api_key or signature_key in terminals.toml, \
                    or write anonymous = true if whoever reaches the listener may scan";
        to.push(found.help(help));
    }
}

/// A key that is sent in plain text is everybody's on the way.
fn overheard(lowered: &Lowered, to: &Collector) {
    if !proofs(lowered).any(|proofs| !proofs.api_keys.is_empty()) {
        return;
    }
    let reached = |listener: &Listener| {
        let address = listener.address.tcp();
        listener.tls.is_none() && address.is_some_and(|it| !it.ip().is_loopback())
    };
    for (listener, at) in listeners(lowered).filter(|(it, _)| reached(it)) {
        let message = format!(
            "listener \"{}\" takes API keys in plain text: who listens on the way has them",
            listener.name
        );
        let found = Diagnostic::warning("key-in-the-open", at, message);
        to.push(found.help("give the listener tls, or let a proxy on this machine end it"));
    }
}

/// A name is a terminal's by the word of an authority, and any listener's will do.
fn vouched_by_several(lowered: &Lowered, to: &Collector) {
    if !proofs(lowered).any(|proofs| !proofs.names.is_empty()) {
        return;
    }
    let authority = |listener: &Listener| {
        let clients = listener.tls.as_ref()?.files.clients.as_ref()?;
        Some(clients.ca.clone())
    };
    let mut vouching =
        listeners(lowered).filter_map(|(listener, at)| Some((authority(listener)?, listener, at)));
    let Some((first, ..)) = vouching.next() else {
        return;
    };
    for (_, listener, at) in vouching.filter(|(ca, ..)| *ca != first) {
        let message = format!(
            "listener \"{}\" has another authority for clients than the first one: each of them \
             can give out every terminal's \"san\"",
            listener.name
        );
        let found = Diagnostic::warning("several-authorities", at, message);
        to.push(found.help("name certificates by their digests, or have one authority"));
    }
}
