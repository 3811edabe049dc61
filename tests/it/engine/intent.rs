//! What is recorded before the first byte of a request, once.

use std::cell::Cell;
use std::thread::sleep;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use multicode::upstream::{Ask, SendError, UpstreamConfig, Upstreams, Withheld};
use tokio::task::spawn_local;

use super::upstream::{Backend, closed_port, ok, towards, with_timer};

/// Runs with connections of its own.
fn with(upstream: UpstreamConfig, test: impl AsyncFnOnce(&Upstreams)) {
    with_timer(async |timer| test(&Upstreams::new(&[upstream], timer)).await);
}

fn ask() -> Ask {
    let mut request = Request::new(Full::new(Bytes::from_static(b"x")));
    *request.method_mut() = http::Method::POST;
    request.into()
}

async fn sent(
    upstreams: &Upstreams,
    intent: impl AsyncFnOnce() -> Result<(), Withheld>,
) -> Result<Bytes, SendError> {
    let answer = upstreams.send(0, ask(), intent).await?;
    Ok(answer.into_body().collect().await.unwrap().to_bytes())
}

#[test]
fn what_cannot_be_recorded_is_not_sent_and_costs_no_connection() {
    let backend = Backend::start(|stream, _| ok(stream));
    with(towards(&[backend.port]), async |upstreams| {
        for _ in 0..3 {
            let withheld = sent(upstreams, async || Err(Withheld)).await;
            assert!(matches!(withheld, Err(SendError::Withheld)));
            assert_eq!(backend.requests(), 0);
            // The connection's own task has not run yet.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(sent(upstreams, async || Ok(())).await.unwrap(), "ok");
    });
    assert_eq!((backend.connections(), backend.requests()), (1, 1));
}

#[test]
fn a_connection_that_ended_behind_its_answer_is_not_used_in_the_same_turn() {
    let backend = Backend::start(|stream, _| {
        ok(stream);
        false
    });
    with_timer(async |timer| {
        let upstreams = Upstreams::new(&[towards(&[backend.port])], timer);
        // In a task of its own, which goes on without the runtime looking at its sockets.
        let requests = spawn_local(async move {
            for _ in 0..8 {
                assert_eq!(sent(&upstreams, async || Ok(())).await.unwrap(), "ok");
                // Until its end is here.
                sleep(Duration::from_millis(5));
            }
        });
        requests.await.unwrap();
    });
    assert_eq!((backend.connections(), backend.requests()), (8, 8));
}

#[test]
fn nothing_is_recorded_until_somebody_is_there() {
    let recorded = Cell::new(0);
    let record = async || {
        recorded.set(recorded.get() + 1);
        Ok(())
    };
    with(
        towards(&[closed_port(), closed_port()]),
        async |upstreams| {
            let unreachable = sent(upstreams, record).await;
            assert!(matches!(unreachable, Err(SendError::Unreachable)));
        },
    );
    assert_eq!(recorded.get(), 0);
    let backend = Backend::start(|stream, _| ok(stream));
    with(towards(&[closed_port(), backend.port]), async |upstreams| {
        for _ in 0..4 {
            assert_eq!(sent(upstreams, record).await.unwrap(), "ok");
        }
    });
    assert_eq!((recorded.get(), backend.requests()), (4, 4));
}

#[test]
fn a_connection_that_dies_while_the_intent_is_recorded_is_replaced_and_nothing_recorded_again() {
    let backend = Backend::start(|stream, _| {
        ok(stream);
        sleep(Duration::from_millis(60));
        false
    });
    let mut upstream = towards(&[backend.port]);
    upstream.timeout = Duration::from_secs(2);
    upstream.first_byte_timeout = upstream.timeout;
    let recorded = Cell::new(0);
    with(upstream, async |upstreams| {
        for _ in 0..4 {
            let record = async || {
                recorded.set(recorded.get() + 1);
                tokio::time::sleep(Duration::from_millis(150)).await;
                Ok(())
            };
            assert_eq!(sent(upstreams, record).await.unwrap(), "ok");
        }
    });
    assert_eq!(recorded.get(), 4);
    assert_eq!((backend.connections(), backend.requests()), (4, 4));
}
