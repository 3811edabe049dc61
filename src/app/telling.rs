//! Who is told of scans.

use std::io;

use ring::rand::{SecureRandom as _, SystemRandom};

use super::StartError;
use crate::config;
use crate::metrics::{Desks, Lost, Metrics};
use crate::proxy::site::Telemetry;
use crate::telemetry::{
    Clerk, Live, Log, PseudonymKey, Pseudonyms, Pulse, Sampling, ScanEvent, Sink, Traces,
};

/// Those who are told of scans, for as long as this is kept.
#[derive(Debug)]
pub struct Telling {
    /// The scans of the last moments.
    pub live: Live,
    /// The last quarter of an hour.
    pub pulse: Pulse,
    clerk: Clerk,
}

impl Telling {
    /// Begins to tell what workers lay into their trays, these `others` too.
    pub(super) fn begin(
        telemetry: Telemetry,
        metrics: &Metrics,
        others: Vec<Box<dyn Sink>>,
    ) -> io::Result<Self> {
        let (live, pulse) = (Live::default(), Pulse::default());
        let counts = metrics.desks();
        let log = Log::start(io::stderr(), telemetry.logged, counts.clone())?;
        // The audit trail is among the others: it is told first.
        let mut sinks = others;
        sinks.push(Box::new(live.clone()));
        sinks.push(Box::new(pulse.clone()));
        sinks.push(Box::new(log));
        sinks.push(Box::new(Losses(counts.clone())));
        Ok(Self {
            live,
            pulse,
            clerk: Clerk::start(telemetry.trays, sinks)?,
        })
    }
}

/// Counts what nobody could be told.
struct Losses(Desks);

impl Sink for Losses {
    fn take(&mut self, _: &[ScanEvent], lost: u64) {
        self.0.lost(Lost::Live, lost);
        if lost > 0 {
            tracing::warn!(lost, "more scans than could be told of");
        }
    }
}

impl Telling {
    /// Tells what is still to be told. Blocks.
    pub(super) fn finish(&self) {
        self.clerk.finish();
    }
}

/// The exporter of traces, if they are exported, and which traces are recorded then. Without one a
/// gateway serves as well: what is wrong is logged.
pub(super) fn exporter(traces: &Traces, metrics: &Metrics) -> (Option<Box<dyn Sink>>, Sampling) {
    let none = (None, Sampling::default());
    let Some(collector) = &traces.collector else {
        return none;
    };
    #[cfg(not(feature = "otel"))]
    {
        let _ = (collector, metrics);
        tracing::warn!("no traces: this build has no exporter, it needs the feature otel");
        none
    }
    #[cfg(feature = "otel")]
    match send_to(collector, metrics) {
        Ok(exporter) => {
            let Sampling {
                share,
                heeds_parent,
            } = traces.sampling;
            let endpoint = collector.place();
            tracing::info!(endpoint, share, heeds_parent, "traces are exported");
            (Some(Box::new(exporter)), traces.sampling)
        }
        Err(error) => {
            tracing::error!(error = crate::trust::standing::chain(&*error), "no traces");
            none
        }
    }
}

#[cfg(feature = "otel")]
fn send_to(
    collector: &crate::telemetry::traces::Collector,
    metrics: &Metrics,
) -> Result<crate::telemetry::otlp::Otlp, Box<dyn std::error::Error>> {
    let authority = collector.authority.as_deref();
    let tls = authority.map(crate::tls::client_config).transpose()?;
    let exporter = crate::telemetry::otlp::Otlp::start(collector, tls, metrics.desks().clone())?;
    Ok(exporter)
}

/// Other names for people: without a key of the files, those of this process alone.
pub(super) fn pseudonyms(config: &config::Telemetry, own: &PseudonymKey) -> Pseudonyms {
    let period = config.pseudonym_period;
    match &config.pseudonym_key {
        Some(key) => Pseudonyms::new(key.expose(), period),
        None => own.pseudonyms(period),
    }
}

/// A key of this process alone.
pub(super) fn own_key() -> Result<PseudonymKey, StartError> {
    let drawn = PseudonymKey::drawn(|key| SystemRandom::new().fill(key));
    drawn.map_err(|_| StartError::Randomness)
}
