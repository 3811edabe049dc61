//! The recorder: remembers what the decision looked at, then tells it.

use std::collections::HashSet;

use super::Detail;
use super::story::{
    Explanation, FieldStory, NearMissStory, RouteStory, TriedStory, TrustStory, UnixSeconds,
};
use crate::classify::{Strength, Tried, Witness};
use crate::family::region::Relation;
use crate::family::{Check, Code, Family, Mask, Match, ParseError, Shape};
use crate::gateway::{Decision, Gateway, Recorder, Rejection};
use crate::policy::{Place, Scene};
use crate::reason::Reason;
use crate::route::Route;
use crate::scan::{Artefact, Scan};
use crate::time::Timestamp;
use crate::trust::{
    Depth, Findings, Introspected, Key, Keys, NearMiss, Reach, Untrusted, Verified,
};

/// What a decision looked at.
#[derive(Debug, Default)]
pub(super) struct Trace<'a> {
    detail: Detail,
    tried: Vec<(&'a Family, Tried)>,
    matched: Vec<Match<'a>>,
    code: Option<Code<'a>>,
    trust: TrustStory<'a>,
    word_ends: Option<Timestamp>,
    assurance: Option<&'static str>,
    region: Option<String>,
    scene: Option<&'a Scene>,
    relation: Option<Relation>,
    considered: Vec<(&'a Route, Option<&'static str>)>,
}

impl<'a> Witness<'a> for Trace<'a> {
    fn tried(&mut self, family: &'a Family, matched: &Match<'a>, tried: Tried) {
        if self.detail == Detail::Everything {
            self.tried.push((family, tried));
            self.matched.push(matched.clone());
        }
    }
}

impl<'a> Recorder<'a> for Trace<'a> {
    const DEPTH: Depth = Depth::Exhaustive;

    fn classified(&mut self, code: &Code<'a>) {
        self.code = Some(code.clone());
    }

    fn verified(&mut self, findings: &Findings<'a>, verdict: Result<&Verified<'a>, &Untrusted>) {
        let Some(code) = &self.code else { return };
        let ends = code
            .expires_at
            .or_else(|| Some(code.issued_at?.after(code.family.validity.max_age?)));
        let ends = ends.into_iter().chain(self.word_ends).min();
        self.trust = TrustStory {
            signature: Some(signature_word(findings.signature)),
            key: findings.key.map(Key::label),
            not_before: code.issued_at.map(UnixSeconds::from),
            not_after: ends.map(UnixSeconds::from),
            time: findings.time.map(time_word),
            introspection: self.trust.introspection,
            index: self.trust.index.take(),
            revoked: findings.is_revoked,
            near_misses: Vec::new(),
        };
        if let Ok(verified) = verdict {
            self.assurance = Some(verified.assurance().name());
            self.region = verified.region().map(|region| region.to_string());
        }
    }

    fn placed(&mut self, scene: Option<&'a Scene>, _: &Place<'a>, relation: Relation) {
        self.scene = scene;
        self.relation = Some(relation);
    }

    fn considered(&mut self, route: &'a Route, unmet: Option<&'static str>) {
        if self.detail == Detail::Everything {
            self.considered.push((route, unmet));
        }
    }
}

impl<'a> Trace<'a> {
    pub(super) fn new(detail: Detail) -> Self {
        Self {
            detail,
            ..Self::default()
        }
    }

    /// Notes that the platform was not asked.
    pub(super) const fn not_introspected(&mut self) {
        self.trust.introspection = Some("not-asked");
    }

    /// Notes what the platform said, if anything.
    pub(super) fn introspected(&mut self, told: Option<&Introspected>) {
        self.trust.introspection = Some(match told {
            None => "unavailable",
            Some(told) if told.active => "active",
            Some(_) => "inactive",
        });
        let index = told.and_then(|told| told.index.as_deref());
        self.trust.index = index.map(|index| Mask::All.show(index).into());
        self.word_ends = told.and_then(|told| told.expires_at);
    }

    pub(super) fn tell(
        self,
        gateway: &'a Gateway,
        scan: &Scan<'_>,
        outcome: &Result<Decision<'a>, Rejection<'a>>,
    ) -> Explanation<'a> {
        let rejection = outcome.as_ref().err();
        let family = rejection.map_or_else(
            || self.code.as_ref().map(|code| code.family),
            |rejection| rejection.family,
        );
        let route = outcome.as_ref().ok().map(|decision| decision.route);
        let rival = outcome
            .as_ref()
            .map_or_else(|rejection| rejection.rival, |decision| decision.rival);
        Explanation {
            outcome: if rejection.is_none() {
                "decision"
            } else {
                "rejection"
            },
            reason: rejection.map(|rejection| rejection.reason.slug()),
            stage: rejection.map(|rejection| rejection.reason.stage().name()),
            detail: rejection.and_then(|rejection| Some(rejection.unread?.to_string())),
            family: family.map(|family| &*family.id),
            kind: family.map(|family| family.kind.name()),
            issuer: self.code.as_ref().and_then(|code| code.issuer.clone()),
            freshness: self.code.as_ref().map(|code| code.freshness.name()),
            assurance: self.assurance,
            scene: self.scene.map(|scene| &*scene.name),
            relation: self.relation.map(Relation::name),
            route: route.map(|route| &*route.name),
            upstream: route.and_then(|route| route.action.upstream_name()),
            rival: rival.map(|rival| &*rival.id),
            shown: family
                .map_or(Mask::All, |family| family.mask)
                .show(&scan.text.text)
                .into(),
            artefacts: scan.text.artefacts.iter().map(Artefact::name).collect(),
            fields: self.fields(family),
            tried: self.tried_stories(gateway, scan),
            routes: self.route_stories(
                gateway,
                route,
                rejection.is_none_or(|rejection| rejection.reason == Reason::NoRoute),
            ),
            region: self.region,
            trust: self.trust,
            request: None,
        }
    }

    /// Why a code that was not believed almost was.
    pub(super) fn near_misses(&self, keys: &Keys, now: Timestamp) -> Vec<NearMissStory> {
        let unbelieved = self.assurance.is_none() && !self.trust.revoked;
        let code = self.code.as_ref().filter(|_| unbelieved);
        let reach = match self.detail {
            Detail::Everything => Reach::Everybody,
            Detail::Verdict => Reach::Issuer,
        };
        let found = code.map(|code| keys.near_misses(code, reach, now));
        let story = |miss: NearMiss| NearMissStory {
            slug: miss.slug(),
            what: miss.to_string(),
        };
        found.into_iter().flatten().map(story).collect()
    }

    fn fields(&self, family: Option<&Family>) -> Vec<FieldStory> {
        let claims = self.tried.iter().zip(&self.matched);
        let of_family = |((tried, _), _): &(&(&Family, Tried), &Match<'_>)| {
            family.is_some_and(|family| std::ptr::eq(family, *tried))
        };
        let Some(((family, _), matched)) = claims.rev().find(of_family) else {
            return Vec::new();
        };
        let story = |field: crate::family::Field<'_>| FieldStory {
            name: field.name.into_owned(),
            start: field.range.start,
            end: field.range.end,
        };
        family.fields(matched).into_iter().map(story).collect()
    }

    fn tried_stories(&self, gateway: &'a Gateway, scan: &Scan<'_>) -> Vec<TriedStory<'a>> {
        if self.detail == Detail::Verdict {
            return Vec::new();
        }
        let heard: HashSet<&str> = self.tried.iter().map(|(family, _)| &*family.id).collect();
        let others = gateway
            .families()
            .iter()
            .filter(|family| !heard.contains(&*family.id));
        let told = self.tried.iter().zip(&self.matched);
        let told = told.map(|((family, tried), matched)| tried_story(family, matched, *tried));
        told.chain(others.map(|family| no_match(family, scan)))
            .collect()
    }

    /// Those that family and scene leave over, best first, then those they do not, as written.
    fn route_stories(
        &self,
        gateway: &'a Gateway,
        taken: Option<&Route>,
        reached: bool,
    ) -> Vec<RouteStory<'a>> {
        let story = |(route, failed): (&'a Route, Option<&'static str>)| RouteStory {
            route: &route.name,
            taken: taken.is_some_and(|taken| std::ptr::eq(taken, route)),
            matches: failed.is_none(),
            failed,
        };
        let considered = self.considered.iter().copied().map(story);
        let (Some(code), Some(scene)) = (&self.code, self.scene) else {
            return considered.collect();
        };
        let never = |route: &'a Route| {
            let failed = route.conditions.never_met(code.family, scene)?;
            Some((route, Some(failed)))
        };
        let told = reached && self.detail == Detail::Everything;
        let others = gateway.routes().iter().filter(|_| told).filter_map(never);
        considered.chain(others.map(story)).collect()
    }
}

fn tried_story<'a>(family: &'a Family, matched: &Match<'_>, tried: Tried) -> TriedStory<'a> {
    let (outcome, why, at) = match tried {
        Tried::BadChecksum => (
            "bad-checksum",
            "its check digits do not agree".to_owned(),
            unchecked(family, matched),
        ),
        Tried::Claimed(strength) => ("claimed", strength_words(strength), None),
        Tried::Malformed(error) => ("malformed", error.to_string(), place(error)),
    };
    TriedStory {
        family: &family.id,
        outcome,
        why,
        at,
    }
}

/// Where the part begins whose check digits do not agree.
fn unchecked(family: &Family, matched: &Match<'_>) -> Option<usize> {
    let fails = |check: &&Check| {
        let part = matched.get(check.of);
        part.is_some_and(|part| !check.checksum.holds(part))
    };
    let check = family.checks.iter().find(fails)?;
    Some(matched.range(check.of)?.start)
}

const fn place(error: ParseError) -> Option<usize> {
    match error {
        ParseError::Checksum { at } | ParseError::Unexpected { at, .. } => Some(at),
        ParseError::Chunked => None,
    }
}

fn strength_words(strength: Strength) -> String {
    let checked = if strength.checked {
        "checksum agrees"
    } else {
        "no checksum"
    };
    let scene = if strength.in_scene {
        "the scene takes it"
    } else {
        "the scene does not take it"
    };
    format!(
        "{checked}, {scene}, {} fixed characters in front",
        strength.fixed_prefix
    )
}

/// Says of the shape that came furthest why it did not match.
fn no_match<'a>(family: &'a Family, scan: &Scan<'_>) -> TriedStory<'a> {
    let text = &*scan.text.text;
    let length = text.len();
    let furthest = family
        .shapes
        .iter()
        .map(|shape| (shape.reach(text), shape))
        .max_by_key(|(reach, _)| *reach);
    let at = furthest
        .filter(|(reach, shape)| shape.allows(scan.text.aim) && *reach < length)
        .map(|(reach, _)| reach);
    let why = match furthest {
        Some((_, shape)) if !shape.allows(scan.text.aim) => match scan.text.aim {
            Some(_) => "the scanner named another symbology".to_owned(),
            None => "the scanner named no symbology".to_owned(),
        },
        Some((reach, shape)) if reach == length && !shape.lengths().contain(length) => {
            let lengths = shape.lengths();
            format!(
                "{length} bytes where {} to {} are expected",
                lengths.min,
                lengths
                    .max
                    .map_or_else(|| "any number".to_owned(), |max| max.to_string())
            )
        }
        Some((reach, _)) if reach == length => "ends too early".to_owned(),
        Some((reach, _)) => format!("differs at byte {reach}"),
        None => "has no shapes".to_owned(),
    };
    TriedStory {
        family: &family.id,
        outcome: "no-match",
        why,
        at: at.or_else(|| too_long(furthest, length)),
    }
}

/// Where a text of the right characters should have ended, or how far it came.
fn too_long(furthest: Option<(usize, &Shape)>, length: usize) -> Option<usize> {
    let (reach, shape) = furthest?;
    let most = shape.lengths().max.unwrap_or(length);
    (reach == length).then_some(most.min(length))
}

const fn signature_word(verdict: Option<Result<(), Untrusted>>) -> &'static str {
    match verdict {
        None => "none",
        Some(Ok(())) => "valid",
        Some(Err(Untrusted::BadSignature)) => "invalid",
        Some(Err(_)) => "unknown-key",
    }
}

const fn time_word(verdict: Result<(), Untrusted>) -> &'static str {
    match verdict {
        Ok(()) => "ok",
        Err(Untrusted::NotYetValid { .. }) => "not-yet",
        Err(_) => "expired",
    }
}
