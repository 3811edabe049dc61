//! How the audit trail is kept, and where it is sent.

use std::time::Duration;

use super::issuer::secret;
use super::{Named, Word};
use crate::audit::Form;
use crate::config::reader::{Destination, Table, choice, destination, duration, size, string};
use crate::config::secrets::SecretRef;
use crate::config::source::{Place, Spanned};

/// `[audit]`.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(crate) folder: Option<Word>,
    pub(crate) node: Option<Word>,
    pub(crate) key: Option<Spanned<SecretRef>>,
    pub(crate) keep: Option<Spanned<Duration>>,
    pub(crate) segment: Option<Spanned<usize>>,
    pub(crate) rotate: Option<Spanned<Duration>>,
    pub(crate) checkpoint: Option<Spanned<Duration>>,
    pub(crate) least_free: Option<Spanned<usize>>,
    pub(crate) patience: Option<Spanned<Duration>>,
    pub(crate) ships: Named<Ship>,
}

/// `[audit.ship.*]`.
#[derive(Debug)]
pub(crate) struct Ship {
    pub(crate) at: Place,
    pub(crate) url: Option<Spanned<Destination>>,
    pub(crate) ca: Option<Word>,
    pub(crate) form: Option<Spanned<Form>>,
    pub(crate) token: Option<Spanned<SecretRef>>,
    pub(crate) header: Option<Word>,
}

impl Audit {
    /// Reads `[audit]`.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        let audit = Self {
            folder: table.required("folder", string),
            node: table.optional("node", string),
            key: table.optional("key", secret),
            keep: table.optional("keep", duration),
            segment: table.optional("segment", size),
            rotate: table.optional("rotate", duration),
            checkpoint: table.optional("checkpoint", duration),
            least_free: table.optional("least_free", size),
            patience: table.optional("patience", duration),
            ships: table.named("ship", |_, table| Some(Ship::read(table))),
        };
        table.finish();
        audit
    }
}

impl Ship {
    fn read(mut table: Table<'_>) -> Self {
        let forms = Form::ALL.map(|form| (form.name(), form));
        let ship = Self {
            at: table.at(),
            url: table.required("url", destination),
            ca: table.optional("ca", string),
            form: table.optional("form", choice(&forms)),
            token: table.optional("token", secret),
            header: table.optional("header", string),
        };
        table.finish();
        ship
    }
}
