//! A driver thread: requests are sent when they are due, over whatever connection is free.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::{JoinSet, LocalSet, yield_now};
use tokio::time::{sleep, timeout};

use super::desk::{Desk, Job};
use super::floor::Floor;
use super::maker::Shot;
use super::pacer::Pacer;
use super::tally::Count;
use super::{Common, DriveError, Driven, Hall, Made, Setup, processor_time};
use crate::client::{Client, Fault, Shared};
use crate::letter::Protocol;
use crate::scenario::Model;

/// How long answers are waited for after the last request was due.
const GRACE: Duration = Duration::from_secs(5);

/// Requests handed over in one go; then connections get their turn.
const AT_ONCE: u32 = 16;

/// How long is waited for a code that is not made yet.
const HURRY: Duration = Duration::from_micros(200);

/// How long is waited at a time: then is looked whether somebody stops the run.
const STRIDE: Duration = Duration::from_millis(100);

/// How old a code may be in a closed load.
const FRESH: Duration = Duration::from_secs(5);

/// Sends a thread's part of the requests.
pub(super) fn drive(
    setup: &Arc<Setup>,
    index: usize,
    common: &Common,
    made: Receiver<Made>,
    hall: Hall,
) -> Result<Driven, DriveError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = hall.ready.send(false);
            return Err(error.into());
        }
    };
    let local = LocalSet::new();
    runtime.block_on(local.run_until(play(setup, index, common, made, hall)))
}

async fn play(
    setup: &Arc<Setup>,
    index: usize,
    common: &Common,
    made: Receiver<Made>,
    hall: Hall,
) -> Result<Driven, DriveError> {
    let clients = connect(setup, index).await;
    let _ = hall.ready.send(clients.is_ok());
    let clients = clients.map_err(|fault| DriveError::Connect {
        address: setup.target.address,
        fault,
    })?;
    // Another thread did not come through: it says why.
    let told = hall
        .opened
        .recv()
        .ok()
        .and_then(|()| common.begin.get().copied());
    let begin = told.unwrap_or_else(Instant::now);
    let floor = Rc::new(Floor {
        setup: Arc::clone(setup),
        stop: Arc::clone(&common.stop),
        begin,
        made,
        desk: Desk::default(),
        count: RefCell::new(Count::new(begin, hall.parts)),
        failed: Cell::new(None),
        shown: RefCell::new(vec![VecDeque::new(); setup.scenario.cases.len()]),
    });
    let before = processor_time();
    if told.is_some() {
        match &setup.model {
            Model::Open { .. } => open(&floor, clients).await?,
            Model::Closed { think, time, .. } => {
                closed(&floor, clients, *time, *think).await?;
            }
        }
    }
    let wall = begin.elapsed();
    let busy = processor_time().saturating_sub(before);
    let count = floor.count.replace_with(|count| count.next());
    let (tally, last) = count.finish(floor.desk.waiting());
    Ok(Driven {
        tally,
        busy,
        wall,
        last,
    })
}

/// This thread's connections, all open.
async fn connect(setup: &Setup, index: usize) -> Result<Vec<Client>, Fault> {
    let load = &setup.scenario.load;
    let all = match &setup.model {
        Model::Open { .. } => load.connections,
        Model::Closed { users, .. } => *users,
    };
    // As evenly as it goes, and one at least.
    let own = (all / setup.threads + usize::from(index < all % setup.threads)).max(1);
    let mut clients = Vec::new();
    for _ in 0..own {
        let lines = match (setup.target.protocol, &setup.model) {
            (Protocol::H2, Model::Open { .. }) => load.streams,
            _ => 1,
        };
        let shared = (setup.target.protocol == Protocol::H2).then(Shared::default);
        for _ in 0..lines {
            let mut client = Client::new(setup.target.clone(), shared.clone());
            client.open().await?;
            clients.push(client);
        }
    }
    Ok(clients)
}

async fn open(floor: &Rc<Floor>, clients: Vec<Client>) -> Result<(), DriveError> {
    let mut lanes = JoinSet::new();
    for client in clients {
        lanes.spawn_local(lane(Rc::clone(floor), client));
    }
    let handed = hand_out(floor).await;
    floor.desk.close();
    finish(floor, lanes).await;
    handed
}

/// Waits for the last answers. What is not there by then is counted as it stands.
async fn finish(floor: &Floor, mut lanes: JoinSet<()>) {
    let end = floor.begin + floor.setup.model.time() + GRACE;
    let patience = if floor.stopped() {
        GRACE
    } else {
        end.saturating_duration_since(Instant::now()).max(GRACE)
    };
    let all = async { while lanes.join_next().await.is_some() {} };
    let _ = timeout(patience, all).await;
    lanes.shutdown().await;
}

/// Hands out every request when it is due.
async fn hand_out(floor: &Floor) -> Result<(), DriveError> {
    let pacer = Pacer::new()?;
    let mut in_a_row = 0;
    while !floor.stopped() {
        let shot = match floor.made.try_recv() {
            Ok(shot) => shot?,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {
                floor.count.borrow_mut().tally.starved += 1;
                pacer.until(Instant::now() + HURRY).await?;
                continue;
            }
        };
        let due = floor.begin + shot.at;
        if due <= Instant::now() {
            in_a_row += 1;
            if in_a_row >= AT_ONCE {
                in_a_row = 0;
                yield_now().await;
            }
        } else {
            in_a_row = 0;
            until(&pacer, due, floor).await?;
        }
        let now = Instant::now();
        let was_free = floor.desk.has_free();
        let mut count = floor.count.borrow_mut();
        count.offered(now);
        if !was_free {
            count.late(now.saturating_duration_since(due));
        }
        let job = Job {
            shot,
            due,
            was_free,
            time: 0,
        };
        if !floor.desk.push(job) {
            count.dropped(1);
        }
    }
    Ok(())
}

async fn until(pacer: &Pacer, due: Instant, floor: &Floor) -> io::Result<()> {
    while !floor.stopped() {
        let stride = Instant::now() + STRIDE;
        if due <= stride {
            return pacer.until(due).await;
        }
        pacer.until(stride).await?;
    }
    Ok(())
}

async fn lane(floor: Rc<Floor>, mut client: Client) {
    while let Some(job) = floor.desk.next().await {
        if let Some(again) = floor.send(&mut client, job).await
            && !floor.desk.push(again)
        {
            floor.count.borrow_mut().dropped(1);
        }
    }
}

async fn closed(
    floor: &Rc<Floor>,
    clients: Vec<Client>,
    time: Duration,
    think: Duration,
) -> Result<(), DriveError> {
    let mut users = JoinSet::new();
    for client in clients {
        users.spawn_local(user(Rc::clone(floor), client, time, think));
    }
    let end = floor.begin + time;
    while Instant::now() < end && !users.is_empty() && !floor.stopped() {
        let stride = STRIDE.min(end.saturating_duration_since(Instant::now()));
        sleep(stride).await;
        while users.try_join_next().is_some() {}
    }
    finish(floor, users).await;
    floor.failed.take().map_or(Ok(()), Err)
}

/// Asks, waits for the answer, thinks, and asks again.
async fn user(floor: Rc<Floor>, mut client: Client, time: Duration, think: Duration) {
    while floor.begin.elapsed() < time && !floor.stopped() {
        let shot = match take(&floor) {
            Ok(Some(shot)) => shot,
            Ok(None) => {
                sleep(Duration::from_millis(1)).await;
                continue;
            }
            Err(error) => {
                floor.failed.set(Some(error));
                return;
            }
        };
        let due = Instant::now();
        floor.count.borrow_mut().offered(due);
        let mut job = Some(Job {
            shot,
            due,
            was_free: true,
            time: 0,
        });
        while let Some(next) = job {
            job = floor.send(&mut client, next).await;
        }
        if !think.is_zero() {
            sleep(think).await;
        }
    }
}

/// The next request, made not long ago; none if there is none yet.
fn take(floor: &Floor) -> Result<Option<Shot>, DriveError> {
    while let Ok(shot) = floor.made.try_recv() {
        let shot = shot?;
        if shot.made.elapsed() < FRESH {
            return Ok(Some(shot));
        }
    }
    floor.count.borrow_mut().tally.starved += 1;
    Ok(None)
}
