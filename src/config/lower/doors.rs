//! Doors: listeners, adapters, landing pages, and the limits they share.

use super::routes::redirect;
use super::{Files, Known, Surroundings, innermost};
use crate::config::diagnostic::Diagnostic;
use crate::config::file::{self, RoutesFile, Word};
use crate::config::meaning::{Limits, Listener, Tls};
use crate::config::reader::Sender;
use crate::config::source::Spanned;
use crate::config::suggest::{help, quoted};
use crate::gateway::Door;
use crate::policy::{Proving, Strangers};
use crate::proxy::extract::{Adapter, Envelope, EnvelopeError, Format, What};
use crate::proxy::landing::{App, Landing, Location};
use crate::route::redirect::Hosts;
use crate::scan::Cleaning;
use crate::server::{Address, MODE, Senders};
use crate::tls::{Clients, Pair, ServerFiles};

/// The longest body of `/v1/scan`: twice the longest code, escaped, with its envelope.
const BODY_LIMIT: usize = 16 * 1024;

/// No body is buffered beyond this, whatever the files say.
const MAX_BODY_LIMIT: usize = 1024 * 1024;

/// Lowers the listeners.
pub(super) fn listeners(
    main: &RoutesFile,
    known: &Known<'_>,
    around: Surroundings<'_>,
) -> Vec<Listener> {
    let written = main.listeners.iter();
    let each = written.filter_map(|(name, one)| {
        let one = one.as_ref()?;
        check_scenes(one, known, around);
        let address = one.address.clone()?.value;
        check_unix(one, &address, around);
        Some(Listener {
            name: name.value.as_str().into(),
            address,
            mode: one.mode.map_or(MODE, |it| it.value),
            proxied: senders(&one.proxy_protocol),
            door: Door {
                default_scene: one.default_scene.as_ref().map(boxed),
                scenes: one.scenes.iter().flatten().map(boxed).collect(),
                strangers: one.terminals.map_or(Strangers::Refuse, |it| it.value),
            },
            proving: match one.anonymous.map(|it| it.value) {
                Some(true) => Proving::Optional,
                Some(false) | None => Proving::Required,
            },
            cleaning: one.clean.map_or(Cleaning::Scanner, |it| it.value),
            trusted_proxies: one.trusted_proxies.iter().map(|it| it.value).collect(),
            body_limit: body_limit(one.body_limit, around).unwrap_or(BODY_LIMIT),
            tls: one.tls.as_ref().and_then(|written| tls(written, around)),
        })
    });
    each.collect()
}

/// What is said of Unix sockets must be about one.
fn check_unix(one: &file::Listener, address: &Address, around: Surroundings<'_>) {
    if address.tcp().is_none() {
        return;
    }
    if let Some(mode) = one.mode {
        let message = "\"mode\" is about Unix sockets, and this listener has a port";
        around.error("bad-value", mode.at, message);
    }
    let mut senders = one.proxy_protocol.iter();
    if let Some(unix) = senders.find(|it| it.value == Sender::Unix) {
        let message = "\"unix\" is about Unix sockets, and this listener has a port";
        around.error("bad-value", unix.at, message);
    }
}

fn senders(written: &[Spanned<Sender>]) -> Senders {
    let network = |sender: &Spanned<Sender>| match sender.value {
        Sender::Network(network) => Some(network),
        Sender::Unix => None,
    };
    Senders {
        networks: written.iter().filter_map(network).collect(),
        unix: written.iter().any(|it| it.value == Sender::Unix),
    }
}

fn tls(written: &file::listener::Tls, around: Surroundings<'_>) -> Option<Tls> {
    let path = |word: &Option<Word>| Some(around.folder.join(&word.as_ref()?.value));
    let pairs = std::iter::once(&written.pair).chain(&written.others);
    let pairs = pairs.map(|pair| {
        Some(Pair {
            cert: path(&pair.cert)?,
            key: path(&pair.key)?,
            ocsp: path(&pair.ocsp),
        })
    });
    let clients = match &written.clients {
        None => None,
        Some(clients) => Some(Clients {
            ca: path(&clients.ca)?,
            crl: path(&clients.crl),
            required: clients.required.is_none_or(|required| required.value),
        }),
    };
    Some(Tls {
        at: written.at,
        files: ServerFiles {
            pairs: pairs.collect::<Option<_>>()?,
            clients,
        },
    })
}

fn boxed(word: &Word) -> Box<str> {
    word.value.as_str().into()
}

fn check_scenes(one: &file::Listener, known: &Known<'_>, around: Surroundings<'_>) {
    for scene in one.scenes.iter().flatten().chain(&one.default_scene) {
        known.scenes.check(scene, around);
    }
    if let Some([]) = one.scenes.as_deref() {
        let message = "\"scenes\" is empty: name those served here, or leave it out to serve all";
        around.error("bad-value", one.at, message);
    }
    if let (Some(default), Some(scenes)) = (&one.default_scene, &one.scenes)
        && !scenes.iter().any(|scene| scene.value == default.value)
    {
        let message = "the default scene is not among the scenes served here";
        around.error("bad-value", default.at, message);
    }
}

fn body_limit(written: Option<Spanned<usize>>, around: Surroundings<'_>) -> Option<usize> {
    if let Some(limit) = written.filter(|it| it.value == 0 || it.value > MAX_BODY_LIMIT) {
        let message = "\"body_limit\" must be between 1B and 1MiB";
        around.error("bad-value", limit.at, message);
    }
    written.map(|limit| limit.value)
}

/// Applies the defaults of `[limits]`.
pub(super) fn limits(written: &file::Limits) -> Limits {
    let default = Limits::default();
    let connections = written.connections.map(|it| usize::try_from(it.value));
    let in_flight = written.in_flight.map(|it| usize::try_from(it.value));
    let per_address = written.connections_per_address;
    let per_address = per_address.map(|it| usize::try_from(it.value));
    Limits {
        connections_per_address: per_address
            .and_then(Result::ok)
            .unwrap_or(default.connections_per_address),
        header_timeout: written
            .header_timeout
            .map_or(default.header_timeout, |it| it.value),
        body_timeout: written
            .body_timeout
            .map_or(default.body_timeout, |it| it.value),
        body_rate: written.body_rate.map_or(default.body_rate, |it| it.value),
        idle_timeout: written
            .idle_timeout
            .map_or(default.idle_timeout, |it| it.value),
        drain_timeout: written
            .drain_timeout
            .map_or(default.drain_timeout, |it| it.value),
        connections: connections
            .and_then(Result::ok)
            .unwrap_or(default.connections),
        workers: written
            .workers
            .map_or(default.workers, |it| usize::from(it.value)),
        fast_lane: written.fast_lane.map_or(default.fast_lane, |it| it.value),
        in_flight: in_flight.and_then(Result::ok).unwrap_or(default.in_flight),
    }
}

/// Reads `[redirects] hosts`; one that is no host name is reported and left out.
pub(super) fn redirect_hosts(written: &[Word], around: Surroundings<'_>) -> Hosts {
    let good = written.iter().filter(|host| {
        let mistake = Hosts::parse([host.value.as_str()]).err();
        if let Some(error) = &mistake {
            around.error("bad-value", host.at, error.to_string());
        }
        mistake.is_none()
    });
    Hosts::parse(good.map(|host| host.value.as_str())).unwrap_or_default()
}

/// Lowers the adapters.
pub(super) fn adapters(files: &Files, around: Surroundings<'_>) -> Vec<Adapter> {
    let written = files.shared().flat_map(|one| &one.adapters);
    written.filter_map(|one| adapter(one, around)).collect()
}

fn adapter(one: &file::upstream::Adapter, around: Surroundings<'_>) -> Option<Adapter> {
    if let Some(path) = one.path.as_ref().filter(|path| !is_free(&path.value)) {
        let message = format!("an adapter cannot answer on {}", quoted(&path.value));
        let found = Diagnostic::error("bad-value", path.at, message);
        let help = "a path begins with \"/\"; /v1/ and /l/ are the gateway's own";
        around.collector.push(found.help(help));
    }
    let format = one.format.as_ref().and_then(|word| format(word, around));
    let envelope = format.and_then(|format| envelope(one, format, around));
    Some(Adapter {
        name: boxed(&one.name),
        path: boxed(one.path.as_ref()?),
        envelope: envelope?,
        body_limit: body_limit(one.body_limit, around),
        cleaning: one.clean.map(|clean| clean.value),
    })
}

fn envelope(
    one: &file::upstream::Adapter,
    format: Format,
    around: Surroundings<'_>,
) -> Option<Envelope> {
    let written = [
        (What::Code, &one.code),
        (What::IdempotencyKey, &one.idempotency_key),
        (What::Organisation, &one.organisation),
        (What::Region, &one.region),
        (What::Scene, &one.scene),
        (What::Terminal, &one.terminal),
    ];
    let written = written.map(|(what, word)| word.as_ref().map(|word| (what, word)));
    let places: Vec<_> = written
        .iter()
        .flatten()
        .map(|(what, word)| (*what, word.value.as_str()))
        .collect();
    match Envelope::new(format, &places) {
        Ok(envelope) => Some(envelope),
        // A missing place has been reported as a missing key.
        Err(EnvelopeError::NoCode) => None,
        Err(error @ (EnvelopeError::Place { what } | EnvelopeError::Pointer { what, .. })) => {
            let blamed = written.iter().flatten().find(|(one, _)| *one == what);
            let at = blamed.map_or(one.name.at, |(_, word)| word.at);
            around.error("bad-value", at, innermost(&error));
            None
        }
    }
}

fn is_free(path: &str) -> bool {
    let plain = path.bytes().all(|it| matches!(it, b'!'..=b'~')) && !path.contains(['?', '#']);
    let own = ["/v1/", "/l/"].iter().any(|own| path.starts_with(own));
    path.starts_with('/') && plain && !own
}

fn format(word: &Word, around: Surroundings<'_>) -> Option<Format> {
    match word.value.as_str() {
        "form" => Some(Format::Form),
        "json" => Some(Format::Json),
        other => {
            let message = format!("\"format\" cannot be {}", quoted(other));
            let found = Diagnostic::error("bad-value", word.at, message);
            around
                .collector
                .push(found.help_if(help(other, ["form", "json"])));
            None
        }
    }
}

/// Lowers the landing pages.
pub(super) fn landings(files: &Files, hosts: &Hosts, around: Surroundings<'_>) -> Vec<Landing> {
    let written = files.shared().flat_map(|one| &one.landings);
    let each = written.filter_map(|one| {
        let location = one.default.as_ref();
        let default = location.and_then(|location| fixed(location, hosts, around));
        let to: Vec<_> = one
            .to
            .iter()
            .filter_map(|it| by_app(it, hosts, around))
            .collect();
        Some(Landing::new(&one.name.value, default?, to))
    });
    each.collect()
}

fn by_app(
    (app, location): &(Word, Word),
    hosts: &Hosts,
    around: Surroundings<'_>,
) -> Option<(App, Location)> {
    let known = App::from_name(&app.value);
    if known.is_none() {
        let message = format!("unknown app {}", quoted(&app.value));
        let found = Diagnostic::error("unknown-name", app.at, message);
        let near = help(&app.value, App::ALL.iter().map(|app| app.name()));
        around.collector.push(found.help_if(near));
    }
    let location = fixed(location, hosts, around);
    Some((known?, location?))
}

/// Reads a fixed address: a web page on a listed host, or an application's own scheme.
fn fixed(word: &Word, hosts: &Hosts, around: Surroundings<'_>) -> Option<Location> {
    let web = ["http://", "https://"];
    // Schemes are compared without case (RFC 3986, section 3.1).
    let scheme = word.value.to_ascii_lowercase();
    if web.iter().any(|web| scheme.starts_with(web)) {
        redirect(word, 302, hosts, around)?;
    }
    let location = Location::parse(&word.value);
    if location.is_none() {
        let message = format!(
            "{} is no address a phone can be led to",
            quoted(&word.value)
        );
        around.error("bad-value", word.at, message);
    }
    location
}
