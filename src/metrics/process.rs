//! What the kernel counts of this process, looked up when somebody asks. The names are those every
//! Prometheus client uses.

use std::fmt;
use std::fs::{self, File};
use std::io::Seek as _;
use std::mem::MaybeUninit;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use rustix::fs::RawDir;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

/// The longest line of `/proc/self/stat`; some fifty numbers and a name.
const STAT_BYTES: usize = 2_048;

/// Looks it up, in files that stay open: a scrape must not need a descriptor when there is none left.
#[derive(Debug)]
pub(super) struct Process {
    opened: Option<Mutex<Opened>>,
}

#[derive(Debug)]
struct Opened {
    stat: File,
    descriptors: File,
    /// When the machine began, in seconds since 1970.
    boot: f64,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Found {
    cpu_seconds: f64,
    resident_bytes: u64,
    open_fds: u64,
    start_seconds: f64,
}

impl Process {
    /// In `/proc`, where there is one.
    pub(super) fn open() -> Self {
        Self {
            opened: Opened::open().map(Mutex::new),
        }
    }

    fn look(&self) -> Option<Found> {
        let opened = self.opened.as_ref()?.lock();
        opened.unwrap_or_else(PoisonError::into_inner).look()
    }
}

impl Opened {
    fn open() -> Option<Self> {
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
        Some(Self {
            stat: File::open("/proc/self/stat").ok()?,
            descriptors: File::open("/proc/self/fd").ok()?,
            boot: boot.trim().parse().ok()?,
        })
    }

    fn look(&mut self) -> Option<Found> {
        let mut stat = [0; STAT_BYTES];
        let length = self.stat.read_at(&mut stat, 0).ok()?;
        let stat = std::str::from_utf8(stat.get(..length)?).ok()?;
        let ticks = f64::from(u32::try_from(clock_ticks_per_second()).ok()?);
        // The name, in brackets, may hold anything; the fields behind it begin with the third.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<_> = fields.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let pages: u64 = fields.get(24 - 3)?.parse().ok()?;
        Some(Found {
            cpu_seconds: (field(14)? + field(15)?) / ticks,
            resident_bytes: pages.saturating_mul(u64::try_from(page_size()).ok()?),
            open_fds: self.count_descriptors()?,
            start_seconds: self.boot + field(22)? / ticks,
        })
    }

    fn count_descriptors(&mut self) -> Option<u64> {
        self.descriptors.rewind().ok()?;
        let mut room = [MaybeUninit::uninit(); 4_096];
        let mut names = RawDir::new(&self.descriptors, &mut room);
        let mut count: u64 = 0;
        while let Some(name) = names.next() {
            // The folder itself and the one above it are no descriptors.
            let name = name.ok()?;
            count += u64::from(name.file_name().to_bytes().first() != Some(&b'.'));
        }
        Some(count)
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(found) = self.look() else {
            return Ok(());
        };
        let cpu = ConstCounter::new(found.cpu_seconds);
        let help = "Time the process had on processors.";
        let kind = cpu.metric_type();
        cpu.encode(encoder.encode_descriptor("process_cpu", help, Some(&Unit::Seconds), kind)?)?;
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, gauge: ConstGauge<f64>| {
            let kind = gauge.metric_type();
            gauge.encode(encoder.encode_descriptor(name, help, unit, kind)?)
        };
        let bytes = Some(&Unit::Bytes);
        let number = |count: u64| {
            // Exact up to four thousand million, and no worse than floating point beyond.
            let (high, low) = (count >> 32, count & u64::from(u32::MAX));
            let part = |part: u64| f64::from(u32::try_from(part).unwrap_or(u32::MAX));
            ConstGauge::new(part(high) * 4_294_967_296.0 + part(low))
        };
        gauge(
            "process_resident_memory",
            "Memory of the process that is in the machine's memory.",
            bytes,
            number(found.resident_bytes),
        )?;
        gauge(
            "process_open_fds",
            "Files and sockets the process has open.",
            None,
            number(found.open_fds),
        )?;
        if let Some(most) = getrlimit(Resource::Nofile).current {
            gauge(
                "process_max_fds",
                "Files and sockets the process may have open.",
                None,
                number(most),
            )?;
        }
        let help = "When the process began, in seconds since 1970.";
        let start = ConstGauge::new(found.start_seconds);
        gauge("process_start_time", help, Some(&Unit::Seconds), start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_found() {
        let found = Process::open().look().unwrap();
        assert!(found.resident_bytes > 100_000, "{found:?}");
        assert!(found.open_fds >= 3, "{found:?}");
        assert!(found.start_seconds > 1e9, "{found:?}");
    }
}
