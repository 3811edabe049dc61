//! How many connections each client has.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Parts of the table, each behind a lock of its own, so that workers seldom meet.
const PARTS: usize = 64;

/// Whose connections are counted together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Client {
    V4([u8; 4]),
    /// The network that one customer has: whoever has one address of it has all of them (RFC 6177).
    V6(u64),
}

/// The connections of each client; as many entries at most as there are connections.
pub(super) struct Crowd {
    parts: [Mutex<HashMap<Client, usize>>; PARTS],
    hasher: RandomState,
}

/// A connection's place among those of its client.
pub(super) struct Guest {
    crowd: Arc<Crowd>,
    client: Client,
}

impl Crowd {
    pub(super) fn new() -> Self {
        Self {
            parts: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
        }
    }

    /// Lets one more in, unless there are `most` already.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Guest> {
        let client = Client::of(address);
        let mut part = self.part(client);
        let inside = part.entry(client).or_default();
        if *inside >= most {
            // With a cap of zero nobody is counted; else somebody is inside.
            return None;
        }
        *inside += 1;
        drop(part);
        let crowd = Arc::clone(self);
        Some(Guest { crowd, client })
    }

    fn part(&self, client: Client) -> MutexGuard<'_, HashMap<Client, usize>> {
        let hash = self.hasher.hash_one(client);
        let parts = u64::try_from(PARTS).unwrap_or(1);
        let place = usize::try_from(hash % parts).unwrap_or_default();
        let [first, ..] = &self.parts;
        let part = self.parts.get(place).unwrap_or(first);
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.octets()),
            IpAddr::V6(address) => {
                Self::V6(u64::try_from(address.to_bits() >> 64).unwrap_or_default())
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut part = self.crowd.part(self.client);
        if let Some(inside) = part.get_mut(&self.client) {
            *inside = inside.saturating_sub(1);
            if *inside == 0 {
                part.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_one_client_and_nothing_is_left_of_those_who_went() {
        let crowd = Arc::new(Crowd::new());
        let enter = |address: &str| crowd.enter(address.parse().unwrap(), 2);
        let known = || -> usize { crowd.parts.iter().map(|it| it.lock().unwrap().len()).sum() };
        let one = [enter("192.0.2.1"), enter("::ffff:192.0.2.1")];
        assert!(one.iter().all(Option::is_some));
        assert!(enter("192.0.2.1").is_none());
        assert!(enter("192.0.2.2").is_some());
        let six = [enter("2001:db8::1"), enter("2001:db8::ffff:1")];
        assert!(six.iter().all(Option::is_some));
        assert!(enter("2001:db8::2").is_none());
        assert!(enter("2001:db8:0:1::2").is_some());
        assert_eq!(known(), 2);
        drop(one);
        assert!(enter("192.0.2.1").is_some());
        drop(six);
        assert_eq!(known(), 0);
    }
}
