//! Doors: where terminals and operators come in, and how much at once.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::issuer::secret;
use super::rate::Rates;
use super::{Word, words};
use crate::config::reader::{
    Sender, Table, Value, boolean, choice, cidr, duration, integer, list, listening_address, mode,
    sender, size, socket_address, string,
};
use crate::config::secrets::SecretRef;
use crate::config::source::{Place, Spanned};
use crate::policy::Strangers;
use crate::scan::Cleaning;
use crate::server::Address;

/// `[listener.*]`.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) at: Place,
    pub(crate) address: Option<Spanned<Address>>,
    pub(crate) mode: Option<Spanned<u32>>,
    pub(crate) proxy_protocol: Vec<Spanned<Sender>>,
    pub(crate) anonymous: Option<Spanned<bool>>,
    pub(crate) default_scene: Option<Word>,
    pub(crate) terminals: Option<Spanned<Strangers>>,
    pub(crate) clean: Option<Spanned<Cleaning>>,
    pub(crate) trusted_proxies: Vec<Spanned<IpNet>>,
    pub(crate) body_limit: Option<Spanned<usize>>,
    pub(crate) scenes: Option<Vec<Word>>,
    pub(crate) tls: Option<Tls>,
}

/// `tls`.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) at: Place,
    pub(crate) pair: Pair,
    pub(crate) others: Vec<Pair>,
    pub(crate) clients: Option<Clients>,
}

/// `cert`, `key` and `ocsp`, in `tls` itself and each of its `others`.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) cert: Option<Word>,
    pub(crate) key: Option<Word>,
    pub(crate) ocsp: Option<Word>,
}

/// `tls.clients`.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) ca: Option<Word>,
    pub(crate) crl: Option<Word>,
    pub(crate) required: Option<Spanned<bool>>,
}

/// `[admin]`.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) address: Option<Spanned<SocketAddr>>,
    pub(crate) viewer: Option<Spanned<SecretRef>>,
    pub(crate) operator: Option<Spanned<SecretRef>>,
    pub(crate) hosts: Vec<Word>,
    pub(crate) exposed: Option<Spanned<bool>>,
}

/// `[limits]`.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) header_timeout: Option<Spanned<Duration>>,
    pub(crate) body_timeout: Option<Spanned<Duration>>,
    pub(crate) body_rate: Option<Spanned<usize>>,
    pub(crate) idle_timeout: Option<Spanned<Duration>>,
    pub(crate) drain_timeout: Option<Spanned<Duration>>,
    pub(crate) connections: Option<Spanned<u32>>,
    pub(crate) connections_per_address: Option<Spanned<u32>>,
    pub(crate) workers: Option<Spanned<u16>>,
    pub(crate) fast_lane: Option<Spanned<bool>>,
    pub(crate) in_flight: Option<Spanned<u32>>,
    pub(crate) rate: Rates,
}

impl Listener {
    /// Reads one listener.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        let strangers = [("any", Strangers::Admit), ("registered", Strangers::Refuse)];
        let listener = Self {
            at: table.at(),
            address: table.required("address", listening_address),
            mode: table.optional("mode", mode),
            proxy_protocol: table
                .optional("proxy_protocol", list(sender))
                .unwrap_or_default(),
            anonymous: table.optional("anonymous", boolean),
            default_scene: table.optional("default_scene", string),
            terminals: table.required("terminals", choice(&strangers)),
            clean: table.optional("clean", cleaning),
            trusted_proxies: table
                .optional("trusted_proxies", list(cidr))
                .unwrap_or_default(),
            body_limit: table.optional("body_limit", size),
            scenes: table.optional("scenes", words),
            tls: table.optional("tls", |value| Some(Tls::read(value.table()?))),
        };
        table.finish();
        listener
    }
}

impl Tls {
    fn read(mut table: Table<'_>) -> Self {
        let pair = |value: Value<'_>| {
            let mut table = value.table()?;
            let pair = Pair::read(&mut table);
            table.finish();
            Some(pair)
        };
        let tls = Self {
            at: table.at(),
            pair: Pair::read(&mut table),
            others: table.optional("others", list(pair)).unwrap_or_default(),
            clients: table.optional("clients", |value| Some(Clients::read(value.table()?))),
        };
        table.finish();
        tls
    }
}

impl Pair {
    fn read(table: &mut Table<'_>) -> Self {
        Self {
            cert: table.required("cert", string),
            key: table.required("key", string),
            ocsp: table.optional("ocsp", string),
        }
    }
}

impl Clients {
    fn read(mut table: Table<'_>) -> Self {
        let clients = Self {
            ca: table.required("ca", string),
            crl: table.optional("crl", string),
            required: table.optional("required", boolean),
        };
        table.finish();
        clients
    }
}

impl Admin {
    /// Reads `[admin]`.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        table.discreet();
        let admin = Self {
            address: table.required("address", socket_address),
            viewer: table.optional("viewer", secret),
            operator: table.optional("operator", secret),
            hosts: table.optional("hosts", words).unwrap_or_default(),
            exposed: table.optional("exposed", boolean),
        };
        table.finish();
        admin
    }
}

impl Limits {
    /// Reads `[limits]`.
    pub(crate) fn read(mut table: Table<'_>) -> Self {
        let limits = Self {
            header_timeout: table.optional("header_timeout", duration),
            body_timeout: table.optional("body_timeout", duration),
            body_rate: table.optional("body_rate", size),
            idle_timeout: table.optional("idle_timeout", duration),
            drain_timeout: table.optional("drain_timeout", duration),
            connections: table.optional("connections", integer(1..=1_000_000)),
            connections_per_address: table
                .optional("connections_per_address", integer(0..=1_000_000)),
            workers: table.optional("workers", integer(0..=1_024)),
            fast_lane: table.optional("fast_lane", boolean),
            in_flight: table.optional("in_flight", integer(1..=1_000_000)),
            rate: table
                .optional("rate", |value| Some(Rates::read(value.table()?)))
                .unwrap_or_default(),
        };
        table.finish();
        limits
    }
}

/// Reads `"scanner"` or `"none"`.
pub(crate) fn cleaning(value: Value<'_>) -> Option<Spanned<Cleaning>> {
    choice(&[("scanner", Cleaning::Scanner), ("none", Cleaning::None)])(value)
}
