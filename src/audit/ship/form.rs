//! What is sent: a line of JSON a record, or OpenTelemetry's logs in JSON.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::audit::field::{Field, Held};
use crate::audit::record::Line;

/// What a place understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A JSON object a line, as `ClickHouse`, Vector, Loki's and Elastic's collectors read it.
    #[default]
    Ndjson,
    /// OTLP/HTTP with JSON, an `ExportLogsServiceRequest` (OTLP 1.0).
    Otlp,
}

/// `SEVERITY_NUMBER_INFO` of the log data model.
const INFO: u8 = 9;

impl Form {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ndjson, Self::Otlp];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Otlp => "otlp",
        }
    }

    /// The media type of the body.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Otlp => "application/json",
        }
    }

    /// The body of a request.
    pub(super) fn body(self, node: &str, lines: &[Line]) -> Bytes {
        let mut body = Vec::new();
        match self {
            Self::Ndjson => {
                for line in lines {
                    // A record is words and numbers, and memory does not fail.
                    let _ = serde_json::to_writer(&mut body, line).is_ok();
                    body.push(b'\n');
                }
            }
            Self::Otlp => {
                let _ = serde_json::to_writer(&mut body, &otlp(node, lines)).is_ok();
            }
        }
        body.into()
    }

    /// Whether all of a batch was taken, as the body of the answer has it.
    pub(super) fn accepted(self, answer: &[u8]) -> Result<(), String> {
        if self == Self::Ndjson {
            return Ok(());
        }
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let rejected = answer.pointer("/partialSuccess/rejectedLogRecords");
        // 64-bit numbers are strings in the JSON of protocol buffers; both are seen.
        let none = |rejected: &Value| {
            matches!(rejected, Value::Null) || *rejected == json!(0) || *rejected == json!("0")
        };
        if rejected.is_none_or(none) {
            return Ok(());
        }
        Err("the collector rejects records of the batch".to_owned())
    }
}

fn otlp(node: &str, lines: &[Line]) -> Value {
    let word = |text: &str| json!({ "stringValue": text });
    let resource = json!({ "attributes": [
        { "key": "service.name", "value": word("multicode") },
        { "key": "service.instance.id", "value": word(node) },
    ] });
    let records: Vec<_> = lines.iter().map(log_record).collect();
    let scope = json!({ "name": "multicode.audit", "version": env!("CARGO_PKG_VERSION") });
    json!({ "resourceLogs": [{
        "resource": resource,
        "scopeLogs": [{ "scope": scope, "logRecords": records }],
    }] })
}

fn log_record(line: &Line) -> Value {
    let attribute = |(field, held): &(Field, Held)| {
        let value = match held {
            Held::Number(number) => json!({ "intValue": number.to_string() }),
            held => json!({ "stringValue": held.shown() }),
        };
        json!({ "key": format!("multicode.{}", field.name()), "value": value })
    };
    let attributes: Vec<_> = line.fields().iter().map(attribute).collect();
    let nanos = i128::from(line.at().millis()).saturating_mul(1_000_000);
    json!({
        "timeUnixNano": nanos.to_string(),
        "severityNumber": INFO,
        "severityText": "INFO",
        "body": { "stringValue": line.what() },
        "attributes": attributes,
    })
}
