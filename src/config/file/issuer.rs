//! Those who issue codes, and the keys they sign with.

use super::{Names, Word, names, region};
use crate::config::diagnostic::Diagnostic;
use crate::config::reader::{Table, Value, choice, instant, list, string};
use crate::config::secrets::SecretRef;
use crate::config::source::{Place, Spanned};
use crate::family::{Algorithm, Region};
use crate::time::Timestamp;

/// `[issuer.*]`.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) names: Option<Names>,
    pub(crate) region: Option<Spanned<Region>>,
    pub(crate) keys: Vec<Key>,
}

/// One of `keys`.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) at: Place,
    pub(crate) id: Option<Word>,
    pub(crate) algorithm: Option<Spanned<Algorithm>>,
    pub(crate) secret: Option<Spanned<SecretRef>>,
    pub(crate) not_before: Option<Spanned<Timestamp>>,
    pub(crate) not_after: Option<Spanned<Timestamp>>,
}

impl Issuer {
    /// Reads one issuer.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        table.discreet();
        let keys = list(|value: Value<'_>| Some(Key::read(value.table()?)));
        let issuer = Self {
            names: table.optional("names", names),
            region: table.optional("region", region),
            keys: table.required("keys", keys).unwrap_or_default(),
        };
        table.finish();
        issuer
    }
}

impl Key {
    fn read(mut table: Table<'_>) -> Self {
        table.discreet();
        let key = Self {
            at: table.at(),
            id: table.required("id", string),
            algorithm: table.required("algorithm", algorithm),
            secret: table.required("secret", secret),
            not_before: table.optional("not_before", instant),
            not_after: table.optional("not_after", instant),
        };
        table.finish();
        key
    }
}

/// Reads the name of a signature algorithm.
pub(crate) fn algorithm(value: Value<'_>) -> Option<Spanned<Algorithm>> {
    let words = Algorithm::ALL.map(|algorithm| (algorithm.name(), algorithm));
    choice(&words)(value)
}

/// Reads a secret's reference. What is none may be the secret itself: it is hidden from now on.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a reader uses its value up, so that nobody reads it twice"
)]
pub(crate) fn secret(value: Value<'_>) -> Option<Spanned<SecretRef>> {
    let (at, context) = (value.at(), value.context());
    let reference = value.get().as_str().and_then(SecretRef::parse);
    if reference.is_none() {
        context.mask(at);
        let message = "a secret must be a reference, never its value";
        let help = "put it into a variable or a file and write \"env:NAME\" or \"file:PATH\"; \
                    treat what stood here as disclosed";
        context.report(Diagnostic::error("plain-secret", at, message).help(help));
    }
    Some(Spanned::new(reference?, at))
}
