//! What servers said the last time, on disk: a start needs no key server.
//!
//! One file for each origin of each issuer: a line that says whose it is, and the body as it came.
//! It is read again with the limits of the network. The folder is ours alone: whoever could write
//! there could bring keys.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Remote;
use crate::time::Timestamp;

/// The line before the body: an issuer's name, an address, an `ETag`.
const LONGEST_SLIP: usize = 8 * 1024;

/// The folder of snapshots.
#[derive(Debug)]
pub(super) struct Shelf {
    path: PathBuf,
    us: Option<Owner>,
}

/// A user of this machine.
type Owner = u32;

/// Whose a body is.
#[derive(Debug)]
pub(super) struct Slip {
    issuer: Box<str>,
    url: Box<str>,
    /// Who vouched for the server: what it said is nothing to those who trust others.
    authority: Box<str>,
    private_addresses: bool,
}

/// The first line of a file.
#[derive(Deserialize, Serialize)]
struct Head {
    issuer: Box<str>,
    url: Box<str>,
    authority: Box<str>,
    private_addresses: bool,
    etag: Option<Box<str>>,
    /// Milliseconds since the Unix epoch.
    fetched_at: i64,
}

/// What was kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) body: Vec<u8>,
    pub(super) etag: Option<Box<str>>,
    pub(super) fetched_at: Timestamp,
}

/// Why nothing is kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShelfError {
    #[error("{} is not a snapshot of this issuer, address and ca", .0.display())]
    Foreign(PathBuf),
    #[error("{} belongs to another user, expected this one or root", .0.display())]
    NotOurs(PathBuf),
    #[error("{} can be written by others", .0.display())]
    Open(PathBuf),
    #[error("{}: {source}", path.display())]
    System { path: PathBuf, source: io::Error },
}

impl ShelfError {
    pub(super) fn warn(&self, issuer: &str) {
        tracing::warn!(issuer, error = %self, "no snapshot of keys");
    }
}

impl Slip {
    pub(super) fn new(issuer: &str, remote: &Remote) -> Self {
        Self {
            issuer: issuer.into(),
            url: format!("{remote:?}").into(),
            authority: URL_SAFE_NO_PAD.encode(remote.authority.digest).into(),
            private_addresses: remote.private_addresses,
        }
    }

    fn is_of(&self, head: &Head) -> bool {
        (&self.issuer, &self.url) == (&head.issuer, &head.url)
            && self.authority == head.authority
            && self.private_addresses == head.private_addresses
    }

    /// Names and addresses may hold anything; a digest is always a file's name.
    fn file_name(&self) -> String {
        let digest = Sha256::digest(format!("{}\n{}", self.issuer, self.url));
        let (half, _) = digest.split_at(16);
        format!("{}.keys", URL_SAFE_NO_PAD.encode(half))
    }
}

impl Shelf {
    /// The folder, made if it is not there.
    pub(super) fn open(path: &Path) -> Result<Self, ShelfError> {
        let failed = |source| system(path, source);
        if !path.exists() {
            make_folder(path).map_err(failed)?;
        }
        let found = fs::metadata(path).map_err(failed)?;
        if !found.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        let shelf = Self {
            path: path.into(),
            us: whoami(path).map_err(failed)?,
        };
        shelf.refuse_others(path, &found)?;
        Ok(shelf)
    }

    /// What was kept, if anything was.
    pub(super) fn get(&self, slip: &Slip, limit: usize) -> Result<Option<Kept>, ShelfError> {
        let path = self.path.join(slip.file_name());
        // Not followed: a link leads out of the folder.
        let found = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(|source| system(&path, source))?,
        };
        self.refuse_others(&path, &found)?;
        let foreign = || ShelfError::Foreign(path.clone());
        let limit = limit.saturating_add(LONGEST_SLIP);
        let too_long = found.len() > u64::try_from(limit).unwrap_or(u64::MAX);
        if too_long || !found.is_file() {
            return Err(foreign());
        }
        let mut bytes = Vec::new();
        let file = File::open(&path).map_err(|source| system(&path, source))?;
        let mut file = file.take(found.len());
        file.read_to_end(&mut bytes)
            .map_err(|source| system(&path, source))?;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (head, body) = end
            .and_then(|end| bytes.split_at_checked(end))
            .ok_or_else(foreign)?;
        let head: Head = serde_json::from_slice(head).map_err(|_| foreign())?;
        if !slip.is_of(&head) {
            return Err(foreign());
        }
        Ok(Some(Kept {
            body: body.get(1..).unwrap_or_default().to_vec(),
            etag: head.etag,
            fetched_at: Timestamp::from_millis(head.fetched_at),
        }))
    }

    /// Keeps a body; a reader finds this one or the one before, whatever happens meanwhile.
    pub(super) fn put(
        &self,
        slip: &Slip,
        etag: Option<&str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), ShelfError> {
        let path = self.path.join(slip.file_name());
        let head = Head {
            issuer: slip.issuer.clone(),
            url: slip.url.clone(),
            authority: slip.authority.clone(),
            private_addresses: slip.private_addresses,
            etag: etag.map(Into::into),
            fetched_at: now.millis(),
        };
        let write = || {
            let mut text = serde_json::to_vec(&head)?;
            text.push(b'\n');
            text.extend_from_slice(body);
            // Gateways that share the folder do not share this; a killed one may leave it behind.
            let fresh = path.with_extension(format!("{}.new", std::process::id()));
            let _ = fs::remove_file(&fresh);
            let mut file = create(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|source| system(&path, source))
    }

    /// Notes that the server said the same again.
    pub(super) fn renew(
        &self,
        slip: &Slip,
        limit: usize,
        now: Timestamp,
    ) -> Result<(), ShelfError> {
        match self.get(slip, limit)? {
            Some(kept) => self.put(slip, kept.etag.as_deref(), &kept.body, now),
            None => Ok(()),
        }
    }
}

impl Shelf {
    /// Whoever could write there could bring keys.
    fn refuse_others(&self, path: &Path, found: &fs::Metadata) -> Result<(), ShelfError> {
        refuse_writable(path, found)?;
        match (owner(found), self.us) {
            (Some(owner), Some(us)) if owner != us && owner != ROOT => {
                Err(ShelfError::NotOurs(path.into()))
            }
            _ => Ok(()),
        }
    }
}

const ROOT: Owner = 0;

/// As whom we write: the owner of what we write. The folder must let us, or nothing is kept there
/// anyway.
fn whoami(folder: &Path) -> io::Result<Option<Owner>> {
    let path = folder.join(format!(".{}.new", std::process::id()));
    let _ = fs::remove_file(&path);
    let made = create(&path)?.metadata();
    fs::remove_file(&path)?;
    Ok(owner(&made?))
}

fn system(path: &Path, source: io::Error) -> ShelfError {
    let path = path.into();
    ShelfError::System { path, source }
}

#[cfg(unix)]
fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;

    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path)
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(unix)]
fn refuse_writable(path: &Path, found: &fs::Metadata) -> Result<(), ShelfError> {
    use std::os::unix::fs::PermissionsExt as _;

    match found.permissions().mode() & 0o022 {
        0 => Ok(()),
        _ => Err(ShelfError::Open(path.into())),
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no owners")]
fn owner(found: &fs::Metadata) -> Option<Owner> {
    use std::os::unix::fs::MetadataExt as _;

    Some(found.uid())
}

#[cfg(not(unix))]
fn owner(_: &fs::Metadata) -> Option<Owner> {
    None
}

#[cfg(not(unix))]
fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<File> {
    File::create_new(path)
}

#[cfg(not(unix))]
fn refuse_writable(_: &Path, _: &fs::Metadata) -> Result<(), ShelfError> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_312_800);

    fn slip(issuer: &str) -> Slip {
        Slip {
            issuer: issuer.into(),
            url: "https://keys.example/jwks".into(),
            authority: "us".into(),
            private_addresses: false,
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_was_put_is_found_again_and_is_ours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/keys");
        let shelf = Shelf::open(&path).unwrap();
        let (slip, other) = (slip("a"), slip("b"));
        assert!(shelf.get(&slip, 100).unwrap().is_none());
        shelf.put(&slip, Some("\"1\""), b"one\ntwo", NOW).unwrap();
        let later = NOW.after(std::time::Duration::from_secs(9));
        shelf.renew(&slip, 100, later).unwrap();
        let kept = shelf.get(&slip, 100).unwrap().unwrap();
        assert_eq!(kept.body, b"one\ntwo");
        assert_eq!(
            (kept.etag.as_deref(), kept.fetched_at),
            (Some("\"1\""), later)
        );
        assert!(shelf.get(&other, 100).unwrap().is_none());
        let file = path.join(slip.file_name());
        assert_eq!((mode(&path), mode(&file)), (0o700, 0o600));
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_ours_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        allow(folder.path(), 0o700);
        let shelf = Shelf::open(folder.path()).unwrap();
        let (a, b) = (slip("a"), slip("b"));
        shelf.put(&a, None, b"body", NOW).unwrap();
        let (at_a, at_b) = (
            folder.path().join(a.file_name()),
            folder.path().join(b.file_name()),
        );
        fs::copy(&at_a, &at_b).unwrap();
        assert!(matches!(shelf.get(&b, 100), Err(ShelfError::Foreign(_))));
        fs::write(&at_b, "<html>").unwrap();
        assert!(matches!(shelf.get(&b, 100), Err(ShelfError::Foreign(_))));
        fs::write(&at_b, vec![b'7'; LONGEST_SLIP + 200]).unwrap();
        assert!(matches!(shelf.get(&b, 100), Err(ShelfError::Foreign(_))));
        let elsewhere = Slip {
            authority: "them".into(),
            ..slip("a")
        };
        let found = shelf.get(&elsewhere, 100);
        assert!(matches!(found, Err(ShelfError::Foreign(_))));
        let elsewhere = Slip {
            private_addresses: true,
            ..slip("a")
        };
        let found = shelf.get(&elsewhere, 100);
        assert!(matches!(found, Err(ShelfError::Foreign(_))));
        fs::remove_file(&at_b).unwrap();
        std::os::unix::fs::symlink(&at_a, &at_b).unwrap();
        assert!(shelf.get(&b, 100).is_err());
        allow(&at_a, 0o622);
        assert!(matches!(shelf.get(&a, 100), Err(ShelfError::Open(_))));
        allow(folder.path(), 0o777);
        assert!(matches!(
            Shelf::open(folder.path()),
            Err(ShelfError::Open(_))
        ));
    }

    #[test]
    fn what_belongs_to_others_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let (shelf, slip) = (Shelf::open(&path).unwrap(), slip("a"));
        shelf.put(&slip, None, b"body", NOW).unwrap();
        let file = path.join(slip.file_name());
        // Only root can give files away; whoever else runs this has seen the rest.
        if std::os::unix::fs::chown(&file, Some(65_534), None).is_err() {
            return;
        }
        assert!(matches!(shelf.get(&slip, 100), Err(ShelfError::NotOurs(_))));
        std::os::unix::fs::chown(&path, Some(65_534), None).unwrap();
        assert!(matches!(Shelf::open(&path), Err(ShelfError::NotOurs(_))));
    }
}
