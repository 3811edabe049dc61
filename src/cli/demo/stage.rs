//! The gateway of a demonstration.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use http::header::{HeaderValue, InvalidHeaderValue};
use http::uri::Scheme;
use thiserror::Error;

use crate::admin::Operations;
use crate::app::{App, Overrides, StartError, Telling};
use crate::cli::operators::{Operators, Purpose, Watched, instance};
use crate::config::{Config, ProcessSecrets, Upstream};
use crate::family::Kind;
use crate::gateway::{Door, Gateway};
use crate::proxy::Site;
use crate::reload::{First, Reloader};
use crate::route::{Action, Route};
use crate::sandbox::departments::{Department, Running};
use crate::sandbox::signer::Signers;
use crate::server::{self, Address};
use crate::time::Timestamp;
use crate::trust::Keys;
use crate::upstream::Endpoint;

/// A gateway that serves, and the tables it decides with.
#[derive(Debug)]
pub(super) struct Stage {
    /// Where scans are posted.
    pub(super) scan: SocketAddr,
    /// Where operators come in.
    pub(super) admin: SocketAddr,
    site: Arc<Site>,
    door: Door,
    /// Kept: the workers are its threads.
    _running: server::Running,
    /// Kept: it hears of scans.
    _telling: Telling,
}

/// What a demonstration begins with.
pub(super) struct Opening<'o> {
    /// The files it shows.
    pub(super) path: &'o Path,
    /// The mock departments.
    pub(super) departments: &'o Running,
    /// Who signs with the pairs that were lent.
    pub(super) signers: Signers,
    /// Where it listens.
    pub(super) overrides: Overrides,
    /// When it begins.
    pub(super) now: Timestamp,
}

/// What serves the operators of a demonstration.
pub(super) struct Office {
    /// Their socket, bound and not yet served.
    pub(super) listener: TcpListener,
    /// What they are told.
    pub(super) operations: Arc<dyn Operations>,
}

/// Why there is no gateway to show.
#[derive(Debug, Error)]
pub(super) enum StageError {
    /// The configuration has no listener.
    #[error("the configuration has no listener")]
    NoListener,
    /// A backend for which no mock department can stand in; it must not get made-up codes.
    #[error("no mock department can stand in for upstream `{upstream}`")]
    NoStandIn {
        /// Its name.
        upstream: Box<str>,
    },
    /// A mock's address is no `Host` header.
    #[error("the address of a mock department cannot be a host")]
    Host(#[from] InvalidHeaderValue),
    /// The gateway does not start.
    #[error("the gateway does not start")]
    Start(#[source] Box<StartError>),
    /// The operators' socket was lost.
    #[error("the operators' socket is not there")]
    NoAdmin,
}

/// The department that knows people by accounts of this kind.
pub(super) fn department_of(kind: Kind) -> Option<Department> {
    let mut all = Department::ALL.into_iter();
    all.find(|department| department.kind() == kind)
}

impl Stage {
    /// Starts the gateway, with the mock departments in place of every backend.
    pub(super) fn open(
        mut config: Config,
        opening: Opening<'_>,
    ) -> Result<(Self, Office), StageError> {
        let departments = opening.departments;
        let routes = &config.gateway.routes;
        for (index, upstream) in config.upstreams.iter_mut().enumerate() {
            let department = stand_in(routes, index).ok_or_else(|| StageError::NoStandIn {
                upstream: upstream.name.clone(),
            })?;
            replace(upstream, departments.address(department))?;
        }
        for listener in &mut config.listeners {
            // The demonstration's terminal has no trust roots.
            listener.tls = None;
        }
        let door = config
            .listeners
            .first()
            .map(|listener| listener.door.clone());
        let start = |error| StageError::Start(Box::new(error));
        let first = First {
            written: Arc::clone(&config.written),
            since: opening.now,
            seen: None,
            trials: None,
        };
        let app = App::build(config, opening.overrides).map_err(start)?;
        let scan = app.addresses().iter().find_map(Address::tcp);
        let admin = app.admin_address().ok_or(StageError::NoAdmin)?;
        let started = app.start().map_err(start)?;
        let (path, metrics) = (opening.path, started.metrics);
        let secrets = Box::new(ProcessSecrets::beside(path));
        let sites = Arc::clone(&started.sites);
        let reloader = Reloader::new(path.to_owned(), secrets, sites, metrics.clone(), first);
        let watched = Watched::default();
        watched.work(started.running.pulse());
        let operators = Operators {
            sites: Arc::clone(&started.sites),
            metrics,
            reloader: Arc::new(reloader),
            live: started.telling.live.clone(),
            pulse: started.telling.pulse.clone(),
            started: opening.now,
            instance: instance(),
            draining: Arc::default(),
            watched,
            purpose: Purpose::Show(opening.signers),
        };
        let stage = Self {
            scan: scan.ok_or(StageError::NoListener)?,
            admin,
            site: started.sites.load_full(),
            door: door.ok_or(StageError::NoListener)?,
            _running: started.running,
            _telling: started.telling,
        };
        let office = Office {
            listener: started.admin.ok_or(StageError::NoAdmin)?,
            operations: Arc::new(operators),
        };
        Ok((stage, office))
    }

    /// The very tables the socket's answers come from.
    pub(super) fn gateway(&self) -> &Gateway {
        &self.site.gateway
    }

    /// The keys it knows at the moment.
    pub(super) fn keys(&self) -> Arc<Keys> {
        self.site.keys.load_full()
    }

    /// What is asked of scans at the first listener.
    pub(super) const fn door(&self) -> &Door {
        &self.door
    }
}

/// The department whose account the contracts with a backend show it.
fn stand_in(routes: &[Route], upstream: usize) -> Option<Department> {
    routes.iter().find_map(|route| match &route.action {
        Action::Forward(forward) if forward.upstream == upstream => {
            department_of(forward.contract.account()?)
        }
        _ => None,
    })
}

fn replace(upstream: &mut Upstream, address: SocketAddr) -> Result<(), InvalidHeaderValue> {
    upstream.ca = None;
    upstream.policy.check = None;
    upstream.endpoints = vec![Endpoint {
        scheme: Scheme::HTTP,
        host: address.ip().to_string(),
        port: address.port(),
        authority: HeaderValue::try_from(address.to_string())?,
        weight: 1,
    }];
    Ok(())
}
