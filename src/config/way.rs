//! The way to a file: the links that lead there.

use std::path::{Path, PathBuf};

/// Symbolic links followed on the way to one file, as the kernel does.
const MOST_LINKS: usize = 40;

/// Shows every link on the way to a file, and says where the way ends: at the file, or at the first
/// part of its path that is not there. None: it goes in circles.
pub fn walk(file: &Path, mut link: impl FnMut(&Path)) -> Option<PathBuf> {
    // A name without a folder stands in the process's own.
    let mut whole = std::path::absolute(file).unwrap_or_else(|_| file.to_path_buf());
    for _ in 0..=MOST_LINKS {
        let mut at = PathBuf::new();
        let mut parts = whole.components();
        let mut next = None;
        while let Some(part) = parts.next() {
            let folder = at.clone();
            at.push(part);
            if let Ok(target) = std::fs::read_link(&at) {
                link(&at);
                next = Some(folder.join(target).join(parts.as_path()));
                break;
            }
            if parts.clone().next().is_some() && !at.is_dir() {
                break;
            }
        }
        match next {
            Some(next) => whole = next,
            None => return Some(at),
        }
    }
    None
}
