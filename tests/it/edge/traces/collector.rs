//! A collector: keeps what it is sent, to the byte, and answers as a test wants it to.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message as _;

use crate::edge::backend::Stream;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// Its head, in lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// Listens until the tests end.
pub(super) struct Collector {
    pub(super) port: u16,
    batches: Arc<Mutex<Vec<Batch>>>,
}

impl Collector {
    /// Takes everything.
    pub(super) fn taking() -> Self {
        Self::answering("200 OK")
    }

    /// Takes it, and says this.
    pub(super) fn answering(status: &'static str) -> Self {
        Self::playing(
            |stream| Box::new(stream),
            move |stream| {
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes());
            },
        )
    }

    pub(super) fn playing(
        wrap: impl Fn(std::net::TcpStream) -> Box<dyn Stream> + Send + Sync + 'static,
        play: impl Fn(&mut dyn Stream) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let batches = Arc::new(Mutex::new(Vec::new()));
        let (kept, both) = (Arc::clone(&batches), Arc::new((wrap, play)));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, both) = (Arc::clone(&kept), Arc::clone(&both));
                thread::spawn(move || {
                    let mut stream = BufReader::new((both.0)(stream.unwrap()));
                    if let Some(batch) = read(&mut stream) {
                        kept.lock().unwrap().push(batch);
                        (both.1)(&mut **stream.get_mut());
                        let _ = stream.get_mut().flush();
                    }
                });
            }
        });
        Self { port, batches }
    }

    pub(super) fn batches(&self) -> Vec<Batch> {
        self.batches.lock().unwrap().clone()
    }

    /// Every span so far.
    pub(super) fn spans(&self) -> Vec<Span> {
        let sent = self.resources().into_iter();
        let scopes = sent.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// What was sent so far, by who says it.
    pub(super) fn resources(&self) -> Vec<ResourceSpans> {
        let batches = self.batches().into_iter();
        let decoded = batches.map(|it| ExportTraceServiceRequest::decode(&*it.body).unwrap());
        decoded.flat_map(|request| request.resource_spans).collect()
    }
}

/// What is said of this, as text.
pub(super) fn value(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|it| it.key == key)?;
    let AnyValue { value } = found.value.clone()?;
    Some(match value? {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(word) => word.to_string(),
        other => panic!("{key} is {other:?}"),
    })
}

fn read(stream: &mut impl BufRead) -> Option<Batch> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some(Batch { head, body })
}
