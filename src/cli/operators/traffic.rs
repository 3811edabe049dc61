//! What was seen: the scans of the last moments and the sums of the last quarter of an hour.

use std::collections::BTreeMap;

use super::Operators;
use crate::admin::events::{
    Batch, Event, Filter, IssuerCount, ReasonStory, Refusals, RefusedFamily, StageTime,
    TerminalCount, advice,
};
use crate::admin::overview::{
    FamilyCount, LastMinute, Overview, ReasonCount, RouteCount, Series, Totals,
};
use crate::admin::{IssuerStory, Operations as _};
use crate::app;
use crate::reason::Reason;
use crate::telemetry::pulse::{ReasonTally, Tally, WINDOW};
use crate::telemetry::{Live, Pulse, ScanEvent};
use crate::trust::Standing;

/// Seconds of a step of what is told of a reason.
const STEP: u32 = 10;

/// Of what is told by issuer, terminal or family, the first ones.
const MOST_NAMED: usize = 20;

impl Operators {
    pub(super) fn traffic(&self) -> Overview {
        let now = app::now();
        let tallies = self.pulse.tallies(now.seconds());
        let refusals = self.pulse.refusals(now.seconds());
        let site = self.sites.load();
        let kind_of = |id: &str| {
            let mut families = site.gateway.families().iter();
            let family = families.find(|family| *family.id == *id);
            family.map_or("", |family| family.kind.name()).to_owned()
        };
        let identity = self.identity();
        let readiness = self.readiness();
        Overview {
            now: identity.now,
            started: identity.started,
            version: identity.version,
            degraded: readiness.degraded(),
            readiness,
            in_flight: site.shared.counts.under_way(),
            window_seconds: u32::try_from(WINDOW).unwrap_or_default(),
            series: series(&self.pulse, now.seconds()),
            last_minute: minute(&self.pulse, now.seconds()),
            totals_15m: Totals {
                scans: tallies.iter().map(|tally| tally.count).sum(),
                refused: refused(&tallies),
            },
            reasons_15m: refusals.iter().map(reason_count).collect(),
            families_15m: families(&tallies, kind_of),
            routes_15m: by(&tallies, |tally| {
                tally.route.as_deref().filter(|_| tally.reason.is_none())
            })
            .into_iter()
            .map(|(route, (count, _))| RouteCount {
                route: route.to_owned(),
                count,
            })
            .collect(),
        }
    }
}

fn refused(tallies: &[Tally]) -> u64 {
    let refused = tallies.iter().filter(|tally| tally.reason.is_some());
    refused.map(|tally| tally.count).sum()
}

/// Sums by some name, the greatest first: all, and those refused.
pub(super) fn by<'t>(
    tallies: &'t [Tally],
    name: impl Fn(&'t Tally) -> Option<&'t str>,
) -> Vec<(&'t str, (u64, u64))> {
    let mut sums = BTreeMap::<&str, (u64, u64)>::new();
    for tally in tallies {
        if let Some(name) = name(tally) {
            let sum = sums.entry(name).or_default();
            sum.0 += tally.count;
            sum.1 += tally.reason.map_or(0, |_| tally.count);
        }
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    sums
}

fn families(tallies: &[Tally], kind_of: impl Fn(&str) -> String) -> Vec<FamilyCount> {
    let sums = by(tallies, |tally| tally.family.as_deref());
    let count = |(family, (count, refused)): (&str, (u64, u64))| FamilyCount {
        family: family.to_owned(),
        kind: kind_of(family),
        count,
        refused,
    };
    sums.into_iter().map(count).collect()
}

fn reason_count(tally: &ReasonTally) -> ReasonCount {
    ReasonCount {
        reason: tally.reason.slug().to_owned(),
        stage: tally.reason.stage().name().to_owned(),
        count: tally.count,
        first_seen: Some(tally.first.to_string()),
    }
}

fn series(pulse: &Pulse, now: i64) -> Series {
    let series = pulse.series(now);
    Series {
        end: series.end,
        step_seconds: 1,
        scans: series.scans,
        refused: series.refused,
        unknown: series.unknown,
        p50_us: series.p50,
        p95_us: series.p95,
        p99_us: series.p99,
        overhead_p99_us: series.overhead_p99,
    }
}

fn minute(pulse: &Pulse, now: i64) -> LastMinute {
    let minute = pulse.minute(now);
    let scans = f64::from(minute.scans);
    let good = f64::from(minute.scans.saturating_sub(minute.refused));
    LastMinute {
        scans_per_second: scans / 60.0,
        success_ratio: if minute.scans == 0 { 1.0 } else { good / scans },
        p50_us: minute.p50,
        p95_us: minute.p95,
        p99_us: minute.p99,
        overhead_p50_us: minute.overhead_p50,
        overhead_p99_us: minute.overhead_p99,
        upstream_p50_us: minute.upstream_p50,
    }
}

/// The issuers with what was seen of their codes.
pub(super) fn issuers(pulse: &Pulse, standings: Vec<Standing>, now: i64) -> Vec<IssuerStory> {
    let tallies = pulse.tallies(now);
    let seen: BTreeMap<_, _> = by(&tallies, |tally| tally.issuer.as_deref())
        .into_iter()
        .collect();
    let behind: BTreeMap<_, _> = pulse.clock_offsets().into_iter().collect();
    let story = |standing: Standing| {
        let (scans_15m, refused_15m) = seen.get(&*standing.issuer).copied().unwrap_or_default();
        IssuerStory {
            scans_15m,
            refused_15m,
            clock_offset_seconds: behind.get(&standing.issuer).map(|behind| -behind),
            standing,
        }
    };
    standings.into_iter().map(story).collect()
}

/// Why scans were refused.
pub(super) fn refusals(pulse: &Pulse, now: i64) -> Refusals {
    let tallies = pulse.tallies(now);
    let story = |tally: ReasonTally| reason_story(tally, &tallies);
    Refusals {
        window_seconds: u32::try_from(WINDOW).unwrap_or_default(),
        step_seconds: STEP,
        end: now,
        reasons: pulse.refusals(now).into_iter().map(story).collect(),
    }
}

fn reason_story(tally: ReasonTally, tallies: &[Tally]) -> ReasonStory {
    let reason = tally.reason;
    let of_reason = tallies.iter().filter(|it| it.reason == Some(reason));
    let of_reason: Vec<_> = of_reason.cloned().collect();
    let (advice_zh, advice_en) = advice().get(reason.slug()).copied().unwrap_or_default();
    let by_issuer = by(&of_reason, |it| it.issuer.as_deref()).into_iter();
    let by_family = by(&of_reason, |it| it.family.as_deref()).into_iter();
    let by_terminal = tally.by_terminal.into_iter().take(MOST_NAMED);
    ReasonStory {
        reason: reason.slug(),
        stage: reason.stage().name(),
        title: reason.title(),
        count: tally.count,
        first_seen: tally.first.to_string(),
        last_seen: tally.last.at.to_string(),
        series: tally.series,
        by_issuer: by_issuer
            .take(MOST_NAMED)
            .map(|(issuer, (count, _))| IssuerCount {
                issuer: issuer.to_owned(),
                count,
            })
            .collect(),
        by_terminal: by_terminal
            .map(|(terminal, count)| TerminalCount {
                terminal: terminal.into(),
                count,
            })
            .collect(),
        by_family: by_family
            .take(MOST_NAMED)
            .map(|(family, (count, _))| RefusedFamily {
                family: family.to_owned(),
                count,
            })
            .collect(),
        example: Some(event(0, &tally.last)),
        advice_zh: advice_zh.to_owned(),
        advice_en: advice_en.to_owned(),
        doc: format!("reasons#{}", reason.slug()),
    }
}

/// What came after the event of that number and is meant.
pub(super) fn batch(live: &Live, after: u64, filter: &Filter, most: usize) -> Batch {
    let glance = live.since(after);
    let meant: Vec<_> = glance
        .events
        .iter()
        .filter(|(_, event)| is_meant(filter, event))
        .collect();
    let skipped = meant.len().saturating_sub(most);
    let missed = if after == 0 { 0 } else { glance.missed };
    Batch {
        seen: u64::try_from(meant.len()).unwrap_or_default() + missed,
        events: meant
            .into_iter()
            .skip(skipped)
            .map(|(id, it)| event(*id, it))
            .collect(),
        last: glance.last,
    }
}

fn is_meant(filter: &Filter, event: &ScanEvent) -> bool {
    let is = |wanted: &Option<String>, found: Option<&str>| {
        let wanted = wanted.as_deref().filter(|wanted| !wanted.is_empty());
        wanted.is_none_or(|wanted| found == Some(wanted))
    };
    is(&filter.family, event.family())
        && is(&filter.issuer, event.issuer())
        && is(&filter.route, event.route())
        && is(&filter.reason, event.reason.map(Reason::slug))
        && is(&filter.terminal, event.terminal.as_deref())
        && is(&filter.outcome, Some(event.outcome.name()))
}

/// An event as operators are told it.
fn event(id: u64, event: &ScanEvent) -> Event {
    let story = event.story();
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let laps = event.lap_stories().into_iter();
    Event {
        id,
        at: event.at.to_string(),
        request_id: story.request_id.into_owned(),
        trace_id: story.trace_id,
        listener: story.listener.to_owned(),
        adapter: owned(story.adapter),
        medium: story.medium,
        terminal: owned(story.terminal),
        proof: story.proof,
        organisation: owned(story.organisation),
        region: story.region,
        scene: owned(story.scene),
        family: owned(story.family),
        kind: story.kind,
        issuer: owned(story.issuer),
        freshness: story.freshness,
        assurance: story.assurance,
        relation: story.relation,
        rival: owned(story.rival),
        outcome: story.outcome,
        reason: story.reason,
        stage: story.stage,
        route: owned(story.route),
        upstream: owned(story.upstream),
        status: story.status,
        upstream_status: story.upstream_status,
        sent: story.sent,
        replayed: story.repeated,
        subject: story.subject,
        shown: event.shown.as_deref().map(str::to_owned),
        artefacts: story.artefacts,
        stages: laps
            .map(|lap| StageTime {
                stage: lap.stage,
                start_us: lap.start_us,
                us: lap.us,
            })
            .collect(),
        total_us: story.total_us,
        overhead_us: story.overhead_us,
        upstream_us: story.upstream_us,
    }
}
