//! `multicode certs`.

mod place;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use thiserror::Error;

use self::place::{Kept, keep};
use super::{Exit, Failure, Process};
use crate::sandbox::authority::{Authority, Made, Order, Purpose};

/// The longest life of a server's certificate that browsers and operating systems still take.
const LONGEST: u16 = 398;

/// A day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make an authority that signs the other certificates.
    Ca(Ca),
    /// Make what a listener shows: one for these DNS names and addresses.
    Server(Server),
    /// Make what a terminal shows.
    Terminal(Client),
    /// Make what the gateway shows to a department.
    Upstream(Client),
}

#[derive(Args, Debug)]
struct Ca {
    /// What it is called in its certificate.
    #[arg(long, value_name = "NAME", default_value = "multicode development CA")]
    name: String,
    #[command(flatten)]
    place: Place,
    /// How long it is good.
    #[arg(long, value_name = "DAYS", default_value_t = 3650, value_parser = clap::value_parser!(u16).range(1..=10_950))]
    days: u16,
}

#[derive(Args, Debug)]
struct Server {
    /// DNS names, also `*.example`, and addresses.
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// What the files are called, without their ending.
    #[arg(long, value_name = "NAME", default_value = "gateway")]
    file: String,
    #[command(flatten)]
    place: Place,
    /// How long it is good.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=i64::from(LONGEST)))]
    days: u16,
}

#[derive(Args, Debug)]
struct Client {
    /// The terminal's ID, or the gateway's name; the files are called that.
    #[arg(value_name = "NAME")]
    name: String,
    /// A DNS name, address or URI it is good for; may be repeated.
    #[arg(long = "san", value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    place: Place,
    /// How long it is good.
    #[arg(long, value_name = "DAYS", default_value_t = LONGEST, value_parser = clap::value_parser!(u16).range(1..=i64::from(LONGEST)))]
    days: u16,
}

/// Where files lie.
#[derive(Args, Debug)]
struct Place {
    /// The folder of the files, the authority's too.
    #[arg(long, value_name = "FOLDER", default_value = "certs")]
    out: PathBuf,
    /// Puts new files in the place of old ones.
    #[arg(long)]
    force: bool,
}

/// What cannot be done.
#[derive(Debug, Error)]
enum CertsUsage {
    #[error("{0:?} cannot be the name of files: expected letters, digits, \".\", \"-\" and \"_\"")]
    File(String),
    #[error("no authority in {}: make one with \"multicode certs ca\"", .0.display())]
    NoAuthority(PathBuf),
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    match &options.command {
        Command::Ca(options) => authority(options, process)?,
        Command::Server(options) => server(options, process)?,
        Command::Terminal(options) => terminal(options, process)?,
        Command::Upstream(options) => upstream(options, process)?,
    }
    Ok(Exit::Success)
}

fn authority(options: &Ca, process: &mut Process<'_>) -> Result<(), Failure> {
    let now = (process.now)();
    let made = Authority::make(&options.name, now, DAY * u32::from(options.days));
    let made = made.map_err(Failure::finding)?;
    let kept = told(&options.place, "ca", &made, process)?;
    let cert = path(&kept.cert);
    writeln!(
        process.out,
        "\nroutes.toml, in a listener's tls, to take the terminals' certificates:\n\
         clients = {{ ca = {cert} }}\n\
         \nroutes.d/DEPARTMENT.toml, to trust departments with its certificates:\n\
         ca = {cert}"
    )?;
    Ok(())
}

fn server(options: &Server, process: &mut Process<'_>) -> Result<(), Failure> {
    let (cert, key) = signed(
        &Wish {
            purpose: Purpose::Server,
            file: &options.file,
            subject: options.names.first().map_or("", String::as_str),
            names: &options.names,
            days: options.days,
        },
        &options.place,
        process,
    )
    .map(|(kept, _)| (path(&kept.cert), path(&kept.key)))?;
    writeln!(
        process.out,
        "\nroutes.toml, in [listener.NAME]:\ntls = {{ cert = {cert}, key = {key} }}"
    )?;
    Ok(())
}

fn terminal(options: &Client, process: &mut Process<'_>) -> Result<(), Failure> {
    let usual = format!("urn:multicode:terminal:{}", options.name);
    let (_, made) = signed(&client(options, &[usual]), &options.place, process)?;
    let name = key(&options.name);
    let digest = HEXLOWER.encode(&made.sha256);
    writeln!(
        process.out,
        "\nterminals.toml:\n[terminal.{name}]\ncertificate = \"sha256:{digest}\""
    )?;
    Ok(())
}

fn upstream(options: &Client, process: &mut Process<'_>) -> Result<(), Failure> {
    let usual = format!("urn:multicode:gateway:{}", options.name);
    let (kept, _) = signed(&client(options, &[usual]), &options.place, process)?;
    let (cert, key) = (path(&kept.cert), path(&kept.key));
    writeln!(
        process.out,
        "\nroutes.d/DEPARTMENT.toml, in [upstream.NAME]:\n\
         identity = {{ cert = {cert}, key = {key} }}"
    )?;
    Ok(())
}

/// What is signed, and how its files are called.
struct Wish<'a> {
    purpose: Purpose,
    file: &'a str,
    subject: &'a str,
    names: &'a [String],
    days: u16,
}

fn client<'a>(options: &'a Client, usual: &'a [String]) -> Wish<'a> {
    let names = if options.names.is_empty() {
        usual
    } else {
        &options.names
    };
    Wish {
        purpose: Purpose::Client,
        file: &options.name,
        subject: &options.name,
        names,
        days: options.days,
    }
}

fn signed(
    wish: &Wish<'_>,
    place: &Place,
    process: &mut Process<'_>,
) -> Result<(Kept, Made), Failure> {
    check_name(wish.file)?;
    let authority = authority_of(&place.out)?;
    let made = authority.sign(&Order {
        purpose: wish.purpose,
        subject: wish.subject,
        names: wish.names,
        now: (process.now)(),
        life: DAY * u32::from(wish.days),
    });
    let made = made.map_err(Failure::finding)?;
    let kept = told(place, wish.file, &made, process)?;
    Ok((kept, made))
}

fn told(
    place: &Place,
    name: &str,
    made: &Made,
    process: &mut Process<'_>,
) -> Result<Kept, Failure> {
    let kept = keep(&place.out, name, made, place.force)?;
    writeln!(process.out, "wrote {}", kept.cert.display())?;
    writeln!(process.out, "wrote {}", kept.key.display())?;
    Ok(kept)
}

fn authority_of(folder: &Path) -> Result<Authority, Failure> {
    let (cert, key) = (folder.join("ca.pem"), folder.join("ca.key"));
    if !cert.exists() || !key.exists() {
        return Err(Failure::usage(CertsUsage::NoAuthority(folder.into())));
    }
    let cert_text = std::fs::read_to_string(&cert).map_err(Failure::at(&cert))?;
    let key_text = std::fs::read_to_string(&key).map_err(Failure::at(&key))?;
    let key_text = zeroize::Zeroizing::new(key_text);
    Authority::read(&cert_text, &key_text).map_err(Failure::finding)
}

/// Names become files and TOML keys: none may lead elsewhere.
fn check_name(name: &str) -> Result<(), Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let good = !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain);
    if good && name != "ca" {
        return Ok(());
    }
    Err(Failure::usage(CertsUsage::File(name.to_owned())))
}

/// A path as TOML spells it, which is as JSON does.
fn path(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}

/// A name as a key of TOML.
fn key(name: &str) -> String {
    if name.contains('.') {
        return format!("\"{name}\"");
    }
    name.to_owned()
}
