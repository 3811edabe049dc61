//! Traces to a collector, by OTLP/HTTP.
//!
//! The clerk hands spans to the SDK's batches and goes on: what finds no room is dropped whole, a scan's
//! spans together, and counted. Batches are sent from a thread of the SDK's. A collector that is slow,
//! ill or gone costs nobody more than its traces, and is complained about once a minute at most.

mod client;
mod spans;

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::trace::SpanKind;
use opentelemetry::{InstrumentationScope, Key, KeyValue};
use opentelemetry_http::HttpClient;
use opentelemetry_otlp::{
    ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::resource::{ResourceDetector as _, SdkProvidedResourceDetector};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter as Exporter, SpanProcessor as _,
};
use rustls::ClientConfig;

use self::client::Client;
use super::traces::Collector;
use super::{ScanEvent, Sink};
use crate::metrics::{Desks, Lost};
use crate::trust::standing::chain;

/// How long an ending gateway waits for the last batch.
const FLUSH: Duration = Duration::from_secs(2);

/// How often a collector is complained about at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// What cannot be had to begin with.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The exporter does not like its settings.
    #[error("the exporter cannot be made")]
    Exporter(#[from] ExporterBuildError),
    /// The system has no room for it.
    #[error("the system gives it nothing to work with")]
    System(#[from] io::Error),
}

/// Who hands spans over.
#[derive(Debug)]
pub struct Otlp {
    /// Absent when it has ended.
    processor: Option<BatchSpanProcessor>,
    books: Arc<Books>,
    scope: InstrumentationScope,
}

/// What is under way, and what was lost.
#[derive(Debug)]
struct Books {
    /// Spans that may still be handed over. It is counted here since the SDK does not tell what it
    /// drops.
    room: AtomicUsize,
    /// Scans without a trace.
    lost: AtomicU64,
    counts: Desks,
    complained: Mutex<Option<Instant>>,
}

impl Books {
    fn enter(&self, spans: usize) -> bool {
        let left = |room: usize| room.checked_sub(spans);
        let order = Ordering::Relaxed;
        self.room.fetch_update(order, order, left).is_ok()
    }

    /// Complains, unless it did a moment ago.
    fn lose(&self, scans: u64, why: &str) {
        self.counts.lost(Lost::Trace, scans);
        let lost = self.lost.fetch_add(scans, Ordering::Relaxed) + scans;
        let complained = self.complained.lock();
        let mut complained = complained.unwrap_or_else(PoisonError::into_inner);
        if complained.is_none_or(|then| then.elapsed() >= PATIENCE) {
            *complained = Some(Instant::now());
            tracing::warn!(why, lost, "traces do not reach their collector");
        }
    }
}

impl Otlp {
    /// Begins to send to `collector`, with whom to trust where it is asked by `https`, and counts
    /// what is lost.
    pub fn start(
        collector: &Collector,
        tls: Option<Arc<ClientConfig>>,
        counts: Desks,
    ) -> Result<Self, OtlpError> {
        let client = Arc::new(Client::new(tls, collector.timeout)?);
        let shared: Arc<dyn HttpClient> = Arc::<Client>::clone(&client);
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(collector.url.to_string())
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_timeout(collector.timeout)
            .with_shared_http_client(shared)
            .build()?;
        let books = Arc::new(Books {
            room: AtomicUsize::new(collector.queue),
            lost: AtomicU64::default(),
            counts,
            complained: Mutex::default(),
        });
        let mut watched = Watched {
            exporter,
            client,
            books: Arc::clone(&books),
        };
        watched.set_resource(&resource());
        let batches = BatchConfigBuilder::default().with_max_queue_size(collector.queue);
        let processor = BatchSpanProcessor::new(watched, batches.build());
        Ok(Self {
            processor: Some(processor),
            books,
            scope: InstrumentationScope::builder("multicode")
                .with_version(env!("CARGO_PKG_VERSION"))
                .build(),
        })
    }

    fn hand_over(&self, event: &ScanEvent) {
        let spans = spans::of(event, &self.scope);
        let Some(processor) = &self.processor else {
            return;
        };
        if self.books.enter(spans.len()) {
            for span in spans {
                processor.on_end(span);
            }
        } else {
            self.books.lose(1, "more of them wait than may");
        }
    }
}

/// Who says it: `OTEL_SERVICE_NAME` stands above `OTEL_RESOURCE_ATTRIBUTES`, which the SDK alone would
/// turn around, and both above what is said here.
fn resource() -> Resource {
    let said = Resource::builder().build();
    let named = SdkProvidedResourceDetector.detect();
    let name = named.get(&Key::from_static_str("service.name"));
    let name = name.filter(|name| !name.as_str().starts_with("unknown_service"));
    let said = said.iter();
    Resource::builder_empty()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(said.map(|(key, value)| KeyValue::new(key.clone(), value.clone())))
        .with_service_name(name.unwrap_or_else(|| "multicode".into()))
        .build()
}

impl Sink for Otlp {
    fn take(&mut self, events: &[ScanEvent], _lost: u64) {
        let sampled = events.iter().filter(|event| event.trace.sampled);
        sampled.for_each(|event| self.hand_over(event));
    }
}

/// The last batch has [`FLUSH`] to arrive; then the gateway ends without it.
impl Drop for Otlp {
    fn drop(&mut self) {
        let Some(processor) = self.processor.take() else {
            return;
        };
        let (flushed, waiting) = mpsc::channel();
        let flush = move || {
            let shut = processor.shutdown_with_timeout(FLUSH);
            // Who waited may have gone.
            let _ = flushed.send(shut.is_ok());
        };
        let thread = thread::Builder::new().name("traces".to_owned());
        let begun = thread.spawn(flush).is_ok();
        if !begun || waiting.recv_timeout(FLUSH) != Ok(true) {
            tracing::warn!("the last traces did not reach their collector");
        }
    }
}

/// The exporter, watched.
#[derive(Debug)]
struct Watched {
    exporter: SpanExporter,
    client: Arc<Client>,
    books: Arc<Books>,
}

impl Exporter for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let length = batch.len();
        let whole = batch.iter().filter(|it| it.span_kind == SpanKind::Server);
        let scans = u64::try_from(whole.count()).unwrap_or(u64::MAX);
        let exported = self.exporter.export(batch).await;
        self.books.room.fetch_add(length, Ordering::Relaxed);
        match (exported.is_err(), self.client.trouble()) {
            (false, _) => {}
            (true, Some(trouble)) => self.books.lose(scans, &chain(&trouble)),
            (true, None) => self.books.lose(scans, "they cannot be written"),
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
