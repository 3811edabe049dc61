//! The certificates of listeners, looked at by the clock.

use std::path::Path;
use std::time::Duration;

use crate::config::diagnostic::Diagnostic;
use crate::config::meaning::{Listener, Tls};
use crate::config::suggest::quoted;
use crate::time::Timestamp;
use crate::tls::{Pair, Server, Shown};
use crate::trust::standing::chain;

/// How long before its end a certificate is worth a word: a fortnight is what it takes to get another
/// one where people have to sign for it.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What is wrong with the certificates of these listeners, or soon will be. Reads their files.
pub fn certificates(listeners: &[Listener], now: Timestamp) -> Vec<Diagnostic> {
    let secured = listeners.iter().filter_map(|listener| {
        let tls = listener.tls.as_ref()?;
        Some(of_listener(listener, tls, now))
    });
    secured.flatten().collect()
}

fn of_listener(listener: &Listener, tls: &Tls, now: Timestamp) -> Vec<Diagnostic> {
    let server = match Server::read(&tls.files) {
        Ok(server) => server,
        Err(error) => {
            let message = format!(
                "the certificates of listener {} cannot be used: {}",
                quoted(&listener.name),
                chain(&error)
            );
            return vec![Diagnostic::error("bad-certificate", tls.at, message)];
        }
    };
    let mut found = Vec::new();
    for (pair, shown) in tls.files.pairs.iter().zip(&server.shown) {
        found.extend(of_pair(pair, shown, tls, now));
    }
    if let Some(clients) = &tls.files.clients {
        found.extend(ends(
            &clients.ca,
            "an authority",
            server.authorities_end,
            now,
        ));
        if let Some(crl) = &clients.crl {
            found.extend(ends(crl, "a revocation list", server.lists_end, now));
            if server.unlisted > 0 {
                let (crl, unlisted) = (crl.display(), server.unlisted);
                let message = format!(
                    "{crl}: no list of {unlisted} of the authorities, so that their terminals are refused"
                );
                found.push(("certificate-unlisted", message));
            }
        }
    }
    let found = found.into_iter();
    let found = found.map(|(code, message)| Diagnostic::warning(code, tls.at, message));
    found.collect()
}

type Found = (&'static str, String);

fn of_pair(pair: &Pair, shown: &Shown, tls: &Tls, now: Timestamp) -> Vec<Found> {
    let (leaf, path) = (&shown.leaf, pair.cert.display());
    let mut found = Vec::new();
    found.extend(ends(
        &pair.cert,
        "the certificate",
        Some(leaf.not_after),
        now,
    ));
    if let Some(ocsp) = &pair.ocsp {
        found.extend(ends(ocsp, "the OCSP response", shown.staple_ends, now));
    }
    if leaf.not_before > now {
        let begins = leaf.not_before;
        found.push((
            "certificate-early",
            format!("{path}: not good before {begins}"),
        ));
    }
    if leaf.authority {
        let message =
            format!("{path}: the first certificate is an authority's, expected a server's");
        found.push(("certificate-names", message));
    } else if leaf.names.is_empty() && !leaf.addresses {
        let message = format!("{path}: no DNS name and no address, so that no client takes it");
        found.push(("certificate-names", message));
    } else if tls.files.pairs.len() > 1 && leaf.names.is_empty() {
        let message = format!("{path}: no DNS name by which it could be chosen");
        found.push(("certificate-names", message));
    }
    found
}

fn ends(path: &Path, what: &str, end: Option<Timestamp>, now: Timestamp) -> Option<Found> {
    let end = end.filter(|end| *end < now.after(SOON))?;
    let verb = if end <= now { "ended at" } else { "ends at" };
    let message = format!("{}: {what} {verb} {end}", path.display());
    Some(("certificate-ends", message))
}
