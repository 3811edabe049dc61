//! An aggregator's bar-code payment: JSON or form, under the field names aggregators use.

use axum::body::Bytes;
use axum::routing::post;
use axum::{Json, Router};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};

use super::person::Person;
use super::wallet::Wallet;

/// Each field with the names it goes by.
const CODE: [&str; 3] = ["auth_code", "authCode", "qrNo"];
const ORDER: [&str; 3] = ["out_trade_no", "bizOrderNo", "mchOrderNo"];
const AMOUNT: [&str; 4] = ["total_amount", "total_fee", "amount", "txnAmt"];

/// A refusal: code and message.
type Refusal = (u32, String);

pub(super) fn router() -> Router {
    Router::new().route("/pay/unified", post(pay))
}

async fn pay(headers: HeaderMap, body: Bytes) -> Json<Value> {
    let outcome = read(&headers, &body).and_then(|fields| charge(&fields));
    Json(match outcome {
        Ok(data) => json!({ "code": 0, "msg": "SUCCESS", "data": data }),
        Err((code, message)) => json!({ "code": code, "msg": message, "data": null }),
    })
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default();
    let read = if kind.starts_with("application/x-www-form-urlencoded") {
        form(body)
    } else {
        serde_json::from_slice(body).ok()
    };
    read.ok_or_else(|| (11, "请求格式有误".to_owned()))
}

fn form(body: &[u8]) -> Option<Map<String, Value>> {
    let uri = format!("/?{}", std::str::from_utf8(body).ok()?);
    let uri = uri.parse().ok()?;
    let fields = axum::extract::Query::<Map<String, Value>>::try_from_uri(&uri);
    fields.ok().map(|fields| fields.0)
}

fn charge(fields: &Map<String, Value>) -> Result<Value, Refusal> {
    let code = field(fields, &CODE)?;
    let order = field(fields, &ORDER)?;
    let amount = field(fields, &AMOUNT)?;
    let wallet = Wallet::of(&code).ok_or_else(|| (6001, "付款码无效".to_owned()))?;
    let payer = Person::behind(&code);
    Ok(json!({
        "orderNo": payer.number(&order, 28),
        "mchOrderNo": order,
        "amount": amount,
        "channel": wallet.channel(),
        "state": "success",
        "payer": payer.masked_name(),
    }))
}

/// A field under any of its names, as text.
fn field(fields: &Map<String, Value>, names: &[&str]) -> Result<String, Refusal> {
    let found = names.iter().find_map(|name| match fields.get(*name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    found.ok_or_else(|| (12, format!("缺少参数 {}", names.join("/"))))
}
