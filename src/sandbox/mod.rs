//! A world to try the gateway in: codes, the pictures of codes, and departments that answer.
//!
//! It serves `mint`, `mock` and `demo`, the tests and the load tester. Nothing here issues a code
//! that any real department would take: accounts are random, keys are the caller's own.
//!
//! Deliberately absent: a clock and a source of secrets. Instants and seeds come in as arguments;
//! only [`signer`], [`keyring`] and [`authority`] draw randomness, as key pairs are made and used with nothing less.

pub mod authority;
pub mod departments;
pub mod keyring;
pub mod lent;
pub mod mint;
pub mod qr;
pub mod signer;
