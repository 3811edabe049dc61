//! Keys that stand in the configuration, with what they refer to fetched.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Kept;
use crate::config::diagnostic::Diagnostic;
use crate::config::file::issuer::{Key as Written, Material};
use crate::config::secrets::SecretRef;
use crate::config::source::Spanned;
use crate::config::suggest::quoted;
use crate::family::{Algorithm, PurposeSet};
use crate::trust::material::Reading;
use crate::trust::{Key, KeyWindow, Verifier};

/// Lowers every key that is whole.
pub(super) fn lower(written: &[Written], reading: &Reading, kept: &Kept<'_>) -> Vec<Spanned<Key>> {
    check_ids(written, kept);
    let each = written.iter();
    each.filter_map(|it| Some(Spanned::new(key(it, reading, kept)?, it.at)))
        .collect()
}

fn check_ids(keys: &[Written], kept: &Kept<'_>) {
    let mut seen = BTreeMap::new();
    for id in keys.iter().filter_map(|key| key.id.as_ref()) {
        if let Some(first) = seen.insert(id.value.as_str(), id.at) {
            let message = format!("key {} exists already", quoted(&id.value));
            let found = Diagnostic::error("duplicate-name", id.at, message);
            let found = found.related(first, "the first one");
            kept.around.collector.push(found);
        }
    }
}

fn key(written: &Written, reading: &Reading, kept: &Kept<'_>) -> Option<Key> {
    let algorithm = written.algorithm?;
    if let Some(useless) = &written.sm2_id
        && algorithm.value != Algorithm::Sm2
    {
        let message = format!("\"sm2_id\" means nothing to a key of {}", algorithm.value);
        kept.around.error("useless-key", useless.at, message);
    }
    let key = match written.made_of.as_ref()? {
        Material::Secret(reference) => Key {
            id: None,
            algorithm: algorithm.value,
            window: KeyWindow::default(),
            purposes: PurposeSet::ALL,
            verifier: secret(reference, algorithm.value, kept),
            crl_version: None,
        },
        Material::Public(path) => public(written, path, reading, kept)?,
    };
    // What is written may shorten a certificate's own window, and not lengthen it.
    let begins = written.not_before.map(|it| it.value);
    let ends = written.not_after.map(|it| it.value);
    let window = KeyWindow {
        not_before: key.window.not_before.max(begins),
        not_after: key.window.not_after.into_iter().chain(ends).min(),
    };
    if let (Some(begin), Some(end)) = (window.not_before, window.not_after)
        && end <= begin
    {
        kept.around
            .error("bad-value", written.at, "the key ends before it begins");
    }
    let id = Some(written.id.as_ref()?.value.as_str().into());
    Some(Key { id, window, ..key })
}

/// The public key in a file, and what its certificate says about it.
fn public(
    written: &Written,
    path: &Spanned<PathBuf>,
    reading: &Reading,
    kept: &Kept<'_>,
) -> Option<Key> {
    let algorithm = written.algorithm?;
    let mut reading = reading.clone();
    if let Algorithm::Ps256 | Algorithm::Rs256 = algorithm.value {
        reading.rsa = algorithm.value;
    }
    if let Some(id) = &written.sm2_id {
        reading.sm2_id = id.value.as_str().into();
    }
    let found = kept.read(path, &reading)?;
    let shown = path.value.display();
    let count = found.keys.len() + found.rejected.len();
    let complaint = match (found.keys.into_iter().next(), found.rejected.first()) {
        _ if count != 1 => format!("{shown} holds {count} keys where one is expected"),
        (Some(key), _) if key.algorithm == algorithm.value => return Some(key),
        (Some(key), _) => format!("{shown} holds a key of {}", key.algorithm),
        (None, rejected) => {
            let reason = rejected.map_or("no key", |it| &it.reason);
            format!("{shown} is rejected: {reason}")
        }
    };
    kept.around.error("bad-key", path.at, complaint);
    None
}

fn secret(
    reference: &Spanned<SecretRef>,
    algorithm: Algorithm,
    kept: &Kept<'_>,
) -> Option<Verifier> {
    let text = kept.around.secret(reference)?;
    let made = match text.decode_key() {
        Ok(key) => Verifier::hmac(algorithm, key.expose())
            .map_err(|fault| Diagnostic::error("bad-secret", reference.at, fault.to_string())),
        Err(error) => {
            let message = format!("{} {error}", reference.value);
            Err(Diagnostic::error("bad-secret", reference.at, message).help(error.help()))
        }
    };
    made.map_err(|found| kept.around.collector.push(found)).ok()
}
