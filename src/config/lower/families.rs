//! Families: shapes compiled, capture names resolved, the file's own examples tried.

use super::Surroundings;
use crate::config::diagnostic::Diagnostic;
use crate::config::file::family as file;
use crate::config::file::{Family as Written, Word};
use crate::config::source::{Place, Spanned};
use crate::config::suggest::{help, quoted};
use crate::family::layout::{FreshnessRule, Instant, Issuer, Layout};
use crate::family::reader::ReaderName;
use crate::family::signature::SignatureLayout;
use crate::family::{
    Capture, CaptureNames, Check, DEFAULT_MAX_FUTURE, Family, Names, OneTime, Reader, Shape, Trust,
    Validity,
};
use crate::scan::{Cleaning, clean};

/// The families of a configuration.
#[derive(Default)]
pub(super) struct Families {
    /// Those that claim texts.
    pub(super) enabled: Vec<Family>,
    /// Those that are only kept in order.
    pub(super) templates: Vec<Family>,
    /// Where the enabled ones were written.
    pub(super) places: Vec<FamilyAt>,
}

/// Where a family was written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FamilyAt {
    /// Its `id`.
    pub(crate) id: Place,
}

/// Lowers every family that is whole.
pub(super) fn lower(written: &[(String, Written)], around: Surroundings<'_>) -> Families {
    let mut families = Families::default();
    for (stem, one) in written {
        check_head(stem, one, around);
        let Some(family) = family(one, around) else {
            continue;
        };
        try_examples(&family, &one.examples, around);
        if one.enabled.is_none_or(|enabled| enabled.value) {
            let id = one.id.as_ref().map_or(one.at, |id| id.at);
            families.enabled.push(family);
            families.places.push(FamilyAt { id });
        } else {
            families.templates.push(family);
        }
    }
    families
}

/// What concerns the file rather than the family.
fn check_head(stem: &str, one: &Written, around: Surroundings<'_>) {
    if let Some(id) = one.id.as_ref().filter(|id| id.value != stem) {
        let message = format!("id {} is not the file's name", quoted(&id.value));
        let found = Diagnostic::error("family-id", id.at, message);
        let help = format!("write id = {} or rename the file", quoted(stem));
        around.collector.push(found.help(help));
    }
    if one.sources.as_ref().is_some_and(Vec::is_empty) {
        let message = "a family says where its rules come from: \"sources\" is empty";
        around.error("no-sources", one.at, message);
    }
    if one.shapes.is_empty() {
        around.error("missing-key", one.at, "a family needs a [[shape]]");
    }
    if one.examples.matching.is_empty() {
        around.error(
            "no-examples",
            one.at,
            "a family needs an example that matches",
        );
    }
    let is_token = one
        .reader
        .is_some_and(|it| matches!(it.value, ReaderName::Token(_)));
    match (one.trust, &one.signature) {
        (Some(trust), None) if trust.value == file::Trust::Signature && !is_token => {
            let message = "trust = \"signature\" needs a [signature]";
            around.error("missing-key", trust.at, message);
        }
        (Some(trust), Some(signature)) if trust.value != file::Trust::Signature => {
            let message = "[signature] is looked at with trust = \"signature\" only";
            let found = Diagnostic::error("useless-key", signature.at, message);
            around.collector.push(found.related(trust.at, "the trust"));
        }
        _ => {}
    }
    let says_when = is_token || one.fields.issued_at.is_some();
    if let Some(max_age) = one.max_age.filter(|_| !says_when) {
        let message = "\"max_age\" needs fields.issued_at to count from";
        around.error("useless-key", max_age.at, message);
    }
}

fn family(one: &Written, around: Surroundings<'_>) -> Option<Family> {
    let mut captures = CaptureNames::default();
    let shapes: Vec<_> = one
        .shapes
        .iter()
        .map(|written| shape(written, &mut captures, around))
        .collect();
    let resolver = Captures {
        names: &captures,
        around,
    };
    let reader = resolver.reader(one);
    let checks: Vec<_> = one
        .checks
        .iter()
        .map(|check| resolver.check(check))
        .collect();
    let names = one.names.clone().unwrap_or_default();
    Some(Family {
        id: one.id.as_ref()?.value.as_str().into(),
        names: Names {
            en: names.en.unwrap_or_default().into(),
            zh: names.zh.unwrap_or_default().into(),
        },
        kind: one.kind?.value,
        mask: one.mask?,
        trust: match one.trust?.value {
            file::Trust::Signature => Trust::Signature,
            // The introspections say later about which of them they are asked.
            file::Trust::Introspect | file::Trust::Structure => Trust::Structure,
        },
        shapes: shapes.into_iter().collect::<Option<_>>()?,
        checks: checks.into_iter().collect::<Option<_>>()?,
        reader: reader.ok()?,
        captures,
        validity: Validity {
            max_age: one.max_age.map(|age| age.value),
            max_future: one.max_future.map_or(DEFAULT_MAX_FUTURE, |it| it.value),
            one_time: one_time(one, around),
        },
        index: 0,
    })
}

/// Whether a code is good for one use. One that names no end would have to be remembered for ever, and
/// of one that does not say when it was made nobody could tell after a crash whether it was used.
fn one_time(one: &file::Family, around: Surroundings<'_>) -> Option<OneTime> {
    let is_one_time = one.one_time.is_some_and(|it| it.value);
    if let (false, Some(lasting)) = (is_one_time, &one.one_time_for) {
        let message = "\"one_time_for\" says how long a used code is remembered, but the codes may be used again";
        let found = Diagnostic::error("bad-value", lasting.at, message);
        around
            .collector
            .push(found.help("write one_time = true beside it"));
    }
    let ends = one.fields.expires_at.is_some() || one.max_age.is_some();
    let is_dated = one.fields.issued_at.is_some();
    let at = one.one_time.filter(|it| it.value)?.at;
    if !(ends && is_dated) && one.one_time_for.is_none() {
        let message = "a one-time code has to say when it was made and when it ends";
        let found = Diagnostic::error("one-time-without-end", at, message);
        let help =
            "say how long, as in one_time_for = \"2m\": no shorter than its backend accepts it";
        around.collector.push(found.help(help));
    }
    Some(OneTime {
        lasting: one.one_time_for.map(|it| it.value),
    })
}

fn shape(
    written: &file::Shape,
    captures: &mut CaptureNames,
    around: Surroundings<'_>,
) -> Option<Shape> {
    let regex = written.regex.as_ref()?;
    match Shape::new(&regex.value, captures) {
        Ok(mut shape) => {
            shape.freshness = written.freshness.map(|it| it.value);
            shape.aim = written.aim.iter().map(|aim| aim.value).collect();
            Some(shape)
        }
        Err(error) => {
            around.error("bad-shape", regex.at, error.to_string());
            None
        }
    }
}

/// A name was written that nothing has; it has been reported.
pub(super) struct Unresolved;

/// Resolves capture names against the shapes of one family.
pub(super) struct Captures<'a> {
    pub(super) names: &'a CaptureNames,
    pub(super) around: Surroundings<'a>,
}

impl Captures<'_> {
    fn reader(&self, one: &Written) -> Result<Reader, Unresolved> {
        Ok(match one.reader.map(|it| it.value).unwrap_or_default() {
            ReaderName::Declared => Reader::Declared(self.layout(one)?),
            ReaderName::EmvConsumer => Reader::EmvConsumer,
            ReaderName::EmvMerchant => Reader::EmvMerchant,
            ReaderName::Gs1 => Reader::Gs1,
            ReaderName::Token(format) => Reader::Token(self.token(one, format)?),
        })
    }

    fn layout(&self, one: &Written) -> Result<Layout, Unresolved> {
        let fields = &one.fields;
        let find = |word: &Option<Word>| word.as_ref().map(|word| self.find(word));
        let instant = |written: &Option<file::Instant>| {
            written.as_ref().map(|it| {
                let unit = it.unit;
                self.find(&it.capture)
                    .map(|capture| Instant { capture, unit })
            })
        };
        let issuer = self.issuer(fields);
        let key_id = find(&fields.key_id);
        let region = find(&fields.region);
        let issued_at = instant(&fields.issued_at);
        let expires_at = instant(&fields.expires_at);
        let nonce = find(&fields.nonce);
        let freshness = fields.freshness.as_ref().map(|rule| self.freshness(rule));
        let accounts: Vec<_> = fields
            .accounts
            .iter()
            .map(|(kind, capture)| Ok((kind.value, self.find(capture)?)))
            .collect();
        let signature = one.signature.as_ref().map(|it| self.signature(it));
        Ok(Layout {
            issuer: issuer.transpose()?,
            key_id: key_id.transpose()?,
            region: region.transpose()?,
            issued_at: issued_at.transpose()?,
            expires_at: expires_at.transpose()?,
            nonce: nonce.transpose()?,
            freshness: freshness.transpose()?.unwrap_or_default(),
            accounts: accounts.into_iter().collect::<Result<_, _>>()?,
            signature: signature.transpose()?,
        })
    }

    fn find(&self, word: &Word) -> Result<Capture, Unresolved> {
        let found = self.names.find(&word.value);
        if found.is_none() {
            let message = format!("no shape has a capture {}", quoted(&word.value));
            let known = self.names.iter().chain(std::iter::once("text"));
            let found = Diagnostic::error("unknown-name", word.at, message);
            let near = help(&word.value, known);
            self.around.collector.push(found.help_if(near));
        }
        found.ok_or(Unresolved)
    }

    fn issuer(&self, fields: &file::Fields) -> Option<Result<Issuer, Unresolved>> {
        match (&fields.issuer, &fields.issuer_is) {
            (Some(capture), Some(constant)) => {
                let message = "\"issuer\" and \"issuer_is\" exclude each other";
                let found = Diagnostic::error("conflict", constant.at, message);
                self.around
                    .collector
                    .push(found.related(capture.at, "the other one"));
                Some(Err(Unresolved))
            }
            (Some(capture), None) => Some(self.find(capture).map(Issuer::Capture)),
            (None, Some(name)) => Some(Ok(Issuer::Constant(name.value.as_str().into()))),
            (None, None) => None,
        }
    }

    fn freshness(&self, rule: &file::FreshnessRule) -> Result<FreshnessRule, Unresolved> {
        let values = |words: &[Word]| words.iter().map(|it| it.value.as_str().into()).collect();
        Ok(FreshnessRule::Capture {
            of: self.find(&rule.capture)?,
            dynamic: values(&rule.dynamic),
            fixed: values(&rule.fixed),
        })
    }

    fn signature(&self, written: &file::Signature) -> Result<SignatureLayout, Unresolved> {
        let found = |word: &Option<Word>, key: &str| {
            let Some(word) = word else {
                let message = format!("missing key \"{key}\"");
                self.around.error("missing-key", written.at, message);
                return Err(Unresolved);
            };
            self.find(word)
        };
        let over = found(&written.over, "over");
        let value = found(&written.value, "value");
        if written.encoding.is_none() {
            let message = "missing key \"encoding\"";
            self.around.error("missing-key", written.at, message);
        }
        if written.algorithms.is_empty() {
            let message = "\"algorithms\" names no algorithm, so no key could verify";
            self.around.error("bad-value", written.at, message);
        }
        Ok(SignatureLayout {
            over: over?,
            value: value?,
            encoding: written.encoding.ok_or(Unresolved)?.value,
            form: written.form.map(|it| it.value).unwrap_or_default(),
            algorithms: written.algorithms.iter().map(|it| it.value).collect(),
        })
    }

    fn check(&self, written: &file::Check) -> Option<Check> {
        Some(Check {
            checksum: written.checksum.value,
            of: self.find(&written.of).ok()?,
        })
    }
}

fn try_examples(family: &Family, examples: &file::Examples, around: Surroundings<'_>) {
    for example in &examples.matching {
        if let Err(why) = claim(family, example) {
            let message = format!("this example must match, but {why}");
            around.error("example", example.at, message);
        }
    }
    for example in &examples.not_matching {
        if claim(family, example).is_ok() {
            around.error(
                "example",
                example.at,
                "this example must not match, but it does",
            );
        }
    }
}

/// Whether a family takes a text, as the classifier would ask it.
fn claim(family: &Family, example: &Spanned<String>) -> Result<(), String> {
    let cleaned = clean(&example.value, Cleaning::Scanner);
    let shapes = family
        .shapes
        .iter()
        .filter(|shape| shape.allows(cleaned.aim));
    let mut refusal = "no shape takes it".to_owned();
    for matched in shapes.filter_map(|shape| shape.matches(&cleaned.text)) {
        if !family.checks_hold(&matched) {
            "a checksum does not hold".clone_into(&mut refusal);
            continue;
        }
        match family.read(&matched) {
            Ok(_) => return Ok(()),
            Err(error) => refusal = error.to_string(),
        }
    }
    Err(refusal)
}
