//! Codes to try with, signed by keys that mean nothing.

use std::time::Duration;

use http::StatusCode;

use super::super::{Operators, Purpose};
use super::{instant, wrong};
use crate::admin::Refusal;
use crate::admin::lab::{MintOrder, Minted, Moment};
use crate::app;
use crate::family::Region;
use crate::random::Random;
use crate::sandbox::mint::{Flaw, MintError, Order, mint as make};
use crate::sandbox::qr::Symbol;
use crate::sandbox::signer::Signers;
use crate::trust::{Issuer, Keys};

/// Pixels a module.
const SCALE: usize = 6;

/// The longest a code is made good for.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What the ids of keys begin with that are for trying only.
const FOR_TRYING: [&str; 2] = ["demo", "sandbox"];

/// The terminals of the demonstration stand there.
const HOME: &str = "350200";

/// Makes a code.
pub(in super::super) fn mint(it: &Operators, order: &MintOrder) -> Result<Minted, Refusal> {
    let site = it.sites.load_full();
    let mut families = site.gateway.families().iter();
    let family = families.find(|family| *family.id == *order.family);
    let family = family.ok_or_else(|| wrong("no such family"))?;
    if let Some(name) = &order.scene {
        let scene = site.gateway.scenes().find(name);
        let scene = scene.ok_or_else(|| wrong("no such scene"))?;
        if !scene.accepts.contains(family.kind) {
            return Err(wrong("the scene does not take codes of this kind"));
        }
    }
    let (keys, signers) = lent(it, &site.keys.load())?;
    let named = order.flaw.as_deref().unwrap_or("none");
    let flaw: Flaw = named.parse().map_err(|_| wrong("no such flaw"))?;
    let wanted = Order {
        issuer: order.issuer.clone(),
        valid_for: span(order.valid_for.as_ref())?,
        region: Region::parse(HOME),
        flaw,
        signers,
        ..Order::default()
    };
    let seed = app::seed().map_err(|_| wrong("the system gave no random numbers"))?;
    let (now, mut random) = (instant(order.at.as_ref())?, Random::seeded(seed));
    let made = make(family, &keys, &wanted, &mut random, now);
    // Not every family has a place for a region.
    let made = made.or_else(|error| match error {
        MintError::NoPlace { .. } => {
            let anywhere = Order {
                region: None,
                ..wanted.clone()
            };
            make(family, &keys, &anywhere, &mut random, now)
        }
        other => Err(other),
    });
    let text = made.map_err(|error| wrong(error.to_string()))?;
    let symbol = Symbol::of(&text).map_err(|error| wrong(error.to_string()))?;
    Ok(Minted {
        svg: symbol.to_svg(SCALE),
        family: order.family.clone(),
        issuer: order.issuer.clone(),
        flaw: named.to_owned(),
        text,
    })
}

/// The keys codes may be signed with here.
fn lent(it: &Operators, keys: &Keys) -> Result<(Keys, Signers), Refusal> {
    if let Purpose::Show(signers) = &it.purpose {
        return Ok((keys.issuers().cloned().collect(), signers.clone()));
    }
    let only = |issuer: &Issuer| {
        let kept = issuer.keys.called(&FOR_TRYING);
        let some = kept.iter().next().is_some();
        some.then(|| Issuer {
            keys: kept.into(),
            ..issuer.clone()
        })
    };
    let issuers: Vec<_> = keys.issuers().filter_map(only).collect();
    if issuers.is_empty() {
        let detail = "codes are made with keys whose ids begin with `demo` or `sandbox`; none is \
                      configured: multicode demo has some";
        return Err(Refusal::new(StatusCode::CONFLICT, "no-demo-keys", detail));
    }
    Ok((issuers.into_iter().collect(), Signers::default()))
}

/// How long it is good.
fn span(written: Option<&Moment>) -> Result<Duration, Refusal> {
    let Some(written) = written else {
        return Ok(Order::default().valid_for);
    };
    let text = written.to_string();
    let span = match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => crate::cli::options::duration(&text).ok(),
    };
    let span = span.filter(|span| *span <= LONGEST);
    span.ok_or_else(|| wrong("`valid_for` must be seconds, or such as 2m, up to a day"))
}
