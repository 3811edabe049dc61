//! The integration tests, one binary so that they link once.

/// Counts what `allocations` looks at.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Sockets in, sockets out: connections, deadlines, framing, TLS, delivery. Nothing about scans.
#[cfg(test)]
mod engine;

/// The fast lane and the long way: the same answers, and what the fast one costs.
#[cfg(test)]
mod lane;

/// Issuers' keys: key servers in every mood, files, snapshots, lists of what was taken back.
#[cfg(test)]
mod fetch;

/// The gateway from the terminal's socket to the department's: request forms, headers, limits, faults,
/// pages, reloads, and what must never be told to anybody.
#[cfg(test)]
mod edge;

/// Request smuggling, floods and slow clients: what the gateway makes of bytes that were meant to be
/// misunderstood, and what departments see of them.
#[cfg(test)]
mod smuggling;

/// Pictures: our own codes however they are shown, read by both decoders, and pictures over a socket.
#[cfg(test)]
mod pictures;

/// The gateway in bad times: upgrades under load, no descriptors left. `docs/faults.md` has a row for each.
#[cfg(test)]
#[path = "../faults/mod.rs"]
mod faults;

/// How much is tried; a helper of the tests that prove more where they are asked to.
#[cfg(test)]
mod proof;

/// Tests run again in a process of their own.
#[cfg(test)]
mod reruns;

/// The console in a browser, on the program itself.
#[cfg(test)]
mod console;

/// The shape of the tree: which module may use which, what the core never touches.
#[cfg(test)]
mod layers;

/// Reads our own sources; a helper of the tests about them.
#[cfg(test)]
mod source;

/// The shipped files, loaded; a helper of the tests about decisions.
#[cfg(test)]
mod shipped;

/// Codes of every family, sound and broken, as files.
#[cfg(test)]
mod corpora;

/// Decisions with a fixed `now`: no sockets, no tokio.
#[cfg(test)]
mod decide;

/// Keys and what they sign: minted signatures of every algorithm, key sets of every form.
#[cfg(test)]
mod keys;

/// Vectors others published, where somebody put them beside this repository.
#[cfg(test)]
mod external;

/// Published credentials, there too: what each says, and that its signature covers what was read.
#[cfg(test)]
mod external_tokens;

/// Used codes and outcomes: what every store promises, on every store, and what each survives.
#[cfg(test)]
mod state;

/// The audit trail: what is seen of every tampering, what survives every crash, what arrives elsewhere.
#[cfg(test)]
mod audit;

/// What holds for every text and every table.
#[cfg(test)]
mod properties;

/// How little a decision costs.
#[cfg(test)]
mod allocations;

/// Bombs of every decoder, thrown at the program while its memory is watched.
#[cfg(test)]
mod hostile;

/// The bodies of the fuzz targets, run briefly.
#[cfg(test)]
mod fuzz;

/// Units, image, chart, package; the manual's incidents and threats held against what there is.
#[cfg(test)]
mod packaging;

/// Rules, dashboard and a real Prometheus.
#[cfg(test)]
mod deploy;

/// The manual held against the program.
#[cfg(test)]
mod docs;

/// Every command of the README, run.
#[cfg(test)]
mod readme;

/// The side-by-side measurements, as far as they need no quiet machine.
#[cfg(test)]
mod peers;
