//! HTTP/1.1, one request after the other.

use std::fmt;
use std::ops::Range;
use std::pin::Pin;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};

use super::{Fault, MOST_ANSWER};
use crate::answer::Answer;

/// Room for an answer of the usual size.
const ROOM: usize = 4 * 1024;

/// Header fields that are read; more is no answer of a gateway.
const FIELDS: usize = 64;

/// A connection.
pub(super) struct Http1<S> {
    stream: S,
    buffer: BytesMut,
    head: Head,
    /// A body that came in pieces, put together.
    pieces: Vec<u8>,
    down: bool,
}

/// What is kept of an answer's head.
#[derive(Clone, Debug, Default)]
struct Head {
    status: u16,
    /// Where its reason stands in the buffer.
    reason: Option<Range<usize>>,
    repeated: bool,
    /// Its bytes.
    size: usize,
    length: Length,
    close: bool,
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Length {
    #[default]
    Nothing,
    Bytes(usize),
    Chunks,
    UntilTheEnd,
}

impl<S> fmt::Debug for Http1<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http1").finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1<S> {
    pub(super) fn over(stream: S) -> Self {
        Self {
            stream,
            buffer: BytesMut::with_capacity(ROOM),
            head: Head::default(),
            pieces: Vec::new(),
            down: false,
        }
    }

    /// Whether another request may be sent; looks whether the other side has ended it meanwhile.
    pub(super) fn is_up(&mut self) -> bool {
        if self.down || self.head.close {
            return false;
        }
        let mut byte = [0; 1];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        // Nobody speaks unasked: whatever there is to read ends it.
        Pin::new(&mut self.stream)
            .poll_read(&mut context, &mut buffer)
            .is_pending()
    }

    pub(super) async fn ask(&mut self, request: &[u8]) -> Result<(), Fault> {
        self.buffer.clear();
        self.pieces.clear();
        self.down = true;
        let sent = async {
            self.stream.write_all(request).await?;
            self.stream.flush().await
        };
        let sent: std::io::Result<()> = sent.await;
        // Who refuses a request may end it before all of it was sent; his answer is still there.
        let sent = sent.map_err(|_| Fault::Closed);
        let read = self.read().await;
        match (&sent, &read) {
            (Ok(()), Ok(())) => self.down = false,
            (Err(_), Ok(())) => self.head.close = true,
            _ => {}
        }
        read
    }

    async fn read(&mut self) -> Result<(), Fault> {
        loop {
            self.head = self.read_head().await?;
            if self.head.status >= 200 {
                break;
            }
            self.buffer.advance(self.head.size);
        }
        match self.head.length {
            Length::Nothing => self.is_at(self.head.size),
            Length::Bytes(length) => {
                let end = self.head.size + length;
                while self.buffer.len() < end {
                    self.more().await?;
                }
                self.is_at(end)
            }
            Length::Chunks => self.read_chunks().await,
            Length::UntilTheEnd => {
                self.head.close = true;
                while self.more().await.is_ok() {}
                Ok(())
            }
        }
    }

    /// An answer ends where the buffer ends: nothing else was asked.
    fn is_at(&self, end: usize) -> Result<(), Fault> {
        (self.buffer.len() == end)
            .then_some(())
            .ok_or(Fault::Malformed)
    }

    async fn read_head(&mut self) -> Result<Head, Fault> {
        loop {
            if !self.buffer.is_empty()
                && let Some(head) = head_of(&self.buffer)?
            {
                return Ok(head);
            }
            self.more().await?;
        }
    }

    async fn read_chunks(&mut self) -> Result<(), Fault> {
        let mut at = self.head.size;
        loop {
            let rest = self.buffer.get(at..).unwrap_or_default();
            match httparse::parse_chunk_size(rest) {
                Ok(httparse::Status::Complete((line, size))) => {
                    let size = usize::try_from(size).map_err(|_| Fault::Malformed)?;
                    let end = size
                        .checked_add(at + line + 2)
                        .filter(|end| *end <= MOST_ANSWER)
                        .ok_or(Fault::Malformed)?;
                    while self.buffer.len() < end {
                        self.more().await?;
                    }
                    let chunk = self.buffer.get(at + line..end - 2).unwrap_or_default();
                    self.pieces.extend_from_slice(chunk);
                    at = end;
                    if size == 0 {
                        return self.is_at(end);
                    }
                }
                Ok(httparse::Status::Partial) => self.more().await?,
                Err(_) => return Err(Fault::Malformed),
            }
        }
    }

    async fn more(&mut self) -> Result<(), Fault> {
        if self.buffer.len() >= MOST_ANSWER {
            return Err(Fault::Malformed);
        }
        self.buffer.reserve(ROOM);
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => Err(Fault::Closed),
            Ok(_) => Ok(()),
        }
    }

    pub(super) fn answer(&self) -> Answer<'_> {
        let reason = self.head.reason.clone();
        let body = match self.head.length {
            Length::Chunks => &self.pieces,
            _ => self.buffer.get(self.head.size..).unwrap_or_default(),
        };
        Answer {
            status: self.head.status,
            reason: reason.and_then(|place| self.buffer.get(place)),
            repeated: self.head.repeated,
            body,
        }
    }
}

/// The head at the begin of the bytes, if it is whole.
fn head_of(bytes: &[u8]) -> Result<Option<Head>, Fault> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(bytes).map_err(|_| Fault::Malformed)?;
    let httparse::Status::Complete(size) = parsed else {
        return Ok(None);
    };
    let status = response.code.ok_or(Fault::Malformed)?;
    let bodiless = status < 200 || status == 204 || status == 304;
    let mut head = Head {
        status,
        size,
        length: if bodiless {
            Length::Nothing
        } else {
            Length::UntilTheEnd
        },
        ..Head::default()
    };
    for field in response.headers.iter() {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        let says = |word: &[u8]| field.value.eq_ignore_ascii_case(word);
        if is("content-length") && !bodiless && head.length != Length::Chunks {
            let text = std::str::from_utf8(field.value).ok();
            let length = text.and_then(|text| text.trim().parse().ok());
            let length = length.filter(|length| *length <= MOST_ANSWER);
            head.length = Length::Bytes(length.ok_or(Fault::Malformed)?);
        } else if is("transfer-encoding") && !bodiless {
            head.length = Length::Chunks;
        } else if is("connection") {
            head.close |= says(b"close");
        } else if is("x-multicode-reason") {
            head.reason = place_of(field.value, bytes);
        } else if is("idempotency-replayed") {
            head.repeated |= says(b"true");
        }
    }
    Ok(Some(head))
}

/// Where a part of the bytes lies in them.
fn place_of(part: &[u8], bytes: &[u8]) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(bytes.as_ptr().addr())?;
    Some(start..start.checked_add(part.len())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(answer: &[u8]) -> Result<(u16, Vec<u8>, bool, bool), Fault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (near, mut far) = tokio::io::duplex(64 * 1024);
            let mut line = Http1::over(near);
            let answer = answer.to_vec();
            let speak = async move {
                let mut request = [0; 4];
                far.read_exact(&mut request).await.unwrap();
                // Byte by byte: an answer may be cut anywhere.
                for byte in answer {
                    far.write_all(&[byte]).await.unwrap();
                    tokio::task::yield_now().await;
                }
                drop(far);
            };
            let (asked, ()) = tokio::join!(line.ask(b"ping"), speak);
            asked?;
            let found = line.answer();
            Ok((
                found.status,
                found.body.to_vec(),
                found.reason.is_some(),
                line.head.close,
            ))
        })
    }

    #[test]
    fn answers_are_read_however_they_are_framed_and_cut() {
        let plain = asked(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
        assert_eq!(plain, (200, b"hello".to_vec(), false, false));
        let chunked = asked(
            b"HTTP/1.1 401 No\r\nx-multicode-reason: expired\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
        );
        assert_eq!(chunked.unwrap(), (401, b"hello".to_vec(), true, false));
        let empty =
            asked(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nconnection: close\r\n\r\n");
        assert_eq!(empty.unwrap(), (204, Vec::new(), false, true));
        let open = asked(b"HTTP/1.1 200 OK\r\n\r\nto the end").unwrap();
        assert_eq!(open, (200, b"to the end".to_vec(), false, true));
    }

    #[test]
    fn what_is_no_answer_is_a_fault() {
        assert_eq!(asked(b"SSH-2.0\r\n"), Err(Fault::Malformed));
        assert_eq!(asked(b"HTTP/1.1 200 OK\r\ncontent-le"), Err(Fault::Closed));
        let short = asked(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel");
        assert_eq!(short, Err(Fault::Closed));
        let long = asked(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n");
        assert_eq!(long, Err(Fault::Malformed));
    }
}
