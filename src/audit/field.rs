//! What a record is made of: numbered fields, as they stand in the file and as they are named in JSON.

/// Declares the fields from one table, so that number and name cannot drift apart.
macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $variant:ident = $number:literal, $name:literal;)+) => {
        /// A field of a record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Field { $($(#[doc = $doc])+ $variant,)+ }

        impl Field {
            /// Every field, by its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its key in the file.
            pub const fn number(self) -> u8 {
                match self { $(Self::$variant => $number,)+ }
            }

            /// Its name in JSON and CSV.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The field of that key.
            pub const fn of(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

fields! {
    /// Its place in the trail, from 1.
    Seq = 1, "seq";
    /// When, in milliseconds since the Unix epoch.
    At = 2, "at";
    /// Which gateway wrote it.
    Node = 3, "node";
    /// What it is a record of.
    What = 4, "what";
    /// The request's own number.
    RequestId = 5, "request_id";
    /// The terminal.
    Terminal = 6, "terminal";
    /// Where the terminal stands.
    Organisation = 7, "organisation";
    /// The terminal's region, GB/T 2260.
    Region = 8, "region";
    /// Where in the visit.
    Scene = 9, "scene";
    /// The code's format.
    Family = 10, "family";
    /// What the code is for.
    Kind = 11, "kind";
    /// Who made the code.
    Issuer = 12, "issuer";
    // 13 and 24 were meant for what is never known; they are not to be given away.
    /// Who showed it: a keyed digest.
    Subject = 14, "subject";
    /// Decision, rejection or served.
    Outcome = 15, "outcome";
    /// Why it was refused.
    Reason = 16, "reason";
    /// The route taken.
    Route = 17, "route";
    /// The department asked.
    Upstream = 18, "upstream";
    /// Whether the department was asked.
    Sent = 19, "sent";
    /// The status the terminal was given; 0: it had hung up.
    Status = 20, "status";
    /// The department's status.
    UpstreamStatus = 21, "upstream_status";
    /// Microseconds from the first byte to the last.
    TotalUs = 22, "total_us";
    /// Of these, the department's.
    UpstreamUs = 23, "upstream_us";
    /// What proved the terminal.
    Proof = 25, "proof";
    /// The link before the segment's first record.
    Previous = 32, "previous";
    /// The version of this format.
    Format = 33, "format";
    /// The program and its version.
    Program = 34, "program";
    /// The public half of the key that signs checkpoints.
    PublicKey = 35, "public_key";
    /// How many records there was no room for.
    Lost = 36, "lost";
    /// When the first of them was lost, in milliseconds since the Unix epoch.
    Since = 37, "since";
    /// The segment that was repaired or found damaged.
    Segment = 38, "segment";
    /// The last record before the damage.
    Last = 39, "last";
    /// How many bytes behind it were cut off.
    Cut = 40, "cut";
    /// What was found.
    Why = 41, "why";
}

/// What a field holds, borrowed while it is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Number(u64),
    Millis(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// What a field held when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// A count, a status, a span.
    Number(u64),
    /// An instant, in milliseconds since the Unix epoch.
    Millis(i64),
    /// A word.
    Text(Box<str>),
    /// A digest.
    Bytes(Box<[u8]>),
}

impl Held {
    /// The same, borrowed.
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Number(number) => Value::Number(*number),
            Self::Millis(millis) => Value::Millis(*millis),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_and_name_stands_once() {
        let mut numbers: Vec<_> = Field::ALL.iter().map(|field| field.number()).collect();
        assert!(numbers.is_sorted());
        numbers.dedup();
        let mut names: Vec<_> = Field::ALL.iter().map(|field| field.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(
            (numbers.len(), names.len()),
            (Field::ALL.len(), Field::ALL.len())
        );
        assert!(
            Field::ALL
                .iter()
                .all(|field| Field::of(field.number()) == Some(*field))
        );
    }
}
