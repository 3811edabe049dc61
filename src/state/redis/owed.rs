//! What could not be written yet: outcomes of requests and reservations to give back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::greet::Context;
use super::lane::{Call, DEADLINE_SLACK, Failed, Order};

/// How much is owed at most; what is more is found unknown when its lease is over.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// How many are written at once.
const MOST_AT_ONCE: usize = 64;

/// The pause after an attempt that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the last debts are tried when nobody holds a handle any more.
const LAST_PATIENCE: Duration = Duration::from_secs(2);

/// Something to be written.
#[derive(Debug)]
pub(super) struct Debt {
    call: Call,
    not_before: Instant,
    until: Instant,
}

impl Debt {
    /// At once, or as soon as possible; in vain after `lasting`.
    pub(super) fn now(call: Call, lasting: Duration) -> Self {
        let now = Instant::now();
        Self {
            call,
            not_before: now,
            until: now + lasting,
        }
    }

    /// Not before everything that is under way was carried out or never will be.
    pub(super) fn later(call: Call, lasting: Duration, budget: Duration) -> Self {
        let mut debt = Self::now(call, lasting);
        debt.not_before += budget.saturating_mul(2) + DEADLINE_SLACK;
        debt
    }

    fn bytes(&self) -> usize {
        match &self.call {
            Call::Get(key) => key.len(),
            Call::Claim { key, token, .. } => key.len() + token.len(),
            Call::Run { args, .. } => args.iter().map(Vec::len).sum(),
        }
    }
}

/// All that is owed.
#[derive(Debug)]
pub(super) struct Ledger {
    context: Arc<Context>,
    debts: mpsc::Receiver<Debt>,
    lane: mpsc::Sender<Order>,
    queue: VecDeque<Debt>,
    bytes: usize,
}

impl Ledger {
    pub(super) fn new(
        context: Arc<Context>,
        debts: mpsc::Receiver<Debt>,
        lane: mpsc::Sender<Order>,
    ) -> Self {
        Self {
            context,
            debts,
            lane,
            queue: VecDeque::new(),
            bytes: 0,
        }
    }

    /// Writes until nobody can owe anything any more.
    pub(super) async fn run(mut self) {
        loop {
            let debt = if self.queue.is_empty() {
                self.debts.recv().await
            } else {
                tokio::select! {
                    debt = self.debts.recv() => debt,
                    () = sleep(PAUSE) => {
                        self.pay().await;
                        continue;
                    }
                }
            };
            let Some(debt) = debt else { break };
            self.take(debt);
            while let Ok(debt) = self.debts.try_recv() {
                self.take(debt);
            }
            self.pay().await;
        }
        let end = async {
            while !self.queue.is_empty() {
                self.pay().await;
                sleep(PAUSE).await;
            }
        };
        let _ = timeout(LAST_PATIENCE, end).await;
    }

    fn take(&mut self, debt: Debt) {
        let bytes = self.bytes.saturating_add(debt.bytes());
        if bytes > MOST_BYTES {
            self.context.board.lose();
            tracing::error!("too much is owed to redis, an outcome will be found unknown");
            return;
        }
        self.bytes = bytes;
        self.queue.push_back(debt);
        self.context.board.owe(self.queue.len());
    }

    /// Writes what is due, in the order it came; what fails is due again.
    async fn pay(&mut self) {
        while self.context.board.is_up() {
            let now = Instant::now();
            let mut due = Vec::new();
            let mut rest = VecDeque::with_capacity(self.queue.len());
            for debt in self.queue.drain(..) {
                if debt.until < now {
                    self.context.board.lose();
                } else if debt.not_before <= now && due.len() < MOST_AT_ONCE {
                    due.push(debt);
                } else {
                    rest.push_back(debt);
                }
            }
            self.queue = rest;
            let answers: Vec<_> = due.iter().map(|debt| self.send(debt)).collect();
            let asked = due.len();
            let mut paid = 0_usize;
            for (debt, answer) in due.into_iter().zip(answers) {
                if matches!(answer.await, Ok(Ok(()))) {
                    paid = paid.saturating_add(1);
                } else {
                    self.queue.push_back(debt);
                }
            }
            self.bytes = self.queue.iter().map(Debt::bytes).sum();
            self.context.board.owe(self.queue.len());
            if paid < asked || asked < MOST_AT_ONCE {
                return;
            }
        }
    }

    /// Puts it on a lane at once; the answer comes later.
    fn send(&self, debt: &Debt) -> impl Future<Output = Result<Result<(), Failed>, ()>> + use<> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let order = Order {
            call: debt.call.clone(),
            replicas: 0,
            reply,
            until: Instant::now() + self.context.budget,
        };
        let sent = self.lane.try_send(order).is_ok();
        let patience = self.context.budget.saturating_mul(2);
        async move {
            if !sent {
                return Err(());
            }
            let answer = timeout(patience, answer).await;
            let answer = answer.map_err(|_| ())?.map_err(|_| ())?;
            Ok(answer.map(|_| ()))
        }
    }
}
