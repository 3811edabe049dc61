use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

const VERIFY: &str = "/rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj/verifyQRCode";
const QUERY: &str = "/localcfc/api/hsecfc/localQrCodeQuery";
const ID: &str = "AB12CD34EF56AB12CD34EF56AB12CD34EF56AB12CD34EF56AB12CD34EF56AB12";
const SHORT_ID: &str = "AB12CD34EF56AB12CD34EF56AB12CD34";
const HEALTH: &str = "AB12CD34EF56AB12CD34EF56AB12CD34EF56AB12CD34EF56AB12CD34EF56AB12:0";
const VOUCHER: &str = "3502000000000000000000000042";
const WECHAT: &str = "134650328919428540";

/// Runs a conversation with departments on free ports.
fn run<F: Future>(options: &Options, talk: impl FnOnce(Running) -> F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(async { talk(Departments::start(options).await.unwrap()).await })
}

/// Posts over a real socket; everything the department sends until it closes.
async fn post(address: SocketAddr, path: &str, kind: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: mock\r\nconnection: close\r\ncontent-type: {kind}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A department that breaks off may reset the connection; what arrived before counts.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn post_json(address: SocketAddr, path: &str, body: &Value) -> Value {
    let answer = post(address, path, "application/json", &body.to_string()).await;
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn verify_request(code: &str) -> Value {
    json!({
        "commonIn": { "requestId": "r1", "hospitalId": "H1", "channelNum": 0, "appToken": "t" },
        "req": { "qrCodeText": code, "terminalId": "W-1", "medicalStep": "010101" },
    })
}

fn query_request(code: &str) -> Value {
    json!({
        "data": { "businessType": "01101", "ecQrCode": code, "operatorId": "o" },
        "orgId": "35020319001",
        "transType": "ec.query",
    })
}

#[track_caller]
fn check(department: Department, path: &str, request: &Value, pointer: &str, expected: &Value) {
    let answer = run(&Options::default(), |running| async move {
        post_json(running.address(department), path, request).await
    });
    assert_eq!(answer.pointer(pointer), Some(expected), "{answer}");
}

#[test]
fn the_health_platform_knows_health_codes_and_no_others() {
    let check = |request: &Value, code: u32| {
        check(
            Department::Health,
            VERIFY,
            request,
            "/commonOut/resultCode",
            &json!(code),
        );
    };
    check(&verify_request(HEALTH), 0);
    check(&verify_request(ID), 0);
    check(&verify_request(SHORT_ID), 0);
    check(&verify_request(&"0".repeat(64)), 3002);
    check(&verify_request(&"F".repeat(64)), 3004);
    check(&verify_request(VOUCHER), 3001);
    check(&verify_request(WECHAT), 3001);
    check(&verify_request(&format!("{HEALTH}|{VOUCHER}")), 3001);
    check(&verify_request(""), 1001);
    check(&json!({}), 1001);
    check(&json!([]), 1001);
}

#[test]
fn the_insurance_front_end_knows_vouchers_and_no_others() {
    let check = |request: &Value, code: i32| {
        check(Department::Insurance, QUERY, request, "/code", &json!(code));
    };
    check(&query_request(VOUCHER), 0);
    check(&query_request(HEALTH), 1005);
    check(&query_request(WECHAT), 1005);
    check(&json!({ "transType": "ec.query" }), 1002);
    let mut request = query_request(VOUCHER);
    request["transType"] = json!("hos.upload.fee");
    check(&request, 1003);
    let mut request = query_request(VOUCHER);
    request["data"]["businessType"] = json!("010101");
    check(&request, 1004);
}

#[test]
fn the_aggregator_charges_every_wallet_under_every_field_name() {
    let check = |request: &Value, code: u32| {
        check(
            Department::Payment,
            "/pay/unified",
            request,
            "/code",
            &json!(code),
        );
    };
    check(
        &json!({ "auth_code": WECHAT, "out_trade_no": "1", "total_amount": "0.01" }),
        0,
    );
    check(
        &json!({ "authCode": "28763443825664394", "bizOrderNo": "1", "amount": 1 }),
        0,
    );
    check(
        &json!({ "qrNo": "6221000000000000001", "out_trade_no": "1", "txnAmt": 1 }),
        0,
    );
    check(
        &json!({ "auth_code": VOUCHER, "out_trade_no": "1", "amount": 1 }),
        6001,
    );
    check(&json!({ "auth_code": WECHAT, "amount": 1 }), 12);
    check(&json!("text"), 11);
}

#[test]
fn the_aggregator_reads_forms_too() {
    let answer = run(&Options::default(), |running| async move {
        let form = format!("auth_code={WECHAT}&out_trade_no=A%2F1&total_amount=1");
        let kind = "application/x-www-form-urlencoded";
        post(
            running.address(Department::Payment),
            "/pay/unified",
            kind,
            &form,
        )
        .await
    });
    assert!(answer.contains("\"mchOrderNo\":\"A/1\""), "{answer}");
    assert!(answer.contains("WECHAT_MICROPAY"), "{answer}");
}

#[test]
fn micropay_takes_wechat_codes_in_xml() {
    let ask = |body: String| {
        run(&Options::default(), |running| async move {
            let address = running.address(Department::Payment);
            post(address, "/pay/micropay", "text/xml", &body).await
        })
    };
    let request = |code: &str| {
        format!(
            "<xml><auth_code>{code}</auth_code><out_trade_no><![CDATA[1]]></out_trade_no>\
             <total_fee>1</total_fee></xml>"
        )
    };
    let paid = ask(request(WECHAT));
    assert!(paid.contains("<result_code><![CDATA[SUCCESS]]>"), "{paid}");
    assert!(paid.contains("<transaction_id>"), "{paid}");
    assert!(!paid.contains(WECHAT), "{paid}");
    let refused = ask(request("28763443825664394"));
    assert!(refused.contains("AUTH_CODE_INVALID"), "{refused}");
    let incomplete = ask("<xml><auth_code>1</auth_code></xml>".to_owned());
    assert!(
        incomplete.contains("<return_code><![CDATA[FAIL]]>"),
        "{incomplete}"
    );
    assert!(ask("{}".to_owned()).contains("XML_FORMAT_ERROR"));
}

#[test]
fn no_answer_holds_the_account() {
    run(&Options::default(), |running| async move {
        let health = running.address(Department::Health);
        let answer = post_json(health, VERIFY, &verify_request(HEALTH))
            .await
            .to_string();
        assert!(!answer.contains(ID), "{answer}");
        let insurance = running.address(Department::Insurance);
        let answer = post_json(insurance, QUERY, &query_request(VOUCHER))
            .await
            .to_string();
        assert!(!answer.contains(VOUCHER), "{answer}");
        let answer_again = post_json(insurance, QUERY, &query_request(VOUCHER)).await;
        assert_eq!(answer, answer_again.to_string(), "one account, one person");
    });
}

#[test]
fn what_was_received_can_be_looked_at() {
    run(&Options::default(), |running| async move {
        let address = running.address(Department::Insurance);
        post_json(address, QUERY, &query_request(VOUCHER)).await;
        post(address, "/nowhere?q=1", "text/plain", "x").await;
        let log = running.received(Department::Insurance);
        assert_eq!(log.len(), 2);
        assert_eq!(
            (log[0].method.as_str(), log[0].path.as_str()),
            ("POST", QUERY)
        );
        assert_eq!(log[0].header("content-type"), Some("application/json"));
        assert!(log[0].body.contains(VOUCHER));
        assert!(running.received(Department::Health).is_empty());
        let shown = post_json(address, "/_mock/received", &Value::Null).await;
        assert_eq!(shown["total"], 2);
        assert_eq!(shown["received"][1]["path"], "/nowhere?q=1");
        running.forget();
        assert!(running.received(Department::Insurance).is_empty());
        let health = post_json(address, "/_mock/health", &Value::Null).await;
        assert_eq!(health["department"], "insurance");
    });
}

/// What arrives within a while when a department always fails in one way; none if it hangs.
fn failing(fault: Fault) -> Option<String> {
    let behaviour = Behaviour {
        fault_rate: 1.0,
        fault,
        ..Behaviour::default()
    };
    run(&Options::default(), |running| async move {
        running.behave(Department::Health, behaviour);
        let request = verify_request(HEALTH).to_string();
        let address = running.address(Department::Health);
        let answer = post(address, VERIFY, "application/json", &request);
        tokio::time::timeout(Duration::from_millis(300), answer)
            .await
            .ok()
    })
}

#[test]
fn a_department_can_fail_in_four_ways() {
    assert_eq!(failing(Fault::Close).as_deref(), Some(""));
    assert_eq!(failing(Fault::Hang), None);
    let status = failing(Fault::Status).unwrap();
    assert!(status.starts_with("HTTP/1.1 500 "), "{status}");
    let half = failing(Fault::Half).unwrap();
    let (head, body) = half.split_once("\r\n\r\n").unwrap();
    let announced = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let announced: usize = announced.unwrap().parse().unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{half}");
    assert_eq!(body.len(), announced / 2);
}

#[test]
fn an_answer_takes_its_time() {
    let behaviour = Behaviour {
        latency: Duration::from_millis(60),
        ..Behaviour::default()
    };
    let options = Options {
        behaviour,
        ..Options::default()
    };
    run(&options, |running| async move {
        let began = Instant::now();
        let address = running.address(Department::Health);
        post_json(address, VERIFY, &verify_request(HEALTH)).await;
        assert!(began.elapsed() >= Duration::from_millis(60));
    });
}

#[test]
fn a_department_without_a_socket_says_which_and_where() {
    run(&Options::default(), |running| async move {
        let options = Options {
            payment: running.address(Department::Payment),
            ..Options::default()
        };
        let error = Departments::start(&options).await.unwrap_err();
        let expected = format!(
            "the payment department cannot listen on {}",
            options.payment
        );
        assert_eq!(error.to_string(), expected);
    });
}
