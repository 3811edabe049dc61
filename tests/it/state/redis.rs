//! The store that gateways share, on a real server.

use std::sync::Arc;
use std::time::Duration;

use multicode::state::{Redis, RedisSetting, Store};

use super::bench::{Bench, DOUBLE_READ, KEEP, Passing, seals};
use crate::faults::redis::now;
use crate::faults::redis::server::Server;

/// A server for each test.
#[expect(clippy::unused_async, reason = "other stores have to be waited for")]
async fn bench() -> Bench {
    let server = Server::start(&[]);
    let setting = RedisSetting {
        keep: KEEP,
        double_read: DOUBLE_READ,
        budget: Duration::from_secs(2),
        ..RedisSetting::new(vec![server.url()], now, 1)
    };
    let redis = Redis::start(&setting, seals()).unwrap();
    let store = Store::Shared(Arc::new(redis));
    Bench::new(store, now(), Passing::Waited(now)).on(server)
}

crate::state::on_every!(bench());
