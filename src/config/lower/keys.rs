//! Issuers and their keys, with the secrets fetched.

use std::collections::BTreeMap;

use super::Surroundings;
use crate::config::diagnostic::Diagnostic;
use crate::config::file::issuer::Key as WrittenKey;
use crate::config::file::{Issuer as Written, Named};
use crate::config::suggest::quoted;
use crate::family::{Algorithm, Names};
use crate::trust::{Issuer, Key, KeyWindow, Keys, Secret};

/// Lowers every issuer.
pub(super) fn lower(written: &Named<Written>, around: Surroundings<'_>) -> Keys {
    let each = written.iter().filter_map(|(name, issuer)| {
        let issuer = issuer.as_ref()?;
        let names = issuer.names.clone().unwrap_or_default();
        let names = Names {
            en: names.en.unwrap_or_default().into(),
            zh: names.zh.unwrap_or_default().into(),
        };
        check_ids(&issuer.keys, around);
        let keys = issuer.keys.iter().filter_map(|it| key(it, around));
        let region = issuer.region.map(|region| region.value);
        Some(Issuer::new(&name.value, names, region, keys.collect()))
    });
    each.collect()
}

fn check_ids(keys: &[WrittenKey], around: Surroundings<'_>) {
    let mut seen = BTreeMap::new();
    for id in keys.iter().filter_map(|key| key.id.as_ref()) {
        if let Some(first) = seen.insert(id.value.as_str(), id.at) {
            let message = format!("key {} exists already", quoted(&id.value));
            let found = Diagnostic::error("duplicate-name", id.at, message);
            around.collector.push(found.related(first, "the first one"));
        }
    }
}

fn key(written: &WrittenKey, around: Surroundings<'_>) -> Option<Key> {
    let window = KeyWindow {
        not_before: written.not_before.map(|it| it.value),
        not_after: written.not_after.map(|it| it.value),
    };
    if let (Some(begin), Some(end)) = (window.not_before, window.not_after)
        && end <= begin
    {
        around.error("bad-value", written.at, "the key ends before it begins");
    }
    let algorithm = written.algorithm?.value;
    Some(Key {
        id: written.id.as_ref()?.value.as_str().into(),
        algorithm,
        window,
        secret: secret(written, algorithm, around),
    })
}

fn secret(written: &WrittenKey, algorithm: Algorithm, around: Surroundings<'_>) -> Option<Secret> {
    let reference = written.secret.as_ref()?;
    let text = around.secret(reference)?;
    let made = match text.decode_key() {
        Ok(key) => Secret::new(algorithm, key.expose())
            .map_err(|fault| Diagnostic::error("bad-secret", reference.at, fault.to_string())),
        Err(error) => {
            let message = format!("{} {error}", reference.value);
            Err(Diagnostic::error("bad-secret", reference.at, message).help(error.help()))
        }
    };
    made.map_err(|found| around.collector.push(found)).ok()
}
