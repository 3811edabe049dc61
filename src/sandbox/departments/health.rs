//! The health-card platform, after the Tencent open platform's `ISVOpenObj` calls.
//!
//! Result codes are those of QWB 002-2017 as far as they fit. Two accounts have fates of their own:
//! an id of zeros has no card (3002), an id of `F`s is past its validity (3004).

use axum::body::Bytes;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::person::Person;

const BASE: &str = "/rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj";

/// A refusal: result code and message.
type Refusal = (u32, String);

pub(super) fn router() -> Router {
    let verify = format!("{BASE}/verifyQRCode");
    Router::new().route(&verify, post(verify_qr_code))
}

async fn verify_qr_code(body: Bytes) -> Json<Value> {
    let request: Value = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(_) => return answer("", Err((1001, "请求不是JSON".to_owned()))),
    };
    let request_id = text(&request, "/commonIn/requestId").unwrap_or_default();
    answer(request_id, verify(&request))
}

fn verify(request: &Value) -> Result<Value, Refusal> {
    for pointer in [
        "/commonIn/requestId",
        "/commonIn/hospitalId",
        "/req/qrCodeText",
    ] {
        if text(request, pointer).is_none() {
            return Err((1001, format!("缺少参数 {pointer}")));
        }
    }
    if let Some(step) = text(request, "/req/medicalStep")
        && !is_step(step)
    {
        return Err((1002, "诊疗环节代码有误".to_owned()));
    }
    let code = text(request, "/req/qrCodeText").unwrap_or_default();
    let id = card_id(code).ok_or_else(|| (3001, "二维码有误".to_owned()))?;
    match id.as_bytes() {
        id if id.iter().all(|byte| *byte == b'0') => Err((3002, "无此卡".to_owned())),
        id if id.iter().all(|byte| *byte == b'F') => Err((3004, "有效时间已过期".to_owned())),
        _ => Ok(holder(&Person::behind(id))),
    }
}

/// The id of `id[:type[:validity[:issuer[:paytoken]]]]`, if the text is one.
fn card_id(code: &str) -> Option<&str> {
    let mut fields = code.split(':');
    let id = fields.next()?;
    let known_type = fields.next().is_none_or(|kind| matches!(kind, "0" | "1"));
    let known_id = matches!(id.len(), 32 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    (known_type && known_id).then_some(id)
}

fn holder(person: &Person) -> Value {
    json!({
        "name": person.name(),
        "gender": person.gender(),
        "nation": "汉族",
        "birthday": person.birthday(),
        "phone": person.masked_phone(),
        "address": "",
        "idType": "01",
        "idNumber": person.masked_id_number(),
        "healthCardId": person.token("health-card", 64),
        "phid": person.number("phid", 18),
    })
}

fn answer(request_id: &str, outcome: Result<Value, Refusal>) -> Json<Value> {
    let (code, message, rsp) = match outcome {
        Ok(rsp) => (0, "成功".to_owned(), rsp),
        Err((code, message)) => (code, message, Value::Null),
    };
    let common = json!({ "requestId": request_id, "resultCode": code, "errMsg": message });
    Json(json!({ "commonOut": common, "rsp": rsp }))
}

/// Six digits, or seven for a part of a step.
fn is_step(step: &str) -> bool {
    matches!(step.len(), 6 | 7) && step.bytes().all(|byte| byte.is_ascii_digit())
}

/// A text that is there and not empty.
fn text<'a>(request: &'a Value, pointer: &str) -> Option<&'a str> {
    let text = request.pointer(pointer)?.as_str()?;
    (!text.is_empty()).then_some(text)
}
