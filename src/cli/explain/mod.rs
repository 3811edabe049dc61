//! `multicode explain`.

mod batch;
mod fetched;
mod online;
mod overrides;
mod story;

use std::path::PathBuf;

use clap::Args;

use self::online::Line;
use self::overrides::NoKeys;
use super::options::{self, Config, Format};
use super::{Exit, Failure, Process, load};
use crate::explain::{Detail, Explanation, Telling, explain, unreadable};
use crate::family::{Algorithm, Region};
use crate::gateway::{Door, Gateway, Matter, Suspended};
use crate::printable::printable;
use crate::reason::Reason;
use crate::scan::{Claims, Cleaning, Scan, clean};
use crate::time::Timestamp;
use crate::trust::Keys;
use crate::trust::material::Reading;
use crate::trust::verifier::DEFAULT_SM2_ID;

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
    /// Ask the issuers' key servers, and the platform of the code's issuer, where its family is
    /// believed on a platform's word.
    #[arg(long, conflicts_with = "batch")]
    online: bool,
    /// Read one JSON object a line from standard input, print one a line, in order.
    #[arg(long, conflicts_with = "code")]
    batch: bool,
    /// Keys to use instead of the issuers': a PEM, DER or JWK Set file, or a folder of them.
    #[arg(long, value_name = "PATH")]
    keys: Option<PathBuf>,
    /// What RSA keys of `--keys` are for that do not say: ps256 or rs256.
    #[arg(long, value_name = "ALGORITHM", default_value = "ps256", value_parser = options::rsa)]
    rsa: Algorithm,
    /// Whom SM2 keys of `--keys` sign as.
    #[arg(long, value_name = "ID", default_value = DEFAULT_SM2_ID)]
    sm2_id: String,
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
    reading: Reading,
    door: Door,
    cleaning: Cleaning,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let mut config = load::config(&options.config.config, process)?;
    let line = options.online.then(|| Line::open(&mut config));
    let line = line.transpose()?;
    let reading = options.reading();
    let keys = match &options.keys {
        Some(path) => match overrides::read(path, &reading) {
            Ok(keys) => keys,
            Err(error) => return no_keys(error, options, process),
        },
        None if options.online => fetched::asked(&config)?,
        None => fetched::kept(&config),
    };
    let door = config.listeners.first();
    let desk = Desk {
        door: door
            .map(|listener| listener.door.clone())
            .unwrap_or_default(),
        cleaning: door.map(|listener| listener.cleaning).unwrap_or_default(),
        gateway: Gateway::new(config.gateway),
        keys,
        reading,
    };
    match &options.code {
        Some(code) => one(&desk, code, line.as_ref(), options, process),
        None => batch::run(&desk, process),
    }
}

/// Programs are told in the form they asked for.
fn no_keys(error: NoKeys, options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    if options.format == Format::Json {
        let story = Explanation {
            detail: Some(error.to_string()),
            ..unreadable(Reason::KeyUnavailable)
        };
        serde_json::to_writer(&mut *process.out, &story).map_err(Failure::io)?;
        writeln!(process.out)?;
    }
    Err(if error.unreadable {
        Failure::io(error)
    } else {
        Failure::finding(error)
    })
}

impl Options {
    fn reading(&self) -> Reading {
        Reading {
            rsa: self.rsa,
            sm2_id: self.sm2_id.as_str().into(),
            ..Reading::default()
        }
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
        writeln!(process.err, "multicode: {}", printable(&trouble))?;
    }
    let lack = outcome.as_ref().err().and_then(|it| it.lack.as_ref());
    if let Some(lack) = lack
        && line.is_none()
    {
        let issuer = printable(&lack.issuer.id);
        writeln!(
            process.err,
            "multicode: the keys of {issuer} are on a server, which is not asked here: \
             --online asks it, --keys FILE stands in for it"
        )?;
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
