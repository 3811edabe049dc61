//! `multicode audit`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use data_encoding::HEXLOWER;
use serde_json::json;

use super::options::{Config, Format, instant};
use super::{Exit, Failure, Process, load};
use crate::audit::{self, Asked, Field, Finding, Line, Lines, PublicKey, Query, Report, Signed};
use crate::time::Timestamp;

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the records of a trail.
    Export(Export),
    /// Say whether a trail is what was written: every link, every signature.
    Verify(Verify),
}

/// Which trail.
#[derive(Args, Debug)]
struct Trail {
    /// The folder; else the one of `[audit]` in the configuration.
    #[arg(value_name = "FOLDER", conflicts_with = "config")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    config: Config,
}

#[derive(Args, Debug)]
struct Verify {
    #[command(flatten)]
    trail: Trail,
    /// The public key, or a file with some: kept elsewhere, it sees what the folder's own cannot.
    #[arg(long, value_name = "PUB")]
    key: Option<String>,
    /// A file with a checkpoint kept elsewhere: the trail must go through it, and is read from there.
    #[arg(long, value_name = "CHECKPOINT")]
    from: Option<PathBuf>,
    /// How it is printed.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Args, Debug)]
struct Export {
    #[command(flatten)]
    trail: Trail,
    /// Not before.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<Timestamp>,
    /// Before.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Timestamp>,
    /// Of this terminal.
    #[arg(long, value_name = "NAME")]
    terminal: Option<Box<str>>,
    /// Refused for this reason.
    #[arg(long, value_name = "SLUG")]
    reason: Option<Box<str>>,
    /// That took this route.
    #[arg(long, value_name = "NAME")]
    route: Option<Box<str>>,
    /// Of this request.
    #[arg(long, value_name = "ID")]
    request_id: Option<Box<str>>,
    /// How they are printed.
    #[arg(long, value_name = "FORMAT", default_value = "ndjson")]
    format: Table,
}

/// How records are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Table {
    /// With a head, a column for every field.
    Csv,
    /// A JSON object a line.
    Ndjson,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    match &options.command {
        Command::Export(options) => export(options, process),
        Command::Verify(options) => verify(options, process),
    }
}

impl Trail {
    fn folder(&self, process: &mut Process<'_>) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        let audit = load::config(&self.config.config, process)?.audit;
        let none = || Failure::usage("the configuration has no [audit]: name a FOLDER");
        Ok(audit.ok_or_else(none)?.folder)
    }
}

fn verify(options: &Verify, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let folder = options.trail.folder(process)?;
    let asked = Asked {
        keys: options
            .key
            .as_deref()
            .map(keys)
            .transpose()?
            .unwrap_or_default(),
        from: options.from.as_deref().map(checkpoint).transpose()?,
    };
    let mut told = Ok(());
    let report = {
        let mut tell = |finding: Finding| {
            if told.is_ok() {
                told = tell(&finding, options.format, process.out);
            }
        };
        audit::verify(&folder, &asked, &mut tell).map_err(Failure::at(&folder))?
    };
    told?;
    match options.format {
        Format::Human => people(&report, &folder, &asked, process.out)?,
        Format::Json => writeln!(process.out, "{}", programs(&report, &folder))?,
    }
    let sound = report.findings == 0;
    Ok(if sound { Exit::Success } else { Exit::Finding })
}

/// The key as it was given, or those in the file.
fn keys(text: &str) -> Result<Vec<PublicKey>, Failure> {
    if let Some(key) = PublicKey::parse(text) {
        return Ok(vec![key]);
    }
    let path = Path::new(text);
    let lines = fs::read_to_string(path).map_err(Failure::at(path))?;
    let keys: Option<Vec<_>> = lines.lines().map(PublicKey::parse).collect();
    let keys = keys.filter(|keys| !keys.is_empty());
    keys.ok_or_else(|| Failure::usage(format!("{}: no public key", path.display())))
}

fn checkpoint(path: &Path) -> Result<Signed, Failure> {
    let text = fs::read_to_string(path).map_err(Failure::at(path))?;
    let signed = Signed::parse(&text);
    signed.ok_or_else(|| Failure::usage(format!("{}: no checkpoint", path.display())))
}

fn tell(finding: &Finding, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    match format {
        Format::Human => writeln!(out, "{finding}")?,
        Format::Json => {
            let finding = json!({
                "fault": finding.fault.name(),
                "file": finding.file,
                "seq": finding.seq,
                "offset": finding.offset,
                "message": finding.fault.to_string(),
            });
            writeln!(out, "{}", json!({ "finding": finding }))?;
        }
    }
    Ok(())
}

fn people(
    report: &Report,
    folder: &Path,
    asked: &Asked,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (first, last) = report.records.unwrap_or_default();
    let Report {
        segments, findings, ..
    } = report;
    writeln!(
        out,
        "{}: records {first} to {last} in {segments} segments",
        folder.display()
    )?;
    if let Some(signed) = &report.checkpoint {
        let unsigned = report.unsigned();
        let (size, at) = (signed.size, signed.at);
        writeln!(
            out,
            "signed up to record {size} at {at} by {}; {unsigned} behind it",
            signed.origin
        )?;
    }
    if report.live {
        writeln!(out, "a gateway is writing to it")?;
    }
    if asked.keys.is_empty() {
        let known = fs::read_to_string(folder.join("audit.pub")).unwrap_or_default();
        for key in known.lines() {
            writeln!(
                out,
                "key, from the folder itself: {}",
                crate::printable::printable(key)
            )?;
        }
    }
    match findings {
        0 => writeln!(out, "nothing is wrong")?,
        count => writeln!(out, "{count} findings")?,
    }
    Ok(())
}

fn programs(report: &Report, folder: &Path) -> serde_json::Value {
    json!({ "report": {
        "folder": folder.display().to_string(),
        "segments": report.segments,
        "first": report.records.map(|(first, _)| first),
        "last": report.records.map(|(_, last)| last),
        "head": report.head.map(|head| HEXLOWER.encode(&head)),
        "checkpoint": report.checkpoint.as_ref().map(|it| json!({
            "origin": it.origin, "size": it.size, "at": it.at, "head": HEXLOWER.encode(&it.head),
        })),
        "unsigned": report.unsigned(),
        "live": report.live,
        "findings": report.findings,
    } })
}

fn export(options: &Export, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let folder = options.trail.folder(process)?;
    let words = [
        (Field::Terminal, &options.terminal),
        (Field::Reason, &options.reason),
        (Field::Route, &options.route),
        (Field::RequestId, &options.request_id),
    ];
    let words = words.into_iter();
    let query = Query {
        since: options.since,
        until: options.until,
        words: words
            .filter_map(|(field, word)| Some((field, word.clone()?)))
            .collect(),
    };
    let mut out = std::io::BufWriter::new(&mut *process.out);
    if options.format == Table::Csv {
        let names: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
        writeln!(out, "{}", names.join(","))?;
    }
    for line in Lines::open(&folder).map_err(Failure::at(&folder))? {
        let line = line.map_err(Failure::at(&folder))?;
        if !query.wants(&line) {
            continue;
        }
        match options.format {
            Table::Csv => writeln!(out, "{}", row(&line))?,
            Table::Ndjson => {
                serde_json::to_writer(&mut out, &line).map_err(Failure::io)?;
                writeln!(out)?;
            }
        }
    }
    out.flush()?;
    Ok(Exit::Success)
}

/// RFC 4180. What a spreadsheet would take for a formula is led by an apostrophe.
fn row(line: &Line) -> String {
    let cell = |field: &Field| {
        let shown = line.get(*field).map(audit::Held::shown).unwrap_or_default();
        let formula = shown.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let shown = if formula { format!("'{shown}") } else { shown };
        if shown.contains([',', '"', '\n', '\r']) {
            return format!("\"{}\"", shown.replace('"', "\"\""));
        }
        shown
    };
    let cells: Vec<_> = Field::ALL.iter().map(cell).collect();
    cells.join(",")
}
