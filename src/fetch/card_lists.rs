//! The revocation lists of SMART Health Card issuers, one for each of their keys.

use tokio::time::Instant;

use super::tended::{Role, Source, Tended};
use super::{Origin, Remote};

/// Lists of single keys asked for, of one issuer: a SMART Health Card issuer has a few keys.
pub(super) const MOST_CARD_LISTS: usize = 32;

/// Where the keys of SMART Health Cards are ("Determining keys associated with an issuer"), and
/// where what was taken back of them ("Revocation").
const CARD_KEYS: &str = "/.well-known/jwks.json";
const CARD_LISTS: &str = "/.well-known/crl/";

impl Tended {
    /// SMART Health Cards, "Revocation": a key with `crlVersion` has a list of its own, to be
    /// fetched again when the number is another.
    pub(super) fn follow_card_lists(&mut self, now: Instant) {
        let Some(Origin::Remote(remote)) = &self.feed.keys else {
            return;
        };
        let Some(base) = remote.path.strip_suffix(CARD_KEYS) else {
            return;
        };
        let announced = self.keys.iter().flat_map(|set| set.iter());
        let announced = announced.filter_map(|key| Some((key.id.clone()?, key.crl_version?)));
        let mut announced: Vec<_> = announced.collect();
        let all = announced.len();
        announced.retain(|(id, _)| is_plain(id));
        announced.sort();
        announced.truncate(MOST_CARD_LISTS);
        if announced.len() < all {
            let (issuer, lists) = (&*self.feed.issuer, announced.len());
            tracing::warn!(issuer, all, lists, "not every list of a key is fetched");
        }
        self.sources.retain(|source| match &source.role {
            Role::CardList { key, .. } => announced.iter().any(|(id, _)| id == key),
            Role::Keys | Role::List(_) => true,
        });
        for (id, version) in announced {
            let known = self
                .sources
                .iter_mut()
                .find(|source| matches!(&source.role, Role::CardList { key, .. } if *key == id));
            let role = Role::CardList {
                key: id.clone(),
                version,
            };
            match known {
                Some(source) if source.role == role => {}
                Some(source) => {
                    source.role = role;
                    source.hurry(now);
                }
                None => {
                    let path = format!("{base}{CARD_LISTS}{id}.json").into();
                    let origin = Origin::Remote(Remote {
                        path,
                        ..remote.clone()
                    });
                    self.sources.push(Source::new(self.next, role, origin, now));
                    self.next += 1;
                }
            }
        }
        self.unite_lists();
    }
}

/// A key id that can stand in a path: SMART Health Cards have the base64url of a digest.
fn is_plain(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !id.is_empty() && id.bytes().all(plain)
}
