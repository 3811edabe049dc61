//! Active checks: one thread looks after the endpoints of the whole process.
//!
//! It speaks to them as traffic does, over connections of its own. What it sees goes through the
//! endpoint's [`Checks`](super::checked::Checks); workers read the outcome and wait for nobody.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet, spawn_local};
use tokio::time::{Instant, sleep, timeout};

use super::Endpoint;
use super::checked::Patience;
use super::connect::Connector;
use super::fleet::Crew;
use super::http1::Buffers;
use super::policy::{Check, Probe};
use crate::random::Random;
use crate::tick::Timer;

/// Who asks.
const AGENT: HeaderValue = HeaderValue::from_static("multicode-check");

/// Starts the thread; it ends when the sender is gone.
pub(super) fn start() -> io::Result<watch::Sender<Vec<Arc<Crew>>>> {
    let (told, hears) = watch::channel(Vec::new());
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let work = move || LocalSet::new().block_on(&runtime, rounds(hears));
    thread::Builder::new().name("checks".into()).spawn(work)?;
    Ok(told)
}

/// Checks whom it is told to, until nobody tells any more.
async fn rounds(mut hears: watch::Receiver<Vec<Arc<Crew>>>) {
    let timer = Timer::new();
    let ticking = timer.clone();
    drop(spawn_local(async move { ticking.run().await }));
    let mut seed = 0;
    loop {
        let crews = hears.borrow_and_update().clone();
        // Dropping the set ends the checks of the configuration before.
        let mut checks = JoinSet::new();
        for crew in crews {
            let Some(check) = crew.config.policy.check.clone() else {
                continue;
            };
            for place in 0..crew.members.len() {
                seed += 1;
                let random = Random::seeded(seed);
                let looks = look_after(
                    Arc::clone(&crew),
                    place,
                    check.clone(),
                    timer.clone(),
                    random,
                );
                checks.spawn_local(looks);
            }
        }
        if hears.changed().await.is_err() {
            return;
        }
    }
}

/// Checks one endpoint for ever.
async fn look_after(crew: Arc<Crew>, place: usize, check: Check, timer: Timer, mut random: Random) {
    let config = &crew.config;
    let (Some(member), Some(endpoint)) = (crew.members.get(place), config.endpoints.get(place))
    else {
        return;
    };
    let connector = Connector::new(endpoint, config, &timer, &Buffers::default());
    let patience = Patience {
        rise: check.rise,
        fall: check.fall,
    };
    let (upstream, name) = (&*config.name, &*member.name);
    // Not all at the same time.
    sleep(part(check.interval, random.below(100))).await;
    loop {
        let answer = timeout(check.timeout, is_well(endpoint, &connector, &check));
        let good = answer.await.unwrap_or(false);
        member.counts.checked(good);
        match member.checked(good, patience, crew.moment(Instant::now())) {
            Some(true) => {
                tracing::info!(
                    upstream,
                    endpoint = name,
                    "an endpoint passes its checks again"
                );
                // Whoever waits may look at it now.
                crew.group.queue.call();
            }
            Some(false) => {
                tracing::warn!(upstream, endpoint = name, "an endpoint fails its checks");
            }
            None => {}
        }
        // A tenth earlier or later.
        sleep(part(check.interval, 90 + random.below(21))).await;
    }
}

/// Whether an endpoint does what the check asks of it.
async fn is_well(endpoint: &Endpoint, connector: &Connector, check: &Check) -> bool {
    let (path, statuses) = match &check.probe {
        Probe::Tcp => {
            return connector.reaches(check.timeout).await;
        }
        Probe::Http { path, statuses } => (path, statuses),
    };
    let mut request = Request::new(Full::<Bytes>::default());
    *request.uri_mut() = path.clone().into();
    let headers = request.headers_mut();
    headers.insert(header::HOST, endpoint.authority.clone());
    headers.insert(header::USER_AGENT, AGENT);
    let answer = Box::pin(connector.ask(endpoint, request, check.timeout)).await;
    answer.is_some_and(|status| {
        if statuses.is_empty() {
            status.is_success()
        } else {
            statuses.contains(&status.as_u16())
        }
    })
}

fn part(span: Duration, percent: usize) -> Duration {
    span * u32::try_from(percent).unwrap_or(100) / 100
}
