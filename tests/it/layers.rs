//! The shape of the tree: layers, what the core never touches, how long a file may be.

use crate::source::{self, Source};

/// Every module, the highest first; each may use those after it and none before.
const LAYERS: [&str; 37] = [
    "main",
    "cli",
    "watch",
    "reload",
    "app",
    "trial",
    "config",
    "admin",
    "sandbox",
    "proxy",
    "handover",
    "server",
    "audit",
    "state",
    "fetch",
    "limit",
    "upstream",
    "framing",
    "tls",
    "keyfile",
    "tick",
    "telemetry",
    "metrics",
    "explain",
    "gateway",
    "route",
    "policy",
    "identity",
    "classify",
    "trust",
    "family",
    "scan",
    "pointer",
    "printable",
    "time",
    "reason",
    "random",
];

/// The highest module of the core: it and all below are pure.
const CORE: &str = "gateway";

/// What the core never names: no runtime, no clock, no environment, no sockets, no logging.
const IMPURE: [&str; 11] = [
    "hyper",
    "log",
    "rand",
    "std::env",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::time::Instant",
    "std::time::SystemTime",
    "tokio",
    "tracing",
];

/// House rule: a file one can read in a sitting.
const MOST_LINES: usize = 400;

#[test]
fn a_module_uses_only_lower_ones() {
    let mut found = Vec::new();
    for source in source::all() {
        let Some(module) = source.module.first() else {
            continue;
        };
        let own = layer(module, &source);
        for named in source.inward() {
            let used = &named.path[0];
            // Items at the top of the library are the map's own.
            let is_module = used.starts_with(char::is_lowercase) && used != "self";
            if is_module && used != module && layer(used, &source) <= own {
                let (name, line) = (&source.name, named.line);
                found.push(format!(
                    "{name}:{line}: {module} uses {used}, which stands higher"
                ));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_core_is_pure() {
    let mut found = Vec::new();
    for source in source::all() {
        let Some(module) = source.module.first() else {
            continue;
        };
        if layer(module, &source) < place(CORE).unwrap() {
            continue;
        }
        for named in source.paths() {
            let path = named.path.join("::");
            let impure = IMPURE.iter().any(|impure| {
                let rest = path.strip_prefix(impure);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            });
            // Whatever its type: `Timestamp::now()` reads a clock.
            if impure || path.ends_with("::now") {
                found.push(format!("{}:{}: {path}", source.name, named.line));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_file_can_be_read_in_a_sitting() {
    let long = source::all().into_iter().filter_map(|source| {
        let lines = source.code.trim_end().lines().count();
        (lines > MOST_LINES).then(|| format!("{}: {lines} lines", source.name))
    });
    let long: Vec<_> = long.collect();
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

fn place(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == module)
}

#[track_caller]
fn layer(module: &str, source: &Source) -> usize {
    let place = place(module);
    place.unwrap_or_else(|| panic!("{}: module {module} has no layer yet", source.name))
}
