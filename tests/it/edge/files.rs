//! The shipped files in a folder of their own, changed as a test needs them.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use multicode::config::{self, Config, Secret, SecretError, SecretRef, Secrets};
use multicode::family::{Family, Region};
use multicode::gateway::Gateway;
use multicode::random::Random;
use multicode::sandbox::departments::Department;
use multicode::sandbox::mint::{Flaw, Order, mint};
use multicode::trust::Keys;
use tempfile::TempDir;

/// The variables of the shipped issuer's keys.
pub(crate) const KEYS: [&str; 3] = [
    "MULTICODE_FUJIAN_2026A",
    "MULTICODE_FUJIAN_2026S",
    "MULTICODE_STATE_KEY",
];

/// What every secret is in these tests.
pub(crate) const SECRET: &str =
    "hex:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Writes a file that only its owner may use.
pub(crate) fn keep(path: &Path, secret: &str) {
    fs::write(path, secret).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A configuration on disk.
pub(crate) struct Files(TempDir);

/// Gives the one secret to whoever asks.
pub(crate) struct OneSecret;

impl Secrets for OneSecret {
    fn resolve(&self, _: &SecretRef) -> Result<Option<Secret>, SecretError> {
        Ok(Some(Secret::new(SECRET.as_bytes().to_vec())))
    }
}

impl Files {
    /// The shipped ones, but that a scan may be repeated at once and needs no key: what is about that
    /// says so.
    pub(crate) fn shipped() -> Self {
        let files = Self::to_the_letter();
        files.change(
            "routes.toml",
            "[state]\n",
            "[state]\ndouble_read = \"0s\"\n",
        );
        let settles = "\nsettlement = true\n";
        files.change(
            "routes.toml",
            settles,
            &format!("{settles}idempotency = \"optional\"\n"),
        );
        files
    }

    /// The shipped ones.
    pub(crate) fn to_the_letter() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for name in ["routes.toml", "terminals.toml"] {
            fs::copy(root.join(name), folder.path().join(name)).unwrap();
        }
        for name in ["plugins", "routes.d"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            for entry in fs::read_dir(root.join(name)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let to = folder.path().join(name).join(path.file_name().unwrap());
                    fs::copy(&path, to).unwrap();
                }
            }
        }
        Self(folder)
    }

    /// The main file.
    pub(crate) fn main(&self) -> PathBuf {
        self.path("routes.toml")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Replaces a text that must be there.
    pub(crate) fn change(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, &text.replace(from, to));
    }

    /// Adds a line to `[limits]`.
    pub(crate) fn limit(&self, line: &str) {
        self.change("routes.toml", "[limits]\n", &format!("[limits]\n{line}\n"));
    }

    /// Lets a department be asked elsewhere.
    pub(crate) fn point(&self, department: Department, address: SocketAddr) {
        let (file, port) = match department {
            Department::Health => ("routes.d/health.toml", 18101),
            Department::Insurance => ("routes.d/insurance.toml", 18102),
            Department::Payment => ("routes.d/payment.toml", 18103),
        };
        self.change(file, &format!("127.0.0.1:{port}"), &address.to_string());
    }

    /// Hands health cards of the scene `other` to `address` as they were sent.
    pub(crate) fn pass_through(&self, address: SocketAddr) {
        self.pass_through_with(&format!("endpoints = [\"http://{address}\"]"));
    }

    /// The same with these keys of the upstream.
    pub(crate) fn pass_through_with(&self, upstream: &str) {
        let text = format!(
            r#"
owner = "edge"
[upstream.edge]
{upstream}
timeout = "2s"
[[route]]
name    = "edge"
match   = {{ kind = ["health-card"], scene = ["other"] }}
forward = {{ upstream = "edge", path = "/in", method = "POST", headers = {{ x-code-kind = "family" }} }}
"#
        );
        self.write("routes.d/edge.toml", &text);
    }

    /// What they mean; there must be no mistake in them.
    pub(crate) fn load(&self) -> Config {
        let loaded = config::load(&self.main(), &OneSecret);
        let found = loaded.diagnostics.render(config::Style::Plain);
        loaded.config.unwrap_or_else(|| panic!("{found}"))
    }

    /// A code for these files, without a gateway that runs.
    pub(crate) fn mint(&self, family: &str, flaw: Flaw, seed: u64) -> String {
        let config = self.load();
        minted(
            &Gateway::new(config.gateway),
            &config.keys,
            family,
            flaw,
            seed,
        )
    }
}

/// A code of this family from the city of terminal `W-0001`, fresh from its issuer.
pub(crate) fn minted(
    gateway: &Gateway,
    keys: &Keys,
    family: &str,
    flaw: Flaw,
    seed: u64,
) -> String {
    let is_it = |known: &&Family| &*known.id == family;
    let family = gateway.families().iter().find(is_it).unwrap();
    let order = Order {
        flaw,
        region: Region::parse("350200"),
        ..Order::default()
    };
    let now = multicode::app::now();
    let code = mint(family, keys, &order, &mut Random::seeded(seed), now);
    code.unwrap()
}
