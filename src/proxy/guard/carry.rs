//! A reserved request on its way to its department and back, on a task of its own: its terminal may
//! hang up, the request is seen through.

use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::Response;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::{Books, answer};
use crate::policy::Care;
use crate::proxy::View;
use crate::proxy::consult::Deed;
use crate::proxy::forward::{self, no_answer};
use crate::proxy::respond::Refusal;
use crate::proxy::visit::Visit;
use crate::reason::{Reason, Stage};
use crate::server::Undertaking;
use crate::state::{Answer, Content, Outcome, Ticket, Unintended};
use crate::tick::Timer;
use crate::time::{Moment, Timestamp};
use crate::upstream::{BodyError, ResponseBody, SendError, Withheld};

/// Parts of a long answer that wait for a slow terminal.
const PARTS_AHEAD: usize = 8;

/// What came of a request, as its terminal is told.
pub(super) type Told = Result<Response<ResponseBody>, Refusal>;

/// What a task needs that outlives the request it began with.
pub(super) struct Carrier {
    pub(super) view: Rc<View>,
    pub(super) visit: Rc<Visit>,
    pub(super) care: Care,
    pub(super) books: Arc<Books>,
    pub(super) timer: Timer,
    pub(super) clock: fn() -> Timestamp,
    /// When the department's time is over.
    pub(super) until: Instant,
    /// The worker does not end before this has.
    pub(super) _undertaking: Undertaking,
}

impl Carrier {
    fn now(&self) -> Moment {
        self.books.at((self.clock)(), self.timer.now())
    }

    /// Sends the request once its intent is recorded, and records what came of it before anybody is
    /// told.
    pub(super) async fn carry(self, deed: Deed, mut ticket: Ticket, tell: oneshot::Sender<Told>) {
        let mut unintended = None;
        let mut unaudited = None;
        let mut intent = async || {
            self.visit.lap(Stage::Forward);
            if let Err(reason) = self.visit.audit(self.care).await {
                unaudited = Some(reason);
                return Err(Withheld);
            }
            let intended = ticket.intend(self.now()).await;
            self.visit.lap(Stage::Guard);
            intended.map_err(|why| {
                unintended = Some(why);
                Withheld
            })?;
            self.visit.sending();
            Ok(())
        };
        let done = match deed {
            Deed::Answer(response) => match intent().await {
                Ok(()) => {
                    self.visit.nothing_sent();
                    Ok(response)
                }
                Err(Withheld) => Err(SendError::Withheld),
            },
            Deed::Ask { upstream, ask } => {
                let about = (&*self.view.upstreams, &*self.visit);
                forward::ask(about, (upstream, ask), intent).await
            }
        };
        let told = match done {
            _ if let Some(reason) = unaudited => {
                ticket.settle(Outcome::NotSent, self.now()).await;
                Err(reason.into())
            }
            Ok(response) => return self.keep(response, ticket, tell).await,
            Err(SendError::Withheld) => match unintended {
                Some(Unintended::Known(standing)) => answer::of(&standing),
                Some(Unintended::Away) | None => Err(Reason::StoreUnavailable.into()),
            },
            Err(error) => {
                ticket.settle(outcome(&error), self.now()).await;
                Err(no_answer(&error))
            }
        };
        if let Err(refusal) = &told {
            self.visit.failed(refusal.reason);
        }
        // A terminal that hung up is told nothing.
        drop(tell.send(told));
    }

    /// Records the answer, and gives it.
    async fn keep(
        self,
        response: Response<ResponseBody>,
        ticket: Ticket,
        tell: oneshot::Sender<Told>,
    ) {
        let (head, mut body) = response.into_parts();
        let limit = self.books.answer_limit;
        let headers = answer::kept(&head.headers);
        let weight = headers.iter().map(|(name, value)| name.len() + value.len());
        let weight: usize = weight.sum();
        let mut content = BytesMut::new();
        while weight + content.len() <= limit {
            match next(&mut body).await {
                Some(Ok(part)) => content.extend_from_slice(&part),
                None => {
                    let content = content.freeze();
                    let answer = Answer {
                        status: head.status.as_u16(),
                        headers,
                        content: Content::Whole(content.clone()),
                    };
                    ticket.settle(Outcome::Done(answer), self.now()).await;
                    let response = Response::from_parts(head, ResponseBody::from(content));
                    drop(tell.send(Ok(response)));
                    return;
                }
                Some(Err(_)) => {
                    self.visit.sending();
                    self.visit.failed(Reason::OutcomeUnknown);
                    ticket.settle(Outcome::Unknown, self.now()).await;
                    drop(tell.send(Err(Reason::OutcomeUnknown.into())));
                    return;
                }
            }
        }
        let response = Response::from_parts(head, body);
        self.relay(content.freeze(), response, ticket, tell).await;
    }

    /// Gives an answer that is too large to be kept while it comes, and records its digest.
    async fn relay(
        self,
        begun: Bytes,
        response: Response<ResponseBody>,
        ticket: Ticket,
        tell: oneshot::Sender<Told>,
    ) {
        let (head, mut body) = response.into_parts();
        let status = head.status.as_u16();
        let (to_terminal, parts) = mpsc::channel(PARTS_AHEAD);
        let length = total(&begun, &body);
        let relayed = ResponseBody::relayed(parts, length);
        drop(tell.send(Ok(Response::from_parts(head, relayed))));
        let mut listener = self.listener(to_terminal);
        let (mut sha256, mut length) = (Sha256::new(), 0_u64);
        let mut part = Some(Ok(begun));
        while let Some(Ok(bytes)) = part {
            sha256.update(&bytes);
            length = length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            listener.tell(Ok(bytes)).await;
            part = next(&mut body).await;
        }
        let outcome = match part {
            Some(Err(error)) => {
                listener.tell(Err(error)).await;
                self.visit.sending();
                Outcome::Unknown
            }
            _ => Outcome::Done(Answer {
                status,
                headers: Vec::new(),
                content: Content::Digest {
                    sha256: sha256.finalize().into(),
                    length,
                },
            }),
        };
        ticket.settle(outcome, self.now()).await;
        listener.end().await;
    }

    /// The terminal may take half of the time that is left; the department's answer needs the rest.
    fn listener(&self, parts: mpsc::Sender<Result<Bytes, BodyError>>) -> Listener {
        let now = self.timer.now();
        Listener {
            parts: Some(parts),
            timer: self.timer.clone(),
            until: now + self.until.saturating_duration_since(now) / 2,
        }
    }
}

/// The terminal, for as long as it listens and keeps up: neither changes what is recorded.
struct Listener {
    parts: Option<mpsc::Sender<Result<Bytes, BodyError>>>,
    timer: Timer,
    until: Instant,
}

impl Listener {
    /// Gives it the next part. An empty one would be the end.
    async fn tell(&mut self, part: Result<Bytes, BodyError>) {
        if part.as_ref().is_ok_and(Bytes::is_empty) {
            return;
        }
        self.give(part).await;
    }

    /// Tells it that this was all.
    async fn end(mut self) {
        self.give(Ok(Bytes::new())).await;
    }

    async fn give(&mut self, part: Result<Bytes, BodyError>) {
        let Some(parts) = &self.parts else {
            return;
        };
        let left = self.until.saturating_duration_since(self.timer.now());
        let given = self.timer.within(left, parts.send(part)).await;
        if !matches!(given, Ok(Ok(()))) {
            self.parts = None;
        }
    }
}

/// What an error means for the record.
const fn outcome(error: &SendError) -> Outcome {
    match error {
        SendError::Busy | SendError::Unreachable | SendError::Withheld => Outcome::NotSent,
        SendError::Invalid | SendError::OutcomeUnknown { .. } => Outcome::Unknown,
    }
}

/// The next bytes; trailers are nobody's.
async fn next(body: &mut ResponseBody) -> Option<Result<Bytes, BodyError>> {
    loop {
        match body.frame().await? {
            Ok(frame) => {
                if let Ok(bytes) = frame.into_data() {
                    return Some(Ok(bytes));
                }
            }
            Err(error) => return Some(Err(error)),
        }
    }
}

/// How long an answer is of which this much is here.
fn total(begun: &Bytes, rest: &ResponseBody) -> http_body::SizeHint {
    let here = u64::try_from(begun.len()).unwrap_or(u64::MAX);
    let whole = rest.size_hint().exact().and_then(|it| it.checked_add(here));
    whole.map_or_else(http_body::SizeHint::new, http_body::SizeHint::with_exact)
}
