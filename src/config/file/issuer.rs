//! Those who issue codes, and where their keys are.

use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::rate::rate;
use super::{Names, Word, names, region, words};
use crate::config::diagnostic::Diagnostic;
use crate::config::reader::{
    Address, Table, Value, address, boolean, choice, duration, instant, list, string,
};
use crate::config::secrets::SecretRef;
use crate::config::source::{Place, Spanned};
use crate::family::{Algorithm, Region};
use crate::fetch::{WhenStale, WhenUnlisted};
use crate::limit::Rate;
use crate::time::Timestamp;

/// `[issuer.*]`.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) names: Option<Names>,
    pub(crate) iss: Vec<Word>,
    pub(crate) region: Option<Spanned<Region>>,
    pub(crate) keys: Option<Keys>,
    pub(crate) sm2_id: Option<Word>,
    pub(crate) rsa: Option<Spanned<Algorithm>>,
    pub(crate) revoked: Vec<List>,
    pub(crate) when_unlisted: Option<Spanned<WhenUnlisted>>,
    pub(crate) rate: Option<Rate>,
}

/// `keys`, in one of its forms.
#[derive(Debug)]
pub(crate) enum Keys {
    /// A file or a folder.
    File(Spanned<PathBuf>),
    /// They stand here.
    Inline(Vec<Key>),
    /// A server.
    Server(Box<Server>),
}

/// One of `revoked`.
#[derive(Debug)]
pub(crate) enum List {
    /// A file.
    File(Spanned<PathBuf>),
    /// A server.
    Server(Box<Server>),
}

/// `{ url, ca, … }`.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) at: Place,
    pub(crate) resource: Option<Resource>,
    pub(crate) ca: Option<Word>,
    pub(crate) private_addresses: Option<Spanned<bool>>,
    pub(crate) renewal: Renewal,
}

/// What is asked of a server.
#[derive(Debug)]
pub(crate) enum Resource {
    /// `url`.
    Url(Spanned<Address>),
    /// `well_known`, at the issuer's own address.
    WellKnown,
}

/// How keys of a server are renewed.
#[derive(Debug, Default)]
pub(crate) struct Renewal {
    pub(crate) refresh: Option<Spanned<Duration>>,
    pub(crate) max_stale: Option<Spanned<Duration>>,
    pub(crate) when_stale: Option<Spanned<WhenStale>>,
}

/// One of `keys`.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) at: Place,
    pub(crate) id: Option<Word>,
    pub(crate) algorithm: Option<Spanned<Algorithm>>,
    pub(crate) made_of: Option<Material>,
    pub(crate) sm2_id: Option<Word>,
    pub(crate) not_before: Option<Spanned<Timestamp>>,
    pub(crate) not_after: Option<Spanned<Timestamp>>,
}

/// What a key is made of.
#[derive(Debug)]
pub(crate) enum Material {
    /// `public`.
    Public(Spanned<PathBuf>),
    /// `secret`.
    Secret(Spanned<SecretRef>),
}

impl Issuer {
    /// Reads one issuer.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        table.discreet();
        let rsa = [Algorithm::Ps256, Algorithm::Rs256].map(|it| (it.name(), it));
        let unlisted = [
            ("accept", WhenUnlisted::Accept),
            ("reject", WhenUnlisted::Reject),
        ];
        let issuer = Self {
            names: table.optional("names", names),
            iss: table.optional("iss", words).unwrap_or_default(),
            region: table.optional("region", region),
            keys: table.required("keys", keys),
            sm2_id: table.optional("sm2_id", string),
            rsa: table.optional("rsa", choice(&rsa)),
            revoked: table.optional("revoked", list(revoked)).unwrap_or_default(),
            when_unlisted: table.optional("when_unlisted", choice(&unlisted)),
            rate: table.optional("rate", rate),
        };
        table.finish();
        issuer
    }
}

fn keys(value: Value<'_>) -> Option<Keys> {
    match value.get() {
        DeValue::Array(_) => {
            let each = list(|value: Value<'_>| Some(Key::read(value.table()?)));
            each(value).map(Keys::Inline)
        }
        DeValue::Table(_) => {
            let mut table = value.table()?;
            let stale = [("accept", WhenStale::Accept), ("reject", WhenStale::Reject)];
            let renewal = Renewal {
                refresh: table.optional("refresh", duration),
                max_stale: table.optional("max_stale", duration),
                when_stale: table.optional("when_stale", choice(&stale)),
            };
            let well_known = table.optional("well_known", boolean);
            let well_known = well_known.filter(|it| it.value);
            let server = server(table, well_known);
            Some(Keys::Server(Box::new(Server { renewal, ..server })))
        }
        DeValue::String(_) => file(value).map(Keys::File),
        _ => value.mismatch("an array of keys, \"file:PATH\" or a table with \"url\""),
    }
}

fn revoked(value: Value<'_>) -> Option<List> {
    match value.get() {
        DeValue::Table(_) => {
            let server = server(value.table()?, None);
            Some(List::Server(Box::new(server)))
        }
        DeValue::String(_) => file(value).map(List::File),
        _ => value.mismatch("\"file:PATH\" or a table with \"url\""),
    }
}

/// Reads what is left of a server's table.
fn server(mut table: Table<'_>, well_known: Option<Spanned<bool>>) -> Server {
    let resource = match well_known {
        Some(well_known) => {
            if table.has("url") {
                let message = "\"url\" and \"well_known\" exclude each other";
                let found = Diagnostic::error("conflict", well_known.at, message);
                table.context().report(found);
                table.optional("url", address);
            }
            Some(Resource::WellKnown)
        }
        None => table.required("url", address).map(Resource::Url),
    };
    let server = Server {
        at: table.at(),
        resource,
        ca: table.optional("ca", string),
        private_addresses: table.optional("private_addresses", boolean),
        renewal: Renewal::default(),
    };
    table.finish();
    server
}

impl Key {
    fn read(mut table: Table<'_>) -> Self {
        table.discreet();
        let id = table.required("id", string);
        let algorithm = table.required("algorithm", algorithm);
        let key = Self {
            at: table.at(),
            id,
            algorithm,
            made_of: material(&mut table, algorithm),
            sm2_id: table.optional("sm2_id", string),
            not_before: table.optional("not_before", instant),
            not_after: table.optional("not_after", instant),
        };
        table.finish();
        key
    }
}

/// Reads the one of `secret` and `public` that goes with the algorithm.
fn material(table: &mut Table<'_>, algorithm: Option<Spanned<Algorithm>>) -> Option<Material> {
    let both = [table.has("secret"), table.has("public")];
    let secret = table.optional("secret", secret);
    let public = table.optional("public", file);
    let algorithm = algorithm?.value;
    let (goes, other, [has, has_other]) = if algorithm.is_symmetric() {
        ("secret", "public", both)
    } else {
        ("public", "secret", [both[1], both[0]])
    };
    if has_other {
        let message = format!("a key of {algorithm} is made of \"{goes}\", not of \"{other}\"");
        let found = Diagnostic::error("conflict", table.at(), message);
        table.context().report(found);
    } else if !has {
        table.missing(goes);
    }
    if algorithm.is_symmetric() {
        secret.map(Material::Secret)
    } else {
        public.map(Material::Public)
    }
}

/// Reads the name of a signature algorithm.
pub(crate) fn algorithm(value: Value<'_>) -> Option<Spanned<Algorithm>> {
    let words = Algorithm::ALL.map(|algorithm| (algorithm.name(), algorithm));
    choice(&words)(value)
}

/// Reads `"file:PATH"`. What is none may be a key itself: it is hidden from now on.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a reader uses its value up, so that nobody reads it twice"
)]
fn file(value: Value<'_>) -> Option<Spanned<PathBuf>> {
    let reference = value.get().as_str().and_then(SecretRef::parse);
    if let Some(SecretRef::File(path)) = reference {
        return Some(Spanned::new(path, value.at()));
    }
    value.context().mask(value.at());
    value.invalid("must be \"file:PATH\"")
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
