//! Whether a server may be trusted with claims: asked at the start and on every connection.

use std::fmt;
use std::time::Duration;

/// What keeps a gateway from using Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It was not asked yet.
    Fresh,
    /// Nobody answers at its address.
    Unreachable,
    /// It does not answer in time.
    Slow,
    /// It does not accept the gateway's name or password, or does not let it use a command.
    Denied,
    /// It is reading its data into memory.
    Loading,
    /// It is a replica: what is written elsewhere would come late, what is written here not at all.
    Replica,
    /// It refuses to write: too few replicas of its own, or a disk that is full.
    ReadOnly,
    /// `SET … NX GET` needs version 7.0.
    Old,
    /// Its `maxmemory-policy` would throw claims away when memory runs short.
    Evicts,
    /// Its answers make no sense.
    Unreadable,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "not asked yet",
            Self::Unreachable => "no connection",
            Self::Slow => "no answer in time",
            Self::Denied => "access denied",
            Self::Loading => "still loading its data",
            Self::Replica => "a replica, expected the primary",
            Self::ReadOnly => "refuses to write",
            Self::Old => "too old, expected version 7.0 or later",
            Self::Evicts => "maxmemory-policy would evict claims, expected noeviction",
            Self::Unreadable => "answers nobody can read",
        })
    }
}

impl Trouble {
    /// What an error of the server or of the connection means.
    pub(super) fn of(error: &redis::RedisError) -> Self {
        match error.code() {
            Some("NOAUTH" | "WRONGPASS" | "NOPERM") => return Self::Denied,
            Some("LOADING") => return Self::Loading,
            Some("READONLY" | "MASTERDOWN") => return Self::Replica,
            Some("MISCONF" | "NOREPLICAS") => return Self::ReadOnly,
            _ => {}
        }
        if error.is_timeout() {
            Self::Slow
        } else if error.kind() == redis::ErrorKind::AuthenticationFailed {
            Self::Denied
        } else if error.is_io_error() {
            Self::Unreachable
        } else {
            Self::Unreadable
        }
    }
}

/// What a server says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// How many replicas follow it.
    pub(super) replicas: u64,
    /// Whether it keeps its data through a restart by logging every write.
    pub(super) appends: bool,
}

/// How far its clock may be off before operators are told.
pub(super) const MOST_SKEW: Duration = Duration::from_secs(1);

/// Reads `INFO`.
pub(super) fn inspect(info: &str) -> Result<Facts, Trouble> {
    let field = |name: &str| {
        info.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    };
    let version = field("redis_version").ok_or(Trouble::Unreadable)?;
    let major = version.split('.').next().and_then(|it| it.parse().ok());
    if field("loading") == Some("1") {
        return Err(Trouble::Loading);
    }
    if major.unwrap_or(0_u32) < 7 {
        return Err(Trouble::Old);
    }
    if field("role") != Some("master") {
        return Err(Trouble::Replica);
    }
    if field("maxmemory_policy") != Some("noeviction") {
        return Err(Trouble::Evicts);
    }
    let replicas = field("connected_slaves").and_then(|it| it.parse().ok());
    Ok(Facts {
        replicas: replicas.unwrap_or_default(),
        appends: field("aof_enabled") == Some("1"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\nloading:0\r\n\
        maxmemory_policy:noeviction\r\nconnected_slaves:2\r\naof_enabled:1\r\n";

    #[track_caller]
    fn check(from: &str, to: &str, expected: Result<Facts, Trouble>) {
        assert_eq!(inspect(&SOUND.replace(from, to)), expected);
    }

    #[test]
    fn a_server_is_used_only_if_it_keeps_what_it_is_given() {
        let facts = Facts {
            replicas: 2,
            appends: true,
        };
        check("", "", Ok(facts));
        check("7.0.15", "10.1", Ok(facts));
        check("7.0.15", "6.2.14", Err(Trouble::Old));
        check("7.0.15", "?", Err(Trouble::Old));
        check("role:master", "role:slave", Err(Trouble::Replica));
        check("noeviction", "allkeys-lru", Err(Trouble::Evicts));
        check("noeviction", "volatile-ttl", Err(Trouble::Evicts));
        check("loading:0", "loading:1", Err(Trouble::Loading));
        check("redis_version", "version", Err(Trouble::Unreadable));
    }
}
