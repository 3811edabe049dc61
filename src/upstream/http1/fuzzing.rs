//! What the fuzz targets are shown of this module's inside; nobody else is to use it.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response};

use super::{
    Buffers,
    head::Head,
    rest::{Given, Rest},
};

/// An answer as it was read.
#[derive(Debug)]
pub struct Answer {
    /// Its head.
    pub head: Response<()>,
    /// As much of its body as there is.
    pub body: Vec<u8>,
    /// Whether the body came to its end.
    pub is_whole: bool,
    /// Whether another request may follow.
    pub keeps_open: bool,
    /// How many bytes were read.
    pub taken: usize,
}

/// Reads the answer to a request, which was a HEAD or not, from a connection whose bytes come in pieces of
/// these lengths and then end.
pub fn answer(bytes: &[u8], of_head: bool, mut piece: impl FnMut() -> usize) -> Option<Answer> {
    let (mut head, mut here) = (Head::default(), 0);
    let mut more = |here: usize| bytes.len().min(here + piece().max(1));
    let end = loop {
        match head.read(bytes.get(..here)?) {
            Ok(Some(end)) => break end,
            Ok(None) if here < bytes.len() => here = more(here),
            Ok(None) | Err(_) => return None,
        }
    };
    let (mut rest, keeps_open) = (head.rest(of_head), head.keeps_open());
    let (mut arrived, mut body) = (BytesMut::from(bytes.get(end..here)?), Vec::new());
    let is_whole = loop {
        match rest.take(&mut arrived) {
            Ok(Given::Part(part)) => body.extend_from_slice(&part),
            Ok(Given::End) => break true,
            Ok(Given::More) if here < bytes.len() => {
                let from = here;
                here = more(here);
                arrived.extend_from_slice(bytes.get(from..here)?);
            }
            Ok(Given::More) => break rest.closed().is_ok(),
            Err(_) => break false,
        }
    };
    Some(Answer {
        head: response(head, bytes.get(..end)?),
        body,
        is_whole,
        keeps_open,
        taken: here - arrived.len(),
    })
}

/// The body of an answer that is all here, if it is taken at once, and how many bytes were read.
pub fn whole(bytes: &[u8], of_head: bool) -> Option<(Bytes, usize)> {
    let mut head = Head::default();
    let end = head.read(bytes).ok()??;
    let mut rest: Rest = head.rest(of_head);
    let mut arrived = BytesMut::from(bytes.get(end..)?);
    let body = rest.whole(&mut arrived)?;
    Some((body, bytes.len() - arrived.len()))
}

fn response(head: Head, bytes: &[u8]) -> Response<()> {
    let bytes = Bytes::copy_from_slice(bytes);
    head.into_response(&bytes, HeaderMap::new(), &Buffers::default())
}
