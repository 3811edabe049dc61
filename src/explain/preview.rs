//! The request a backend would be sent, with everything personal or secret masked.

use serde::Serialize;

use crate::family::Mask;
use crate::gateway::Decision;
use crate::route::contract::{Rendered, Sent, Values};
use crate::route::{Action, Forward};
use crate::time::Timestamp;

/// A request that is shown instead of sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RequestStory {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The contract's own headers.
    pub headers: Vec<(String, String)>,
    /// The body; without one the terminal's own passes through.
    pub body: Option<String>,
}

/// The request of a decision to forward. Accounts are masked as their family says, secrets are
/// asterisks, and a field that only the terminal knows stands as its placeholder.
pub(super) fn request(decision: &Decision<'_>, now: Timestamp) -> Option<RequestStory> {
    let Action::Forward(forward) = &decision.route.action else {
        return None;
    };
    let rendered = render(forward, decision, now)?;
    let headers = rendered.headers.iter().map(|(name, value)| {
        (
            name.to_string(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    });
    Some(RequestStory {
        headers: headers.collect(),
        method: rendered.method.to_string(),
        path: rendered.target.to_string(),
        body: rendered
            .body
            .map(|body| String::from_utf8_lossy(&body).into_owned()),
    })
}

fn render(forward: &Forward, decision: &Decision<'_>, now: Timestamp) -> Option<Rendered> {
    let (contract, mask) = (&forward.contract, decision.verified.code().family.mask);
    let secrets = contract.secrets().masked();
    let values = decision.values(contract.account(), &secrets, now);
    let account = values.account.map(|account| mask.show(account));
    let code = values.code.map(|text| mask.show(text));
    let index = values.index.map(|index| Mask::All.show(index));
    let values = Values {
        account: account.as_deref(),
        code: code.as_deref(),
        index: index.as_deref(),
        request_id: "request-id",
        sent: Sent::IMAGINED,
        ..values
    };
    contract.render(&values).ok()
}
