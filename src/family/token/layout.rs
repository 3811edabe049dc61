//! What a family makes of a token: whose it is, and which claims are accounts.

use std::borrow::Cow;

use serde_json::Value;

use super::cwt::Writing;
use super::{Token, cwt, hcert, jws, shc};
use crate::family::signature::Signature;
use crate::family::{
    Accounts, AlgorithmSet, Capture, Code, Family, Form, Freshness, Kind, Match, ParseError,
    Region, Signed,
};
use crate::pointer::Pointer;

/// A format of signed tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CBOR Web Token (RFC 8392).
    Cwt(Writing),
    /// EU Digital COVID Certificate.
    EuDcc,
    /// Compact JSON Web Signature (RFC 7515).
    Jws,
    /// SMART Health Card.
    SmartHealthCard,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [
        Self::Cwt(Writing::Base64Url),
        Self::Cwt(Writing::Base45),
        Self::EuDcc,
        Self::Jws,
        Self::SmartHealthCard,
    ];

    /// The word for its reader in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cwt(Writing::Base64Url) => "cwt",
            Self::Cwt(Writing::Base45) => "cwt-base45",
            Self::EuDcc => "eu-dcc",
            Self::Jws => "jws",
            Self::SmartHealthCard => "smart-health-card",
        }
    }

    /// The algorithms a key may have where the family does not choose among them: the format's.
    pub fn algorithms(self) -> AlgorithmSet {
        use crate::family::Algorithm::{Es256, Ps256};
        match self {
            Self::Cwt(_) | Self::Jws => AlgorithmSet::ALL,
            Self::EuDcc => [Es256, Ps256].into_iter().collect(),
            Self::SmartHealthCard => AlgorithmSet::only(Es256),
        }
    }

    /// The claim that makes a token one of a kind.
    const fn id(self) -> Option<&'static str> {
        match self {
            // RFC 8392, section 4: `cti`.
            Self::Cwt(_) => Some("7"),
            Self::Jws => Some("jti"),
            Self::EuDcc | Self::SmartHealthCard => None,
        }
    }

    fn parse(self, text: &str) -> Result<Token, ParseError> {
        match self {
            Self::Cwt(writing) => cwt::parse(text, writing),
            Self::EuDcc => hcert::parse(text),
            Self::Jws => jws::parse(text),
            Self::SmartHealthCard => shc::parse(text),
        }
    }
}

/// What a family of tokens says of them.
#[derive(Clone, Debug)]
pub struct TokenLayout {
    /// Their format.
    pub format: Format,
    /// The part of the text that is the token; none: all of it.
    pub part: Option<Capture>,
    /// The one issuer of them all; none: the token says it.
    pub issuer: Option<Box<str>>,
    /// The claim with the region, two, four or six digits or a reference that begins with four.
    pub region: Option<Pointer>,
    /// Each department's account; none: the whole text is the account of the family's own kind.
    pub accounts: Box<[(Kind, Pointer)]>,
    /// The algorithms a key of this family may have.
    pub algorithms: AlgorithmSet,
}

impl TokenLayout {
    /// Reads a claimed text.
    pub fn read<'a>(
        &'a self,
        family: &'a Family,
        matched: &Match<'a>,
    ) -> Result<Code<'a>, ParseError> {
        let (text, start) = match self.part {
            Some(part) => (
                matched.get(part).unwrap_or_default(),
                matched.range(part).map_or(0, |range| range.start),
            ),
            None => (matched.text, 0),
        };
        let token = self
            .format
            .parse(text)
            .map_err(|error| error.behind(start))?;
        // Claims nobody reads name no end; only a token that must name its issuer is safe without.
        if self.issuer.is_some() && !token.claims.is_object() {
            return Err(ParseError::Unexpected {
                at: start,
                expected: "an object of claims",
            });
        }
        let claim = |pointer: &Pointer| scalar(pointer.find(&token.claims)?);
        let named = |id| scalar(token.claims.get(id)?);
        let mut accounts = Accounts::default();
        for (kind, pointer) in &self.accounts {
            accounts.set(*kind, claim(pointer).unwrap_or_default());
        }
        if self.accounts.is_empty() {
            accounts = Accounts::only(family.kind, matched.text);
        }
        let nonce = token.rid.or_else(|| self.format.id().and_then(named));
        let region = self.region.as_ref().and_then(claim);
        Ok(Code {
            issuer: match &self.issuer {
                Some(only) => Some(Cow::Borrowed(only)),
                None => token.issuer.map(Cow::Owned),
            },
            key_id: token.key_id.map(Cow::Owned),
            freshness: matched.shape.freshness.unwrap_or(Freshness::Unknown),
            issued_at: token.issued_at,
            not_before: token.not_before,
            expires_at: token.expires_at,
            nonce: nonce.map(Cow::Owned),
            region: region.and_then(|region| Region::leading(&region)),
            accounts,
            purposes: token.purposes,
            signed: Some(Signed {
                bytes: token.signed.into(),
                signature: Signature::Bytes(token.signature.into()),
                form: Form::Raw,
                algorithms: self.algorithms,
                message: token.algorithm,
            }),
            ..Code::opaque(family, matched.text)
        })
    }

    /// How many departments' accounts a code carries.
    pub fn account_count(&self) -> usize {
        self.accounts.len().max(1)
    }
}

/// A claim that is one thing, as text.
fn scalar(claim: &Value) -> Option<String> {
    match claim {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Object(_) => None,
    }
}
