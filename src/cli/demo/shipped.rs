//! The configuration of the demonstration: the one at hand, else the one in the program.

use std::io;
use std::path::{Path, PathBuf};

/// Pairs each file beside the manifest with its text.
macro_rules! shipped {
    ($($name:literal,)+) => {
        [$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $name))),)+]
    };
}

/// The shipped files by their path, so that `demo` works in an empty folder.
const FILES: &[(&str, &str)] = &shipped![
    "routes.toml",
    "terminals.toml",
    "routes.d/health.toml",
    "routes.d/insurance.toml",
    "routes.d/payment.toml",
    "plugins/aggregate.toml",
    "plugins/alipay.toml",
    "plugins/cwt.toml",
    "plugins/drug-code.toml",
    "plugins/drug-trace.toml",
    "plugins/ean.toml",
    "plugins/ecny.toml",
    "plugins/emv-consumer.toml",
    "plugins/emv-merchant.toml",
    "plugins/eu-dcc.toml",
    "plugins/gs1.toml",
    "plugins/gs1-person.toml",
    "plugins/health-card.toml",
    "plugins/insurance-voucher.toml",
    "plugins/invoice.toml",
    "plugins/jws.toml",
    "plugins/merchant-collect.toml",
    "plugins/resident-id.toml",
    "plugins/smart-health-card.toml",
    "plugins/social-security.toml",
    "plugins/unionpay.toml",
    "plugins/wechat-pay.toml",
];

/// A configuration on disk; embedded copies go away with this.
#[derive(Debug)]
pub(super) struct Shipped {
    config: PathBuf,
    folder: Option<PathBuf>,
}

impl Shipped {
    /// Takes `routes.toml` of the current folder, or writes the embedded copies to a new one.
    pub(super) fn find() -> io::Result<Self> {
        let at_hand = Path::new("routes.toml");
        if at_hand.is_file() {
            return Ok(Self {
                config: at_hand.to_owned(),
                folder: None,
            });
        }
        let name = format!("multicode-demo-{}", std::process::id());
        Self::unpack(&std::env::temp_dir().join(name))
    }

    /// The configuration's path.
    pub(super) fn config(&self) -> &Path {
        &self.config
    }

    fn unpack(folder: &Path) -> io::Result<Self> {
        // Must be new: a folder somebody prepared could hold more than what is written here.
        std::fs::create_dir(folder)?;
        let shipped = Self {
            config: folder.join("routes.toml"),
            folder: Some(folder.to_owned()),
        };
        for (name, text) in FILES {
            let path = folder.join(name);
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(path, text)?;
        }
        Ok(shipped)
    }
}

impl Drop for Shipped {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // What is left behind in the temporary folder hurts nobody.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The `.toml` files of a folder beside the manifest, as paths relative to it.
    fn toml_files(folder: &str) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten();
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let files = paths.filter(|path| path.extension().is_some_and(|end| end == "toml"));
        let names = files.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        names.map(|name| format!("{folder}/{name}")).collect()
    }

    #[test]
    fn every_shipped_file_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let top = ["routes.toml", "terminals.toml"].map(str::to_owned);
        let top = top.into_iter().filter(|name| root.join(name).is_file());
        let below = ["plugins", "routes.d"].into_iter().flat_map(toml_files);
        let shipped: BTreeSet<String> = top.chain(below).collect();
        let embedded = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(shipped, embedded);
    }

    #[test]
    fn embedded_copies_come_and_go() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new");
        let shipped = Shipped::unpack(&folder).unwrap();
        assert_eq!(shipped.config(), folder.join("routes.toml"));
        for (name, text) in FILES {
            assert_eq!(std::fs::read_to_string(folder.join(name)).unwrap(), *text);
        }
        assert!(
            Shipped::unpack(&folder).is_err(),
            "not into a folder that exists"
        );
        drop(shipped);
        assert!(!folder.exists());
    }
}
