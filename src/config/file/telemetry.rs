//! What is told of scans.

use std::time::Duration;

use super::issuer::secret;
use crate::config::reader::{Table, duration, share};
use crate::config::secrets::SecretRef;
use crate::config::source::Spanned;

/// `[telemetry]`.
#[derive(Debug)]
pub(crate) struct Telemetry {
    pub(crate) log_scans: Option<Spanned<f64>>,
    pub(crate) pseudonym_key: Option<Spanned<SecretRef>>,
    pub(crate) pseudonym_period: Option<Spanned<Duration>>,
}

impl Telemetry {
    /// Reads `[telemetry]`.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        let telemetry = Self {
            log_scans: table.optional("log_scans", share),
            pseudonym_key: table.optional("pseudonym_key", secret),
            pseudonym_period: table.optional("pseudonym_period", duration),
        };
        table.finish();
        telemetry
    }
}
