//! Whether the files have changed: everything a configuration is made of, in one number.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ring::digest::{Context, SHA256};
use zeroize::Zeroizing;

use super::meaning::Config;
use super::secrets::{Secret, SecretError, SecretRef, Secrets};
use super::source::MAX_FILE;
use super::toml_files;

/// What all files come to; equal for as long as nobody changes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// The files that a configuration with this main file is read from, as they lie there now.
pub fn read_from(main: &Path) -> BTreeSet<PathBuf> {
    let [plugins, routes] = folders(main);
    let all = toml_files(&plugins).into_iter().chain(toml_files(&routes));
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
            match content(path) {
                Ok((mode, bytes)) => {
                    all.update(&[0, 1]);
                    all.update(&mode.to_le_bytes());
                    all.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
                    all.update(&bytes);
                }
                Err(error) => all.update(format!("\0\0{:?}\0", error.kind()).as_bytes()),
            }
        }
        let mut whole = [0; 32];
        whole.copy_from_slice(all.finish().as_ref());
        Self(whole)
    }
}

/// The rights to a file and what is in it, as far as files are read.
fn content(path: &Path) -> std::io::Result<(u32, Zeroizing<Vec<u8>>)> {
    let found = std::fs::metadata(path)?;
    // Asked before opening, since opening a pipe waits for its other end.
    if !found.is_file() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    // Room for all of it at once: growing would leave copies of secrets behind that nobody wipes.
    let length = usize::try_from(found.len()).unwrap_or(MAX_FILE);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.min(MAX_FILE) + 1));
    let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    Ok((found.permissions().mode(), bytes))
}

impl Config {
    /// The files that are named in the configuration and read when it comes into force, but secrets:
    /// those of issuers are looked at by their keeper.
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
        ours.chain(authorities)
            .chain(identities)
            .map(PathBuf::as_path)
    }
}

/// Secrets, and where those in files are.
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

    /// The files of secrets, which are written relative to this folder.
    pub(super) fn files(self, folder: &Path) -> BTreeSet<PathBuf> {
        let files = self.files.into_inner();
        let files = files.unwrap_or_else(PoisonError::into_inner);
        files.into_iter().map(|file| folder.join(file)).collect()
    }
}

impl Secrets for Noted<'_> {
    fn resolve(&self, reference: &SecretRef) -> Result<Option<Secret>, SecretError> {
        if let SecretRef::File(path) = reference {
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            files.insert(path.clone());
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
        let before = now();
        write("routes.d/.a.toml.swp", "an editor's");
        write("README", "nobody reads this");
        std::fs::rename(at("routes.toml"), at("elsewhere")).unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), &main).unwrap();
        assert_eq!(now(), before);
    }
}
