//! Who is told of scans.

use std::io;
use std::sync::Arc;

use ring::rand::{SecureRandom as _, SystemRandom};

use super::StartError;
use crate::config;
use crate::metrics::{Desks, Lost, Metrics};
use crate::proxy::site::Telemetry;
use crate::telemetry::{Clerk, Live, Log, Pseudonyms, Pulse, Sampling, ScanEvent, Sink, Traces};

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
        let log = Log::new(io::stderr(), telemetry.logged);
        let mut sinks: Vec<Box<dyn Sink>> = vec![
            Box::new(Losses(metrics.desks().clone())),
            Box::new(log),
            Box::new(live.clone()),
            Box::new(pulse.clone()),
        ];
        sinks.extend(others);
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
    fn take(&mut self, _: &[Arc<ScanEvent>], lost: u64) {
        for whom in [Lost::Log, Lost::Live] {
            self.0.lost(whom, lost);
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
pub(super) fn pseudonyms(config: &config::Telemetry) -> Result<Pseudonyms, StartError> {
    let period = config.pseudonym_period;
    if let Some(key) = &config.pseudonym_key {
        return Ok(Pseudonyms::new(key.expose(), period));
    }
    let mut key = [0; 32];
    let drawn = SystemRandom::new().fill(&mut key);
    drawn.map_err(|_| StartError::Randomness)?;
    Ok(Pseudonyms::new(&key, period))
}
