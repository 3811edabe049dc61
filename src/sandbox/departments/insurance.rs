//! The insurance front end, after the `ec.query` call of the national client library.

use axum::body::Bytes;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::person::Person;

/// Digits of a voucher's text.
const VOUCHER: usize = 28;

/// A refusal: code and message. The real codes are not published; 0 alone is known.
type Refusal = (i32, String);

pub(super) fn router() -> Router {
    Router::new()
        .route("/localcfc/api/hsecfc/localQrCodeQuery", post(query))
        .route("/fsi/api/hsecfc/localQrCodeQuery", post(query))
}

async fn query(body: Bytes) -> Json<Value> {
    let outcome = match serde_json::from_slice(&body) {
        Ok(request) => look_up(&request),
        Err(_) => Err((1001, "请求不是JSON".to_owned())),
    };
    Json(match outcome {
        Ok(data) => json!({ "code": 0, "message": "成功", "data": data }),
        Err((code, message)) => json!({ "code": code, "message": message, "data": null }),
    })
}

fn look_up(request: &Value) -> Result<Value, Refusal> {
    for pointer in [
        "/transType",
        "/orgId",
        "/data/businessType",
        "/data/ecQrCode",
    ] {
        if text(request, pointer).is_none() {
            return Err((1002, format!("缺少参数 {pointer}")));
        }
    }
    if text(request, "/transType") != Some("ec.query") {
        return Err((1003, "不支持的交易类型".to_owned()));
    }
    if text(request, "/data/businessType").is_none_or(|kind| !is_digits(kind, 5)) {
        return Err((1004, "用码业务类型有误".to_owned()));
    }
    let code = text(request, "/data/ecQrCode").unwrap_or_default();
    if !is_digits(code, VOUCHER) {
        return Err((1005, "不是医保电子凭证".to_owned()));
    }
    Ok(insured(code))
}

/// The answer's `ecQrCode` is masked: nobody needs it twice.
fn insured(code: &str) -> Value {
    let person = Person::behind(code);
    json!({
        "userName": person.masked_name(),
        "idNo": person.masked_id_number(),
        "idType": "01",
        "insuOrg": "350200",
        "ecIndexNo": person.token("ec-index", 32),
        "ecToken": person.token("ec-token", 32),
        "gender": person.gender_code(),
        "birthday": person.birthday(),
        "nationality": "156",
        "email": "",
        "chnlId": person.token("channel", 16),
        "ecQrCode": format!("{}****", code.get(..4).unwrap_or_default()),
        "authNo": person.token("authorisation", 32),
    })
}

fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A text that is there and not empty.
fn text<'a>(request: &'a Value, pointer: &str) -> Option<&'a str> {
    let text = request.pointer(pointer)?.as_str()?;
    (!text.is_empty()).then_some(text)
}
