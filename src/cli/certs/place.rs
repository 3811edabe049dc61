//! Where made certificates and keys are kept.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::sandbox::authority::Made;

/// Where a certificate and its key lie.
pub(super) struct Kept {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

/// Writes both: the key first, for its owner alone. What is there stays, unless `force` says otherwise.
/// The folder, if it is made, says to git that nothing of it is to be kept.
pub(super) fn keep(folder: &Path, name: &str, made: &Made, force: bool) -> Result<Kept, Failure> {
    let kept = Kept {
        cert: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
    };
    if !folder.exists() {
        fs::create_dir_all(folder).map_err(Failure::at(folder))?;
        let ignore = folder.join(".gitignore");
        fs::write(&ignore, "*\n").map_err(Failure::at(&ignore))?;
    }
    let both = [&kept.key, &kept.cert];
    if let Some(path) = both.into_iter().find(|path| !force && path.exists()) {
        let said = format!("{} is there already: see --force", path.display());
        return Err(Failure::io(said));
    }
    write(&kept.key, &made.key, 0o600).map_err(Failure::at(&kept.key))?;
    write(&kept.cert, &made.certificate, 0o644).map_err(Failure::at(&kept.cert))?;
    Ok(kept)
}

/// Writes a file beside and puts it in its place, so that nobody ever finds half of one, or an old
/// one's mode.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    // Somebody may have been interrupted here before.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    restrict(&mut options, mode);
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(unix)]
fn restrict(options: &mut OpenOptions, mode: u32) {
    use std::os::unix::fs::OpenOptionsExt as _;

    options.mode(mode);
}

#[cfg(not(unix))]
fn restrict(_: &mut OpenOptions, _: u32) {}
