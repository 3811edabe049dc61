//! The trail as one of those who are told of scans.

use super::{Audit, Class, Record};
use crate::telemetry::{ScanEvent, Sink};

impl Sink for Audit {
    fn take(&mut self, events: &[ScanEvent], lost: u64) {
        // A request that was not read far enough to be a scan is nobody's.
        let scans = events.iter().filter(|event| event.adapter.is_some());
        self.submit(scans.map(|event| {
            let class = if event.audited {
                Class::Outcome
            } else {
                Class::Scan
            };
            Record::of(event, class)
        }));
        if lost > 0 {
            let shared = &self.0.shared;
            shared.desk().miss(lost, (shared.setting.clock)());
            let lost = usize::try_from(lost).unwrap_or(usize::MAX);
            shared.setting.counts.lost(lost);
        }
    }
}
