//! A histogram in the formats of Prometheus.

use std::fmt;

use prometheus_client::encoding::{
    EncodeMetric, MetricEncoder, NativeHistogram, NativeHistogramBuckets, NoLabelSet,
};
use prometheus_client::metrics::{MetricType, TypedMetric};

use super::Histogram;
use super::layout::{SCHEMA, ZERO_THRESHOLD};

/// Empty buckets that are written out between two others, because a new span would cost more.
const SMALL_GAP: i32 = 2;

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let snapshot = self.snapshot();
        let (zero_count, buckets) = snapshot.native();
        let (spans, deltas) = sparse(&buckets)?;
        let nothing = NativeHistogramBuckets {
            spans: &[],
            deltas: &[],
        };
        encoder.encode_histogram_with_native::<NoLabelSet>(
            snapshot.sum().as_secs_f64(),
            snapshot.count(),
            &snapshot.classic(),
            None,
            NativeHistogram {
                schema: SCHEMA,
                zero_threshold: ZERO_THRESHOLD,
                zero_count,
                negative: nothing,
                positive: NativeHistogramBuckets {
                    spans: &spans,
                    deltas: &deltas,
                },
                created: None,
            },
        )
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

/// Spans of neighbouring buckets, each with its distance from the one before and its length, and for
/// each bucket in them the difference from the one before.
type Sparse = (Vec<(i32, u32)>, Vec<i64>);

fn sparse(buckets: &[(i32, u64)]) -> Result<Sparse, fmt::Error> {
    let (mut spans, mut deltas) = (Vec::<(i32, u32)>::new(), Vec::new());
    // The first offset is counted from bucket 0.
    let (mut next, mut last) = (0, 0_i64);
    let mut put = |deltas: &mut Vec<i64>, count: i64| {
        deltas.push(count - last);
        last = count;
    };
    for &(index, count) in buckets {
        let gap = index - next;
        match spans.last_mut() {
            Some(span) if gap <= SMALL_GAP => {
                (0..gap).for_each(|_| put(&mut deltas, 0));
                span.1 += gap.unsigned_abs() + 1;
            }
            _ => spans.push((gap, 1)),
        }
        put(&mut deltas, i64::try_from(count).map_err(|_| fmt::Error)?);
        next = index + 1;
    }
    Ok((spans, deltas))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_span() {
        let buckets = [(-10, 1), (-7, 7), (-5, 7), (2, 8)];
        let (spans, deltas) = sparse(&buckets).unwrap();
        assert_eq!(spans, [(-10, 6), (6, 1)]);
        assert_eq!(deltas, [1, -1, 0, 7, -7, 7, 1]);
    }
}
