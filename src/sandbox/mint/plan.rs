//! What an order comes down to: values for captures, a key, times.

use std::time::Duration;

use super::generate::{Choice, capacity};
use super::signer::{Demand, Signer};
use super::wishes::{Wishes, name_of};
use super::{Flaw, MintError, Order};
use crate::family::checksum::days_of;
use crate::family::layout::{FreshnessRule, Issuer, Unit};
use crate::family::signature::SignatureLayout;
use crate::family::{Capture, Checksum, Family, Freshness, Layout, Region, Shape};
use crate::random::Random;
use crate::sandbox::departments::Department;
use crate::time::Timestamp;
use crate::trust::Keys;

/// How far a flawed code's time lies beyond the last instant at which it would pass.
pub(super) const MARGIN: Duration = Duration::from_secs(60);

/// The values a code is to be made with.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    /// What every text must have, by capture.
    required: Wishes,
    /// Values for captures that some texts have.
    offered: Wishes,
    /// Made-up accounts of the shapes their departments know, where the family has room for them.
    accounts: Wishes,
    freshness: Option<Freshness>,
    region: Option<(Capture, Region)>,
    signature: Option<(&'a SignatureLayout, Signer)>,
}

/// An order for a code of one declared family.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) family: &'a Family,
    pub(super) layout: &'a Layout,
    pub(super) order: &'a Order,
    pub(super) now: Timestamp,
}

impl<'a> Plan<'a> {
    /// Settles everything but the made-up parts.
    pub(super) fn new(task: Task<'a>, keys: &Keys, random: &mut Random) -> Result<Self, MintError> {
        let mut plan = Self {
            required: Wishes::default(),
            offered: Wishes::default(),
            accounts: Wishes::default(),
            freshness: task.order.freshness,
            region: None,
            signature: None,
        };
        plan.offer_dates(task.family, random);
        plan.add_times(task)?;
        plan.add_freshness(task)?;
        plan.add_accounts(task, random)?;
        plan.add_region(task)?;
        plan.add_signer(task, keys, random)?;
        Ok(plan)
    }

    /// What is wanted of a capture.
    pub(super) fn choice(&self, name: &str) -> Option<Choice> {
        let firm = self.required.of(name).or_else(|| self.offered.of(name));
        firm.or_else(|| self.accounts.of(name))
    }

    /// Lets the accounts be whatever the family's expression says; false if they already were.
    pub(super) fn forget_accounts(&mut self) -> bool {
        std::mem::take(&mut self.accounts).len() > 0
    }

    /// Whether the text has the shape and every part the value chosen for it.
    pub(super) fn is_kept(&self, family: &Family, shape: &Shape, text: &str) -> bool {
        let Some(matched) = shape.matches(text) else {
            return false;
        };
        family.captures.iter().all(|name| {
            let capture = family.captures.find(name);
            match (
                self.choice(name),
                capture.and_then(|capture| matched.get(capture)),
            ) {
                (Some(Choice::Value(chosen)), Some(found)) => chosen == found,
                _ => true,
            }
        })
    }

    /// The shapes that have a place for everything required, those without an AIM identifier first.
    pub(super) fn shapes(&self, task: Task<'a>) -> Result<Vec<&'a Shape>, MintError> {
        let required = |name: &str| self.required.of(name);
        let fitting: Vec<&Shape> = task
            .family
            .shapes
            .iter()
            .filter(|shape| capacity(shape.hir(), &required) >= self.required.len())
            .filter(|shape| self.is_fresh_as_ordered(task, shape))
            .collect();
        if fitting.is_empty() {
            return Err(MintError::NoPlace {
                what: "all of it at once",
            });
        }
        let mut plain = fitting.clone();
        plain.retain(|shape| shape.aim.is_empty());
        Ok(if plain.is_empty() { fitting } else { plain })
    }

    /// Writes the ordered region over the digits of the region's capture.
    pub(super) fn place_region(
        &self,
        family: &Family,
        shape: &Shape,
        text: String,
    ) -> Result<String, MintError> {
        let Some((capture, region)) = self.region else {
            return Ok(text);
        };
        let missing = MintError::NoPlace { what: "a region" };
        let Some(range) = shape
            .matches(&text)
            .and_then(|matched| matched.range(capture))
        else {
            return Err(missing);
        };
        let digits = region.to_string();
        let made = [6, 4, 2].into_iter().filter_map(|length| {
            let mut made = text.clone();
            let end = range.end.min(range.start + length);
            made.replace_range(range.start..end, digits.get(..end - range.start)?);
            Some(made)
        });
        let is_there = |made: &String| {
            let matched = shape.matches(made);
            let read = matched.and_then(|matched| family.read(&matched).ok()?.region);
            read.is_some_and(|read| covers(read, region))
        };
        { made }.find(is_there).ok_or(missing)
    }

    /// Computes the signature over a text that has everything else.
    pub(super) fn sign(&self, shape: &Shape, mut text: String) -> Result<String, MintError> {
        let Some((layout, signer)) = &self.signature else {
            return Ok(text);
        };
        let matched = shape.matches(&text).ok_or(MintError::NotRead)?;
        let over = matched.get(layout.over).ok_or(MintError::NotRead)?;
        let range = matched.range(layout.value).ok_or(MintError::NotRead)?;
        let signature = signer.sign(layout.form, over.as_bytes())?;
        let signature = layout.encoding.encode(&signature);
        text.replace_range(range.clone(), &signature);
        if shape.matches(&text).is_none() {
            // A shape may want hexadecimal digits in capitals; the encoding takes both.
            text.replace_range(
                range.start..range.start + signature.len(),
                &signature.to_ascii_uppercase(),
            );
        }
        Ok(text)
    }

    /// Random digits are seldom a date; a part that must be one gets one.
    fn offer_dates(&mut self, family: &Family, random: &mut Random) {
        for check in &family.checks {
            if check.checksum == Checksum::Date {
                self.offered.add_value(family, check.of, some_date(random));
            }
        }
    }

    fn add_times(&mut self, task: Task<'_>) -> Result<(), MintError> {
        let (layout, validity) = (task.layout, &task.family.validity);
        let Order {
            flaw, valid_for, ..
        } = *task.order;
        let end = layout
            .expires_at
            .or_else(|| layout.issued_at.filter(|_| validity.max_age.is_some()));
        let (telling, issued) = match flaw {
            Flaw::Expired => {
                let longest = valid_for.max(validity.max_age.unwrap_or_default());
                (end, task.now.before(longest.saturating_add(MARGIN)))
            }
            Flaw::NotYetValid => {
                let tolerated = validity.max_future.saturating_add(MARGIN);
                (layout.issued_at, task.now.after(tolerated))
            }
            Flaw::Foreign | Flaw::None | Flaw::Tampered => (None, task.now),
        };
        if telling.is_none() && matches!(flaw, Flaw::Expired | Flaw::NotYetValid) {
            return Err(MintError::NothingTells { flaw });
        }
        let times = [
            (layout.issued_at, issued),
            (layout.expires_at, issued.after(valid_for)),
        ];
        for (instant, at) in times {
            let Some(instant) = instant else { continue };
            // The instant that tells the flaw must be there; a shape without it would hide the flaw.
            let must = telling.is_some_and(|telling| telling.capture == instant.capture);
            let list = if must {
                &mut self.required
            } else {
                &mut self.offered
            };
            list.add_value(task.family, instant.capture, count(instant.unit, at));
        }
        Ok(())
    }

    fn add_freshness(&mut self, task: Task<'_>) -> Result<(), MintError> {
        let FreshnessRule::Capture { of, dynamic, fixed } = &task.layout.freshness else {
            return Ok(());
        };
        let values = match self.freshness {
            Some(Freshness::Dynamic) => dynamic,
            Some(Freshness::Static) => fixed,
            Some(Freshness::Unknown) | None => return Ok(()),
        };
        let value = values.first().ok_or(MintError::NoPlace {
            what: "this freshness",
        })?;
        // Required only where no shape says it by itself.
        let mut shapes = task.family.shapes.iter();
        let by_shape = shapes.any(|shape| shape.freshness == self.freshness);
        let list = if by_shape {
            &mut self.offered
        } else {
            &mut self.required
        };
        list.add_value(task.family, *of, value.to_string());
        Ok(())
    }

    /// A shape that says nothing will do only if a capture says it.
    fn is_fresh_as_ordered(&self, task: Task<'_>, shape: &Shape) -> bool {
        let Some(wanted) = self.freshness else {
            return true;
        };
        match &task.layout.freshness {
            FreshnessRule::Shape => shape.freshness.unwrap_or(Freshness::Unknown) == wanted,
            FreshnessRule::Capture { of, .. } => {
                let capture = name_of(task.family, *of);
                let has = |name: &str| (Some(name) == capture.as_deref()).then_some(Choice::Any);
                capacity(shape.hir(), &has) > 0 || shape.freshness == Some(wanted)
            }
        }
    }

    fn add_accounts(&mut self, task: Task<'_>, random: &mut Random) -> Result<(), MintError> {
        for (kind, capture) in &task.layout.accounts {
            if let Some(department) = Department::ALL.iter().find(|one| one.kind() == *kind) {
                let account = department.account(random);
                self.accounts.add_value(task.family, *capture, account);
            }
        }
        for (kind, account) in &task.order.accounts {
            let mut places = task.layout.accounts.iter();
            let place = places.find(|(known, _)| known == kind);
            let (_, capture) = place.ok_or(MintError::NoPlace {
                what: "an account of this kind",
            })?;
            self.required
                .add_value(task.family, *capture, account.clone());
        }
        Ok(())
    }

    fn add_region(&mut self, task: Task<'_>) -> Result<(), MintError> {
        if let Some(region) = task.order.region {
            let missing = MintError::NoPlace { what: "a region" };
            let capture = task.layout.region.ok_or(missing)?;
            self.required.add_any(task.family, capture);
            self.region = Some((capture, region));
        }
        Ok(())
    }

    fn add_signer(
        &mut self,
        task: Task<'a>,
        keys: &Keys,
        random: &mut Random,
    ) -> Result<(), MintError> {
        let (family, required) = (task.family, &mut self.required);
        let issuer = match &task.layout.issuer {
            Some(Issuer::Capture(capture)) => Some(*capture),
            Some(Issuer::Constant(_)) | None => None,
        };
        let Some(signature) = &task.layout.signature else {
            refuse_unsigned(task, issuer.is_some())?;
            if let Some((capture, ordered)) = issuer.zip(task.order.issuer.clone()) {
                required.add_value(family, capture, ordered);
            }
            return Ok(());
        };
        let demand = Demand {
            issuer: match &task.layout.issuer {
                Some(Issuer::Constant(only)) => Some(only),
                Some(Issuer::Capture(_)) | None => None,
            },
            algorithms: signature.algorithms,
        };
        let signer = Signer::of(task.order, demand, keys, random, task.now)?;
        if let Some(capture) = issuer {
            required.add_value(family, capture, signer.issuer.clone());
        }
        if let Some(capture) = task.layout.key_id {
            required.add_value(family, capture, signer.key_id.clone());
        }
        required.add_any(family, signature.over);
        required.add_any(family, signature.value);
        self.signature = Some((signature, signer));
        Ok(())
    }
}

/// Refuses what makes sense for signed codes only.
fn refuse_unsigned(task: Task<'_>, has_issuer: bool) -> Result<(), MintError> {
    let Order {
        flaw,
        issuer,
        key_id,
        ..
    } = task.order;
    if key_id.is_some() {
        return Err(MintError::NoPlace { what: "a key" });
    }
    if issuer.is_some() && !has_issuer {
        return Err(MintError::NoPlace { what: "an issuer" });
    }
    let tells = match flaw {
        Flaw::Foreign => false,
        Flaw::Tampered => task.family.is_checked(),
        Flaw::Expired | Flaw::None | Flaw::NotYetValid => true,
    };
    if tells {
        Ok(())
    } else {
        Err(MintError::NothingTells { flaw: *flaw })
    }
}

fn count(unit: Unit, at: Timestamp) -> String {
    match unit {
        Unit::Milliseconds => at.millis().to_string(),
        Unit::Seconds => at.seconds().to_string(),
    }
}

/// Whether the region that was read is the ordered one, as exactly as the text can say it.
fn covers(read: Region, ordered: Region) -> bool {
    let (read, ordered) = (read.to_string(), ordered.to_string());
    ordered.starts_with(read.trim_end_matches('0'))
}

/// A day of the years 1940 to 2009.
fn some_date(random: &mut Random) -> String {
    let mut number = |from: u32, count: u32| {
        let offset = random.below(usize::try_from(count).unwrap_or_default());
        from + u32::try_from(offset).unwrap_or_default()
    };
    let (year, month) = (number(1940, 70), number(1, 12));
    let day = number(1, days_of(year, month));
    format!("{year}{month:02}{day:02}")
}
