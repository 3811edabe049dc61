//! Whether a request announced its length in two ways.
//!
//! hyper takes a request with both `Content-Length` and `Transfer-Encoding` as chunked and hides
//! the former, so a refusal has to see the bytes. Following heads and bodies a second time beside
//! hyper would open the door to two readers that disagree; instead every line of everything
//! received is looked at, and a conflict is noted wherever both names begin a line with no empty
//! line in between. A head holds no empty line, so none is missed, however it is split, pipelined
//! or hidden; a body that quotes such a head is taken for one, which errs on the safe side.

use memchr::memchr;

/// As long as the longest name we look for, with its colon.
const NAME: usize = "transfer-encoding:".len();

/// The scanner's state between two reads.
#[derive(Debug, Default)]
pub(super) struct HeadLines {
    /// The beginning of the line that is being received.
    start: [u8; NAME],
    filled: usize,
    content_length: bool,
    transfer_encoding: bool,
    conflict: bool,
}

impl HeadLines {
    /// Looks at the next bytes of the connection.
    pub(super) fn observe(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            if self.filled == 0 {
                self.end_line(line);
                continue;
            }
            self.keep(line);
            let start = self.start;
            self.end_line(start.get(..self.filled).unwrap_or_default());
            self.filled = 0;
        }
        self.keep(bytes);
    }

    /// Whether any head on this connection named both.
    pub(super) fn conflict(&self) -> bool {
        self.conflict
    }

    /// Remembers how an unfinished line begins.
    fn keep(&mut self, piece: &[u8]) {
        let free = self.start.get_mut(self.filled..).unwrap_or_default();
        let taken = free.len().min(piece.len());
        for (to, from) in free.iter_mut().zip(piece) {
            *to = *from;
        }
        self.filled += taken;
    }

    /// Judges a line by its beginning; what is longer than a name of interest may be cut off.
    fn end_line(&mut self, line: &[u8]) {
        if matches!(line, b"\n" | b"\r\n") {
            self.content_length = false;
            self.transfer_encoding = false;
        } else {
            self.content_length |= begins(line, b"content-length:");
            self.transfer_encoding |= begins(line, b"transfer-encoding:");
            self.conflict |= self.content_length && self.transfer_encoding;
        }
    }
}

fn begins(line: &[u8], name: &[u8]) -> bool {
    line.get(..name.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole, byte by byte, and behind another request.
    #[track_caller]
    fn check(head: &str, conflict: bool) {
        let bytes = head.as_bytes();
        for step in [bytes.len(), 1, 2, 7, 19] {
            let mut lines = HeadLines::default();
            bytes.chunks(step).for_each(|chunk| lines.observe(chunk));
            assert_eq!(lines.conflict(), conflict, "{head:?} by {step}");
            let mut lines = HeadLines::default();
            lines.observe(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
            bytes.chunks(step).for_each(|chunk| lines.observe(chunk));
            assert_eq!(lines.conflict(), conflict, "{head:?} pipelined, by {step}");
        }
    }

    #[test]
    fn both_names_in_one_head_are_a_conflict() {
        check(
            "POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            true,
        );
        check(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n",
            true,
        );
        check(
            "POST / HTTP/1.1\r\ntRANSFER-eNCODING:chunked\r\nX: y\r\nCONTENT-LENGTH:2\r\n\r\n",
            true,
        );
        check(
            "POST / HTTP/1.1\nContent-Length: 2\nTransfer-Encoding: chunked\n\n",
            true,
        );
        check(
            "\r\n\r\nPOST / HTTP/1.1\r\nContent-Length:\r\nTransfer-Encoding:\r\n\r\n",
            true,
        );
    }

    #[test]
    fn one_name_is_none() {
        check(
            "POST / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
            false,
        );
        check(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            false,
        );
        check(
            "POST / HTTP/1.1\r\nX-Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            false,
        );
        check(
            "GET /?Content-Length:2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            false,
        );
        check(
            "POST / HTTP/1.1\r\nContent-Lengths: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
            false,
        );
    }

    #[test]
    fn two_requests_are_not_one_head() {
        check(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n\
             POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\
             POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            false,
        );
    }
}
