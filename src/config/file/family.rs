//! `plugins/<family>.toml`: a code family.

use std::time::Duration;

use toml::de::DeValue;

use super::issuer::algorithm;
use super::{Names, Word, kind, names, words};
use crate::config::reader::{
    Table, Value, boolean, choice, duration, integer, list, parsed, span, string,
};
use crate::config::source::{Place, Spanned};
use crate::family::layout::Unit;
use crate::family::reader::ReaderName;
use crate::family::{Algorithm, Checksum, Encoding, Form, Freshness, Kind, Mask};
use crate::scan::AimId;

/// The whole file.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) at: Place,
    pub(crate) id: Option<Word>,
    pub(crate) names: Option<Names>,
    pub(crate) kind: Option<Spanned<Kind>>,
    pub(crate) enabled: Option<Spanned<bool>>,
    pub(crate) sources: Option<Vec<Word>>,
    pub(crate) mask: Option<Mask>,
    pub(crate) trust: Option<Spanned<Trust>>,
    pub(crate) reader: Option<Spanned<ReaderName>>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) fields: Fields,
    pub(crate) signature: Option<Signature>,
    pub(crate) max_age: Option<Spanned<Duration>>,
    pub(crate) max_future: Option<Spanned<Duration>>,
    pub(crate) one_time: Option<Spanned<bool>>,
    pub(crate) one_time_for: Option<Spanned<Duration>>,
    pub(crate) checks: Vec<Check>,
    pub(crate) examples: Examples,
}

/// `trust`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Some platform must be asked.
    Introspect,
    /// By a signature.
    Signature,
    /// By nothing here, unless some platform is asked.
    Structure,
}

/// `[[shape]]`.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) regex: Option<Word>,
    pub(crate) freshness: Option<Spanned<Freshness>>,
    pub(crate) aim: Vec<Spanned<AimId>>,
}

/// `[fields]`.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) issuer: Option<Word>,
    pub(crate) issuer_is: Option<Word>,
    pub(crate) key_id: Option<Word>,
    pub(crate) region: Option<Word>,
    pub(crate) issued_at: Option<Instant>,
    pub(crate) expires_at: Option<Instant>,
    pub(crate) nonce: Option<Word>,
    pub(crate) freshness: Option<FreshnessRule>,
    pub(crate) accounts: Vec<(Spanned<Kind>, Word)>,
}

/// `{ capture, unit }`.
#[derive(Debug)]
pub(crate) struct Instant {
    pub(crate) capture: Word,
    pub(crate) unit: Unit,
}

/// `{ capture, dynamic, static }`.
#[derive(Debug)]
pub(crate) struct FreshnessRule {
    pub(crate) capture: Word,
    pub(crate) dynamic: Vec<Word>,
    pub(crate) fixed: Vec<Word>,
}

/// `[signature]`.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) at: Place,
    pub(crate) over: Option<Word>,
    pub(crate) value: Option<Word>,
    pub(crate) encoding: Option<Spanned<Encoding>>,
    pub(crate) form: Option<Spanned<Form>>,
    pub(crate) algorithms: Vec<Spanned<Algorithm>>,
}

/// `[[check]]`.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) checksum: Spanned<Checksum>,
    pub(crate) of: Word,
}

/// `[examples]`.
#[derive(Debug, Default)]
pub(crate) struct Examples {
    pub(crate) matching: Vec<Word>,
    pub(crate) not_matching: Vec<Word>,
}

impl Family {
    /// Reads a family file.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        let trusts = [
            ("introspect", Trust::Introspect),
            ("structure", Trust::Structure),
            ("signature", Trust::Signature),
        ];
        let validity = table.optional("validity", validity).unwrap_or_default();
        let family = Self {
            at: table.at(),
            id: table.required("id", string),
            names: table.required("names", names),
            kind: table.required("kind", kind),
            enabled: table.optional("enabled", boolean),
            sources: table.required("sources", words),
            mask: table.required("mask", mask),
            trust: table.required("trust", choice(&trusts)),
            reader: table.optional("reader", reader),
            shapes: table.array("shape", |table| Some(Shape::read(table))),
            fields: table.optional("fields", fields).unwrap_or_default(),
            signature: table.optional("signature", signature),
            max_age: validity.max_age,
            max_future: validity.max_future,
            one_time: validity.one_time,
            one_time_for: validity.one_time_for,
            checks: table.array("check", check),
            examples: table.required("examples", examples).unwrap_or_default(),
        };
        table.finish();
        family
    }
}

/// `[validity]`.
#[derive(Default)]
struct Validity {
    max_age: Option<Spanned<Duration>>,
    max_future: Option<Spanned<Duration>>,
    one_time: Option<Spanned<bool>>,
    one_time_for: Option<Spanned<Duration>>,
}

fn validity(value: Value<'_>) -> Option<Validity> {
    let mut table = value.table()?;
    let validity = Validity {
        max_age: table.optional("max_age", duration),
        max_future: table.optional("max_future", span),
        one_time: table.optional("one_time", boolean),
        one_time_for: table.optional("one_time_for", duration),
    };
    table.finish();
    Some(validity)
}

fn mask(value: Value<'_>) -> Option<Mask> {
    if let DeValue::String(_) = value.get() {
        return Some(choice(&[("all", Mask::All)])(value)?.value);
    }
    let mut table = value.table()?;
    let first = table.required("first", integer(0..=64_u16));
    let last = table.required("last", integer(0..=64_u16));
    table.finish();
    Some(Mask::Ends {
        first: first?.value.into(),
        last: last?.value.into(),
    })
}

fn reader(value: Value<'_>) -> Option<Spanned<ReaderName>> {
    choice(&ReaderName::all())(value)
}

impl Shape {
    fn read(mut table: Table<'_>) -> Self {
        let freshness = [
            ("dynamic", Freshness::Dynamic),
            ("static", Freshness::Static),
        ];
        let aim = |value| {
            let expected = "an AIM identifier without its bracket, such as \"C1\"";
            parsed(value, expected, AimId::parse)
        };
        let shape = Self {
            regex: table.required("regex", string),
            freshness: table.optional("freshness", choice(&freshness)),
            aim: table.optional("aim", list(aim)).unwrap_or_default(),
        };
        table.finish();
        shape
    }
}

fn fields(value: Value<'_>) -> Option<Fields> {
    let mut table = value.table()?;
    let fields = Fields {
        issuer: table.optional("issuer", string),
        issuer_is: table.optional("issuer_is", string),
        key_id: table.optional("key_id", string),
        region: table.optional("region", string),
        issued_at: table.optional("issued_at", instant),
        expires_at: table.optional("expires_at", instant),
        nonce: table.optional("nonce", string),
        freshness: table.optional("freshness", freshness),
        accounts: table.optional("accounts", accounts).unwrap_or_default(),
    };
    table.finish();
    Some(fields)
}

fn instant(value: Value<'_>) -> Option<Instant> {
    let mut table = value.table()?;
    let units = [("s", Unit::Seconds), ("ms", Unit::Milliseconds)];
    let capture = table.required("capture", string);
    let unit = table.required("unit", choice(&units));
    table.finish();
    Some(Instant {
        capture: capture?,
        unit: unit?.value,
    })
}

fn freshness(value: Value<'_>) -> Option<FreshnessRule> {
    let mut table = value.table()?;
    let capture = table.required("capture", string);
    let dynamic = table.optional("dynamic", words).unwrap_or_default();
    let fixed = table.optional("static", words).unwrap_or_default();
    table.finish();
    Some(FreshnessRule {
        capture: capture?,
        dynamic,
        fixed,
    })
}

fn accounts(value: Value<'_>) -> Option<Vec<(Spanned<Kind>, Word)>> {
    let mut table = value.table()?;
    let mut accounts = Vec::new();
    for kind in Kind::ALL {
        let capture = table.optional(kind.name(), string);
        accounts.extend(capture.map(|capture| (Spanned::new(kind, capture.at), capture)));
    }
    table.finish();
    Some(accounts)
}

fn signature(value: Value<'_>) -> Option<Signature> {
    let mut table = value.table()?;
    let encodings = Encoding::ALL.map(|encoding| (encoding.name(), encoding));
    let forms = Form::ALL.map(|form| (form.name(), form));
    let signature = Signature {
        at: table.at(),
        over: table.optional("over", string),
        value: table.optional("value", string),
        encoding: table.optional("encoding", choice(&encodings)),
        form: table.optional("form", choice(&forms)),
        algorithms: table
            .required("algorithms", list(algorithm))
            .unwrap_or_default(),
    };
    table.finish();
    Some(signature)
}

fn check(mut table: Table<'_>) -> Option<Check> {
    let checksums = Checksum::ALL.map(|checksum| (checksum.name(), checksum));
    let checksum = table.required("algorithm", choice(&checksums));
    let of = table.required("of", string);
    table.finish();
    Some(Check {
        checksum: checksum?,
        of: of?,
    })
}

fn examples(value: Value<'_>) -> Option<Examples> {
    let mut table = value.table()?;
    let examples = Examples {
        matching: table.required("match", words).unwrap_or_default(),
        not_matching: table.optional("no_match", words).unwrap_or_default(),
    };
    table.finish();
    Some(examples)
}
