//! The first words on every connection, and those of every second.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};
use tokio::time::timeout;

use super::board::{Board, Sight, millis};
use super::check::{self, Facts, MOST_SKEW, Trouble};
use super::fence::{LONGEST_SILENCE, MOST_STEP, Marker};
use super::keys::Keys;
use super::script::Scripts;
use crate::time::{Moment, Timestamp};

/// A record that was listed is gone by then for sure, however clocks may differ.
const SWEEP_SLACK: Duration = Duration::from_secs(60 * 60);

/// What all tasks of a link share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) clients: Vec<Client>,
    pub(super) keys: Keys,
    pub(super) scripts: Scripts,
    pub(super) board: Board,
    pub(super) clock: fn() -> Moment,
    pub(super) keep: Duration,
    pub(super) budget: Duration,
    pub(super) replicas: u8,
}

/// A connection to a server that was found sound, and its marker.
#[derive(Debug)]
pub(super) struct Greeted {
    pub(super) connection: MultiplexedConnection,
    pub(super) marker: Marker,
    pub(super) generation: u64,
}

impl Context {
    /// Connects, and looks whether the server may be used.
    pub(super) async fn connect(
        &self,
        address: usize,
        patience: Duration,
    ) -> Result<Greeted, Trouble> {
        let generation = self.board.generation();
        let client = self.clients.get(address).ok_or(Trouble::Unreachable)?;
        // The bounds are set around every use; the library's own would come in addition.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let work = async {
            let connecting = client.get_multiplexed_async_connection_with_config(&config);
            let mut connection = connecting.await.map_err(|error| Trouble::of(&error))?;
            let marker = self.look(&mut connection, true).await?;
            Ok(Greeted {
                connection,
                marker,
                generation,
            })
        };
        timeout(patience, work).await.unwrap_or(Err(Trouble::Slow))
    }

    /// Looks at the server: whether it may be used, what time it has, and whether it is still the
    /// one it was; else sets the fence.
    pub(super) async fn look(
        &self,
        connection: &mut MultiplexedConnection,
        first: bool,
    ) -> Result<Marker, Trouble> {
        let trouble = |error: redis::RedisError| Trouble::of(&error);
        let before = (self.clock)();
        let mut pipe = redis::pipe();
        pipe.cmd("INFO").cmd("TIME");
        if first {
            self.scripts.load(&mut pipe);
        }
        let answer = pipe.query_async(connection).await;
        let (info, (seconds, micros)): (String, (i64, i64)) = answer.map_err(trouble)?;
        let after = (self.clock)();
        let facts = check::inspect(&info)?;
        let round_trip = after.steady.saturating_sub(before.steady);
        let server = seconds.saturating_mul(1_000).saturating_add(micros / 1_000);
        let middle = before.steady.saturating_add(round_trip / 2);
        let offset = server.saturating_sub(millis(middle));

        let memory = self.board.memory();
        let suspicious = memory.at.is_some_and(|at| {
            let step = offset.abs_diff(memory.offset);
            let bound = MOST_STEP.saturating_add(round_trip);
            before.steady.saturating_sub(at) > LONGEST_SILENCE
                || Duration::from_millis(step) > bound
        });
        let gone = server.saturating_sub(millis(self.keep.saturating_add(SWEEP_SLACK)));
        let mut beat = self
            .scripts
            .beat(&[self.keys.marker().into(), self.keys.open().into()]);
        beat.arg(&*memory.server)
            .arg(u8::from(suspicious))
            .arg(after.wall.millis())
            .arg(gone);
        let (marker, why, _): (String, String, i64) =
            beat.query_async(connection).await.map_err(trouble)?;
        let marker = Marker::read(&marker).ok_or(Trouble::Unreadable)?;
        if !why.is_empty() {
            tracing::warn!(
                why,
                fence = %marker.fence,
                "redis may have forgotten used codes, those made until then are refused"
            );
        }
        let skew = Timestamp::from_millis(server);
        let skew = skew.since(after.wall).max(before.wall.since(skew));
        if first {
            self.warn(facts, skew);
        }
        self.board.note(Sight {
            marker: marker.clone(),
            at: after.steady,
            offset,
            round_trip,
            skew,
            replicas: facts.replicas,
        });
        Ok(marker)
    }

    /// What operators should know of a server that can be used.
    fn warn(&self, facts: Facts, skew: Duration) {
        if skew >= MOST_SKEW {
            tracing::warn!(?skew, "the clock of redis is not this gateway's");
        }
        if !facts.appends {
            tracing::debug!("redis does not log its writes: a restart loses all of them");
        }
        if facts.replicas < u64::from(self.replicas) {
            let (present, asked) = (facts.replicas, self.replicas);
            tracing::warn!(present, asked, "redis has too few replicas for some scenes");
        }
    }
}
