//! What the fuzz targets are shown of this module's inside; nobody else is to use it.

use std::{error::Error, net::SocketAddr};

use bytes::Bytes;
use http::Request;
use tokio::io::AsyncRead;

use super::{
    RequestBody, lane, proxied,
    strict::{Fault, HEAD, Reader, Step},
};

/// The longest head of a request.
pub const LONGEST_HEAD: usize = HEAD;

/// What the reader of HTTP/1 takes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Messages {
    /// Where each whole message ends.
    pub ends: Vec<usize>,
    /// How many bytes were passed on.
    pub passed: usize,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// In the midst of a message, or between two.
    More,
    /// With something else than a head.
    NoHead(Fault),
    /// With something else than a body.
    NoBody(Fault),
}

/// Reads a connection whose bytes come in pieces of these lengths; `None` if the reader waits for more of a
/// head than a head may have, or goes on after it refused.
pub fn messages(bytes: &[u8], mut piece: impl FnMut() -> usize) -> Option<Messages> {
    let (mut reader, mut ends) = (Reader::new(), Vec::new());
    let (mut passed, mut here) = (0, 0);
    loop {
        let shown = bytes.get(passed..here).unwrap_or_default();
        let step = reader.step(shown);
        let outcome = match step {
            Step::More if shown.len() >= HEAD => return None,
            Step::More if here == bytes.len() => Outcome::More,
            Step::More => {
                here = bytes.len().min(here + piece().max(1));
                continue;
            }
            Step::Pass(more) => {
                passed += more;
                if reader.awaits_head() {
                    ends.push(passed);
                }
                continue;
            }
            Step::RefuseHead(fault) => Outcome::NoHead(fault),
            Step::RefuseBody(fault) => Outcome::NoBody(fault),
        };
        let refused = outcome != Outcome::More;
        let goes_on = refused && reader.step(bytes) != step;
        return (reader.has_refused() == refused && !goes_on).then_some(Messages {
            ends,
            passed,
            outcome,
        });
    }
}

/// The request the lane makes of a whole message, if it takes it.
pub fn lane_request(message: &Bytes) -> Option<Request<RequestBody>> {
    lane::of_message(message)
}

/// Reads a header of the PROXY protocol.
pub async fn proxy_header(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<SocketAddr>, Box<dyn Error>> {
    Ok(proxied::read(stream).await?)
}
