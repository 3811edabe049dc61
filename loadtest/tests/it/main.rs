//! The load tester against gateways that serve, and against servers that lie, freeze and crawl.

/// A gateway on the shipped files, and the program's command line.
#[cfg(test)]
mod world;

/// Servers that are no gateways.
#[cfg(test)]
mod mock;

/// Every scenario, protocol and proof, against a gateway.
#[cfg(test)]
mod gateways;

/// What is found when something is wrong.
#[cfg(test)]
mod findings;

/// What is written about the program, held against it.
#[cfg(test)]
mod docs;
