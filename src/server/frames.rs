//! How many frames an HTTP/2 client sends that ask for nothing.
//!
//! h2 bounds what it keeps: streams, header lists, continuations, resets it has not seen yet. What it
//! answers at once it does not count: PING, SETTINGS, PRIORITY, `WINDOW_UPDATE`, empty DATA, and resets of
//! streams that were taken on (RFC 9113, section 10.5: "an endpoint that doesn't monitor use of these
//! features exposes itself to a risk of denial of service"). So the headers of all frames are looked at
//! here. Payloads are not, and no frame is held back: a client that asks too much is made to break a
//! limit that h2 does know, and is told `ENHANCE_YOUR_CALM` in h2's own time.

use tokio::{io::ReadBuf, time::Instant};

/// RFC 9113, section 3.4: what a client sends first.
const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

/// RFC 9113, section 4.1: length, type, flags, stream.
const HEADER: usize = 9;

/// Frames that ask for nothing: as many as a client sends at its start, and what the slowest of
/// libraries does about windows while all its streams are answered.
const IDLE_FRAMES: Allowance = Allowance {
    burst: 1_024,
    second: 256,
};

/// What each request earns of these: two windows for each of two parts of an answer.
const EARNED: u32 = 4;

/// Streams a client takes back: all of them twice, then half a connection's a second. More requests
/// than that a client that gives up honestly does not even make.
const RESETS: Allowance = Allowance {
    burst: 256,
    second: 64,
};

/// Bodies come in larger parts than this, or end with it.
const SMALL_DATA: u32 = 64;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;

/// A header block that goes on and on, all of it empty: five continuations are the least of h2's limits.
const PROTEST: [u8; HEADER * 8] = {
    let mut frames = [0; HEADER * 8];
    let mut frame = 0;
    while frame < 8 {
        let (kind, stream) = if frame == 0 {
            (HEADERS, [0x7F, 0xFF, 0xFF, 0xFF])
        } else {
            (CONTINUATION, [0x7F, 0xFF, 0xFF, 0xFF])
        };
        let (_, rest) = frames.split_at_mut(frame * HEADER);
        if let [_, _, _, of, _, a, b, c, d, ..] = rest {
            *of = kind;
            [*a, *b, *c, *d] = stream;
        }
        frame += 1;
    }
    frames
};

/// So many at once, and so many more each second.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    burst: u32,
    second: u32,
}

/// What is left of an allowance.
#[derive(Debug)]
struct Purse {
    left: u32,
    filled: Option<Instant>,
}

impl Purse {
    const fn of(allowance: Allowance) -> Self {
        Self {
            left: allowance.burst,
            filled: None,
        }
    }

    fn earn(&mut self, allowance: Allowance, much: u32) {
        self.left = allowance.burst.min(self.left.saturating_add(much));
    }

    /// Takes one; false if there is none.
    fn spend(&mut self, allowance: Allowance, now: Instant) -> bool {
        let since = *self.filled.get_or_insert(now);
        let milliseconds = now.saturating_duration_since(since).as_millis();
        let earned = milliseconds * u128::from(allowance.second) / 1_000;
        if earned > 0 {
            self.filled = Some(now);
            self.earn(allowance, u32::try_from(earned).unwrap_or(u32::MAX));
        }
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return false,
        }
        true
    }
}

/// Counts one connection's frames.
#[derive(Debug)]
pub(super) struct Frames {
    /// What is still to come of the preface, or of a frame's payload.
    skip: u32,
    header: [u8; HEADER],
    filled: usize,
    idle: Purse,
    resets: Purse,
    over: bool,
    /// How much of the protest was made.
    protested: usize,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            skip: u32::try_from(PREFACE).unwrap_or_default(),
            header: [0; HEADER],
            filled: 0,
            idle: Purse::of(IDLE_FRAMES),
            resets: Purse::of(RESETS),
            over: false,
            protested: 0,
        }
    }
}

impl Frames {
    /// Looks at what was just received; gives how much of it may be passed on: everything, or what ends
    /// with the frame that was one too many.
    pub(super) fn look_at(&mut self, fresh: &[u8], now: Instant) -> usize {
        let mut rest = fresh;
        while !rest.is_empty() && !self.is_over() {
            if self.skip > 0 {
                let here = u32::try_from(rest.len()).unwrap_or(u32::MAX);
                let taken = self.skip.min(here);
                self.skip -= taken;
                let taken = usize::try_from(taken).unwrap_or(rest.len());
                rest = rest.get(taken..).unwrap_or_default();
                continue;
            }
            let free = self.header.get_mut(self.filled..).unwrap_or_default();
            let taken = free.len().min(rest.len());
            for (to, from) in free.iter_mut().zip(rest) {
                *to = *from;
            }
            self.filled += taken;
            rest = rest.get(taken..).unwrap_or_default();
            if self.filled == HEADER {
                self.filled = 0;
                self.count(now);
            }
        }
        fresh.len() - rest.len()
    }

    /// Gives h2 a reason to end the connection, if there is one; nothing is read any more then.
    pub(super) fn protest(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        if !self.is_over() {
            return false;
        }
        let left = PROTEST.get(self.protested..).unwrap_or_default();
        let now = left.get(..buf.remaining()).unwrap_or(left);
        buf.put_slice(now);
        self.protested += now.len();
        true
    }

    /// Whether there were too many, and the last one is whole.
    const fn is_over(&self) -> bool {
        self.over && self.skip == 0
    }

    fn count(&mut self, now: Instant) {
        let [a, b, c, kind, flags, ..] = self.header;
        let length = u32::from_be_bytes([0, a, b, c]);
        self.skip = length;
        let allowed = match kind {
            HEADERS => {
                self.idle.earn(IDLE_FRAMES, EARNED);
                true
            }
            DATA if length >= SMALL_DATA || flags & END_STREAM != 0 => true,
            RST_STREAM => self.resets.spend(RESETS, now),
            _ => self.idle.spend(IDLE_FRAMES, now),
        };
        self.over = !allowed;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = u8::try_from(payload).unwrap();
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.resize(HEADER + payload, 0);
        frame
    }

    /// How many of these frames pass, read in pieces of any size.
    #[track_caller]
    fn check(frame: &[u8], passed: usize) {
        let flood = frame.repeat(passed + 9);
        let bytes = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &flood].concat();
        for step in [1, 5, 9, 4_096] {
            let (mut frames, now) = (Frames::default(), Instant::now());
            let kept: usize = bytes
                .chunks(step)
                .map(|piece| frames.look_at(piece, now))
                .sum();
            assert_eq!(kept, PREFACE + frame.len() * passed, "by {step}");
            let mut space = [0; 100];
            let mut buf = ReadBuf::new(&mut space);
            assert!(frames.protest(&mut buf));
            assert_eq!(buf.filled(), PROTEST);
            assert!(frames.protest(&mut buf));
            assert_eq!(buf.filled().len(), PROTEST.len());
        }
    }

    #[test]
    fn the_first_frame_beyond_an_allowance_is_the_last() {
        check(&frame(6, 0, 8), 1_025);
        check(&frame(4, 0, 0), 1_025);
        check(&frame(0, 0, 0), 1_025);
        check(&frame(8, 0, 4), 1_025);
        check(&frame(3, 0, 4), 257);
        check(&frame(200, 0, 100), 1_025);
    }

    #[test]
    fn requests_and_their_windows_go_on_for_ever() {
        let request = [
            frame(HEADERS, 5, 50),
            frame(DATA, END_STREAM, 1),
            frame(8, 0, 4).repeat(4),
        ]
        .concat();
        let (mut frames, now) = (Frames::default(), Instant::now());
        frames.look_at(&[0; PREFACE], now);
        for _ in 0..10_000 {
            assert_eq!(frames.look_at(&request, now), request.len());
        }
    }

    #[test]
    fn time_forgives() {
        let (mut frames, now) = (Frames::default(), Instant::now());
        frames.look_at(&[0; PREFACE], now);
        let ping = frame(6, 0, 8);
        for tenth in 0..1_000_u32 {
            let now = now + Duration::from_millis(100) * tenth;
            for _ in 0..25 {
                assert_eq!(frames.look_at(&ping, now), ping.len());
            }
        }
    }
}
