use multicode::family::Kind;
use multicode::sandbox::departments::{Department, Received};
use multicode::sandbox::mint::Flaw;
use multicode::scan::{Cleaning, clean};
use serde_json::json;

use super::{Answer, TestGateway};

/// The accounts of an aggregated code by the department they are for, and its other secrets.
fn parts(code: &str) -> [&str; 3] {
    let fields: Vec<_> = code.split('.').collect();
    [fields[7], fields[8], fields[9]]
}

/// Everything a department can read of a request.
fn whole(received: &Received) -> String {
    format!("{received:?}")
}

#[track_caller]
fn check(scene: &str, department: Department, own: usize) {
    let gateway = TestGateway::start();
    let code = gateway.mint("aggregate");
    let request = json!({
        "code": code, "scene": scene, "terminal": "W-0001", "region": "350200",
        "out_trade_no": "T-1", "total_fee": 1250, "body": "registration",
    });
    let answer = gateway.client().exchange(super::json(&request));
    assert_eq!(answer.reason(), None, "{answer:?}");
    let (asked, received) = gateway.only_received();
    assert_eq!(asked, department);
    let seen = whole(&received);
    for (place, account) in parts(&code).into_iter().enumerate() {
        assert!(!account.is_empty());
        assert_eq!(seen.contains(account), place == own, "{seen}");
    }
    let signature = code.rsplit('.').next().unwrap();
    assert!(!seen.contains(&code) && !seen.contains(signature) && !seen.contains("MC1"));
}

#[test]
fn an_aggregated_code_shows_the_health_platform_its_own_account_only() {
    check("register", Department::Health, 0);
}

#[test]
fn an_aggregated_code_shows_the_insurance_its_own_account_only() {
    check("settlement", Department::Insurance, 1);
}

#[test]
fn an_aggregated_code_shows_the_payment_its_own_account_only() {
    check("payment", Department::Payment, 2);
}

#[track_caller]
fn check_refused(flaw: Flaw, reason: &str) -> Answer {
    let gateway = TestGateway::start();
    let code = gateway.mint_flawed("aggregate", flaw);
    let answer = gateway.scan(&code, "register");
    answer.assert_refused(401, reason);
    gateway.assert_nobody_was_asked();
    let told = answer.whole();
    for part in code.split('.').filter(|part| part.len() > 7) {
        assert!(!told.contains(part), "{part} in {told}");
    }
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Scan realm=\"multicode\"")
    );
    answer
}

#[test]
fn a_code_that_is_not_believed_reaches_nobody() {
    check_refused(Flaw::Expired, "expired");
    check_refused(Flaw::Tampered, "bad-signature");
    check_refused(Flaw::NotYetValid, "not-yet-valid");
}

#[test]
fn what_the_scanner_added_reaches_nobody() {
    let gateway = TestGateway::start();
    let code = gateway.mint("aggregate");
    let answer = gateway.scan(&format!("]Q1{code}\r\n"), "register");
    assert_eq!(answer.reason(), None);
    assert!(!whole(&gateway.only_received().1).contains("]Q1"));
    assert_eq!(clean("]Q1x", Cleaning::Scanner).text, "x");
    let series = "multicode_artefacts_cleaned_total{artefact=\"aim-identifier\"}";
    assert!((gateway.metric(series) - 1.0).abs() < f64::EPSILON);
}

#[test]
fn the_field_of_the_code_is_not_to_be_had_by_another_name() {
    let gateway = TestGateway::start();
    let code = gateway.mint("aggregate");
    // What a terminal puts into the fields a contract looks into is its own affair; the code is not.
    let request = json!({ "code": code, "scene": "payment", "out_trade_no": "T", "total_fee": 1, "terminal": "W-0001" });
    gateway.send(super::json(&request));
    let (department, received) = gateway.only_received();
    assert_eq!(department.kind(), Kind::Payment);
    assert_eq!(received.header("x-multicode-kind"), Some("aggregate"));
    assert_eq!(received.header("x-multicode-scene"), Some("payment"));
}
