//! Signed tokens made to order.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::generate::{Choice, generate};
use super::plan::MARGIN;
use super::signer::{Demand, Signer};
use super::{Flaw, MintError, Order, token};
use crate::family::token::{Format, TokenLayout, jws};
use crate::family::{Family, Form};
use crate::pointer::Pointer;
use crate::random::Random;
use crate::sandbox::departments::Department;
use crate::time::Timestamp;
use crate::trust::Keys;

/// Characters that make a token one of a kind.
const ID_LENGTH: usize = 16;

/// An order for a token of one family.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) family: &'a Family,
    pub(super) layout: &'a TokenLayout,
    pub(super) order: &'a Order,
    pub(super) now: Timestamp,
}

/// Makes the token and puts it into a text of the family's shape.
pub(super) fn mint(task: Task<'_>, keys: &Keys, random: &mut Random) -> Result<String, MintError> {
    let Task {
        family,
        layout,
        order,
        now,
    } = task;
    let demand = Demand {
        issuer: layout.issuer.as_deref(),
        algorithms: layout.algorithms,
    };
    let signer = Signer::of(order, demand, keys, random, now)?;
    let claims = claims(task, keys, &signer, random)?;
    let mut failed = None;
    let text = write(layout.format, &signer, &claims, |bytes| {
        signer.sign(Form::Raw, bytes).unwrap_or_else(|error| {
            failed = Some(error);
            Vec::new()
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    let Some(part) = layout.part else {
        return Ok(text);
    };
    let shape = family.shapes.first().ok_or(MintError::NotRead)?;
    let is_part = |name: &str| family.captures.find(name) == Some(part);
    let chosen = |name: &str| is_part(name).then(|| Choice::Value(text.clone()));
    Ok(generate(shape.hir(), &chosen, random)?)
}

fn write(
    format: Format,
    signer: &Signer,
    claims: &Value,
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> String {
    let cose = token::Signer {
        algorithm: signer.algorithm,
        key_id: signer.key_id.as_bytes(),
    };
    match format {
        Format::Cwt(writing) => token::cwt(cose, claims, writing, sign),
        Format::EuDcc => {
            let key_id = decoded(&signer.key_id);
            let cose = token::Signer {
                key_id: &key_id,
                ..cose
            };
            token::hcert(cose, claims, sign)
        }
        Format::Jws => {
            let header = json!({ "alg": jws::name(signer.algorithm), "kid": signer.key_id });
            token::jws(&header, claims, sign)
        }
        Format::SmartHealthCard => token::shc(&signer.key_id, claims, sign),
    }
}

/// What the token says, in the words of its format.
fn claims(
    task: Task<'_>,
    keys: &Keys,
    signer: &Signer,
    random: &mut Random,
) -> Result<Value, MintError> {
    let Task { layout, order, .. } = task;
    let (begin, end) = times(task);
    let (begin, end) = (begin.seconds(), end.seconds());
    let id: String = (0..ID_LENGTH).map(|_| random.letter(ID_LETTERS)).collect();
    let issuer = named(layout.format, keys, &signer.issuer)?;
    let mut claims = match layout.format {
        Format::Cwt(_) => json!({ "1": issuer, "4": end, "6": begin, "7": id }),
        Format::EuDcc => json!({
            "1": "CN", "4": end, "6": begin,
            "-260": { "1": { "ver": "1.3.0", "t": [{ "ci": id }] } },
        }),
        Format::Jws => json!({ "iss": issuer, "iat": begin, "exp": end, "jti": id }),
        Format::SmartHealthCard => json!({
            "iss": issuer, "nbf": begin, "exp": end,
            "vc": { "type": ["https://smarthealth.cards#health-card"], "rid": id },
        }),
    };
    for (kind, pointer) in &layout.accounts {
        let made_up = Department::ALL.iter().find(|one| one.kind() == *kind);
        let ordered = order.accounts.iter().find(|(known, _)| known == kind);
        let account = match (ordered, made_up) {
            (Some((_, account)), _) => account.clone(),
            (None, Some(department)) => department.account(random),
            (None, None) => continue,
        };
        set(&mut claims, pointer, account.into());
    }
    let has_place = |kind| layout.accounts.iter().any(|(known, _)| *known == kind);
    if order.accounts.iter().any(|(kind, _)| !has_place(*kind)) {
        let what = "an account of this kind";
        return Err(MintError::NoPlace { what });
    }
    match (&layout.region, order.region) {
        (Some(pointer), Some(region)) => set(&mut claims, pointer, region.to_string().into()),
        (None, Some(_)) => return Err(MintError::NoPlace { what: "a region" }),
        (_, None) => {}
    }
    Ok(claims)
}

/// Letters of base64url.
const ID_LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// When the token is issued and when it ends.
fn times(task: Task<'_>) -> (Timestamp, Timestamp) {
    let (validity, valid_for) = (task.family.validity, task.order.valid_for);
    let issued = match task.order.flaw {
        Flaw::Expired => {
            let longest = valid_for.max(validity.max_age.unwrap_or_default());
            task.now.before(longest.saturating_add(MARGIN))
        }
        Flaw::NotYetValid => {
            let tolerated = validity.max_future.saturating_add(MARGIN);
            task.now.after(tolerated)
        }
        Flaw::Foreign | Flaw::None | Flaw::Tampered => task.now,
    };
    (issued, issued.after(valid_for))
}

/// What the token calls its issuer: a card does so with an address.
fn named(format: Format, keys: &Keys, issuer: &str) -> Result<String, MintError> {
    let known = keys.issuer(issuer);
    let aliases = known.map_or(&[][..], |issuer| &issuer.aliases);
    match format {
        Format::SmartHealthCard => {
            let address = aliases.iter().find(|alias| alias.starts_with("https://"));
            let what = "an issuer without an https address";
            address
                .map(ToString::to_string)
                .ok_or(MintError::NoPlace { what })
        }
        Format::Cwt(_) | Format::EuDcc | Format::Jws => Ok(issuer.to_owned()),
    }
}

/// Puts a claim where a pointer says, making the objects around it.
fn set(claims: &mut Value, pointer: &Pointer, value: Value) {
    let mut place = claims;
    for token in pointer.tokens() {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Some(members) = place.as_object_mut() else {
            return;
        };
        place = members.entry(&**token).or_insert(Value::Null);
    }
    *place = value;
}

/// The bytes of a certificate's key id; one that is no base64 is its own bytes.
fn decoded(key_id: &str) -> Vec<u8> {
    BASE64_STANDARD
        .decode(key_id)
        .unwrap_or_else(|_| key_id.into())
}
