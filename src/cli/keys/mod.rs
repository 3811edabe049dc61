//! `multicode keys`.

mod story;
mod verify;

use clap::{Args, Subcommand};
use http::Method;

use super::online::{Address, Token, escaped};
use super::options::{Config, Format};
use super::{Exit, Failure, Process, load};
use crate::admin::Standings;
use crate::config;
use crate::fetch::Origin;
use crate::keyfile;
use crate::trust::Standing;

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the issuers and their keys: those in the files, or those a running gateway has.
    List(List),
    /// Have a running gateway ask for keys now.
    Refresh(Refresh),
    /// Read files of keys and say which can be used, and why the others cannot.
    Verify(verify::Options),
}

#[derive(Args, Debug)]
struct List {
    #[command(flatten)]
    config: Config,
    /// The operators' address of a running gateway, to ask it instead of the files.
    #[arg(long, value_name = "URL")]
    admin: Option<Address>,
    #[command(flatten)]
    token: Token,
    /// How it is printed.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Args, Debug)]
struct Refresh {
    /// The issuer; all of them if none is named.
    #[arg(value_name = "ISSUER")]
    issuer: Option<String>,
    /// The operators' address of the gateway.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9090")]
    admin: Address,
    #[command(flatten)]
    token: Token,
    #[command(flatten)]
    config: Config,
    /// How it is printed.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    match &options.command {
        Command::List(options) => list(options, process),
        Command::Refresh(options) => refresh(options, process),
        Command::Verify(options) => verify::run(options, process),
    }
}

fn list(options: &List, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let story = if let Some(admin) = &options.admin {
        let token = options.token.find(&options.config.config)?;
        admin.ask(
            Method::GET,
            "/admin/keys",
            token.as_deref().map(String::as_str),
        )?
    } else {
        let config = load::config(&options.config.config, process)?;
        in_files(&config, process)
    };
    print(&story, options.format, process)?;
    Ok(Exit::Success)
}

/// Files are read, and nobody is asked.
fn in_files(config: &config::Config, process: &Process<'_>) -> Standings {
    let now = (process.now)();
    let issuers = config.keys.issuers().map(|it| Standing::of(it, now));
    let mut issuers: Vec<_> = issuers.collect();
    issuers.sort_by(|a, b| a.issuer.cmp(&b.issuer));
    for issuer in &mut issuers {
        let mut feeds = config.feeds.iter();
        let Some(feed) = feeds.find(|feed| feed.issuer == issuer.issuer) else {
            continue;
        };
        issuer.source = feed.keys.as_ref().map(Origin::told);
        if let Some(Origin::File(path)) = &feed.keys {
            let found = keyfile::read(path, &feed.reading).unwrap_or_default();
            issuer.rejected = found.rejected;
        }
    }
    Standings { issuers }
}

fn refresh(options: &Refresh, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let path = match &options.issuer {
        Some(issuer) => format!("/admin/keys/refresh?issuer={}", escaped(issuer)),
        None => "/admin/keys/refresh".to_owned(),
    };
    let token = options.token.find(&options.config.config)?;
    let story = options
        .admin
        .ask(Method::POST, &path, token.as_deref().map(String::as_str))?;
    print(&story, options.format, process)?;
    let failed = story.issuers.iter().any(|it| it.trouble().is_some());
    Ok(if failed { Exit::Finding } else { Exit::Success })
}

fn print(story: &Standings, format: Format, process: &mut Process<'_>) -> Result<(), Failure> {
    match format {
        Format::Human => story::write(story, process.out)?,
        Format::Json => {
            serde_json::to_writer(&mut *process.out, story).map_err(Failure::io)?;
            writeln!(process.out)?;
        }
    }
    Ok(())
}
