//! The rules of RFC 9112 a message can break, one name each.

/// The rule that was broken. Its words are told to whoever sent the message: they say what was found
/// and what was expected, and repeat nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Fault {
    /// Section 2.2: a line that ends in LF alone.
    #[error("found a line that ends in LF alone, expected CRLF (RFC 9112, section 2.2)")]
    BareLineFeed,
    /// Section 7.1: data that is longer or shorter than its chunk says.
    #[error("found a chunk that does not end where it says, expected CRLF (RFC 9112, section 7.1)")]
    ChunkEnd,
    /// Section 7.1.1: an extension that is too long or no text.
    #[error("found a chunk extension of odd bytes or too many (RFC 9112, section 7.1.1)")]
    ChunkExtension,
    /// Section 7.1: a size that is not one to eight hexadecimal digits.
    #[error("found an odd chunk size, expected 1 to 8 hexadecimal digits (RFC 9112, section 7.1)")]
    ChunkSize,
    /// Section 3.2.3: nobody is connected through a gateway.
    #[error("found CONNECT, expected a plain request (RFC 9112, section 3.2.3)")]
    Connect,
    /// Sections 2.2 and 5.5: CR, NUL or another control character within a line.
    #[error("found a control character in the head, expected none (RFC 9112, section 2.2)")]
    Control,
    /// Section 5.1: a name that is no token, or is followed by a space.
    #[error("found an odd field name, expected a token and a colon (RFC 9112, section 5.1)")]
    FieldName,
    /// Section 5.2: a field that goes on in the next line.
    #[error("found a folded header line, expected one line a field (RFC 9112, section 5.2)")]
    Folded,
    /// Section 3: more than a request line and header lines may have.
    #[error("found a longer head, expected at most 8192 bytes")]
    HeadTooLong,
    /// Section 3.2: no Host, several, or one that is no authority.
    #[error("found no Host, several or an odd one, expected one (RFC 9112, section 3.2)")]
    Host,
    /// Section 3.2.2: a target and a Host that name two places.
    #[error("found a target and a Host that differ, expected one (RFC 9112, section 3.2.2)")]
    HostsDiffer,
    /// Section 6.2: several lengths, or one that is not plain digits.
    #[error("found several Content-Length or an odd one, expected one (RFC 9112, section 6.2)")]
    Length,
    /// A name that others take for one that frames a message.
    #[error("found a framing header with underscores, expected dashes (RFC 9110, section 5.1)")]
    Lookalike,
    /// The first bytes of HTTP/2, which is not spoken here; whoever sends them reads no HTTP/1.1.
    #[error("found the preface of HTTP/2, expected HTTP/1.1")]
    Preface,
    /// Section 3: not a method, a target and a version with one space between them.
    #[error("found an odd request line, expected METHOD TARGET VERSION (RFC 9112, section 3)")]
    RequestLine,
    /// Section 3.2: a target with characters no target has, or of no form a server is asked in.
    #[error("found an odd request target, expected a path (RFC 9112, section 3.2)")]
    Target,
    /// More fields than are read.
    #[error("found more header lines, expected at most 100")]
    TooManyFields,
    /// Section 7.1.2: trailers that are none, or too many.
    #[error("found odd trailers or too many (RFC 9112, section 7.1.2)")]
    Trailer,
    /// Section 6.1: a coding other than chunked, once, in HTTP/1.1.
    #[error("found an odd Transfer-Encoding, expected chunked alone (RFC 9112, section 6.1)")]
    TransferCoding,
    /// Section 6.3: a length told in two ways.
    #[error(
        "found Content-Length and Transfer-Encoding, expected one of them (RFC 9112, section 6.3)"
    )]
    TwoLengths,
    /// Section 2.3: a version other than 1.0 and 1.1.
    #[error("found an odd version, expected HTTP/1.1 (RFC 9112, section 2.3)")]
    Version,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::BareLineFeed,
        Self::ChunkEnd,
        Self::ChunkExtension,
        Self::ChunkSize,
        Self::Connect,
        Self::Control,
        Self::FieldName,
        Self::Folded,
        Self::HeadTooLong,
        Self::Host,
        Self::HostsDiffer,
        Self::Length,
        Self::Lookalike,
        Self::Preface,
        Self::RequestLine,
        Self::Target,
        Self::TooManyFields,
        Self::Trailer,
        Self::TransferCoding,
        Self::TwoLengths,
        Self::Version,
    ];

    /// Whether there was too much of something that would have been read otherwise.
    pub const fn is_excess(self) -> bool {
        matches!(self, Self::HeadTooLong | Self::TooManyFields)
    }
}
