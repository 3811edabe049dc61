//! CBOR (RFC 8949), within a budget of depth and items that is spent before anything is kept.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use minicbor::Decoder;
use minicbor::data::Type;
use serde_json::{Number, Value};

use super::Expected;

/// How deep items may lie within items; a health certificate has six levels.
pub(super) const MAX_DEPTH: usize = 16;

/// The most items, at all levels together; the richest published certificate has under a hundred.
pub(super) const MAX_ITEMS: usize = 4_096;

/// One item, with those in it.
#[derive(Debug, PartialEq)]
pub(super) enum Item<'b> {
    Array(Vec<Self>),
    Bytes(Cow<'b, [u8]>),
    /// By label: text as it is, whole numbers in decimal.
    Map(BTreeMap<String, Self>),
    /// Null or undefined.
    Nothing,
    Number(Number),
    Tagged(u64, Box<Self>),
    Text(Cow<'b, str>),
    Truth(bool),
}

/// Reads one item and nothing behind it.
pub(super) fn read(bytes: &[u8]) -> Result<Item<'_>, Expected> {
    let mut reader = Reader {
        decoder: Decoder::new(bytes),
        items_left: MAX_ITEMS,
    };
    let item = reader.item(MAX_DEPTH)?;
    if reader.decoder.position() == bytes.len() {
        Ok(item)
    } else {
        Err("one cbor item and nothing behind it")
    }
}

impl Item<'_> {
    /// The same in JSON: byte strings as Base64url (RFC 8949, section 6.1), tags left out.
    pub(super) fn into_json(self) -> Value {
        match self {
            Self::Array(items) => items.into_iter().map(Item::into_json).collect(),
            Self::Bytes(bytes) => BASE64_URL_SAFE_NO_PAD.encode(bytes).into(),
            Self::Map(members) => {
                let members = members.into_iter();
                members
                    .map(|(label, item)| (label, item.into_json()))
                    .collect()
            }
            Self::Nothing => Value::Null,
            Self::Number(number) => number.into(),
            Self::Tagged(_, item) => item.into_json(),
            Self::Text(text) => text.into(),
            Self::Truth(truth) => truth.into(),
        }
    }
}

struct Reader<'b> {
    decoder: Decoder<'b>,
    items_left: usize,
}

impl<'b> Reader<'b> {
    fn item(&mut self, depth_left: usize) -> Result<Item<'b>, Expected> {
        let inner = depth_left
            .checked_sub(1)
            .ok_or("fewer cbor items in items")?;
        self.items_left = self.items_left.checked_sub(1).ok_or("fewer cbor items")?;
        let decoder = &mut self.decoder;
        Ok(match decoder.datatype().map_err(ill_formed)? {
            Type::Array | Type::ArrayIndef => Item::Array(self.array(inner)?),
            Type::Map | Type::MapIndef => Item::Map(self.map(inner)?),
            Type::Tag => {
                let tag = decoder.tag().map_err(ill_formed)?.as_u64();
                Item::Tagged(tag, Box::new(self.item(inner)?))
            }
            Type::Bytes => Item::Bytes(decoder.bytes().map_err(ill_formed)?.into()),
            Type::BytesIndef => {
                let chunks = decoder.bytes_iter().map_err(ill_formed)?;
                let chunks: Result<Vec<_>, _> = chunks.collect();
                Item::Bytes(chunks.map_err(ill_formed)?.concat().into())
            }
            Type::String | Type::StringIndef => Item::Text(self.text()?),
            Type::Bool => Item::Truth(decoder.bool().map_err(ill_formed)?),
            Type::Null => decoder.null().map(|()| Item::Nothing).map_err(ill_formed)?,
            Type::Undefined => decoder
                .undefined()
                .map(|()| Item::Nothing)
                .map_err(ill_formed)?,
            _ => Item::Number(self.number()?),
        })
    }

    fn array(&mut self, depth_left: usize) -> Result<Vec<Item<'b>>, Expected> {
        let mut left = self.decoder.array().map_err(ill_formed)?;
        let mut items = Vec::new();
        while self.has_more(&mut left)? {
            items.push(self.item(depth_left)?);
        }
        Ok(items)
    }

    fn map(&mut self, depth_left: usize) -> Result<BTreeMap<String, Item<'b>>, Expected> {
        let mut left = self.decoder.map().map_err(ill_formed)?;
        let mut members = BTreeMap::new();
        while self.has_more(&mut left)? {
            let label = match self.decoder.datatype().map_err(ill_formed)? {
                Type::String | Type::StringIndef => self.text()?.into_owned(),
                _ => self
                    .decoder
                    .int()
                    .map_err(|_| "text or a whole number as label")?
                    .to_string(),
            };
            // RFC 8949, section 5.6: "a map that has duplicate keys … is not valid".
            if members.insert(label, self.item(depth_left)?).is_some() {
                return Err("labels that are not there yet");
            }
        }
        Ok(members)
    }

    /// Whether another item of an array or map follows; counts down, or takes the break at the end.
    fn has_more(&mut self, left: &mut Option<u64>) -> Result<bool, Expected> {
        if let Some(left) = left {
            let more = *left > 0;
            *left = left.saturating_sub(1);
            return Ok(more);
        }
        let ends = self.decoder.datatype().map_err(ill_formed)? == Type::Break;
        if ends {
            self.decoder.set_position(self.decoder.position() + 1);
        }
        Ok(!ends)
    }

    fn text(&mut self) -> Result<Cow<'b, str>, Expected> {
        if matches!(self.decoder.datatype(), Ok(Type::String)) {
            return self.decoder.str().map(Cow::Borrowed).map_err(ill_formed);
        }
        let chunks = self.decoder.str_iter().map_err(ill_formed)?;
        let text: Result<String, _> = chunks.collect();
        text.map(Cow::Owned).map_err(ill_formed)
    }

    fn number(&mut self) -> Result<Number, Expected> {
        let decoder = &mut self.decoder;
        let number = match decoder.datatype().map_err(ill_formed)? {
            Type::F16 => Number::from_f64(self.half()?),
            Type::F32 => Number::from_f64(decoder.f32().map_err(ill_formed)?.into()),
            Type::F64 => Number::from_f64(decoder.f64().map_err(ill_formed)?),
            _ => Number::from_i128(decoder.int().map_err(ill_formed)?.into()),
        };
        number.ok_or("finite numbers, whole ones of at most 64 bits")
    }

    /// RFC 8949, appendix D. `minicbor` would take in two more crates for it.
    fn half(&mut self) -> Result<f64, Expected> {
        let start = self.decoder.position();
        let bytes = self
            .decoder
            .input()
            .get(start + 1..start + 3)
            .ok_or(ILL_FORMED)?;
        let bits = bytes
            .iter()
            .fold(0, |bits, byte| bits << 8 | u16::from(*byte));
        self.decoder.set_position(start + 3);
        let fraction = f64::from(bits & 0x3FF);
        let value = match bits >> 10 & 0x1F {
            0 => fraction * 2_f64.powi(-24),
            0x1F => f64::NAN,
            exponent => (fraction + 1_024.0) * 2_f64.powi(i32::from(exponent) - 25),
        };
        Ok(if bits & 0x8000 == 0 { value } else { -value })
    }
}

const ILL_FORMED: Expected = "well-formed cbor";

fn ill_formed(_: minicbor::decode::Error) -> Expected {
    ILL_FORMED
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
        let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
        digits.chunks_exact(2).map(byte).collect()
    }

    #[track_caller]
    fn check(hex: &str, json: Value) {
        assert_eq!(read(&unhex(hex)).map(Item::into_json), Ok(json), "{hex}");
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        check("00", json!(0));
        check("1818", json!(24));
        check("1bffffffffffffffff", json!(u64::MAX));
        check("3903e7", json!(-1000));
        check("3b7fffffffffffffff", json!(i64::MIN));
        check("f90001", json!(5.960_464_477_539_063e-8));
        check("f93c00", json!(1.0));
        check("f93e00", json!(1.5));
        check("f97bff", json!(65_504.0));
        check("f9c400", json!(-4.0));
        check("fa47c35000", json!(100_000.0));
        check("fb3ff199999999999a", json!(1.1));
        check("f4", json!(false));
        check("f6", json!(null));
        check("f7", json!(null));
        check("c11a514b67b0", json!(1_363_896_240));
        check("4401020304", json!("AQIDBA"));
        check("62c3bc", json!("ü"));
        check("8301820203820405", json!([1, [2, 3], [4, 5]]));
        check("a201020304", json!({ "1": 2, "3": 4 }));
        check("a26161012082f502", json!({ "a": 1, "-1": [true, 2] }));
    }

    #[test]
    fn indefinite_lengths_are_read() {
        check("5f42010243030405ff", json!("AQIDBAU"));
        check("7f657374726561646d696e67ff", json!("streaming"));
        check("9f018202039f0405ffff", json!([1, [2, 3], [4, 5]]));
        check("bf61610161629f0203ffff", json!({ "a": 1, "b": [2, 3] }));
        check("bfff", json!({}));
    }

    #[test]
    fn what_is_ill_formed_or_no_json_is_refused() {
        for hex in [
            "",
            "18",
            "1c",
            "3f",
            "ff",
            "81",
            "8100ff",
            "9f",
            "a1",
            "a101",
            "bf01ff",
            "61",
            "61ff",
            "5f6161ff",
            "7f4161ff",
            "7fff00",
            "5f5f4101ffff",
            "7f7f6161ffff",
            "7f61c361bcff",
            "81ff",
            "a1ff",
            "a100ff",
            "c1ff",
            "1f",
            "5f",
            "f97c00",
            "f97e00",
            "f9",
            "f900",
            "fb7ff0000000000000",
            "3bffffffffffffffff",
            "e0",
            "f818",
            "f8ff",
            "0000",
            "c1",
            "a1410102",
            "a1f501",
            "5b7fffffffffffffff",
            "9bffffffffffffffff",
            "bbffffffffffffffff00",
        ] {
            assert!(read(&unhex(hex)).is_err(), "{hex}");
        }
    }

    #[test]
    fn a_label_twice_is_refused_at_every_level() {
        for hex in [
            "a201000100",
            "bf01000100ff",
            "81a2616100616100",
            "a2040061341864",
        ] {
            assert_eq!(
                read(&unhex(hex)),
                Err("labels that are not there yet"),
                "{hex}"
            );
        }
    }

    #[test]
    fn depth_and_items_have_an_end() {
        for opening in ["81", "9f", "c1", "a100", "bf00"] {
            let deep = |levels: usize| unhex(&(opening.repeat(levels) + "00"));
            assert_eq!(read(&deep(100_000)), Err("fewer cbor items in items"));
        }
        let deepest = unhex(&("81".repeat(MAX_DEPTH - 1) + "00"));
        assert!(read(&deepest).is_ok());
        assert!(read(&[&[0x81], &*deepest].concat()).is_err());
        let many = |items: u16| {
            let [high, low] = items.to_be_bytes();
            [&[0x99, high, low], &*vec![0; items.into()]].concat()
        };
        assert!(read(&many(4_095)).is_ok());
        assert_eq!(read(&many(4_096)), Err("fewer cbor items"));
    }
}
