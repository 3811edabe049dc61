//! Putting a scan's question to the platform of its issuer.

use std::sync::Arc;

use super::exchange::Exchange;
use crate::fetch::introspection::{Asker, NoWord, Platform};
use crate::gateway::Suspended;
use crate::reason::Reason;
use crate::trust::Answer;

/// Asks; a question that cannot be made of this scan is a refusal.
pub async fn introspect(
    platform: &Arc<Platform>,
    suspended: &Suspended<'_>,
    exchange: &Exchange<'_>,
    asker: Asker,
) -> Result<Answer, Reason> {
    let code = suspended.code().text;
    let now = (asker.clock)();
    let told = platform.ask(
        code,
        |contract| {
            let values = suspended.values(contract.account(), contract.secrets(), now);
            exchange.with_sent(code, values)
        },
        asker,
    );
    match told.await {
        Ok(told) => Ok(Answer::Introspected(Some(told))),
        Err(error) => match &*error {
            NoWord::Unfilled(error) => {
                tracing::debug!(%error, "the question about a code cannot be filled");
                Err(error.reason())
            }
            _ => Ok(Answer::Introspected(None)),
        },
    }
}
