//! Backends, the requests they understand, and the doors terminals already know.

use std::time::Duration;

use serde_json::Number;
use toml::de::DeValue;

use super::issuer::secret;
use super::listener::cleaning;
use super::policy::weighted;
use super::scene::pairs;
use super::{Policy, Weighted, Word, kind};
use crate::config::diagnostic::Diagnostic;
use crate::config::reader::{Table, Value, duration, integer, list, size, string};
use crate::config::secrets::SecretRef;
use crate::config::source::{Place, Spanned};
use crate::family::Kind;
use crate::scan::Cleaning;

/// `[upstream.*]`.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) at: Place,
    pub(crate) endpoints: Option<Vec<Weighted>>,
    pub(crate) connect_timeout: Option<Spanned<Duration>>,
    pub(crate) timeout: Option<Spanned<Duration>>,
    pub(crate) first_byte_timeout: Option<Spanned<Duration>>,
    pub(crate) idle_timeout: Option<Spanned<Duration>>,
    pub(crate) idle: Option<Spanned<u16>>,
    pub(crate) protocol: Option<Word>,
    pub(crate) ca: Option<Word>,
    pub(crate) cert: Option<Word>,
    pub(crate) key: Option<Word>,
    pub(crate) server_name: Option<Word>,
    pub(crate) policy: Policy,
}

impl Upstream {
    /// Reads one upstream.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        let upstream = Self {
            at: table.at(),
            endpoints: table.required("endpoints", list(weighted)),
            connect_timeout: table.optional("connect_timeout", duration),
            timeout: table.optional("timeout", duration),
            first_byte_timeout: table.optional("first_byte_timeout", duration),
            idle_timeout: table.optional("idle_timeout", duration),
            idle: table.optional("idle", integer(0..=1_024)),
            protocol: table.optional("protocol", string),
            ca: table.optional("ca", string),
            cert: table.optional("cert", string),
            key: table.optional("key", string),
            server_name: table.optional("server_name", string),
            policy: Policy::read(&mut table),
        };
        table.finish();
        upstream
    }
}

/// `[contract.*]`.
#[derive(Debug)]
pub(crate) struct Contract {
    pub(crate) at: Place,
    pub(crate) account: Option<Spanned<Kind>>,
    pub(crate) method: Option<Word>,
    pub(crate) path: Option<Word>,
    pub(crate) body: Option<Body>,
    pub(crate) headers: Vec<(Word, Word)>,
    pub(crate) secrets: Vec<(Word, Spanned<SecretRef>)>,
}

/// The body of a contract; exactly one sort.
#[derive(Debug)]
pub(crate) enum Body {
    /// A form, field by field.
    Form(Vec<(Word, Word)>),
    /// A JSON document with placeholders in its strings.
    Json(Json),
    /// An XML document with placeholders.
    Xml(Word),
}

impl Contract {
    /// Reads one contract.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        table.discreet();
        let contract = Self {
            at: table.at(),
            account: table.required("account", kind),
            method: table.optional("method", string),
            path: table.required("path", string),
            body: body(&mut table),
            headers: table.optional("headers", pairs).unwrap_or_default(),
            secrets: table.optional("secrets", secrets).unwrap_or_default(),
        };
        table.finish();
        contract
    }
}

fn body(table: &mut Table<'_>) -> Option<Body> {
    let sorts = [table.has("form"), table.has("json"), table.has("xml")];
    let form = table.optional("form", |value| Some(Body::Form(pairs(value)?)));
    let json = table.optional("json", |value| Some(Body::Json(json(value)?)));
    let xml = table.optional("xml", |value| string(value).map(Body::Xml));
    let message = match sorts.iter().filter(|&&is| is).count() {
        1 => return form.or(json).or(xml),
        0 => "a contract needs a body: \"json\", \"form\" or \"xml\"",
        _ => "a contract has one body: \"json\", \"form\" or \"xml\"",
    };
    let found = Diagnostic::error("contract-body", table.at(), message);
    table.context().report(found);
    None
}

/// A JSON document as written, its strings still templates to be compiled.
#[derive(Debug)]
pub(crate) enum Json {
    /// An array.
    Array(Vec<Self>),
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// An object, its members in the order written.
    Object(Vec<(Word, Self)>),
    /// A string.
    Text(Word),
}

/// Turns TOML into the JSON it looks like.
fn json(value: Value<'_>) -> Option<Json> {
    match value.get() {
        DeValue::String(_) => string(value).map(Json::Text),
        DeValue::Boolean(is) => Some(Json::Bool(*is)),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            number.map_or_else(
                |_| value.invalid("is too large a number"),
                |number| Some(Json::Number(number.into())),
            )
        }
        DeValue::Float(number) => {
            let number = number.as_str().parse().ok().and_then(Number::from_f64);
            number.map_or_else(
                || value.invalid("is no JSON number"),
                |number| Some(Json::Number(number)),
            )
        }
        DeValue::Datetime(_) => value.mismatch("a string, number, boolean, array or table"),
        DeValue::Array(_) => list(json)(value).map(Json::Array),
        DeValue::Table(_) => {
            let members = value.table()?.in_order();
            let members = members.filter_map(|(key, value)| Some((key, json(value)?)));
            Some(Json::Object(members.collect()))
        }
    }
}

fn secrets(value: Value<'_>) -> Option<Vec<(Word, Spanned<SecretRef>)>> {
    if value.get().as_table().is_none() {
        value.context().mask(value.at());
    }
    let entries = value.table()?.into_entries();
    Some(
        entries
            .filter_map(|(name, value)| Some((name, secret(value)?)))
            .collect(),
    )
}

/// `[[adapter]]`.
#[derive(Debug)]
pub(crate) struct Adapter {
    pub(crate) name: Word,
    pub(crate) path: Option<Word>,
    pub(crate) format: Option<Word>,
    pub(crate) code: Option<Word>,
    pub(crate) idempotency_key: Option<Word>,
    pub(crate) scene: Option<Word>,
    pub(crate) terminal: Option<Word>,
    pub(crate) organisation: Option<Word>,
    pub(crate) region: Option<Word>,
    pub(crate) body_limit: Option<Spanned<usize>>,
    pub(crate) clean: Option<Spanned<Cleaning>>,
}

impl Adapter {
    /// Reads one adapter.
    pub(crate) fn read(mut table: Table<'_>) -> Option<Self> {
        let name = table.required("name", string);
        let mut adapter = Self {
            name: Spanned::new(String::new(), table.at()),
            path: table.required("path", string),
            format: table.required("format", string),
            code: table.required("code", string),
            idempotency_key: table.optional("idempotency_key", string),
            scene: table.optional("scene", string),
            terminal: table.optional("terminal", string),
            organisation: table.optional("organisation", string),
            region: table.optional("region", string),
            body_limit: table.optional("body_limit", size),
            clean: table.optional("clean", cleaning),
        };
        table.finish();
        adapter.name = name?;
        Some(adapter)
    }
}

/// `[[landing]]`.
#[derive(Debug)]
pub(crate) struct Landing {
    pub(crate) name: Word,
    pub(crate) default: Option<Word>,
    pub(crate) to: Vec<(Word, Word)>,
}

impl Landing {
    /// Reads one landing page.
    pub(crate) fn read(mut table: Table<'_>) -> Option<Self> {
        let to = list(|value: Value<'_>| {
            let mut table = value.table()?;
            let app = table.required("app", string);
            let location = table.required("location", string);
            table.finish();
            Some((app?, location?))
        });
        let name = table.required("name", string);
        let default = table.required("default", string);
        let to = table.optional("to", to).unwrap_or_default();
        table.finish();
        Some(Self {
            name: name?,
            default,
            to,
        })
    }
}
