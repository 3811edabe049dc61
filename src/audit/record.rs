//! A record: what goes in, how it stands in the file, what is read again.
//!
//! In the file it is a CBOR map (RFC 8949) of definite length with the fields' numbers as keys, the
//! smallest first, every number as short as it can be (section 4.2.1).

use std::time::Duration;

use compact_str::CompactString;
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};

use super::field::{Field, Held, Value};
use crate::identity::Sort;
use crate::reason::{Reason, Stage};
use crate::telemetry::{ScanEvent, Sent};
use crate::time::Timestamp;

/// A word is cut to this; names of the configuration and request ids are shorter.
const MAX_TEXT: usize = 256;

/// What a record is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// What is about to be done, on disk before anything is sent.
    Decision,
    /// What became of a decision.
    Outcome,
    /// Both in one, for scenes that need not wait for the disk.
    #[default]
    Scan,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Decision, Self::Outcome, Self::Scan];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Outcome => "outcome",
            Self::Scan => "scan",
        }
    }

    /// Whether it is written while the disk has hardly any room left.
    pub(super) const fn must(self) -> bool {
        matches!(self, Self::Decision | Self::Outcome)
    }
}

/// One scan, or half of one. What is not known is left out of the file. Nothing here may hold the
/// scanned text, an account, or what a stranger says of itself.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// What it is of.
    pub class: Class,
    /// When.
    pub at: Timestamp,
    /// The request's own number.
    pub request_id: Option<CompactString>,
    /// The terminal's registered name, or a pseudonym.
    pub terminal: Option<CompactString>,
    /// What proved that it is the one.
    pub proof: Option<Sort>,
    /// Where it stands.
    pub organisation: Option<CompactString>,
    /// The region, GB/T 2260.
    pub region: Option<u32>,
    /// The scene.
    pub scene: Option<CompactString>,
    /// The family.
    pub family: Option<CompactString>,
    /// The kind of code.
    pub kind: Option<&'static str>,
    /// Who made the code.
    pub issuer: Option<CompactString>,
    /// Who showed it: a keyed digest, never the account.
    pub subject: Option<[u8; 16]>,
    /// `decision`, `rejection` or `served`.
    pub outcome: Option<&'static str>,
    /// Why it was refused.
    pub reason: Option<Reason>,
    /// The route taken.
    pub route: Option<CompactString>,
    /// The department.
    pub upstream: Option<CompactString>,
    /// Whether it was asked.
    pub sent: Option<Sent>,
    /// The status the terminal was given; 0: it had hung up.
    pub status: Option<u16>,
    /// The department's status.
    pub upstream_status: Option<u16>,
    /// Microseconds the whole took.
    pub total_us: Option<u64>,
    /// Microseconds the department took.
    pub upstream_us: Option<u64>,
}

impl Record {
    /// What an event says of this.
    pub fn of(event: &ScanEvent, class: Class) -> Self {
        let name = |name: Option<&str>| name.map(CompactString::from);
        let over = class != Class::Decision;
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self {
            class,
            at: event.at,
            request_id: Some(event.request_id().into()),
            terminal: event.terminal.clone(),
            proof: event.proof,
            organisation: event.organisation.clone(),
            region: event.region,
            scene: name(event.scene()),
            family: name(event.family()),
            kind: event.kind(),
            issuer: name(event.issuer()),
            subject: event.subject.map(|subject| *subject.as_bytes()),
            outcome: over.then(|| event.outcome.name()),
            reason: event.reason,
            route: name(event.route()),
            upstream: name(event.upstream()),
            sent: over.then_some(event.sent),
            status: over.then_some(event.status),
            upstream_status: event.upstream_status,
            total_us: over.then(|| micros(event.laps.total)),
            upstream_us: over.then(|| micros(event.laps.spent(Stage::Forward))),
        }
    }

    /// Tells the fields, by their numbers.
    fn each<'a>(&'a self, mut tell: impl FnMut(Field, Option<Value<'a>>)) {
        let text = |text: &'a Option<CompactString>| text.as_deref().map(Value::Text);
        let status = |status: Option<u16>| status.map(|it| Value::Number(it.into()));
        let subject = self.subject.as_ref().map(|it| Value::Bytes(it));
        tell(Field::RequestId, text(&self.request_id));
        tell(Field::Terminal, text(&self.terminal));
        tell(Field::Organisation, text(&self.organisation));
        tell(
            Field::Region,
            self.region.map(|it| Value::Number(it.into())),
        );
        tell(Field::Scene, text(&self.scene));
        tell(Field::Family, text(&self.family));
        tell(Field::Kind, self.kind.map(Value::Text));
        tell(Field::Issuer, text(&self.issuer));
        tell(Field::Subject, subject);
        tell(Field::Outcome, self.outcome.map(Value::Text));
        tell(Field::Reason, self.reason.map(|it| Value::Text(it.slug())));
        tell(Field::Route, text(&self.route));
        tell(Field::Upstream, text(&self.upstream));
        tell(Field::Sent, self.sent.map(|it| Value::Text(it.name())));
        tell(Field::Status, status(self.status));
        tell(Field::UpstreamStatus, status(self.upstream_status));
        tell(Field::TotalUs, self.total_us.map(Value::Number));
        tell(Field::UpstreamUs, self.upstream_us.map(Value::Number));
        tell(Field::Proof, self.proof.map(|it| Value::Text(it.name())));
    }

    /// Writes it behind `bytes`.
    pub(super) fn write(&self, about: About<'_>, bytes: &mut Vec<u8>) {
        let mut known = 0_u64;
        self.each(|_, value| known += u64::from(value.is_some()));
        let mut encoder = begin(about, self.class.name(), self.at, known, bytes);
        self.each(|field, value| {
            if let Some(value) = value {
                put(&mut encoder, field, value);
            }
        });
    }
}

/// What every record says.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    pub(super) seq: u64,
    pub(super) node: &'a str,
}

/// Writes what the trail itself has to say; the fields by their numbers.
pub(super) fn note(
    about: About<'_>,
    what: &str,
    at: Timestamp,
    fields: &[(Field, Held)],
    bytes: &mut Vec<u8>,
) {
    let known = u64::try_from(fields.len()).unwrap_or_default();
    let mut encoder = begin(about, what, at, known, bytes);
    for (field, value) in fields {
        put(&mut encoder, *field, value.value());
    }
}

fn begin<'b>(
    about: About<'_>,
    what: &str,
    at: Timestamp,
    known: u64,
    bytes: &'b mut Vec<u8>,
) -> Encoder<&'b mut Vec<u8>> {
    let mut encoder = Encoder::new(bytes);
    // Writing to memory cannot fail.
    let _ = encoder.map(known.saturating_add(4)).is_ok();
    put(&mut encoder, Field::Seq, Value::Number(about.seq));
    put(&mut encoder, Field::At, Value::Millis(at.millis()));
    put(&mut encoder, Field::Node, Value::Text(about.node));
    put(&mut encoder, Field::What, Value::Text(what));
    encoder
}

fn put(encoder: &mut Encoder<&mut Vec<u8>>, field: Field, value: Value<'_>) {
    let keyed = encoder.u8(field.number());
    let written = keyed.and_then(|encoder| match value {
        Value::Number(number) => encoder.u64(number),
        Value::Millis(millis) => encoder.i64(millis),
        Value::Text(text) => encoder.str(cut(text)),
        Value::Bytes(bytes) => encoder.bytes(bytes),
    });
    // Writing to memory cannot fail.
    let _ = written.is_ok();
}

/// The beginning of a text, cut between two characters.
fn cut(text: &str) -> &str {
    let most = text.len().min(MAX_TEXT);
    let ends = (0..=most).rev();
    let end = ends.into_iter().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// A record as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(Vec<(Field, Held)>);

impl Line {
    /// Reads a record; `None` if it is none. Fields of later versions are passed over.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        let count = decoder.map().ok()??;
        let mut fields = Vec::new();
        for _ in 0..count {
            let Some(field) = Field::of(decoder.u8().ok()?) else {
                decoder.skip().ok()?;
                continue;
            };
            let held = match decoder.datatype().ok()? {
                Type::String => Held::Text(decoder.str().ok()?.into()),
                Type::Bytes => Held::Bytes(decoder.bytes().ok()?.into()),
                _ if matches!(field, Field::At | Field::Since) => Held::Millis(decoder.i64().ok()?),
                _ => Held::Number(decoder.u64().ok()?),
            };
            fields.push((field, held));
        }
        let line = Self(fields);
        let whole = decoder.position() == bytes.len();
        (whole && line.seq() > 0).then_some(line)
    }

    /// What it says, by the fields' numbers.
    pub fn fields(&self) -> &[(Field, Held)] {
        &self.0
    }

    /// What a field holds.
    pub fn get(&self, wanted: Field) -> Option<&Held> {
        let found = self.0.iter().find(|(field, _)| *field == wanted);
        found.map(|(_, held)| held)
    }

    /// A word.
    pub fn text(&self, field: Field) -> Option<&str> {
        match self.get(field)? {
            Held::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number; 0 if there is none.
    pub fn number(&self, field: Field) -> u64 {
        match self.get(field) {
            Some(Held::Number(number)) => *number,
            _ => 0,
        }
    }

    /// Its place in the trail.
    pub fn seq(&self) -> u64 {
        self.number(Field::Seq)
    }

    /// When.
    pub fn at(&self) -> Timestamp {
        match self.get(Field::At) {
            Some(Held::Millis(millis)) => Timestamp::from_millis(*millis),
            _ => Timestamp::default(),
        }
    }

    /// What it is of.
    pub fn what(&self) -> &str {
        self.text(Field::What).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(record: &Record) -> Line {
        let mut bytes = Vec::new();
        let about = About { seq: 7, node: "a" };
        record.write(about, &mut bytes);
        let line = Line::read(&bytes).unwrap();
        assert!(line.0.is_sorted_by_key(|(field, _)| *field));
        for end in 0..bytes.len() {
            assert_eq!(Line::read(&bytes[..end]), None);
        }
        line
    }

    #[test]
    fn what_goes_in_is_read_again() {
        let empty = line(&Record::default());
        assert_eq!(
            (empty.seq(), empty.what(), empty.fields().len()),
            (7, "scan", 4)
        );
        let full = Record {
            class: Class::Outcome,
            at: Timestamp::from_millis(-5),
            terminal: Some("kiosk".into()),
            region: Some(350_200),
            subject: Some([9; 16]),
            reason: Some(Reason::Expired),
            sent: Some(Sent::Unknown),
            status: Some(503),
            ..Record::default()
        };
        let full = line(&full);
        assert_eq!(full.at().millis(), -5);
        assert_eq!(full.text(Field::Reason), Some("expired"));
        assert_eq!(full.text(Field::Sent), Some("unknown"));
        assert_eq!(full.number(Field::Region), 350_200);
        assert_eq!(full.get(Field::Subject), Some(&Held::Bytes([9; 16].into())));
    }

    #[test]
    fn long_words_are_cut_between_characters() {
        let long = Record {
            terminal: Some("终".repeat(200).into()),
            ..Record::default()
        };
        assert_eq!(line(&long).text(Field::Terminal), Some(&*"终".repeat(85)));
    }
}
