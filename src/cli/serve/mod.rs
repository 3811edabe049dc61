//! `multicode serve`.

mod dumps;
mod life;
mod manager;
mod office;
mod watchdog;

use std::net::SocketAddr;

use clap::Args;

use self::manager::Manager;
use self::office::Files;
use super::options::Config;
use super::{Exit, Failure, Process, load};
use crate::app::{App, Overrides};
use crate::handover::{self, Predecessor};
use crate::reload::Ready;
use crate::server::{Address, Inherited};
use crate::telemetry::Traces;

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// Where the first listener listens, instead of where the file says: a port, or `unix:` and a path.
    #[arg(long, value_name = "ADDR")]
    listen: Option<Address>,
    /// Where operators come in, instead of where the file says.
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// Threads that serve terminals, instead of what the file says; 0: one a core.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Whether usual HTTP/1.1 messages take the short way, instead of what the file says.
    #[arg(long, value_name = "on|off", env = "MULTICODE_FAST_LANE", value_parser = switch)]
    fast_lane: Option<bool>,
    /// Take over from a running gateway only when that one has ended its work, not beside it.
    #[arg(long)]
    alone: bool,
    /// Read the files again only when asked to, by SIGHUP or an operator, not when they change.
    #[arg(long)]
    no_watch: bool,
    /// Let a crash write what is in memory to disk, keys and all, and debuggers look in.
    #[arg(long, env = "MULTICODE_CORE_DUMPS")]
    core_dumps: bool,
    /// What is logged: error, warn, info, debug or trace, also per module.
    #[arg(
        long,
        value_name = "LEVEL",
        env = "MULTICODE_LOG",
        default_value = "info"
    )]
    log: String,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    log_to_stderr(&options.log)?;
    if !options.core_dumps {
        dumps::forbid().map_err(Failure::io)?;
    }
    // Before there are threads: this takes variables out of the environment.
    let names = variable("LISTEN_FDNAMES");
    let inherited = Inherited::from_manager(names.as_deref()).map_err(Failure::io)?;
    let predecessor = Predecessor::find(variable(handover::VARIABLE).as_deref())?;
    let inherited = match &predecessor {
        Some(predecessor) => {
            let sockets = predecessor.sockets()?;
            Inherited::from_predecessor(sockets).map_err(Failure::io)?
        }
        None => inherited,
    };
    let traces = Traces::read(variable);
    let (ready, seen) = load::whole(&options.config.config, process)?;
    let overrides = Overrides {
        listen: options.listen.clone(),
        admin: options.admin,
        workers: options.workers,
        fast_lane: options.fast_lane,
    };
    let manager = Manager::find(variable);
    let Ready {
        config,
        material,
        trials,
    } = ready;
    let path = options.config.config.clone();
    let files = Files::new(path, &config, seen, trials, !options.no_watch);
    let app = App::build_beside(config, material, overrides, inherited, &traces);
    let app = app.map_err(Failure::io)?;
    for address in app.addresses() {
        tracing::info!(%address, "listening for scans");
    }
    if let Some(address) = app.admin_address() {
        tracing::info!(%address, "listening for operators");
    }
    let start = life::Start {
        predecessor,
        alone: options.alone,
        files,
        manager,
    };
    super::block_on(life::live(app, start))?
}

/// Reads `on` or `off`.
fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("expected on or off"),
    }
}

/// What a manager or a predecessor says beside the sockets it passes, and OpenTelemetry's own
/// variables, which mean the same to every program beside this one.
#[expect(
    clippy::disallowed_methods,
    reason = "how sockets, traces and the manager's ear are passed from process to process; no configuration"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Logs as JSON, one event a line. A panic is logged with its place only: its message may quote
/// what was being read.
fn log_to_stderr(level: &str) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_new(level).map_err(Failure::usage)?;
    let logger = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter);
    logger
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|error| Failure::usage(error.to_string()))?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a fault of the gateway");
    }));
    Ok(())
}
