//! Contracts: templates compiled, secrets fetched.

use std::collections::BTreeMap;
use std::error::Error;

use http::{HeaderName, Method};
use zeroize::Zeroizing;

use super::{Files, Surroundings};
use crate::config::diagnostic::Diagnostic;
use crate::config::file::{Body as WrittenBody, Contract as Written, Json, Word};
use crate::config::source::Place;
use crate::config::suggest::{help, quoted};
use crate::route::contract::{
    Body, Contract, JsonTemplate, Placeholder, PlaceholderError, Secrets, Shape, Template,
    TemplateError, UrlTemplate, XmlTemplate,
};

/// Headers that carry a credential: their value comes from a secret or not at all.
pub(super) const CREDENTIAL_HEADERS: [&str; 4] =
    ["authorization", "cookie", "x-api-key", "x-auth-token"];

/// The methods a backend is asked with.
const METHODS: [&str; 4] = ["GET", "PATCH", "POST", "PUT"];

/// A contract and where it was written; without the contract where it could not be made.
pub(super) type Contracts<'f> = BTreeMap<&'f str, Option<Contract>>;

/// Lowers every contract.
pub(super) fn lower<'f>(files: &'f Files, around: Surroundings<'_>) -> Contracts<'f> {
    let written = files.shared().flat_map(|one| &one.contracts);
    let each = written.map(|(name, one)| {
        let contract = one.as_ref().and_then(|one| lower_one(name, one, around));
        (name.value.as_str(), contract)
    });
    each.collect()
}

fn lower_one(name: &Word, one: &Written, around: Surroundings<'_>) -> Option<Contract> {
    let method = method(one.method.as_ref(), around);
    let path = one.path.as_ref().and_then(|path| url(path, around));
    let body = one.body.as_ref().and_then(|it| body(it, around));
    let headers = headers(&one.headers, around);
    let secrets = secrets(one, around);
    let shape = Shape {
        body: body?,
        headers,
        method: method?,
        path: path?,
    };
    let account = one.account?.value;
    match Contract::new(&name.value, Some(account), shape, secrets) {
        Ok(contract) => Some(contract),
        Err(mistakes) => {
            for mistake in mistakes {
                around.error("bad-contract", one.at, mistake.to_string());
            }
            None
        }
    }
}

/// Reads a method; POST if none is written.
pub(super) fn method(word: Option<&Word>, around: Surroundings<'_>) -> Option<Method> {
    let Some(word) = word else {
        return Some(Method::POST);
    };
    if METHODS.contains(&word.value.as_str()) {
        return word.value.parse().ok();
    }
    let message = format!(
        "method {} is none a backend is asked with",
        quoted(&word.value)
    );
    let found = Diagnostic::error("bad-value", word.at, message);
    around
        .collector
        .push(found.help_if(help(&word.value, METHODS)));
    None
}

/// Compiles a path.
pub(super) fn url(word: &Word, around: Surroundings<'_>) -> Option<UrlTemplate> {
    match UrlTemplate::parse(&word.value) {
        Ok(template) => Some(template),
        Err(error) => {
            template_error(word.at, &error, around);
            None
        }
    }
}

fn body(written: &WrittenBody, around: Surroundings<'_>) -> Option<Body> {
    match written {
        WrittenBody::Form(fields) => {
            let each: Vec<_> = fields
                .iter()
                .map(|(name, value)| Some((name.value.as_str().into(), text(value, around)?)))
                .collect();
            each.into_iter().collect::<Option<_>>().map(Body::Form)
        }
        WrittenBody::Json(document) => json(document, around).map(Body::Json),
        WrittenBody::Xml(document) => match XmlTemplate::parse(&document.value) {
            Ok(template) => Some(Body::Xml(template)),
            Err(error) => {
                template_error(document.at, &error, around);
                None
            }
        },
    }
}

fn json(written: &Json, around: Surroundings<'_>) -> Option<JsonTemplate> {
    Some(match written {
        Json::Array(items) => {
            let each: Vec<_> = items.iter().map(|item| json(item, around)).collect();
            JsonTemplate::Array(each.into_iter().collect::<Option<_>>()?)
        }
        Json::Bool(is) => JsonTemplate::Bool(*is),
        Json::Number(number) => JsonTemplate::Number(number.clone()),
        Json::Object(members) => {
            let each: Vec<_> = members
                .iter()
                .map(|(name, value)| Some((name.value.as_str().into(), json(value, around)?)))
                .collect();
            JsonTemplate::Object(each.into_iter().collect::<Option<_>>()?)
        }
        Json::Text(word) => JsonTemplate::Text(text(word, around)?),
    })
}

fn text(word: &Word, around: Surroundings<'_>) -> Option<Template> {
    match Template::parse(&word.value) {
        Ok(template) => Some(template),
        Err(error) => {
            template_error(word.at, &error, around);
            None
        }
    }
}

/// Reports what is wrong with a template, with the nearest placeholder where one is unknown.
fn template_error(at: Place, error: &(dyn Error + 'static), around: Surroundings<'_>) {
    let mut message = error.to_string();
    let mut near = None;
    let mut level = Some(error);
    while let Some(error) = level {
        if let Some(TemplateError::Placeholder {
            source: PlaceholderError::Unknown { name },
            ..
        }) = error.downcast_ref()
        {
            near = help(name, Placeholder::NAMES.iter().copied());
        }
        level = error.source();
        if let Some(source) = level {
            message = source.to_string();
        }
    }
    let found = Diagnostic::error("bad-template", at, message);
    around.collector.push(found.help_if(near));
}

fn headers(written: &[(Word, Word)], around: Surroundings<'_>) -> Vec<(HeaderName, Template)> {
    let each = written.iter().filter_map(|(name, value)| {
        let header = header_name(name, around)?;
        let credential = CREDENTIAL_HEADERS.contains(&header.as_str());
        if credential && !value.value.contains("${secret.") {
            around.collector.mask(value.at);
            let message = format!("{header} holds a credential in plain text");
            let found = Diagnostic::error("plain-secret", value.at, message);
            let help = "declare secrets = { token = \"env:NAME\" } and write \"${secret.token}\"; \
                        treat what stood here as disclosed";
            around.collector.push(found.help(help));
            return None;
        }
        Some((header, text(value, around)?))
    });
    each.collect()
}

/// Reads a header's name.
pub(super) fn header_name(word: &Word, around: Surroundings<'_>) -> Option<HeaderName> {
    let name = word.value.parse().ok();
    if name.is_none() {
        let message = format!("{} cannot be a header's name", quoted(&word.value));
        around.error("bad-value", word.at, message);
    }
    name
}

fn secrets(one: &Written, around: Surroundings<'_>) -> Secrets {
    let mut secrets = Secrets::default();
    for (name, reference) in &one.secrets {
        let value = around.secret(reference).and_then(|secret| {
            let text = secret
                .expose_text()
                .map(|text| Zeroizing::new(text.to_owned()));
            text.map_err(|error| {
                let message = format!("{} {error}", reference.value);
                around.error("bad-secret", reference.at, message);
            })
            .ok()
        });
        secrets.insert(&name.value, value);
    }
    secrets
}
