//! What arrives elsewhere: everything, at least once, whatever becomes of the way.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use multicode::audit::{Audit, Form, Setting, Sink, Token};
use serde_json::Value;

use super::bench::{files, record, setting, sound, until, whats};

/// A server that behaves badly for its first requests.
struct Collector {
    port: u16,
    taken: Arc<Mutex<Vec<(String, String)>>>,
}

#[derive(Clone, Copy)]
enum Mood {
    Takes,
    Fails,
    Hangs,
    HangsUpBefore,
    HangsUpAfter,
}

impl Collector {
    fn start(moods: &'static [Mood]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let (inside, mut number) = (Arc::clone(&taken), 0);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                while let Some((head, body)) = request(&mut stream) {
                    let mood = moods.get(number).copied().unwrap_or(Mood::Takes);
                    number += 1;
                    let mut answer = |status: &str| {
                        write!(
                            stream.get_mut(),
                            "HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}"
                        )
                    };
                    match mood {
                        // It may have given up waiting.
                        Mood::Fails => answer("500 No").unwrap_or_default(),
                        Mood::HangsUpBefore => break,
                        Mood::Hangs | Mood::Takes | Mood::HangsUpAfter => {
                            if matches!(mood, Mood::Hangs) {
                                std::thread::sleep(Duration::from_millis(300));
                            }
                            inside.lock().unwrap().push((head, body));
                            if matches!(mood, Mood::HangsUpAfter) {
                                break;
                            }
                            answer("200 Yes").unwrap_or_default();
                        }
                    }
                }
            }
        });
        Self { port, taken }
    }

    fn sink(&self, name: &str, form: Form) -> Sink {
        Sink {
            name: name.into(),
            host: "127.0.0.1".into(),
            port: self.port,
            path: "/in?table=audit".into(),
            tls: None,
            form,
            token: Some(Token {
                header: "authorization".into(),
                value: "Bearer t0ken".to_owned().into(),
            }),
            pause: Duration::from_millis(10),
        }
    }

    /// How often each record arrived.
    fn seqs(&self) -> BTreeMap<u64, usize> {
        let mut seqs = BTreeMap::new();
        for (_, body) in &*self.taken.lock().unwrap() {
            for line in body.lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["node"], "node");
                *seqs.entry(line["seq"].as_u64().unwrap()).or_default() += 1;
            }
        }
        seqs
    }
}

fn request(stream: &mut BufReader<std::net::TcpStream>) -> Option<(String, String)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8(body).unwrap()))
}

fn caught_up(audit: &Audit) -> bool {
    let standing = audit.standing();
    standing.records > 0 && standing.ships.iter().all(|ship| ship.behind == 0)
}

#[track_caller]
fn all_arrived(last: u64, steady: &Collector, moody: &Collector) {
    for (name, collector) in [("steady", steady), ("moody", moody)] {
        let seqs = collector.seqs();
        let missing: Vec<_> = (1..=last).filter(|seq| !seqs.contains_key(seq)).collect();
        assert_eq!(missing, Vec::<u64>::new(), "{name}");
    }
    // What was taken and not acknowledged came again.
    assert!(moody.seqs().values().any(|times| *times > 1));
    let (head, _) = &steady.taken.lock().unwrap()[0];
    assert!(
        head.starts_with("POST /in?table=audit HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("authorization: Bearer t0ken\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/x-ndjson\r\n"),
        "{head}"
    );
}

#[test]
fn everything_arrives_whatever_the_place_is_like() {
    use Mood::{Fails, Hangs, HangsUpAfter, HangsUpBefore, Takes};

    let folder = tempfile::tempdir().unwrap();
    let steady = Collector::start(&[Takes]);
    let moody = Collector::start(&[
        Fails,
        HangsUpBefore,
        HangsUpAfter,
        Hangs,
        Takes,
        Fails,
        Fails,
        Takes,
        HangsUpAfter,
        Hangs,
        HangsUpBefore,
        Takes,
        HangsUpAfter,
    ]);
    let open = || {
        Audit::start(Setting {
            segment: 20_000,
            sinks: vec![
                steady.sink("steady", Form::Ndjson),
                moody.sink("moody", Form::Ndjson),
            ],
            ..setting(folder.path())
        })
        .unwrap()
    };
    for round in 0..4 {
        let audit = open();
        for part in 0..4 {
            audit.submit((0..150).map(|number| record(round * 600 + part * 150 + number)));
            std::thread::sleep(Duration::from_millis(100));
        }
        if round == 3 {
            until(&audit, "both have it", caught_up);
            assert!(
                audit
                    .standing()
                    .ships
                    .iter()
                    .all(|ship| ship.trouble.is_none())
            );
        }
        audit.close();
    }
    let audit = open();
    until(&audit, "the rest, too", caught_up);
    all_arrived(audit.standing().records, &steady, &moody);
    audit.close();
    sound(folder.path());
    assert!(whats(folder.path()).len() > 2_400);
}

#[test]
fn what_nobody_has_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = Collector::start(&[]);
    let mut deaf = there.sink("later", Form::Ndjson);
    deaf.port = gone.local_addr().unwrap().port();
    drop(gone);
    let open = |sink: Sink| {
        Audit::start(Setting {
            segment: 2_000,
            keep: Duration::ZERO,
            sinks: vec![sink],
            ..setting(folder.path())
        })
        .unwrap()
    };
    let audit = open(deaf);
    for round in 0..5 {
        audit.submit((0..40).map(|number| record(round * 40 + number)));
        let most = u64::try_from((round + 1) * 40).unwrap();
        until(&audit, "written", |audit| audit.standing().records > most);
    }
    until(&audit, "it is seen that nobody is there", |audit| {
        audit.standing().ships[0].trouble.is_some()
    });
    audit.close();
    open(there.sink("other", Form::Ndjson)).close();
    let before = files(folder.path(), "audit").len();
    assert!(before > 3);
    assert_eq!(sound(folder.path()).records.unwrap().0, 1);
    let audit = open(there.sink("later", Form::Ndjson));
    until(&audit, "all is there", caught_up);
    audit.close();
    let audit = open(there.sink("later", Form::Ndjson));
    until(&audit, "and gone here", |_| {
        files(folder.path(), "audit").len() < 3
    });
    audit.close();
    sound(folder.path());
    assert_eq!(there.seqs().keys().next(), Some(&1));
}

#[test]
fn logs_of_open_telemetry_are_sent_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(&[]);
    let audit = Audit::start(Setting {
        sinks: vec![collector.sink("otel", Form::Otlp)],
        ..setting(folder.path())
    });
    let audit = audit.unwrap();
    audit.submit([record(7)]);
    until(&audit, "it is there", |audit| {
        audit.standing().records >= 3 && caught_up(audit)
    });
    let taken = collector.taken.lock().unwrap();
    let bodies = taken
        .iter()
        .map(|(_, body)| serde_json::from_str::<Value>(body).unwrap());
    let records: Vec<Value> = bodies
        .flat_map(|body| {
            let records = &body["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
            records.as_array().unwrap().clone()
        })
        .collect();
    let scan = records
        .iter()
        .find(|record| record["body"]["stringValue"] == "scan")
        .unwrap();
    let has = |key: &str, value: Value| {
        let attributes = scan["attributes"].as_array().unwrap();
        attributes
            .iter()
            .any(|it| it["key"] == key && it["value"] == value)
    };
    assert!(has(
        "multicode.request_id",
        serde_json::json!({ "stringValue": "r7" })
    ));
    assert!(has(
        "multicode.status",
        serde_json::json!({ "intValue": "200" })
    ));
    let nanos = scan["timeUnixNano"].as_str().unwrap();
    assert!(nanos.starts_with("17953") && nanos.len() == 19, "{nanos}");
}
