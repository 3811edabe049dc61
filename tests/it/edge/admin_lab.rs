//! The scan lab: everything is told and nothing is done.

use multicode::sandbox::mint::Flaw;
use multicode::sandbox::qr::Symbol;
use serde_json::{Value, json};

use super::{EAN, Files, HEALTH_CARD, Mocks, Program};

fn serve(log: &str) -> (Program, Mocks, Files) {
    let (files, mocks) = (Files::to_the_letter(), Mocks::start());
    mocks.stand_in(&files);
    (Program::serve(&files, log), mocks, files)
}

#[track_caller]
fn explained(program: &Program, question: &Value) -> Value {
    let answer = program.send_json("/admin/explain", question);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[test]
fn the_whole_story_of_a_scan_is_told() {
    let (program, mocks, files) = serve("info");
    let code = files.mint("aggregate", Flaw::None, 1);
    let question =
        json!({ "text": code, "scene": "payment", "terminal": "W-0001", "detail": true });
    let story = explained(&program, &question);
    let verdict = &story["verdict"];
    assert_eq!(
        (&verdict["outcome"], &verdict["reason"]),
        (&"decision".into(), &Value::Null)
    );
    assert!(
        verdict["sentence_zh"]
            .as_str()
            .unwrap()
            .contains("pay-aggregate")
    );
    assert!(
        verdict["sentence_en"]
            .as_str()
            .unwrap()
            .contains("goes to payment")
    );
    let results: Vec<_> = story["timeline"].as_array().unwrap().iter().collect();
    assert_eq!(results.len(), 8);
    let passed = results.iter().filter(|it| it["result"] == "passed");
    assert_eq!(passed.count(), 6);
    let explanation = &story["explanation"];
    assert_eq!(explanation["trust"]["signature"], "valid");
    assert!(explanation["fields"].as_array().unwrap().len() > 5);
    let routes = explanation["routes"].as_array().unwrap();
    assert_eq!(
        (&routes[0]["route"], &routes[0]["taken"]),
        (&"pay-aggregate".into(), &true.into())
    );
    let failed = routes.iter().filter(|it| it["matches"] == false);
    assert!(failed.clone().count() > 3 && failed.clone().all(|it| it["failed"].is_string()));
    assert_eq!(story["text"]["length"], code.len());
    assert!(
        !story
            .to_string()
            .contains(code.split('.').next_back().unwrap())
            || story["test_block"].is_string()
    );
    assert!(story["curl"].as_str().unwrap().contains("$CODE"));
    assert!(mocks.received().is_empty(), "nobody was asked");
}

#[test]
fn a_refusal_is_told_with_the_place_it_failed_at() {
    let (program, _mocks, _files) = serve("info");
    let story = explained(
        &program,
        &json!({ "text": format!("\u{feff}{}", &EAN.replace('2', "3")), "scene": "other" }),
    );
    assert_eq!(story["verdict"]["reason"], "bad-checksum");
    assert_eq!(story["verdict"]["stage"], "classify");
    assert_eq!(story["text"]["skipped"], 3);
    let results: Vec<_> = story["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["result"].as_str().unwrap())
        .collect();
    assert_eq!(results[..3], ["passed", "refused", "not-reached"]);
    let tried = story["explanation"]["tried"].as_array().unwrap();
    assert!(
        tried
            .iter()
            .any(|it| it["outcome"] == "bad-checksum" && it["at"].is_u64())
    );
    let differs = tried
        .iter()
        .filter(|it| it["why"].as_str().unwrap().starts_with("differs at byte"));
    for one in differs {
        assert_eq!(one["why"], format!("differs at byte {}", one["at"]));
    }
    for (question, status) in [
        (json!({ "text": EAN, "at": "noon" }), 422),
        (json!({ "text": EAN, "listener": "nowhere" }), 422),
        (json!({ "text": EAN, "at": 1_795_312_800 }), 200),
        (
            json!({ "text": EAN, "at": "2026-11-22T09:00:00+08:00", "listener": "scan" }),
            200,
        ),
        (json!({ "text": EAN, "symbology": "]E0" }), 200),
        (json!({ "text": "" }), 200),
    ] {
        assert_eq!(
            program.send_json("/admin/explain", &question).status,
            status,
            "{question}"
        );
    }
}

#[test]
fn a_test_block_is_one_the_files_take() {
    let (program, _mocks, files) = serve("info");
    let card = json!({ "text": HEALTH_CARD, "scene": "register", "terminal": "W-0001" });
    let refused = json!({ "text": "a \"quoted\" \\ fox", "scene": "register" });
    for question in [card, refused] {
        let story = explained(&program, &question);
        let block = story["test_block"].as_str().unwrap();
        let text = std::fs::read_to_string(files.path("routes.d/health.toml")).unwrap();
        files.write("routes.d/health.toml", &format!("{text}\n{block}"));
        let reload = program.ask("POST", "/admin/reload", &program.as_operator(), "");
        assert_eq!(
            reload.json()["result"],
            "success",
            "{block}\n{}",
            reload.whole()
        );
    }
}

#[test]
fn a_one_time_code_can_be_used_after_it_was_explained() {
    let (program, mocks, files) = serve("info");
    let code = files.mint("aggregate", Flaw::None, 7);
    let question = json!({ "text": code, "scene": "register", "terminal": "W-0001" });
    for _ in 0..2 {
        assert_eq!(
            explained(&program, &question)["verdict"]["outcome"],
            "decision"
        );
    }
    assert!(mocks.received().is_empty());
    let scan = super::json(&json!({ "code": code, "scene": "register", "terminal": "W-0001" }));
    assert_eq!(program.send(scan).status, 200);
    assert_eq!(mocks.received().len(), 1);
    assert_eq!(
        explained(&program, &question)["verdict"]["outcome"],
        "decision"
    );
}

#[test]
fn a_draft_is_tried_and_put_nowhere() {
    let (program, _mocks, files) = serve("info");
    let draft = "owner = \"draft\"\n[[route]]\nname = \"mine\"\nmatch = { kind = [\"goods\"], scene = [\"other\"] }\nrespond = true\n";
    let question = json!({ "text": EAN, "scene": "other", "draft": draft });
    let story = explained(&program, &question);
    assert_eq!(story["explanation"]["route"], "mine");
    let without = explained(&program, &json!({ "text": EAN, "scene": "other" }));
    assert_eq!(without["explanation"]["route"], "recognise-only");
    assert!(!files.path("routes.d/draft.toml").exists());

    let wrong = draft.replace("scene = [\"other\"]", "scene = [\"othr\"]");
    let story = explained(
        &program,
        &json!({ "text": EAN, "scene": "other", "draft": wrong }),
    );
    let finding = &story["findings"][0];
    assert_eq!(
        (&finding["severity"], &finding["line"]),
        (&"error".into(), &4.into())
    );
    assert_eq!(finding["column"], 38, "{finding}");
    assert!(
        finding["file"]
            .as_str()
            .unwrap()
            .ends_with("routes.d/draft.toml")
    );
    assert!(story["verdict"].is_null());

    let secret = "owner = \"x\"\n[contract.c]\naccount = \"payment\"\npath = \"/\"\nsecrets = { s = \"PLANTEDDRAFT\" }\nform = { a = \"${account}\" }\n";
    let story = explained(&program, &json!({ "text": EAN, "draft": secret }));
    assert!(!story.to_string().contains("PLANTEDDRAFT"), "{story}");

    let pay = json!({ "text": "134650328919428540", "scene": "payment", "draft_name": "payment", "draft": "owner = \"payment\"\n" });
    let story = explained(&program, &pay);
    assert_eq!(story["verdict"]["reason"], "no-route", "{story}");
    let outside = json!({ "text": EAN, "draft": draft, "draft_name": "../x" });
    assert_eq!(program.send_json("/admin/explain", &outside).status, 422);
}

#[test]
fn what_the_lab_is_asked_stays_between_it_and_who_asks() {
    let (mut program, _mocks, files) = serve("trace");
    let code = files.mint("aggregate", Flaw::Tampered, 3);
    let drafted = json!({ "text": "PLANTEDTEXT", "draft": "PLANTEDDRAFT = 1\n" });
    let questions = [
        json!({ "text": "PLANTEDTEXT", "scene": "PLANTEDSCENE", "terminal": "PLANTEDTERMINAL", "organisation": "PLANTEDORGANISATION", "region": "PLANTEDREGION" }),
        json!({ "text": "PLANTEDTEXT", "listener": "PLANTEDLISTENER" }),
        json!({ "text": "PLANTEDTEXT", "symbology": "PLANTEDSYMBOLOGY", "at": "PLANTEDAT" }),
        json!({ "text": code, "scene": "payment" }),
        drafted,
    ];
    for question in &questions {
        program.send_json("/admin/explain", question);
    }
    program.send_json("/admin/mint", &json!({ "family": "PLANTEDFAMILY" }));
    let picture = Symbol::of("PLANTEDPICTURE").unwrap().to_png(5).unwrap();
    let headers = program.as_operator() + "Content-Type: image/png\r\n";
    let read = program
        .ask("POST", "/admin/decode", &headers, picture)
        .json();
    assert_eq!(read["codes"][0]["text"], "PLANTEDPICTURE");
    assert!(read["us"].is_u64());
    let broken = program.ask("POST", "/admin/decode", &headers, "PLANTEDBYTES");
    assert_eq!(broken.status, 415);
    // Only so that something is traced.
    let scan = super::post("/v1/scan?scene=register&terminal=W-0001", "", HEALTH_CARD);
    assert_eq!(program.send(scan).status, 200);
    let mut told = String::new();
    for path in [
        "/metrics",
        "/admin/overview",
        "/admin/events/recent",
        "/admin/refusals",
        "/admin/config/history",
    ] {
        told += &program.get(path).whole();
    }
    program.signal("TERM");
    program.ended();
    program.wait_until_it_says("\"stopped\"");
    let log = program.said();
    for secret in code.split('.').skip(6).chain(["PLANTED"]) {
        assert!(
            !secret.is_empty() && !log.contains(secret),
            "{secret} in {log}"
        );
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[test]
fn codes_are_made_with_demonstration_keys_only() {
    let (program, _mocks, _files) = serve("info");
    let refused = program.send_json("/admin/mint", &json!({ "family": "aggregate" }));
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json()["type"], "urn:multicode:admin:no-demo-keys");
    drop(program);

    let files = Files::to_the_letter();
    let key = "keys   = [\n    { id = \"2026a\"";
    let demo = "keys   = [\n    { id = \"demo1\", algorithm = \"hmac-sha256\", secret = \"env:MULTICODE_FUJIAN_2026A\" },\n    { id = \"2026a\"";
    files.change("routes.toml", key, demo);
    let program = Program::serve(&files, "info");
    let mint = |order: &Value| program.send_json("/admin/mint", order);
    let minted = mint(&json!({ "family": "aggregate", "valid_for": "5m", "scene": "payment" }));
    assert_eq!(minted.status, 200, "{minted:?}");
    let minted = minted.json();
    assert!(minted["svg"].as_str().unwrap().starts_with("<svg"));
    let text = minted["text"].as_str().unwrap();
    let story = explained(&program, &json!({ "text": text, "scene": "payment" }));
    assert_eq!(story["explanation"]["trust"]["key"], "demo1");
    assert_eq!(story["verdict"]["outcome"], "decision");
    let expired = mint(&json!({ "family": "aggregate", "flaw": "expired" })).json();
    let story = explained(
        &program,
        &json!({ "text": expired["text"], "scene": "payment" }),
    );
    assert_eq!(story["verdict"]["reason"], "expired");
    for order in [
        json!({ "family": "nothing" }),
        json!({ "family": "aggregate", "flaw": "odd" }),
        json!({ "family": "aggregate", "scene": "nowhere" }),
        json!({ "family": "ean", "scene": "payment" }),
        json!({ "family": "aggregate", "valid_for": "9999d" }),
    ] {
        assert_eq!(mint(&order).status, 422, "{order}");
    }
}
