//! Names of endpoints and the addresses behind them.
//!
//! A thread of its own asks for every name that is in use, and again whenever its answer has
//! lived as long as it may. Connections are made to what was last had: once a name is known, no
//! scan waits for a name server, and one that is away changes nothing.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, LazyLock, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hickory_resolver::{
    TokioResolver,
    config::{
        ConnectionConfig, LookupIpStrategy, NameServerConfig, ProtocolConfig, ResolverConfig,
    },
    net::runtime::TokioRuntimeProvider,
};
use tokio::{
    runtime,
    sync::{mpsc, watch},
    time::sleep,
};

/// An answer that may be kept for less is kept for that long: zero would mean a query a connection.
const SHORTEST: Duration = Duration::from_secs(1);

/// An answer that may be kept for longer is not: a department that moves is found again while
/// somebody still looks at the screen.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// After a failure, before the next attempt; the old addresses serve meanwhile.
const AGAIN: Duration = Duration::from_secs(1);

/// For one query to one server; a lost datagram is sent again within the second a scan may wait.
const QUERY: Duration = Duration::from_secs(1);

/// Tries of one query, beyond the first.
const TRIES: usize = 2;

/// The names in use and who answers for them; one for all workers.
#[derive(Debug, Default)]
pub struct Names {
    server: Option<SocketAddr>,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    names: HashMap<Box<str>, Weak<Name>>,
    /// To the thread, once there is one.
    orders: Option<mpsc::UnboundedSender<Weak<Name>>>,
}

/// A name in use.
#[derive(Debug)]
pub(super) struct Name {
    host: Box<str>,
    /// Changes with the addresses, so that a kept connection need not look at them.
    version: AtomicU64,
    found: watch::Sender<Found>,
}

/// What is known about a name.
#[derive(Clone, Debug)]
enum Found {
    /// These addresses, one at least.
    Addresses(Arc<[IpAddr]>),
    /// It was asked for in vain, and was never known.
    Nothing,
    /// Nobody has answered yet.
    Unasked,
}

/// The name is not known to anybody who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name has no address")]
pub(super) struct Unknown;

static SYSTEM: LazyLock<Arc<Names>> = LazyLock::new(Arc::default);

impl Names {
    /// As the system resolves them, its hosts file included. What is known survives a reload.
    pub fn of_the_system() -> Arc<Self> {
        Arc::clone(&SYSTEM)
    }

    /// As this server resolves them, and the hosts file.
    pub fn of_server(server: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            server: Some(server),
            used: Mutex::default(),
        })
    }

    /// The name, which is asked for from now on until nobody uses it any more.
    pub(super) fn name(&self, host: &str) -> Arc<Name> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = used.names.get(host).and_then(Weak::upgrade) {
            return name;
        }
        let name = Arc::new(Name {
            host: host.into(),
            version: AtomicU64::new(0),
            found: watch::Sender::new(Found::Unasked),
        });
        used.names.retain(|_, name| name.strong_count() > 0);
        used.names.insert(host.into(), Arc::downgrade(&name));
        let order = Arc::downgrade(&name);
        let unheard = match &used.orders {
            Some(orders) => orders.send(order).err().map(|unsent| unsent.0),
            None => Some(order),
        };
        if let Some(order) = unheard {
            let (orders, ordered) = mpsc::unbounded_channel();
            if start(self.server, ordered).is_err() || orders.send(order).is_err() {
                name.found.send_replace(Found::Nothing);
            }
            used.orders = Some(orders);
        }
        name
    }
}

impl Name {
    /// A number that is another one when the addresses are others.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The addresses; waits only if nobody has ever answered. The caller bounds the time.
    pub(super) async fn addresses(&self) -> Result<Arc<[IpAddr]>, Unknown> {
        let mut found = self.found.subscribe();
        let known = found.wait_for(|found| !matches!(found, Found::Unasked));
        match &*known.await.map_err(|_| Unknown)? {
            Found::Addresses(addresses) => Ok(Arc::clone(addresses)),
            Found::Nothing | Found::Unasked => Err(Unknown),
        }
    }

    /// Whether the address is one of them, as far as anybody knows.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        match &*self.found.borrow() {
            Found::Addresses(addresses) => addresses.contains(&address),
            Found::Nothing | Found::Unasked => true,
        }
    }

    fn learn(&self, mut addresses: Vec<IpAddr>) {
        // Answers are shuffled to spread load; in one order two of them can be compared. IPv4
        // comes first: hospitals' networks have it, and of IPv6 often only the address.
        addresses.sort_unstable();
        addresses.dedup();
        self.found.send_if_modified(|found| {
            let same = matches!(found, Found::Addresses(known) if **known == *addresses);
            if !same {
                *found = Found::Addresses(addresses.into());
                self.version.fetch_add(1, Ordering::Release);
            }
            !same
        });
    }

    /// What was known before goes on.
    fn fail(&self) {
        self.found.send_if_modified(|found| {
            let unasked = matches!(found, Found::Unasked);
            if unasked {
                *found = Found::Nothing;
            }
            unasked
        });
    }
}

/// Starts the thread that asks; it ends with the last who may order.
fn start(
    server: Option<SocketAddr>,
    mut ordered: mpsc::UnboundedReceiver<Weak<Name>>,
) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let thread = thread::Builder::new().name("names".to_owned());
    thread.spawn(move || {
        runtime.block_on(async {
            while let Some(name) = ordered.recv().await {
                drop(tokio::spawn(tend(name, server)));
            }
        });
    })?;
    Ok(())
}

/// Asks for one name as long as it is used.
async fn tend(name: Weak<Name>, server: Option<SocketAddr>) {
    while let Some(used) = name.upgrade() {
        let pause = match ask(&used.host, server).await {
            Ok((addresses, lives)) if !addresses.is_empty() => {
                used.learn(addresses);
                lives
            }
            Ok(_) => {
                used.fail();
                AGAIN
            }
            Err(error) => {
                tracing::debug!(host = &*used.host, %error, "cannot resolve a name");
                used.fail();
                AGAIN
            }
        };
        drop(used);
        sleep(pause).await;
    }
}

/// One question, put as the system's files say at this moment.
async fn ask(
    host: &str,
    server: Option<SocketAddr>,
) -> Result<(Vec<IpAddr>, Duration), hickory_resolver::net::NetError> {
    let mut builder = match server {
        None => TokioResolver::builder_tokio()?,
        Some(server) => {
            let mut udp = ConnectionConfig::new(ProtocolConfig::Udp);
            udp.port = server.port();
            let server = NameServerConfig::new(server.ip(), true, vec![udp]);
            let config = ResolverConfig::from_name_servers(vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.timeout = QUERY;
    options.attempts = TRIES;
    // The names in use are the cache.
    options.cache_size = 0;
    let found = builder.build()?.lookup_ip(host).await?;
    let lives = found.valid_until();
    let lives = lives.saturating_duration_since(Instant::now());
    Ok((found.iter().collect(), lives.clamp(SHORTEST, LONGEST)))
}
