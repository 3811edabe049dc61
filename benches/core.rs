//! What the stages of a decision cost, on one core.
//!
//! `cargo bench --bench core`; a name behind `--` picks some. Everything is built from the shipped
//! files with throw-away secrets, the classifier's tables from generated families.

// What `criterion_group!` makes has no documentation.
#![allow(missing_docs, reason = "a program, and the macros of criterion")]
#![expect(
    clippy::expect_used,
    reason = "a benchmark without its subject measures nothing"
)]

use std::future::poll_fn;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use multicode::classify::Classifier;
use multicode::config::{self, Config, NoSecrets, Secrets};
use multicode::family::{
    Algorithm, CaptureNames, Family, Form, Kind, KindSet, Layout, Mask, Names, Reader, Shape,
    Trust, Validity,
};
use multicode::gateway::{Door, Gateway, Matter};
use multicode::policy::Strangers;
use multicode::proxy::extract::{Envelope, Head};
use multicode::random::Random;
use multicode::sandbox::mint::{Order, mint};
use multicode::sandbox::signer::SigningKey;
use multicode::scan::{Claims, Cleaning, Scan, clean};
use multicode::state::{
    About, Claim, Entry, Keep, Ledger, LedgerSetting, Outcome, Reserved, Seals, Store,
};
use multicode::time::{Moment, Timestamp};
use multicode::trial::Stopgap;
use multicode::trust::material::{self, Reading};
use multicode::trust::{Depth, Examination, Findings, Keys};

const NOW: Timestamp = Timestamp::from_seconds(1_795_309_200);
/// A throw-away key of the tests.
const RSA: &[u8] = include_bytes!("../tests/it/keys/rsa-2048.pk8");
const WECHAT: &str = "160000000000000001";
const UNKNOWN: &str = "https://www.example.org/some/page?of=no&interest=1";

/// The code's own parts of a decision, each on its own.
fn stages(c: &mut Criterion) {
    let (gateway, keys) = gateway();
    let code = aggregate(&gateway, &keys, "2026a");
    let family = family(&gateway);

    let raw = format!("{code}\r\n");
    c.bench_function("clean/line-end", |b| {
        b.iter(|| clean(black_box(&raw), Cleaning::Scanner));
    });
    let matched = family.shapes.first().and_then(|shape| shape.matches(&code));
    let matched = matched.expect("a minted code has its family's shape");
    c.bench_function("parse/aggregate-match", |b| {
        b.iter(|| family.shapes.first().map(|it| it.matches(black_box(&code))));
    });
    c.bench_function("parse/aggregate-read", |b| {
        b.iter(|| family.read(black_box(&matched)));
    });

    c.bench_function("verify/whole-aggregate", |b| {
        let read = family.read(&matched).expect("a minted code is read");
        b.iter(|| {
            let mut findings = Findings::default();
            let depth = Depth::FirstRefusal;
            let examined = keys.examine(read.clone(), depth, &mut findings, NOW);
            assert!(matches!(examined, Examination::Settled(Ok(_))));
        });
    });

    let body = format!(r#"{{"code":"{code}","scene":"01301","terminal":"W-0001","amount":1200}}"#);
    let (envelope, head) = (
        Envelope::own(),
        Head {
            content_type: Some("application/json"),
            ..Head::default()
        },
    );
    c.bench_function("extract/json", |b| {
        b.iter(|| {
            let body = black_box(body.as_bytes());
            let medium = envelope.medium(&head, body).expect("JSON");
            envelope
                .extract(medium, &head, body)
                .expect("a code")
                .code
                .len()
        });
    });
}

/// One signature of each algorithm, by a key that was parsed before and by one that is read from
/// its JSON Web Key each time.
fn verify(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify");
    let message = [b'm'; 120];
    for algorithm in Algorithm::ALL {
        let signer = match algorithm {
            Algorithm::Ps256 | Algorithm::Rs256 => SigningKey::rsa(algorithm, RSA),
            other => SigningKey::generate(other),
        };
        let signer = signer.expect("a key");
        let signature = signer.sign(Form::Raw, &message).expect("a signature");
        let verifier = signer.verifier();
        group.bench_function(BenchmarkId::new(algorithm.name(), "parsed"), |b| {
            b.iter(|| {
                assert!(verifier.verifies(Form::Raw, black_box(&message), &signature));
            });
        });
        let (jwk, reading) = (signer.jwk("2026a").to_string(), Reading::default());
        group.bench_function(BenchmarkId::new(algorithm.name(), "anew"), |b| {
            b.iter(|| {
                let material = material::read(black_box(jwk.as_bytes()), &reading);
                let keys = material.expect("a key").keys;
                let verifier = keys.first().and_then(|key| key.verifier.as_ref());
                let verifier = verifier.expect("a key");
                assert!(verifier.verifies(Form::Raw, black_box(&message), &signature));
            });
        });
    }
    group.finish();
}

/// Text in, decision out.
fn decide(c: &mut Criterion) {
    let (gateway, keys) = gateway();
    let door = Door {
        default_scene: Some("other".into()),
        scenes: Box::default(),
        strangers: Strangers::Admit,
    };
    let (sha, sm3) = (
        aggregate(&gateway, &keys, "2026a"),
        aggregate(&gateway, &keys, "2026s"),
    );
    let cases = [
        ("aggregate-sha256", sha.as_str(), "settlement"),
        ("aggregate-sm3", sm3.as_str(), "settlement"),
        ("wechat", WECHAT, "payment"),
        ("unknown", UNKNOWN, "payment"),
    ];
    for (name, code, scene) in cases {
        let claims = Claims {
            scene: Some(scene),
            terminal: Some("W-0001"),
            ..Claims::default()
        };
        c.bench_function(&format!("decide/{name}"), |b| {
            b.iter(|| {
                let text = clean(black_box(code), Cleaning::Scanner);
                let scan = Scan { text, claims };
                gateway
                    .decide(
                        Matter {
                            scan: &scan,
                            door: &door,
                            keys: &keys,
                        },
                        NOW,
                    )
                    .is_ok()
            });
        });
    }
}

/// The table with many families in it: the first, the last, none, and the shipped ones.
fn classify(c: &mut Criterion) {
    let mut group = c.benchmark_group("classify");
    for rules in [50, 500, 2_000] {
        let families: Vec<_> = (0..rules).map(declared).collect();
        let classifier = Classifier::new(&families);
        let texts = [
            ("first", text_of(0)),
            ("last", text_of(rules - 1)),
            ("none", "Q9-no-such-code-1234567890".to_owned()),
        ];
        for (which, text) in texts {
            let scan = clean(&text, Cleaning::Scanner);
            let known = which != "none";
            group.bench_function(BenchmarkId::new(which, rules), |b| {
                b.iter(|| {
                    let scan = black_box(&scan);
                    let found = classifier.classify(&families, scan, KindSet::ALL, &mut ());
                    assert_eq!(found.is_ok(), known);
                });
            });
        }
    }
    let (gateway, keys) = gateway();
    let classifier = Classifier::new(gateway.families());
    let code = aggregate(&gateway, &keys, "2026a");
    for (which, text) in [
        ("aggregate", &*code),
        ("wechat", WECHAT),
        ("unknown", UNKNOWN),
    ] {
        let scan = clean(text, Cleaning::Scanner);
        group.bench_function(BenchmarkId::new(which, "shipped"), |b| {
            b.iter(|| {
                let scan = black_box(&scan);
                let found = classifier.classify(gateway.families(), scan, KindSet::ALL, &mut ());
                found.is_ok()
            });
        });
    }
    group.finish();
}

/// A family no other is like: a prefix of its own, a length of its own, one of five shapes.
fn declared(number: usize) -> Family {
    let (prefix, length) = (prefix_of(number), 8 + number % 23);
    let pattern = match number % 5 {
        0 => format!("{prefix}[0-9]{{{length}}}"),
        1 => format!("{prefix}[0-9A-F]{{{length}}}"),
        2 => format!("{prefix}(?<id>[0-9]{{{length}}})"),
        3 => format!("{prefix}(?:[0-9]{{{length}}}|[A-Z]{{{length}}})"),
        _ => format!("{prefix}[A-Za-z0-9_-]{{{length},40}}"),
    };
    let mut captures = CaptureNames::default();
    let shape = Shape::new(&pattern, &mut captures).expect("a shape");
    Family {
        id: format!("family-{number}").into(),
        names: Names::default(),
        kind: Kind::Payment,
        mask: Mask::All,
        trust: Trust::Structure,
        shapes: [shape].into(),
        captures,
        checks: Box::default(),
        reader: Reader::Declared(Layout::default()),
        validity: Validity::default(),
        index: number,
    }
}

fn text_of(number: usize) -> String {
    format!("{}{}", prefix_of(number), "7".repeat(8 + number % 23))
}

fn prefix_of(number: usize) -> String {
    format!("{:04}", number * 7 + 1)
}

fn config() -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("routes.toml");
    let none: &dyn Secrets = &NoSecrets;
    let loaded = config::load(&path, &Stopgap::over(none));
    loaded.config.expect("the shipped files load")
}

fn gateway() -> (Gateway, Keys) {
    let config = config();
    (Gateway::new(config.gateway), config.keys)
}

fn family(gateway: &Gateway) -> &Family {
    let mut families = gateway.families().iter();
    families.find(|it| &*it.id == "aggregate").expect("shipped")
}

fn aggregate(gateway: &Gateway, keys: &Keys, key: &str) -> String {
    let order = Order {
        key_id: Some(key.to_owned()),
        issuer: Some("fujian".to_owned()),
        ..Order::default()
    };
    let mut random = Random::seeded(1);
    mint(family(gateway), keys, &order, &mut random, NOW).expect("a sound code")
}

/// What a store in this process adds: what is kept briefly, a one-time code, and intents that many
/// wait for at once.
fn state(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let seals = || Seals::new(&[7; 32]).expect("a secret");
    let now = Moment {
        wall: NOW,
        steady: Duration::from_secs(1),
    };
    let ledger = Ledger::open(LedgerSetting::in_memory(seals().into()), now).expect("a ledger");
    let memory = Store::Local(ledger);
    let numbers = AtomicU64::new(0);
    let entry = |keep: Keep, code: Code| {
        let number = numbers.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        let name = memory.seals().name("bench", [&number[..]]);
        let claim = Claim {
            name,
            until: NOW.after(Duration::from_secs(60)),
            made: Some(NOW.after(Duration::from_secs(1))),
            lifetime: None,
        };
        Entry {
            name,
            keyed: false,
            fingerprint: name,
            keep,
            read: Some(name),
            claim: matches!(code, Code::OneTime).then_some(claim),
            about: About::default(),
            lease: Duration::from_secs(5),
            replicas: 0,
        }
    };
    for (name, code) in [("briefly", Code::Any), ("claim", Code::OneTime)] {
        c.bench_function(&format!("state/{name}"), |b| {
            b.iter(|| runtime.block_on(serve(&memory, entry(Keep::Briefly, code), now)));
        });
    }
    let filed = LedgerSetting {
        file: Some(folder.path().join("ledger")),
        ..LedgerSetting::in_memory(seals().into())
    };
    let filed = Store::Local(Ledger::open(filed, now).expect("a ledger"));
    let mut group = c.benchmark_group("state/durably");
    group.sample_size(10);
    for at_once in [1, 64, 1_024] {
        group.throughput(Throughput::Elements(at_once));
        group.bench_function(at_once.to_string(), |b| {
            b.iter(|| {
                let all = (0..at_once).map(|_| serve(&filed, entry(Keep::Durably, Code::Any), now));
                runtime.block_on(futures(all));
            });
        });
    }
    group.finish();
}

#[derive(Clone, Copy)]
enum Code {
    Any,
    OneTime,
}

async fn serve(store: &Store, entry: Entry, now: Moment) {
    let reserved = store.reserve(&entry, now).await.expect("a store");
    let Reserved::Begun(mut ticket) = reserved else {
        unreachable!("the name is new");
    };
    ticket.intend(now).await.expect("a disk");
    let outcome = Outcome::NotSent;
    ticket.settle(outcome, now).await;
}

/// Runs them all at once, on this thread.
async fn futures(all: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    poll_fn(|cx| {
        all.retain_mut(|one| one.as_mut().poll(cx).is_pending());
        if all.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

criterion_group!(core, stages, verify, decide, classify, state);
criterion_main!(core);
