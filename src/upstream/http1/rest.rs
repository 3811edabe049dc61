//! What follows an answer's head, and where it ends.

use std::{io, ops::Range};

use bytes::{Buf as _, Bytes, BytesMut};
use http_body::SizeHint;

use crate::framing::{Chunks, Part, Reach};

/// The part of a body that is still to come.
#[derive(Debug)]
pub(super) enum Rest {
    Chunks(Chunks),
    /// That many bytes; none at the end of every body.
    Length(u64),
    /// All there is.
    UntilClose,
}

/// What a body gives.
#[derive(Debug)]
pub(super) enum Given {
    Part(Bytes),
    End,
    /// What is here is used up.
    More,
}

impl Rest {
    /// Takes the next part from what has arrived.
    pub(super) fn take(&mut self, arrived: &mut BytesMut) -> io::Result<Given> {
        match self {
            Self::Length(0) => Ok(Given::End),
            _ if arrived.is_empty() => Ok(Given::More),
            Self::Length(left) => {
                let here = arrived.len();
                let taken = usize::try_from(*left).map_or(here, |left| left.min(here));
                *left -= u64::try_from(taken).unwrap_or(*left);
                Ok(Given::Part(part(arrived, taken)))
            }
            Self::UntilClose => {
                let here = arrived.len();
                Ok(Given::Part(part(arrived, here)))
            }
            Self::Chunks(chunks) => match chunks.part(arrived) {
                Part::Data(data) => {
                    arrived.advance(data.start);
                    Ok(Given::Part(part(arrived, data.len())))
                }
                Part::Reach(Reach::On) => {
                    *arrived = BytesMut::new();
                    Ok(Given::More)
                }
                Part::Reach(Reach::End(end)) => {
                    arrived.advance(end);
                    *self = Self::Length(0);
                    Ok(Given::End)
                }
                Part::Reach(Reach::Fault(_, fault)) => {
                    Err(io::Error::new(io::ErrorKind::InvalidData, fault))
                }
            },
        }
    }

    /// All of it, if it is here in one part.
    pub(super) fn whole(&mut self, arrived: &mut BytesMut) -> Option<Bytes> {
        let (data, end) = match self {
            Self::Length(left) => {
                let length = usize::try_from(*left).ok()?;
                (0..length, length)
            }
            Self::Chunks(chunks) => in_one_chunk(*chunks, arrived)?,
            Self::UntilClose => return None,
        };
        if end > arrived.len() {
            return None;
        }
        *self = Self::Length(0);
        arrived.advance(data.start);
        let body = part(arrived, data.len());
        arrived.advance(end - data.end);
        Some(body)
    }

    /// Whether nothing comes any more.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self, Self::Length(0))
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Length(left) => SizeHint::with_exact(*left),
            Self::Chunks(_) | Self::UntilClose => SizeHint::default(),
        }
    }

    /// What the end of the connection means.
    pub(super) fn closed(&mut self) -> io::Result<()> {
        match self {
            Self::UntilClose => {
                *self = Self::Length(0);
                Ok(())
            }
            Self::Chunks(_) | Self::Length(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// The data of a body in one chunk or none, and the body's end.
fn in_one_chunk(mut chunks: Chunks, bytes: &[u8]) -> Option<(Range<usize>, usize)> {
    let data = match chunks.part(bytes) {
        Part::Data(data) => data,
        Part::Reach(Reach::End(end)) => return Some((end..end, end)),
        Part::Reach(_) => return None,
    };
    match chunks.part(bytes.get(data.end..)?) {
        Part::Reach(Reach::End(end)) => Some((data.clone(), data.end + end)),
        _ => None,
    }
}

/// Takes so many bytes; what is empty then holds no memory.
pub(super) fn part(arrived: &mut BytesMut, length: usize) -> Bytes {
    if length == arrived.len() {
        return std::mem::take(arrived).freeze();
    }
    arrived.split_to(length).freeze()
}
