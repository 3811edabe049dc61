use std::collections::BTreeSet;

use super::{outcome, text, tool};
use crate::source::{all, root};

const FILE: &str = "deploy/container/Containerfile";

/// Instructions with their arguments, continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let text = text(FILE);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let instructions = joined.lines().filter(|line| !line.trim().is_empty());
    let split = instructions.map(|line| line.split_once(' ').unwrap());
    split
        .map(|(name, rest)| (name.to_owned(), rest.trim().to_owned()))
        .collect()
}

/// Those of the image that is delivered.
fn delivered() -> Vec<(String, String)> {
    let all = instructions();
    let last = all.iter().rposition(|it| it.0 == "FROM").unwrap();
    all[last..].to_vec()
}

#[test]
fn the_linter_finds_nothing_in_the_container_file() {
    let mut command = tool("MULTICODE_HADOLINT", "target/tools/packaging/bin/hadolint");
    command.arg("--no-color").arg(root().join(FILE));
    assert_eq!(outcome(command), (true, String::new()));
}

#[test]
fn the_image_has_a_user_without_rights_and_no_shell() {
    let delivered = delivered();
    let of = |name: &str| {
        let matching = delivered.iter().filter(|it| it.0 == name);
        matching.map(|it| it.1.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of("RUN"), Vec::<&str>::new());
    assert_eq!(of("ADD"), Vec::<&str>::new());
    let user = of("USER").pop().unwrap();
    let ids: Vec<u32> = user.split(':').map(|id| id.parse().unwrap()).collect();
    assert!(ids.iter().all(|id| *id > 0) && ids.len() == 2, "{user}");
    for name in ["ENTRYPOINT", "CMD"] {
        let [form] = of(name)[..] else {
            panic!("{name}")
        };
        assert!(form.starts_with('['), "{name} starts a shell: {form}");
    }
    let [health] = of("HEALTHCHECK")[..] else {
        panic!()
    };
    assert!(
        health.contains("CMD [\"/usr/bin/multicode\", \"health\""),
        "{health}"
    );
    assert_eq!(of("STOPSIGNAL"), ["SIGTERM"]);
    let (_, base) = &delivered[0];
    assert_eq!(base, "${FINAL_IMAGE}");
}

#[test]
fn the_program_in_the_image_lists_its_crates_as_the_release_does() {
    let runs = instructions();
    let runs: Vec<_> = runs.iter().filter(|it| it.0 == "RUN").collect();
    let builds: Vec<_> = { runs }
        .into_iter()
        .filter(|it| it.1.contains("--bin multicode"))
        .collect();
    let [(_, build)] = builds[..] else {
        panic!("{builds:?}")
    };
    assert!(build.contains("cargo auditable build --locked"), "{build}");
    let version = |of: &str, before: &str| {
        let of = text(of);
        let line = of.lines().find_map(|it| it.strip_prefix(before));
        line.unwrap().trim_matches('"').to_owned()
    };
    assert_eq!(
        version(FILE, "ARG CARGO_AUDITABLE="),
        version("justfile", "cargo_auditable := ")
    );
}

#[test]
fn every_base_has_a_tag_and_no_invented_digest() {
    let bases: Vec<_> = instructions()
        .into_iter()
        .filter_map(|(name, rest)| {
            let (argument, image) = rest.split_once('=')?;
            (name == "ARG" && argument.ends_with("_IMAGE")).then(|| image.to_owned())
        })
        .collect();
    assert_eq!(bases.len(), 2);
    for base in bases {
        let (_, tag) = base.rsplit_once(':').unwrap();
        assert!(tag != "latest" && !base.contains('@'), "{base}");
    }
}

/// The top of every path that goes to the builder.
fn copied() -> BTreeSet<String> {
    let copies = instructions()
        .into_iter()
        .filter(|(name, rest)| name == "COPY" && !rest.contains("--from"));
    let words = copies.flat_map(|(_, rest)| {
        let mut words: Vec<_> = rest.split_whitespace().map(str::to_owned).collect();
        words.pop();
        words
    });
    words.collect()
}

#[test]
fn what_the_program_holds_goes_to_the_builder_and_nothing_else_does() {
    let copied = copied();
    let ignored = text(".containerignore");
    let let_through: BTreeSet<_> = ignored
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .map(str::to_owned)
        .collect();
    assert_eq!(copied, let_through);
    assert!(ignored.lines().any(|line| line == "*"));
    for path in &copied {
        assert!(root().join(path).exists(), "{path}");
    }
    // What the sources take in from beside them.
    let is_copied = |path: &str| {
        let path = path.trim_start_matches('/');
        copied
            .iter()
            .any(|it| path == it || path.starts_with(&format!("{it}/")))
    };
    for source in all() {
        let text = std::fs::read_to_string(root().join(&source.name)).unwrap();
        let program = text.split("#[cfg(test)]").next().unwrap();
        for rest in program.split("env!(\"CARGO_MANIFEST_DIR\"), \"").skip(1) {
            let path = rest.split('"').next().unwrap();
            assert!(path == "/" || is_copied(path), "{}: {path}", source.name);
        }
    }
}
