//! How much is tried: little by default, much where `just prove` asks for it.

use std::env::var_os;

/// The larger number where everything is to be proven.
pub(crate) fn scale<T>(few: T, proof: T) -> T {
    let full = var_os("MULTICODE_PROOF").is_some_and(|value| value == "full");
    if full { proof } else { few }
}
