//! From a scan to what is to be done about it, waiting for the answers that takes.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http::header::HeaderValue;

use super::exchange::Exchange;
use super::guard::Keyed;
use super::introspect::introspect;
use super::limits;
use super::respond::{self, Refusal};
use super::site::Site;
use super::watch::Watch;
use super::{Proxy, View, forward};
use crate::fetch::Renewal;
use crate::fetch::introspection::Asker;
use crate::gateway::{Decision, Lack, Matter, Rejection, Step};
use crate::policy::Care;
use crate::reason::{Reason, Stage};
use crate::route::Action;
use crate::route::contract::Secrets;
use crate::scan::Scan;
use crate::state::Entry;
use crate::time::Timestamp;
use crate::trust::{Answer, Keys, Need};
use crate::upstream::{Ask, ResponseBody};

/// How long a scan waits for a key nobody knows yet. A key server answers within some hundred
/// milliseconds; a person at a window does not wait longer.
const KEY_PATIENCE: Duration = Duration::from_secs(1);

/// What is to be done about a scan, and what is recorded of it.
#[derive(Debug)]
pub(super) struct Act {
    pub(super) deed: Deed,
    pub(super) entry: Option<Entry>,
    pub(super) care: Care,
}

/// What is to be done about a scan.
#[derive(Debug)]
pub(super) enum Deed {
    /// The terminal is answered.
    Answer(Response<ResponseBody>),
    /// A department is asked.
    Ask { upstream: usize, ask: Ask },
}

impl Proxy {
    /// From what was read to what is to be done.
    pub(super) async fn decide(
        &self,
        view: &View,
        exchange: &Exchange<'_>,
        keyed: Option<Keyed>,
    ) -> Result<Act, Refusal> {
        let site = &*view.site;
        let scan = exchange.scan()?;
        let keys = self.keys(site);
        let refuse = |rejection: &Rejection<'_>| {
            exchange.visit.scanned(&scan, rejection);
            Err(site.refuse(rejection))
        };
        let decided = self.consult(view, exchange, &scan, &keys.0).await;
        let rejection = match decided {
            Ok(decision) => {
                exchange.visit.decided(&scan, &decision);
                return self.accept(&decision, exchange, keyed);
            }
            Err(rejection) => rejection,
        };
        let Some(lack) = &rejection.lack else {
            return refuse(&rejection);
        };
        let renewal = self.renew(site, lack).await;
        exchange.visit.waited(Stage::Trust);
        let newer = self.keys(site);
        if Rc::ptr_eq(&keys, &newer) {
            return refuse(&in_doubt(rejection, renewal));
        }
        match self.consult(view, exchange, &scan, &newer.0).await {
            Ok(decision) => {
                exchange.visit.decided(&scan, &decision);
                self.accept(&decision, exchange, keyed)
            }
            Err(rejection) => refuse(&in_doubt(rejection, renewal)),
        }
    }

    fn accept(
        &self,
        decision: &Decision<'_>,
        exchange: &Exchange<'_>,
        keyed: Option<Keyed>,
    ) -> Result<Act, Refusal> {
        limits::issuer(decision, exchange)?;
        exchange.site.count(decision);
        let now = (self.clock)();
        let deed = deed(decision, exchange, now)?;
        let patience = match &deed {
            Deed::Answer(_) => Duration::ZERO,
            Deed::Ask { upstream, .. } => exchange.site.patience(*upstream),
        };
        Ok(Act {
            entry: Self::entry(exchange, keyed, decision, (patience, now))?,
            care: decision.scene.care,
            deed,
        })
    }

    /// Has an issuer asked for a key.
    async fn renew(&self, site: &Site, lack: &Lack<'_>) -> Renewal {
        let keeper = &site.shared.keeper;
        let asked = keeper.renew(&lack.issuer.id, lack.key.as_deref());
        let asked = self.timer.within(KEY_PATIENCE, asked).await;
        asked.unwrap_or(Renewal::Unanswered)
    }

    /// Decides, waiting for the answers that takes.
    async fn consult<'a>(
        &self,
        view: &'a View,
        exchange: &'a Exchange<'_>,
        scan: &'a Scan<'_>,
        keys: &'a Keys,
    ) -> Result<Decision<'a>, Rejection<'a>> {
        let site = &*view.site;
        let door = &exchange.entrance.door;
        let mut watch = Watch::over(exchange.visit);
        let matter = Matter { scan, door, keys };
        let step = site.gateway.begin(matter, &mut watch, (self.clock)());
        let suspended = match step {
            Step::Settled(outcome) => {
                if let Err(rejection) = &outcome {
                    exchange.visit.lap(rejection.reason.stage());
                }
                return outcome;
            }
            Step::Asks(suspended) => suspended,
        };
        exchange.visit.lap(Stage::Trust);
        let answer = match suspended.need() {
            Need::Verification(verification) => {
                let verifiers = &site.shared.verifiers;
                Answer::Verified(verifiers.verify(Arc::clone(verification)).await)
            }
            Need::Introspection { by } => {
                let Some(platform) = site.platforms.get(*by) else {
                    return Err(suspended.refuse(Reason::Internal));
                };
                let asker = Asker {
                    upstreams: Rc::clone(&view.upstreams),
                    timer: self.timer.clone(),
                    clock: self.clock,
                };
                let answer = introspect(platform, &suspended, exchange, asker).await;
                exchange.visit.waited(Stage::Trust);
                answer.map_err(|reason| suspended.refuse(reason))?
            }
        };
        suspended.resume(answer, &mut watch, (self.clock)())
    }
}

/// A key is unknown only if its issuer says so. While nobody can say, the code may be as good as
/// any: the terminal is told to try again.
fn in_doubt(rejection: Rejection<'_>, renewal: Renewal) -> Rejection<'_> {
    match (rejection.reason, renewal) {
        (Reason::UnknownKey, Renewal::Unanswered) if rejection.lack.is_some() => Rejection {
            reason: Reason::KeyUnavailable,
            ..rejection
        },
        _ => rejection,
    }
}

fn deed(decision: &Decision<'_>, exchange: &Exchange<'_>, now: Timestamp) -> Result<Deed, Refusal> {
    match &decision.route.action {
        Action::Respond => Ok(Deed::Answer(respond::decision(decision))),
        Action::Redirect(redirect) => {
            let secrets = Secrets::default();
            let values = exchange.values(decision, None, &secrets, now);
            let location = redirect
                .location(&values)
                .map_err(|error| forward::unfilled(&error))?;
            let location = HeaderValue::from_str(&location).map_err(|_| Reason::Internal)?;
            Ok(Deed::Answer(respond::redirect(redirect.status(), location)))
        }
        Action::Forward(forward) => {
            let request = forward::request(forward, decision, exchange, now)?;
            Ok(Deed::Ask {
                upstream: forward.upstream,
                ask: Ask {
                    sticky: forward::sticky(forward, decision, exchange.site),
                    idempotent: forward.idempotent,
                    request,
                },
            })
        }
    }
}
