//! Issuers and keys that no code can mean.

use crate::config::diagnostic::{Collector, Diagnostic};
use crate::config::lower::IssuerAt;
use crate::config::suggest::quoted;
use crate::family::layout::Issuer as Named;
use crate::family::{Algorithm, AlgorithmSet, Family, Reader};
use crate::trust::Keys;

/// The issuers with the families their codes belong to.
pub(super) struct Lint<'l> {
    pub(super) families: &'l [Family],
    pub(super) keys: &'l Keys,
    pub(super) places: &'l [IssuerAt],
    pub(super) to: &'l Collector,
}

impl Lint<'_> {
    /// Runs every lint of the issuers.
    pub(super) fn run(&self) {
        let taken: AlgorithmSet = self.families.iter().flat_map(algorithms).collect();
        for issuer in self.places {
            let name = quoted(&issuer.id.value);
            if !self
                .families
                .iter()
                .any(|family| self.names(family, issuer))
            {
                let message = format!("no family can name issuer {name}");
                let found = Diagnostic::warning("unused", issuer.id.at, message);
                self.to.push(found);
                continue;
            }
            let useless = issuer.algorithms.iter();
            for key in useless.filter(|key| !taken.contains(key.value)) {
                let message = format!("no family takes signatures by {}", key.value);
                let found = Diagnostic::warning("unused", key.at, message);
                let help = "add the algorithm to [signature] of the family whose codes it signs";
                self.to.push(found.help(help));
            }
        }
    }

    /// Whether codes of the family can be the issuer's.
    fn names(&self, family: &Family, issuer: &IssuerAt) -> bool {
        let only = match &family.reader {
            Reader::Declared(layout) => match &layout.issuer {
                Some(Named::Capture(_)) => return true,
                Some(Named::Constant(name)) => name,
                None => return false,
            },
            Reader::Token(layout) => match &layout.issuer {
                Some(name) => name,
                None => return true,
            },
            Reader::EmvConsumer | Reader::EmvMerchant | Reader::Gs1 => return false,
        };
        let named = self.keys.issuer(only);
        named.is_some_and(|named| *named.id == *issuer.id.value)
    }
}

/// The algorithms a family's signatures may be by.
fn algorithms(family: &Family) -> impl Iterator<Item = Algorithm> {
    let set = match &family.reader {
        Reader::Declared(layout) => layout.signature.as_ref().map(|it| it.algorithms),
        Reader::Token(layout) => Some(layout.algorithms),
        Reader::EmvConsumer | Reader::EmvMerchant | Reader::Gs1 => None,
    };
    set.unwrap_or_default().iter()
}
