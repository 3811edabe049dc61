use multicode::family::Kind;
use multicode::gateway::Door;
use multicode::policy::Strangers;
use multicode::reason::Reason;
use multicode::route::Action;

use super::{Aggregate, gateway, gateway_of};
use crate::shipped::{self, Ask, GATEWAY, changed, door};

const WECHAT: &str = "160000000000000001";
const ALIPAY: &str = "280000000000000001";
const VOUCHER: &str = "3500000000000000000000000001";
const IDENTITY: &str = "11010519491231002X";
const STATIC_CARD: &str = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF:1";
const DYNAMIC_CARD: &str = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF:0:00112233445566778899AABBCCDDEEFF";
const GOODS: &str = "6901234567892";

/// The route's name, or the refusal's slug behind an exclamation mark.
fn told(ask: Ask<'_>) -> String {
    let outcome = ask.outcome(&GATEWAY, &door());
    outcome.unwrap_or_else(|reason| format!("!{reason}"))
}

/// Every step of QWB 002-2017 and every type of the insurance voucher the notes list.
#[test]
fn every_published_word_for_a_scene_is_understood() {
    let table: [(&str, &[&str]); 10] = [
        (
            "register",
            &[
                "010101", "0101011", "0101012", "0101013", "0101014", "01101", "03131", "挂号",
            ],
        ),
        (
            "consult",
            &["010102", "010106", "0101021", "01201", "就诊", "开方"],
        ),
        ("examine", &["010104", "01202", "01203", "01204", "检查"]),
        (
            "report",
            &[
                "010108",
                "0101081",
                "0101082",
                "0101083",
                "01303",
                "01304",
                "01305",
                "取报告",
            ],
        ),
        (
            "inpatient",
            &["010107", "010109", "01102", "01103", "手术", "住院"],
        ),
        ("pharmacy", &["010103", "01302", "取药"]),
        (
            "settlement",
            &[
                "010105", "0101051", "0101052", "0101053", "0101054", "01301", "03132", "结算",
                "收费",
            ],
        ),
        ("payment", &["01104", "pay", "支付"]),
        ("drugstore", &["02121", "02122", "药店购药"]),
        ("other", &["000000", "010115", "其他"]),
    ];
    assert_eq!(table.len(), GATEWAY.scenes().iter().len());
    for (name, aliases) in table {
        for alias in aliases.iter().chain([&name]) {
            let scene = GATEWAY.scenes().find(alias).map(|scene| &*scene.name);
            assert_eq!(scene, Some(name), "{alias}");
        }
    }
    for no_alias in ["", "01010", "01010111", "PAY", " pay", "挂"] {
        let outcome = told(Ask::new(WECHAT).scene(no_alias));
        assert_eq!(outcome, "!unknown-scene", "{no_alias}");
    }
}

#[test]
fn each_kind_is_taken_where_it_belongs_and_nowhere_else() {
    let table = [
        (STATIC_CARD, "register", "register-health-card"),
        (STATIC_CARD, "inpatient", "visit-health"),
        (STATIC_CARD, "consult", "!dynamic-required"),
        (STATIC_CARD, "report", "!dynamic-required"),
        (DYNAMIC_CARD, "register", "register-health-card"),
        (DYNAMIC_CARD, "consult", "visit-health"),
        (DYNAMIC_CARD, "examine", "visit-health"),
        (DYNAMIC_CARD, "settlement", "!kind-not-accepted"),
        (DYNAMIC_CARD, "payment", "!kind-not-accepted"),
        (VOUCHER, "register", "insurance-voucher"),
        (VOUCHER, "settlement", "insurance-voucher"),
        (VOUCHER, "drugstore", "insurance-voucher"),
        (VOUCHER, "payment", "!kind-not-accepted"),
        (WECHAT, "settlement", "pay-wechat"),
        (WECHAT, "payment", "pay-wechat"),
        (WECHAT, "register", "!kind-not-accepted"),
        (WECHAT, "consult", "!kind-not-accepted"),
        (ALIPAY, "payment", "pay"),
        (ALIPAY, "drugstore", "pay"),
        (IDENTITY, "register", "register-identity"),
        (IDENTITY, "payment", "!kind-not-accepted"),
        (IDENTITY, "settlement", "!kind-not-accepted"),
        (GOODS, "pharmacy", "medicine"),
        (GOODS, "drugstore", "medicine"),
        (GOODS, "register", "!kind-not-accepted"),
        (GOODS, "other", "recognise-only"),
        (IDENTITY, "other", "recognise-only"),
        (WECHAT, "other", "recognise-only"),
    ];
    for (code, scene, expected) in table {
        assert_eq!(
            told(Ask::new(code).scene(scene)),
            expected,
            "{scene}: {code}"
        );
    }
}

#[test]
fn a_merchants_code_is_refused_in_every_scene() {
    let merchants = [
        "wxp://f2f0aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
        "weixin://wxpay/bizpayurl?pr=AbCdEf1",
        "https://qr.alipay.com/fkx00000abcdefgh",
        "https://qr.95516.com/00010000/62000000000000000000000000000000",
    ];
    for scene in GATEWAY.scenes().iter() {
        for code in merchants {
            assert_eq!(
                told(Ask::new(code).scene(&scene.name)),
                "!merchant-code",
                "{code}"
            );
        }
    }
}

/// An identity number that begins like a WeChat code has a date and a check digit; a payment code
/// has neither, so the number is not forwarded as one.
#[test]
fn an_identity_number_of_digits_alone_does_not_pay_either() {
    let number = "110105199003078510";
    let gateway = &GATEWAY;
    for scene in ["payment", "settlement"] {
        let outcome = Ask::new(number).scene(scene).outcome(gateway, &door());
        assert_eq!(outcome, Err(Reason::KindNotAccepted));
    }
    Ask::new(number)
        .scene("payment")
        .explained(gateway, &door(), |story| {
            assert_eq!(
                (story.family, story.rival),
                (Some("resident-id"), Some("wechat-pay"))
            );
        });
    let outcome = Ask::new("110105199003078511")
        .scene("payment")
        .outcome(gateway, &door());
    assert_eq!(outcome.as_deref(), Ok("pay-wechat"));
}

/// Each backend is shown the account of its own kind and no other.
#[test]
fn an_aggregated_code_goes_where_the_scene_says_with_that_departments_account() {
    let gateway = gateway();
    let code = Aggregate::default().signed();
    let table = [
        ("register", "register-aggregate", Some(Kind::HealthCard)),
        ("consult", "visit-health", Some(Kind::HealthCard)),
        ("examine", "visit-health", Some(Kind::HealthCard)),
        ("report", "visit-health", Some(Kind::HealthCard)),
        ("inpatient", "visit-health", Some(Kind::HealthCard)),
        ("pharmacy", "visit-health", Some(Kind::HealthCard)),
        (
            "settlement",
            "settle-aggregate",
            Some(Kind::InsuranceVoucher),
        ),
        (
            "drugstore",
            "settle-aggregate",
            Some(Kind::InsuranceVoucher),
        ),
        ("payment", "pay-aggregate", Some(Kind::Payment)),
        ("other", "recognise-only", None),
    ];
    assert_eq!(table.len(), gateway.scenes().iter().len());
    for (scene, route, account) in table {
        let outcome = Ask::new(&code).scene(scene).outcome(&gateway, &door());
        assert_eq!(outcome.as_deref(), Ok(route), "{scene}");
        let route = gateway
            .routes()
            .iter()
            .find(|it| &*it.name == route)
            .unwrap();
        let shown = match &route.action {
            Action::Forward(forward) => {
                assert!(!forward.contract.shows_code(), "{scene}");
                forward.contract.account()
            }
            _ => None,
        };
        assert_eq!(shown, account, "{scene}");
    }
}

/// Xiamen is W-0001, Fuzhou F-0001, Hangzhou H-0001.
#[test]
fn a_code_settles_by_where_it_is_from_and_where_it_is_scanned() {
    let gateway = gateway();
    let (here, away, elsewhere) = (
        "settle-aggregate",
        "settle-aggregate-away",
        "settle-aggregate-elsewhere",
    );
    let table = [
        ("350200", "W-0001", here, "same-city"),
        ("350203", "W-0001", here, "same-city"),
        ("350100", "W-0001", away, "same-province"),
        ("330100", "W-0001", elsewhere, "elsewhere"),
        ("350100", "F-0001", here, "same-city"),
        ("350200", "F-0001", away, "same-province"),
        ("330100", "H-0001", here, "same-city"),
        ("350100", "H-0001", elsewhere, "elsewhere"),
        ("350100", "nobody", here, "unknown"),
    ];
    for (region, terminal, route, relation) in table {
        let code = Aggregate {
            region,
            ..Aggregate::default()
        };
        let code = code.signed();
        let ask = Ask::new(&code).scene("settlement").terminal(terminal);
        ask.explained(&gateway, &door(), |story| {
            let found = (story.route, story.relation);
            assert_eq!(
                found,
                (Some(route), Some(relation)),
                "{region} at {terminal}"
            );
        });
    }
    let code = Aggregate {
        region: "350100",
        ..Aggregate::default()
    };
    let code = code.signed();
    // A stranger's own word counts on a door that admits strangers.
    let stranger = Ask::new(&code)
        .scene("settlement")
        .terminal("new")
        .region("3502");
    assert_eq!(stranger.outcome(&gateway, &door()).as_deref(), Ok(away));
}

#[test]
fn the_registry_has_the_last_word_about_a_terminal() {
    let ask = Ask::new(WECHAT).scene("pay").terminal("W-0001");
    let ok = Ok("pay-wechat");
    let conflict = Err(Reason::TerminalConflict);
    let registered = Door {
        strangers: Strangers::Refuse,
        ..door()
    };
    let table = [
        (ask, ok, ok),
        (ask.organisation("H35020000001"), ok, ok),
        (ask.region("350200"), ok, ok),
        (ask.region("3502"), ok, ok),
        (ask.organisation("H35010000001"), conflict, conflict),
        (ask.region("350100"), conflict, conflict),
        (ask.region("厦门"), conflict, conflict),
        (ask.terminal("nobody"), ok, Err(Reason::TerminalUnknown)),
        (ask.terminal("w-0001"), ok, Err(Reason::TerminalUnknown)),
        (
            Ask::new(WECHAT).scene("pay"),
            ok,
            Err(Reason::TerminalUnknown),
        ),
    ];
    for (ask, anybody, registered_only) in table {
        assert_eq!(
            ask.outcome(&GATEWAY, &door()).as_deref(),
            anybody.as_deref()
        );
        let outcome = ask.outcome(&GATEWAY, &registered);
        assert_eq!(outcome.as_deref(), registered_only.as_deref());
    }
}

#[test]
fn a_door_without_a_default_asks_for_the_scene() {
    let ask = Ask::new(WECHAT);
    let silent = Door {
        default_scene: None,
        ..door()
    };
    let narrow = Door {
        scenes: ["register".into()].into(),
        ..door()
    };
    assert_eq!(ask.outcome(&GATEWAY, &silent), Err(Reason::SceneRequired));
    assert_eq!(ask.outcome(&GATEWAY, &narrow), Err(Reason::UnknownScene));
    let outcome = ask.scene("pay").outcome(&GATEWAY, &narrow);
    assert_eq!(outcome, Err(Reason::UnknownScene));
    let outcome = Ask::new(STATIC_CARD)
        .scene("挂号")
        .outcome(&GATEWAY, &narrow);
    assert_eq!(outcome.as_deref(), Ok("register-health-card"));
}

const SCENES: &str = r#"
[scene.printed]
names      = { en = "Printed", zh = "印" }
accepts    = ["health-card", "payment"]
freshness  = "static"
assurance  = "structure"
settlement = false

[scene.proven]
names      = { en = "Proven", zh = "证" }
accepts    = ["health-card", "aggregate"]
freshness  = "any"
assurance  = "signature"
settlement = false

[scene.fresh]
names      = { en = "Fresh", zh = "新" }
accepts    = ["health-card", "aggregate"]
freshness  = "any"
assurance  = "structure"
settlement = false
max_age    = "20s"

[scene.local]
names      = { en = "Local", zh = "本地" }
accepts    = ["health-card", "aggregate"]
freshness  = "any"
assurance  = "structure"
settlement = false
regions    = ["same-city", "3501"]

[[route]]
name    = "admitted"
match   = { scene = ["printed", "proven", "fresh", "local"] }
respond = true
"#;

#[test]
fn what_a_scene_demands_is_asked_of_every_code() {
    let gateway = gateway_of(changed(SCENES, &[]));
    let code = Aggregate::default().signed();
    let fuzhou = Aggregate {
        region: "350100",
        ..Aggregate::default()
    };
    let hangzhou = Aggregate {
        region: "330100",
        ..Aggregate::default()
    };
    let (fuzhou, hangzhou) = (fuzhou.signed(), hangzhou.signed());
    let ok = Ok("admitted");
    let table = [
        (Ask::new(STATIC_CARD).scene("printed"), ok),
        (
            Ask::new(DYNAMIC_CARD).scene("printed"),
            Err(Reason::StaticRequired),
        ),
        (
            Ask::new(WECHAT).scene("printed"),
            Err(Reason::StaticRequired),
        ),
        (Ask::new(&code).scene("proven"), ok),
        (
            Ask::new(DYNAMIC_CARD).scene("proven"),
            Err(Reason::AssuranceTooLow),
        ),
        (Ask::new(&code).scene("fresh").late(20_000), ok),
        (
            Ask::new(&code).scene("fresh").late(20_001),
            Err(Reason::TooOld),
        ),
        (Ask::new(DYNAMIC_CARD).scene("fresh"), Err(Reason::TooOld)),
        (Ask::new(&code).scene("local").terminal("W-0001"), ok),
        (Ask::new(&code).scene("local"), Err(Reason::RegionNotServed)),
        (Ask::new(&fuzhou).scene("local").terminal("W-0001"), ok),
        (
            Ask::new(&hangzhou).scene("local").terminal("W-0001"),
            Err(Reason::RegionNotServed),
        ),
        (
            Ask::new(STATIC_CARD).scene("local").terminal("W-0001"),
            Err(Reason::RegionNotServed),
        ),
    ];
    for (place, (ask, expected)) in table.into_iter().enumerate() {
        let outcome = ask.outcome(&gateway, &door());
        assert_eq!(outcome.as_deref(), expected.as_deref(), "row {place}");
    }
}

const TIES: &str = r#"
[[route]]
name    = "first-of-two"
match   = { kind = ["invoice"], scene = ["other"] }
respond = true

[[route]]
name    = "second-of-two"
match   = { family = ["invoice", "alipay"], scene = ["other"] }
respond = true

[[route]]
name    = "kiosk"
match   = { family = ["alipay"], scene = ["other"], group = ["kiosk"] }
respond = true

[[route]]
name    = "hospital"
match   = { family = ["alipay"], scene = ["other"], organisation = ["H35020000001"] }
respond = true

[[route]]
name    = "signed-here"
match   = { scene = ["other"], issuer = ["fujian"], assurance = ["signature"], region = ["same-city"] }
respond = true
"#;

#[test]
fn the_route_that_says_most_wins_and_among_equals_the_first() {
    let gateway = gateway_of(changed(TIES, &[]));
    let invoice = "01,10,044001500111,81966722,173.79,20170524,17884534745749991611,BE2D,";
    let code = Aggregate::default().signed();
    let table = [
        (Ask::new(invoice), "first-of-two"),
        (Ask::new(ALIPAY), "second-of-two"),
        (Ask::new(WECHAT), "recognise-only"),
        (Ask::new(ALIPAY).terminal("K-0001"), "kiosk"),
        (Ask::new(ALIPAY).terminal("W-0001"), "hospital"),
        (Ask::new(ALIPAY).terminal("F-0001"), "second-of-two"),
        (Ask::new(&code).terminal("W-0001"), "signed-here"),
        (Ask::new(&code).terminal("F-0001"), "recognise-only"),
    ];
    for (ask, route) in table {
        let outcome = ask.scene("other").outcome(&gateway, &door());
        assert_eq!(outcome.as_deref(), Ok(route));
    }
}

/// The tests the departments wrote themselves pass with throw-away secrets.
#[test]
fn the_shipped_tests_come_out_as_expected() {
    let path = crate::source::root().join("routes.toml");
    let outcomes = multicode::trial::run(&path, &multicode::config::NoSecrets).unwrap();
    assert_eq!(outcomes.len(), shipped::config().trials.len());
    for outcome in outcomes {
        let failures: Vec<_> = outcome.failures.iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{}: {failures:?}", outcome.name);
    }
}
