//! Which endpoint is next: by weights, by what is under way, or by what the scan is about.
//!
//! Pure: how much an endpoint may get at the moment, and what is under way there, come in as
//! [`Field`].

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use pingora_ketama::{Bucket, Continuum};
use ring::digest;

use super::Endpoint;
use crate::random::Random;

/// How an upstream's endpoints are chosen from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// In turn, as often as their weights say.
    #[default]
    RoundRobin,
    /// Of two drawn by their weights the one with less under way, over all workers.
    LeastInFlight,
    /// The same one for the same issuer, account or terminal.
    Hash(By),
}

impl Balance {
    /// The words for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "round-robin",
            Self::LeastInFlight => "least-in-flight",
            Self::Hash(By::Issuer) => "hash of the issuer",
            Self::Hash(By::Account) => "hash of the account",
            Self::Hash(By::Terminal) => "hash of the terminal",
        }
    }
}

/// What a consistent hash goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The issuer of the code.
    Issuer,
    /// The account the department sees.
    Account,
    /// The terminal.
    Terminal,
}

/// A set of places, of which there are [`MOST_ENDPOINTS`]; those beyond are in every set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Places(u64);

/// Endpoints one upstream may have.
pub const MOST_ENDPOINTS: usize = 64;

impl Places {
    fn bit(place: usize) -> Option<u64> {
        1_u64.checked_shl(u32::try_from(place).ok()?)
    }

    /// Whether the place is in the set.
    pub(super) fn has(self, place: usize) -> bool {
        Self::bit(place).is_none_or(|bit| self.0 & bit != 0)
    }

    /// Puts the place into the set.
    pub(super) fn add(&mut self, place: usize) {
        self.0 |= Self::bit(place).unwrap_or_default();
    }
}

/// The endpoints as they are at the moment, by their places.
pub(super) trait Field {
    /// How many there are.
    fn len(&self) -> usize;
    /// How much of its usual share this one may get, in percent; 0: nothing.
    fn percent(&self, place: usize) -> u32;
    /// Its weight.
    fn weight(&self, place: usize) -> u32;
    /// What is under way there.
    fn load(&self, place: usize) -> u32;
}

/// How much of everything this one may get now.
fn share(field: &impl Field, place: usize) -> u32 {
    field.percent(place).saturating_mul(field.weight(place))
}

/// One worker's turn at choosing.
#[derive(Debug)]
pub(super) struct Balancer {
    way: Balance,
    /// How far each is ahead of its turn (smooth weighted round robin).
    credits: Box<[Cell<i64>]>,
    random: RefCell<Random>,
}

impl Balancer {
    /// Chooses from `endpoints`; workers with different `random` begin at different ones.
    pub(super) fn new(way: Balance, endpoints: usize, mut random: Random) -> Self {
        let mut credits = vec![Cell::new(0); endpoints];
        if let Some(first) = credits.get_mut(random.below(endpoints)) {
            first.set(1);
        }
        Self {
            way,
            credits: credits.into(),
            random: RefCell::new(random),
        }
    }

    /// The place of the next one; none if none may get anything.
    pub(super) fn pick(
        &self,
        field: &impl Field,
        ring: Option<&Ring>,
        sticky: Option<u64>,
    ) -> Option<usize> {
        match (self.way, ring, sticky) {
            (Balance::RoundRobin, _, _) => self.in_turn(field),
            (Balance::Hash(_), Some(ring), Some(key)) => ring.find(key, field),
            _ => self.less_loaded_of_two(field),
        }
    }

    /// Smooth weighted round robin: everyone is credited its share, the one with most credit is
    /// next and pays what all were given.
    fn in_turn(&self, field: &impl Field) -> Option<usize> {
        let mut given = 0;
        let mut best: Option<(usize, i64)> = None;
        for (place, credit) in self.credits.iter().enumerate() {
            let share = i64::from(share(field, place));
            if share == 0 {
                continue;
            }
            given += share;
            let has = credit.get() + share;
            credit.set(has);
            if best.is_none_or(|(_, most)| has > most) {
                best = Some((place, has));
            }
        }
        let (place, has) = best?;
        if let Some(credit) = self.credits.get(place) {
            credit.set(has - given);
        }
        Some(place)
    }

    /// The power of two choices. Both are drawn by their shares; an idle upstream is therefore used
    /// by its weights, and a slow endpoint gets less of it than it can do.
    fn less_loaded_of_two(&self, field: &impl Field) -> Option<usize> {
        let total = (0..field.len()).map(|place| u64::from(share(field, place)));
        let total: u64 = total.sum();
        let first = self.draw(field, total, None)?;
        let rest = total - u64::from(share(field, first));
        let Some(second) = self.draw(field, rest, Some(first)) else {
            return Some(first);
        };
        // What is under way is weighed against what each may get: a/x > b/y without dividing.
        let weighed =
            |one, other| u64::from(field.load(one)) * u64::from(share(field, other).max(1));
        if weighed(first, second) > weighed(second, first) {
            Some(second)
        } else {
            Some(first)
        }
    }

    fn draw(&self, field: &impl Field, total: u64, but: Option<usize>) -> Option<usize> {
        if total == 0 {
            return None;
        }
        let mut point = self.random.borrow_mut().next() % total;
        (0..field.len())
            .filter(|&place| Some(place) != but)
            .find(|&place| {
                let share = u64::from(share(field, place));
                let hit = point < share;
                point = point.saturating_sub(share);
                hit
            })
    }
}

/// A ring of endpoints (Ketama), the same in every gateway with the same endpoints.
pub(super) struct Ring {
    continuum: Continuum,
    /// The places behind the points of the ring.
    places: Box<[u16]>,
    endpoints: usize,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("points", &self.places.len())
            .finish_non_exhaustive()
    }
}

impl Ring {
    /// Puts endpoints on a ring, each as often as its weight says.
    pub(super) fn of(endpoints: &[Endpoint]) -> Self {
        let nodes: Vec<_> = endpoints.iter().map(node).collect();
        let buckets = nodes.iter().zip(endpoints);
        // A bucket of no weight would be a panic.
        let buckets = buckets.map(|(node, endpoint)| Bucket::new(*node, endpoint.weight.max(1)));
        let continuum = Continuum::new(&buckets.collect::<Vec<_>>());
        let mut places = Vec::new();
        let mut point = 0;
        while let Some(address) = continuum.get_addr(&mut point) {
            let place = nodes.iter().position(|node| node == address);
            places.push(u16::try_from(place.unwrap_or_default()).unwrap_or_default());
            if point == 0 {
                break;
            }
        }
        Self {
            continuum,
            places: places.into(),
            endpoints: endpoints.len(),
        }
    }

    /// The first endpoint from the key on that may get it. One that may have a part of its share
    /// gets the same part of its keys.
    fn find(&self, key: u64, field: &impl Field) -> Option<usize> {
        let start = self.continuum.node_idx(&key.to_le_bytes());
        let part = u32::try_from(Random::seeded(key).next() % 100).unwrap_or_default();
        let (mut seen, mut count, mut partly) = (Places::default(), 0, None);
        let (before, after) = self.places.split_at_checked(start)?;
        for place in after.iter().chain(before).map(|&place| usize::from(place)) {
            if seen.has(place) {
                continue;
            }
            let percent = field.percent(place);
            if part < percent {
                return Some(place);
            }
            if percent > 0 {
                partly = partly.or(Some(place));
            }
            seen.add(place);
            count += 1;
            if count == self.endpoints {
                break;
            }
        }
        partly
    }
}

/// Where an endpoint stands on the ring: its address, or what its name comes to. It must be the
/// same in every gateway and after every change of the files.
fn node(endpoint: &Endpoint) -> SocketAddr {
    let address = endpoint.host.parse::<IpAddr>().unwrap_or_else(|_| {
        let digest = digest::digest(&digest::SHA256, endpoint.host.as_bytes());
        let mut octets = [0; 16];
        let from = digest.as_ref().iter();
        octets
            .iter_mut()
            .zip(from)
            .for_each(|(to, &from)| *to = from);
        Ipv6Addr::from(octets).into()
    });
    SocketAddr::new(address, endpoint.port)
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, uri::Scheme};

    use super::*;

    /// Percent, weight and load of each.
    struct Given(Vec<(u32, u32, u32)>);

    impl Field for Given {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn percent(&self, place: usize) -> u32 {
            self.0[place].0
        }
        fn weight(&self, place: usize) -> u32 {
            self.0[place].1
        }
        fn load(&self, place: usize) -> u32 {
            self.0[place].2
        }
    }

    fn endpoints(weights: &[u32]) -> Vec<Endpoint> {
        let endpoint = |(index, weight): (usize, &u32)| Endpoint {
            scheme: Scheme::HTTP,
            host: format!("backend-{index}.example"),
            port: 80,
            authority: HeaderValue::from_static("backend"),
            weight: *weight,
        };
        weights.iter().enumerate().map(endpoint).collect()
    }

    fn counts(balancer: &Balancer, field: &Given, rounds: usize) -> Vec<usize> {
        let mut counts = vec![0; field.len()];
        for _ in 0..rounds {
            counts[balancer.pick(field, None, None).unwrap()] += 1;
        }
        counts
    }

    fn by(way: Balance, field: &Given) -> Balancer {
        Balancer::new(way, field.len(), Random::seeded(3))
    }

    #[test]
    fn in_turn_is_exact_by_the_weights_and_smooth() {
        let field = Given(vec![(100, 5, 0), (100, 1, 9), (100, 1, 0)]);
        let balancer = by(Balance::RoundRobin, &field);
        assert_eq!(counts(&balancer, &field, 700), [500, 100, 100]);
        let mut longest = 0;
        let mut run = 0;
        for _ in 0..700 {
            let first = balancer.pick(&field, None, None) == Some(0);
            run = if first { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        assert!(longest <= 5, "{longest} in a row");
    }

    #[test]
    fn in_turn_gives_a_part_to_one_that_starts_slowly_and_nothing_to_one_that_is_out() {
        let field = Given(vec![(10, 1, 0), (100, 1, 0), (0, 9, 0)]);
        let counts = counts(&by(Balance::RoundRobin, &field), &field, 1_100);
        assert_eq!(counts, [100, 1_000, 0]);
    }

    #[test]
    fn nobody_is_found_where_nobody_may_get_anything() {
        let field = Given(vec![(0, 1, 0), (0, 1, 0)]);
        for way in [Balance::RoundRobin, Balance::LeastInFlight] {
            assert_eq!(by(way, &field).pick(&field, None, None), None);
        }
        let ring = Ring::of(&endpoints(&[1, 1]));
        assert_eq!(ring.find(7, &field), None);
    }

    #[test]
    fn idle_ones_are_drawn_by_their_weights() {
        let field = Given(vec![(100, 3, 0), (100, 1, 0), (50, 2, 0)]);
        let counts = counts(&by(Balance::LeastInFlight, &field), &field, 50_000);
        for (count, expected) in counts.iter().zip([30_000, 10_000, 10_000]) {
            assert!(count.abs_diff(expected) < 1_000, "{counts:?}");
        }
    }

    #[test]
    fn of_two_the_one_with_less_under_way_is_taken() {
        let field = Given(vec![(100, 1, 30), (100, 1, 2)]);
        let balancer = by(Balance::LeastInFlight, &field);
        assert_eq!(counts(&balancer, &field, 100), [0, 100]);
        // Ten of ten is as much as one of one.
        let field = Given(vec![(100, 10, 11), (100, 1, 1)]);
        assert_eq!(counts(&balancer, &field, 100), [0, 100]);
    }

    #[test]
    fn a_leaving_endpoint_takes_its_own_keys_with_it_and_no_other() {
        let all = endpoints(&[1, 1, 1, 1, 1]);
        let ring = Ring::of(&all);
        let whole = Given(vec![(100, 1, 0); 5]);
        let mut lacking = Given(vec![(100, 1, 0); 5]);
        lacking.0[2].0 = 0;
        let fewer = Ring::of(&[&all[..2], &all[3..]].concat());
        let four = Given(vec![(100, 1, 0); 4]);
        let (mut moved, keys) = (0, 20_000);
        for key in 0..keys {
            let key = Random::seeded(key).next();
            let before = ring.find(key, &whole).unwrap();
            let after = ring.find(key, &lacking).unwrap();
            let without = fewer.find(key, &four).unwrap();
            // One that is out is as good as one that is not there.
            assert_eq!(after, without + usize::from(without >= 2));
            assert!(before == 2 || before == after, "a key of another moved");
            moved += u64::from(before != after);
        }
        assert!(moved.abs_diff(keys / 5) < keys / 20, "{moved} of {keys}");
    }

    #[test]
    fn the_ring_honours_weights_and_slow_starts() {
        let ring = Ring::of(&endpoints(&[3, 1]));
        let mut counts = [0; 2];
        let field = Given(vec![(100, 3, 0), (100, 1, 0)]);
        let slow = Given(vec![(40, 3, 0), (100, 1, 0)]);
        let mut slowly = 0;
        for key in 0..40_000 {
            let key = Random::seeded(key).next();
            let place = ring.find(key, &field).unwrap();
            counts[place] += 1;
            let now = ring.find(key, &slow).unwrap();
            assert!(now == place || place == 0);
            slowly += i32::from(now == 0);
        }
        assert!((28_000..32_000).contains(&counts[0]), "{counts:?}");
        assert!((10_500..13_500).contains(&slowly), "{slowly}");
    }
}
