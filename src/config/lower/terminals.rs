//! The registry: where each terminal stands, and what proves that it is the one.

use std::collections::HashMap;
use std::hash::Hash;

use ring::hmac;
use sha2::{Digest as _, Sha256};

use super::Surroundings;
use crate::config::diagnostic::Diagnostic;
use crate::config::file::{self, Named, Word};
use crate::config::secrets::SecretRef;
use crate::config::source::{Place, Spanned};
use crate::config::suggest::quoted;
use crate::identity::{Digest, Proofs};
use crate::policy::{Terminal, Terminals};

/// The shortest key requests are signed with: as long as what HMAC-SHA256 makes (RFC 2104, section 3).
const MIN_SIGNATURE_KEY: usize = 32;

/// Lowers the registry.
pub(super) fn lower(written: &Named<file::Terminal>, around: Surroundings<'_>) -> Terminals {
    let text = |word: &Option<Word>| word.as_ref().map(|word| word.value.as_str().into());
    let mut known = Owners::default();
    let each = written.iter().filter_map(|(name, terminal)| {
        let terminal = terminal.as_ref()?;
        let meant = Terminal {
            organisation: text(&terminal.organisation),
            region: terminal.region.map(|region| region.value),
            group: text(&terminal.group),
            proofs: known.proofs(name, terminal, around),
        };
        Some((name.value.as_str().into(), meant))
    });
    each.collect()
}

/// Whose each proof is, so far.
#[derive(Default)]
struct Owners<'f> {
    certificates: HashMap<Digest, Owner<'f>>,
    names: HashMap<Box<str>, Owner<'f>>,
    api_keys: HashMap<Digest, Owner<'f>>,
    signature_keys: HashMap<Digest, Owner<'f>>,
}

/// A terminal and where it says so.
type Owner<'f> = (&'f str, Place);

impl<'f> Owners<'f> {
    fn proofs(
        &mut self,
        name: &'f Word,
        written: &'f file::Terminal,
        around: Surroundings<'_>,
    ) -> Proofs {
        let owner = name.value.as_str();
        let mut proofs = Proofs {
            revoked: written.revoked.is_some_and(|it| it.value),
            ..Proofs::default()
        };
        for one in &written.certificates {
            note("certificate", &mut self.certificates, one, owner, around);
            proofs.certificates.push(one.value);
        }
        for one in &written.names {
            note("name", &mut self.names, one, owner, around);
            proofs.names.push(one.value.clone());
        }
        for one in &written.api_keys {
            note("API key", &mut self.api_keys, one, owner, around);
            proofs.api_keys.push(one.value);
        }
        if let Some(reference) = &written.signature_key {
            proofs.signature_key = self.signature_key(reference, owner, around);
        }
        proofs
    }

    /// A key that two terminals have lets each sign as the other, for the request says which it is.
    fn signature_key(
        &mut self,
        reference: &Spanned<SecretRef>,
        owner: &'f str,
        around: Surroundings<'_>,
    ) -> Option<hmac::Key> {
        let key = around.secret_key(reference, MIN_SIGNATURE_KEY..=usize::MAX)?;
        let digest = Spanned::new(Sha256::digest(key.expose()).into(), reference.at);
        note(
            "signature key",
            &mut self.signature_keys,
            &digest,
            owner,
            around,
        );
        Some(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }
}

/// Notes whose a proof is; says so if it is somebody's already.
fn note<'f, K: Clone + Eq + Hash>(
    sort: &str,
    known: &mut HashMap<K, Owner<'f>>,
    proof: &Spanned<K>,
    owner: &'f str,
    around: Surroundings<'_>,
) {
    if let Some((first, at)) = known.get(&proof.value) {
        let message = if *first == owner {
            format!("the {sort} stands here twice")
        } else {
            format!("the {sort} is terminal {}'s already", quoted(first))
        };
        let found = Diagnostic::error("duplicate-proof", proof.at, message);
        let help = "a proof is one terminal's; give each its own";
        around
            .collector
            .push(found.related(*at, "the first one").help(help));
    } else {
        known.insert(proof.value.clone(), (owner, proof.at));
    }
}
