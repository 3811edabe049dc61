//! Whether a gateway can serve.

use super::Operators;
use crate::admin::{
    AuditTrouble, ConfigState, IssuerTrouble, Operations as _, PlatformTrouble, Readiness,
    StateTrouble, Status, UpstreamTrouble,
};
use crate::trust::Standing;

impl Operators {
    pub(super) fn stands(&self) -> Readiness {
        let standing = self.reloader.standing();
        let keys_unavailable = self.reloader.keys_unavailable();
        let issuers = self.issuers_in_trouble();
        let platforms = self.platforms_in_trouble();
        let upstreams = self.upstreams_in_trouble();
        let state = self.books().standing().trouble;
        let state = state.map(|why| StateTrouble { why: why.into() });
        let audit = self.audit_trouble();
        let well = keys_unavailable.is_empty()
            && issuers.is_empty()
            && platforms.is_empty()
            && upstreams.is_empty()
            && state.is_none()
            && audit.is_none();
        let status = if self.is_draining() {
            Status::Draining
        } else if standing.stale.is_some() || !well {
            Status::Degraded
        } else {
            Status::Ready
        };
        let config = ConfigState {
            since: standing.since.to_string(),
            stale_since: standing.stale.as_ref().map(|stale| stale.since.to_string()),
            why: standing.stale.map(|stale| stale.why.to_string()),
        };
        Readiness {
            status,
            config,
            keys_unavailable,
            issuers,
            platforms,
            upstreams,
            state,
            audit,
        }
    }

    fn audit_trouble(&self) -> Option<AuditTrouble> {
        let standing = self.sites.load().shared.audit.as_ref()?.standing();
        let why = standing.trouble;
        let why = why.or_else(|| standing.warning.map(Into::into))?;
        Some(AuditTrouble { why: why.into() })
    }

    fn platforms_in_trouble(&self) -> Vec<PlatformTrouble> {
        let site = self.sites.load();
        let platforms = site.platforms.iter();
        let trouble = platforms.filter_map(|platform| {
            Some(PlatformTrouble {
                introspection: platform.name().to_owned(),
                why: platform.trouble()?.into(),
            })
        });
        trouble.collect()
    }

    fn upstreams_in_trouble(&self) -> Vec<UpstreamTrouble> {
        let trouble = self.sites.load().shared.fleet.in_trouble().into_iter();
        let trouble = trouble.map(|it| UpstreamTrouble {
            upstream: it.upstream,
            why: it.why,
        });
        trouble.collect()
    }

    fn issuers_in_trouble(&self) -> Vec<IssuerTrouble> {
        let standings = self.sites.load().shared.keeper.standings();
        let trouble = standings.iter().filter_map(|standing| {
            Some(IssuerTrouble {
                issuer: standing.issuer.to_string(),
                state: standing.state.name(),
                why: why(standing)?,
            })
        });
        trouble.collect()
    }
}

/// Why somebody should look at an issuer; whether it is the keys or a list must be told.
fn why(standing: &Standing) -> Option<String> {
    let trouble = standing.trouble()?;
    let mut lists = standing.lists.iter();
    let list = lists.find(|list| list.last_error.is_some());
    Some(match (&standing.last_error, list) {
        (None, Some(list)) => format!("revocation list {}: {trouble}", list.source),
        _ => trouble.to_owned(),
    })
}
