//! How many requests an endpoint may have at once, and what each of them says about it.

use std::rc::Rc;
use std::sync::Arc;

use http::StatusCode;

use super::SendError;
use super::breaker::{AllOut, Pass};
use super::fleet::Crew;
use super::member::{Blame, Member};
use super::moment::Moment;
use super::pool::Unsent;
use crate::metrics::Delivered;
use crate::tick::Timer;

/// One endpoint, as one worker sees it.
#[derive(Debug)]
pub(super) struct Post {
    crew: Arc<Crew>,
    member: Arc<Member>,
    /// Among the endpoints of its upstream.
    place: usize,
    timer: Timer,
}

impl Post {
    /// The endpoint at this place.
    pub(super) fn new(crew: &Arc<Crew>, member: &Arc<Member>, place: usize, timer: &Timer) -> Self {
        Self {
            crew: Arc::clone(crew),
            member: Arc::clone(member),
            place,
            timer: timer.clone(),
        }
    }

    /// What all workers share of it.
    pub(super) fn member(&self) -> &Member {
        &self.member
    }

    fn now(&self) -> Moment {
        self.crew.moment(self.timer.now())
    }
}

/// The right to have one request at an endpoint, held until its answer's end.
#[derive(Debug)]
pub(super) struct Seat {
    post: Rc<Post>,
    pass: Pass,
    /// Whether the endpoint was praised or blamed for the request.
    told: bool,
}

impl Seat {
    /// Takes a seat, if there is one and the endpoint may be asked. `anyway` asks one that is out.
    pub(super) fn take(post: &Rc<Post>, now: Moment, anyway: bool) -> Option<Self> {
        let policy = &post.crew.config.policy;
        if !post.member.sit(policy.at_once) {
            return None;
        }
        let pass = match post.member.admit(now, &policy.eject) {
            Some(pass) => pass,
            None if anyway => Pass::Usual,
            None => {
                post.member.stand();
                return None;
            }
        };
        Some(Self {
            post: Rc::clone(post),
            pass,
            told: false,
        })
    }

    /// Where it is.
    pub(super) fn place(&self) -> usize {
        self.post.place
    }

    /// The answer's head is here. A backend that is not behind its own gateway answers for it.
    pub(super) fn answered(&mut self, status: StatusCode) {
        let ill = [
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        if ill.contains(&status) {
            self.blame(Delivered::Failed);
        } else {
            self.praise();
        }
    }

    /// The request was not sent.
    pub(super) fn unsent(&mut self, why: Unsent) {
        match why {
            // No time was left: that is nobody's fault here.
            Unsent::Late => {}
            // A connection that was closed in the moment it was made says as much as none.
            _ => self.blame(Delivered::Unsent),
        }
    }

    /// There is no answer.
    pub(super) fn failed(&mut self, error: &SendError) {
        match error {
            SendError::Invalid => self.blame(Delivered::Invalid),
            SendError::OutcomeUnknown { timed_out: false } => self.blame(Delivered::Broken),
            SendError::OutcomeUnknown { timed_out: true } => self.blame(Delivered::Late),
            SendError::Busy | SendError::Unreachable | SendError::Withheld => {}
        }
    }

    /// The answer's body did not come to its end.
    pub(super) fn broke(&mut self) {
        self.blame(Delivered::Broken);
    }

    fn praise(&mut self) {
        self.told = true;
        let post = &*self.post;
        post.member.counts.delivered(Delivered::Answered);
        let rules = &post.crew.config.policy.eject;
        if post.member.succeeded(self.pass, post.now(), rules) {
            let (upstream, endpoint) = (&*post.crew.config.name, &*post.member.name);
            tracing::info!(upstream, endpoint, "an endpoint is used again");
        }
    }

    fn blame(&mut self, how: Delivered) {
        self.told = true;
        let post = &*self.post;
        post.member.counts.delivered(how);
        let (crew, now) = (&*post.crew, post.now());
        let rules = &crew.config.policy.eject;
        let allowance = rules.allowance(crew.members.len());
        let grants = || {
            let mut others = crew.members.iter();
            let spares = rules.all_out == AllOut::Refuse
                || others.any(|one| !Arc::ptr_eq(one, &post.member) && one.is_well());
            spares && crew.group.grants(allowance)
        };
        let blame = post.member.failed(self.pass, now, rules, grants);
        if let Blame::Ejected(until) = blame {
            post.member.counts.ejected();
            let (upstream, endpoint) = (&*crew.config.name, &*post.member.name);
            let (how, millis) = (how.name(), until.since(now).as_millis());
            tracing::warn!(upstream, endpoint, how, millis, "an endpoint is ejected");
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if !self.told && self.pass != Pass::Usual {
            self.post.member.released(self.pass);
        }
        self.post.member.stand();
    }
}
