//! The examples of platforms that are asked, checked and driven end to end.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::introspection::{multicode, saying};
use super::{Backend, Files, HEALTH_CARD, TestGateway};
use crate::source::root;

const VOUCHER: &str = "3500000000000000000000000001";

/// Puts an example in the place of the shipped file of its department.
fn put(files: &Files, example: &str) {
    let (department, _) = example.split_once('-').unwrap();
    let path = root().join("examples/introspection").join(example);
    let text = fs::read_to_string(path).unwrap();
    files.write(&format!("routes.d/{department}.toml"), &text);
}

fn examples() -> Vec<String> {
    let entries = fs::read_dir(root().join("examples/introspection")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "README.md").collect()
}

#[test]
fn every_example_checks() {
    for example in examples() {
        let files = Files::shipped();
        put(&files, &example);
        let out = multicode(&files, &["check"]);
        let told = String::from_utf8_lossy(&out.stdout).into_owned()
            + &String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{example}:\n{told}");
    }
}

/// Scans a code with the example in place and the hospital's system behind it; gives what that heard.
fn arrival(example: &str, code: &str, platform: Option<&Backend>) -> Value {
    let his = Backend::answering("HTTP/1.1 204 No Content\r\n\r\n");
    let gateway = TestGateway::with(|files| {
        put(files, example);
        let file = format!("routes.d/{}.toml", example.split_once('-').unwrap().0);
        files.change(&file, "127.0.0.1:18104", &his.address.to_string());
        if let Some(platform) = platform {
            let own = if file.contains("health") {
                "18101"
            } else {
                "18102"
            };
            let endpoint = format!("[\"http://127.0.0.1:{own}\"]");
            // The mock's address stays, where nobody reads it.
            let moved = format!("[\"http://{}\"] # 127.0.0.1:{own}", platform.address);
            files.change(&file, &endpoint, &moved);
        }
    });
    let scan = json!({ "code": code, "scene": "register", "terminal": "W-0001" });
    let answer = gateway.send(super::json(&scan));
    assert_eq!(answer.status, 204, "{example}: {answer:?}");
    let seen = his.seen();
    let (_, body) = seen[0].split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[test]
fn tencents_answer_names_the_card() {
    let arrived = arrival("health-tencent.toml", HEALTH_CARD, None);
    assert_eq!(arrived["holder"].as_str().unwrap().len(), 64);
}

#[test]
fn the_front_ends_answer_names_the_token() {
    let arrived = arrival("insurance-query.toml", VOUCHER, None);
    assert_eq!(arrived["holder"].as_str().unwrap().len(), 32);
}

/// The question and what arrived, with a platform that answers so.
fn asked(example: &str, code: &str, answer: &Value) -> (Value, Value) {
    let platform = saying(answer, Duration::ZERO);
    let arrived = arrival(example, code, Some(&platform));
    let seen = platform.seen();
    let (_, body) = seen[0].split_once("\r\n\r\n").unwrap();
    (serde_json::from_str(body).unwrap(), arrived)
}

#[test]
fn guangdongs_platform_says_only_whether() {
    let answer = json!({ "returnCode": "0" });
    let (question, arrived) = asked("health-guangdong.toml", HEALTH_CARD, &answer);
    assert_eq!(question["body"]["qrCode"], HEALTH_CARD);
    assert_eq!(question["body"]["medStepCode"], "010101");
    assert_eq!(arrived["holder"], Value::Null);
}

#[test]
fn shanghais_is_asked_in_its_own_shape() {
    let answer = json!({ "code": 0, "data": { "ecToken": "T1", "insuOrg": "310100" } });
    let (question, arrived) = asked("insurance-shanghai.toml", VOUCHER, &answer);
    assert_eq!(
        (&question["ecQrCode"], &question["businessType"]),
        (&json!(VOUCHER), &json!("01101"))
    );
    assert_eq!(arrived["holder"], "T1");
}
