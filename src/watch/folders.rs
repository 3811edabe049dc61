//! The folders in which something has to happen before a file is another one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::way::walk;

/// The folders of these files, of every link on the way to them, and of what is not there yet: the
/// next folder above it that is.
pub(super) fn around<'p>(files: impl Iterator<Item = &'p PathBuf>) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for file in files {
        let end = walk(file, |link| all.extend(folder(link)));
        // A folder where a file is wanted is itself what matters.
        all.extend(end.and_then(|end| {
            if end.is_dir() {
                Some(end)
            } else {
                folder(&end)
            }
        }));
    }
    all
}

fn folder(of: &Path) -> Option<PathBuf> {
    of.parent().map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};
    use std::os::unix::fs::symlink;

    use super::*;

    #[track_caller]
    fn check(root: &Path, file: &str, expected: &[&str]) {
        let found = around(std::iter::once(&root.join(file)));
        let inside = found.iter().filter_map(|it| it.strip_prefix(root).ok());
        let inside: Vec<_> = inside.map(|it| it.to_str().unwrap()).collect();
        assert_eq!(inside, expected, "{file}");
    }

    #[test]
    fn every_link_on_the_way_has_a_folder_that_matters() {
        let folder = tempfile::tempdir().unwrap();
        let root = &folder.path().canonicalize().unwrap();
        // As Kubernetes mounts a ConfigMap.
        create_dir_all(root.join("etc/..2026")).unwrap();
        write(root.join("etc/..2026/routes.toml"), "").unwrap();
        symlink("..2026", root.join("etc/..data")).unwrap();
        symlink("..data/routes.toml", root.join("etc/routes.toml")).unwrap();
        symlink("etc", root.join("current")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        check(root, "etc/routes.toml", &["etc", "etc/..2026"]);
        check(root, "current/routes.toml", &["", "etc", "etc/..2026"]);
        check(root, "etc/routes.d/any", &["etc"]);
        check(root, "none/routes.d/any", &[""]);
        check(root, "etc", &["etc"]);
        check(root, "loop", &[""]);
    }
}
