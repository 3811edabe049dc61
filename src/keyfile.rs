//! Key material on disk: a file, or a folder of them; and lists of what was taken back.
//!
//! How much is read, and of whose files, is said here; what the bytes mean is `trust::material`'s.

use std::fs::{self, File, Metadata};
use std::hash::{Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use memchr::memmem;
use rustc_hash::FxHasher;
use zeroize::Zeroizing;

use crate::trust::material::{self, MAX_MATERIAL_BYTES, MaterialError, Reading};
use crate::trust::revocation::{ListError, MAX_LIST_BYTES};
use crate::trust::{Key, Rejected, Revocations};

/// The most files looked at in one folder: the trust lists of the world hold some hundreds.
pub const MAX_FILES: usize = 4_096;

/// What a file of a folder must end in to be looked at.
pub const ENDINGS: [&str; 7] = ["cer", "crt", "der", "jwk", "jwks", "json", "pem"];

/// What a file or a folder holds.
#[derive(Debug, Default)]
pub struct Found {
    /// The keys.
    pub keys: Vec<Key>,
    /// What is none, keys and whole files, and why.
    pub rejected: Vec<Rejected>,
}

/// Why nothing can be had of a file or a folder.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It is no list.
    #[error(transparent)]
    List(ListError),
    /// It holds no keys but something else.
    #[error(transparent)]
    Material(MaterialError),
    /// It is a device, a pipe, a socket.
    #[error("neither a file nor a folder")]
    NotAFile,
    /// It holds secrets and others on this machine can read it.
    #[error("holds secrets and can be read by others (mode {mode:04o})")]
    Open {
        /// The file's permission bits.
        mode: u32,
    },
    /// The system would not have it read.
    #[error("cannot be read")]
    Read(#[from] io::Error),
    /// Longer than anything of its kind.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The longest.
        limit: usize,
    },
    /// A folder of more than [`MAX_FILES`].
    #[error("a folder of more than {MAX_FILES} files")]
    TooMany,
}

/// Reads a file, or every file of a folder that may hold keys. A bad file among others is one more
/// thing rejected.
pub fn read(path: &Path, reading: &Reading) -> Result<Found, FileError> {
    if !fs::metadata(path)?.is_dir() {
        return read_file(path, reading);
    }
    let mut all = Found::default();
    for path in files(path)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match read_file(&path, reading) {
            Ok(found) => {
                all.keys.extend(found.keys);
                let rejected = found.rejected.into_iter().map(|one| Rejected {
                    id: format!("{name}: {}", one.id).into(),
                    ..one
                });
                all.rejected.extend(rejected);
            }
            Err(error) => all.rejected.push(Rejected::new(&name, &error)),
        }
    }
    Ok(all)
}

fn read_file(path: &Path, reading: &Reading) -> Result<Found, FileError> {
    let bytes = bounded(path, MAX_MATERIAL_BYTES)?;
    let material = material::read(&bytes, reading).map_err(FileError::Material)?;
    let rejected = material.rejected.iter();
    Ok(Found {
        rejected: rejected
            .map(|one| Rejected::new(&one.label, &one.fault))
            .collect(),
        keys: material.keys,
    })
}

/// The files of a folder that may hold keys, by name; hidden ones are editors' leftovers.
fn files(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        let ending = ending.to_ascii_lowercase();
        if !name.starts_with('.') && ENDINGS.contains(&&*ending) {
            paths.push(path);
        }
        if paths.len() > MAX_FILES {
            return Err(FileError::TooMany);
        }
    }
    paths.sort();
    Ok(paths)
}

/// A number that changes when the file, or any of a folder's, does.
pub fn fingerprint(path: &Path) -> Result<u64, FileError> {
    let mut hasher = FxHasher::default();
    let found = fs::metadata(path)?;
    mark(&found, &mut hasher);
    if found.is_dir() {
        for path in files(path)? {
            path.hash(&mut hasher);
            mark(&fs::metadata(&path)?, &mut hasher);
        }
    }
    Ok(hasher.finish())
}

fn mark(found: &Metadata, hasher: &mut FxHasher) {
    let changed = found.modified().ok();
    let changed = changed.and_then(|it| it.duration_since(UNIX_EPOCH).ok());
    (found.len(), changed, which(found)).hash(hasher);
}

/// Tells a file from one that took its place with its length and date: by its number, and by when
/// it was changed in whatever way, which nobody can set.
#[cfg(unix)]
fn which(found: &Metadata) -> (u64, i64, i64) {
    use std::os::unix::fs::MetadataExt as _;

    (found.ino(), found.ctime(), found.ctime_nsec())
}

#[cfg(not(unix))]
fn which(_: &Metadata) {}

/// Adds the list in a file.
pub fn read_list(path: &Path, lists: &mut Revocations) -> Result<(), FileError> {
    let bytes = bounded(path, MAX_LIST_BYTES)?;
    lists.read(&bytes).map_err(FileError::List)
}

fn bounded(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let Contents { bytes, open } = contents(path, limit)?.ok_or(FileError::NotAFile)?;
    if bytes.len() > limit {
        return Err(FileError::TooLong { limit });
    }
    match open {
        Some(mode) if holds_secrets(&bytes) => Err(FileError::Open { mode }),
        _ => Ok(bytes),
    }
}

/// What a file holds.
pub(crate) struct Contents {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Its permission bits, if others than its owner may use it.
    pub(crate) open: Option<u32>,
}

/// All of a file, or one byte more than allowed; nothing if it is something else than a file.
pub(crate) fn contents(path: &Path, limit: usize) -> io::Result<Option<Contents>> {
    // Asked before opening, since opening a pipe waits for its other end.
    if !fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let file = File::open(path)?;
    let found = file.metadata()?;
    let open = open_to_others(&found);
    let ample = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room(&found, limit)));
    file.take(ample).read_to_end(&mut bytes)?;
    Ok(Some(Contents { bytes, open }))
}

/// Room for all of a file at once, as long as nobody adds to it meanwhile: a buffer that grows leaves copies
/// behind that nobody wipes.
pub(crate) fn room(found: &Metadata, limit: usize) -> usize {
    /// What a reader wants free at the end, else it reads into a place of its own.
    const SPARE: usize = 64;

    let length = usize::try_from(found.len()).unwrap_or(usize::MAX);
    length.min(limit).saturating_add(SPARE)
}

/// Whether something in it looks like a secret: a member `k` or `d` of a JWK (RFC 7518, sections
/// 6.2.2 and 6.4.1), or a private key in PEM.
fn holds_secrets(bytes: &[u8]) -> bool {
    let is_member = |name: &[u8]| {
        memmem::find_iter(bytes, name).any(|at| {
            let after = bytes.get(at + name.len()..).unwrap_or_default();
            after.trim_ascii_start().starts_with(b":")
        })
    };
    is_member(b"\"k\"") || is_member(b"\"d\"") || memmem::find(bytes, b"PRIVATE KEY-----").is_some()
}

/// The permission bits of a file that others than its owner may use.
#[cfg(unix)]
pub(crate) fn open_to_others(found: &Metadata) -> Option<u32> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    let mode = found.permissions().mode() & 0o7777;
    let own = rustix::process::getegid().as_raw();
    is_open(mode, found.uid(), found.gid(), own).then_some(mode)
}

/// A secret that root hands to this process alone is not open: systemd gives a credential to its service
/// by an access list, whose mask stands in the bits of root's group; Kubernetes by the group of the pod.
/// Either is for reading only.
#[cfg(unix)]
const fn is_open(mode: u32, owner: u32, group: u32, own_group: u32) -> bool {
    let is_handed = mode == 0o440 && owner == 0 && (group == 0 || group == own_group);
    mode & 0o077 != 0 && !is_handed
}

#[cfg(not(unix))]
pub(crate) fn open_to_others(_: &Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_root_hands_to_this_process_may_have_a_group() {
        const OWN: u32 = 65532;
        for (mode, owner, group) in [(0o600, 7, 7), (0o400, 7, 7), (0o440, 0, 0), (0o440, 0, OWN)] {
            assert!(
                !is_open(mode, owner, group, OWN),
                "{mode:o} {owner}:{group}"
            );
        }
        for (mode, owner, group) in [
            (0o440, 7, OWN),
            (0o440, 0, 7),
            (0o640, 0, OWN),
            (0o444, 0, 0),
            (0o604, 0, 0),
            (0o660, 0, 0),
        ] {
            assert!(is_open(mode, owner, group, OWN), "{mode:o} {owner}:{group}");
        }
    }

    /// The public key of RFC 8037, appendix A.2.
    const KEY: &str =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    /// What a folder with these files holds: the number of its keys, and what is rejected.
    #[track_caller]
    fn check(names: &[(&str, &str)], keys: usize, rejected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in names {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let found = read(folder.path(), &Reading::default()).unwrap();
        let told = found.rejected.iter();
        let told: Vec<_> = told.map(|it| format!("{}: {}", it.id, it.reason)).collect();
        assert_eq!(
            (found.keys.len(), told),
            (keys, rejected.iter().map(ToString::to_string).collect())
        );
    }

    #[test]
    fn a_folder_gives_the_keys_of_its_files() {
        check(&[], 0, &[]);
        check(&[("a.jwk", KEY), ("b.JSON", KEY)], 2, &[]);
        check(
            &[
                (".a.jwk", KEY),
                ("a.jwk~", KEY),
                ("jwk", KEY),
                ("a.txt", KEY),
            ],
            0,
            &[],
        );
        let html = "bad.pem: HTML or XML where a JWK Set, PEM or DER is expected";
        check(&[("bad.pem", "<html>"), ("good.jwk", KEY)], 1, &[html]);
        let long = " ".repeat(MAX_MATERIAL_BYTES + 1);
        check(
            &[("long.jwk", &long)],
            0,
            &["long.jwk: longer than 1048576 bytes"],
        );
    }

    #[test]
    fn a_folder_of_too_many_files_is_none() {
        let folder = tempfile::tempdir().unwrap();
        for place in 0..=MAX_FILES {
            fs::write(folder.path().join(format!("{place}.pem")), "").unwrap();
        }
        let error = read(folder.path(), &Reading::default()).unwrap_err();
        assert_eq!(error.to_string(), "a folder of more than 4096 files");
    }

    #[test]
    fn a_file_replaced_with_its_length_and_date_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let (path, next) = (folder.path().join("a.jwk"), folder.path().join("next"));
        fs::write(&path, "one").unwrap();
        fs::write(&next, "two").unwrap();
        let before = fingerprint(&path).unwrap();
        assert_eq!(fingerprint(&path).unwrap(), before);
        let date = fs::metadata(&path).unwrap().modified().unwrap();
        let file = File::options().write(true).open(&next).unwrap();
        file.set_modified(date).unwrap();
        fs::rename(&next, &path).unwrap();
        assert_ne!(fingerprint(&path).unwrap(), before);
    }

    #[test]
    fn what_looks_like_a_secret_is_seen() {
        let is = |text: &str| holds_secrets(text.as_bytes());
        assert!(is(r#"{"kty":"oct", "k" : "AAAA"}"#) && is(r#"{"keys":[{"d":"x"}]}"#));
        assert!(is("-----BEGIN EC PRIVATE KEY-----\n"));
        assert!(!is(KEY) && !is(r#"{"kid":"k","use":"d"}"#) && !is("-----BEGIN PUBLIC KEY-----"));
    }

    #[test]
    fn a_device_is_neither_file_nor_folder() {
        let error = read(Path::new("/dev/null"), &Reading::default()).unwrap_err();
        assert!(matches!(error, FileError::NotAFile));
    }
}
