//! The fast lane and the long way: the same answers.

mod answers;
mod costs;
mod differential;
mod mirror;
mod transcript;

pub(crate) use self::transcript::{Came, Door, answers, difference};
use crate::proof::scale;

const VARIABLE: &str = "MULTICODE_FAST_LANE";

/// The variable, for a program whose environment is cleared.
pub(crate) fn variable() -> Option<(&'static str, &'static str)> {
    let word = if asked_for()? { "on" } else { "off" };
    Some((VARIABLE, word))
}

/// Which of them the tests shall take, if anybody says so: `MULTICODE_FAST_LANE`, as the program reads it.
pub(crate) fn asked_for() -> Option<bool> {
    let asked = std::env::var_os(VARIABLE)?;
    match asked.to_str() {
        Some("on") => Some(true),
        Some("off") => Some(false),
        _ => panic!("MULTICODE_FAST_LANE: expected on or off"),
    }
}

/// That many times, and fifty times as often where everything is to be proven.
pub(crate) fn times(usual: u32) -> u32 {
    scale(usual, 50 * usual)
}
