//! The thread that talks to Redis, and the way to it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc as bells;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::check::Trouble;
use super::greet::{Context, Greeted};
use super::lane::{Answered, Call, Failed, Lane, Order};
use super::owed::{Debt, Ledger};
use crate::random::Random;

/// Two, so that a batch is put together while another is under way.
const QUICK_LANES: usize = 2;

/// `WAIT` blocks its connection for a round trip to the replica.
const WAITING_LANES: usize = 3;

/// Orders that wait for a lane; more are refused at once.
const MOST_WAITING: usize = 8_192;

/// How often the server is looked at.
const BEAT: Duration = Duration::from_secs(1);

/// Within which a look at the server, or a connection to it, has to succeed.
const PATIENCE: Duration = Duration::from_millis(500);

/// The pauses between attempts to connect: short at first, as most servers are restarted at once.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long a start waits for the first contact: a gateway starts without, but then refuses what
/// the first scans ask.
const FIRST_CONTACT: Duration = Duration::from_secs(1);

/// The way to Redis.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) context: Arc<Context>,
    quick: mpsc::Sender<Order>,
    waiting: mpsc::Sender<Order>,
    debts: mpsc::Sender<Debt>,
}

impl Link {
    /// Starts its thread, which ends with the last handle. Blocks for a moment at most.
    pub(super) fn start(context: Context, seed: u64) -> io::Result<Self> {
        let context = Arc::new(context);
        let (quick, quick_orders) = mpsc::channel(MOST_WAITING);
        let (waiting, waiting_orders) = mpsc::channel(MOST_WAITING);
        let (debts, owed) = mpsc::channel(MOST_WAITING);
        let (bell, rung) = bells::channel();
        let stir = Arc::<Notify>::default();
        let ledger = Ledger::new(Arc::clone(&context), owed, quick.clone());
        let watch = Watch {
            context: Arc::clone(&context),
            stir: Arc::clone(&stir),
            random: Random::seeded(seed),
        };
        let lane = |orders: &Arc<Mutex<_>>, waits| Lane {
            context: Arc::clone(&context),
            orders: Arc::clone(orders),
            waits,
            stir: Arc::clone(&stir),
        };
        let (quick_orders, waiting_orders) = (
            Arc::new(Mutex::new(quick_orders)),
            Arc::new(Mutex::new(waiting_orders)),
        );
        let quicks = (0..QUICK_LANES).map(|_| lane(&quick_orders, false));
        let waits = (0..WAITING_LANES).map(|_| lane(&waiting_orders, true));
        let lanes: Vec<_> = quicks.chain(waits).collect();

        let runtime = Builder::new_current_thread().enable_all().build()?;
        let work = move || {
            runtime.block_on(async {
                tokio::spawn(watch.run(bell));
                for lane in lanes {
                    tokio::spawn(lane.run());
                }
                ledger.run().await;
            });
        };
        thread::Builder::new()
            .name("multicode-redis".to_owned())
            .spawn(work)?;
        let _ = rung.recv_timeout(FIRST_CONTACT);
        Ok(Self {
            context,
            quick,
            waiting,
            debts,
        })
    }

    /// Has it carried out, by this many replicas as well, and says what came of it within the
    /// budget.
    pub(super) async fn ask(&self, call: Call, replicas: u8) -> Result<Answered, Failed> {
        if !self.context.board.is_up() {
            return Err(Failed::Down);
        }
        let lane = if replicas > 0 {
            &self.waiting
        } else {
            &self.quick
        };
        let (reply, answer) = oneshot::channel();
        let until = Instant::now() + self.context.budget;
        let order = Order {
            call,
            replicas,
            reply,
            until,
        };
        lane.try_send(order).map_err(|_| Failed::Down)?;
        match timeout_at(until, answer).await {
            Ok(Ok(answer)) => answer,
            _ => Err(Failed::Lost),
        }
    }

    /// Has it carried out some time, if need be when Redis is back.
    pub(super) fn owe(&self, debt: Debt) {
        if self.debts.try_send(debt).is_err() {
            self.context.board.lose();
            tracing::error!("too much is owed to redis, an outcome will be found unknown");
        }
    }
}

/// Keeps an eye on the server.
#[derive(Debug)]
struct Watch {
    context: Arc<Context>,
    stir: Arc<Notify>,
    random: Random,
}

impl Watch {
    async fn run(mut self, bell: bells::Sender<()>) {
        let board = &self.context.board;
        let mut pause = SHORTEST_PAUSE;
        loop {
            let trouble = match self.connect().await {
                Ok((address, greeted)) => {
                    board.rise(address);
                    tracing::info!("redis can be used");
                    let _ = bell.send(());
                    pause = SHORTEST_PAUSE;
                    self.beat(greeted).await
                }
                Err(trouble) => trouble,
            };
            if board.fall(trouble) {
                tracing::error!(%trouble, "redis cannot be used");
            }
            let _ = bell.send(());
            sleep(jittered(pause, &mut self.random)).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    /// Tries the addresses in turn, the one in use first.
    async fn connect(&self) -> Result<(usize, Greeted), Trouble> {
        let count = self.context.clients.len().max(1);
        let first = self.context.board.address();
        let mut told = Trouble::Unreachable;
        for step in 0..count {
            let address = first.saturating_add(step) % count;
            match self.context.connect(address, PATIENCE).await {
                Ok(greeted) => return Ok((address, greeted)),
                Err(trouble) if told == Trouble::Unreachable => told = trouble,
                Err(_) => {}
            }
        }
        Err(told)
    }

    /// Looks at the server every second, and when a lane had trouble, until it fails.
    async fn beat(&self, mut greeted: Greeted) -> Trouble {
        loop {
            let _ = timeout(BEAT, self.stir.notified()).await;
            let look = async {
                match self.context.look(&mut greeted.connection, false).await {
                    // Its scripts may have been flushed.
                    Err(Trouble::Unreadable) => {
                        self.context.look(&mut greeted.connection, true).await
                    }
                    looked => looked,
                }
            };
            match timeout(PATIENCE, look).await {
                Ok(Ok(_)) => {}
                Ok(Err(trouble)) => return trouble,
                Err(_) => return Trouble::Slow,
            }
        }
    }
}

/// Between half of it and all of it.
fn jittered(pause: Duration, random: &mut Random) -> Duration {
    let half = pause / 2;
    let micros = usize::try_from(half.as_micros()).unwrap_or(usize::MAX);
    let more = u64::try_from(random.below(micros)).unwrap_or_default();
    half.saturating_add(Duration::from_micros(more))
}
