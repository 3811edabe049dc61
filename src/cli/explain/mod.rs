//! `multicode explain`.

mod batch;
mod online;
mod overrides;
mod story;

use std::path::PathBuf;

use clap::Args;

use self::online::Line;
use super::options::{self, Config, Format};
use super::{Exit, Failure, Process, load};
use crate::explain::{Detail, Telling, explain};
use crate::family::Region;
use crate::gateway::{Door, Gateway, Matter, Suspended};
use crate::scan::{Claims, Cleaning, Scan, clean};
use crate::time::Timestamp;
use crate::trust::Keys;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// The text of the code; put `--` in front of one that begins with a dash.
    #[arg(
        value_name = "CODE",
        required_unless_present = "batch",
        allow_hyphen_values = true
    )]
    code: Option<String>,
    /// The scene, by its name or any alias; else the first listener's default.
    #[arg(long, value_name = "SCENE")]
    scene: Option<String>,
    /// The terminal.
    #[arg(long, value_name = "TERMINAL")]
    terminal: Option<String>,
    /// The organisation the terminal says it stands in.
    #[arg(long, value_name = "ORGANISATION")]
    organisation: Option<String>,
    /// The region the terminal says it stands in.
    #[arg(long, value_name = "ADCODE", value_parser = options::region)]
    region: Option<Region>,
    /// When it is scanned: Unix seconds or RFC 3339; else now.
    #[arg(long, value_name = "TIME", value_parser = options::instant)]
    at: Option<Timestamp>,
    /// Ask the platform of the code's issuer, where its family is believed on a platform's word.
    #[arg(long, conflicts_with = "batch")]
    online: bool,
    /// Read one JSON object a line from standard input, print one a line, in order.
    #[arg(long, conflicts_with = "code")]
    batch: bool,
    /// Keys to use instead of the issuers': a PEM, DER or JWK Set file, or a folder of them.
    #[arg(long, value_name = "PATH")]
    keys: Option<PathBuf>,
    #[command(flatten)]
    config: Config,
    /// How it is printed.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// What the scans of one call are explained with.
struct Desk {
    gateway: Gateway,
    keys: Keys,
    door: Door,
    cleaning: Cleaning,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let mut config = load::config(&options.config.config, process)?;
    let line = options.online.then(|| Line::open(&mut config));
    let line = line.transpose()?;
    let door = config.listeners.first();
    let desk = Desk {
        door: door
            .map(|listener| listener.door.clone())
            .unwrap_or_default(),
        cleaning: door.map(|listener| listener.cleaning).unwrap_or_default(),
        gateway: Gateway::new(config.gateway),
        keys: match &options.keys {
            Some(path) => overrides::read(path).map_err(Failure::finding)?,
            None => config.keys,
        },
    };
    match &options.code {
        Some(code) => one(&desk, code, line.as_ref(), options, process),
        None => batch::run(&desk, process),
    }
}

fn one(
    desk: &Desk,
    code: &str,
    line: Option<&Line>,
    options: &Options,
    process: &mut Process<'_>,
) -> Result<Exit, Failure> {
    let region = options.region.map(|region| region.to_string());
    let claims = Claims {
        scene: options.scene.as_deref(),
        terminal: options.terminal.as_deref(),
        organisation: options.organisation.as_deref(),
        region: region.as_deref(),
    };
    let scan = Scan {
        text: clean(code, desk.cleaning),
        claims,
    };
    let now = options.at.unwrap_or_else(process.now);
    let ask = |suspended: &Suspended<'_>| line?.ask(suspended);
    let telling = Telling {
        detail: Detail::Everything,
        ask: if line.is_some() { Some(&ask) } else { None },
    };
    let (story, outcome) = explain(
        &desk.gateway,
        Matter {
            scan: &scan,
            door: &desk.door,
            keys: &desk.keys,
        },
        telling,
        now,
    );
    if let Some(trouble) = line.and_then(|line| line.trouble.take()) {
        writeln!(process.err, "multicode: {trouble}")?;
    }
    match options.format {
        Format::Human => story::write(&story, process.out)?,
        Format::Json => {
            serde_json::to_writer(&mut *process.out, &story).map_err(Failure::io)?;
            writeln!(process.out)?;
        }
    }
    Ok(if outcome.is_ok() {
        Exit::Success
    } else {
        Exit::Finding
    })
}
