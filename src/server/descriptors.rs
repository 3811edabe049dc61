//! How many connections the process's limit of open files allows.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a worker's runtime opens for itself.
const PER_WORKER: u64 = 8;

/// Kept for everything that is not a scan: operators, key servers, files that are read again, the
/// runtimes of the keeper and of the command line.
const RESERVED: u64 = 24;

/// What a scan's connection needs: itself, and one to its department.
const PER_CONNECTION: u64 = 2;

/// Raises the limit of open files as far as the process may, and gives the number of connections
/// it leaves room for; none where there is no limit. To be asked when everything is bound and no
/// worker runs yet.
pub fn connections_allowed(workers: usize) -> Option<usize> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    Some(room(limit?, open(), workers))
}

fn room(limit: u64, open: u64, workers: usize) -> usize {
    let workers = u64::try_from(workers).unwrap_or(u64::MAX);
    let own = workers.saturating_mul(PER_WORKER).saturating_add(RESERVED);
    let left = limit.saturating_sub(open).saturating_sub(own);
    // One at a time is slow, and none at all is no gateway.
    usize::try_from(left / PER_CONNECTION)
        .unwrap_or(usize::MAX)
        .max(1)
}

/// Descriptors that are open now.
fn open() -> u64 {
    let counted = fs::read_dir("/proc/self/fd").map(Iterator::count);
    // Without /proc a guess: the streams, a few sockets, the keeper.
    counted.map_or(16, |count| u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_is_left_halved_and_never_nothing() {
        for (limit, open, workers, expected) in [
            (64, 14, 1, 9),
            (64, 60, 1, 1),
            (1024, 20, 4, 474),
            (20_000, 20, 2, 9_970),
        ] {
            assert_eq!(
                room(limit, open, workers),
                expected,
                "{limit} {open} {workers}"
            );
        }
    }
}
