//! A shop: terminals where money moves, the shipped files behind them, and a bank.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::RangeInclusive;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use multicode::family::Family;
use multicode::gateway::Gateway;
use multicode::random::Random;
use multicode::sandbox::mint::{Order as Wish, mint};
use multicode::time::Timestamp;
use multicode::trust::Keys;
use serde_json::{Value, json};

use super::bank::Bank;
use super::process::Process;
use super::{HEALTH_CARD, SOON};
use crate::edge::{Files, KEYS, OneSecret, SECRET, post};

/// By which the issuer's clock may run ahead.
pub(super) const AHEAD: Duration = Duration::from_secs(30);

/// A scene in which a card is looked at, one where no money moves and no code is used up.
const DESK: &str = r#"
owner = "desk"
[upstream.desk]
endpoints = ["http://BANK"]
[[route]]
name    = "desk"
match   = { kind = ["health-card"], scene = ["desk"] }
forward = { upstream = "desk", path = "/desk", method = "POST", headers = { x-code-kind = "family" } }
"#;
const SCENE: &str = r#"
[scene.desk]
names      = { en = "Desk", zh = "窗口" }
accepts    = ["health-card"]
freshness  = "any"
assurance  = "structure"
settlement = false
when_store_away = "local"
"#;

/// The shipped files with a bank in the place of the payment department.
pub(super) struct Shop {
    pub(super) files: Files,
    pub(super) bank: Bank,
    gateway: Gateway,
    keys: Keys,
    serial: AtomicU64,
}

/// What somebody pays with at a terminal, and by which number.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The order's number at the bank and its idempotency key.
    pub(super) id: String,
    pub(super) code: String,
    pub(super) one_time: bool,
}

/// What a terminal was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) reason: Option<String>,
    /// Whether it was said before.
    pub(super) replayed: bool,
    pub(super) body: String,
}

/// Why a terminal was told nothing.
#[derive(Debug)]
pub(super) enum Untold {
    /// There was nobody to be asked.
    Closed,
    /// The request was sent; then the connection broke.
    Cut,
}

impl Shop {
    /// With a bank that takes that many milliseconds, and these changes.
    pub(super) fn open(pauses: RangeInclusive<u64>, change: impl FnOnce(&Files)) -> Self {
        let bank = Bank::open(pauses);
        let files = Files::to_the_letter();
        let address = bank.address.to_string();
        files.change("routes.d/payment.toml", "127.0.0.1:18103", &address);
        files.change(
            "routes.toml",
            "\n[scene.other]",
            &(SCENE.to_owned() + "\n[scene.other]"),
        );
        files.write("routes.d/desk.toml", &DESK.replace("BANK", &address));
        change(&files);
        let config = multicode::config::load(&files.main(), &OneSecret);
        let found = config.diagnostics.render(multicode::config::Style::Plain);
        let config = config.config.unwrap_or_else(|| panic!("{found}"));
        Self {
            files,
            bank,
            gateway: Gateway::new(config.gateway),
            keys: config.keys,
            serial: AtomicU64::new(1),
        }
    }

    /// `multicode serve` with these words in front of it.
    pub(super) fn command(&self, before: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_multicode");
        let words = before.iter().copied().chain([program]);
        let words: Vec<_> = words.collect();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args(["serve", "--workers", "2", "--config"])
            .arg(self.files.main())
            .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
            .envs(KEYS.map(|name| (name, SECRET)))
            .env("MULTICODE_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    pub(super) fn serve(&self) -> Process {
        Process::start(self.command(&[]))
    }

    fn next(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    /// A payment with a wallet's code, which nothing protects but its key.
    pub(super) fn wallet(&self) -> Order {
        let serial = self.next();
        Order {
            id: format!("K{serial}Z"),
            code: format!("1346503289{serial:08}"),
            one_time: false,
        }
    }

    /// A payment with a code that is good for one use, made as late as is allowed: what stands
    /// behind a fence is passed soon.
    pub(super) fn one_time(&self) -> Order {
        self.made(multicode::app::now().after(AHEAD))
    }

    /// The same with a code of that instant.
    pub(super) fn made(&self, at: Timestamp) -> Order {
        let serial = self.next();
        let is_it = |family: &&Family| &*family.id == "aggregate";
        let family = self.gateway.families().iter().find(is_it).unwrap();
        let (wish, mut random) = (Wish::default(), Random::seeded(serial));
        let code = mint(family, &self.keys, &wish, &mut random, at).unwrap();
        Order {
            id: format!("K{serial}Z"),
            code,
            one_time: true,
        }
    }

    /// A card at the desk: no money, no key.
    pub(super) fn desk(&self, address: SocketAddr) -> Result<Told, Untold> {
        let id = format!("K{}Z", self.next());
        let body = json!({ "code": HEALTH_CARD, "scene": "desk", "out_trade_no": id });
        let headers = "Content-Type: application/json\r\nConnection: close\r\n";
        send(address, &post("/v1/scan", headers, body.to_string()))
    }
}

impl Order {
    /// Pays at that gateway.
    pub(super) fn pay(&self, address: SocketAddr) -> Result<Told, Untold> {
        self.pay_as(address, &self.id)
    }

    /// What a terminal says of it.
    pub(super) fn body(&self) -> String {
        let body = json!({
            "code": self.code, "scene": "payment", "terminal": "W-0001",
            "out_trade_no": self.id, "total_fee": 100,
        });
        body.to_string()
    }

    /// The bytes a terminal sends under a key of its choice.
    pub(super) fn request(&self, key: &str) -> Vec<u8> {
        let headers = format!(
            "Content-Type: application/json\r\nIdempotency-Key: \"{key}\"\r\nConnection: close\r\n"
        );
        post("/v1/scan", &headers, self.body())
    }

    /// Pays under that key.
    pub(super) fn pay_as(&self, address: SocketAddr, key: &str) -> Result<Told, Untold> {
        send(address, &self.request(key))
    }

    /// What the gateway says became of it.
    pub(super) fn state(&self, address: SocketAddr) -> String {
        let request = format!(
            "GET /v1/outcomes/{}?terminal=W-0001 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            self.id
        );
        let told = send(address, request.as_bytes()).unwrap();
        let said: Value = serde_json::from_str(&told.body).unwrap();
        said["state"].as_str().unwrap_or("none").to_owned()
    }
}

impl Told {
    /// The reason, or the department's own status.
    pub(super) fn verdict(&self) -> String {
        let status = || self.status.to_string();
        self.reason.clone().unwrap_or_else(status)
    }
}

/// Sends a request on a connection of its own and reads the answer to its end.
pub(super) fn send(address: SocketAddr, request: &[u8]) -> Result<Told, Untold> {
    let mut stream = TcpStream::connect(address).map_err(|_| Untold::Closed)?;
    stream.set_read_timeout(Some(SOON)).unwrap();
    let answer = stream.write_all(request).and_then(|()| {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    });
    if let Err(error) = &answer {
        let waited = matches!(
            error.kind(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
        );
        assert!(!waited, "no answer in {SOON:?}");
    }
    let told = answer.ok().and_then(|answer| read(&answer));
    told.ok_or(Untold::Cut)
}

/// A whole answer.
fn read(answer: &str) -> Option<Told> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let head = head.to_ascii_lowercase();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let length: usize = header("content-length: ")?.parse().unwrap();
    (body.len() == length).then(|| Told {
        status: head.get(9..12).unwrap().parse().unwrap(),
        reason: header("x-multicode-reason: ").map(ToOwned::to_owned),
        replayed: header("idempotency-replayed: ").is_some(),
        body: body.to_owned(),
    })
}
