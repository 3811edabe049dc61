//! What holds for every text and every table.

use std::collections::BTreeMap;
use std::time::Duration;

use multicode::classify::{Classifier, Strength, Tried, Unclassified, Witness};
use multicode::explain::{Detail, explain};
use multicode::family::region::{RegionPrefix, Relation};
use multicode::family::{Family, Freshness, Kind, KindSet, Mask, Match, ParseError, Region, Trust};
use multicode::gateway::{Decision, Gateway};
use multicode::policy::RegionRule;
use multicode::random::Random;
use multicode::reason::Reason;
use multicode::route::{Action, Conditions, Occasion, Route, Routes};
use multicode::sandbox::mint::{Flaw, MintError, Order, mint};
use multicode::scan::{Claims, Cleaned, Cleaning, MAX_TEXT_BYTES, Scan, clean};
use multicode::time::Timestamp;
use multicode::trust::Assurance;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::shipped::{Ask, GATEWAY, NOW, door};

/// A small number of cases, unless `PROPTEST_CASES` asks for another.
fn cases(small: u32) -> ProptestConfig {
    let config = ProptestConfig::default();
    let asked = config.cases != 256;
    ProptestConfig {
        cases: if asked { config.cases } else { small },
        failure_persistence: None,
        ..config
    }
}

/// A sound code of some family, or what is wrong with it.
pub(crate) fn minted(family: &Family, order: &Order, seed: u64) -> Result<String, MintError> {
    let (mut random, now) = (Random::seeded(seed), Timestamp::from_seconds(NOW));
    let order = Order {
        signers: GATEWAY.signers.clone(),
        ..order.clone()
    };
    mint(family, &GATEWAY.keys, &order, &mut random, now)
}

/// A few characters of `text` changed, doubled, left out or put at its end.
pub(crate) fn mutated(text: &str, random: &mut Random) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let strange = [
        '0', '9', 'X', '.', ':', '%', ' ', '\n', '\u{1d}', '\u{0}', '（', '１', '\u{feff}', '🀄',
    ];
    for _ in 0..=random.below(3) {
        let place = random.below(chars.len().max(1)).min(chars.len());
        let other = random.pick(&strange).copied().unwrap_or('0');
        match random.below(5) {
            0 if place < chars.len() => chars[place] = other,
            1 => chars.insert(place, other),
            2 if place < chars.len() => drop(chars.remove(place)),
            3 => chars.truncate(place),
            _ => {
                let again: Vec<_> = chars[place..].to_vec();
                chars.extend(again);
            }
        }
    }
    chars.into_iter().take(MAX_TEXT_BYTES).collect()
}

/// Anything a scanner could send: codes, nearly codes, noise.
fn text() -> impl Strategy<Value = String> {
    let families = GATEWAY.families();
    let code = (0..families.len(), any::<u64>())
        .prop_map(|(family, seed)| minted(&families[family], &Order::default(), seed).unwrap());
    let nearly = (code.clone(), any::<u64>())
        .prop_map(|(code, seed)| mutated(&code, &mut Random::seeded(seed)));
    let bytes = vec(any::<u8>(), 0..200).prop_map(|bytes| String::from_utf8_lossy(&bytes).into());
    prop_oneof![
        2 => code,
        5 => nearly,
        1 => "[0-9]{1,40}",
        1 => "(0[0-9]|1[0-6]|2[0-9]|62|86)[0-9]{6,30}",
        1 => "[0-9A-Fa-f]{32}(:[01](:[0-9A-F]{0,32})?)?",
        1 => "(\\]C1|\\]d2)?(01|8018|\\(01\\))[0-9]{10,20}",
        1 => any::<String>(),
        1 => bytes,
    ]
}

/// What became of every claim, by family.
#[derive(Default)]
struct Heard(BTreeMap<String, Vec<Tried>>);

impl Heard {
    fn add(&mut self, family: &Family, tried: Tried) {
        self.0.entry(family.id.to_string()).or_default().push(tried);
    }

    fn strongest(&self) -> Vec<(Strength, &str)> {
        let claims = self.0.iter().filter_map(|(family, tried)| {
            let strengths = tried.iter().filter_map(|tried| match tried {
                Tried::Claimed(strength) => Some(*strength),
                _ => None,
            });
            Some((strengths.max()?, family.as_str()))
        });
        let mut claims: Vec<_> = claims.collect();
        claims.sort_by_key(|(strength, _)| std::cmp::Reverse(*strength));
        claims
    }
}

impl<'a> Witness<'a> for Heard {
    fn tried(&mut self, family: &'a Family, _: &Match<'a>, tried: Tried) {
        self.add(family, tried);
    }
}

/// Every shape of every family tried, one after the other.
fn one_by_one(families: &[Family], scan: &Cleaned<'_>, in_scene: KindSet) -> Heard {
    let mut heard = Heard::default();
    for family in families {
        for shape in family.shapes.iter().filter(|shape| shape.allows(scan.aim)) {
            let Some(matched) = shape.matches(&scan.text) else {
                continue;
            };
            let tried = match family.read(&matched) {
                _ if !family.checks_hold(&matched) => Tried::BadChecksum,
                Err(ParseError::Checksum { .. }) => Tried::BadChecksum,
                Err(error) => Tried::Malformed(error),
                Ok(_) => Tried::Claimed(Strength {
                    identified: !shape.aim.is_empty(),
                    checked: family.is_checked(),
                    in_scene: in_scene.contains(family.kind),
                    fixed_prefix: shape.fixed_prefix_len(),
                }),
            };
            heard.add(family, tried);
        }
    }
    heard
}

/// What trust and policy say of a code with this flaw, where it can be made at all.
fn verdicts(family: &Family, flaw: Flaw) -> &'static [Reason] {
    match flaw {
        Flaw::None => &[],
        Flaw::Expired => &[Reason::Expired],
        Flaw::NotYetValid => &[Reason::NotYetValid],
        Flaw::Foreign => &[
            Reason::BadSignature,
            Reason::UnknownIssuer,
            Reason::UnknownKey,
        ],
        Flaw::Tampered if family.trust == Trust::Signature => &[Reason::BadSignature],
        Flaw::Tampered => &[Reason::BadChecksum, Reason::UnknownCode],
    }
}

fn check_minted(family: &Family, order: &Order, seed: u64) -> Result<(), TestCaseError> {
    let code = match minted(family, order, seed) {
        Ok(code) => code,
        Err(MintError::NothingTells { .. } | MintError::NoPlace { .. }) => return Ok(()),
        Err(error) => return Err(TestCaseError::fail(format!("{}: {error}", family.id))),
    };
    Ask::new(&code).explained(&GATEWAY, &door(), |story| {
        let said = format!(
            "{} {:?}: {:?}, {:?}",
            family.id, order.flaw, story.family, story.reason
        );
        let reason = |wanted: &Reason| Some(wanted.slug()) == story.reason;
        // A number that by accident passes another family's checks is that family's.
        let taken = story.family.is_some_and(|found| *found != *family.id);
        let accident = taken && (order.flaw == Flaw::Tampered || story.rival == Some(&family.id));
        let expected = match verdicts(family, order.flaw) {
            [] if family.kind == Kind::MerchantCode => reason(&Reason::MerchantCode),
            [] => story.outcome == "decision" && story.family == Some(&family.id),
            verdicts => verdicts.iter().any(reason),
        };
        prop_assert!(
            expected || accident && family.trust != Trust::Signature,
            "{said}"
        );
        Ok(())
    })
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn whatever_is_minted_is_read_as_what_it_is(
        family in 0..GATEWAY.families().len(),
        flaw in 0..Flaw::ALL.len(),
        region in proptest::option::of(proptest::sample::select(vec!["350100", "350200", "330100"])),
        freshness in proptest::option::of(any::<bool>()),
        seed in any::<u64>(),
    ) {
        let order = Order {
            region: region.and_then(Region::parse),
            freshness: freshness.map(|it| if it { Freshness::Dynamic } else { Freshness::Static }),
            valid_for: Duration::from_secs(60 + seed % 60),
            flaw: Flaw::ALL[flaw],
            ..Order::default()
        };
        check_minted(&GATEWAY.families()[family], &order, seed)?;
    }

    #[test]
    fn the_table_finds_what_trying_every_shape_finds(text in text(), kinds in 0..1_024_u16) {
        let in_scene: KindSet = Kind::ALL.into_iter().filter(|it| kinds >> it.index() & 1 == 1).collect();
        let scan = clean(&text, Cleaning::Scanner);
        let families = GATEWAY.families();
        let classifier = Classifier::new(families);
        let mut heard = Heard::default();
        let found = classifier.classify(families, &scan, in_scene, &mut heard);
        let expected = one_by_one(families, &scan, in_scene);
        let sorted = |heard: &Heard| -> Vec<_> {
            let words = |(family, tried): (&String, &Vec<Tried>)| {
                let mut tried: Vec<_> = tried.iter().map(|it| format!("{it:?}")).collect();
                tried.sort();
                (family.clone(), tried)
            };
            heard.0.iter().map(words).collect()
        };
        prop_assert_eq!(sorted(&heard), sorted(&expected));
        let claims = expected.strongest();
        match (found, claims.as_slice()) {
            (Ok(found), [(_, best)]) => {
                prop_assert_eq!(&*found.code.family.id, *best);
                prop_assert!(found.rival.is_none());
            }
            (Ok(found), [(first, best), (second, rival), rest @ ..]) => {
                prop_assert!(first > second);
                prop_assert_eq!(&*found.code.family.id, *best);
                let equal = rest.iter().any(|(third, _)| third == second);
                prop_assert!(equal || found.rival.is_some_and(|it| &*it.id == *rival));
            }
            (Err(Unclassified::Ambiguous { .. }), [(first, _), (second, _), ..]) => {
                prop_assert_eq!(first, second);
            }
            (Err(Unclassified::Unknown), []) => prop_assert!(expected.0.is_empty()),
            (Err(Unclassified::BadChecksum(family) | Unclassified::Malformed(family, _)), []) => {
                prop_assert!(expected.0.contains_key(&*family.id));
            }
            (found, claims) => prop_assert!(false, "{found:?} of {claims:?}"),
        }
    }

    #[test]
    fn no_text_breaks_anything_and_none_is_told(
        text in text(),
        late in prop_oneof![Just(0), -100_000..100_000_i64, any::<i64>()],
    ) {
        for cleaning in [Cleaning::Scanner, Cleaning::None] {
            let scan = Scan { text: clean(&text, cleaning), claims: Claims::default() };
            let now = Timestamp::from_millis(late.saturating_add(NOW * 1_000));
            let door = door();
            let outcome = GATEWAY.decide(GATEWAY.matter(&scan, &door), now).map(|it| it.route.index);
            // Saying why no shape matched takes its time; some of the texts are enough.
            let detail = if late % 40 == 7 { Detail::Everything } else { Detail::Verdict };
            let (story, again) = explain(&GATEWAY, GATEWAY.matter(&scan, &door), detail, now);
            prop_assert_eq!(outcome.ok(), again.ok().map(|it| it.route.index));
            let length = scan.text.text.len();
            prop_assert!(story.fields.iter().all(|it| it.start <= it.end && it.end <= length));
            // The ends may stand in the middle once more.
            let told = serde_json::to_string(&story).unwrap().replace(&story.shown, "");
            let known = [story.issuer.as_deref(), story.trust.key].map(Option::unwrap_or_default).join(" ");
            if let Some(window) = hidden(&scan.text.text, story.family).find(|it| told.contains(*it) && !known.contains(*it)) {
                prop_assert!(false, "{window} of {told}");
            }
        }
    }

    #[test]
    fn a_mask_shows_its_ends_and_hides_the_rest(
        text in any::<String>(), first in 0..20_usize, last in 0..20_usize,
    ) {
        let length = text.chars().count();
        let shown = Mask::Ends { first, last }.show(&text);
        let (head, tail) = shown.rsplit_once(" (").unwrap();
        prop_assert_eq!(tail, format!("{length})"));
        let visible = head.chars().count() - 1;
        prop_assert!(visible == 0 || visible == first + last && length - visible >= 8);
        prop_assert_eq!(Mask::All.show(&text), format!("… ({length})"));
    }

    #[test]
    fn the_best_route_is_the_one_a_look_at_all_would_choose(
        seed in any::<u64>(), family in 0..GATEWAY.families().len(), scene in 0..GATEWAY.scenes().iter().len(),
        terminal in proptest::sample::select(vec!["W-0001", "K-0001", "F-0001", "H-0001", "nobody"]),
    ) {
        let mut random = Random::seeded(seed);
        let gateway: &Gateway = &GATEWAY;
        let family = &gateway.families()[family];
        prop_assume!(family.kind != Kind::MerchantCode);
        let Ok(code) = minted(family, &Order::default(), seed) else { return Ok(()) };
        let claims = Claims { terminal: Some(terminal), ..Claims::default() };
        let scan = Scan { text: clean(&code, Cleaning::Scanner), claims };
        let door = door();
        let Ok(decision) = gateway.decide(GATEWAY.matter(&scan, &door), Timestamp::from_seconds(NOW)) else { return Ok(()) };
        let count = random.below(30);
        let routes = (0..count).map(|_| route(gateway, &mut random)).collect();
        let routes = Routes::new(routes, gateway.families(), gateway.scenes());
        let occasion = Occasion {
            verified: &decision.verified,
            scene: gateway.scenes().iter().nth(scene).unwrap(),
            place: decision.place,
            relation: decision.relation,
        };
        let family = decision.verified.code().family;
        // A code of a kind its scene does not take never comes as far as the routes.
        prop_assume!(occasion.scene.accepts.contains(family.kind));
        let mut candidates = routes.candidates(family, occasion.scene);
        let found = candidates.find(|route| route.conditions.hold(&occasion));
        prop_assert_eq!(found.map(|route| route.index), best(&routes, &occasion, &decision));
    }
}

/// Parts of the text that its mask does not show, long enough not to be there by accident.
fn hidden<'t>(text: &'t str, family: Option<&str>) -> impl Iterator<Item = &'t str> {
    const WINDOW: usize = 12;
    let family = GATEWAY.families().iter().find(|it| Some(&*it.id) == family);
    let (first, last) = match family.map(|family| family.mask) {
        Some(Mask::Ends { first, last }) => (first, last),
        _ => (0, 0),
    };
    let places: Vec<_> = text
        .char_indices()
        .map(|(place, _)| place)
        .chain([text.len()])
        .collect();
    let length = places.len() - 1;
    let middle = first..length.saturating_sub(last);
    let starts = middle.start..middle.end.saturating_sub(WINDOW);
    let windows = starts.map(move |start| text.get(places[start]..places[start + WINDOW]).unwrap());
    // Escaped characters would not be found in JSON anyway.
    windows.filter(|it| it.chars().all(|c| c.is_ascii_graphic()))
}

fn some<T: Clone>(random: &mut Random, items: &[T]) -> Box<[T]> {
    let count = [0, 0, 1, 2][random.below(4)];
    (0..count)
        .filter_map(|_| random.pick(items).cloned())
        .collect()
}

fn names(random: &mut Random, items: &[&str]) -> Box<[Box<str>]> {
    some(random, items).iter().map(|it| (*it).into()).collect()
}

fn route(gateway: &Gateway, random: &mut Random) -> Route {
    let families: Vec<_> = gateway.families().iter().map(|it| &*it.id).collect();
    let scenes: Vec<_> = gateway.scenes().iter().map(|it| &*it.name).collect();
    let prefixes = ["35", "3502", "33", "350100"].map(|it| RegionPrefix::parse(it).unwrap());
    let relations = Relation::ALL.into_iter().map(RegionRule::Relation);
    let rules: Vec<_> = relations.chain(prefixes.map(RegionRule::Prefix)).collect();
    let kinds = some(random, &Kind::ALL);
    Route {
        name: "any".into(),
        owner: "".into(),
        conditions: Conditions {
            kinds: (!kinds.is_empty()).then(|| kinds.iter().copied().collect()),
            families: names(random, &families),
            issuers: names(random, &["fujian", "nobody"]),
            scenes: names(random, &scenes),
            regions: some(random, &rules),
            groups: names(random, &["window", "kiosk"]),
            organisations: names(random, &["H35020000001", "H33010000001"]),
            assurance: [
                None,
                None,
                Some(Assurance::Structure),
                Some(Assurance::Signature),
            ][random.below(4)],
        },
        action: Action::Respond,
        index: 0,
    }
}

/// The first of the matching routes with the most conditions, found by looking at each.
fn best(routes: &Routes, occasion: &Occasion<'_>, decision: &Decision<'_>) -> Option<usize> {
    let code = decision.verified.code();
    let region = decision.verified.region().map(|region| region.to_string());
    let any = |list: &[Box<str>], value: Option<&str>| {
        list.is_empty() || value.is_some_and(|value| list.contains(&value.into()))
    };
    let mut best: Option<(usize, usize)> = None;
    for route in routes.iter() {
        let Conditions {
            kinds,
            families,
            issuers,
            scenes,
            regions,
            groups,
            organisations,
            assurance,
        } = &route.conditions;
        let near = |rule: &RegionRule| match rule {
            RegionRule::Relation(relation) => *relation == occasion.relation,
            RegionRule::Prefix(_) => {
                rule.holds(region.as_deref().and_then(Region::parse), occasion.relation)
            }
        };
        let asked = [
            kinds.map(|kinds| kinds.contains(code.family.kind)),
            (!families.is_empty()).then(|| any(families, Some(&code.family.id))),
            (!issuers.is_empty()).then(|| any(issuers, decision.verified.issuer_name())),
            (!scenes.is_empty()).then(|| any(scenes, Some(&occasion.scene.name))),
            (!regions.is_empty()).then(|| regions.iter().any(near)),
            (!groups.is_empty()).then(|| any(groups, occasion.place.group)),
            (!organisations.is_empty()).then(|| any(organisations, occasion.place.organisation)),
            assurance.map(|least| decision.verified.assurance() >= least),
        ];
        let count = asked.iter().flatten().count();
        let matches = asked.iter().flatten().all(|met| *met);
        if matches && best.is_none_or(|(most, _)| count > most) {
            best = Some((count, route.index));
        }
    }
    best.map(|(_, index)| index)
}
