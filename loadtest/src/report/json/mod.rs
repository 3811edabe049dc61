//! The report as JSON: written, described, read back.

use serde::Deserialize;
use thiserror::Error;

use super::types::{Report, VERSION};

/// The format as a JSON Schema of draft 2020-12. What it refuses, reading refuses.
pub const SCHEMA: &str = include_str!("schema.json");

/// Why a report cannot be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// A number is infinite or none at all, which JSON cannot say.
    #[error("the report cannot be written: {field} is no number")]
    NoNumber {
        /// Which.
        field: &'static str,
    },
    /// The writer itself failed.
    #[error("the report cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// Why a report cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// It is no JSON.
    #[error("no JSON: {0}")]
    NoJson(serde_json::Error),
    /// It is JSON, but no report at all.
    #[error("no report of this load tester: it needs a whole number \"version\"")]
    NoReport,
    /// A report of another time.
    #[error("a report of version {found}, and this program reads version {VERSION}")]
    Version {
        /// The version it says.
        found: u64,
    },
    /// A report with a field that is missing or of the wrong type.
    #[error("not as a report of version {VERSION} has to be: {0}")]
    Field(serde_json::Error),
}

/// The one field that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl Report {
    /// Reads a report. Fields this program does not know are passed over, so that a later one may add some.
    pub fn from_json(text: &str) -> Result<Self, ReadError> {
        // Syntax first: what is wrong with a file cut short is not its version.
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(ReadError::NoJson)?;
        // A list would be taken for the fields in their order.
        let versioned = text
            .trim_start()
            .starts_with('{')
            .then(|| serde_json::from_str(text));
        let Some(Ok(Versioned { version: found })) = versioned else {
            return Err(ReadError::NoReport);
        };
        if found != VERSION {
            return Err(ReadError::Version { found });
        }
        serde_json::from_str(text).map_err(ReadError::Field)
    }

    /// Writes a report, with line breaks and one at the end.
    pub fn to_json(&self) -> Result<String, WriteError> {
        if let Some((field, _)) = self.numbers().find(|(_, number)| !number.is_finite()) {
            return Err(WriteError::NoNumber { field });
        }
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Every number that is not whole. JSON would say `null` where one is infinite, which nobody could read back.
    fn numbers(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let single = [
            ("rate.offered", self.rate.offered),
            ("rate.achieved", self.rate.achieved),
            ("driver.busy", self.driver.busy),
        ];
        let measured = self.thresholds.iter().filter_map(|rule| rule.measured);
        let found = self.find_max.iter();
        let probes = self.find_max.iter().flat_map(|found| &found.probes);
        single
            .into_iter()
            .chain(measured.map(|measured| ("thresholds.measured", measured)))
            .chain(found.map(|found| ("find_max.rate", found.rate)))
            .chain(probes.map(|probe| ("find_max.probes.rate", probe.rate)))
    }
}

#[cfg(test)]
mod tests;
