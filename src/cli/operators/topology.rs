//! What is configured, with what was seen of it.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::Duration;

use super::Operators;
use super::traffic::by;
use crate::admin::topology::{
    AdapterStory, Condition, ContractStory, DepartmentStory, EndpointStory, FamiliesStory,
    FamilyStory, Flow, LandingStory, Leads, Requirements, RouteStory, RoutesStory, SceneStory,
    ScenesStory, TestCount, TwoNames, UpstreamStory, UpstreamsStory, ValidityStory,
};
use crate::app;
use crate::config::Written;
use crate::config::written::FileRole;
use crate::family::{Family, Kind, KindSet, Mask, Names, Trust};
use crate::policy::Scene;
use crate::proxy::Site;
use crate::route::{Action, Conditions, Route};
use crate::telemetry::pulse::Tally;
use crate::time::Timestamp;
use crate::upstream::{EndpointStanding, Fleet, UpstreamStanding};

impl Operators {
    pub(super) fn routes_story(&self) -> RoutesStory {
        let (site, written) = (self.sites.load(), self.reloader.written());
        let tallies = self.pulse.tallies(app::now().seconds());
        let recent: HashMap<_, _> = by(&tallies, |it| it.route.as_deref()).into_iter().collect();
        let ever: HashMap<_, _> = self.pulse.routes().into_iter().collect();
        let tests = self.tests();
        let story = |route: &Route| {
            let last = ever.get(&route.name);
            RouteStory {
                scans_15m: recent.get(&*route.name).map_or(0, |(count, _)| *count),
                scans_total: last.map_or(0, |last| last.count),
                last_matched: last.map(|last| last.at.to_string()),
                tests: tests.get(&route.name).copied().unwrap_or_default(),
                ..described(route, &site, &written)
            }
        };
        let routes: Vec<_> = site.gateway.routes().iter().map(story).collect();
        RoutesStory {
            departments: departments(&written, &routes),
            routes,
            flow: flow(&tallies, &site),
            adapters: adapters(&site, &written),
            landings: landings(&site, &written),
        }
    }

    /// How the files' tests of each route came out.
    fn tests(&self) -> HashMap<Box<str>, TestCount> {
        let mut counts = HashMap::<_, TestCount>::new();
        for trial in &*self.reloader.trials() {
            if let Some(route) = &trial.route {
                let count = counts.entry(route.clone()).or_default();
                if trial.failures.is_empty() {
                    count.passed += 1;
                } else {
                    count.failed += 1;
                }
            }
        }
        counts
    }

    pub(super) fn families_story(&self) -> FamiliesStory {
        let (site, written) = (self.sites.load(), self.reloader.written());
        let tallies = self.pulse.tallies(app::now().seconds());
        let seen: HashMap<_, _> = by(&tallies, |it| it.family.as_deref())
            .into_iter()
            .collect();
        let story = |family: &Family| FamilyStory {
            source: written.families.get(&family.id).map(|it| shown(it)),
            scans_15m: seen.get(&*family.id).map_or(0, |(count, _)| *count),
            ..family_story(family)
        };
        let families = site.gateway.families().iter().map(story);
        FamiliesStory {
            families: families.collect(),
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

fn owned(names: &[Box<str>]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn described(route: &Route, site: &Site, written: &Written) -> RouteStory {
    let spot = written.routes.get(&route.name);
    let conditions = &route.conditions;
    let families = site.gateway.families().iter().filter(|family| {
        let kind = conditions.kinds.is_none_or(|it| it.contains(family.kind));
        let named = &conditions.families;
        kind && (named.is_empty() || named.contains(&family.id))
    });
    let (action, contract) = match &route.action {
        Action::Forward(forward) => {
            let of_contract = format!("contract.{}.path", forward.contract.name());
            let of_route = format!("route.{}.forward.path", route.name);
            let path = written.value(&of_contract);
            let path = path.or_else(|| written.value(&of_route));
            let contract = ContractStory {
                method: Some(forward.contract.shape().method.to_string()),
                path: path.map(str::to_owned),
                account: forward.contract.account().map(Kind::name),
            };
            ("forward", Some(contract))
        }
        Action::Redirect(_) => ("redirect", None),
        Action::Respond => ("respond", None),
    };
    RouteStory {
        name: route.name.to_string(),
        file: spot.map(|spot| shown(&spot.file)),
        line: spot.map(|spot| spot.line),
        department: spot.map(|spot| stem(&spot.file)).unwrap_or_default(),
        families: families.map(|family| family.id.to_string()).collect(),
        scenes: owned(&conditions.scenes),
        conditions: asked(conditions),
        action,
        upstream: route.action.upstream_name().map(str::to_owned),
        contract,
        index: route.index,
        weight: conditions.count(),
        scans_15m: 0,
        scans_total: 0,
        last_matched: None,
        tests: TestCount::default(),
    }
}

fn asked(conditions: &Conditions) -> Vec<Condition> {
    let kinds = conditions.kinds.into_iter().flat_map(KindSet::iter);
    let regions = conditions.regions.iter().map(ToString::to_string);
    let assurance = conditions.assurance.iter();
    let all = [
        ("kind", kinds.map(|kind| kind.name().to_owned()).collect()),
        ("family", owned(&conditions.families)),
        ("issuer", owned(&conditions.issuers)),
        ("scene", owned(&conditions.scenes)),
        ("region", regions.collect()),
        ("group", owned(&conditions.groups)),
        ("organisation", owned(&conditions.organisations)),
        (
            "assurance",
            assurance.map(|it| it.name().to_owned()).collect(),
        ),
    ];
    let asked = all
        .into_iter()
        .filter(|(_, is): &(_, Vec<_>)| !is.is_empty());
    asked
        .map(|(what, is)| Condition {
            what,
            is: is.join(", "),
        })
        .collect()
}

fn departments(written: &Written, routes: &[RouteStory]) -> Vec<DepartmentStory> {
    let files = written.files.iter();
    let files = files.filter(|file| matches!(file.role, FileRole::Main | FileRole::Department));
    let story = |file: &crate::config::written::File| {
        let path = shown(&file.path);
        let of_file = || routes.iter().filter(|it| it.file.as_ref() == Some(&path));
        let families: BTreeSet<_> = of_file().flat_map(|it| it.families.clone()).collect();
        let upstreams = written.upstreams.iter();
        let upstreams = upstreams.filter(|(_, spot)| spot.file == file.path);
        let mut upstreams: Vec<_> = upstreams.map(|(name, _)| name.to_string()).collect();
        upstreams.sort_unstable();
        DepartmentStory {
            name: stem(&file.path),
            routes: of_file().map(|it| it.name.clone()).collect(),
            upstreams,
            families: families.into_iter().collect(),
            file: path,
        }
    };
    files.map(story).collect()
}

fn flow(tallies: &[Tally], site: &Site) -> Vec<Flow> {
    let mut sums = HashMap::<(&str, &str), u64>::new();
    for tally in tallies {
        if let (Some(family), Some(route)) = (&tally.family, &tally.route) {
            *sums.entry((family, route)).or_default() += tally.count;
        }
    }
    let upstream = |name: &str| {
        let mut routes = site.gateway.routes().iter();
        let route = routes.find(|route| *route.name == *name)?;
        route.action.upstream_name().map(str::to_owned)
    };
    let each = sums.into_iter().map(|((family, route), count_15m)| Flow {
        family: family.to_owned(),
        route: route.to_owned(),
        upstream: upstream(route),
        count_15m,
    });
    let mut flow: Vec<_> = each.collect();
    flow.sort_by(|a, b| {
        let names = (&a.family, &a.route).cmp(&(&b.family, &b.route));
        b.count_15m.cmp(&a.count_15m).then(names)
    });
    flow
}

fn adapters(site: &Site, written: &Written) -> Vec<AdapterStory> {
    let each = site.adapters().map(|adapter| {
        let spot = written.adapters.get(&adapter.name);
        AdapterStory {
            name: adapter.name.to_string(),
            path: adapter.path.to_string(),
            format: written
                .value(&format!("adapter.{}.format", adapter.name))
                .map(str::to_owned),
            department: spot.map(|spot| stem(&spot.file)),
            file: spot.map(|spot| shown(&spot.file)),
            line: spot.map(|spot| spot.line),
        }
    });
    let mut adapters: Vec<_> = each.collect();
    adapters.sort_by(|a, b| a.path.cmp(&b.path));
    adapters
}

fn landings(site: &Site, written: &Written) -> Vec<LandingStory> {
    let each = site.landings().map(|landing| {
        let spot = written.landings.get(landing.name());
        LandingStory {
            name: landing.name().to_owned(),
            path: format!("/l/{}", landing.name()),
            default: written
                .value(&format!("landing.{}.default", landing.name()))
                .map(str::to_owned),
            to: leads(landing.name(), written),
            department: spot.map(|spot| stem(&spot.file)),
            file: spot.map(|spot| shown(&spot.file)),
            line: spot.map(|spot| spot.line),
        }
    });
    let mut landings: Vec<_> = each.collect();
    landings.sort_by(|a, b| a.name.cmp(&b.name));
    landings
}

/// Where a page leads each application, as written.
fn leads(landing: &str, written: &Written) -> Vec<Leads> {
    let of = |place: usize, key: &str| {
        let value = written.value(&format!("landing.{landing}.to.{place}.{key}"));
        value.map(str::to_owned)
    };
    let each = (0..).map_while(|place| {
        Some(Leads {
            app: of(place, "app")?,
            location: of(place, "location")?,
        })
    });
    each.collect()
}

fn names(names: &Names) -> TwoNames {
    TwoNames {
        zh: names.zh.to_string(),
        en: names.en.to_string(),
    }
}

fn family_story(family: &Family) -> FamilyStory {
    let validity = &family.validity;
    FamilyStory {
        id: family.id.to_string(),
        kind: family.kind.name(),
        names: names(&family.names),
        source: None,
        shapes: family
            .shapes
            .iter()
            .map(|it| it.pattern().to_owned())
            .collect(),
        signed: family.trust == Trust::Signature,
        trust: match family.trust {
            Trust::Introspection { .. } => "introspection",
            Trust::Signature => "signature",
            Trust::Structure => "structure",
        },
        validity: ValidityStory {
            max_age_seconds: validity.max_age.map(|age| age.as_secs()),
            max_future_seconds: validity.max_future.as_secs(),
            one_time: validity.one_time.is_some(),
        },
        mask: match family.mask {
            Mask::All => "all".to_owned(),
            Mask::Ends { first, last } => format!("first {first}, last {last}"),
        },
        scans_15m: 0,
    }
}

/// The scenes.
pub(super) fn scenes(site: &Site) -> ScenesStory {
    let scenes = site.gateway.scenes().iter().map(scene_story);
    ScenesStory {
        scenes: scenes.collect(),
    }
}

fn scene_story(scene: &Scene) -> SceneStory {
    let care = scene.care;
    SceneStory {
        name: scene.name.to_string(),
        names: names(&scene.names),
        aliases: owned(&scene.aliases),
        accepts: scene.accepts.iter().map(Kind::name).collect(),
        requires: Requirements {
            freshness: scene.freshness.name(),
            assurance: scene.assurance.name(),
            max_age_seconds: scene.max_age.map(|age| age.as_secs()),
            idempotency: care.idempotency.name(),
            reuse: care.reuse,
            when_store_away: care.when_away.name(),
            replicas: care.replicas,
            regions: scene.regions.iter().map(ToString::to_string).collect(),
        },
        settlement: scene.settlement,
    }
}

/// The backends.
pub(super) fn upstreams(fleet: &Fleet, now: Timestamp) -> UpstreamsStory {
    let story = |it: UpstreamStanding| UpstreamStory {
        endpoints: it
            .endpoints
            .into_iter()
            .map(|it| endpoint(it, now))
            .collect(),
        name: it.name,
        protocol: it.protocol.to_owned(),
        balance: it.balance.to_owned(),
        queued: it.queued,
    };
    UpstreamsStory {
        upstreams: fleet.standings().into_iter().map(story).collect(),
    }
}

fn endpoint(it: EndpointStanding, now: Timestamp) -> EndpointStory {
    let until = |span: Duration| now.after(span).to_string();
    EndpointStory {
        endpoint: it.name.into(),
        up: it.up,
        why: it.why.map(str::to_owned),
        breaker: it.breaker,
        ejected_until: it.ejected_for.map(until),
        in_flight: it.in_flight,
        limit: Some(it.limit),
        weight: it.weight,
        requests: it.requests.into_iter().collect(),
        p50_us: None,
        p95_us: None,
        p99_us: None,
        tls_not_after: None,
    }
}
