//! One endpoint, as all workers share it: its health and what is under way there, in atomic words.
//!
//! Nothing here is locked. A word is read, the pure state machine says what comes of it, and it is
//! put back unless another worker was faster; then that is done again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::breaker::{Breaker, Eject, Pass, Phase};
use super::checked::{Checks, Patience};
use super::moment::Moment;
use super::queue::Queue;
use crate::metrics::{BREAKER_STATES, EndpointCounts, UpstreamCounts};

/// What an endpoint that comes back begins with, in percent of its share.
const FIRST_SHARE: u64 = 10;

/// What the endpoints of one upstream share.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// How many are ejected.
    ejected: AtomicU32,
    /// Requests that wait for room.
    pub(super) queue: Queue,
    /// What is counted.
    pub(super) counts: UpstreamCounts,
}

impl Group {
    /// That of an upstream nobody asked yet.
    pub(super) fn new(counts: UpstreamCounts) -> Self {
        Self {
            counts,
            ..Self::default()
        }
    }

    /// Whether another one may be ejected; if so, it is counted.
    pub(super) fn grants(&self, allowance: usize) -> bool {
        let more = |ejected: u32| {
            let room = usize::try_from(ejected).is_ok_and(|ejected| ejected < allowance);
            room.then(|| ejected + 1)
        };
        let order = Ordering::SeqCst;
        self.ejected.fetch_update(order, order, more).is_ok()
    }

    fn ungrant(&self) {
        self.ejected.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One endpoint.
#[derive(Debug)]
pub(super) struct Member {
    /// Its host and port as in the files.
    pub(super) name: Box<str>,
    /// It and its like.
    pub(super) group: Arc<Group>,
    /// What is counted.
    pub(super) counts: EndpointCounts,
    breaker: AtomicU64,
    checks: AtomicU32,
    in_flight: AtomicU32,
}

/// What a failure did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// It was noted.
    Noted,
    /// It ejected the endpoint, until that moment.
    Ejected(Moment),
    /// It would have, if that had left enough of them.
    Spared,
}

impl Member {
    /// An endpoint nobody asked yet.
    pub(super) fn new(name: Box<str>, group: Arc<Group>, counts: EndpointCounts) -> Self {
        Self {
            name,
            group,
            counts,
            breaker: AtomicU64::new(Breaker::default().to_word()),
            checks: AtomicU32::new(Checks::default().to_word()),
            in_flight: AtomicU32::default(),
        }
    }

    fn breaker(&self) -> Breaker {
        Breaker::from_word(self.breaker.load(Ordering::Acquire))
    }

    fn checks(&self) -> Checks {
        Checks::from_word(self.checks.load(Ordering::Relaxed))
    }

    /// Puts `next` in the place of `seen`, or gives what stands there meanwhile.
    fn swap(&self, seen: Breaker, next: Breaker) -> Result<(), Breaker> {
        if seen == next {
            return Ok(());
        }
        let (from, to, order) = (seen.to_word(), next.to_word(), Ordering::SeqCst);
        let swapped = self.breaker.compare_exchange(from, to, order, order);
        swapped.map(drop).map_err(Breaker::from_word)
    }

    /// Whether it is used as usual.
    pub(super) fn is_well(&self) -> bool {
        !self.checks().down && !self.breaker().is_out()
    }

    /// Whether active checks took it out.
    pub(super) fn is_down(&self) -> bool {
        self.checks().down
    }

    /// How much of its share it may get, in percent.
    pub(super) fn percent(&self, now: Moment, rules: &Eject, slow_start: Duration) -> u32 {
        if self.checks().down {
            return 0;
        }
        let breaker = self.breaker();
        match breaker.phase {
            Phase::Closed { since, .. } => ramp(since, now, slow_start),
            // A trial is what it is: one request, not a part of them.
            _ if breaker.admits(now, rules) => 100,
            _ => 0,
        }
    }

    /// Lets a request pass, if it may.
    pub(super) fn admit(&self, now: Moment, rules: &Eject) -> Option<Pass> {
        let mut seen = self.breaker();
        loop {
            let (next, pass) = seen.admit(now, rules)?;
            match self.swap(seen, next) {
                Ok(()) => return Some(pass),
                Err(other) => seen = other,
            }
        }
    }

    /// A request ended well. Says whether that closed the breaker.
    pub(super) fn succeeded(&self, pass: Pass, now: Moment, rules: &Eject) -> bool {
        self.becomes(|breaker| breaker.succeeded(pass, now, rules))
    }

    /// A request ended without saying anything about the endpoint.
    pub(super) fn released(&self, pass: Pass) {
        self.becomes(|breaker| breaker.released(pass));
    }

    /// Moves on where nothing opens. Says whether it closed.
    fn becomes(&self, change: impl Fn(Breaker) -> Breaker) -> bool {
        let mut seen = self.breaker();
        loop {
            let next = change(seen);
            match self.swap(seen, next) {
                Ok(()) => {
                    let closed = seen.is_out() && !next.is_out();
                    if closed {
                        self.group.ungrant();
                    }
                    return closed;
                }
                Err(other) => seen = other,
            }
        }
    }

    /// A request failed. `grants` says whether the endpoint may be ejected, as
    /// [`Group::grants`] does.
    pub(super) fn failed(
        &self,
        pass: Pass,
        now: Moment,
        rules: &Eject,
        grants: impl Fn() -> bool,
    ) -> Blame {
        let mut seen = self.breaker();
        loop {
            let next = seen.failed(pass, now, rules);
            let asks = !seen.is_out() && next.is_out();
            let granted = asks && grants();
            let next = if asks && !granted {
                seen.spared(rules)
            } else {
                next
            };
            match self.swap(seen, next) {
                Ok(()) => {
                    return match next.phase {
                        Phase::Open { until } if next != seen => Blame::Ejected(until),
                        _ if asks => Blame::Spared,
                        _ => Blame::Noted,
                    };
                }
                Err(other) => {
                    if granted {
                        self.group.ungrant();
                    }
                    seen = other;
                }
            }
        }
    }

    /// Takes an active check into account. Says whether it came up or went down by that. One
    /// thread calls this.
    pub(super) fn checked(&self, good: bool, patience: Patience, now: Moment) -> Option<bool> {
        let before = self.checks();
        let after = before.checked(good, patience);
        if before.down && !after.down {
            self.becomes(|breaker| breaker.returned(now));
        }
        self.checks.store(after.to_word(), Ordering::Relaxed);
        (before.down != after.down).then_some(!after.down)
    }

    /// Nobody checks any more: what checks said is forgotten.
    pub(super) fn unwatched(&self) {
        self.checks
            .store(Checks::default().to_word(), Ordering::Relaxed);
    }

    /// Requests under way.
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Takes one of `most` seats.
    pub(super) fn sit(&self, most: u32) -> bool {
        let more = |taken: u32| (taken < most).then(|| taken + 1);
        let order = Ordering::SeqCst;
        self.in_flight.fetch_update(order, order, more).is_ok()
    }

    /// Gives the seat back, to who waits longest if somebody does.
    pub(super) fn stand(&self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.group.queue.call();
    }

    /// Until when it gets nothing, if it is ejected for a time that is not over.
    pub(super) fn ejected_until(&self, now: Moment) -> Option<Moment> {
        match self.breaker().phase {
            Phase::Open { until } if until > now => Some(until),
            _ => None,
        }
    }

    /// What the breaker does; one of [`BREAKER_STATES`].
    pub(super) fn breaker_state(&self) -> &'static str {
        let [closed, half, open] = BREAKER_STATES;
        match self.breaker().phase {
            Phase::Closed { .. } => closed,
            Phase::Open { .. } => open,
            Phase::Half { .. } => half,
        }
    }
}

impl Drop for Member {
    /// One that leaves while it is ejected does not count any more.
    fn drop(&mut self) {
        if self.breaker().is_out() {
            self.group.ungrant();
        }
    }
}

/// The share of one that came back at `since`, in percent.
fn ramp(since: Moment, now: Moment, slow_start: Duration) -> u32 {
    if since == Moment::default() || slow_start.is_zero() {
        return 100;
    }
    let passed = now.since(since);
    if passed >= slow_start {
        return 100;
    }
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let part = millis(passed).saturating_mul(100) / millis(slow_start).max(1);
    u32::try_from(part.clamp(FIRST_SHARE, 100)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::super::breaker::AllOut;
    use super::*;

    const RULES: Eject = Eject {
        failures: 2,
        time: Duration::from_secs(10),
        longest: Duration::from_secs(60),
        at_most: 50,
        trials: 1,
        all_out: AllOut::Use,
    };

    const SLOWLY: Duration = Duration::from_secs(20);

    fn second(second: u64) -> Moment {
        Moment::from_millis(second * 1_000)
    }

    #[test]
    fn no_more_sit_than_there_are_seats_however_many_come_at_once() {
        let members = members(1);
        let (sitting, most) = (AtomicU32::new(0), AtomicU32::new(0));
        let come = || {
            for _ in 0..2_000 {
                if members[0].sit(2) {
                    most.fetch_max(sitting.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    sitting.fetch_sub(1, Ordering::SeqCst);
                    members[0].stand();
                }
            }
        };
        std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(come))));
        assert!(most.into_inner() <= 2);
        assert_eq!(members[0].in_flight(), 0);
    }

    fn members(count: usize) -> Vec<Member> {
        let group = Arc::new(Group::default());
        let member = |_| {
            Member::new(
                "backend:80".into(),
                Arc::clone(&group),
                EndpointCounts::default(),
            )
        };
        (0..count).map(member).collect()
    }

    fn fail(all: &[Member], place: usize, now: u64) -> Blame {
        let others = || (0..all.len()).any(|other| other != place && all[other].is_well());
        let allowance = RULES.allowance(all.len());
        all[place].failed(Pass::Usual, second(now), &RULES, || {
            others() && all[place].group.grants(allowance)
        })
    }

    #[test]
    fn never_more_than_the_share_is_ejected_and_one_that_returns_makes_room() {
        let all = members(4);
        for place in [0, 1] {
            assert_eq!(fail(&all, place, 1), Blame::Noted);
            assert_eq!(fail(&all, place, 1), Blame::Ejected(second(11)));
        }
        fail(&all, 2, 1);
        assert_eq!(fail(&all, 2, 1), Blame::Spared);
        assert!(all[2].is_well());
        let pass = all[0].admit(second(11), &RULES).unwrap();
        assert!(all[0].succeeded(pass, second(11), &RULES));
        assert_eq!(fail(&all, 2, 12), Blame::Ejected(second(22)));
    }

    #[test]
    fn the_last_that_is_well_is_never_ejected() {
        let all = members(2);
        let patience = Patience { rise: 1, fall: 1 };
        assert_eq!(all[0].checked(false, patience, second(1)), Some(false));
        fail(&all, 1, 1);
        assert_eq!(fail(&all, 1, 1), Blame::Spared);
        let one = members(1);
        fail(&one, 0, 1);
        assert_eq!(fail(&one, 0, 1), Blame::Spared);
    }

    #[test]
    fn one_that_leaves_while_it_is_out_makes_room() {
        let mut all = members(2);
        fail(&all, 0, 1);
        fail(&all, 0, 1);
        all.push(Member::new(
            "new:80".into(),
            Arc::clone(&all[0].group),
            EndpointCounts::default(),
        ));
        drop(all.remove(0));
        fail(&all, 0, 2);
        assert_eq!(fail(&all, 0, 2), Blame::Ejected(second(12)));
    }

    #[test]
    fn one_that_comes_back_gets_a_tenth_and_then_more_and_more() {
        let all = members(2);
        let percent = |at: u64| all[0].percent(second(at), &RULES, SLOWLY);
        assert_eq!(percent(0), 100);
        fail(&all, 0, 1);
        fail(&all, 0, 1);
        assert_eq!((percent(10), percent(11)), (0, 100));
        let pass = all[0].admit(second(11), &RULES).unwrap();
        assert_eq!(percent(11), 0);
        all[0].succeeded(pass, second(12), &RULES);
        let shares = [12, 13, 16, 22, 27, 32, 99].map(percent);
        assert_eq!(shares, [10, 10, 20, 50, 75, 100, 100]);
    }

    #[test]
    fn one_that_checks_bring_back_starts_slowly_too() {
        let all = members(2);
        let patience = Patience { rise: 2, fall: 1 };
        assert_eq!(all[0].checked(false, patience, second(1)), Some(false));
        assert_eq!(all[0].percent(second(1), &RULES, SLOWLY), 0);
        assert_eq!(all[0].checked(true, patience, second(2)), None);
        assert_eq!(all[0].checked(true, patience, second(3)), Some(true));
        assert_eq!(all[0].percent(second(3), &RULES, SLOWLY), 10);
        assert_eq!(all[0].percent(second(13), &RULES, SLOWLY), 50);
    }

    #[test]
    fn threads_that_eject_at_once_keep_to_the_floor() {
        for _ in 0..200 {
            let all = members(4);
            std::thread::scope(|scope| {
                for place in 0..4 {
                    let all = &all;
                    scope.spawn(move || {
                        for _ in 0..8 {
                            fail(all, place, 1);
                        }
                    });
                }
            });
            let out = all.iter().filter(|one| !one.is_well()).count();
            assert!(out <= 2, "{out}");
        }
    }

    #[test]
    fn threads_never_sit_on_more_seats_than_there_are() {
        let all = members(1);
        let most = AtomicU32::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        if all[0].sit(3) {
                            most.fetch_max(all[0].in_flight(), Ordering::SeqCst);
                            all[0].stand();
                        }
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 3);
        assert_eq!(all[0].in_flight(), 0);
    }
}
