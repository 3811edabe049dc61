//! How a claimed text becomes a code: by its captures, or by a native decoder.

use super::token::{Format, TokenLayout};
use super::{Code, Family, Field, Freshness, Layout, Match, ParseError, emv, gs1};

/// A family's way of reading.
#[derive(Clone, Debug)]
pub enum Reader {
    /// Captures with declared meanings.
    Declared(Layout),
    /// EMVCo consumer-presented mode: BER-TLV in Base64.
    EmvConsumer,
    /// EMVCo merchant-presented mode: decimal TLV with a CRC.
    EmvMerchant,
    /// GS1 element strings and Digital Link.
    Gs1,
    /// Signed tokens.
    Token(TokenLayout),
}

/// A reader as files name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReaderName {
    /// The family's own captures.
    #[default]
    Declared,
    /// EMVCo consumer-presented mode.
    EmvConsumer,
    /// EMVCo merchant-presented mode.
    EmvMerchant,
    /// GS1.
    Gs1,
    /// Signed tokens of one format.
    Token(Format),
}

impl ReaderName {
    /// Every reader, by its name.
    pub fn all() -> Vec<(&'static str, Self)> {
        let own = [
            ("declared", Self::Declared),
            ("emv-consumer", Self::EmvConsumer),
            ("emv-merchant", Self::EmvMerchant),
            ("gs1", Self::Gs1),
        ];
        let tokens = Format::ALL.map(|format| (format.name(), Self::Token(format)));
        own.into_iter().chain(tokens).collect()
    }
}

impl Reader {
    /// Reads a claimed text.
    pub fn read<'a>(
        &'a self,
        family: &'a Family,
        matched: &Match<'a>,
    ) -> Result<Code<'a>, ParseError> {
        let code = Code::opaque(family, matched.text);
        match self {
            Self::Declared(layout) => layout.read(family, matched),
            Self::EmvConsumer => {
                emv::consumer::parse(matched.text)?;
                Ok(Code {
                    freshness: Freshness::Dynamic,
                    ..code
                })
            }
            Self::EmvMerchant => {
                let presented = emv::merchant::parse(matched.text)?;
                let freshness = if presented.is_dynamic() {
                    Freshness::Dynamic
                } else {
                    Freshness::Static
                };
                Ok(Code { freshness, ..code })
            }
            Self::Gs1 => {
                gs1::parse(matched.text)?;
                Ok(Code {
                    freshness: Freshness::Static,
                    ..code
                })
            }
            Self::Token(layout) => layout.read(family, matched),
        }
    }

    /// Whether reading tests check digits that a random text would fail.
    pub const fn is_checked(&self) -> bool {
        matches!(self, Self::EmvMerchant | Self::Gs1 | Self::Token(_))
    }

    /// The parts of a text this reader has read.
    pub fn fields<'a>(&self, family: &'a Family, matched: &Match<'_>) -> Vec<Field<'a>> {
        match self {
            Self::Declared(_) | Self::Token(_) => captured(family, matched),
            Self::EmvConsumer => emv::consumer::fields(matched.text),
            Self::EmvMerchant => emv::merchant::fields(matched.text),
            Self::Gs1 => gs1::fields(matched.text),
        }
    }
}

fn captured<'a>(family: &'a Family, matched: &Match<'_>) -> Vec<Field<'a>> {
    let field = |name: &'a str| {
        let range = matched.range(family.captures.find(name)?)?;
        Some(Field {
            name: name.into(),
            range,
        })
    };
    family.captures.iter().filter_map(field).collect()
}
