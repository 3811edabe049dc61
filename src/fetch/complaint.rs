//! What the log says of an origin that cannot be had: each cause when it begins, and then rarely.

use std::time::Duration;

use tokio::time::Instant;

use super::Origin;
use super::tended::{Role, Source, Tended};
use crate::time::Timestamp;
use crate::trust::Supply;

/// Between two lines about the same cause: often enough for whoever looks later, and a night of it
/// is a hundred lines.
const SILENCE: Duration = Duration::from_secs(300);

/// What was said of one origin.
#[derive(Debug, Default)]
pub(super) struct Complaint(Option<(Box<str>, Instant)>);

impl Complaint {
    /// Whether it is to be said, and then counts as said.
    fn is_news(&mut self, cause: &str, now: Instant) -> bool {
        let said = self.0.as_ref();
        let old = said.is_some_and(|(said, at)| **said == *cause && now < *at + SILENCE);
        if !old {
            self.0 = Some((cause.into(), now));
        }
        !old
    }

    /// Whether there was one, which is over.
    fn is_over(&mut self) -> bool {
        self.0.take().is_some()
    }
}

impl Tended {
    /// Says in the log how a look ended, if it ended otherwise than before.
    pub(super) fn tell(&mut self, id: usize, wall: Timestamp, now: Instant) {
        let issuer = self.feed.issuer.clone();
        let keys = self.keys_meanwhile(wall);
        let mut sources = self.sources.iter_mut();
        let Some(source) = sources.find(|it| it.id == id) else {
            return;
        };
        let what = source.role.told();
        let Some(cause) = source.asked.error.as_deref() else {
            if source.complaint.is_over() {
                tracing::info!(issuer = &*issuer, "the {what} of {issuer} can be had again");
            }
            return;
        };
        if source.complaint.is_news(cause, now) {
            let meanwhile = source.list_meanwhile().unwrap_or(&keys);
            let issuer = &*issuer;
            tracing::warn!(
                issuer,
                "cannot have the {what} of {issuer}: {cause}; {meanwhile}"
            );
        }
    }

    /// What becomes of codes without new keys.
    fn keys_meanwhile(&self, wall: Timestamp) -> String {
        let is_remote = matches!(self.feed.keys, Some(Origin::Remote(_)));
        match self.keys.as_ref().map(|keys| keys.supply) {
            None => "none yet".to_owned(),
            Some(Supply::Fetched {
                serve_until: Some(end),
            }) if end <= wall => format!("the old ones serve no more since {end}"),
            Some(Supply::Fetched {
                serve_until: Some(end),
            }) => format!("the old ones serve until {end}"),
            Some(_) if is_remote => "the old ones serve whatever their age".to_owned(),
            Some(_) => "the old ones serve".to_owned(),
        }
    }
}

impl Source {
    /// What becomes of codes without a new list, if it is one.
    fn list_meanwhile(&self) -> Option<&'static str> {
        match (&self.role, &self.list) {
            (Role::Keys, _) => None,
            (_, Some(_)) => Some("the old one holds"),
            (_, None) => Some("none yet, so it takes nothing back"),
        }
    }
}

impl Role {
    /// The word for what is looked for.
    const fn told(&self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::CardList { .. } | Self::List(_) => "revocation list",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_when_it_begins_and_then_rarely() {
        let (mut complaint, start) = (Complaint::default(), Instant::now());
        let mut is_news =
            |cause, seconds| complaint.is_news(cause, start + Duration::from_secs(seconds));
        assert!(is_news("a", 0) && !is_news("a", 299) && is_news("a", 300));
        assert!(!is_news("a", 301) && is_news("b", 302) && is_news("a", 303));
        assert!(complaint.is_over() && !complaint.is_over());
    }
}
