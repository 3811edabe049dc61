//! A connection that speaks HTTP/1.1, one request after the other: by our own hand, or by hyper's
//! where the fast lane is off. Nobody else here knows which.

use std::{
    io,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::Full;

use super::{connect::Origin, http1, hypers};

/// A connection, between requests.
#[derive(Debug)]
pub(super) struct Line {
    way: Way,
    origin: Origin,
}

/// Who speaks it.
#[derive(Debug)]
pub(super) enum Way {
    Own(Box<http1::Connection>),
    Hyper(hypers::Connection),
}

/// An answer's body, and the connection it comes from.
pub(super) struct Flow {
    way: Flowing,
    origin: Origin,
}

enum Flowing {
    Own(http1::Incoming),
    Hyper(hypers::Incoming),
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// What came back is no answer in HTTP.
    Invalid,
    /// Nothing of the request was written.
    Unwritten,
    /// The connection ended, and nobody knows what became of the request.
    Unknown,
}

impl Line {
    pub(super) fn new(way: Way, origin: Origin) -> Self {
        Self { way, origin }
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether nobody has closed it or said something out of turn, as far as can be known.
    pub(super) async fn is_quiet(&mut self) -> bool {
        match &mut self.way {
            Way::Own(own) => own.is_quiet().await,
            Way::Hyper(hyper) => hyper.is_quiet().await,
        }
    }

    /// The same for one that was used a moment ago: what the runtime knows is enough.
    pub(super) async fn is_still_quiet(&mut self) -> bool {
        match &mut self.way {
            Way::Own(own) => own.is_silent().await,
            Way::Hyper(hyper) => hyper.is_quiet().await,
        }
    }

    /// Whether its end is known already.
    pub(super) fn is_closed(&self) -> bool {
        match &self.way {
            Way::Own(_) => false,
            Way::Hyper(hyper) => hyper.is_closed(),
        }
    }

    /// Whether it takes a request now.
    pub(super) fn is_ready(&self) -> bool {
        match &self.way {
            Way::Own(_) => true,
            Way::Hyper(hyper) => hyper.is_ready(),
        }
    }

    /// Whether nothing was heard of it while nobody used it. hyper listens itself.
    pub(super) fn lies_silent(&mut self) -> bool {
        match &mut self.way {
            Way::Own(own) => own.lies_silent(),
            Way::Hyper(_) => true,
        }
    }

    /// Sends the request and waits for the answer's head; dropped, it closes the connection. The request is
    /// left as it was if nothing of it was written.
    pub(super) async fn exchange(
        self,
        request: &mut Request<Full<Bytes>>,
    ) -> Result<Response<Flow>, Failure> {
        let Self { way, origin } = self;
        match way {
            Way::Own(own) => {
                let answer = own.exchange(request).await.map_err(Failure::from)?;
                Ok(answer.map(|incoming| Flow {
                    way: Flowing::Own(incoming),
                    origin,
                }))
            }
            Way::Hyper(hyper) => {
                let answer = hyper.exchange(request).await?;
                Ok(answer.map(|incoming| Flow {
                    way: Flowing::Hyper(incoming),
                    origin,
                }))
            }
        }
    }
}

impl Flow {
    /// The body, if all of it is here.
    pub(super) fn whole(&mut self) -> Option<Bytes> {
        match &mut self.way {
            Flowing::Own(own) => own.whole(),
            Flowing::Hyper(_) => None,
        }
    }

    /// The connection, if the body was read to its end and another request may follow.
    pub(super) fn into_line(self) -> Option<Line> {
        let way = match self.way {
            Flowing::Own(own) => Way::Own(own.into_connection()?),
            Flowing::Hyper(hyper) => Way::Hyper(hyper.into_connection()?),
        };
        Some(Line::new(way, self.origin))
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.way {
            Flowing::Own(own) => own.poll_part(cx).map_ok(Frame::data),
            Flowing::Hyper(hyper) => hyper.poll_frame(cx),
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        match &self.way {
            Flowing::Own(own) => own.is_end_stream(),
            Flowing::Hyper(hyper) => hyper.body.is_end_stream(),
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match &self.way {
            Flowing::Own(own) => own.size_hint(),
            Flowing::Hyper(hyper) => hyper.body.size_hint(),
        }
    }
}

impl From<http1::Failure> for Failure {
    fn from(failure: http1::Failure) -> Self {
        match failure {
            http1::Failure::Invalid => Self::Invalid,
            http1::Failure::Unknown => Self::Unknown,
        }
    }
}
