//! A canary in every field of every family: sent in every way a scan can come, then looked for
//! wherever the gateway tells, keeps or exports anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use multicode::explain::{Detail, explain};
use multicode::gateway::{Door, Matter};
use multicode::policy::Strangers;
use multicode::sandbox::mint::{Flaw, Order};
use multicode::sandbox::qr::Symbol;
use multicode::scan::{self, Claims, Cleaning, Scan};
use multicode::trust::Keys;
use serde_json::json;

use super::{Files, Mocks, Program, json as object, post};
use crate::properties::minted;
use crate::shipped::GATEWAY;

/// Shorter parts may stand anywhere by chance.
const LEAST: usize = 12;

/// What a stranger says of itself, in every place where it may.
const CLAIMS: [&str; 3] = ["CANARY-TERMINAL-1", "CANARY-PLACE-001", "CANARY-REGION-01"];

/// A code and what must not be seen of it.
struct Planted {
    text: String,
    canaries: BTreeSet<String>,
}

/// One sound code of every family, and one that is not.
fn planted() -> Vec<Planted> {
    let flaws = [Flaw::None, Flaw::Tampered];
    let families = GATEWAY.families().iter().zip(100_u64..);
    let both = families.flat_map(|(family, seed)| flaws.map(|flaw| (family, seed, flaw)));
    let codes = both.filter_map(|(family, seed, flaw)| {
        let order = Order {
            flaw,
            ..Order::default()
        };
        minted(family, &order, seed).ok()
    });
    codes.map(plant).collect()
}

/// The whole text, and every part of it that the family reads; but for what its mask leaves, as the
/// number of an article, which is nobody's.
fn plant(text: String) -> Planted {
    let door = Door {
        default_scene: None,
        scenes: Box::default(),
        strangers: Strangers::Admit,
    };
    let scan = Scan {
        text: scan::clean(&text, Cleaning::Scanner),
        claims: Claims {
            scene: Some("other"),
            ..Claims::default()
        },
    };
    let keys = Keys::default();
    let matter = Matter {
        scan: &scan,
        door: &door,
        keys: &keys,
    };
    let (story, _) = explain(
        &GATEWAY.gateway,
        matter,
        Detail::Everything,
        multicode::app::now(),
    );
    let parts = story.fields.iter();
    let parts = parts.filter_map(|field| text.get(field.start..field.end));
    let hidden = |part: &&str| part.len() >= LEAST && !story.shown.contains(*part);
    let long = parts.chain([&*text]).filter(hidden);
    let canaries = long.map(str::to_owned).collect();
    Planted { text, canaries }
}

/// The code in every form a scan can come in.
fn scans(text: &str, number: usize) -> Vec<Vec<u8>> {
    let scenes = [
        "register",
        "consult",
        "settlement",
        "payment",
        "pharmacy",
        "other",
    ];
    let [terminal, organisation, region] = CLAIMS;
    let named = scenes.into_iter().map(|scene| {
        let body = json!({
            "code": text, "scene": scene, "terminal": "W-0001", "out_trade_no": "T-1",
            "total_fee": 1, "idempotency_key": format!("canary-{number}-{scene}"),
        });
        object(&body)
    });
    let stranger = json!({
        "code": text, "scene": "other", "terminal": terminal,
        "organisation": organisation, "region": region,
    });
    let as_text = "Content-Type: text/plain\r\n";
    let named_by_code = format!("{as_text}X-Request-Id: {number}\r\nTracestate: a={number}\r\n");
    let mut scans: Vec<_> = named.collect();
    scans.push(object(&stranger));
    scans.push(post("/v1/scan?scene=other", as_text, text));
    scans.push(post("/v1/scan?scene=other", &named_by_code, text));
    if let Ok(png) = Symbol::of(text).unwrap().to_png(4) {
        scans.push(post(
            "/v1/scan?scene=other",
            "Content-Type: image/png\r\n",
            png,
        ));
    }
    scans
}

/// Everything below a folder.
fn kept(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            kept(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

/// What operators can see.
const SEEN: [&str; 13] = [
    "/metrics",
    "/readyz",
    "/admin/overview",
    "/admin/events/recent?limit=1000",
    "/admin/refusals",
    "/admin/keys",
    "/admin/routes",
    "/admin/families",
    "/admin/upstreams",
    "/admin/config",
    "/admin/config/history",
    "/admin/outcomes",
    "/admin/audit",
];

#[test]
fn no_canary_is_seen_anywhere() {
    let (files, mocks) = (Files::to_the_letter(), Mocks::start());
    mocks.stand_in(&files);
    let routes = fs::read_to_string(files.main()).unwrap();
    let routes = routes + "\n[audit]\nfolder = \"state/audit\"\n";
    fs::write(files.main(), routes).unwrap();
    let mut program = Program::serve(&files, "trace");
    let planted = planted();
    assert!(planted.len() > GATEWAY.families().len());
    let mut told = Vec::new();
    for (planted, number) in planted.iter().zip(0..) {
        for scan in scans(&planted.text, number) {
            let answer = program.send(scan);
            // A department's own words are its own.
            if answer.reason().is_some() {
                told.push(("an answer".to_owned(), answer.whole().into_bytes()));
            }
        }
    }
    assert!(mocks.received().len() > 10, "departments were asked");
    for path in SEEN {
        let answer = program.get(path);
        assert_eq!(answer.status, 200, "{path}");
        told.push((path.to_owned(), answer.whole().into_bytes()));
    }
    program.signal("TERM");
    program.ended();
    told.push(("the log".to_owned(), program.said().into_bytes()));
    kept(&files.path("state"), &mut told);
    let export = Command::new(env!("CARGO_BIN_EXE_multicode"))
        .args(["audit", "export"])
        .arg(files.path("state/audit"))
        .output();
    let export = export.unwrap();
    assert!(export.status.success(), "{export:?}");
    assert!(export.stdout.len() > 10_000, "the trail holds the scans");
    told.push(("the export".to_owned(), export.stdout));
    let of_codes = planted.iter().flat_map(|it| &it.canaries).map(|it| &**it);
    for canary in of_codes.chain(CLAIMS) {
        for (place, bytes) in &told {
            let seen = memchr::memmem::find(bytes, canary.as_bytes());
            assert!(seen.is_none(), "{canary} in {place}");
        }
    }
}
