//! `multicode mock`.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::options;
use super::{Exit, Failure, Process, block_on, interrupted};
use crate::sandbox::departments::{self, Behaviour, Department, Departments, Fault, Running};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Where the health-card platform listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:18101")]
    health: SocketAddr,
    /// Where the insurance front end listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:18102")]
    insurance: SocketAddr,
    /// Where the payment department listens.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:18103")]
    payment: SocketAddr,
    /// How long every answer takes at least.
    #[arg(long, value_name = "SPAN", default_value = "0ms", value_parser = options::duration)]
    latency: Duration,
    /// How much longer it may take, evenly spread.
    #[arg(long, value_name = "SPAN", default_value = "0ms", value_parser = options::duration)]
    jitter: Duration,
    /// The share of requests that go wrong, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = options::share)]
    fault_rate: f64,
    /// How they go wrong: close, half, hang or status.
    #[arg(long, value_name = "FAULT", default_value = "status")]
    fault: Fault,
    /// Makes the same faults again.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    block_on(async {
        let started = Departments::start(&options.departments()).await;
        let running = started.map_err(Failure::io)?;
        announce(&running, process.out)?;
        interrupted().await?;
        Ok(Exit::Success)
    })?
}

/// Says where everything is; the first line only when all of them can be asked.
fn announce(running: &Running, out: &mut dyn Write) -> Result<(), Failure> {
    for department in Department::ALL {
        let address = running.address(department);
        let name = department.name();
        writeln!(
            out,
            "{name:<10} http://{address}   received: http://{address}/_mock/received"
        )?;
    }
    out.flush()?;
    Ok(())
}

impl Options {
    const fn departments(&self) -> departments::Options {
        departments::Options {
            health: self.health,
            insurance: self.insurance,
            payment: self.payment,
            behaviour: Behaviour {
                latency: self.latency,
                jitter: self.jitter,
                fault_rate: self.fault_rate,
                fault: self.fault,
            },
            seed: self.seed,
        }
    }
}
