//! Who is told of scans.

use std::io;

use ring::rand::{SecureRandom as _, SystemRandom};

use super::StartError;
use crate::audit::Audit;
use crate::config;
use crate::telemetry::{Clerk, Live, Log, Pseudonyms, Pulse, Sink, Trays, log};

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
    /// Begins to tell what workers lay into `trays`.
    pub(super) fn begin(
        trays: Trays,
        logged: log::Share,
        audit: Option<Audit>,
    ) -> io::Result<Self> {
        let (live, pulse) = (Live::default(), Pulse::default());
        let log = Log::new(io::stderr(), logged);
        let mut sinks: Vec<Box<dyn Sink>> = vec![
            Box::new(log),
            Box::new(live.clone()),
            Box::new(pulse.clone()),
        ];
        sinks.extend(audit.map(|audit| Box::new(audit) as Box<dyn Sink>));
        Ok(Self {
            live,
            pulse,
            clerk: Clerk::start(trays, sinks)?,
        })
    }
}

impl Telling {
    /// Tells what is still to be told. Blocks.
    pub(super) fn finish(&self) {
        self.clerk.finish();
    }
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
