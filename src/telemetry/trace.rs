//! A scan's place in a trace (W3C Trace Context).

use std::fmt;

use data_encoding::HEXLOWER;

use crate::reason::Stage;

/// What keeps the ids of parts far from each other: 2^64 divided by the golden ratio, odd, so that no two
/// of its first multiples are the same.
const STRIDE: u64 = 0x9E37_79B9_7F4A_7C15;

/// The ids of a scan's trace and of the gateway's part in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: u128,
    /// The gateway's part.
    pub span: u64,
    /// The caller's part, if the caller named one.
    pub parent: Option<u64>,
    /// Whether the trace is recorded (section 3.2.2.5.1).
    pub sampled: bool,
}

impl TraceContext {
    /// Whether the gateway's part is among that share of all. Its id is drawn here: no caller can
    /// choose.
    pub fn is_chosen(&self, share: f64) -> bool {
        is_below(self.span.to_be_bytes(), share)
    }

    /// The trace's id as it is written: 32 lower-case hexadecimal digits.
    pub fn trace_id(&self) -> String {
        HEXLOWER.encode(&self.trace.to_be_bytes())
    }

    /// The id of the gateway's part as it is written: 16 digits.
    pub fn span_id(&self) -> String {
        HEXLOWER.encode(&self.span.to_be_bytes())
    }

    /// The id of what the gateway's part spends in a stage, never zero. That of [`Stage::Forward`] is
    /// what the department knows as its parent.
    pub fn part(&self, stage: Stage) -> u64 {
        let place = u64::try_from(stage.index()).unwrap_or_default();
        self.span
            .wrapping_add((place + 1).wrapping_mul(STRIDE))
            .max(1)
    }

    /// Whether the trace is among the share of them that is picked by its id, the same in every
    /// process that asks: the last 56 bits of an id are random (section 3.2.2.3).
    pub fn is_among(&self, share: f64) -> bool {
        let [_, low] = halves(self.trace);
        is_below(low.to_be_bytes(), share)
    }
}

fn halves(number: u128) -> [u64; 2] {
    let half = |half: u128| u64::try_from(half & u128::from(u64::MAX)).unwrap_or_default();
    [half(number >> 64), half(number)]
}

/// Whether a random number is in the lowest part of all, by its last four bytes.
fn is_below([.., a, b, c, d]: [u8; 8], share: f64) -> bool {
    f64::from(u32::from_be_bytes([a, b, c, d])) < share * (f64::from(u32::MAX) + 1.0)
}

/// Which traces are recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// The share of traces begun here; of all, if callers are not heeded.
    pub share: f64,
    /// Whether a caller's decision about its trace stands.
    pub heeds_parent: bool,
}

/// Nobody records what begins here.
impl Default for Sampling {
    fn default() -> Self {
        Self {
            share: 0.0,
            heeds_parent: true,
        }
    }
}

impl Sampling {
    /// Whether this trace is recorded.
    pub fn decides(&self, trace: &TraceContext) -> bool {
        if self.heeds_parent && trace.parent.is_some() {
            trace.sampled
        } else {
            trace.is_among(self.share)
        }
    }
}

/// As `traceparent` writes it.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_the_standard_says() {
        let trace = TraceContext {
            trace: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
            span: 0x00f0_67aa_0ba9_02b7,
            parent: None,
            sampled: true,
        };
        let written = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace.to_string(), written);
    }

    #[test]
    fn parts_have_ids_of_their_own() {
        let trace = TraceContext {
            span: u64::MAX,
            ..TraceContext::default()
        };
        let mut ids: Vec<_> = Stage::ALL.iter().map(|stage| trace.part(*stage)).collect();
        ids.push(trace.span);
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Stage::ALL.len() + 1);
        assert!(!ids.contains(&0));
    }

    #[test]
    fn a_callers_decision_stands_where_it_is_heeded() {
        let of = |parent, sampled| TraceContext {
            parent,
            sampled,
            ..TraceContext::default()
        };
        let decided = |share, heeds_parent, parent, sampled| {
            let sampling = Sampling {
                share,
                heeds_parent,
            };
            sampling.decides(&of(parent, sampled))
        };
        for sampled in [false, true] {
            assert_eq!(decided(1.0, true, Some(1), sampled), sampled);
            assert_eq!(decided(0.0, true, Some(1), sampled), sampled);
            assert!(decided(1.0, false, Some(1), sampled));
            assert!(!decided(0.0, false, Some(1), sampled));
        }
        assert!(decided(1.0, true, None, false) && !decided(0.0, true, None, false));
    }

    #[test]
    fn a_share_is_between_none_and_all() {
        let of = |trace| TraceContext {
            trace,
            ..TraceContext::default()
        };
        assert!(of(u128::MAX).is_among(1.0) && !of(0).is_among(0.0));
        assert!(of(0x4000_0000).is_among(0.5) && !of(0x8000_0000).is_among(0.5));
    }
}
