//! The pictures of a run second by second.

use super::axis::Range;
use super::chart::{Chart, Column, Line, Span};
use crate::report::number;
use crate::report::types::{Report, Second};

/// As many points as a picture has room for; a longer run is drawn in stretches of several seconds.
const MOST_POINTS: usize = 300;

/// Neighbouring seconds that are drawn as one point: counts added up, latencies and what is in flight the worst.
struct Stretch {
    first: f64,
    seconds: f64,
    all: Second,
}

impl Stretch {
    fn of(seconds: &[Second]) -> Self {
        let mut all = Second::default();
        for second in seconds {
            all.offered += second.offered;
            all.sent += second.sent;
            all.answered += second.answered;
            all.refused += second.refused;
            all.errors += second.errors;
            all.p50_us = all.p50_us.max(second.p50_us);
            all.p99_us = all.p99_us.max(second.p99_us);
            all.in_flight = all.in_flight.max(second.in_flight);
        }
        let first = seconds.first().map_or(0, |second| second.at_s);
        let last = seconds.last().map_or(0, |second| second.at_s);
        Self {
            first: number::float(first),
            seconds: number::float(last.saturating_sub(first) + 1),
            all,
        }
    }

    fn middle(&self) -> f64 {
        self.first + self.seconds / 2.0
    }

    fn end(&self) -> f64 {
        self.first + self.seconds
    }

    fn per_second(&self, count: u64) -> f64 {
        number::float(count) / self.seconds
    }

    fn name(&self) -> String {
        if self.seconds > 1.0 {
            format!("{} to {} s", self.first, self.end() - 1.0)
        } else {
            format!("second {}", self.first)
        }
    }
}

/// All pictures of a run's course; none of a run that had none.
pub(super) fn charts(report: &Report) -> Vec<Chart> {
    let each = report.timeline.len().div_ceil(MOST_POINTS).max(1);
    let stretches: Vec<Stretch> = report.timeline.chunks(each).map(Stretch::of).collect();
    if stretches.is_empty() {
        return Vec::new();
    }
    let nothing_beside = report.refusals.is_empty() && report.errors.is_empty();
    let span = if nothing_beside {
        Span::Row
    } else {
        Span::Half
    };
    let in_flight = Chart {
        span,
        ..in_flight(&stretches)
    };
    vec![rates(report, &stretches), latencies(&stretches), in_flight]
}

/// What was offered, sent and answered in each second, and what went wrong if anything did.
fn rates(report: &Report, stretches: &[Stretch]) -> Chart {
    let line = |name: &str, look, of: fn(&Second) -> u64| {
        let point = |stretch: &Stretch| Some(stretch.per_second(of(&stretch.all)));
        line(name, look, stretches, point)
    };
    let mut lines = vec![
        // Broken, so that what lies below it is seen.
        line("sent", "k2", |second| second.sent),
        line("answered", "k1", |second| second.answered),
        line("offered", "k0", |second| second.offered),
    ];
    if stretches.iter().any(|stretch| stretch.all.refused > 0) {
        lines.push(line("refused", "k4", |second| second.refused));
    }
    if stretches.iter().any(|stretch| stretch.all.errors > 0) {
        lines.push(line("failed", "k5", |second| second.errors));
    }
    let says = format!(
        "Requests per second over time: {} offered and {} answered on average.",
        number::rate(report.rate.offered),
        number::rate(report.rate.achieved)
    );
    let highest = highest(&lines);
    let chart = timed("rates", "Rate over time", stretches, lines, rate_words);
    Chart {
        y: Range::Counts { highest },
        y_name: "requests per second",
        says,
        ..chart
    }
}

fn rate_words(stretch: &Stretch) -> String {
    let all = &stretch.all;
    let [offered, sent, answered, refused, failed] =
        [all.offered, all.sent, all.answered, all.refused, all.errors]
            .map(|count| number::rate(stretch.per_second(count)));
    let name = stretch.name();
    format!(
        "{name}: {offered}/s offered, {sent}/s sent, {answered}/s answered, {refused}/s refused, {failed}/s failed"
    )
}

/// The usual and the slow answer of each second, with gaps where there was none.
fn latencies(stretches: &[Stretch]) -> Chart {
    let line = |name: &str, look, of: fn(&Second) -> u64| {
        let point =
            |stretch: &Stretch| (stretch.all.answered > 0).then(|| number::float(of(&stretch.all)));
        line(name, look, stretches, point)
    };
    let lines = vec![
        line("p50", "k1", |second| second.p50_us),
        line("p99", "k2", |second| second.p99_us),
    ];
    let answered = || {
        stretches
            .iter()
            .filter(|stretch| stretch.all.answered > 0)
            .map(|stretch| &stretch.all)
    };
    let lowest = answered().map(|second| second.p50_us).min().unwrap_or(0);
    let highest = answered().map(|second| second.p99_us).max().unwrap_or(0);
    let says = format!(
        "Latency of each second over time: p50 at least {}, p99 at most {}.",
        number::micros(lowest),
        number::micros(highest)
    );
    let y = Range::Micros {
        lowest,
        usual: lowest,
        highest,
    };
    let chart = timed(
        "latencies",
        "Latency over time",
        stretches,
        lines,
        |stretch| {
            let second = &stretch.all;
            if second.answered == 0 {
                return format!("{}: no answer", stretch.name());
            }
            let [p50, p99] = [second.p50_us, second.p99_us].map(number::micros);
            format!("{}: p50 {p50}, p99 {p99}", stretch.name())
        },
    );
    Chart {
        y,
        y_name: "latency",
        says,
        ..chart
    }
}

/// How many requests waited for their answer.
fn in_flight(stretches: &[Stretch]) -> Chart {
    let point = |stretch: &Stretch| Some(number::float(stretch.all.in_flight));
    let lines = vec![line("in flight", "k3", stretches, point)];
    let highest = highest(&lines);
    let says = format!("Requests without an answer over time: {highest} at most.");
    let chart = timed(
        "in-flight",
        "Requests in flight",
        stretches,
        lines,
        |stretch| {
            format!(
                "{}: {} in flight",
                stretch.name(),
                number::count(stretch.all.in_flight)
            )
        },
    );
    Chart {
        y: Range::Counts { highest },
        y_name: "requests without an answer yet",
        says,
        ..chart
    }
}

/// A picture over the time of the run, its upward axis yet to be said.
fn timed(
    id: &'static str,
    title: &str,
    stretches: &[Stretch],
    lines: Vec<Line>,
    words: fn(&Stretch) -> String,
) -> Chart {
    let column = |stretch: &Stretch| Column {
        from: stretch.first,
        to: stretch.end(),
        words: words(stretch),
    };
    Chart {
        id,
        span: Span::Half,
        title: title.to_owned(),
        says: String::new(),
        x: Range::Seconds {
            from: stretches.first().map_or(0.0, |stretch| stretch.first),
            to: stretches.last().map_or(0.0, Stretch::end),
        },
        y: Range::Counts { highest: 0.0 },
        x_name: "time since the start",
        y_name: "",
        lines,
        marks: Vec::new(),
        columns: stretches.iter().map(column).collect(),
    }
}

/// A line with a gap wherever there is no value.
fn line(
    name: &str,
    look: &'static str,
    stretches: &[Stretch],
    point: impl Fn(&Stretch) -> Option<f64>,
) -> Line {
    let mut runs = vec![Vec::new()];
    for stretch in stretches {
        match (point(stretch), runs.last_mut()) {
            (Some(value), Some(run)) => run.push((stretch.middle(), value)),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    Line {
        name: name.to_owned(),
        look,
        runs,
    }
}

fn highest(lines: &[Line]) -> f64 {
    let points = lines.iter().flat_map(|line| line.runs.iter().flatten());
    points.map(|(_, value)| *value).fold(0.0, f64::max)
}
