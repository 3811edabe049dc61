//! Limits with instants that are given.

use std::num::NonZeroU32;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn rate(quota: &str, burst: u32) -> Rate {
    Rate {
        quota: Quota::parse(quota).unwrap(),
        burst: NonZeroU32::new(burst).unwrap(),
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Two terminals and an issuer, each with a rate of its own.
fn rates() -> Rates {
    Rates {
        address: Some(rate("4/min", 4)),
        strangers: Some(rate("2/min", 2)),
        terminals: vec![
            ("W-1".into(), rate("1/min", 3)),
            ("W-2".into(), rate("1/min", 3)),
        ],
        issuers: vec![("fujian".into(), rate("5/h", 5))],
    }
}

/// How many of a hundred are let in.
fn admitted(take: impl Fn() -> Verdict) -> usize {
    let is_admitted = |_: &usize| matches!(take(), Verdict::Admitted(_));
    (0..100).filter(is_admitted).count()
}

#[test]
fn each_key_has_its_rate_to_itself() {
    let now = Instant::now();
    let limits = Memory::new(now).adopt(&rates());
    let home = address("192.0.2.1");
    assert_eq!(admitted(|| limits.terminal(Some("W-1"), home, now)), 3);
    assert_eq!(admitted(|| limits.terminal(Some("W-2"), home, now)), 3);
    assert_eq!(admitted(|| limits.issuer("fujian", now)), 5);
    assert_eq!(admitted(|| limits.address(home, now)), 4);
    assert_eq!(admitted(|| limits.address(address("192.0.2.2"), now)), 4);
    let later = now + 60 * SECOND;
    assert_eq!(admitted(|| limits.terminal(Some("W-1"), home, later)), 1);
    assert_eq!(admitted(|| limits.address(home, later)), 4);
}

#[test]
fn terminals_nobody_registered_share_their_addresss_rate() {
    let now = Instant::now();
    let limits = Memory::new(now).adopt(&rates());
    let (here, there) = (address("192.0.2.1"), address("192.0.2.2"));
    let take = |name, address| limits.terminal(name, address, now);
    assert!(matches!(take(Some("made up"), here), Verdict::Admitted(_)));
    assert!(matches!(take(None, here), Verdict::Admitted(_)));
    assert!(matches!(
        take(Some("made up too"), here),
        Verdict::Refused(_)
    ));
    assert_eq!(admitted(|| take(Some("made up"), there)), 2);
    assert_eq!(admitted(|| take(Some("W-1"), here)), 3);
}

#[test]
fn what_has_no_rate_is_not_limited() {
    let now = Instant::now();
    let limits = Memory::new(now).adopt(&Rates::default());
    let home = address("192.0.2.1");
    assert_eq!(limits.address(home, now), Verdict::Unlimited);
    assert_eq!(limits.terminal(Some("W-1"), home, now), Verdict::Unlimited);
    assert_eq!(limits.issuer("fujian", now), Verdict::Unlimited);
}

#[test]
fn a_standing_says_what_is_left_and_when_there_is_more() {
    let now = Instant::now();
    let limits = Memory::new(now).adopt(&rates());
    let expected = |left, seconds: u32| Standing {
        limit: Limit::Issuer,
        rate: rate("5/h", 5),
        left,
        more_in: SECOND * seconds,
    };
    assert_eq!(
        limits.issuer("fujian", now),
        Verdict::Admitted(expected(4, 720))
    );
    for _ in 0..4 {
        limits.issuer("fujian", now);
    }
    assert_eq!(
        limits.issuer("fujian", now + 20 * SECOND),
        Verdict::Refused(expected(0, 700))
    );
}

#[test]
fn an_unchanged_rate_remembers_and_a_changed_one_begins_anew() {
    let now = Instant::now();
    let memory = Memory::new(now);
    let home = address("192.0.2.1");
    let older = memory.adopt(&rates());
    for _ in 0..9 {
        older.terminal(Some("W-1"), home, now);
        older.terminal(Some("W-2"), home, now);
        older.issuer("fujian", now);
        older.address(home, now);
    }
    let mut changed = rates();
    changed.terminals[1].1 = rate("1/min", 4);
    let newer = memory.adopt(&changed);
    assert_eq!(admitted(|| newer.terminal(Some("W-1"), home, now)), 0);
    assert_eq!(admitted(|| newer.terminal(Some("W-2"), home, now)), 4);
    assert_eq!(admitted(|| newer.issuer("fujian", now)), 0);
    assert_eq!(admitted(|| newer.address(home, now)), 0);
    memory.adopt(&Rates::default());
    let again = memory.adopt(&rates());
    assert_eq!(admitted(|| again.terminal(Some("W-1"), home, now)), 3);
}

#[test]
fn a_request_under_way_during_a_reload_is_counted_once() {
    let now = Instant::now();
    let memory = Memory::new(now);
    let (older, newer) = (memory.adopt(&rates()), memory.adopt(&rates()));
    assert_eq!(admitted(|| older.issuer("fujian", now)), 5);
    assert_eq!(admitted(|| newer.issuer("fujian", now)), 0);
}

#[track_caller]
fn check_network(one: &str, other: &str, same: bool) {
    let [one, other] = [one, other].map(|it| network(address(it)));
    assert_eq!(one == other, same);
}

#[test]
fn an_ipv6_network_is_one_key_and_an_ipv4_address_another() {
    check_network("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true);
    check_network("2001:db8:1:2::1", "2001:db8:1:3::1", false);
    check_network("2001:db8:1:2::1", "2001:db9:1:2::1", false);
    check_network("192.0.2.1", "192.0.2.2", false);
    check_network("192.0.2.1", "::ffff:192.0.2.1", true);
    check_network("::1", "::2", true);
    check_network("192.0.2.1", "::1", false);
}
