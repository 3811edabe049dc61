//! Questions that would show a platform too much, or could never be put.

use super::routes::{accounts, leak, unfillable, unfilled};
use crate::config::diagnostic::{Collector, Diagnostic};
use crate::config::source::Place;
use crate::config::suggest::quoted;
use crate::family::{Family, Trust};
use crate::fetch::Introspection;
use crate::gateway::Parts;
use crate::route::contract::{Placeholder, Presence, Slot};

/// The platforms and the codes they are asked about.
pub(super) struct Lint<'l> {
    pub(super) parts: &'l Parts,
    pub(super) introspections: &'l [Introspection],
    /// Where each contract's name was written.
    pub(super) places: &'l [Place],
    pub(super) to: &'l Collector,
}

impl Lint<'_> {
    /// Runs every lint of the questions.
    pub(super) fn run(&self) {
        for (by, (one, at)) in self.introspections.iter().zip(self.places).enumerate() {
            let is_asked = |family: &&Family| family.trust == Trust::Introspection { by };
            for family in self.parts.families.iter().filter(is_asked) {
                self.leak(one, family, *at);
                self.gaps(one, family, *at);
            }
        }
    }

    fn leak(&self, one: &Introspection, family: &Family, at: Place) {
        if one.contract.shows_code() && family.account_count() > 1 {
            let whose = format!("introspection {}", quoted(&one.name));
            self.to.push(leak(&whose, family, at));
        }
    }

    /// A question nobody could put is an error where it depends on the family alone.
    fn gaps(&self, one: &Introspection, family: &Family, at: Place) {
        let account = one.contract.account();
        if account.is_some_and(|kind| !accounts(family).contains(kind)) {
            let contract = quoted(one.contract.name());
            let message = format!(
                "contract {contract} is for another department than codes of {} have an account of",
                family.id
            );
            self.to.push(Diagnostic::error("conflict", at, message));
            return;
        }
        let slots = one.contract.slots().into_iter();
        let required = |slot: &&Slot| slot.presence == Presence::Required;
        for slot in slots.filter(required) {
            if slot.placeholder == Placeholder::Index {
                let message = "${index} is what the platform answers, the question cannot hold it";
                self.to.push(Diagnostic::error("conflict", at, message));
                continue;
            }
            let scenes = self.parts.scenes.iter();
            let mut scenes = scenes.filter(|scene| scene.accepts.contains(family.kind));
            let unfillable =
                scenes.find_map(|scene| unfillable(&slot.placeholder, account, family, scene));
            if let Some(message) = unfillable {
                self.to.push(unfilled(message, at));
            }
        }
    }
}
