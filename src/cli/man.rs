//! `multicode man`.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_mangen::Man;

use super::{Exit, Failure, Process};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Write a page for every command into this folder.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let mut definition = super::definition();
    // Fills in what the commands inherit, so that each page stands alone.
    definition.build();
    match &options.out {
        Some(folder) => write_pages(&definition, folder)?,
        None => process.out.write_all(&page(definition)?)?,
    }
    Ok(Exit::Success)
}

fn write_pages(definition: &clap::Command, folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(Failure::at(folder))?;
    let name = definition
        .get_display_name()
        .unwrap_or_else(|| definition.get_name());
    let path = folder.join(format!("{name}.1"));
    std::fs::write(&path, page(definition.clone())?).map_err(Failure::at(&path))?;
    let commands = definition.get_subcommands();
    for command in commands.filter(|command| !command.is_hide_set()) {
        write_pages(command, folder)?;
    }
    Ok(())
}

fn page(command: clap::Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}
