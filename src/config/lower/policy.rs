//! How endpoints are chosen from, spared and watched: defaults applied, what makes no sense said.

use http::uri::PathAndQuery;

use super::Surroundings;
use crate::config::diagnostic::Diagnostic;
use crate::config::file::policy::{Checking, Ejection};
use crate::config::file::{Upstream as Written, Weighted};
use crate::config::source::Place;
use crate::upstream::{AllOut, Balance, By, Check, Eject, MOST_ENDPOINTS, Policy, Probe, TIMEOUT};

/// What an upstream's table says about its endpoints.
pub(super) fn lower(one: &Written, endpoints: &[Weighted], around: Surroundings<'_>) -> Policy {
    let (written, usual) = (&one.policy, Policy::default());
    distinct(endpoints, one.at, around);
    let policy = Policy {
        balance: written.balance.map_or(usual.balance, |it| it.value),
        eject: written
            .eject
            .as_ref()
            .map_or(usual.eject, |it| ejection(it, endpoints.len(), around)),
        slow_start: written.slow_start.map_or(usual.slow_start, |it| it.value),
        at_once: written.at_once.map_or(usual.at_once, |it| it.value),
        queue: written.queue.map_or(usual.queue, |it| it.value),
        queue_timeout: written
            .queue_timeout
            .map_or(usual.queue_timeout, |it| it.value),
        check: written.check.as_ref().and_then(|it| check(it, around)),
    };
    if let [_] = endpoints {
        let alone = "the upstream has one endpoint";
        let balance = written.balance.filter(|it| it.value != Balance::RoundRobin);
        for (key, at) in [
            ("balance", balance.map(|it| it.at)),
            (
                "weight",
                endpoints.first().and_then(|it| Some(it.weight?.at)),
            ),
        ] {
            useless(key, at, alone, around);
        }
    }
    let queue = written.queue.filter(|it| it.value == 0);
    if let (Some(_), Some(timeout)) = (queue, written.queue_timeout) {
        useless("queue_timeout", Some(timeout.at), "nobody may wait", around);
    }
    let total = one.timeout.map_or(TIMEOUT, |it| it.value);
    if let Some(timeout) = written.queue_timeout.filter(|it| it.value >= total) {
        let message = "\"queue_timeout\" leaves nothing of \"timeout\" for an answer";
        around.error("bad-value", timeout.at, message);
    }
    policy
}

/// Says that whoever comes in chooses the endpoint.
pub(super) fn unsteady(one: &Written, around: Surroundings<'_>) {
    let hash = Balance::Hash(By::Terminal);
    if let Some(balance) = one.policy.balance.filter(|it| it.value == hash) {
        let message = "endpoints are chosen by the terminal's own word, which nobody proves";
        let found = Diagnostic::note("unsteady-hash", balance.at, message);
        let help = "let the listeners take registered terminals only, or hash by something else";
        around.collector.push(found.help(help));
    }
}

fn useless(key: &str, at: Option<Place>, because: &str, around: Surroundings<'_>) {
    if let Some(at) = at {
        let message = format!("\"{key}\" has no effect: {because}");
        let found = Diagnostic::warning("useless-key", at, message);
        around.collector.push(found);
    }
}

/// Every endpoint once, and not too many.
fn distinct(endpoints: &[Weighted], at: Place, around: Surroundings<'_>) {
    for (place, one) in endpoints.iter().enumerate() {
        let mut before = endpoints.iter().take(place);
        if let Some(first) = before.find(|it| it.url.value == one.url.value) {
            let message = "the endpoint stands here already";
            let found = Diagnostic::error("conflict", one.url.at, message);
            let help = "to use it more often write { url = \"…\", weight = 2 }";
            let found = found.related(first.url.at, "first").help(help);
            around.collector.push(found);
        }
    }
    if endpoints.len() > MOST_ENDPOINTS {
        let message = format!("an upstream has at most {MOST_ENDPOINTS} endpoints");
        around.error("bad-value", at, message);
    }
}

fn ejection(written: &Ejection, endpoints: usize, around: Surroundings<'_>) -> Eject {
    let usual = Eject::default();
    let time = written.time.map_or(usual.time, |it| it.value);
    let eject = Eject {
        failures: written.failures.map_or(usual.failures, |it| it.value),
        time,
        longest: written
            .longest
            .map_or_else(|| usual.longest.max(time), |it| it.value),
        at_most: written.at_most.map_or(usual.at_most, |it| it.value),
        trials: written.trials.map_or(usual.trials, |it| it.value),
        all_out: written.all_out.map_or(usual.all_out, |it| it.value),
    };
    if let Some(longest) = written.longest.filter(|it| it.value < time) {
        let message = "\"longest\" must not be shorter than \"time\"";
        around.error("bad-value", longest.at, message);
    }
    if eject.all_out == AllOut::Refuse {
        let at = written.at_most.map(|it| it.at);
        useless("at_most", at, "with \"refuse\" all may be ejected", around);
        return eject;
    }
    if endpoints == 1 {
        let message = "\"eject\" has no effect: the only endpoint is never ejected";
        let found = Diagnostic::warning("useless-key", written.at, message);
        let help = "write all_out = \"refuse\" to send it nothing while it fails";
        around.collector.push(found.help(help));
    } else if eject.at_most > 0 && endpoints > 1 && eject.allowance(endpoints) == 0 {
        let at = written.at_most.map_or(written.at, |it| it.at);
        let message = format!(
            "{} percent of {endpoints} endpoints is none: nothing is ever ejected",
            eject.at_most
        );
        let found = Diagnostic::warning("useless-key", at, message);
        let enough = 100_usize.div_ceil(endpoints);
        let help = format!("write at_most = {enough}, or 0 if that is meant");
        around.collector.push(found.help(help));
    }
    eject
}

fn check(written: &Checking, around: Surroundings<'_>) -> Option<Check> {
    let probe = match (&written.path, written.tcp) {
        (Some(path), None) => {
            let parsed = path.value.parse::<PathAndQuery>().ok();
            let Some(path) = parsed.filter(|_| path.value.starts_with('/')) else {
                around.error("bad-value", path.at, "\"path\" must begin with a slash");
                return None;
            };
            let statuses = written.status.iter().flatten().map(|it| it.value);
            Probe::Http {
                path,
                statuses: statuses.collect(),
            }
        }
        (None, Some(tcp)) => {
            if !tcp.value {
                let message = "\"tcp\" must be true; leave \"check\" out to check nothing";
                around.error("bad-value", tcp.at, message);
            }
            let status = written.status.as_ref().and_then(|it| it.first());
            let at = status.map(|it| it.at);
            useless("status", at, "a connection has no status", around);
            Probe::Tcp
        }
        _ => return None,
    };
    let usual = Check::with(probe);
    let check = Check {
        interval: written.interval.map_or(usual.interval, |it| it.value),
        timeout: written.timeout.map_or(usual.timeout, |it| it.value),
        rise: written.rise.map_or(usual.rise, |it| it.value),
        fall: written.fall.map_or(usual.fall, |it| it.value),
        ..usual
    };
    if check.timeout > check.interval {
        let message = "\"timeout\" of a check must not be longer than its \"interval\"";
        around.error("bad-value", written.at, message);
    }
    Some(check)
}
