//! Where each HTTP/1 message begins and ends, by the letter of RFC 9112.
//!
//! hyper is lenient: it takes LF for CRLF, two equal lengths, a length beside chunks. Two readers that
//! disagree about where a request ends are how requests are smuggled, so this one does not look on from
//! beside: it stands in front. hyper is given whole heads that passed here, and a body's bytes up to
//! the body's end, never a byte of the next message; so both agree about every boundary, or nothing
//! is handed over. Whatever this reader takes hyper takes in the same way; a test holds them
//! against each other.
//!
//! It allocates nothing and copies nothing: a head is read where it lies.

mod head;

use crate::framing::{Chunks, Reach, is_text, is_token, length};

pub use self::head::is_authority;
pub(super) use self::head::{HEAD, Head, Layout};
pub use crate::framing::Fault;

/// What becomes of the bytes that were received and not passed on yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A head is under way; what there is of it must be shown again with what follows.
    More,
    /// That many belong to the message under way, all of its head among them.
    Pass(usize),
    /// In a head's place stands something else.
    RefuseHead(Fault),
    /// The body under way does not go on like one.
    RefuseBody(Fault),
}

/// How a head announces its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announced {
    Chunks,
    Length(u64),
}

/// Follows one connection from message to message.
#[derive(Debug)]
pub(super) struct Reader(State);

#[derive(Debug)]
enum State {
    Head(Head),
    Length(u64),
    Chunks(Chunks),
    /// For good: nobody knows where the next message begins.
    Refused(Step),
}

impl Reader {
    pub(super) fn new() -> Self {
        Self(State::Head(Head::default()))
    }

    /// Judges the bytes that were not passed on yet.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        let passed = match &mut self.0 {
            State::Head(head) => match head.read(bytes, &mut ()) {
                Ok(None) => return Step::More,
                Ok(Some((end, body))) => {
                    self.0 = match body {
                        Announced::Chunks => State::Chunks(Chunks::default()),
                        Announced::Length(length) => State::Length(length),
                    };
                    end
                }
                Err(fault) => {
                    self.0 = State::Refused(Step::RefuseHead(fault));
                    return Step::RefuseHead(fault);
                }
            },
            State::Length(_) | State::Chunks(_) => 0,
            State::Refused(step) => return *step,
        };
        let rest = bytes.get(passed..).unwrap_or_default();
        match passed + self.body(rest) {
            0 => match self.0 {
                State::Refused(step) => step,
                _ => Step::More,
            },
            passed => Step::Pass(passed),
        }
    }

    /// Whether nothing of a message is under way but perhaps its head.
    pub(super) const fn awaits_head(&self) -> bool {
        matches!(self.0, State::Head(_))
    }

    pub(super) const fn has_refused(&self) -> bool {
        matches!(self.0, State::Refused(_))
    }

    /// How many of these bytes belong to the body under way; the state is what follows them.
    fn body(&mut self, bytes: &[u8]) -> usize {
        match &mut self.0 {
            State::Length(left) => {
                let here = bytes.len();
                let taken = usize::try_from(*left).map_or(here, |left| left.min(here));
                *left -= u64::try_from(taken).unwrap_or(*left);
                if *left == 0 {
                    self.0 = State::Head(Head::default());
                }
                taken
            }
            State::Chunks(chunks) => match chunks.read(bytes) {
                Reach::On => bytes.len(),
                Reach::End(taken) => {
                    self.0 = State::Head(Head::default());
                    taken
                }
                Reach::Fault(taken, fault) => {
                    self.0 = State::Refused(Step::RefuseBody(fault));
                    taken
                }
            },
            State::Head(_) | State::Refused(_) => 0,
        }
    }
}

#[cfg(test)]
mod against_hyper;
#[cfg(test)]
mod tests;
