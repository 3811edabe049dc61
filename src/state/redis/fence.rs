//! From when on the memory is whole: what was made earlier may have been used and forgotten.

use std::time::Duration;

use crate::state::Claim;
use crate::time::Timestamp;

/// A silence longer than this may have hidden a failover and a way back, with claims of others in
/// between that this server never saw. Sentinel and Cluster do neither quicker: both let a primary
/// be silent for seconds before they take it for dead.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(3);

/// A server's clock that goes this far astray from a steady one was set: what it forgot by that
/// clock may still be in time.
pub(super) const MOST_STEP: Duration = Duration::from_secs(1);

/// What stands in Redis under the marker's key: the server it was written on and the fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    /// As it stands there.
    pub(super) text: Box<str>,
    /// Run id and replication id.
    pub(super) server: Box<str>,
    /// The latest instant before which something may have been forgotten.
    pub(super) fence: Timestamp,
}

impl Marker {
    /// The length of two ids of forty digits and the space between them.
    const SERVER: usize = 81;

    /// Reads it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (server, fence) = text.split_at_checked(Self::SERVER)?;
        let fence = fence.strip_prefix(' ')?.parse().ok()?;
        Some(Self {
            text: text.into(),
            server: server.into(),
            fence: Timestamp::from_millis(fence),
        })
    }
}

/// Whether nobody can tell if this code was used before: its window is over by the server's clock,
/// or it may have been made before the fence. The script of a reservation says the same.
pub(super) fn refuses(claim: &Claim, fence: Timestamp, server: Timestamp) -> bool {
    if claim.until <= server {
        return true;
    }
    let fenced = fence > Timestamp::default();
    fenced
        && match (claim.made, claim.lifetime) {
            (Some(made), _) => made <= fence,
            (None, Some(lifetime)) => server < fence.after(lifetime),
            (None, None) => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Name;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[track_caller]
    fn check(made: Option<i64>, lifetime: Option<u64>, fence: i64, expected: bool) {
        let claim = Claim {
            name: Name::from_bytes([1; 16]),
            until: at(1_100),
            made: made.map(at),
            lifetime: lifetime.map(Duration::from_secs),
        };
        assert_eq!(refuses(&claim, at(fence), at(1_000)), expected);
    }

    #[test]
    fn what_may_have_been_forgotten_is_refused() {
        check(Some(900), None, 0, false);
        check(Some(900), None, 899, false);
        check(Some(900), None, 900, true);
        check(None, Some(60), 900, false);
        check(None, Some(60), 940, false);
        check(None, Some(60), 941, true);
        check(None, None, 1, true);
        check(None, None, 0, false);
    }

    #[test]
    fn a_code_whose_window_is_over_by_the_servers_clock_is_refused() {
        let claim = Claim {
            name: Name::from_bytes([1; 16]),
            until: at(1_000),
            made: Some(at(999)),
            lifetime: None,
        };
        assert!(refuses(&claim, at(0), at(1_000)));
        assert!(!refuses(&claim, at(0), at(999)));
    }

    #[test]
    fn a_marker_is_read_back_and_nothing_else() {
        let server = format!("{} {}", "a".repeat(40), "b".repeat(40));
        let marker = Marker::read(&format!("{server} 1500")).unwrap();
        assert_eq!(&*marker.server, server);
        assert_eq!(marker.fence, Timestamp::from_millis(1_500));
        for wrong in ["", "short", &server, &format!("{server} x")] {
            assert_eq!(Marker::read(wrong), None, "{wrong}");
        }
    }
}
