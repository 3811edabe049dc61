use std::collections::BTreeSet;
use std::fs;

use multicode_loadtest::cli::Exit;

use crate::world::{World, program, root};

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The words of a text that are options.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|one: char| !(one.is_ascii_lowercase() || one == '-'));
    let options = words.filter(|word| word.len() > 3 && word.starts_with("--"));
    options.map(str::to_owned).collect()
}

#[test]
fn every_option_is_documented() {
    let manual = read("docs/loadtest.md");
    let documented = options(&manual);
    for command in ["run", "compare", "check", "schema"] {
        let (exit, help, _) = program(&[command, "--help"]);
        assert_eq!(exit, Exit::Success);
        assert!(manual.contains(&format!("\n### `{command}")), "{command}");
        let (_, options_of) = help.split_once("Options:").unwrap();
        let real = options_of
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with('-'));
        for option in real.flat_map(options).filter(|option| option != "--help") {
            assert!(
                documented.contains(&option),
                "docs/loadtest.md lacks {option}"
            );
        }
    }
}

#[test]
fn every_scenario_is_documented_and_names_its_command() {
    let manual = read("docs/loadtest.md");
    for entry in fs::read_dir(root().join("loadtest/scenarios")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(manual.contains(&format!("| `{name}` |")), "{name}");
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.contains(&format!("run loadtest/scenarios/{name} ")),
            "{name}"
        );
    }
}

/// The commands of the README as they stand there, but that they are over in a moment and that a gateway of the
/// tests is asked.
#[test]
fn the_commands_of_the_readme_work() {
    let readme = read("README.md");
    let begin = "cargo run --release -p multicode-loadtest -- ";
    let commands: Vec<&str> = readme
        .lines()
        .filter_map(|line| line.strip_prefix(begin))
        .collect();
    assert!(!commands.is_empty(), "the README has lost its commands");
    let world = World::start();
    let (url, keys, page) = (
        format!("http://{}", world.address),
        world.path("sandbox.key"),
        world.path("report.html"),
    );
    for command in commands {
        let words = command.split(' ').map(|word| match word {
            "http://127.0.0.1:8080" => url.clone(),
            "sandbox.key" => keys.clone(),
            "report.html" => page.clone(),
            path if path.starts_with("loadtest/") => root().join(path).display().to_string(),
            other => other.to_owned(),
        });
        let words: Vec<String> = words.collect();
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.extend(["--rate", "30", "--for", "2s"]);
        let (exit, out, err) = program(&words);
        assert_eq!(exit, Exit::Success, "{command}\n{out}{err}");
        assert!(fs::read_to_string(&page).unwrap().contains("<svg"));
    }
}
