//! Memory that short texts of requests are written into, one behind the other: one piece for a hundred
//! texts instead of one for each.

use std::cell::RefCell;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;

/// A piece, taken anew when it is written full.
const PIECE: usize = 4 * 1024;

/// What one worker writes with.
#[derive(Debug, Default)]
pub(super) struct Ink(RefCell<BytesMut>);

impl Ink {
    /// What `write` writes, which should be at most that long.
    pub(super) fn write(&self, most: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
        let mut text = self.0.borrow_mut();
        if text.capacity() < most && !text.try_reclaim(PIECE) {
            *text = BytesMut::with_capacity(PIECE);
        }
        write(&mut text);
        text.split().freeze()
    }
}

/// A text of ours as a header's value: it has only characters that may stand there.
pub(super) fn value(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}
