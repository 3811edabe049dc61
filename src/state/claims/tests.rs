//! What a set of claims promises, and that it does what a list would do.

use proptest::prelude::*;

use super::*;

fn name(of: u8) -> Name {
    let mut bytes = [0; Name::LENGTH];
    // Some in one table, some in others.
    (bytes[0], bytes[1]) = (of % 3, of);
    Name::from_bytes(bytes)
}

fn at(wall: i64, steady: u64) -> Moment {
    Moment {
        wall: Timestamp::from_millis(wall),
        steady: Duration::from_millis(steady),
    }
}

fn claim(of: u8, until: i64) -> Claim {
    Claim {
        name: name(of),
        until: Timestamp::from_millis(until),
        made: None,
        lifetime: None,
    }
}

#[test]
fn a_claim_lives_to_the_end_of_its_window_and_at_most_a_second_longer() {
    for steady in [0, 1, 999, 1_000, 1_001] {
        let mut claims = ClaimSet::new(10);
        claims.advance(Duration::from_millis(steady));
        assert!(claims.insert(&claim(1, 5_000), name(9), at(0, steady)));
        for later in [0, 4_999, 5_000] {
            claims.advance(Duration::from_millis(steady + later));
            assert_eq!(claims.holder(name(1)), Some(name(9)), "{steady} {later}");
        }
        claims.advance(Duration::from_millis(steady + 6_000));
        assert_eq!(claims.holder(name(1)), None);
        assert!(claims.may_be_forgotten(Timestamp::from_millis(5_000)));
        assert!(!claims.may_be_forgotten(Timestamp::from_millis(5_001)));
    }
}

#[test]
fn a_full_set_refuses_and_forgets_nobody() {
    let mut claims = ClaimSet::new(2);
    for of in [1, 2] {
        assert!(claims.insert(&claim(of, 5_000), name(9), at(0, 0)));
    }
    assert!(!claims.has_room());
    assert!(!claims.insert(&claim(3, 5_000), name(9), at(0, 0)));
    assert_eq!(claims.holder(name(3)), None);
    claims.release(name(1), name(8));
    assert!(!claims.has_room(), "released by a stranger");
    claims.release(name(1), name(9));
    assert!(claims.insert(&claim(3, 5_000), name(9), at(0, 0)));
    assert_eq!(claims.live(), 2);
}

#[test]
fn setting_the_clock_back_does_not_make_a_forgotten_code_new() {
    let mut claims = ClaimSet::new(10);
    let noon = 1_795_312_800_000;
    let until = noon + 60_000;
    assert!(claims.insert(&claim(1, until), name(9), at(noon, 0)));
    claims.advance(Duration::from_secs(62));
    // Two hours back, the code is good again by the wall.
    assert_eq!(claims.holder(name(1)), None);
    assert!(claims.may_be_forgotten(Timestamp::from_millis(until)));
}

#[test]
fn what_is_dead_does_not_take_up_room_for_ever() {
    let mut claims = ClaimSet::new(1_000_000);
    for second in 0..100_u32 {
        let steady = u64::from(second) * 1_000;
        claims.advance(Duration::from_millis(steady));
        for of in 0..2_000_u32 {
            let mut bytes = [0; Name::LENGTH];
            let mixed = (second * 2_000 + of).wrapping_mul(0x9E37_79B9);
            bytes[..4].copy_from_slice(&mixed.to_be_bytes());
            let claim = Claim {
                name: Name::from_bytes(bytes),
                ..claim(0, 1_000)
            };
            assert!(claims.insert(&claim, name(9), at(0, steady)));
        }
    }
    assert!(claims.live() <= 6_000, "{}", claims.live());
    assert!(claims.stored <= 40_000, "{}", claims.stored);
    let stored: usize = claims.tables.iter().map(FxHashMap::len).sum();
    assert_eq!(stored, claims.stored);
}

#[test]
fn what_is_carried_is_there_again() {
    let mut before = ClaimSet::new(10);
    for of in 1..=5 {
        let claim = claim(of, i64::from(of) * 1_000);
        assert!(before.insert(&claim, name(90 + of), at(0, 500)));
    }
    before.advance(Duration::from_millis(3_400));
    let mut after = ClaimSet::new(10);
    after.restore_watermark(before.watermark());
    let steady = Duration::from_millis(7_777_777);
    for carried in before.carried(Duration::from_millis(3_400)) {
        assert!(after.restore(carried, steady));
    }
    assert_eq!(after.live(), before.live());
    for of in 1..=5 {
        assert_eq!(after.holder(name(of)), before.holder(name(of)));
    }
    assert_eq!(after.watermark(), before.watermark());
    let end = before.carried(Duration::ZERO).map(|it| it.left).max();
    after.advance(steady + end.unwrap() + Duration::from_secs(1));
    assert_eq!(after.live(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Insert { of: u8, token: u8, window: i64 },
    Pass { millis: u64 },
    Release { of: u8, token: u8 },
    Set { by: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let hours = 2 * 60 * 60 * 1_000_i64;
    let step = prop_oneof![
        4 => (0..12_u8, 0..3_u8, -500..5_000_i64)
            .prop_map(|(of, token, window)| Step::Insert { of, token, window }),
        3 => (0..2_500_u64).prop_map(|millis| Step::Pass { millis }),
        2 => (0..12_u8, 0..3_u8).prop_map(|(of, token)| Step::Release { of, token }),
        1 => prop_oneof![Just(-hours), Just(hours)].prop_map(|by| Step::Set { by }),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    /// Against a list of claims with their ends.
    #[test]
    fn it_does_what_a_list_does(steps in steps()) {
        const MOST: usize = 6;
        let mut claims = ClaimSet::new(MOST);
        let mut list: Vec<(u8, u8, u64, i64)> = Vec::new();
        let mut forgotten = None::<i64>;
        let (mut wall, mut steady) = (1_795_312_800_000_i64, 10_u64);
        for step in steps {
            match step {
                Step::Pass { millis } => {
                    wall += i64::try_from(millis).unwrap();
                    steady += millis;
                }
                Step::Set { by } => wall += by,
                Step::Release { of, token } => {
                    claims.release(name(of), name(100 + token));
                    list.retain(|it| (it.0, it.1) != (of, token));
                }
                Step::Insert { of, token, window } => {
                    if claims.holder(name(of)).is_none() {
                        let now = at(wall, steady);
                        let taken = claims.insert(&claim(of, wall + window), name(100 + token), now);
                        prop_assert_eq!(taken, list.len() < MOST);
                        if taken {
                            let left = u64::try_from(window).unwrap_or_default();
                            let end = (steady + left) / 1_000 + 1;
                            list.push((of, token, end, wall + window));
                        }
                    }
                }
            }
            claims.advance(Duration::from_millis(steady));
            for it in list.extract_if(.., |it| it.2 * 1_000 <= steady) {
                forgotten = forgotten.max(Some(it.3));
            }
            prop_assert_eq!(claims.live(), list.len());
            for of in 0..12 {
                let held = list.iter().find(|it| it.0 == of).map(|it| name(100 + it.1));
                prop_assert_eq!(claims.holder(name(of)), held);
            }
            // Released claims may raise it further, never lower.
            let watermark = forgotten.map(Timestamp::from_millis);
            prop_assert!(claims.watermark() >= watermark);
        }
    }
}
