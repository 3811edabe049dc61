//! WeChat Pay v2 `micropay`: XML in, XML out, `auth_code` as the payer's account.
//!
//! The request's `sign` is not checked: a mock has no merchant's key. `time_end` is absent, since a
//! mock has no clock either.

use axum::Router;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::CONTENT_TYPE;

use super::person::Person;
use super::wallet::Wallet;
use super::xml;

/// The fields without which nothing can be charged.
const REQUIRED: [&str; 3] = ["auth_code", "out_trade_no", "total_fee"];

type Fields = Vec<(String, String)>;

pub(super) fn router() -> Router {
    Router::new().route("/pay/micropay", post(micropay))
}

async fn micropay(body: Bytes) -> Response {
    let answer = std::str::from_utf8(&body).ok().and_then(xml::read);
    let answer = answer.map_or_else(|| fail("XML_FORMAT_ERROR"), |fields| charge(&fields));
    ([(CONTENT_TYPE, "text/xml; charset=utf-8")], answer).into_response()
}

fn charge(fields: &Fields) -> String {
    for name in REQUIRED {
        if field(fields, name).is_empty() {
            return fail(&format!("缺少参数 {name}"));
        }
    }
    let (code, fee) = (field(fields, "auth_code"), field(fields, "total_fee"));
    if !fee.bytes().all(|byte| byte.is_ascii_digit()) {
        return refuse(fields, "PARAM_ERROR", "total_fee 以分为单位");
    }
    match Wallet::of(code) {
        Some(Wallet::WeChat) => pay(fields, &Person::behind(code)),
        _ => refuse(fields, "AUTH_CODE_INVALID", "请扫描微信支付付款码"),
    }
}

fn pay(fields: &Fields, payer: &Person) -> String {
    let order = field(fields, "out_trade_no");
    xml::write(&[
        ("return_code", "SUCCESS"),
        ("return_msg", "OK"),
        ("appid", field(fields, "appid")),
        ("mch_id", field(fields, "mch_id")),
        ("result_code", "SUCCESS"),
        ("openid", &format!("o{}", payer.token("openid", 27))),
        ("is_subscribe", "N"),
        ("trade_type", "MICROPAY"),
        ("bank_type", "OTHERS"),
        ("total_fee", field(fields, "total_fee")),
        ("cash_fee", field(fields, "total_fee")),
        ("transaction_id", &payer.number(order, 28)),
        ("out_trade_no", order),
    ])
}

/// The business refusal: the call worked, the charge did not.
fn refuse(fields: &Fields, code: &str, description: &str) -> String {
    xml::write(&[
        ("return_code", "SUCCESS"),
        ("return_msg", "OK"),
        ("appid", field(fields, "appid")),
        ("mch_id", field(fields, "mch_id")),
        ("result_code", "FAIL"),
        ("err_code", code),
        ("err_code_des", description),
    ])
}

/// The call itself failed.
fn fail(message: &str) -> String {
    xml::write(&[("return_code", "FAIL"), ("return_msg", message)])
}

fn field<'a>(fields: &'a Fields, name: &str) -> &'a str {
    let found = fields.iter().find(|(known, _)| known == name);
    found.map_or("", |(_, value)| value)
}
