//! What the kernel counts of this process, looked up when somebody asks. The names are those every
//! Prometheus client uses.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

/// Looks it up.
#[derive(Debug)]
pub(super) struct Process;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Found {
    cpu_seconds: f64,
    resident_bytes: u64,
    open_fds: u64,
    start_seconds: f64,
}

impl Found {
    /// In `/proc`, where there is one.
    fn look() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
        let ticks = f64::from(u32::try_from(clock_ticks_per_second()).ok()?);
        // The name, in brackets, may hold anything; the fields behind it begin with the third.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<_> = fields.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let pages: u64 = fields.get(24 - 3)?.parse().ok()?;
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / ticks,
            resident_bytes: pages.saturating_mul(u64::try_from(page_size()).ok()?),
            // The folder itself is open while it is read.
            open_fds: u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count())
                .ok()?
                .saturating_sub(1),
            start_seconds: boot.trim().parse::<f64>().ok()? + field(22)? / ticks,
        })
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(found) = Found::look() else {
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
        let found = Found::look().unwrap();
        assert!(found.resident_bytes > 100_000, "{found:?}");
        assert!(found.open_fds >= 3, "{found:?}");
        assert!(found.start_seconds > 1e9, "{found:?}");
    }
}
