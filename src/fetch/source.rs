//! Where an issuer's keys and lists come from, as the files say.

use std::path::PathBuf;
use std::time::Duration;

use crate::tls::Authority;
use crate::trust::material::Reading;

/// How often files are looked at for a change.
pub const FILE_REFRESH: Duration = Duration::from_secs(15);

/// How often a key server is asked by default. Rotations are announced days ahead; an unknown key
/// id asks at once.
pub const DEFAULT_REFRESH: Duration = Duration::from_secs(3_600);

/// How long keys serve by default when their server does not answer: over a long weekend.
pub const DEFAULT_MAX_STALE: Duration = Duration::from_secs(72 * 3_600);

/// Everything that is kept fresh for one issuer.
#[derive(Clone, Debug)]
pub struct Feed {
    /// The issuer's id.
    pub issuer: Box<str>,
    /// Where its keys are; none: they stand in the configuration itself.
    pub keys: Option<Origin>,
    /// How they are read.
    pub reading: Reading,
    /// Where the lists of what it took back are.
    pub revoked: Vec<Origin>,
    /// How often they are looked at.
    pub refresh: Duration,
    /// How long keys serve after the last time they could be had.
    pub max_stale: Duration,
    /// What happens then.
    pub when_stale: WhenStale,
    /// What happens while one of the lists could never be had.
    pub when_unlisted: WhenUnlisted,
}

impl Feed {
    /// Whether what came of `other` would come of this one.
    pub(super) fn asks_the_same(&self, other: &Self) -> bool {
        let how = |feed: &Self| {
            let reading = &feed.reading;
            (reading.rsa, reading.sm2_id.clone(), reading.from)
        };
        how(self) == how(other) && self.keys == other.keys && self.revoked == other.revoked
    }
}

/// Keys that could not be renewed for longer than they may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenStale {
    /// They go on serving, and everything says so.
    Accept,
    /// Codes signed with them are refused.
    #[default]
    Reject,
}

/// A list of what was taken back that could never be had. The last one always holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenUnlisted {
    /// It takes nothing back, and everything says so.
    #[default]
    Accept,
    /// No code of the issuer is believed until it can be had.
    Reject,
}

/// A place to read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file, or a folder of certificates.
    File(PathBuf),
    /// A server.
    Remote(Remote),
}

impl Origin {
    /// Where it is, as operators are told.
    pub fn told(&self) -> Box<str> {
        match self {
            Self::File(path) => path.to_string_lossy().into(),
            Self::Remote(remote) => format!("{remote:?}").into(),
        }
    }
}

/// A resource of a server; HTTPS, always.
#[derive(Clone)]
pub struct Remote {
    /// `keys.example.gov.cn`.
    pub host: Box<str>,
    /// 443 unless the address says otherwise.
    pub port: u16,
    /// Path and query.
    pub path: Box<str>,
    /// Whom the server's certificate must be vouched for by.
    pub authority: Authority,
    /// Whether the name may lead to an address inside: loopback, private, link-local. A name that
    /// others control must not.
    pub private_addresses: bool,
}

/// What came from the same address is not the same if others may speak for it.
impl PartialEq for Remote {
    fn eq(&self, other: &Self) -> bool {
        let place = |it: &Self| (it.host.clone(), it.port, it.path.clone());
        let whom = |it: &Self| (it.authority.digest, it.private_addresses);
        place(self) == place(other) && whom(self) == whom(other)
    }
}

impl Eq for Remote {}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "https://{}:{}{}", self.host, self.port, self.path)
    }
}
