//! What a worker's connections share: none of them holds memory while it waits.

use std::{cell::RefCell, rc::Rc};

use bytes::BytesMut;
use http::HeaderValue;

use crate::framing::Names;

/// Room that answers are read into, one behind the other. A hundred usual ones fit; once it is used
/// up it begins anew, in the same memory if nobody holds on to any of them.
const ROOM: usize = 32 * 1024;

/// The least of it that is read into. More than nearly every answer has, so that one read shows its
/// end.
pub(super) const LEAST: usize = 8 * 1024;

/// The room and the words of one worker.
#[derive(Clone, Debug, Default)]
pub(in crate::upstream) struct Buffers(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    room: RefCell<BytesMut>,
    written: RefCell<Vec<u8>>,
    names: Names,
}

impl Buffers {
    /// Lets `read` read into the room, and gives what it has read.
    pub(super) fn read<T>(&self, read: impl FnOnce(&mut BytesMut) -> T) -> (T, BytesMut) {
        let mut room = self.0.room.borrow_mut();
        if room.capacity() - room.len() < LEAST {
            // Begins anew; what is left of the end is too little.
            room.reserve(ROOM);
        }
        let outcome = read(&mut room);
        let read = if room.is_empty() {
            BytesMut::new()
        } else {
            room.split()
        };
        (outcome, read)
    }

    /// The number as a header says it, in the same room.
    pub(in crate::upstream) fn number(&self, number: u64) -> HeaderValue {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number).as_bytes();
        let ((), bytes) = self.read(|room| room.extend_from_slice(digits));
        let value = HeaderValue::from_maybe_shared(bytes.freeze());
        value.unwrap_or_else(|_| HeaderValue::from(number))
    }

    /// Names that departments send.
    pub(super) fn names(&self) -> &Names {
        &self.0.names
    }

    /// Lets `write` use an empty buffer.
    pub(super) fn write<T>(&self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut written = self.0.written.borrow_mut();
        written.clear();
        write(&mut written)
    }
}
