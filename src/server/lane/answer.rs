//! An answer on its way out: its head, and its body as far as it is here.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::Body;
use hyper::ext::ReasonPhrase;
use tokio::io::AsyncWrite;

use super::super::date::Date;
use crate::framing::says_close;
use crate::upstream::ResponseBody;

/// What is copied behind the head, so that both go out at once; more is sent from where it lies.
const COPIED: usize = 4 * 1024;

/// What ends a chunk, and all of them.
const CHUNK_END: &[u8] = b"\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// How a body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Chunks,
    /// That much is still to come.
    Length(u64),
}

/// What is to be sent.
#[derive(Debug)]
pub(super) struct Answer {
    /// The head and small parts of the body; kept for the next answer.
    out: Vec<u8>,
    /// How much of that is gone.
    gone: usize,
    /// A large part of the body, behind that.
    data: Bytes,
    /// What ends its chunk.
    tail: &'static [u8],
    framing: Framing,
    /// What is still to be asked for more.
    body: Option<ResponseBody>,
    end: Ending,
}

/// What becomes of the connection behind an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It goes on.
    Kept,
    /// It ends, as was said.
    Said,
    /// The answer is not whole.
    BrokeOff,
}

/// What came of asking a body for more.
enum Gathered {
    /// There is no more, or no more room.
    Enough,
    /// Its department is waited for.
    Waiting,
}

impl Answer {
    pub(super) const fn new() -> Self {
        Self {
            out: Vec::new(),
            gone: 0,
            data: Bytes::new(),
            tail: b"",
            framing: Framing::Length(0),
            body: None,
            end: Ending::Kept,
        }
    }

    /// Begins with an answer; `is_last` says that the connection ends behind it. Gives its headers back,
    /// to be used again.
    pub(super) fn begin(
        &mut self,
        response: Response<ResponseBody>,
        is_last: bool,
        date: &Date,
    ) -> HeaderMap {
        let (mut parts, body) = response.into_parts();
        self.clear();
        let reason = parts.extensions.get::<ReasonPhrase>();
        self.status(parts.status, reason.map(ReasonPhrase::as_bytes));
        let close = is_last || says_close(&parts.headers);
        self.end = if close { Ending::Said } else { Ending::Kept };
        let known = body.size_hint().exact();
        let is_empty = body.is_end_stream();
        self.body = (!is_empty).then_some(body);
        let length = if is_empty { Some(0) } else { known };
        let bodyless = matches!(
            parts.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
        self.fields(&parts.headers, (length, bodyless), close);
        if !parts.headers.contains_key(header::DATE) {
            self.out.extend_from_slice(b"date: ");
            date.with(|date| self.out.extend_from_slice(date.as_bytes()));
            self.out.extend_from_slice(CHUNK_END);
        }
        self.out.extend_from_slice(b"\r\n");
        if bodyless {
            self.framing = Framing::Length(0);
        }
        if self.framing == Framing::Length(0) {
            self.body = None;
        }
        parts.headers.clear();
        parts.headers
    }

    /// Forgets whatever was still to be sent.
    pub(super) fn clear(&mut self) {
        self.out.clear();
        self.gone = 0;
        self.data = Bytes::new();
        self.tail = b"";
        self.body = None;
    }

    fn status(&mut self, status: StatusCode, reason: Option<&[u8]>) {
        if status == StatusCode::OK && reason.is_none() {
            return self.out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        }
        let canonical = status.canonical_reason().unwrap_or("<none>").as_bytes();
        let reason = reason.unwrap_or(canonical);
        for part in [b"HTTP/1.1 ", status.as_str().as_bytes(), b" ", reason] {
            self.out.extend_from_slice(part);
        }
        self.out.extend_from_slice(CHUNK_END);
    }

    /// Writes the headers and what frames the body.
    fn fields(
        &mut self,
        headers: &HeaderMap,
        (length, bodyless): (Option<u64>, bool),
        close: bool,
    ) {
        let mut said = None;
        for (name, value) in headers {
            if name == header::CONTENT_LENGTH {
                said = said.or_else(|| number(value));
            } else if !is_of_framing(name) {
                self.field(name.as_str().as_bytes(), value.as_bytes());
            }
        }
        if close {
            self.field(b"connection", b"close");
        }
        let length = length.or(said);
        self.framing = length.map_or(Framing::Chunks, Framing::Length);
        match length {
            Some(length) if !bodyless => {
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(length);
                self.field(b"content-length", digits.as_bytes());
            }
            None if !bodyless => self.field(b"transfer-encoding", b"chunked"),
            _ => {}
        }
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        for part in [name, b": ", value, b"\r\n"] {
            self.out.extend_from_slice(part);
        }
    }

    /// Sends what is here, and asks for more when that is gone, until all is.
    pub(super) fn poll_send<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        note: impl Fn(bool),
    ) -> Poll<io::Result<Ending>> {
        loop {
            let gathered = self.gather(cx);
            while self.is_waiting() {
                let written = self.poll_write(stream, cx);
                note(written.is_ready());
                if ready!(written)? == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
            }
            // Over TLS what was written may still be here.
            let flushed = Pin::new(&mut *stream).poll_flush(cx);
            note(flushed.is_ready());
            ready!(flushed)?;
            self.out.clear();
            self.gone = 0;
            match gathered {
                Gathered::Waiting => return Poll::Pending,
                Gathered::Enough if self.body.is_none() => return Poll::Ready(Ok(self.end)),
                Gathered::Enough => {}
            }
        }
    }

    /// Asks the body for what it has, as far as that finds room before anything of it is gone.
    fn gather(&mut self, cx: &mut Context<'_>) -> Gathered {
        while let Some(body) = &mut self.body
            && self.data.is_empty()
            && self.gone == 0
            && self.out.len() < COPIED
        {
            match Pin::new(body).poll_frame(cx) {
                Poll::Pending => return Gathered::Waiting,
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers are not passed on: nobody said that he takes any.
                    if let Ok(data) = frame.into_data() {
                        self.put(data);
                    }
                }
                Poll::Ready(Some(Err(_))) => self.break_off(),
                Poll::Ready(None) => self.finish(),
            }
        }
        Gathered::Enough
    }

    fn put(&mut self, mut data: Bytes) {
        if data.is_empty() {
            return;
        }
        match &mut self.framing {
            Framing::Length(left) => {
                data.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= u64::try_from(data.len()).unwrap_or(*left);
                // Its connection is free from here on, before its last bytes are gone.
                if *left == 0 {
                    self.body = None;
                }
            }
            Framing::Chunks => {
                // Writing to memory cannot fail.
                let _ = io::Write::write_fmt(&mut self.out, format_args!("{:X}\r\n", data.len()));
            }
        }
        let tail = match self.framing {
            Framing::Chunks => CHUNK_END,
            Framing::Length(_) => b"",
        };
        if data.len() <= COPIED {
            self.out.extend_from_slice(&data);
            self.out.extend_from_slice(tail);
        } else {
            self.data = data;
            self.tail = tail;
        }
        let ended = self.body.as_ref().is_some_and(Body::is_end_stream);
        if ended {
            self.finish();
        }
    }

    /// The body has no more to say.
    fn finish(&mut self) {
        match self.framing {
            Framing::Length(0) => self.body = None,
            // Less than was said is not the whole.
            Framing::Length(_) => self.break_off(),
            Framing::Chunks => {
                self.body = None;
                if self.data.is_empty() {
                    self.out.extend_from_slice(LAST_CHUNK);
                } else {
                    self.tail = b"\r\n0\r\n\r\n";
                }
            }
        }
    }

    fn break_off(&mut self) {
        self.body = None;
        self.end = Ending::BrokeOff;
    }

    /// Whether it holds no more memory than usual answers need.
    pub(super) const fn is_small(&self) -> bool {
        self.out.capacity() <= 4 * COPIED
    }

    fn is_waiting(&self) -> bool {
        self.gone < self.out.len() || !self.data.is_empty() || !self.tail.is_empty()
    }

    fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(stream);
        let head = self.out.get(self.gone..).unwrap_or_default();
        let written = if self.data.is_empty() && self.tail.is_empty() {
            ready!(stream.poll_write(cx, head))?
        } else {
            let slices = [head, &self.data, self.tail].map(IoSlice::new);
            let filled = slices.iter().position(|it| !it.is_empty()).unwrap_or(0);
            ready!(stream.poll_write_vectored(cx, slices.get(filled..).unwrap_or_default()))?
        };
        let of_head = written.min(head.len());
        self.gone += of_head;
        let of_data = (written - of_head).min(self.data.len());
        self.data.advance(of_data);
        let of_tail = written - of_head - of_data;
        self.tail = self.tail.get(of_tail..).unwrap_or_default();
        Poll::Ready(Ok(written))
    }
}

/// Headers the lane writes itself.
fn is_of_framing(name: &header::HeaderName) -> bool {
    name == header::CONNECTION || name == header::TRANSFER_ENCODING || name == header::TRAILER
}

fn number(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::BufWriter;

    use super::*;
    use crate::tick::Timer;
    use crate::time::Timestamp;

    #[test]
    fn a_stream_that_keeps_what_is_written_is_emptied() {
        let date = Date::new(|| Timestamp::from_millis(0), Timer::new());
        let mut answer = Answer::new();
        answer.begin(Response::new("some bytes".into()), false, &date);
        let mut stream = BufWriter::new(Vec::new());
        let mut cx = Context::from_waker(Waker::noop());
        let sent = answer.poll_send(&mut stream, &mut cx, |_| {});
        assert!(matches!(sent, Poll::Ready(Ok(Ending::Kept))));
        assert!(stream.get_ref().ends_with(b"some bytes"));
    }
}
