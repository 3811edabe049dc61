//! A department's file that somebody thinks about, compiled and put nowhere.

use std::collections::HashSet;

use super::super::files::findings;
use super::wrong;
use crate::admin::Refusal;
use crate::admin::config::Finding;
use crate::config::{self, Draft, Secret, SecretError, SecretRef, Secrets};
use crate::gateway::Gateway;
use crate::reload::Reloader;

/// What a draft comes to.
pub(super) struct Compiled {
    /// What would decide; none if the draft cannot be used.
    pub(super) gateway: Option<Gateway>,
    /// What `check` says.
    pub(super) findings: Vec<Finding>,
}

/// The secrets the files in force name, and no others: a draft is no way to find out which files and
/// variables there are.
struct Known<'k> {
    of: &'k dyn Secrets,
    named: HashSet<&'k str>,
}

impl Secrets for Known<'_> {
    fn resolve(&self, reference: &SecretRef) -> Result<Option<Secret>, SecretError> {
        if self.named.contains(&*reference.to_string()) {
            self.of.resolve(reference)
        } else {
            Ok(None)
        }
    }
}

/// Compiles the files on disk with the draft among them.
pub(super) fn compile(
    reloader: &Reloader,
    text: &str,
    name: Option<&str>,
) -> Result<Compiled, Refusal> {
    let free;
    let name = match name {
        Some(name) if is_plain(name) => name,
        Some(_) => return Err(wrong("`draft_name` must be the stem of a file's name")),
        None => {
            free = unused(reloader);
            &free
        }
    };
    let written = reloader.written();
    let secrets = Known {
        of: reloader.secrets(),
        named: written.settings.iter().map(|it| &*it.value).collect(),
    };
    let loaded = config::load_draft(reloader.path(), &secrets, Draft { name, text });
    Ok(Compiled {
        findings: findings(&loaded.diagnostics),
        gateway: loaded.config.map(|config| Gateway::new(config.gateway)),
    })
}

fn is_plain(name: &str) -> bool {
    const LONGEST: usize = 64;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !name.is_empty() && name.len() <= LONGEST && name.bytes().all(plain)
}

/// A name no department's file has.
fn unused(reloader: &Reloader) -> String {
    let folder = reloader.path().with_file_name("routes.d");
    let mut names = (1..).map(|number| match number {
        1 => "draft".to_owned(),
        _ => format!("draft-{number}"),
    });
    let free = names.find(|name| !folder.join(format!("{name}.toml")).exists());
    free.unwrap_or_default()
}
