//! What the environment says about traces, in the words of OpenTelemetry's "Environment Variable
//! Specification": whether they are exported, where to, and which.
//!
//! One thing differs. The specification exports to `http://localhost:4318` where nothing is said; here
//! nothing is exported then, so that a gateway without a collector has nothing to complain about. A
//! value that is not understood is ignored with a warning, as the specification asks, and never shown:
//! it may hold a secret. Nothing here keeps a gateway from starting.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;

use super::Sampling;

/// How long a collector may take for a batch, unless the environment says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The spans that wait for a collector at most, unless the environment says otherwise.
const QUEUE: usize = 2_048;

/// The most that may wait, whatever the environment says: the room is made at the start.
const LONGEST_QUEUE: usize = 131_072;

/// What is recorded, and who gets it.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    /// Which traces are recorded.
    pub sampling: Sampling,
    /// Who gets them.
    pub collector: Option<Collector>,
}

/// Who gets the traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    /// Where it takes them.
    pub url: Uri,
    /// Whom to trust about it, where it is asked by `https`.
    pub authority: Option<PathBuf>,
    /// How long it may take for a batch, with all repetitions.
    pub timeout: Duration,
    /// The spans that wait for it at most.
    pub queue: usize,
}

impl Collector {
    /// Its address without the path, which may hold a secret.
    pub fn place(&self) -> String {
        let scheme = self.url.scheme_str().unwrap_or_default();
        let authority = self.url.authority().map(Authority::as_str);
        format!("{scheme}://{}", authority.unwrap_or_default())
    }
}

impl Traces {
    /// Reads the variables. What the SDK reads by itself is not here: headers, compression, the
    /// resource, the pace of batches.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variables = Variables(&variable);
        if variables.is("OTEL_SDK_DISABLED", "true") {
            return Self::default();
        }
        match variables.collector() {
            None => Self::default(),
            collector => Self {
                sampling: variables.sampling(),
                collector,
            },
        }
    }
}

/// The environment; what is empty is not there.
struct Variables<'v>(&'v dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let value = (self.0)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    fn is(&self, name: &str, word: &str) -> bool {
        let value = self.get(name);
        value.is_some_and(|value| value.eq_ignore_ascii_case(word))
    }

    /// What is said of traces, or else of everything.
    fn of_traces(&self, end: &str) -> Option<String> {
        let own = self.get(&format!("OTEL_EXPORTER_OTLP_TRACES_{end}"));
        own.or_else(|| self.get(&format!("OTEL_EXPORTER_OTLP_{end}")))
    }

    fn collector(&self) -> Option<Collector> {
        let own = self.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        let general = || self.get("OTEL_EXPORTER_OTLP_ENDPOINT");
        let below = |base: String| format!("{}/v1/traces", base.trim_end_matches('/'));
        let written = own.or_else(|| general().map(below))?;
        match self.get("OTEL_TRACES_EXPORTER").as_deref() {
            None | Some("otlp") => {}
            Some("none") => return None,
            Some(_) => {
                tracing::error!("no traces: OTEL_TRACES_EXPORTER is neither otlp nor none");
                return None;
            }
        }
        if self
            .of_traces("PROTOCOL")
            .is_some_and(|it| it != "http/protobuf")
        {
            tracing::warn!("OTEL_EXPORTER_OTLP_PROTOCOL: traces are sent by http/protobuf");
        }
        if self.of_traces("COMPRESSION").is_some_and(|it| it != "none") {
            tracing::warn!("OTEL_EXPORTER_OTLP_COMPRESSION: traces are sent uncompressed");
        }
        let url = url(&written)?;
        let authority = self.of_traces("CERTIFICATE").map(PathBuf::from);
        if url.scheme_str() == Some("https") && authority.is_none() {
            tracing::error!(
                "no traces: OTEL_EXPORTER_OTLP_CERTIFICATE names nobody to trust about an https endpoint"
            );
            return None;
        }
        Some(Collector {
            url,
            authority,
            timeout: self.timeout(),
            queue: self
                .number("OTEL_BSP_MAX_QUEUE_SIZE")
                .map_or(QUEUE, |queue: usize| queue.min(LONGEST_QUEUE)),
        })
    }

    /// Of two bounds the shorter one.
    fn timeout(&self) -> Duration {
        let own = self.number("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT");
        let own = own.or_else(|| self.number("OTEL_EXPORTER_OTLP_TIMEOUT"));
        let own = own.map_or(TIMEOUT, Duration::from_millis);
        let batch = self.number("OTEL_BSP_EXPORT_TIMEOUT");
        batch.map_or(own, |batch| own.min(Duration::from_millis(batch)))
    }

    /// A number that is not nothing.
    fn number<N: std::str::FromStr + Default + PartialEq>(&self, name: &str) -> Option<N> {
        let number = self.get(name)?.parse().ok();
        let number = number.filter(|number| *number != N::default());
        if number.is_none() {
            tracing::warn!(variable = name, "not understood, so it is not followed");
        }
        number
    }

    fn sampling(&self) -> Sampling {
        let word = self.get("OTEL_TRACES_SAMPLER");
        let word = word.as_deref().unwrap_or("parentbased_always_on");
        let (heeds_parent, root) = match word.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, word),
        };
        let share = match root {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => self.share(),
            _ => {
                let name = "OTEL_TRACES_SAMPLER";
                tracing::warn!(variable = name, "not understood, so it is not followed");
                return Sampling {
                    share: 1.0,
                    heeds_parent: true,
                };
            }
        };
        Sampling {
            share,
            heeds_parent,
        }
    }

    fn share(&self) -> f64 {
        let name = "OTEL_TRACES_SAMPLER_ARG";
        let Some(written) = self.get(name) else {
            return 1.0;
        };
        let share = written.parse().ok();
        share
            .filter(|share| (0.0..=1.0).contains(share))
            .unwrap_or_else(|| {
                tracing::warn!(variable = name, "not understood, so it is not followed");
                1.0
            })
    }
}

fn url(written: &str) -> Option<Uri> {
    let url = written.parse::<Uri>().ok().filter(|url| {
        let scheme = matches!(url.scheme_str(), Some("http" | "https"));
        let host = url.authority().is_some_and(|it| !it.host().is_empty());
        scheme && host
    });
    if url.is_none() {
        tracing::error!("no traces: OTEL_EXPORTER_OTLP_ENDPOINT is no http or https URL");
    }
    // RFC 9110, section 4.2.4: "userinfo" in a URL is an error, and it would be shown.
    let shown = |url: &Uri| url.authority().is_some_and(|it| it.as_str().contains('@'));
    if url.as_ref().is_some_and(shown) {
        tracing::error!(
            "no traces: a secret belongs into OTEL_EXPORTER_OTLP_HEADERS, not into the endpoint"
        );
        return None;
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Traces {
        Traces::read(|name| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const PLACE: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");

    #[track_caller]
    fn goes_to(pairs: &[(&str, &str)], expected: Option<&str>) {
        let collector = read(pairs).collector;
        let url = collector.map(|it| it.url.to_string());
        assert_eq!(url.as_deref(), expected, "{pairs:?}");
    }

    #[test]
    fn nothing_is_exported_unless_somebody_says_where() {
        goes_to(&[], None);
        goes_to(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")], None);
        goes_to(&[PLACE], Some("http://collector:4318/v1/traces"));
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://other/in");
        goes_to(&[PLACE, own], Some("http://other/in"));
        let shown = read(&[own]).collector.unwrap().place();
        assert_eq!(shown, "http://other");
        goes_to(&[PLACE, ("OTEL_SDK_DISABLED", "TRUE")], None);
        goes_to(&[PLACE, ("OTEL_TRACES_EXPORTER", "none")], None);
        goes_to(&[PLACE, ("OTEL_TRACES_EXPORTER", "zipkin")], None);
        assert_eq!(read(&[]).sampling, Sampling::default());
    }

    #[test]
    fn an_endpoint_that_cannot_be_meant_is_not_asked() {
        for wrong in ["collector:4318", "ftp://c/", "https://c", "http://a:b@c/"] {
            goes_to(&[("OTEL_EXPORTER_OTLP_ENDPOINT", wrong)], None);
        }
        let secure = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c");
        let trust = ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem");
        goes_to(&[secure, trust], Some("https://c/v1/traces"));
    }

    #[test]
    fn the_shorter_time_counts() {
        let time = |pairs: &[(&str, &str)]| {
            let all = [&[PLACE], pairs].concat();
            read(&all).collector.unwrap().timeout.as_millis()
        };
        assert_eq!(time(&[]), 10_000);
        let general = ("OTEL_EXPORTER_OTLP_TIMEOUT", "700");
        assert_eq!(time(&[general]), 700);
        assert_eq!(
            time(&[general, ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "800")]),
            800
        );
        assert_eq!(time(&[general, ("OTEL_BSP_EXPORT_TIMEOUT", "50")]), 50);
        assert_eq!(time(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")]), 10_000);
        let queue = read(&[PLACE, ("OTEL_BSP_MAX_QUEUE_SIZE", "0")]);
        assert_eq!(queue.collector.unwrap().queue, QUEUE);
        let queue = read(&[PLACE, ("OTEL_BSP_MAX_QUEUE_SIZE", "1000000000000")]);
        assert_eq!(queue.collector.unwrap().queue, LONGEST_QUEUE);
    }

    #[test]
    fn samplers_are_those_of_the_specification() {
        let sampling = |name: &str, share: &str| {
            let sampler = ("OTEL_TRACES_SAMPLER", name);
            let sampling = read(&[PLACE, sampler, ("OTEL_TRACES_SAMPLER_ARG", share)]).sampling;
            (sampling.share, sampling.heeds_parent)
        };
        assert_eq!(sampling("", ""), (1.0, true));
        assert_eq!(sampling("always_on", "0.5"), (1.0, false));
        assert_eq!(sampling("always_off", ""), (0.0, false));
        assert_eq!(sampling("traceidratio", "0.25"), (0.25, false));
        assert_eq!(sampling("parentbased_always_on", ""), (1.0, true));
        assert_eq!(sampling("parentbased_always_off", ""), (0.0, true));
        assert_eq!(sampling("parentbased_traceidratio", "0.1"), (0.1, true));
        for wrong in ["2", "-1", "all", "NaN"] {
            assert_eq!(sampling("traceidratio", wrong), (1.0, false));
        }
        assert_eq!(sampling("jaeger_remote", ""), (1.0, true));
    }
}
