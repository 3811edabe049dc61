//! From a request to a seat at an endpoint.
//!
//! Whoever is well and has room is chosen from. If those that are well have no room, the request
//! waits in line. If nobody well is left to ask, those that are out are asked all the same, unless
//! the files say otherwise: they may be better than nothing.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use tokio::time::Instant;

use super::SendError;
use super::balance::{Balancer, Field, Places};
use super::breaker::AllOut;
use super::fleet::{Backends, Crew};
use super::moment::Moment;
use super::seats::{Post, Seat};
use crate::tick::Timer;

/// What came of looking for a seat.
#[derive(Debug)]
pub(super) enum Found {
    /// This one.
    Seat(Seat),
    /// None at the moment.
    Full,
    /// There is nobody to ask.
    Nobody,
}

/// One upstream's endpoints, as one worker chooses from them.
#[derive(Debug)]
pub(super) struct Choice {
    crew: Arc<Crew>,
    posts: Vec<Rc<Post>>,
    balancer: Balancer,
    timer: Timer,
}

/// The endpoints at this moment.
struct Sight<'c> {
    choice: &'c Choice,
    moment: Moment,
    /// Those that are not to be had.
    but: Places,
    /// Whether those that are out are taken for well.
    anyway: bool,
    /// Whether one was passed over only because it has no room.
    full: Cell<bool>,
}

impl Field for Sight<'_> {
    fn len(&self) -> usize {
        self.choice.posts.len()
    }

    fn percent(&self, place: usize) -> u32 {
        let Some(post) = self.choice.posts.get(place) else {
            return 0;
        };
        if self.but.has(place) {
            return 0;
        }
        let policy = &self.choice.crew.config.policy;
        let percent = if self.anyway {
            100
        } else {
            let member = post.member();
            member.percent(self.moment, &policy.eject, policy.slow_start)
        };
        if percent > 0 && post.member().in_flight() >= policy.at_once {
            self.full.set(true);
            return 0;
        }
        percent
    }

    fn weight(&self, place: usize) -> u32 {
        let endpoint = self.choice.crew.config.endpoints.get(place);
        endpoint.map_or(0, |endpoint| endpoint.weight)
    }

    fn load(&self, place: usize) -> u32 {
        let post = self.choice.posts.get(place);
        post.map_or(u32::MAX, |post| post.member().in_flight())
    }
}

impl Choice {
    /// Chooses among the endpoints of `crew`.
    pub(super) fn new(crew: &Arc<Crew>, backends: &Backends, timer: &Timer) -> Self {
        let members = crew.members.iter().enumerate();
        let post = |(place, member)| Rc::new(Post::new(crew, member, place, timer));
        let posts: Vec<_> = members.map(post).collect();
        let balance = crew.config.policy.balance;
        Self {
            crew: Arc::clone(crew),
            balancer: Balancer::new(balance, posts.len(), backends.random()),
            posts,
            timer: timer.clone(),
        }
    }

    /// A seat, or why there is none. Those who wait are not overtaken.
    pub(super) fn seat(&self, sticky: Option<u64>, tried: Places) -> Found {
        if self.crew.group.queue.length() > 0 {
            return Found::Full;
        }
        self.find(sticky, tried)
    }

    /// Waits for a seat.
    pub(super) async fn wait(
        &self,
        sticky: Option<u64>,
        tried: Places,
        until: Instant,
    ) -> Result<Seat, SendError> {
        let (group, policy) = (&self.crew.group, &self.crew.config.policy);
        let Some(place) = group.queue.join(policy.queue) else {
            group.counts.full.inc();
            return Err(SendError::Busy);
        };
        let turn = poll_fn(|cx| {
            if !place.is_first(cx) {
                return Poll::Pending;
            }
            match self.find(sticky, tried) {
                Found::Seat(seat) => Poll::Ready(Ok(seat)),
                Found::Nobody => Poll::Ready(Err(SendError::Unreachable)),
                Found::Full => Poll::Pending,
            }
        });
        let left = until.saturating_duration_since(self.timer.now());
        let limit = policy.queue_timeout.min(left);
        self.timer.within(limit, turn).await.unwrap_or_else(|_| {
            group.counts.waited.inc();
            Err(SendError::Busy)
        })
    }

    fn find(&self, sticky: Option<u64>, tried: Places) -> Found {
        let found = self.among(sticky, tried, false);
        let refuses = self.crew.config.policy.eject.all_out == AllOut::Refuse;
        if refuses || !matches!(found, Found::Nobody) {
            return found;
        }
        let found = self.among(sticky, tried, true);
        if matches!(found, Found::Seat(_)) {
            self.crew.group.counts.all_out.inc();
        }
        found
    }

    fn among(&self, sticky: Option<u64>, tried: Places, anyway: bool) -> Found {
        let mut field = Sight {
            choice: self,
            moment: self.crew.moment(self.timer.now()),
            but: tried,
            anyway,
            full: Cell::new(false),
        };
        let ring = self.crew.ring.as_ref();
        while let Some(place) = self.balancer.pick(&field, ring, sticky) {
            let post = self.posts.get(place);
            if let Some(seat) = post.and_then(|post| Seat::take(post, field.moment, anyway)) {
                return Found::Seat(seat);
            }
            // Another worker was faster: the seat or the trial is gone.
            let full = |post: &Rc<Post>| {
                let most = self.crew.config.policy.at_once;
                post.member().in_flight() >= most
            };
            if post.is_some_and(full) {
                field.full.set(true);
            }
            field.but.add(place);
        }
        if field.full.get() {
            Found::Full
        } else {
            Found::Nobody
        }
    }
}
