//! `multicode decode`.

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::options::Format;
use super::{Exit, Failure, Process};
use crate::printable::printable;
use crate::proxy::picture::{self, Contents, Found, PictureError};
use crate::proxy::pictures::MAX_PICTURE_BYTES;

/// The name that means standard input.
const STANDARD_INPUT: &str = "-";

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  multicode decode code.png
  multicode decode --format json photo.jpg label.webp
  curl -s https://example.org/code.png | multicode decode -")]
pub(super) struct Options {
    /// PNG, JPEG or WebP pictures; `-` is standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// How the codes are printed.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// What one file turned out to be.
struct Picture<'a> {
    file: &'a Path,
    contents: Result<Contents, PictureError>,
}

pub(super) fn run(options: &Options, process: &mut Process<'_>) -> Result<Exit, Failure> {
    let mut pictures = Vec::with_capacity(options.files.len());
    for file in &options.files {
        let bytes = load(file).map_err(Failure::at(file))?;
        let contents = if bytes.len() > MAX_PICTURE_BYTES {
            Err(PictureError::TooLong)
        } else {
            picture::read_all(&bytes)
        };
        let picture = Picture { file, contents };
        if options.format == Format::Human {
            process.out.write_all(picture.told().as_bytes())?;
        }
        pictures.push(picture);
    }
    if options.format == Format::Json {
        let all: Vec<Value> = pictures.iter().map(Picture::json).collect();
        serde_json::to_writer_pretty(&mut *process.out, &all).map_err(Failure::io)?;
        writeln!(process.out)?;
    }
    let all_read = pictures.iter().all(|picture| !picture.codes().is_empty());
    Ok(if all_read {
        Exit::Success
    } else {
        Exit::Finding
    })
}

/// The file's bytes, one more than may be read at most.
fn load(file: &Path) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(MAX_PICTURE_BYTES).unwrap_or(u64::MAX) + 1;
    let mut bytes = Vec::new();
    if file.as_os_str() == STANDARD_INPUT {
        std::io::stdin().take(most).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(file)?
            .take(most)
            .read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

impl Picture<'_> {
    fn codes(&self) -> &[Found] {
        self.contents
            .as_ref()
            .map_or(&[], |contents| &contents.codes)
    }

    /// Why a scan of this picture would be refused.
    fn error(&self) -> Option<PictureError> {
        match &self.contents {
            Err(error) => Some(*error),
            Ok(contents) => contents.only().err(),
        }
    }

    /// A line for the file and one for each code.
    fn told(&self) -> String {
        let mut told = printable(&self.file.display().to_string()).to_string();
        if let Ok(Contents { width, height, .. }) = &self.contents {
            let _ = write!(told, ": {width} x {height}");
        }
        if let Some(error) = self.error() {
            let _ = write!(told, ": {error}");
        }
        told.push('\n');
        for code in self.codes() {
            let text = printable(&code.text);
            let _ = writeln!(told, "  {}  {text}", code.symbology.name());
        }
        told
    }

    fn json(&self) -> Value {
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
        put("file", json!(self.file.display().to_string()));
        if let Ok(Contents { width, height, .. }) = &self.contents {
            put("width", json!(width));
            put("height", json!(height));
        }
        put("codes", self.codes().iter().map(code).collect());
        if let Some(error) = self.error() {
            put("error", json!(error.reason().slug()));
        }
        Value::Object(object)
    }
}

fn code(code: &Found) -> Value {
    json!({
        "text": code.text,
        "symbology": code.symbology.name(),
        "aim": code.symbology.aim(),
        "corners": code.corners,
        "reader": code.reader.name(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::qr::Symbol;
    use crate::time::Timestamp;

    #[track_caller]
    fn check(files: &[&Path], format: Format, exit: Exit) -> String {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut process = Process {
            out: &mut out,
            err: &mut err,
            now: Timestamp::default,
        };
        let options = Options {
            files: files.iter().map(|file| file.to_path_buf()).collect(),
            format,
        };
        assert_eq!(run(&options, &mut process).unwrap(), exit);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_picture_says_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let [code, none] = ["code.png", "none.png"].map(|name| folder.path().join(name));
        std::fs::write(
            &code,
            Symbol::of("134650328919428540").unwrap().to_png(4).unwrap(),
        )
        .unwrap();
        std::fs::write(&none, "no picture").unwrap();
        let told = check(&[&code], Format::Human, Exit::Success);
        assert!(
            told.ends_with(": 116 x 116\n  qr  134650328919428540\n"),
            "{told}"
        );
        let told = check(&[&code, &none], Format::Json, Exit::Finding);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told[0]["width"], 116);
        assert_eq!(told[0]["codes"][0]["text"], "134650328919428540");
        assert_eq!(told[0]["codes"][0]["symbology"], "qr");
        assert_eq!(told[0]["codes"][0]["reader"], "rxing");
        let corners = told[0]["codes"][0]["corners"].as_array().unwrap();
        assert_eq!(corners.len(), 4, "{corners:?}");
        assert_eq!(told[0].get("error"), None);
        assert_eq!(told[1]["error"], "unsupported-media-type");
        assert_eq!(told[1]["codes"], json!([]));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_the_systems_fault() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut process = Process {
            out: &mut out,
            err: &mut err,
            now: Timestamp::default,
        };
        let options = Options {
            files: vec![PathBuf::from("/dev/null/x")],
            format: Format::Json,
        };
        let failure = run(&options, &mut process).unwrap_err();
        assert_eq!(failure.exit(), Exit::Io);
    }
}
