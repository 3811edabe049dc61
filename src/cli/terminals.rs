//! `multicode terminals`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use super::{Exit, Failure, Process};
use crate::identity;

/// A key that is made: 256 bits.
const KEY_BYTES: usize = 32;

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an API key, print it this once, and print what goes into terminals.toml.
    Key(Key),
}

#[derive(Args, Debug)]
struct Key {
    /// The terminal it is for; its table's name is printed, too.
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,
}

/// Why no key could be made.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes")]
struct NoRandomness;

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let Command::Key(options) = &options.command;
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    let filled = SystemRandom::new().fill(bytes.as_mut_slice());
    filled.map_err(|_| Failure::io(NoRandomness))?;
    let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
    let digest = identity::digest(key.as_bytes());
    let digest = digest.ok_or_else(|| Failure::io(NoRandomness))?;
    let out = &mut process.out;
    writeln!(out, "# For the terminal; it is not shown again:")?;
    writeln!(out, "{}", &*key)?;
    writeln!(out, "# For terminals.toml:")?;
    if let Some(name) = &options.name {
        writeln!(out, "[terminal.{}]", table(name))?;
    }
    writeln!(out, "api_key = \"sha256:{}\"", HEXLOWER.encode(&digest))?;
    Ok(Exit::Success)
}

/// A name as the files take it.
fn name(text: &str) -> Result<String, &'static str> {
    let plain = |one: u8| one.is_ascii_alphanumeric() || matches!(one, b'-' | b'_' | b'.');
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(plain);
    fits.then(|| text.to_owned())
        .ok_or("expected 1 to 64 of the characters A-Z a-z 0-9 - _ .")
}

/// A name as a table has it: a dot would begin another one.
fn table(name: &str) -> String {
    if name.contains('.') {
        format!("\"{name}\"")
    } else {
        name.to_owned()
    }
}
