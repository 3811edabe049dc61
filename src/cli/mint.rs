//! `multicode mint`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use thiserror::Error;

use super::options::{self, Config};
use super::{Exit, Failure, Process, load};
use crate::app;
use crate::family::{Algorithm, Family, Freshness, Kind, Region};
use crate::gateway::Gateway;
use crate::random::Random;
use crate::sandbox::lent;
use crate::sandbox::mint::{Flaw, Order, mint};
use crate::sandbox::qr::Symbol;
use crate::sandbox::signer::Signers;
use crate::time::Timestamp;
use crate::trust::Keys;

/// Pixels a module: a symbol of a usual code is then some 400 pixels wide.
const SCALE: usize = 8;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The family, by the name of its file in `plugins/`.
    family: String,
    /// The issuer; else the first that has a key for the family.
    #[arg(long, value_name = "ISSUER")]
    issuer: Option<String>,
    /// The issuer's key; else the first that is good now.
    #[arg(long, value_name = "KEY")]
    kid: Option<String>,
    /// What is wrong with it: none, expired, not-yet-valid, tampered or foreign.
    #[arg(long, value_name = "FLAW", default_value = "none")]
    flaw: Flaw,
    /// When it is made: Unix seconds or RFC 3339; else now.
    #[arg(long, value_name = "TIME", value_parser = options::instant)]
    at: Option<Timestamp>,
    /// How long it is good.
    #[arg(long, value_name = "SPAN", default_value = "2m", value_parser = options::duration)]
    valid_for: Duration,
    /// An account that is not to be made up, such as `payment=134650328919428540`.
    #[arg(long = "account", value_name = "KIND=VALUE", value_parser = options::account)]
    accounts: Vec<(Kind, String)>,
    /// Where its holder is insured or its issuer sits.
    #[arg(long, value_name = "ADCODE", value_parser = options::region)]
    region: Option<Region>,
    /// Whether it is made for this moment.
    #[arg(long, value_name = "FRESHNESS")]
    freshness: Option<FreshnessWord>,
    /// Signs with a key pair made for this call, `sandboxES256`, `sandboxES384`, `sandboxEdDSA` or
    /// `sandboxOfSM2`, and writes the public halves to this file, a JWK Set.
    #[arg(long, value_name = "FILE")]
    lend: Option<PathBuf>,
    /// As what it is written.
    #[arg(long = "as", value_name = "FORM", default_value = "text")]
    form: Form,
    /// Where it is written; else to standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many are made.
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: usize,
    /// Makes the same codes again.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    config: Config,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A line of text.
    Text,
    /// A QR symbol drawn in the terminal.
    Qr,
    /// A QR symbol as PNG.
    Png,
    /// A QR symbol as SVG.
    Svg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FreshnessWord {
    Dynamic,
    Static,
}

/// What does not go together.
#[derive(Debug, Error)]
enum MintUsage {
    #[error("no family `{wanted}`: expected one of {known}")]
    UnknownFamily { wanted: String, known: String },
    #[error("a picture holds one code: leave out --count or use --as text or --as qr")]
    OnePicture,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    if options.count != 1 && matches!(options.form, Form::Png | Form::Svg) {
        return Err(Failure::usage(MintUsage::OnePicture));
    }
    let (gateway, keys) = load::gateway(&options.config.config, process)?;
    let family = find(&gateway, &options.family).map_err(Failure::usage)?;
    let now = options.at.unwrap_or_else(process.now);
    let mut random = Random::seeded(
        options
            .seed
            .map_or_else(app::seed, Ok)
            .map_err(Failure::io)?,
    );
    let lent = options
        .lend
        .as_ref()
        .map(|path| lend(path, &gateway, &keys));
    let (keys, signers) = lent
        .transpose()?
        .unwrap_or_else(|| (keys, Signers::default()));
    let order = Order {
        key_id: options.key_id(),
        signers,
        ..options.order()
    };
    let mut out = Vec::new();
    for _ in 0..options.count {
        let text = mint(family, &keys, &order, &mut random, now);
        out.extend(write(&text.map_err(Failure::finding)?, options.form)?);
    }
    match &options.out {
        Some(path) => std::fs::write(path, out).map_err(Failure::at(path))?,
        None => process.out.write_all(&out)?,
    }
    Ok(Exit::Success)
}

fn find<'a>(gateway: &'a Gateway, wanted: &str) -> Result<&'a Family, MintUsage> {
    let mut families = gateway.families().iter();
    families
        .find(|family| *family.id == *wanted)
        .ok_or_else(|| {
            let mut known: Vec<&str> = gateway
                .families()
                .iter()
                .map(|family| &*family.id)
                .collect();
            known.sort_unstable();
            MintUsage::UnknownFamily {
                wanted: wanted.to_owned(),
                known: known.join(", "),
            }
        })
}

fn write(text: &str, form: Form) -> Result<Vec<u8>, Failure> {
    if form == Form::Text {
        return Ok(format!("{text}\n").into_bytes());
    }
    let symbol = Symbol::of(text).map_err(Failure::finding)?;
    Ok(match form {
        Form::Png => symbol.to_png(SCALE).map_err(Failure::finding)?,
        Form::Svg => symbol.to_svg(SCALE).into_bytes(),
        Form::Qr | Form::Text => {
            let mut drawn = symbol.to_terminal();
            let _ = writeln!(drawn, "{text}");
            drawn.into_bytes()
        }
    })
}

/// Lends every issuer the same pairs and writes their public halves to `path`.
fn lend(path: &Path, gateway: &Gateway, keys: &Keys) -> Result<(Keys, Signers), Failure> {
    let lent = lent::lend(gateway.families(), keys).map_err(Failure::io)?;
    let issuer = lent.0.issuers().next().map(|issuer| &*issuer.id);
    let set = lent.1.key_set(issuer.unwrap_or_default());
    std::fs::write(path, format!("{set:#}\n")).map_err(Failure::at(path))?;
    Ok(lent)
}

impl Options {
    /// The key asked for; of lent ones the first that most verifiers know.
    fn key_id(&self) -> Option<String> {
        let usual = lent::key_id(Algorithm::Es256).filter(|_| self.lend.is_some());
        self.kid.clone().or_else(|| usual.map(str::to_owned))
    }

    fn order(&self) -> Order {
        Order {
            issuer: self.issuer.clone(),
            accounts: self.accounts.clone(),
            region: self.region,
            freshness: self.freshness.map(|word| match word {
                FreshnessWord::Dynamic => Freshness::Dynamic,
                FreshnessWord::Static => Freshness::Static,
            }),
            valid_for: self.valid_for,
            flaw: self.flaw,
            ..Order::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_in_the_form_asked_for() {
        let written = |form| write("134650328919428540", form).unwrap();
        assert_eq!(written(Form::Text), b"134650328919428540\n");
        assert!(written(Form::Png).starts_with(b"\x89PNG\r\n\x1a\n"));
        assert!(written(Form::Svg).starts_with(b"<svg "));
        let drawn = String::from_utf8(written(Form::Qr)).unwrap();
        assert!(drawn.contains('█') && drawn.ends_with("134650328919428540\n"));
    }
}
