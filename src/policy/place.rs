//! Places: who a terminal is and where it stands, from the registry or, where that is allowed, its own
//! word.

use rustc_hash::FxHashMap;

use crate::family::Region;
use crate::identity::{Book, Proofs, Proven, Sort};
use crate::reason::Reason;
use crate::scan::Claims;

/// The registry of terminals.
#[derive(Debug, Default)]
pub struct Terminals {
    known: FxHashMap<Box<str>, Terminal>,
    book: Book,
}

/// One registered terminal.
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    /// The organisation it stands in.
    pub organisation: Option<Box<str>>,
    /// The region it stands in.
    pub region: Option<Region>,
    /// The group it is managed with.
    pub group: Option<Box<str>>,
    /// What proves that it is the one.
    pub proofs: Proofs,
}

/// Whether requests must prove which terminal sends them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proving {
    /// They may; a proof that is shown must hold all the same.
    Optional,
    /// They must.
    #[default]
    Required,
}

/// Who sends a request, as far as anything may be done in its name: a proven terminal or, where that
/// is enough, whom it says it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Caller<'a> {
    name: Option<&'a str>,
    by: Option<Sort>,
}

impl<'a> Caller<'a> {
    /// The terminal's name.
    pub const fn name(&self) -> Option<&'a str> {
        self.name
    }

    /// What proves it; nothing does if it only says so.
    pub const fn by(&self) -> Option<Sort> {
        self.by
    }
}

/// Whether terminals outside the registry may scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strangers {
    /// Their own word about their place counts.
    Admit,
    /// They are refused.
    #[default]
    Refuse,
}

/// Where a scan was made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// The terminal's name.
    pub terminal: Option<&'a str>,
    /// The organisation.
    pub organisation: Option<&'a str>,
    /// The region.
    pub region: Option<Region>,
    /// The terminal's group; only the registry gives one.
    pub group: Option<&'a str>,
    /// Whether the registry has the word.
    pub registered: bool,
}

impl FromIterator<(Box<str>, Terminal)> for Terminals {
    fn from_iter<I: IntoIterator<Item = (Box<str>, Terminal)>>(terminals: I) -> Self {
        let known: FxHashMap<Box<str>, Terminal> = terminals.into_iter().collect();
        let proofs = known.iter();
        let proofs = proofs.map(|(name, terminal)| (&**name, &terminal.proofs));
        Self {
            book: Book::of(proofs),
            known,
        }
    }
}

impl Terminals {
    /// How many are registered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether a terminal of that name is registered.
    pub fn knows(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// The terminals by their proofs.
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// Every terminal.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Terminal)> {
        self.known.iter().map(|(name, one)| (&**name, one))
    }

    /// Settles who sends a request. What it says of itself may not contradict what it has proven, and
    /// nobody is let in by the bare name of a terminal that could prove itself or was taken out of
    /// service. [`place`](Self::place)
    /// does not ask: a `[[test]]` that names such a terminal must not keep its revocation from
    /// coming into force.
    pub fn caller<'a>(
        &'a self,
        proven: Option<Proven<'a>>,
        claimed: Option<&'a str>,
    ) -> Result<Caller<'a>, Reason> {
        match (proven, claimed) {
            (Some(proven), Some(claimed)) if proven.name() != claimed => {
                Err(Reason::TerminalConflict)
            }
            (Some(proven), _) => Ok(Caller {
                name: Some(proven.name()),
                by: Some(proven.by()),
            }),
            (None, Some(claimed)) if self.book.is_revoked(claimed) => Err(Reason::TerminalRevoked),
            // What is its own at one listener is not everybody's at the next.
            (None, Some(claimed)) if self.book.can_prove(claimed) => Err(Reason::TerminalUnproven),
            (None, name) => Ok(Caller { name, by: None }),
        }
    }

    /// Settles where a scan was made. The registry has the word; a claim may not contradict it.
    pub fn place<'a>(
        &'a self,
        claims: &Claims<'a>,
        strangers: Strangers,
    ) -> Result<Place<'a>, Reason> {
        let claimed = claims
            .region
            .map(|text| Region::parse(text).ok_or(Reason::TerminalConflict))
            .transpose()?;
        let Some(known) = claims.terminal.and_then(|name| self.known.get(name)) else {
            return match strangers {
                Strangers::Refuse => Err(Reason::TerminalUnknown),
                Strangers::Admit => Ok(Place {
                    terminal: claims.terminal,
                    organisation: claims.organisation,
                    region: claimed,
                    group: None,
                    registered: false,
                }),
            };
        };
        Ok(Place {
            terminal: claims.terminal,
            organisation: agree(known.organisation.as_deref(), claims.organisation)?,
            region: agree(known.region, claimed)?,
            group: known.group.as_deref(),
            registered: true,
        })
    }
}

/// What the registry says, or else what is claimed; an error if they differ.
fn agree<T: PartialEq>(registered: Option<T>, claimed: Option<T>) -> Result<Option<T>, Reason> {
    match (registered, claimed) {
        (Some(registered), Some(claimed)) if registered != claimed => Err(Reason::TerminalConflict),
        (Some(known), _) | (None, Some(known)) => Ok(Some(known)),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Terminals {
        let window = Terminal {
            organisation: Some("xmdyyy".into()),
            region: Region::parse("350200"),
            group: Some("window".into()),
            ..Terminal::default()
        };
        [
            ("W-0001".into(), window),
            ("W-0002".into(), Terminal::default()),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn a_revoked_terminal_is_not_let_in_by_its_name_either() {
        let mut lost = Terminal::default();
        lost.proofs.revoked = true;
        let registry: Terminals = [("W-0003".into(), lost)].into_iter().collect();
        let name = |claimed| registry.caller(None, claimed).map(|it| it.name());
        assert_eq!(name(Some("W-0003")), Err(Reason::TerminalRevoked));
        assert_eq!(name(Some("W-0001")), Ok(Some("W-0001")));
        assert_eq!(name(None), Ok(None));
    }

    #[track_caller]
    fn check(
        claims: Claims<'_>,
        strangers: Strangers,
        expected: Result<(Option<&str>, Option<&str>), Reason>,
    ) {
        let registry = registry();
        let place = registry.place(&claims, strangers);
        assert_eq!(
            place.map(|place| (place.organisation, place.group)),
            expected
        );
    }

    #[test]
    fn a_claim_may_repeat_the_registry_but_not_contradict_it() {
        let claims = Claims {
            terminal: Some("W-0001"),
            ..Claims::default()
        };
        let here = Ok((Some("xmdyyy"), Some("window")));
        check(claims, Strangers::Refuse, here);
        check(
            Claims {
                organisation: Some("xmdyyy"),
                region: Some("3502"),
                ..claims
            },
            Strangers::Refuse,
            here,
        );
        check(
            Claims {
                organisation: Some("other"),
                ..claims
            },
            Strangers::Admit,
            Err(Reason::TerminalConflict),
        );
        check(
            Claims {
                region: Some("350100"),
                ..claims
            },
            Strangers::Admit,
            Err(Reason::TerminalConflict),
        );
        check(
            Claims {
                region: Some("Xiamen"),
                ..claims
            },
            Strangers::Admit,
            Err(Reason::TerminalConflict),
        );
    }

    #[test]
    fn what_the_registry_leaves_open_the_terminal_may_say() {
        let claims = Claims {
            terminal: Some("W-0002"),
            organisation: Some("x"),
            ..Claims::default()
        };
        check(claims, Strangers::Refuse, Ok((Some("x"), None)));
    }

    #[test]
    fn strangers_are_admitted_only_where_the_listener_says_so() {
        let claims = Claims {
            terminal: Some("T-9"),
            organisation: Some("x"),
            ..Claims::default()
        };
        check(claims, Strangers::Refuse, Err(Reason::TerminalUnknown));
        check(claims, Strangers::Admit, Ok((Some("x"), None)));
        check(
            Claims::default(),
            Strangers::Refuse,
            Err(Reason::TerminalUnknown),
        );
    }
}
