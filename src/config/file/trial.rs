//! `[[test]]`: what a department expects of its own routes.

use super::{Word, kind, region};
use crate::config::diagnostic::Diagnostic;
use crate::config::reader::{Table, Value, boolean, instant, parsed, string};
use crate::config::source::{Place, Spanned};
use crate::family::{Kind, Region};
use crate::reason::Reason;
use crate::time::Timestamp;

/// `[[test]]`.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) at: Place,
    pub(crate) name: Word,
    pub(crate) code: Option<TrialCode>,
    pub(crate) scene: Option<Word>,
    pub(crate) terminal: Option<Word>,
    pub(crate) organisation: Option<Word>,
    pub(crate) region: Option<Word>,
    pub(crate) now: Option<Spanned<Timestamp>>,
    pub(crate) platform: Option<Platform>,
    pub(crate) expect: Expect,
}

/// Where the text comes from.
#[derive(Debug)]
pub(crate) enum TrialCode {
    /// It is written here.
    Text(Word),
    /// It is made when the test runs.
    Mint {
        family: Option<Word>,
        issuer: Option<Word>,
        region: Option<Spanned<Region>>,
        flaw: Option<Word>,
    },
}

/// `platform = { … }`.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) good: Spanned<bool>,
    pub(crate) region: Option<Spanned<Region>>,
}

/// `expect = { … }`.
#[derive(Debug, Default)]
pub(crate) struct Expect {
    pub(crate) route: Option<Word>,
    pub(crate) upstream: Option<Word>,
    pub(crate) family: Option<Word>,
    pub(crate) kind: Option<Spanned<Kind>>,
    pub(crate) reason: Option<Spanned<Reason>>,
}

impl Trial {
    /// Reads one test.
    pub(crate) fn read(mut table: Table<'_>) -> Option<Self> {
        let at = table.at();
        let name = table.required("name", string);
        let code = code(&mut table);
        let trial = Self {
            at,
            name: Spanned::new(String::new(), at),
            code,
            scene: table.optional("scene", string),
            terminal: table.optional("terminal", string),
            organisation: table.optional("organisation", string),
            region: table.optional("region", string),
            now: table.required("at", instant),
            platform: table.optional("platform", platform),
            expect: table.required("expect", expect).unwrap_or_default(),
        };
        table.finish();
        Some(Self {
            name: name?,
            ..trial
        })
    }
}

fn code(table: &mut Table<'_>) -> Option<TrialCode> {
    let both = table.has("code") && table.has("mint");
    let neither = !table.has("code") && !table.has("mint");
    let text = table.optional("code", string).map(TrialCode::Text);
    let mint = table.optional("mint", |value| {
        let mut table = value.table()?;
        let mint = TrialCode::Mint {
            family: table.required("family", string),
            issuer: table.optional("issuer", string),
            region: table.optional("region", region),
            flaw: table.optional("flaw", string),
        };
        table.finish();
        Some(mint)
    });
    if both || neither {
        let message = "a test has either \"code\" or \"mint\"";
        let found = Diagnostic::error("test-code", table.at(), message);
        table.context().report(found);
        return None;
    }
    text.or(mint)
}

fn platform(value: Value<'_>) -> Option<Platform> {
    let mut table = value.table()?;
    let good = table.required("good", boolean);
    let region = table.optional("region", region);
    table.finish();
    Some(Platform {
        good: good?,
        region,
    })
}

fn expect(value: Value<'_>) -> Option<Expect> {
    let mut table = value.table()?;
    let expect = Expect {
        route: table.optional("route", string),
        upstream: table.optional("upstream", string),
        family: table.optional("family", string),
        kind: table.optional("kind", kind),
        reason: table.optional("reason", reason),
    };
    table.finish();
    Some(expect)
}

fn reason(value: Value<'_>) -> Option<Spanned<Reason>> {
    parsed(value, "a reason of docs/reasons.md", |text| {
        Reason::ALL.iter().copied().find(|one| one.slug() == text)
    })
}
