//! Places: where a terminal stands, from the registry or, where that is allowed, its own word.

use rustc_hash::FxHashMap;

use crate::family::Region;
use crate::reason::Reason;
use crate::scan::Claims;

/// The registry of terminals.
#[derive(Debug, Default)]
pub struct Terminals(FxHashMap<Box<str>, Terminal>);

/// One registered terminal.
#[derive(Clone, Debug, Default)]
pub struct Terminal {
    /// The organisation it stands in.
    pub organisation: Option<Box<str>>,
    /// The region it stands in.
    pub region: Option<Region>,
    /// The group it is managed with.
    pub group: Option<Box<str>>,
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
        Self(terminals.into_iter().collect())
    }
}

impl Terminals {
    /// How many are registered.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a terminal of that name is registered.
    pub fn knows(&self, name: &str) -> bool {
        self.0.contains_key(name)
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
        let Some(known) = claims.terminal.and_then(|name| self.0.get(name)) else {
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
        };
        [
            ("W-0001".into(), window),
            ("W-0002".into(), Terminal::default()),
        ]
        .into_iter()
        .collect()
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
