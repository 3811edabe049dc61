use multicode::sandbox::departments::Department;
use multicode::sandbox::qr::Symbol;
use serde_json::{Value, json};

use super::{EAN, HEALTH_CARD, TestGateway, post};

/// Posts to the gateway's own path and expects the medicine to be recognised.
#[track_caller]
fn check(path: &str, headers: &str, body: impl AsRef<[u8]>) {
    let answer = TestGateway::start().send(post(path, headers, body));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["route"], "medicine");
}

fn as_json() -> String {
    json!({ "code": EAN, "scene": "pharmacy" }).to_string()
}

#[test]
fn a_scan_may_be_json() {
    check("/v1/scan", "Content-Type: application/json\r\n", as_json());
}

#[test]
fn a_scan_may_be_json_with_a_character_set() {
    check(
        "/v1/scan",
        "Content-Type: application/json;charset=UTF-8\r\n",
        as_json(),
    );
    check(
        "/v1/scan",
        "Content-Type: application/json; charset=\"gbk\"\r\n",
        as_json(),
    );
}

#[test]
fn a_scan_may_be_a_form() {
    check(
        "/v1/scan",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        format!("scene=%E5%8F%96%E8%8D%AF&code={EAN}"),
    );
}

#[test]
fn a_scan_may_be_text_with_its_scene_in_the_query() {
    check(
        "/v1/scan?scene=pharmacy",
        "Content-Type: text/plain\r\n",
        EAN,
    );
}

#[test]
fn a_scan_may_be_text_with_its_scene_in_a_header() {
    check(
        "/v1/scan",
        "Content-Type: text/plain; charset=utf-8\r\nX-Multicode-Scene: pharmacy\r\n",
        format!("\u{feff}{EAN}\r\n"),
    );
}

#[test]
fn without_a_media_type_the_first_bytes_decide() {
    check("/v1/scan", "", as_json());
    check("/v1/scan?scene=pharmacy", "", EAN);
}

#[test]
fn what_curl_sends_by_itself_is_read() {
    let curl = "Content-Type: application/x-www-form-urlencoded\r\n";
    check("/v1/scan", curl, as_json());
    check("/v1/scan?scene=pharmacy", curl, EAN);
}

#[test]
fn a_scan_may_be_a_picture_of_the_code() {
    let gateway = TestGateway::start();
    let code = gateway.mint("aggregate");
    let picture = Symbol::of(&code).unwrap().to_png(4).unwrap();
    let answer = gateway.send(post(
        "/v1/scan?scene=register&terminal=W-0001",
        "Content-Type: image/png\r\n",
        picture,
    ));
    assert_eq!(answer.status, 200, "{answer:?}");
    let (department, _) = gateway.only_received();
    assert_eq!(department, Department::Health);
}

#[test]
fn a_picture_without_a_code_is_unreadable() {
    let blank = Symbol::of("x").unwrap().to_png(1).unwrap();
    let cut = blank.get(..blank.len() / 2).unwrap();
    let gateway = TestGateway::start();
    let kind = "Content-Type: image/png\r\n";
    let answer = gateway.send(post("/v1/scan", kind, cut));
    answer.assert_refused(422, "unreadable-picture");
    let answer = gateway.send(post("/v1/scan", kind, "no picture at all"));
    answer.assert_refused(415, "unsupported-media-type");
}

#[test]
fn a_hospital_system_only_changes_the_host() {
    let gateway = TestGateway::start();
    let path = "/rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj/verifyQRCode";
    let request = json!({
        "commonIn": { "appToken": "t", "requestId": "r", "hospitalId": "H35020000001" },
        "req": { "qrCodeText": HEALTH_CARD, "medicalStep": "010101", "terminalId": "W-0001" },
    });
    // Terminals in the field get the media type wrong.
    let answer = gateway.send(post(
        path,
        "Content-Type: text/html\r\n",
        request.to_string(),
    ));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["commonOut"]["resultCode"], 0, "{answer:?}");
    let (department, received) = gateway.only_received();
    assert_eq!((department, &*received.path), (Department::Health, path));
    let body: Value = serde_json::from_str(&received.body).unwrap();
    assert_eq!(body["req"]["qrCodeText"], HEALTH_CARD);
    assert_eq!(body["req"]["medicalStep"], "010101");
    assert_eq!(body["commonIn"]["hospitalId"], "H35020000001");
}

#[test]
fn a_payment_counter_only_changes_the_host() {
    let gateway = TestGateway::start();
    let answer = gateway.send(post(
        "/api/aggregateBarPay",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "auth_code=280000000000000001&scene=pay&terminalNo=W-0002&out_trade_no=T1&total_fee=1250",
    ));
    assert_eq!(answer.status, 200, "{answer:?}");
    let (department, received) = gateway.only_received();
    assert_eq!(department, Department::Payment);
    assert!(received.body.contains("auth_code=280000000000000001"));
    assert!(received.body.contains("total_fee=1250"));
}

#[test]
fn an_insurance_front_end_only_changes_the_host() {
    let gateway = TestGateway::start();
    let request = json!({
        "transType": "ec.query", "orgId": "H35020000001",
        "data": { "ecQrCode": "3500000000000000000000000001", "businessType": "01301", "termId": "W-0001" },
    });
    let answer = gateway.send(post(
        "/localcfc/api/hsecfc/localQrCodeQuery",
        "Content-Type: application/json\r\n",
        request.to_string(),
    ));
    assert_eq!(answer.status, 200, "{answer:?}");
    let (department, _) = gateway.only_received();
    assert_eq!(department, Department::Insurance);
}

#[test]
fn another_method_is_refused_with_the_one_allowed() {
    let gateway = TestGateway::start();
    for (path, allowed) in [
        ("/v1/scan", "POST"),
        ("/api/aggregateBarPay", "POST"),
        ("/l/pay", "GET, HEAD"),
    ] {
        let answer = gateway.send(format!("PUT {path} HTTP/1.1\r\nHost: g\r\n\r\n"));
        answer.assert_refused(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some(allowed), "{path}");
    }
}

#[test]
fn only_post_scans() {
    let gateway = TestGateway::start();
    for method in ["GET", "OPTIONS", "DELETE", "PATCH", "BREW"] {
        let answer = gateway.send(format!("{method} /v1/scan HTTP/1.1\r\nHost: g\r\n\r\n"));
        answer.assert_refused(405, "method-not-allowed");
    }
    let mut client = gateway.client();
    client.write("HEAD /v1/scan HTTP/1.1\r\nHost: g\r\n\r\n");
    let answer = client.head();
    assert_eq!(answer.status, 405);
    assert_eq!(answer.reason(), Some("method-not-allowed"));
}

#[test]
fn an_unknown_path_is_not_found() {
    let gateway = TestGateway::start();
    for path in [
        "/",
        "/v1/scan/",
        "/V1/scan",
        "/v1/scan%20",
        "/l/nothing",
        "//v1/scan",
    ] {
        let answer = gateway.send(post(path, "", "x"));
        answer.assert_refused(404, "not-found");
    }
}

#[test]
fn an_unknown_media_type_is_refused() {
    let gateway = TestGateway::start();
    for kind in [
        "text/xml",
        "multipart/form-data; boundary=x",
        "nonsense",
        "application/json; charset=utf-16",
    ] {
        let answer = gateway.send(post(
            "/v1/scan",
            &format!("Content-Type: {kind}\r\n"),
            as_json(),
        ));
        answer.assert_refused(415, "unsupported-media-type");
    }
}

#[test]
fn what_cannot_be_read_is_malformed_and_what_holds_no_code_lacks_one() {
    let gateway = TestGateway::start();
    let as_json = "Content-Type: application/json\r\n";
    for body in [
        "{",
        "[]",
        "{\"code\":1}",
        "{\"code\":\"x\",\"code\":\"y\"}",
        "\"x\"",
        "{\"code\":\"\\ud800\"}",
    ] {
        let answer = gateway.send(post("/v1/scan", as_json, body));
        answer.assert_refused(400, "malformed-request");
    }
    let answer = gateway.send(post(
        "/v1/scan",
        "Content-Type: text/plain\r\n",
        b"\xff\xfe",
    ));
    answer.assert_refused(400, "malformed-request");
    for (kind, body) in [
        (as_json, "{}"),
        ("", ""),
        (
            "Content-Type: application/x-www-form-urlencoded\r\n",
            "scene=pay",
        ),
    ] {
        let answer = gateway.send(post("/v1/scan", kind, body));
        answer.assert_refused(400, "missing-code");
    }
}
