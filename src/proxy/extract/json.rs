//! Reading a few members of a JSON document in one pass.
//!
//! The wanted pointers form a small tree; the document is walked once, following only what the
//! tree names. Text without escapes is borrowed, so the normal case allocates nothing. What is not
//! wanted is passed over by `IgnoredAny`, which in `serde_json` is a loop, not a recursion: nesting
//! cannot exhaust the stack.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::error::{ExtractError, Found, What};
use crate::pointer::Pointer;

/// The wanted members below one object or array.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree(Vec<(Box<str>, Node)>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Inner(Tree),
    Leaf(What),
}

impl Tree {
    /// Adds a pointer; `false` if it is, holds or stands in a place already taken, or names the
    /// whole document.
    pub(super) fn insert(&mut self, pointer: &Pointer, what: What) -> bool {
        let Some((last, path)) = pointer.tokens().split_last() else {
            return false;
        };
        let mut tree = self;
        for token in path {
            let at = tree
                .0
                .iter()
                .position(|(known, _)| known == token)
                .unwrap_or_else(|| {
                    tree.0.push((token.clone(), Node::Inner(Self::default())));
                    tree.0.len() - 1
                });
            match tree.0.get_mut(at) {
                Some((_, Node::Inner(inner))) => tree = inner,
                _ => return false,
            }
        }
        if tree.0.iter().any(|(known, _)| known == last) {
            return false;
        }
        tree.0.push((last.clone(), Node::Leaf(what)));
        true
    }

    /// The ingredient a top-level member or form field of this name holds.
    pub(super) fn top(&self, name: &str) -> Option<What> {
        self.0.iter().find_map(|(token, node)| match node {
            Node::Leaf(what) if **token == *name => Some(*what),
            _ => None,
        })
    }

    /// The first ingredient below this place, to name a place that holds several.
    fn first(&self) -> Option<What> {
        self.0.iter().find_map(|(_, node)| node.first())
    }
}

impl Node {
    fn first(&self) -> Option<What> {
        match self {
            Self::Inner(tree) => tree.first(),
            Self::Leaf(what) => Some(*what),
        }
    }
}

/// The texts found, and what stopped the walk.
#[derive(Default)]
pub(super) struct Texts<'a> {
    pub(super) code: Option<Cow<'a, str>>,
    pub(super) organisation: Option<Cow<'a, str>>,
    pub(super) region: Option<Cow<'a, str>>,
    pub(super) idempotency_key: Option<Cow<'a, str>>,
    pub(super) scene: Option<Cow<'a, str>>,
    pub(super) terminal: Option<Cow<'a, str>>,
    fault: Option<Fault>,
}

#[derive(Clone, Copy)]
enum Fault {
    Duplicate(What),
    NotText(What, Found),
    NotAnObject,
}

impl<'a> Texts<'a> {
    /// Where the ingredient goes.
    pub(super) fn slot(&mut self, what: What) -> &mut Option<Cow<'a, str>> {
        match what {
            What::Code => &mut self.code,
            What::IdempotencyKey => &mut self.idempotency_key,
            What::Organisation => &mut self.organisation,
            What::Region => &mut self.region,
            What::Scene => &mut self.scene,
            What::Terminal => &mut self.terminal,
        }
    }
}

/// Walks the document.
pub(super) fn read<'a>(json: &'a str, tree: &Tree) -> Result<Texts<'a>, ExtractError> {
    let mut texts = Texts::default();
    let mut document = serde_json::Deserializer::from_str(json);
    let walk = Below {
        tree,
        texts: &mut texts,
        depth: 0,
    };
    let walked = walk
        .deserialize(&mut document)
        .and_then(|()| document.end());
    match walked {
        Ok(()) => Ok(texts),
        Err(error) => Err(explain(&error, texts.fault)),
    }
}

/// The error in our words: those of `serde_json` may quote the document.
fn explain(error: &serde_json::Error, fault: Option<Fault>) -> ExtractError {
    let at = |expected| ExtractError::Json {
        line: error.line(),
        column: error.column(),
        expected,
    };
    match (fault, error.classify()) {
        (Some(Fault::Duplicate(what)), _) => ExtractError::Duplicate { what },
        (Some(Fault::NotText(what, found)), _) => ExtractError::NotText { what, found },
        (Some(Fault::NotAnObject), _) => at("a JSON object"),
        (None, Category::Eof) => at("more: the document ends too early"),
        (None, Category::Data | Category::Io | Category::Syntax) => at("JSON as of RFC 8259"),
    }
}

/// An object or array some of whose members are wanted.
struct Below<'t, 'x, 'a> {
    tree: &'t Tree,
    texts: &'x mut Texts<'a>,
    depth: usize,
}

/// A text that is wanted.
struct Leaf<'x, 'a> {
    what: What,
    texts: &'x mut Texts<'a>,
}

/// A member's name, as its place in the tree.
struct Name<'t>(&'t Tree);

impl<'t> Below<'t, '_, '_> {
    /// Remembers that a place was seen, and refuses to see it again.
    fn enter<E: Error>(&mut self, seen: &mut u64, at: usize) -> Result<&'t Node, E> {
        let bit = 1_u64
            .checked_shl(u32::try_from(at).unwrap_or(u32::MAX))
            .unwrap_or_default();
        let (_, node) = self.tree.0.get(at).ok_or_else(|| E::custom(""))?;
        if *seen & bit != 0 {
            self.texts.fault = node.first().map(Fault::Duplicate);
            return Err(E::custom(""));
        }
        *seen |= bit;
        Ok(node)
    }

    /// A value that holds nothing: harmless below the top, where a member may be null or unused.
    fn nothing<E: Error>(self) -> Result<(), E> {
        if self.depth > 0 {
            return Ok(());
        }
        self.texts.fault = Some(Fault::NotAnObject);
        Err(E::custom(""))
    }
}

impl<'de> DeserializeSeed<'de> for Below<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Below<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let mut seen = 0;
        while let Some(at) = members.next_key_seed(Name(self.tree))? {
            let Some(at) = at else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            match self.enter(&mut seen, at)? {
                Node::Inner(tree) => {
                    let depth = self.depth + 1;
                    members.next_value_seed(Below {
                        tree,
                        texts: self.texts,
                        depth,
                    })?;
                }
                Node::Leaf(what) => {
                    members.next_value_seed(Leaf {
                        what: *what,
                        texts: self.texts,
                    })?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        if self.depth == 0 {
            return self.nothing();
        }
        let mut seen = 0;
        for index in 0_usize.. {
            let place = self
                .tree
                .0
                .iter()
                .position(|(token, _)| is_index(token, index));
            let more = match place.map(|at| self.enter(&mut seen, at)).transpose()? {
                None => items.next_element::<IgnoredAny>()?.is_some(),
                Some(Node::Inner(tree)) => {
                    let depth = self.depth + 1;
                    let below = Below {
                        tree,
                        texts: self.texts,
                        depth,
                    };
                    items.next_element_seed(below)?.is_some()
                }
                Some(Node::Leaf(what)) => {
                    let leaf = Leaf {
                        what: *what,
                        texts: self.texts,
                    };
                    items.next_element_seed(leaf)?.is_some()
                }
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.nothing()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.nothing()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.nothing()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.nothing()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.nothing()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.nothing()
    }
}

fn is_index(token: &str, index: usize) -> bool {
    let plain = token == "0" || !token.starts_with(['0', '+']);
    plain && token.parse() == Ok(index)
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.0.iter().position(|(token, _)| **token == *name))
    }
}

impl<'a> Leaf<'_, 'a> {
    fn keep(self, text: Cow<'a, str>) {
        *self.texts.slot(self.what) = Some(text);
    }

    fn refuse<E: Error>(self, found: Found) -> Result<(), E> {
        self.texts.fault = Some(Fault::NotText(self.what, found));
        Err(E::custom(""))
    }
}

impl<'de> DeserializeSeed<'de> for Leaf<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Leaf<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.keep(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.keep(Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.refuse(Found::Boolean)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.refuse(Found::Number)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.refuse(Found::Number)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.refuse(Found::Number)
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.refuse(Found::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.refuse(Found::Array)
    }
}
