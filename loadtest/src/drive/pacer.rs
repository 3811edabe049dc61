//! Waiting for an instant, to some ten microseconds: the runtime's own timers know milliseconds.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// What is closer than this is there: to set a timer takes as long.
const NEAR: Duration = Duration::from_micros(5);

/// A timer of the kernel's.
#[derive(Debug)]
pub(super) struct Pacer(AsyncFd<OwnedFd>);

impl Pacer {
    /// Belongs to the runtime it is made on.
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "an OwnedFd is the descriptor it says; the other way is unsafe"
        )]
        let registered = AsyncFd::new(timer)?;
        Ok(Self(registered))
    }

    /// Returns at `instant`, at once if that is over.
    pub(super) async fn until(&self, instant: Instant) -> io::Result<()> {
        let span = instant.saturating_duration_since(Instant::now());
        if span <= NEAR {
            return Ok(());
        }
        let zero = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let wait = Itimerspec {
            it_interval: zero,
            it_value: Timespec {
                tv_sec: span.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: span.subsec_nanos().into(),
            },
        };
        timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &wait)?;
        loop {
            let mut guard = self.0.readable().await?;
            let mut expirations = [0; 8];
            let read = guard.try_io(|timer| {
                rustix::io::read(timer.get_ref(), &mut expirations).map_err(io::Error::from)
            });
            if let Ok(read) = read {
                return read.map(drop);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_returns_before_its_time() {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_io().build().unwrap().block_on(async {
            let pacer = Pacer::new().unwrap();
            for micros in [0, 300, 2_000, 20_000] {
                let wanted = Instant::now() + Duration::from_micros(micros);
                pacer.until(wanted).await.unwrap();
                assert!(Instant::now() + NEAR >= wanted, "{micros}");
            }
        });
    }
}
