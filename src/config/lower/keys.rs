//! Issuers and their keys, with the secrets fetched.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Surroundings;
use crate::config::diagnostic::Diagnostic;
use crate::config::file::issuer::Key as WrittenKey;
use crate::config::file::{Issuer as Written, Named};
use crate::config::suggest::quoted;
use crate::family::{Algorithm, Names, PurposeSet};
use crate::trust::{Issuer, Key, KeySet, KeyWindow, Keys, Supply, Verifier};

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
        Some(Issuer {
            id: name.value.as_str().into(),
            names,
            region,
            keys: Arc::new(KeySet::new(keys, Supply::Files)),
            ..Issuer::default()
        })
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
        id: Some(written.id.as_ref()?.value.as_str().into()),
        algorithm,
        window,
        purposes: PurposeSet::ALL,
        verifier: secret(written, algorithm, around),
    })
}

fn secret(
    written: &WrittenKey,
    algorithm: Algorithm,
    around: Surroundings<'_>,
) -> Option<Verifier> {
    let reference = written.secret.as_ref()?;
    let text = around.secret(reference)?;
    let made = match text.decode_key() {
        Ok(key) => Verifier::hmac(algorithm, key.expose())
            .map_err(|fault| Diagnostic::error("bad-secret", reference.at, fault.to_string())),
        Err(error) => {
            let message = format!("{} {error}", reference.value);
            Err(Diagnostic::error("bad-secret", reference.at, message).help(error.help()))
        }
    };
    made.map_err(|found| around.collector.push(found)).ok()
}
