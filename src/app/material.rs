//! What a configuration needs of the files it names, read while they may still be another's.

use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use ring::hmac::{self, HMAC_SHA256};
use ring::rand::SystemRandom;

use super::doors::Certificates;
use super::{StartError, upstreams};
use crate::config::{Audit, AuditKey, Config, Secret, State, StatePlace};
use crate::upstream::UpstreamConfig;

/// The content of all files that a configuration names, and of nothing else: reading it changes
/// nothing of what is in force.
#[derive(Debug)]
pub struct Material {
    pub(super) upstreams: Vec<UpstreamConfig>,
    pub(super) certificates: Certificates,
    /// The trust roots of Redis.
    pub(super) redis: Option<Box<[u8]>>,
    /// What `[state]` comes to, its secrets and files included: see [`changed`].
    pub state: Box<str>,
    /// The same of `[audit]`.
    pub audit: Box<str>,
}

impl Material {
    /// Reads all of them.
    pub fn read(config: &Config) -> Result<Self, StartError> {
        let redis = match &config.state.place {
            StatePlace::Redis { ca, .. } => ca.as_deref().map(std::fs::read).transpose(),
            StatePlace::File(_) | StatePlace::Memory => Ok(None),
        };
        let redis = redis.map_err(StartError::RedisRoots)?.map(Into::into);
        Ok(Self {
            upstreams: upstreams(&config.upstreams, config.limits.fast_lane)?,
            certificates: Certificates::read(&config.listeners)?,
            state: state(&config.state, redis.as_deref()),
            audit: audit(config.audit.as_ref()),
            redis,
        })
    }
}

/// What is not what it was, if anything: the key whose secret or file is another one, or, without a name,
/// what the files themselves say.
pub fn changed<'n>(old: &str, new: &'n str) -> Option<&'n str> {
    let (mut old, mut new) = (old.lines(), new.lines());
    if old.next() != new.next() {
        return Some("");
    }
    let other = new.find(|new| old.next() != Some(new))?;
    other.split_once(' ').map(|(key, _)| key)
}

/// Tells secrets apart without keeping them. A process without randomness does not start.
static KEY: LazyLock<Option<hmac::Key>> =
    LazyLock::new(|| hmac::Key::generate(HMAC_SHA256, &SystemRandom::new()).ok());

/// A line for what the files say, which shows no secret, and one for each of these.
fn told(written: &str, contents: &[(&str, Option<&[u8]>)]) -> Box<str> {
    // One line, whatever is in it.
    let mut told = written.replace('\n', " ");
    for (key, content) in contents {
        let tag = KEY.as_ref().zip(*content);
        let tag = tag.map(|(key, content)| hmac::sign(key, content));
        let tag = tag.map(|tag| HEXLOWER.encode(tag.as_ref()));
        told.push('\n');
        told.push_str(key);
        told.push(' ');
        told.push_str(tag.as_deref().unwrap_or("-"));
    }
    told.into()
}

fn state(state: &State, ca: Option<&[u8]>) -> Box<str> {
    let password = match &state.place {
        StatePlace::Redis { password, .. } => password.as_ref(),
        StatePlace::File(_) | StatePlace::Memory => None,
    };
    let contents = [
        ("key", state.key.as_ref().map(Secret::expose)),
        ("password", password.map(Secret::expose)),
        ("ca", ca),
    ];
    told(&format!("{state:?}"), &contents)
}

fn audit(audit: Option<&Audit>) -> Box<str> {
    let written = format!("{audit:?}");
    let key = match audit.map(|audit| &audit.key) {
        Some(AuditKey::Named(secret)) => secret.as_ref(),
        Some(AuditKey::Own) | None => None,
    };
    let ships = audit.iter().flat_map(|audit| audit.ships.iter());
    let ships: Vec<_> = ships
        .map(|ship| {
            let name = |what: &str| format!("ship.{}.{what}", ship.name);
            // One that cannot be read is told of at the start; here it is another than it was.
            let ca = ship.ca.as_deref().and_then(|ca| std::fs::read(ca).ok());
            let token = ship.token.as_ref().map(|(_, token)| token.expose());
            (name("token"), token, name("ca"), ca)
        })
        .collect();
    let mut contents = vec![("key", key.map(Secret::expose))];
    for (token_name, token, ca_name, ca) in &ships {
        contents.push((token_name, *token));
        contents.push((ca_name, ca.as_deref()));
    }
    told(&written, &contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_another_one_is_told_by_its_key() {
        const SECRET: &[u8] = b"no digest has these letters";
        let one = told("state", &[("key", Some(SECRET)), ("ca", None)]);
        assert!(!one.contains("letters"), "{one}");
        assert_eq!(changed(&one, &one), None);
        let same = told("state", &[("key", Some(SECRET)), ("ca", None)]);
        assert_eq!(changed(&one, &same), None);
        let other = told("state", &[("key", Some(b"b")), ("ca", None)]);
        assert_eq!(changed(&one, &other), Some("key"));
        let other = told("state", &[("key", Some(SECRET)), ("ca", Some(b""))]);
        assert_eq!(changed(&one, &other), Some("ca"));
        let other = told("another", &[("key", Some(b"b")), ("ca", None)]);
        assert_eq!(changed(&one, &other), Some(""));
    }
}
