//! The page of one report.

use super::escape::escape;
use super::parts::{Cell, Tone, banner, bars, card, table, tile, word};
use super::{pictures, shell, timeline};
use crate::report::number;
use crate::report::rows::{NUMBERS, Row, WORDS, rows};
use crate::report::threshold;
use crate::report::types::{FindMax, Held, Report};

/// The whole page.
pub fn page(report: &Report) -> String {
    let mut cards = String::new();
    cards.extend(pictures::curve(report).map(|chart| chart.html()));
    cards.extend(
        timeline::charts(report)
            .iter()
            .map(super::chart::Chart::html),
    );
    cards.push_str(&refusals_and_errors(report));
    cards.push_str(&thresholds(&report.thresholds));
    cards.push_str(&card("Percentiles", true, &percentiles(report)));
    cards.push_str(&report.find_max.as_ref().map(find_max).unwrap_or_default());
    cards.push_str(&settings(report));
    let body = format!(
        "{}{}{}<div class=\"cards\">{cards}</div>",
        verdict(report),
        driver(report),
        tiles(report)
    );
    shell(
        "load test",
        &report.scenario.name,
        &facts(report),
        &body,
        &report.tool,
    )
}

fn facts(report: &Report) -> String {
    let tls = if report.target.tls {
        "with TLS"
    } else {
        "without TLS"
    };
    let facts = [
        format!("<b>{}</b>", escape(&report.target.url)),
        format!("{} {tls}", escape(&report.target.protocol)),
        format!(
            "{} from {}",
            number::duration(report.duration_us),
            escape(&report.started)
        ),
    ];
    let facts = facts.map(|fact| format!("<li>{fact}</li>")).concat();
    format!("<ul class=\"facts\">{facts}</ul>")
}

fn verdict(report: &Report) -> String {
    let all = report.thresholds.len();
    let broken: Vec<&Held> = report.thresholds.iter().filter(|rule| !rule.held).collect();
    if all == 0 {
        let hint = "<p>The run had no rules to obey: these are its numbers.</p>";
        return banner(Tone::Plain, "No thresholds were set", hint);
    }
    if broken.is_empty() {
        let headline = if all == 1 {
            "The threshold held".to_owned()
        } else {
            format!("All {all} thresholds held")
        };
        return banner(Tone::Ok, &headline, "");
    }
    let rules = broken.iter().map(|rule| {
        let measured = escape(&threshold::measured(rule));
        format!(
            "<li><code>{}</code> measured {measured}</li>",
            escape(&rule.rule)
        )
    });
    let rules: String = rules.collect();
    let headline = match (broken.len(), all) {
        (1, 1) => "The threshold was broken".to_owned(),
        (broken, all) => format!("{broken} of {all} thresholds broken"),
    };
    banner(Tone::Bad, &headline, &format!("<ul>{rules}</ul>"))
}

/// Whether the numbers are the gateway's. Only a limit is worth a banner.
fn driver(report: &Report) -> String {
    if !report.driver.limited {
        return String::new();
    }
    let says = format!("<p>{}</p>", escape(&report.driver.says));
    banner(
        Tone::Warn,
        "The driver was the limit, not the gateway",
        &says,
    )
}

fn tiles(report: &Report) -> String {
    let (rate, totals, latency) = (&report.rate, &report.totals, &report.latency);
    let share = if rate.offered > 0.0 {
        rate.achieved / rate.offered
    } else {
        0.0
    };
    let answered = number::percent(number::share(totals.as_expected, totals.answered));
    let failed = number::percent(number::share(totals.errors, totals.sent));
    let tiles = [
        tile(
            "Rate",
            &format!("{} /s", number::rate(rate.achieved)),
            &format!(
                "{} of {}/s offered",
                number::percent(share),
                number::rate(rate.offered)
            ),
        ),
        tile(
            "p50",
            &number::micros(latency.p50_us),
            &format!("mean {}", number::micros(latency.mean_us)),
        ),
        tile(
            "p99",
            &number::micros(latency.p99_us),
            &format!("p95 {}", number::micros(latency.p95_us)),
        ),
        tile(
            "p99.9",
            &number::micros(latency.p999_us),
            &format!("slowest {}", number::micros(latency.max_us)),
        ),
        tile(
            "As expected",
            &answered,
            &format!(
                "{} of {} not",
                number::count(totals.unexpected),
                number::count(totals.answered)
            ),
        ),
        tile(
            "Without an answer",
            &number::count(totals.errors),
            &format!(
                "{failed} of {}, {} never sent",
                number::count(totals.sent),
                number::count(totals.dropped)
            ),
        ),
    ];
    format!("<dl class=\"tiles\">{}</dl>\n", tiles.concat())
}

/// What did not go through: refused by the gateway, or never answered.
fn refusals_and_errors(report: &Report) -> String {
    let totals = &report.totals;
    let refusals = report.refusals.iter();
    let refusals: Vec<_> = refusals
        .map(|one| (one.reason.as_str(), one.count))
        .collect();
    let errors: Vec<_> = report
        .errors
        .iter()
        .map(|one| (one.kind.as_str(), one.count))
        .collect();
    let tables = [
        (
            "Refusals by reason",
            ["reason", "of all answers"],
            refusals,
            totals.answered,
        ),
        (
            "Requests without an answer",
            ["kind", "of all sent"],
            errors,
            totals.sent,
        ),
    ];
    let tables = tables.iter().filter(|(_, _, counts, _)| !counts.is_empty());
    let tables: String = tables
        .map(|(title, heads, counts, of)| format!("<h2>{title}</h2>{}", bars(*heads, counts, *of)))
        .fold(String::new(), |all, one| all + &one);
    if tables.is_empty() {
        return tables;
    }
    format!("<section class=\"card\">{tables}</section>\n")
}

fn thresholds(rules: &[Held]) -> String {
    if rules.is_empty() {
        return String::new();
    }
    let row = |rule: &Held| {
        let judgement = if rule.held {
            word(Tone::Ok, "✓ held")
        } else {
            word(Tone::Bad, "✗ broken")
        };
        vec![
            Cell::Words(judgement),
            Cell::Head(format!("<code>{}</code>", escape(&rule.rule))),
            Cell::Words(escape(&threshold::measured(rule))),
        ]
    };
    let rows: Vec<_> = rules.iter().map(row).collect();
    card(
        "Thresholds",
        true,
        &table(
            "Thresholds",
            &["judgement", "rule", "measured"],
            &rows,
            false,
        ),
    )
}

fn percentiles(report: &Report) -> String {
    let numbers = NUMBERS.map(|heading| format!("#{heading}"));
    let headings: Vec<_> = WORDS
        .into_iter()
        .chain(numbers.iter().map(String::as_str))
        .collect();
    let cells = |Row { words, numbers }: Row| {
        let [scene, case, decision] = words.map(|word| escape(&word));
        let words = [Cell::Head(scene), Cell::Words(case), Cell::Words(decision)];
        words
            .into_iter()
            .chain(numbers.map(Cell::Number))
            .collect::<Vec<_>>()
    };
    let rows: Vec<_> = rows(report).into_iter().map(cells).collect();
    table(
        "Percentiles by scene, case and decision",
        &headings,
        &rows,
        true,
    )
}

fn find_max(found: &FindMax) -> String {
    let picture = pictures::probes(found)
        .map(|chart| chart.html())
        .unwrap_or_default();
    let rows = found.probes.iter().map(|probe| {
        let judgement = if probe.held {
            word(Tone::Ok, "✓ held")
        } else {
            word(Tone::Bad, "✗ broken")
        };
        vec![
            Cell::Number(format!("{}/s", number::rate(probe.rate))),
            Cell::Number(number::micros(probe.p99_us)),
            Cell::Words(judgement),
        ]
    });
    let rows: Vec<_> = rows.collect();
    let goal = escape(&found.goal);
    let words = if found.rate > 0.0 {
        format!(
            "<p><code>{goal}</code> held up to <b>{}/s</b>.</p>",
            number::rate(found.rate)
        )
    } else {
        format!("<p><code>{goal}</code> held at no rate that was tried.</p>")
    };
    let probes = table("Rates tried", &["#rate", "#p99", "goal"], &rows, false);
    picture
        + &card(
            "Rates tried, in this order",
            false,
            &format!("{words}{probes}"),
        )
}

fn settings(report: &Report) -> String {
    let scenario = &report.scenario;
    let mut settings = vec![
        ("model of arrivals", scenario.model.clone()),
        ("seed", scenario.seed.to_string()),
        (
            "offered rate",
            format!("{}/s", number::rate(report.rate.offered)),
        ),
    ];
    settings.extend(
        scenario
            .settings
            .iter()
            .map(|setting| (setting.name.as_str(), setting.value.clone())),
    );
    settings.push(("driver busy", number::percent(report.driver.busy)));
    settings.push((
        "driver late, p99",
        number::micros(report.driver.late_p99_us),
    ));
    let entry = |(name, value): &(&str, String)| {
        format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(value))
    };
    let settings: String = settings.iter().map(entry).collect();
    let says = format!("<p class=\"note\">{}</p>", escape(&report.driver.says));
    card(
        "Scenario and driver",
        true,
        &format!("<dl class=\"settings\">{settings}</dl>{says}"),
    )
}
