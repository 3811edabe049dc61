//! How the audit trail is kept, and where it is sent.

use std::time::Duration;

use http::HeaderName;

use super::Surroundings;
use crate::audit::Setting;
use crate::config::diagnostic::Diagnostic;
use crate::config::file::audit::Ship as WrittenShip;
use crate::config::file::{Audit as Written, Word};
use crate::config::meaning::{Audit, AuditKey, Ship};
use crate::config::reader::Scheme;
use crate::config::source::Spanned;

/// What the secret of a place is in, unless it says another header: after `Bearer `.
const HEADER: &str = "authorization";

/// An Ed25519 seed (RFC 8032, section 5.1.5).
const SEED_BYTES: usize = 32;

/// A name longer than that is none of a machine.
const MAX_NODE: usize = 64;

/// Some thousand records; smaller files are only more of them.
const MIN_SEGMENT: usize = 1024 * 1024;

/// Lowers `[audit]`.
pub(super) fn lower(written: Option<&Written>, around: Surroundings<'_>) -> Option<Audit> {
    let written = written?;
    let span = |span: Option<Spanned<Duration>>, usual| span.map_or(usual, |it| it.value);
    let bytes = |size: Option<Spanned<usize>>, usual| {
        size.map_or(usual, |it| u64::try_from(it.value).unwrap_or(u64::MAX))
    };
    if let Some(small) = written.segment.filter(|it| it.value < MIN_SEGMENT) {
        around.error("bad-value", small.at, "\"segment\" is \"1MiB\" at least");
    }
    let ships = written
        .ships
        .iter()
        .filter_map(|(name, one)| ship(name, one.as_ref()?, around));
    let ships = ships.collect();
    let key = written.key.as_ref();
    let key = key.map_or(AuditKey::Own, |key| {
        AuditKey::Named(around.secret_key(key, SEED_BYTES..=SEED_BYTES))
    });
    Some(Audit {
        folder: around.folder.join(&written.folder.as_ref()?.value),
        node: written.node.as_ref().map(|node| name_of(node, around)),
        key,
        keep: span(written.keep, Setting::KEEP),
        segment: bytes(written.segment, Setting::SEGMENT),
        rotate: span(written.rotate, Setting::ROTATE),
        checkpoint: span(written.checkpoint, Setting::CHECKPOINT),
        least_free: bytes(written.least_free, Setting::LEAST_FREE),
        patience: span(written.patience, Setting::PATIENCE),
        ships,
    })
}

fn name_of(node: &Word, around: Surroundings<'_>) -> Box<str> {
    let text = &node.value;
    let plain = |letter: char| letter.is_ascii_graphic() && letter != '+';
    if text.is_empty() || text.len() > MAX_NODE || !text.chars().all(plain) {
        let message =
            "\"node\" is a word of 1 to 64 ASCII letters, digits and signs other than \"+\"";
        around.error("bad-value", node.at, message);
    }
    text.as_str().into()
}

fn ship(name: &Word, one: &WrittenShip, around: Surroundings<'_>) -> Option<Ship> {
    let url = one.url.as_ref()?;
    let endpoint = &url.value.endpoint;
    let secured = endpoint.scheme == Scheme::Https;
    match &one.ca {
        None if secured => {
            let message = "an https address needs \"ca\": nobody is trusted by default";
            around.error("no-trust-root", url.at, message);
        }
        Some(useless) if !secured => {
            let found = Diagnostic::warning("useless-key", useless.at, "is for https");
            around.collector.push(found);
        }
        _ => {}
    }
    if let (Some(header), None) = (&one.header, &one.token) {
        let found = Diagnostic::warning(
            "useless-key",
            header.at,
            "is for a token, of which there is none",
        );
        around.collector.push(found);
    }
    let header = one
        .header
        .as_ref()
        .map_or(HEADER, |header| header.value.as_str());
    let at = one.header.as_ref().map_or(one.at, |header| header.at);
    if HeaderName::from_bytes(header.as_bytes()).is_err() {
        around.error("bad-value", at, "\"header\" must be a header's name");
    }
    let token = one.token.as_ref().and_then(|token| around.secret(token));
    Some(Ship {
        name: name.value.as_str().into(),
        host: endpoint.host.as_str().into(),
        port: endpoint.port,
        path: url.value.path.as_str().into(),
        ca: one
            .ca
            .as_ref()
            .filter(|_| secured)
            .map(|ca| around.folder.join(&ca.value)),
        form: one.form.map_or_else(Default::default, |it| it.value),
        token: token.map(|token| (header.into(), token)),
    })
}
