//! Keys and lists that are kept elsewhere: files, which are read at once, and servers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Surroundings;
use crate::config::diagnostic::{Diagnostic, UNREADABLE};
use crate::config::file::Word;
use crate::config::file::issuer::{Resource, Server};
use crate::config::reader::Address;
use crate::config::source::Spanned;
use crate::config::suggest::quoted;
use crate::fetch::Remote;
use crate::keyfile::{self, FileError, Found};
use crate::tls::Authority;
use crate::trust::material::Reading;
use crate::trust::standing::chain;
use crate::trust::{Key, Rejected, Revocations};

/// Where the keys of an issuer of SMART Health Cards are, below its `iss`.
const WELL_KNOWN: &str = "/.well-known/jwks.json";

/// Reads files, and finds whom to trust about servers.
pub(super) struct Kept<'s> {
    pub(super) around: Surroundings<'s>,
    /// Hundreds of issuers share one authority; `None`: it cannot be used, which was said.
    authorities: BTreeMap<PathBuf, Option<Authority>>,
}

impl<'s> Kept<'s> {
    pub(super) const fn new(around: Surroundings<'s>) -> Self {
        Self {
            around,
            authorities: BTreeMap::new(),
        }
    }

    /// The path itself, of one as written.
    pub(super) fn path(&self, written: &Path) -> PathBuf {
        self.around.folder.join(written)
    }

    /// The keys of a file or folder; there must be one. What is rejected among them is worth a
    /// warning.
    pub(super) fn keys(
        &self,
        path: &Spanned<PathBuf>,
        reading: &Reading,
    ) -> (Vec<Spanned<Key>>, Vec<Rejected>) {
        let Some(found) = self.read(path, reading) else {
            return Default::default();
        };
        for rejected in &found.rejected {
            let message = format!(
                "{}: {} is rejected: {}",
                path.value.display(),
                quoted(&rejected.id),
                rejected.reason
            );
            let found = Diagnostic::warning("rejected-key", path.at, message);
            self.around.collector.push(found);
        }
        if found.keys.is_empty() {
            let message = format!("{} holds no key that can be used", path.value.display());
            self.around.error("bad-key", path.at, message);
        }
        let keys = found.keys.into_iter();
        let keys = keys.map(|key| Spanned::new(key, path.at)).collect();
        (keys, found.rejected)
    }

    /// What a file or folder of keys holds; whatever stands in the way was said if it is `None`.
    pub(super) fn read(&self, path: &Spanned<PathBuf>, reading: &Reading) -> Option<Found> {
        let found = keyfile::read(&self.path(&path.value), reading);
        found
            .map_err(|error| self.refuse("bad-key", path, &error))
            .ok()
    }

    /// Adds the list in a file.
    pub(super) fn list(&self, path: &Spanned<PathBuf>, lists: &mut Revocations) {
        if let Err(error) = keyfile::read_list(&self.path(&path.value), lists) {
            self.refuse("bad-list", path, &error);
        }
    }

    /// The keeper looks at files of keys and lists; at one that could not be used nobody would, and
    /// that it can be is all that is waited for.
    fn refuse(&self, code: &'static str, path: &Spanned<PathBuf>, error: &FileError) {
        self.around.secrets.note(&path.value);
        let code = match error {
            FileError::Read(_) => UNREADABLE,
            _ => code,
        };
        let message = format!("{}: {}", path.value.display(), chain(error));
        let help = match error {
            FileError::Open { .. } => Some("chmod 600 the file".to_owned()),
            _ => None,
        };
        let found = Diagnostic::error(code, path.at, message);
        self.around.collector.push(found.help_if(help));
    }

    /// The resource of a server, with whom to trust about it.
    pub(super) fn remote(&mut self, server: &Server, iss: &[Word]) -> Option<Remote> {
        let address = match server.resource.as_ref()? {
            Resource::Url(address) => Some(address.value.clone()),
            Resource::WellKnown => self.well_known(server, iss),
        };
        let Some(ca) = &server.ca else {
            let message = "a server needs \"ca\": nobody is trusted by default";
            let found = Diagnostic::error("no-trust-root", server.at, message);
            let help = "write ca = \"certs/ca.pem\" beside the address";
            self.around.collector.push(found.help(help));
            return None;
        };
        let authority = self.authority(ca)?;
        let Address { host, port, path } = address?;
        Some(Remote {
            host: host.into(),
            port,
            path: path.into(),
            authority,
            private_addresses: server.private_addresses.is_some_and(|it| it.value),
        })
    }

    /// SMART Health Cards, "Determining keys associated with an issuer": the keys are below `iss`,
    /// which is an https address with neither a slash at its end nor a query.
    fn well_known(&self, server: &Server, iss: &[Word]) -> Option<Address> {
        let Some(iss) = iss.first() else {
            let message = "\"well_known\" is a place below the first \"iss\", and there is none";
            self.around.error("missing-key", server.at, message);
            return None;
        };
        let address = if iss.value.ends_with('/') || iss.value.contains('?') {
            Err("must end without a slash or query, for \"well_known\" is below it")
        } else {
            Address::parse(&format!("{}{WELL_KNOWN}", iss.value))
        };
        let told = |complaint| {
            let message = format!("\"iss\" {complaint}");
            self.around.error("bad-value", iss.at, message);
        };
        address.map_err(told).ok()
    }

    fn authority(&mut self, ca: &Word) -> Option<Authority> {
        let path = self.path(Path::new(&ca.value));
        if let Some(known) = self.authorities.get(&path) {
            return known.clone();
        }
        self.around.secrets.note(Path::new(&ca.value));
        let read = Authority::read(&path).map_err(|error| {
            let message = chain(&error);
            self.around.error("bad-trust-root", ca.at, message);
        });
        let read = read.ok();
        self.authorities.insert(path, read.clone());
        read
    }
}
