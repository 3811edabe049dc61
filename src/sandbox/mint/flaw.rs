//! One wrong character, where somebody can notice it.

use super::{Flaw, MintError, matched};
use crate::family::signature::MAX_SIGNATURE_BYTES;
use crate::family::{Code, Family, Match, ParseError};
use crate::random::Random;

/// Changes one character of a sound text: of what is signed if it is signed, else of what a check
/// digit covers. The text keeps its shape, and its issuer, key and times keep their values.
pub(super) fn tamper(
    family: &Family,
    sound: &str,
    random: &mut Random,
) -> Result<String, MintError> {
    let read = matched(family, sound).ok_or(MintError::NotRead)?;
    let code = family.read(&read).map_err(|_| MintError::NotRead)?;
    let nothing = MintError::NothingTells {
        flaw: Flaw::Tampered,
    };
    let tampered = places(&code, random).flat_map(|place| changed_at(sound, place));
    let is_noticed = |text: &String| match matched(family, text) {
        Some(again) if code.signed.is_some() => breaks_signature(family, &code, &again),
        Some(again) => breaks_check(family, &again),
        None => false,
    };
    { tampered }.find(is_noticed).ok_or(nothing)
}

/// Signed texts from a random place on, so that not always the same character is the wrong one;
/// others from their end, where check digits stand: changed elsewhere, a number may become one of
/// another family.
fn places(code: &Code<'_>, random: &mut Random) -> impl Iterator<Item = usize> {
    let length = code.text.len();
    let start = code.signed.as_ref().map(|_| random.below(length));
    let forwards = start.map(|start| (start..length).chain(0..start));
    let backwards = start.is_none().then(|| (0..length).rev());
    forwards
        .into_iter()
        .flatten()
        .chain(backwards.into_iter().flatten())
}

/// The texts with another character of the same class at `place`.
fn changed_at(text: &str, place: usize) -> impl Iterator<Item = String> {
    let class: &[u8] = match text.as_bytes().get(place) {
        Some(b'0'..=b'9') => b"0123456789",
        Some(b'a'..=b'f') => b"abcdef",
        Some(b'g'..=b'z') => b"ghijklmnopqrstuvwxyz",
        Some(b'A'..=b'F') => b"ABCDEF",
        Some(b'G'..=b'Z') => b"GHIJKLMNOPQRSTUVWXYZ",
        _ => b"",
    };
    let others = class
        .iter()
        .map(|byte| char::from(*byte))
        .filter_map(move |other| {
            let mut changed = text.to_owned();
            changed.replace_range(place..=place, other.encode_utf8(&mut [0; 4]));
            (changed != text).then_some(changed)
        });
    others.collect::<Vec<_>>().into_iter()
}

/// Whether the signed bytes, and nothing that trust looks at before the signature, are different.
fn breaks_signature(family: &Family, sound: &Code<'_>, again: &Match<'_>) -> bool {
    let Ok(code) = family.read(again) else {
        return false;
    };
    let same = code.issuer == sound.issuer
        && code.key_id == sound.key_id
        && code.issued_at == sound.issued_at
        && code.expires_at == sound.expires_at;
    same && family.checks_hold(again) && signed(&code) != signed(sound)
}

/// What is signed, and the signature: where a text is packed, only the latter can be changed.
fn signed(code: &Code<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let signed = code.signed.as_ref()?;
    let mut buffer = [0; MAX_SIGNATURE_BYTES];
    let signature = signed.signature.decode(&mut buffer).unwrap_or_default();
    Some((signed.bytes.to_vec(), signature.to_vec()))
}

fn breaks_check(family: &Family, again: &Match<'_>) -> bool {
    let refused = matches!(family.read(again), Err(ParseError::Checksum { .. }));
    refused || !family.checks_hold(again)
}
