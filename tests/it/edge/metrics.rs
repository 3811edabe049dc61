//! What is counted stays within the configuration, over reloads and whatever is scanned.

use std::collections::BTreeSet;

use multicode::gateway::Gateway;
use multicode::metrics::{Counted, Handles, Known, Metrics, What};
use multicode::reason::Reason;
use multicode::scan::{Claims, Cleaning, Scan, clean};
use multicode::time::Timestamp;

use super::reload::reloader;
use super::{EAN, TestGateway};
use crate::allocations::least;
use crate::shipped::{Desk, GATEWAY, NOW, door};

/// The series of an exposition, without their values.
fn series(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let series = lines.filter_map(|line| Some(line.split(" # ").next()?.rsplit_once(' ')?.0));
    series.map(str::to_owned).collect()
}

fn handles(metrics: &Metrics, gateway: &Gateway, issuers: &[&str]) -> Handles {
    metrics.handles(&Known {
        gateway,
        issuers,
        upstreams: &[],
        introspections: &[],
    })
}

fn counted(handles: &Handles, code: &str, claims: Claims<'_>) -> Counted {
    let gateway: &Desk = &GATEWAY;
    let text = clean(code, Cleaning::Scanner);
    let (scan, door) = (Scan { text, claims }, door());
    let issuer = |id: &str| handles.issuer(id);
    match gateway.decide(gateway.matter(&scan, &door), Timestamp::from_seconds(NOW)) {
        Ok(decision) => Counted {
            family: Some(decision.verified.code().family.index),
            issuer: None,
            what: What::Decided {
                route: decision.route.index,
            },
        },
        Err(rejection) => Counted {
            family: rejection.family.map(|family| family.index),
            issuer: rejection.issuer.and_then(|one| issuer(&one.id)),
            what: What::Refused(rejection.reason),
        },
    }
}

#[test]
fn whatever_is_scanned_makes_no_series() {
    let gateway: &Desk = &GATEWAY;
    let metrics = Metrics::default();
    let ids: Vec<_> = gateway.keys.issuers().map(|issuer| &*issuer.id).collect();
    let handles = handles(&metrics, gateway, &ids);
    let scan = |number: u32| {
        let made_up = format!("{number}-made-up");
        let aggregate = format!(
            "MC1.issuer-{number}.2026a.350200.1795309200.1795309320.ldGO8MjE623otrqt.HbNTfcgsDTTMsTAp.I53XLIkVptvQb6Af.PoQKjs_qiD6Fvpi0.1NzA6uoDDkN7TuIj6Sucfd7UO-kcHKgmXQkhavz7pkG"
        );
        let claims = Claims {
            scene: Some("pharmacy"),
            ..Claims::default()
        };
        let (code, claims) = match number % 4 {
            0 => (aggregate.as_str(), claims),
            1 => (made_up.as_str(), claims),
            2 => (
                EAN,
                Claims {
                    scene: Some(&made_up),
                    ..claims
                },
            ),
            _ => (
                EAN,
                Claims {
                    terminal: Some(&made_up),
                    ..claims
                },
            ),
        };
        handles.scan(counted(&handles, code, claims));
    };
    (0..4).for_each(scan);
    let before = metrics.text();
    assert!(before.contains("reason=\"unknown-issuer\""));
    (4..100_000).for_each(scan);
    assert_eq!(series(&before), series(&metrics.text()));
    assert!(!metrics.text().contains("made-up"));
}

#[test]
fn counting_allocates_nothing() {
    let gateway: &Desk = &GATEWAY;
    let metrics = Metrics::default();
    let handles = handles(&metrics, gateway, &["a"]);
    let took = std::time::Duration::from_micros(30);
    let least = least(|| {
        handles.scan(Counted {
            family: Some(0),
            issuer: handles.issuer("a"),
            what: What::Refused(Reason::BadSignature),
        });
        handles.stage(Reason::BadSignature.stage(), took);
        handles.took(Some(0), took, took, Some((&[7; 16], Timestamp::default())));
    });
    assert_eq!(least, (0, 0));
}

#[test]
fn more_issuers_than_are_named_are_others() {
    let gateway: &Desk = &GATEWAY;
    let metrics = Metrics::default();
    let ids: Vec<_> = (0..651)
        .map(|number| format!("issuer-{number:03}"))
        .collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let handles = handles(&metrics, gateway, &ids);
    for id in &ids {
        handles.scan(Counted {
            family: Some(0),
            issuer: handles.issuer(id),
            what: What::Refused(Reason::Expired),
        });
    }
    let text = metrics.text();
    let of = |what: &str| text.lines().filter(|line| line.contains(what)).count();
    assert_eq!(of("reason=\"expired\""), 64 + 2);
    assert!(
        text.contains("issuer=\"other\",route=\"\",outcome=\"rejection\",reason=\"expired\"} 587")
    );
}

#[test]
fn a_reload_keeps_what_stays_and_drops_what_is_gone() {
    let gateway = TestGateway::start();
    let before = series(&gateway.started.metrics.text());
    let goods = "multicode_scans_total{route=\"medicine\",outcome=\"decision\"}";
    assert_eq!(gateway.scan(EAN, "pharmacy").status, 200);
    let reloader = reloader(&gateway);
    // New, and later gone again.
    let route = "owner = \"edge\"\n[[route]]\nname = \"short-lived\"\nmatch = { kind = [\"goods\"], scene = [\"consult\"], family = [\"ean\"] }\nrespond = true\n";
    gateway.files.write("routes.d/edge.toml", route);
    reloader.reload(multicode::app::now()).unwrap();
    assert!((gateway.metric(goods) - 1.0).abs() < 0.1);
    assert!(gateway.started.metrics.text().contains("short-lived"));
    let during = series(&gateway.started.metrics.text());
    // What is refused changes no series.
    gateway.files.write("routes.d/edge.toml", "no toml");
    reloader.reload(multicode::app::now()).unwrap_err();
    let refused = series(&gateway.started.metrics.text());
    let changed: Vec<_> = refused.symmetric_difference(&during).collect();
    assert_eq!(changed, Vec::<&String>::new());
    gateway
        .files
        .write("routes.d/edge.toml", "owner = \"edge\"\n");
    reloader.reload(multicode::app::now()).unwrap();
    let after = series(&gateway.started.metrics.text());
    let gone: Vec<_> = before.difference(&after).collect();
    assert_eq!(gone, Vec::<&String>::new());
    assert!(!gateway.started.metrics.text().contains("short-lived"));
    assert!((gateway.metric(goods) - 1.0).abs() < 0.1);
}
