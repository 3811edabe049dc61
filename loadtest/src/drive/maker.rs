//! Makes codes and writes requests, a little before they are due.

use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use multicode::random::Random;

use super::{Common, DriveError, Made, Setup, processor_time};
use crate::letter::Wire;
use crate::plan::{Draft, Plan};
use crate::scenario::{Model, Shown};

/// How long before a request is due its code may be made.
const AHEAD: Duration = Duration::from_secs(2);

/// Requests made ahead, at most, for one driver thread.
const MOST_AHEAD: usize = 8_192;

/// How long the maker sleeps at most: then it looks whether the run is over.
const NAP: Duration = Duration::from_millis(50);

/// A request, ready to be sent.
#[derive(Debug)]
pub(super) struct Shot {
    /// After the begin.
    pub(super) at: Duration,
    /// What it is.
    pub(super) draft: Draft,
    /// The request.
    pub(super) wire: Wire,
    /// Its code, where another case shows it again.
    pub(super) code: Option<Box<str>>,
    /// What is sent instead if a code is at hand that was shown before.
    pub(super) replay: Option<Draft>,
    /// When its code was made.
    pub(super) made: Instant,
}

/// How many requests are made ahead.
pub(super) fn ahead(model: &Model) -> usize {
    match model {
        Model::Open { .. } => MOST_AHEAD,
        // Nobody knows when they will be sent.
        Model::Closed { users, .. } => *users,
    }
}

/// Makes the requests of a driver thread; says what share of its time it computed.
pub(super) fn make(setup: &Setup, thread: usize, common: &Common, shots: &SyncSender<Made>) -> f64 {
    let begun = Instant::now();
    let mut random =
        Random::seeded(setup.run ^ u64::try_from(thread).unwrap_or_default().rotate_left(32));
    let shown_again: Vec<bool> = (0..setup.scenario.cases.len())
        .map(|case| {
            let again = |other: &crate::scenario::Case| {
                matches!(other.shown, Shown::Replayed(of) if of == case)
            };
            setup.scenario.cases.iter().any(again)
        })
        .collect();
    for due in Plan::new(&setup.scenario, &setup.model, thread, setup.threads) {
        if !wait(due.at, common) {
            break;
        }
        let kept = shown_again.get(due.draft.case).copied().unwrap_or_default();
        let made = shot(setup, due.at, due.draft, &mut random, kept);
        let made = made.map(|shot| Shot {
            replay: due.replay,
            ..shot
        });
        let failed = made.is_err();
        if shots.send(made).is_err() || failed {
            break;
        }
    }
    processor_time().as_secs_f64() / begun.elapsed().as_secs_f64().max(f64::MIN_POSITIVE)
}

/// Waits until a request is so near that its code may be made; false if the run is over.
fn wait(at: Duration, common: &Common) -> bool {
    loop {
        if common.stopped() {
            return false;
        }
        let elapsed = common.begin.get().map_or(Duration::ZERO, Instant::elapsed);
        let early = at.saturating_sub(elapsed.saturating_add(AHEAD));
        if early.is_zero() {
            return true;
        }
        thread::sleep(early.min(NAP));
    }
}

fn shot(
    setup: &Setup,
    at: Duration,
    draft: Draft,
    random: &mut Random,
    kept: bool,
) -> Result<Shot, DriveError> {
    let code = setup
        .workshop
        .code(draft.case, random, multicode::app::now())?;
    let wire = setup.stationery.write(&draft, &code)?;
    Ok(Shot {
        at,
        draft,
        wire,
        code: kept.then(|| code.into()),
        replay: None,
        made: Instant::now(),
    })
}
