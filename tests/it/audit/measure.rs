//! What a record costs: `cargo nextest run --release --run-ignored only -E 'test(audit::measure)' --no-capture`.

use std::time::{Duration, Instant};

use multicode::audit::{Audit, Record, Setting};
use multicode::telemetry::Sent;

use super::bench::{clock, setting, sound};

/// Records as a hospital's payments make them.
fn full(number: usize) -> Record {
    Record {
        at: clock(),
        request_id: Some(format!("01JD3Q{number:020}").into()),
        terminal: Some("outpatient-window-07".into()),
        organisation: Some("350200-first".into()),
        region: Some(350_203),
        scene: Some("settlement".into()),
        family: Some("insurance-voucher".into()),
        kind: Some("insurance-voucher"),
        issuer: Some("fujian".into()),
        subject: Some([9; 16]),
        outcome: Some("decision"),
        route: Some("insurance-settle".into()),
        upstream: Some("insurance".into()),
        sent: Some(Sent::Once),
        status: Some(200),
        upstream_status: Some(200),
        total_us: Some(48_211),
        upstream_us: Some(47_903),
        ..Record::default()
    }
}

/// CPU time of a thread of this process by its name, in microseconds; the clock ticks at 100 Hz.
fn cpu(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let stats =
        tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok());
    let own = stats.filter(|stat| stat.contains(&format!("({name})")));
    let ticks = own.map(|stat| {
        let fields: Vec<_> = stat
            .rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    });
    ticks.sum::<u64>() * 10_000
}

#[test]
#[ignore = "measures"]
#[expect(clippy::print_stdout, reason = "what it is for")]
fn the_cost_of_a_record() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let audit = Audit::start(setting(folder.path())).unwrap();
    let (began, mut number, mut laying) = (Instant::now(), 0, Duration::ZERO);
    for round in 1..=500_u32 {
        let tray: Vec<_> = (0..400).map(|place| full(number + place)).collect();
        number += 400;
        let laid = Instant::now();
        assert_eq!(audit.submit(tray), 0);
        laying += laid.elapsed();
        let due = Duration::from_millis(20) * round;
        std::thread::sleep(due.saturating_sub(began.elapsed()));
    }
    let took = began.elapsed();
    let used = cpu("audit");
    audit.close();
    let report = sound(folder.path());
    let bytes: u64 = super::bench::files(folder.path(), "audit")
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .sum();
    let count = u64::try_from(number).unwrap();
    println!(
        "{count} records in {took:?}: {} ns CPU a record in the writer, {} ns in submit, {} bytes each, {report:?}",
        used * 1_000 / count,
        laying.as_nanos() / u128::from(count),
        bytes / count,
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
#[expect(clippy::print_stdout, reason = "what it is for")]
async fn durable_records_a_second() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for at_once in [1, 64, 512] {
        let audit = Audit::start(Setting {
            ..setting(folder.path())
        });
        let audit = audit.unwrap();
        let began = Instant::now();
        let tasks: Vec<_> = (0..at_once)
            .map(|_| {
                let audit = audit.clone();
                tokio::spawn(async move {
                    let mut spans = Vec::new();
                    while began.elapsed() < Duration::from_secs(5) {
                        let asked = Instant::now();
                        let wanted = Record {
                            class: multicode::audit::Class::Decision,
                            ..full(1)
                        };
                        audit.commit(wanted).await.unwrap();
                        spans.push(asked.elapsed());
                    }
                    spans
                })
            })
            .collect();
        let mut spans = Vec::new();
        for task in tasks {
            spans.extend(task.await.unwrap());
        }
        spans.sort_unstable();
        let p = |share: usize| spans[spans.len() * share / 1_000];
        println!(
            "{at_once} at once: {} a second, p50 {:?}, p99 {:?}, p99.9 {:?}",
            spans.len() / 5,
            p(500),
            p(990),
            p(999)
        );
        audit.close();
    }
    sound(folder.path());
}
