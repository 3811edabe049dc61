//! A scan's place in a trace (W3C Trace Context).

use std::fmt;

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
    /// The trace's id as it is written: 32 lower-case hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// The id of the gateway's part as it is written: 16 digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span)
    }

    /// Whether the trace is among the share of them that is picked by its id, the same in every
    /// process that asks: the last 56 bits of an id are random (section 3.2.2.3).
    pub fn is_among(&self, share: f64) -> bool {
        let [.., a, b, c, d] = self.trace.to_be_bytes();
        f64::from(u32::from_be_bytes([a, b, c, d])) < share * (f64::from(u32::MAX) + 1.0)
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
    fn a_share_is_between_none_and_all() {
        let of = |trace| TraceContext {
            trace,
            ..TraceContext::default()
        };
        assert!(of(u128::MAX).is_among(1.0) && !of(0).is_among(0.0));
        assert!(of(0x4000_0000).is_among(0.5) && !of(0x8000_0000).is_among(0.5));
    }
}
