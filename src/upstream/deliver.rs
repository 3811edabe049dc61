//! One request to one endpoint, and what may be known about it afterwards.

use std::{pin::pin, rc::Rc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, Version, header};
use http_body_util::Full;
use tokio::time::Instant;

use super::{
    ResponseBody, SendError, Withheld,
    body::{Multiplexed as MultiplexedBody, Pooled},
    connect::Unconnected,
    deadline::{BUDGET, Vigil},
    http2::{self, Failure, Stream},
    intent::{Intent, Meanwhile},
    line::{self, Flow, Line},
    pool::{Delivery, Pool, Protocol, Unsent},
};

/// How often an endpoint may say that it did not look at a request before the next one is asked.
const MOST_REFUSALS: usize = 1;

impl Pool {
    /// Sends the request over a connection that is open, or over a new one.
    pub(super) async fn deliver<I>(
        self: &Rc<Self>,
        request: &mut Request<Full<Bytes>>,
        until: Instant,
        intent: &mut Intent<I>,
    ) -> Result<Delivery, SendError>
    where
        I: AsyncFnOnce() -> Result<(), Withheld>,
    {
        match self.connector.protocol {
            Protocol::Http1 => self.deliver_alone(request, until, intent).await,
            Protocol::Http2 => Box::pin(self.deliver_among(request, until, intent)).await,
        }
    }

    async fn deliver_alone<I>(
        self: &Rc<Self>,
        request: &mut Request<Full<Bytes>>,
        until: Instant,
        intent: &mut Intent<I>,
    ) -> Result<Delivery, SendError>
    where
        I: AsyncFnOnce() -> Result<(), Withheld>,
    {
        loop {
            let (mut line, fresh) = if let Some(kept) = self.take().await {
                (kept, false)
            } else {
                // Boxed: connecting is rare, and its state would be moved with every request.
                match Box::pin(self.connector.line(self.left(until))).await {
                    Ok(new) => (new, true),
                    Err(Unconnected) => return Ok(Delivery::Unsent(Unsent::Connect)),
                }
            };
            let meanwhile = match intent.record().await {
                Ok(meanwhile) => meanwhile,
                Err(withheld) => {
                    self.give_back(line);
                    return Err(withheld);
                }
            };
            if (fresh || meanwhile == Meanwhile::TimePassed) && !line.is_quiet().await {
                if fresh && meanwhile == Meanwhile::Nothing {
                    return Ok(Delivery::Unsent(Unsent::Closed));
                }
                continue;
            }
            match self.exchange(line, request, until).await? {
                Delivery::Unsent(Unsent::Closed) if !fresh => {}
                delivery => return Ok(delivery),
            }
        }
    }

    async fn exchange(
        self: &Rc<Self>,
        line: Line,
        request: &mut Request<Full<Bytes>>,
        until: Instant,
    ) -> Result<Delivery, SendError> {
        let Some(limit) = self.announce(request, until) else {
            self.give_back(line);
            return Ok(Delivery::Unsent(Unsent::Late));
        };
        // Pinned here, as it would be moved on its way there.
        let exchange = pin!(line.exchange(request));
        match self.timer.within(limit, exchange).await {
            Ok(Ok(answer)) => Ok(Delivery::Answered(
                answer.map(|flow| self.drawn_from(flow, until)),
            )),
            Ok(Err(line::Failure::Unwritten)) => Ok(Delivery::Unsent(Unsent::Closed)),
            Ok(Err(line::Failure::Invalid)) => Err(SendError::Invalid),
            Ok(Err(line::Failure::Unknown)) => Err(SendError::OutcomeUnknown { timed_out: false }),
            Err(_elapsed) => Err(SendError::OutcomeUnknown { timed_out: true }),
        }
    }

    /// A body that is here as it is, and its connection back at once; any other one as it comes.
    fn drawn_from(self: &Rc<Self>, mut flow: Flow, until: Instant) -> ResponseBody {
        if let Some(bytes) = flow.whole() {
            if let Some(line) = flow.into_line() {
                self.give_back(line);
            }
            return bytes.into();
        }
        let pooled = Pooled {
            flow: Some(flow),
            vigil: self.vigil(until),
            pool: Rc::clone(self),
        };
        pooled.into()
    }

    async fn deliver_among<I>(
        self: &Rc<Self>,
        request: &mut Request<Full<Bytes>>,
        until: Instant,
        intent: &mut Intent<I>,
    ) -> Result<Delivery, SendError>
    where
        I: AsyncFnOnce() -> Result<(), Withheld>,
    {
        // A connection that goes away refuses what was sent meanwhile; another one may not.
        let mut refusals = 0;
        loop {
            let stream = loop {
                let Ok(shared) = self.share(until).await else {
                    return Ok(Delivery::Unsent(Unsent::Connect));
                };
                let stream = shared.stream(self.timer.now());
                if intent.record().await? == Meanwhile::Nothing || shared.is_open().await {
                    break stream;
                }
            };
            match self.exchange_among(stream, request, until).await? {
                Ok(answer) => return Ok(Delivery::Answered(answer)),
                Err(Unsent::Refused) if refusals < MOST_REFUSALS => refusals += 1,
                Err(why) => return Ok(Delivery::Unsent(why)),
            }
        }
    }

    async fn exchange_among(
        &self,
        stream: Stream,
        request: &mut Request<Full<Bytes>>,
        until: Instant,
    ) -> Result<Result<Response<ResponseBody>, Unsent>, SendError> {
        let Some(limit) = self.announce(request, until) else {
            return Ok(Err(Unsent::Late));
        };
        let Some((head, body)) = http2::split(self.endpoint(), request).await else {
            return Ok(Err(Unsent::Refused));
        };
        match self.timer.within(limit, stream.exchange(head, body)).await {
            Ok(Ok(response)) => Ok(Ok(self.streamed(response, stream, until))),
            Ok(Err(Failure::Refused)) => Ok(Err(Unsent::Refused)),
            Ok(Err(Failure::Invalid)) => Err(SendError::Invalid),
            Ok(Err(Failure::Unknown)) => Err(SendError::OutcomeUnknown { timed_out: false }),
            Err(_elapsed) => Err(SendError::OutcomeUnknown { timed_out: true }),
        }
    }

    /// Writes the budget that is left, and says how long the answer's head is waited for.
    fn announce(&self, request: &mut Request<Full<Bytes>>, until: Instant) -> Option<Duration> {
        let left = self.left(until);
        let value = self.budget.value(left);
        request.headers_mut().insert(BUDGET, value);
        (!left.is_zero()).then(|| left.min(self.patience.first_byte))
    }

    fn vigil(&self, until: Instant) -> Vigil {
        Vigil::new(&self.timer, self.patience.idle, until)
    }

    fn streamed(
        &self,
        response: Response<h2::RecvStream>,
        stream: Stream,
        until: Instant,
    ) -> Response<ResponseBody> {
        let (mut head, incoming) = response.into_parts();
        // What the answer says to the terminal is said in the terminal's version.
        head.version = Version::HTTP_11;
        let length = head.headers.get(header::CONTENT_LENGTH);
        let left = length.and_then(|it| it.to_str().ok()?.parse().ok());
        let left = if incoming.is_end_stream() {
            Some(0)
        } else {
            left
        };
        let body = MultiplexedBody {
            incoming,
            vigil: self.vigil(until),
            left,
            data_ended: false,
            place: stream,
        };
        Response::from_parts(head, body.into())
    }
}
