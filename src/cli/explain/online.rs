//! Asking the platform of a code's issuer for real.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderMap;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::app;
use crate::cli::Failure;
use crate::config::Config;
use crate::fetch::Platform;
use crate::fetch::introspection::{Asker, NoWord};
use crate::gateway::Suspended;
use crate::metrics::Metrics;
use crate::proxy::identity::Names;
use crate::route::contract::Values;
use crate::telemetry::Sampling;
use crate::tick::Timer;
use crate::trust::standing::chain;
use crate::trust::{Introspected, Need};
use crate::upstream::{UpstreamConfig, Upstreams};

/// The way to the platforms of a configuration.
pub(super) struct Line {
    upstreams: Vec<UpstreamConfig>,
    platforms: Vec<Arc<Platform>>,
    request_id: String,
    /// Why the last question came to nothing.
    pub(super) trouble: RefCell<Option<String>>,
}

impl Line {
    /// Takes the platforms out of a configuration; asks nobody yet.
    pub(super) fn open(config: &mut Config) -> Result<Self, Failure> {
        let introspections = std::mem::take(&mut config.introspections);
        let names = Names::new(app::seed().map_err(Failure::io)?, Sampling::default());
        let request_id = names.identify(&HeaderMap::new()).request_id;
        Ok(Self {
            upstreams: app::upstreams(&config.upstreams, config.limits.fast_lane)
                .map_err(Failure::io)?,
            platforms: app::platforms(introspections, &Metrics::default()).map_err(Failure::io)?,
            request_id: request_id.to_str().unwrap_or_default().to_owned(),
            trouble: RefCell::default(),
        })
    }

    /// Asks about the code, once.
    pub(super) fn ask(&self, suspended: &Suspended<'_>) -> Option<Arc<Introspected>> {
        let Need::Introspection { by } = suspended.need() else {
            return None;
        };
        let platform = self.platforms.get(*by)?;
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        let told = LocalSet::new().block_on(&runtime, self.put(platform, suspended));
        told.map_err(|error| *self.trouble.borrow_mut() = Some(chain(&*error)))
            .ok()
    }

    async fn put(
        &self,
        platform: &Arc<Platform>,
        suspended: &Suspended<'_>,
    ) -> Result<Arc<Introspected>, Arc<NoWord>> {
        let timer = Timer::new();
        let asker = Asker {
            upstreams: Rc::new(Upstreams::new(&self.upstreams, &timer)),
            timer: timer.clone(),
            clock: app::now,
        };
        let told = platform.ask(
            suspended.code().text,
            |contract| {
                let now = app::now();
                Values {
                    request_id: &self.request_id,
                    ..suspended.values(contract.account(), contract.secrets(), now)
                }
            },
            asker,
        );
        tokio::select! {
            told = told => told,
            () = timer.run() => Err(NoWord::Dropped.into()),
        }
    }
}
