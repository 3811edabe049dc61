//! When requests are sent, from `[load]`.

use std::time::Duration;

use toml::Spanned;

use super::file::{self, Arrivals};
use super::lower::Desk;
use super::{Load, Model, Phase};
use crate::numbers::size;

/// Connections unless the scenario says otherwise: enough for a slow second of a fast gateway.
const CONNECTIONS: u64 = 64;

/// Connections of one run; beyond that the machine's ports come to an end.
const MOST_CONNECTIONS: u64 = 20_000;

/// Requests under way on one HTTP/2 connection unless the scenario says otherwise.
const STREAMS: u64 = 16;

/// The most: what servers usually allow.
const MOST_STREAMS: u64 = 100;

/// How long an answer may take unless the scenario says otherwise.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hours of a day.
const HOURS: usize = 24;

/// Arrivals a second; beyond that the clock of one machine tells them apart no more.
const MOST_RATE: f64 = 1_000_000.0;

/// What `[load]` means.
pub(super) fn load(written: &Spanned<file::Load>, desk: &mut Desk) -> Option<Load> {
    let file = written.get_ref();
    let connections = number(
        file.connections.as_ref(),
        CONNECTIONS,
        MOST_CONNECTIONS,
        desk,
    );
    let streams = number(file.streams.as_ref(), STREAMS, MOST_STREAMS, desk);
    let patience = file.patience.as_ref();
    let patience = patience.map_or(Some(PATIENCE), |patience| desk.span(patience));
    let model = match file.model {
        file::Model::Open => open(written, desk),
        file::Model::Closed => closed(written, desk),
    };
    Some(Load {
        model: model?,
        connections: connections?,
        streams: streams?,
        patience: patience?,
    })
}

fn number(
    written: Option<&Spanned<u64>>,
    default: u64,
    most: u64,
    desk: &mut Desk,
) -> Option<usize> {
    let Some(written) = written else {
        return Some(size(default));
    };
    let found = *written.get_ref();
    if !(1..=most).contains(&found) {
        desk.wrong(written, format!("found {found}, expected 1 to {most}"));
        return None;
    }
    Some(size(found))
}

fn open(written: &Spanned<file::Load>, desk: &mut Desk) -> Option<Model> {
    let file = written.get_ref();
    let phases = match (&file.phases, &file.day) {
        (Some(phases), None) => phases_of(phases, desk),
        (None, Some(day)) => day_of(written, day, desk),
        _ => {
            desk.wrong(
                written,
                "expected either `phases` or `day`, with `peak` and `for`",
            );
            None
        }
    };
    Some(Model::Open {
        arrivals: file.arrivals,
        phases: phases?,
    })
}

/// A phase begins where the one before ends, unless it says its rate.
fn phases_of(written: &[Spanned<file::Phase>], desk: &mut Desk) -> Option<Vec<Phase>> {
    let mut phases = Vec::new();
    let mut last = 0.0;
    for phase in written {
        let file = phase.get_ref();
        let begin = rate(file.rate.as_ref(), desk)?;
        let end = rate(file.to.as_ref(), desk)?;
        if begin.is_none() && end.is_none() {
            desk.wrong(phase, "expected `rate`, or `to` for a ramp, or both");
            return None;
        }
        let from = begin.unwrap_or(last);
        let to = end.unwrap_or(from);
        let time = desk.span(&file.time)?;
        phases.push(Phase { from, to, time });
        last = to;
    }
    Some(phases)
}

#[expect(
    clippy::option_option,
    reason = "wrong, absent and read are three things"
)]
fn rate(written: Option<&Spanned<f64>>, desk: &mut Desk) -> Option<Option<f64>> {
    let Some(written) = written else {
        return Some(None);
    };
    let found = *written.get_ref();
    if !(0.0..=MOST_RATE).contains(&found) {
        desk.wrong(
            written,
            format!("found {found}, expected 0 to {MOST_RATE} a second"),
        );
        return None;
    }
    Some(Some(found))
}

/// Each hour a ramp to the next one's rate, the whole day within `for`.
fn day_of(
    written: &Spanned<file::Load>,
    day: &Spanned<Vec<f64>>,
    desk: &mut Desk,
) -> Option<Vec<Phase>> {
    let hours = day.get_ref();
    let highest = hours.iter().copied().fold(0.0, f64::max);
    let sound = hours.iter().all(|one| one.is_finite() && *one >= 0.0);
    if hours.len() != HOURS || !sound || highest == 0.0 {
        let message = format!(
            "found {} numbers, expected 24 of 0 or more, not all 0: what each hour weighs",
            hours.len()
        );
        desk.wrong(day, message);
        return None;
    }
    let file = written.get_ref();
    let (Some(peak), Some(time)) = (&file.peak, &file.time) else {
        desk.wrong(
            day,
            "expected `peak`, the rate of the busiest hour, and `for`, how long the day takes",
        );
        return None;
    };
    let peak = rate(Some(peak), desk)??;
    let time = desk.span(time)? / 24;
    let next = hours.iter().cycle().skip(1);
    let phases = hours.iter().zip(next).map(|(from, to)| Phase {
        from: from / highest * peak,
        to: to / highest * peak,
        time,
    });
    Some(phases.collect())
}

fn closed(written: &Spanned<file::Load>, desk: &mut Desk) -> Option<Model> {
    let file = written.get_ref();
    let Some(time) = &file.time else {
        desk.wrong(written, "expected `for`, how long the users keep asking");
        return None;
    };
    let time = desk.span(time)?;
    let users = number(file.users.as_ref(), 1, MOST_CONNECTIONS, desk)?;
    let think = file.think.as_ref();
    let think = think.map_or(Some(Duration::ZERO), |think| desk.span(think))?;
    Some(Model::Closed { users, think, time })
}

impl Model {
    /// The same for so long, at one rate if one is given.
    #[must_use]
    pub fn shortened(&self, rate: Option<f64>, time: Option<Duration>) -> Self {
        let arrivals = match self {
            Self::Open { arrivals, .. } => *arrivals,
            Self::Closed { .. } => Arrivals::Constant,
        };
        match (self, rate, time) {
            (_, Some(rate), time) => Self::Open {
                arrivals,
                phases: vec![Phase {
                    from: rate,
                    to: rate,
                    time: time.unwrap_or_else(|| self.time()),
                }],
            },
            (Self::Closed { users, think, .. }, None, Some(time)) => Self::Closed {
                users: *users,
                think: *think,
                time,
            },
            (Self::Open { phases, .. }, None, Some(time)) => {
                let factor = time.as_secs_f64() / self.time().as_secs_f64().max(f64::MIN_POSITIVE);
                let phases = phases.iter().map(|phase| Phase {
                    time: crate::numbers::seconds(phase.time.as_secs_f64() * factor),
                    ..*phase
                });
                Self::Open {
                    arrivals,
                    phases: phases.collect(),
                }
            }
            (same, None, None) => same.clone(),
        }
    }

    /// How long it takes.
    pub fn time(&self) -> Duration {
        match self {
            Self::Open { phases, .. } => phases.iter().map(|phase| phase.time).sum(),
            Self::Closed { time, .. } => *time,
        }
    }
}
