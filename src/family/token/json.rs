//! JSON in which no object has two members of one name.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Expected;

/// Reads one value and nothing behind it. `serde_json` goes 128 levels deep and no deeper, and keeps
/// the last of two members of one name, where another reader may keep the first (RFC 8259, section
/// 4; RFC 7515, section 4).
pub(super) fn read(bytes: &[u8]) -> Result<Value, Expected> {
    let unique: Result<Unique, _> = serde_json::from_slice(bytes);
    unique
        .map(|Unique(value)| value)
        .map_err(|_| "json without repeated names")
}

/// The members of one object and nothing behind it.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Expected> {
    match read(bytes)? {
        Value::Object(members) => Ok(members),
        _ => Err("a json object"),
    }
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values).map(Self)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("json")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unique(value))) = members.next_entry()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name twice"));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_out_as_they_are() {
        for text in [
            r#"{"a":[1,-1,18446744073709551615,0.5,null,true,"\u00e9",{}],"b":{"a":1}}"#,
            "[]",
            "1e300",
            "36893488147419103232",
        ] {
            let plain: Value = serde_json::from_str(text).unwrap();
            assert_eq!(read(text.as_bytes()), Ok(plain), "{text}");
        }
    }

    #[test]
    fn a_name_twice_is_refused_at_every_level() {
        for text in [
            r#"{"alg":"ES256","alg":"none"}"#,
            r#"{"a":[{"b":1,"b":1}]}"#,
            r#"{"a":1,"\u0061":1}"#,
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_one_value_is_refused() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for text in [
            "",
            "{",
            "{} {}",
            "nul",
            "1e999",
            "\u{feff}{}",
            "[1,]",
            &deep,
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(b"\"\xff\"").is_err());
        assert!(object(b"[]").is_err());
    }
}
