//! Whether anybody has touched the files, be it to write what stood there already.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ring::digest::{Context, SHA256};

use super::fingerprint::{folders, read_from, whole};
use super::way::walk;

/// What the file system says of all files: which they are, and when each was changed last.
///
/// A [`Fingerprint`](super::Fingerprint) says whether a configuration is another one; this, whether
/// the files were left alone meanwhile. A file that is cut off, and written again as it was, leaves
/// no trace in the one, and does in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp([u8; 32]);

impl Stamp {
    /// Of the files beside `main` and those that are `named` in them, of every link on the way to
    /// them, and of the folders in which files may come and go.
    pub fn of(main: &Path, named: &BTreeSet<std::path::PathBuf>) -> Self {
        let mut all = Context::new(&SHA256);
        let folders = folders(main);
        for path in read_from(main).union(named).chain(&folders) {
            walk(path, |link| touch(&mut all, link.symlink_metadata()));
            touch(&mut all, path.metadata());
        }
        Self(whole(all))
    }
}

fn touch(all: &mut Context, found: io::Result<Metadata>) {
    match found {
        Ok(found) => {
            let which = [found.dev(), found.ino(), found.size()];
            let when = [found.ctime(), found.ctime_nsec()];
            all.update(&[1]);
            for number in which {
                all.update(&number.to_le_bytes());
            }
            for number in when {
                all.update(&number.to_le_bytes());
            }
        }
        Err(error) => all.update(format!("\0{:?}\0", error.kind()).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir, remove_file, rename, write};
    use std::os::unix::fs::symlink;
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    #[test]
    fn whatever_is_touched_leaves_a_trace_be_it_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (main, routes) = (at("routes.toml"), at("routes.d"));
        write(&main, "a = 1\n").unwrap();
        create_dir(&routes).unwrap();
        for name in ["one", "two"] {
            create_dir(at(name)).unwrap();
            write(at(name).join("ca.pem"), "ca").unwrap();
        }
        let swap = |to: &str| {
            symlink(to, at("..new")).unwrap();
            rename(at("..new"), at("..data")).unwrap();
        };
        swap("one");
        symlink("..data/ca.pem", at("ca.pem")).unwrap();
        let named = BTreeSet::from([at("ca.pem")]);
        let now = || Stamp::of(&main, &named);
        let traced = |touch: &dyn Fn()| {
            let before = now();
            assert_eq!(before, now());
            // Longer than the clock of any kernel stands still.
            sleep(Duration::from_millis(20));
            touch();
            assert_ne!(before, now());
        };
        traced(&|| write(&main, "a = 1\n").unwrap());
        traced(&|| {
            swap("two");
            swap("one");
        });
        traced(&|| {
            write(routes.join("a.toml"), "").unwrap();
            remove_file(routes.join("a.toml")).unwrap();
        });
        traced(&|| {
            rename(&routes, at("away")).unwrap();
            rename(at("away"), &routes).unwrap();
        });
        let before = now();
        write(at("README"), "nobody reads this").unwrap();
        assert_eq!(std::fs::read(&main).unwrap(), b"a = 1\n");
        assert_eq!(now(), before);
    }
}
