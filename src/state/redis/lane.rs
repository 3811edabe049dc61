//! Orders, carried in batches: one pipeline, and where replicas are asked for one `WAIT`, for all
//! that came while the batch before was under way.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, RedisResult, Value};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::board::millis;
use super::greet::{Context, Greeted};
use super::script::Which;
use crate::time::Timestamp;

/// Large enough that the server's time a command counts, small enough that none waits long.
const MOST_IN_A_BATCH: usize = 64;

/// What the clocks of gateway and server may have drifted since they were last compared; a script
/// that is run later than its deadline and this changes nothing.
pub(super) const DEADLINE_SLACK: Duration = Duration::from_secs(1);

/// What is asked of Redis.
#[derive(Clone, Debug)]
pub(super) enum Call {
    /// What stands there?
    Get(Vec<u8>),
    /// `SET key token NX GET PX window`.
    Claim {
        key: Vec<u8>,
        token: Vec<u8>,
        window: i64,
    },
    /// A script; marker and deadline are put before its arguments.
    Run {
        which: Which,
        keys: Vec<Vec<u8>>,
        args: Vec<Vec<u8>>,
    },
}

impl Call {
    fn command(&self, context: &Context, marker: &str, deadline: Timestamp) -> Cmd {
        match self {
            Self::Get(key) => Cmd::get(key.as_slice()),
            Self::Claim { key, token, window } => {
                let mut cmd = redis::cmd("SET");
                cmd.arg(key.as_slice()).arg(token.as_slice());
                cmd.arg("NX").arg("GET").arg("PX").arg(*window);
                cmd
            }
            Self::Run { which, keys, args } => {
                let mut cmd = context.scripts.call(*which, keys);
                cmd.arg(marker).arg(deadline.millis());
                for arg in args {
                    cmd.arg(arg.as_slice());
                }
                cmd
            }
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answered {
    /// The command's own answer.
    pub(super) value: Value,
    /// The fence that stood when it was run.
    pub(super) fence: Timestamp,
    /// How many replicas have it, where that was asked.
    pub(super) replicas: i64,
}

/// What did not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// It was not sent.
    Down,
    /// It may have been carried out, or may yet be.
    Lost,
    /// The server's memory is full.
    Full,
}

/// A call and who waits for it.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) call: Call,
    pub(super) replicas: u8,
    pub(super) reply: oneshot::Sender<Result<Answered, Failed>>,
    pub(super) until: Instant,
}

/// One connection and what travels on it. Lanes of one sort share a queue.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) context: Arc<Context>,
    pub(super) orders: Arc<Mutex<mpsc::Receiver<Order>>>,
    /// Whether a batch ends with `WAIT`.
    pub(super) waits: bool,
    /// Has the server looked at.
    pub(super) stir: Arc<Notify>,
}

impl Lane {
    /// Carries orders until nobody can give any.
    pub(super) async fn run(self) {
        let mut connection = None;
        let mut batch = Vec::with_capacity(MOST_IN_A_BATCH);
        loop {
            let got = {
                let mut orders = self.orders.lock().await;
                orders.recv_many(&mut batch, MOST_IN_A_BATCH).await
            };
            if got == 0 {
                return;
            }
            self.serve(&mut connection, &mut batch).await;
        }
    }

    /// Twice at most: the same token makes the second time harmless.
    async fn serve(&self, connection: &mut Option<Greeted>, batch: &mut Vec<Order>) {
        for _ in 0..2 {
            batch.retain(|order| !order.reply.is_closed() && Instant::now() < order.until);
            if batch.is_empty() {
                return;
            }
            if !self.attempt(connection, batch).await {
                *connection = None;
                self.stir.notify_one();
            }
        }
        for order in batch.drain(..) {
            let _ = order.reply.send(Err(Failed::Lost));
        }
    }

    /// Answers what can be answered. False if the connection is of no more use.
    async fn attempt(&self, connection: &mut Option<Greeted>, batch: &mut Vec<Order>) -> bool {
        let context = &*self.context;
        let patience = context.budget.saturating_mul(2) / 5;
        let fresh = connection
            .take()
            .filter(|it| it.generation == context.board.generation());
        let mut greeted = match fresh {
            Some(greeted) => greeted,
            None => match context.connect(context.board.address(), patience).await {
                Ok(greeted) => greeted,
                Err(_) => return false,
            },
        };
        let steady = (context.clock)().steady;
        let deadline = context.board.server_time(steady);
        let deadline = deadline.after(patience).after(DEADLINE_SLACK);
        let mut pipe = redis::pipe();
        pipe.ignore_errors();
        for order in &*batch {
            pipe.add_command(
                order
                    .call
                    .command(context, &greeted.marker.server, deadline),
            );
        }
        // After the claims: if the memory was lost before one, it shows here.
        pipe.cmd("GET").arg(context.keys.marker());
        if self.waits {
            let most = batch.iter().map(|order| order.replicas).max();
            let patience = millis(patience.saturating_mul(3) / 4).max(1);
            pipe.cmd("WAIT").arg(most.unwrap_or_default()).arg(patience);
        }
        let answers = pipe.query_async(&mut greeted.connection);
        let Ok(Ok(answers)) = timeout(patience, answers).await else {
            return false;
        };
        let sound = hand_out(answers, &greeted, batch);
        if sound {
            *connection = Some(greeted);
        }
        sound
    }
}

/// Leaves in the batch what has to be asked again.
fn hand_out(answers: Vec<RedisResult<Value>>, greeted: &Greeted, batch: &mut Vec<Order>) -> bool {
    let mut answers = answers.into_iter();
    let own: Vec<_> = answers.by_ref().take(batch.len()).collect();
    let marker = answers.next().and_then(Result::ok);
    let same = marker.is_some_and(|it| is_text(&it, greeted.marker.text.as_bytes()));
    let replicas = match answers.next() {
        Some(Ok(Value::Int(replicas))) => replicas,
        _ => 0,
    };
    let mut again = Vec::new();
    for (order, answer) in batch.drain(..).zip(own) {
        let verdict = match answer {
            Ok(value) if !outdated(&order.call, &value, same) => Ok(Answered {
                value,
                fence: greeted.marker.fence,
                replicas,
            }),
            Err(error) if error.code() == Some("OOM") => Err(Failed::Full),
            answer => {
                if let Err(error) = answer {
                    tracing::debug!(code = error.code(), "redis refuses a command");
                }
                again.push(order);
                continue;
            }
        };
        let _ = order.reply.send(verdict);
    }
    batch.append(&mut again);
    // Another fence, other data or other scripts: the next attempt greets anew.
    same && batch.is_empty()
}

/// Whether the answer was given on a memory that is not the one greeted.
fn outdated(call: &Call, value: &Value, same: bool) -> bool {
    match call {
        Call::Get(_) => false,
        Call::Claim { .. } => !same,
        Call::Run { .. } => matches!(letter(value), Some(b'M' | b'L')),
    }
}

/// What a script says first.
pub(super) fn letter(value: &Value) -> Option<u8> {
    text(part(value, 0)?)?.first().copied()
}

/// One part of what a script says.
pub(super) fn part(value: &Value, at: usize) -> Option<&Value> {
    match value {
        Value::Array(parts) => parts.get(at),
        _ => None,
    }
}

/// The bytes of a string.
pub(super) fn text(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.as_bytes()),
        _ => None,
    }
}

fn is_text(value: &Value, expected: &[u8]) -> bool {
    text(value) == Some(expected)
}
