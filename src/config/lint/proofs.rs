//! Listeners against the terminals that could prove who they are there.

use crate::config::diagnostic::{Collector, Diagnostic};
use crate::config::lower::Lowered;
use crate::policy::Proving;

/// Finds listeners that let nobody in.
pub(super) fn run(lowered: &Lowered, to: &Collector) {
    let config = &lowered.config;
    let mut terminals = config.gateway.terminals.iter();
    if terminals.any(|(_, one)| !one.proofs.is_empty() && !one.proofs.revoked) {
        return;
    }
    let listeners = config.listeners.iter().zip(&lowered.listeners);
    for (listener, at) in listeners.filter(|(it, _)| it.proving == Proving::Required) {
        let message = format!(
            "listener \"{}\" asks terminals to prove who they are, and none of the registry can",
            listener.name
        );
        let found = Diagnostic::warning("nobody-proven", *at, message);
        let help = "give terminals a certificate, san, api_key or signature_key in terminals.toml, \
                    or write anonymous = true if whoever reaches the listener may scan";
        to.push(found.help(help));
    }
}
