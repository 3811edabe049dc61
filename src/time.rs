//! Instants and spans of the core.
//!
//! Deliberately absent: a clock. `now` enters in `app` and travels as an argument.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Takes whole seconds since the Unix epoch; far-off values saturate.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// Takes milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Reads Unix seconds (`1795312800`, also `1795312800.25`) or an RFC 3339 date-time
    /// (`2026-11-22T09:00:00+08:00`). What is finer than a millisecond is cut off.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        if let (Ok(seconds), Some(millis)) = (whole.parse::<i64>(), thousandths(fraction)) {
            return Some(Self(Self::from_seconds(seconds).0.saturating_add(millis)));
        }
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Self(instant.as_millisecond()))
    }

    /// The whole seconds, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// The milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The instant `span` later; the end of time if there is none.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis_of(span)))
    }

    /// The instant `span` earlier; the beginning of time if there is none.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis_of(span)))
    }

    /// How long after `earlier` it is; nothing if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        let millis = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    }

    /// The same instant on a wall clock in China, `yyyy-MM-dd HH:mm:ss`, as the backends write it.
    pub fn to_china(self) -> String {
        let shown = jiff::Timestamp::from_millisecond(self.0).map(|instant| {
            let local = instant.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)));
            local.strftime("%Y-%m-%d %H:%M:%S").to_string()
        });
        shown.unwrap_or_default()
    }
}

/// Now, by two clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// By the clock on the wall, which may be set.
    pub wall: Timestamp,
    /// By a clock that nobody sets: since some beginning.
    pub steady: Duration,
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC; an instant no calendar reaches is shown as its milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl utoipa::PartialSchema for Timestamp {
    /// A date-time of RFC 3339.
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        let schema = ObjectBuilder::new().schema_type(Type::String);
        schema.format(Some(format)).into()
    }
}

impl utoipa::ToSchema for Timestamp {}

impl Serialize for Timestamp {
    /// As it is shown.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not an instant"))
    }
}

/// Reads the digits behind a decimal point as thousandths.
fn thousandths(digits: &str) -> Option<i64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let padded: String = digits.chars().chain("000".chars()).take(3).collect();
    if plain { padded.parse().ok() } else { None }
}

fn millis_of(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_an_instant_are_read() {
        let noon = Timestamp::from_seconds(1_795_312_800);
        assert_eq!(Timestamp::parse("1795312800"), Some(noon));
        assert_eq!(Timestamp::parse("2026-11-22T02:00:00Z"), Some(noon));
        assert_eq!(Timestamp::parse("2026-11-22T10:00:00+08:00"), Some(noon));
        let quarter_past = Timestamp::from_millis(1_795_312_800_250);
        assert_eq!(Timestamp::parse("1795312800.25"), Some(quarter_past));
        assert_eq!(Timestamp::parse("1795312800.2509"), Some(quarter_past));
        for wrong in ["yesterday", "1795312800.", "1795312800.2x", ".5"] {
            assert_eq!(Timestamp::parse(wrong), None, "{wrong}");
        }
        assert_eq!(noon.to_string(), "2026-11-22T02:00:00Z");
        assert_eq!(noon.to_china(), "2026-11-22 10:00:00");
    }

    #[test]
    fn far_off_instants_saturate() {
        let end = Timestamp::from_seconds(i64::MAX);
        assert_eq!(end.after(Duration::from_secs(1)), end);
        assert_eq!(end.to_string(), format!("{} ms", i64::MAX));
    }
}
