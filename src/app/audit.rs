//! The audit trail: made with everything else, opened last, closed first.

use std::error::Error;

use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use super::exclusive::Exclusive;
use super::{StartError, now};
use crate::audit::{Audit, Key, OpenError, Setting, Sink, Token};
use crate::config::{Audit as Written, AuditKey, Ship};
use crate::metrics::AuditCounts;
use crate::tls;

/// A trail nobody writes to until its folder is acquired.
pub fn audit(written: &Written, counts: AuditCounts) -> Result<Audit, StartError> {
    let sinks: Result<_, _> = written.ships.iter().map(sink).collect();
    let machine = rustix::system::uname();
    let machine = machine.nodename().to_string_lossy();
    let node = written.node.as_deref().unwrap_or(&machine);
    Ok(Audit::new(Setting {
        keep: written.keep,
        segment: written.segment,
        rotate: written.rotate,
        checkpoint: written.checkpoint,
        least_free: written.least_free,
        patience: written.patience,
        sinks: sinks?,
        counts,
        ..Setting::new(written.folder.clone(), node, key(&written.key)?, now)
    }))
}

fn key(written: &AuditKey) -> Result<Key, StartError> {
    let mut seed = Zeroizing::new([0; 32]);
    match written {
        AuditKey::Named(None) => return Ok(Key::Missing),
        AuditKey::Named(Some(secret)) => {
            if let Ok(named) = secret.expose().try_into() {
                *seed = named;
                return Ok(Key::Given(seed));
            }
            return Ok(Key::Missing);
        }
        AuditKey::Own => {}
    }
    let filled = SystemRandom::new().fill(&mut *seed);
    filled.map_err(|_| StartError::Randomness)?;
    Ok(Key::Own(seed))
}

fn sink(ship: &Ship) -> Result<Sink, StartError> {
    let trusted = ship.ca.as_deref().map(tls::client_config).transpose();
    let trusted = trusted.map_err(|source| StartError::Ship {
        name: ship.name.clone(),
        source: source.into(),
    });
    let token = ship.token.as_ref().and_then(|(header, secret)| {
        let text = secret.expose_text().ok()?;
        // RFC 6750, section 2.1.
        let bearer = if &**header == "authorization" {
            "Bearer "
        } else {
            ""
        };
        Some(Token {
            header: header.clone(),
            value: Zeroizing::new(format!("{bearer}{text}")),
        })
    });
    Ok(Sink {
        name: ship.name.clone(),
        host: ship.host.clone(),
        port: ship.port,
        path: ship.path.clone(),
        tls: trusted?,
        form: ship.form,
        token,
        pause: Sink::PAUSE,
    })
}

/// The folder of a trail, which one process at a time may hold.
#[derive(Debug)]
pub struct AuditFolder(pub Audit);

impl AuditFolder {
    pub(super) fn boxed(audit: Audit) -> Box<dyn Exclusive> {
        Box::new(Self(audit))
    }
}

impl Exclusive for AuditFolder {
    fn name(&self) -> &'static str {
        "the audit trail of [audit]"
    }

    fn acquire(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        match self.0.open() {
            // It serves what needs no trail, and says so.
            Err(OpenError::NoKey) => {
                tracing::warn!("the key of [audit] is not set: nothing is written");
                Ok(())
            }
            opened => Ok(opened?),
        }
    }

    fn release(&mut self) {
        self.0.close();
    }
}
