//! Whether the files have changed: everything a configuration is made of, in one number.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ring::digest::{Context, SHA256};
use zeroize::Zeroizing;

use super::meaning::{Config, StatePlace};
use super::secrets::{Secret, SecretError, SecretRef, Secrets};
use super::toml_files;

/// Files are read in pieces of so many bytes.
const PIECE: usize = 64 * 1024;

/// What all files come to; equal for as long as nobody changes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// The files that a configuration with this main file is read from, as they lie there now.
pub fn read_from(main: &Path) -> BTreeSet<PathBuf> {
    let all = folders(main).into_iter().flat_map(|folder| {
        // One that cannot be listed stands for what is in it: it is not the same as an empty one.
        toml_files(&folder).unwrap_or_else(|_| vec![folder])
    });
    let always = [main.to_path_buf(), main.with_file_name("terminals.toml")];
    all.chain(always).collect()
}

/// The folders in which files may come and go.
pub fn folders(main: &Path) -> [PathBuf; 2] {
    ["plugins", "routes.d"].map(|name| main.with_file_name(name))
}

impl Fingerprint {
    /// Reads the files beside `main` and those that are `named` in them. One that is not there, or
    /// cannot be read, counts as such; so do the rights to it, which decide whether a secret is used.
    pub fn of(main: &Path, named: &BTreeSet<PathBuf>) -> Self {
        let mut all = Context::new(&SHA256);
        for path in read_from(main).union(named) {
            all.update(path.as_os_str().as_bytes());
            all.update(&[0]);
            if let Err(error) = add(&mut all, path) {
                all.update(format!("\0{:?}\0", error.kind()).as_bytes());
            }
        }
        Self(whole(all))
    }
}

/// What was added up.
pub(super) fn whole(all: Context) -> [u8; 32] {
    let mut whole = [0; 32];
    whole.copy_from_slice(all.finish().as_ref());
    whole
}

/// Adds the rights to a file and what is in it, all of it: it is not this one's to know how much of
/// a file its reader reads. Whether it could be read to its end.
fn add(all: &mut Context, path: &Path) -> io::Result<()> {
    let found = std::fs::metadata(path)?;
    // Asked before opening, since opening a pipe waits for its other end.
    if !found.is_file() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut file = File::open(path)?;
    all.update(&[1]);
    all.update(&found.permissions().mode().to_le_bytes());
    let mut piece = Zeroizing::new(vec![0; PIECE]);
    let mut length = 0_u64;
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        all.update(piece.get(..read).unwrap_or_default());
        length = length.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    // What comes after it is not its end.
    all.update(&length.to_le_bytes());
    Ok(())
}

impl Config {
    /// The files that are named in the configuration and read when it comes into force, but secrets
    /// and what is read while it is loaded.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let listeners = self.listeners.iter().filter_map(|it| it.tls.as_ref());
        let ours = listeners.flat_map(|tls| {
            let pairs = tls.files.pairs.iter();
            let pairs =
                pairs.flat_map(|pair| [Some(&pair.cert), Some(&pair.key), pair.ocsp.as_ref()]);
            let clients = tls.files.clients.iter();
            let clients = clients.flat_map(|clients| [Some(&clients.ca), clients.crl.as_ref()]);
            pairs.chain(clients).flatten()
        });
        let authorities = self.upstreams.iter().filter_map(|it| it.ca.as_ref());
        let identities = self.upstreams.iter().filter_map(|it| it.identity.as_ref());
        let identities = identities.flat_map(|identity| [&identity.cert, &identity.key]);
        let state = match &self.state.place {
            StatePlace::Redis { ca, .. } => ca.as_ref(),
            StatePlace::File(_) | StatePlace::Memory => None,
        };
        let ships = self.audit.iter().flat_map(|audit| audit.ships.iter());
        ours.chain(authorities)
            .chain(identities)
            .chain(state)
            .chain(ships.filter_map(|ship| ship.ca.as_ref()))
            .map(PathBuf::as_path)
    }
}

/// Secrets, and the files that are read while a configuration is loaded: those of secrets and more.
pub(super) struct Noted<'s> {
    secrets: &'s dyn Secrets,
    files: Mutex<BTreeSet<PathBuf>>,
}

impl<'s> Noted<'s> {
    /// Notes what is asked of `secrets`.
    pub(super) fn over(secrets: &'s dyn Secrets) -> Self {
        Self {
            secrets,
            files: Mutex::default(),
        }
    }

    /// Notes another file, as it is written.
    pub(super) fn note(&self, file: &Path) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(file.to_path_buf());
    }

    /// The files, which are written relative to this folder.
    pub(super) fn files(self, folder: &Path) -> BTreeSet<PathBuf> {
        let files = self.files.into_inner();
        let files = files.unwrap_or_else(PoisonError::into_inner);
        files.into_iter().map(|file| folder.join(file)).collect()
    }
}

impl Secrets for Noted<'_> {
    fn resolve(&self, reference: &SecretRef) -> Result<Option<Secret>, SecretError> {
        if let SecretRef::File(path) = reference {
            self.note(path);
        }
        self.secrets.resolve(reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_changed_changes_it_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(at(name), text).unwrap();
        let main = at("routes.toml");
        let named = BTreeSet::from([at("key.pem")]);
        let now = || Fingerprint::of(&main, &named);
        let nothing = now();
        write("routes.toml", "a = 1\n");
        std::fs::create_dir(at("routes.d")).unwrap();
        let mut known = vec![nothing, now()];
        let mut differs = || {
            let now = now();
            assert_eq!(now, Fingerprint::of(&main, &named));
            assert!(!known.contains(&now));
            known.push(now);
        };
        write("routes.d/a.toml", "owner = \"a\"\n");
        differs();
        // What is in one file is not what is in the other.
        std::fs::rename(at("routes.d/a.toml"), at("routes.d/b.toml")).unwrap();
        differs();
        write("key.pem", "key");
        differs();
        std::fs::set_permissions(
            at("key.pem"),
            std::os::unix::fs::PermissionsExt::from_mode(0o600),
        )
        .unwrap();
        differs();
        // Lists of revoked certificates are long, and grow at their ends.
        let long = "a".repeat(3 * 1024 * 1024);
        write("key.pem", &long);
        differs();
        write("key.pem", &(long + "b"));
        differs();
        let before = now();
        write("routes.d/.a.toml.swp", "an editor's");
        write("README", "nobody reads this");
        std::fs::rename(at("routes.toml"), at("elsewhere")).unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), &main).unwrap();
        assert_eq!(now(), before);
    }
}
