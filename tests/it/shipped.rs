//! The files in this repository, loaded once with throw-away secrets, and copies of them with
//! something changed.

use std::fs;
use std::ops::Deref;
use std::path::Path;
use std::sync::LazyLock;

use multicode::config::{self, Config, NoSecrets, Secrets, Style};
use multicode::explain::{Detail, Explanation, explain};
use multicode::gateway::{Door, Gateway, Matter};
use multicode::policy::Strangers;
use multicode::reason::Reason;
use multicode::sandbox::lent::lend;
use multicode::sandbox::signer::Signers;
use multicode::scan::{Claims, Cleaning, Scan, clean};
use multicode::time::Timestamp;
use multicode::trial::Stopgap;
use multicode::trust::Keys;

use crate::source::root;

/// 2026-11-22, nine o'clock in China; the example codes of the families are issued then.
pub(crate) const NOW: i64 = 1_795_309_200;

/// The shipped gateway, with keys that sign.
pub(crate) static GATEWAY: LazyLock<Desk> = LazyLock::new(|| Desk::lent(config()));

/// A gateway and the keys it decides with.
pub(crate) struct Desk {
    pub(crate) gateway: Gateway,
    pub(crate) keys: Keys,
    pub(crate) signers: Signers,
}

impl Desk {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            gateway: Gateway::new(config.gateway),
            keys: config.keys,
            signers: Signers::default(),
        }
    }

    pub(crate) fn matter<'a>(&'a self, scan: &'a Scan<'a>, door: &'a Door) -> Matter<'a> {
        Matter {
            scan,
            door,
            keys: &self.keys,
        }
    }

    fn lent(config: Config) -> Self {
        let lent = lend(&config.gateway.families, &config.keys);
        let (keys, signers) = lent.unwrap();
        Self {
            gateway: Gateway::new(config.gateway),
            keys,
            signers,
        }
    }
}

impl Deref for Desk {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        &self.gateway
    }
}

/// The shipped configuration, anew.
pub(crate) fn config() -> Config {
    load(root())
}

/// The shipped configuration with text appended to `routes.toml` and the first text of each pair
/// replaced by the second, in whichever file it stands.
pub(crate) fn changed(appended: &str, replaced: &[(&str, &str)]) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let mut found = vec![false; replaced.len()];
    for name in files() {
        let mut text = fs::read_to_string(root().join(&name)).unwrap();
        for ((from, to), found) in replaced.iter().zip(&mut found) {
            *found |= text.contains(from);
            text = text.replace(from, to);
        }
        if name == "routes.toml" {
            text.push_str(appended);
        }
        let path = folder.path().join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    assert!(found.iter().all(|found| *found), "{replaced:?}: {found:?}");
    load(folder.path())
}

/// Every file a configuration is made of, from the root.
pub(crate) fn files() -> Vec<String> {
    let mut files = vec!["routes.toml".to_owned(), "terminals.toml".to_owned()];
    for folder in ["plugins", "routes.d"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        files.extend(names.map(|name| format!("{folder}/{name}")));
    }
    files.sort();
    files
}

fn load(folder: &Path) -> Config {
    let none: &dyn Secrets = &NoSecrets;
    let loaded = config::load(&folder.join("routes.toml"), &Stopgap::over(none));
    let shown = loaded.diagnostics.render(Style::Plain);
    loaded.config.unwrap_or_else(|| panic!("{shown}"))
}

/// A door that asks nothing.
pub(crate) fn door() -> Door {
    Door {
        default_scene: Some("other".into()),
        scenes: Box::default(),
        strangers: Strangers::Admit,
    }
}

/// One scan.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ask<'a> {
    pub(crate) code: &'a str,
    pub(crate) claims: Claims<'a>,
    /// Milliseconds behind [`NOW`].
    pub(crate) late: i64,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(code: &'a str) -> Self {
        Self {
            code,
            ..Self::default()
        }
    }

    pub(crate) fn scene(mut self, scene: &'a str) -> Self {
        self.claims.scene = Some(scene);
        self
    }

    pub(crate) fn terminal(mut self, terminal: &'a str) -> Self {
        self.claims.terminal = Some(terminal);
        self
    }

    pub(crate) fn organisation(mut self, organisation: &'a str) -> Self {
        self.claims.organisation = Some(organisation);
        self
    }

    pub(crate) fn region(mut self, region: &'a str) -> Self {
        self.claims.region = Some(region);
        self
    }

    pub(crate) fn late(mut self, millis: i64) -> Self {
        self.late = millis;
        self
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOW * 1_000 + self.late)
    }

    fn scan(&self) -> Scan<'a> {
        Scan {
            text: clean(self.code, Cleaning::Scanner),
            claims: self.claims,
        }
    }

    /// The name of the route it takes, or why it takes none.
    pub(crate) fn outcome(&self, gateway: &Desk, door: &Door) -> Result<String, Reason> {
        let scan = self.scan();
        let decided = gateway.decide(gateway.matter(&scan, door), self.now());
        let decided = decided.map(|decision| decision.route.name.to_string());
        decided.map_err(|rejection| rejection.reason)
    }

    /// Hands its story to `look`.
    pub(crate) fn explained<T>(
        &self,
        gateway: &Desk,
        door: &Door,
        look: impl FnOnce(&Explanation<'_>) -> T,
    ) -> T {
        let scan = self.scan();
        let matter = gateway.matter(&scan, door);
        let (story, _) = explain(gateway, matter, Detail::Verdict, self.now());
        look(&story)
    }
}
