//! A department that moves money and remembers how often it was told to.

use std::collections::HashMap;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

use super::department::request;

/// Listens until the tests end.
pub(super) struct Bank {
    pub(super) address: SocketAddr,
    delivered: Arc<Mutex<HashMap<String, usize>>>,
}

impl Bank {
    /// One that takes that many milliseconds for an order.
    pub(super) fn open(pauses: RangeInclusive<u64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let delivered: Arc<Mutex<HashMap<_, _>>> = Arc::default();
        let books = Arc::clone(&delivered);
        spawn(move || {
            for stream in listener.incoming() {
                let (books, pauses) = (Arc::clone(&books), pauses.clone());
                spawn(move || serve(stream.unwrap(), &books, &pauses));
            }
        });
        Self { address, delivered }
    }

    /// How often it was told to carry this order out.
    pub(super) fn deliveries(&self, order: &str) -> usize {
        let delivered = self.delivered.lock().unwrap();
        delivered.get(order).copied().unwrap_or_default()
    }

    /// The orders it carried out more than once.
    pub(super) fn extra(&self) -> Vec<(String, usize)> {
        let delivered = self.delivered.lock().unwrap();
        let extra = delivered.iter().filter(|(_, times)| **times > 1);
        extra
            .map(|(order, times)| (order.clone(), *times))
            .collect()
    }

    /// How many different orders it carried out.
    pub(super) fn carried_out(&self) -> usize {
        self.delivered.lock().unwrap().len()
    }
}

/// No two receipts are the same.
fn serve(stream: TcpStream, books: &Mutex<HashMap<String, usize>>, pauses: &RangeInclusive<u64>) {
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    while let Some(body) = request(&mut stream) {
        let order = order(&body).expect("an order of ours");
        let receipt = {
            let mut books = books.lock().unwrap();
            *books.entry(order.clone()).or_default() += 1;
            books.values().sum::<usize>()
        };
        let spread = pauses.end() - pauses.start() + 1;
        let pause = pauses.start() + u64::try_from(receipt).unwrap() * 7 % spread;
        sleep(Duration::from_millis(pause));
        let body = format!("{{\"order\":\"{order}\",\"receipt\":{receipt}}}");
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The order's number, which stands in whatever form the gateway writes: `K`, digits, `Z`.
fn order(body: &str) -> Option<String> {
    body.split(|one: char| !one.is_ascii_alphanumeric())
        .find(|word| {
            let inner = word.strip_prefix('K').and_then(|it| it.strip_suffix('Z'));
            inner.is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
        })
        .map(ToOwned::to_owned)
}
