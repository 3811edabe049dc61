//! All metrics in the format that the scraper asks for: text with classic buckets, or Protocol Buffers,
//! which alone can carry native ones.

use std::fmt::{self, Write};

use data_encoding::HEXLOWER;
use prometheus_client::encoding::prometheus_protobuf::prometheus_data_model as model;
use prometheus_client::encoding::{prometheus_protobuf, text};
use prometheus_client::registry::Registry;
use prost::Message;

use super::Metrics;
use super::histogram::{Histogram, Mark};
use super::series::Labels;

/// OpenMetrics 1.0, which every scraper reads.
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What Prometheus asks for where it wants native histograms.
const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// All metrics, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposition {
    /// Their media type.
    pub content_type: &'static str,
    /// The bytes.
    pub body: Vec<u8>,
}

/// A histogram whose observations can be looked up elsewhere.
struct Traced {
    /// Its metric.
    name: &'static str,
    labels: Labels,
    /// By bucket.
    marks: Vec<Option<Mark>>,
}

impl Metrics {
    /// Every metric, in the format that this `Accept` header prefers.
    pub fn exposition(&self, accept: &str) -> Exposition {
        if prefers_protobuf(accept)
            && let Ok(body) = self.protobuf()
        {
            let content_type = PROTOBUF;
            return Exposition { content_type, body };
        }
        Exposition {
            content_type: TEXT,
            body: self.text().into_bytes(),
        }
    }

    /// Every metric in the OpenMetrics text format.
    pub fn text(&self) -> String {
        // Those that are marked are counted already.
        let traced = self.traced();
        let mut plain = String::new();
        // Writing to a string cannot fail.
        text::encode(&mut plain, &self.registry).unwrap_or_default();
        let mut text = String::with_capacity(plain.len());
        for line in plain.lines() {
            text.push_str(line);
            let exemplar = traced.iter().find_map(|one| one.exemplar_of(line));
            if let Some(mark) = exemplar {
                mark.write(&mut text).unwrap_or_default();
            }
            text.push('\n');
        }
        text
    }

    fn protobuf(&self) -> Result<Vec<u8>, fmt::Error> {
        let traced = self.traced();
        let registry: &Registry = &self.registry;
        let mut bytes = Vec::new();
        for mut family in prometheus_protobuf::encode(registry)? {
            for one in traced.iter().filter(|one| one.name == family.name) {
                let metrics = family.metric.iter_mut();
                metrics.for_each(|metric| one.put(metric));
            }
            let encoded = family.encode_length_delimited(&mut bytes);
            encoded.map_err(|_| fmt::Error)?;
        }
        Ok(bytes)
    }

    fn traced(&self) -> Vec<Traced> {
        let scans = self.durations.scans.all().into_iter();
        let scans = scans.map(|(labels, one)| ("multicode_scan_duration_seconds", labels, one));
        let overhead = self.durations.overhead.clone();
        let overhead = (
            "multicode_gateway_overhead_seconds",
            Labels::new(),
            overhead,
        );
        let traced = scans.chain([overhead]);
        let traced = traced.map(|(name, labels, histogram): (_, _, Histogram)| Traced {
            name,
            labels,
            marks: histogram.marks().read().collect(),
        });
        traced
            .filter(|one| one.marks.iter().any(Option::is_some))
            .collect()
    }
}

impl Traced {
    /// The mark of the bucket that this line of text tells of.
    fn exemplar_of(&self, line: &str) -> Option<&Mark> {
        let rest = line
            .strip_prefix(self.name)?
            .strip_prefix("_bucket{le=\"")?;
        let (bound, rest) = rest.split_once('"')?;
        let mut labels = String::new();
        for (name, value) in &self.labels {
            write!(labels, ",{name}=\"{}\"", Escaped(value)).ok()?;
        }
        let rest = rest.strip_prefix(&*labels)?;
        rest.strip_prefix("} ")?;
        // The mark lies in the bucket whose bounds enclose it: the line's is the first not below.
        let bound: f64 = bound.parse().ok()?;
        let marks = self.marks.iter().flatten();
        let mut above = marks.filter(|mark| mark.bound.total_cmp(&bound).is_eq());
        above.next()
    }

    /// Puts the marks to the buckets of the histogram they belong to.
    fn put(&self, metric: &mut model::Metric) {
        let mut labels = metric.label.iter();
        let same = metric.label.len() == self.labels.len()
            && self.labels.iter().all(|(name, value)| {
                labels.any(|label| label.name == *name && label.value == *value)
            });
        let Some(histogram) = metric.histogram.as_mut().filter(|_| same) else {
            return;
        };
        for (bucket, mark) in histogram.bucket.iter_mut().zip(&self.marks) {
            bucket.exemplar = mark.as_ref().map(Mark::exemplar);
        }
        let marks = self.marks.iter().flatten();
        histogram.exemplars = marks.map(Mark::exemplar).collect();
    }
}

impl Mark {
    fn write(&self, text: &mut String) -> fmt::Result {
        let (seconds, millis) = (self.at.seconds(), self.at.millis().rem_euclid(1_000));
        let (trace, took) = (HEXLOWER.encode(&self.trace), self.took.as_secs_f64());
        write!(
            text,
            " # {{trace_id=\"{trace}\"}} {took} {seconds}.{millis:03}"
        )
    }

    fn exemplar(&self) -> model::Exemplar {
        let nanos = self.at.millis().rem_euclid(1_000) * 1_000_000;
        model::Exemplar {
            label: vec![model::LabelPair {
                name: "trace_id".into(),
                value: HEXLOWER.encode(&self.trace),
            }],
            value: self.took.as_secs_f64(),
            timestamp: Some(prost_types::Timestamp {
                seconds: self.at.seconds(),
                nanos: i32::try_from(nanos).unwrap_or_default(),
            }),
        }
    }
}

/// A label's value as OpenMetrics writes it.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}

/// Whether the scraper would rather have Protocol Buffers than text.
fn prefers_protobuf(accept: &str) -> bool {
    let wanted = accept.split(',').map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let (mut weight, mut ours, mut delimited) = (1.0, false, false);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match (name.trim(), value.trim()) {
                ("q", value) => weight = value.parse().unwrap_or(0.0),
                ("proto", "io.prometheus.client.MetricFamily") => ours = true,
                ("encoding", "delimited") => delimited = true,
                _ => {}
            }
        }
        let is = kind.eq_ignore_ascii_case("application/vnd.google.protobuf");
        (is && ours && delimited, weight)
    });
    // Of what weighs the same the first is wanted.
    let first = wanted.fold(
        (false, 0.0),
        |best: (bool, f64), one| {
            if one.1 > best.1 { one } else { best }
        },
    );
    first.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_it_first_has_protocol_buffers() {
        let ours = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        let table = [
            ("", false),
            ("*/*", false),
            (ours, true),
            (
                &format!("{ours};q=0.5,application/openmetrics-text;version=1.0.0;q=0.4,*/*;q=0.1"),
                true,
            ),
            (
                &format!("application/openmetrics-text;version=1.0.0;q=0.6,{ours};q=0.5"),
                false,
            ),
            (&format!("{ours};q=0"), false),
            ("application/vnd.google.protobuf", false),
        ];
        for (accept, expected) in table {
            assert_eq!(prefers_protobuf(accept), expected, "{accept}");
        }
    }
}
