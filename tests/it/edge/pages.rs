use multicode::family::Region;
use multicode::random::Random;
use multicode::sandbox::mint::{Order, mint};
use serde_json::json;

use super::{Answer, EAN, TestGateway};

fn open(gateway: &TestGateway, method: &str, user_agent: &str) -> Answer {
    let mut client = gateway.client();
    client.write(format!(
        "{method} /l/pay?x=1 HTTP/1.1\r\nHost: g\r\nUser-Agent: {user_agent}\r\n\r\n"
    ));
    client.head()
}

#[test]
fn each_application_is_led_to_its_own_page() {
    let gateway = TestGateway::start();
    for (user_agent, page) in [
        (
            "Mozilla/5.0 (iPhone) MicroMessenger/8.0.42 NetType/WIFI",
            "wechat",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14) AliApp(AP/10.5.0) AlipayClient/10.5.0",
            "alipay",
        ),
        (
            "Mozilla/5.0 (iPhone) com.unionpay.chsp UnionPay/1.0 CloudPay",
            "unionpay",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0", "choose"),
        ("", "choose"),
    ] {
        for method in ["GET", "HEAD"] {
            let answer = open(&gateway, method, user_agent);
            let expected = format!("https://pay.example.gov.cn/{page}");
            assert_eq!(
                (answer.status, answer.header("location")),
                (302, Some(&*expected))
            );
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
}

#[test]
fn a_redirect_leads_to_its_own_host_with_what_it_fills_in() {
    let gateway = TestGateway::start();
    let site = gateway.started.sites.load();
    let family = site
        .gateway
        .families()
        .iter()
        .find(|family| &*family.id == "aggregate")
        .unwrap();
    let order = Order {
        region: Region::parse("350100"),
        ..Order::default()
    };
    let code = mint(
        family,
        &site.keys.load(),
        &order,
        &mut Random::seeded(9),
        multicode::app::now(),
    )
    .unwrap();
    let scan = json!({ "code": code, "scene": "settlement", "terminal": "H-0001" });
    let answer = gateway.send(super::json(&scan));
    let location = "https://h5.example.gov.cn/away?scene=settlement&region=330100";
    assert_eq!(
        (answer.status, answer.header("location")),
        (302, Some(location))
    );
    gateway.assert_nobody_was_asked();
}

#[test]
fn what_is_filled_into_a_redirect_cannot_leave_its_place() {
    let gateway = TestGateway::with(|files| {
        files.write(
            "routes.d/edge.toml",
            r#"
owner = "edge"
[[route]]
name     = "away"
match    = { kind = ["goods"], scene = ["pharmacy"], family = ["ean"] }
redirect = { status = 307, location = "https://h5.example.gov.cn/${body:/where?}/x?t=${terminal?}" }
"#,
        );
    });
    let scan = json!({
        "code": EAN, "scene": "pharmacy",
        "terminal": "a&b=c#d\r\nSet-Cookie: x", "where": "../@evil.example/?中",
    });
    let answer = gateway.send(super::json(&scan));
    assert_eq!(answer.status, 307, "{answer:?}");
    let location = answer.header("location").unwrap();
    let path = "https://h5.example.gov.cn/..%2F%40evil.example%2F%3F%E4%B8%AD/x";
    assert_eq!(
        location,
        format!("{path}?t=a%26b%3Dc%23d%0D%0ASet-Cookie%3A%20x")
    );
    assert_eq!(answer.header("set-cookie"), None);
}

#[test]
fn a_route_that_answers_itself_tells_the_decision_and_nothing_of_the_code() {
    let gateway = TestGateway::start();
    let code = gateway.mint("aggregate");
    let answer = gateway.scan(&code, "other");
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    let expected = json!({
        "outcome": "decision", "family": "aggregate", "kind": "aggregate", "issuer": "fujian",
        "freshness": "dynamic", "assurance": "signature", "scene": "other", "relation": "unknown",
        "route": "recognise-only",
    });
    assert_eq!(answer.json(), expected);
    gateway.assert_nobody_was_asked();
}
