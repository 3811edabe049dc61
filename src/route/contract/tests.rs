use super::*;
use crate::time::Timestamp;

/// Values of a plain scan; a test states only what it is about.
pub(super) fn values() -> Values<'static> {
    static SECRETS: std::sync::OnceLock<Secrets> = std::sync::OnceLock::new();
    Values {
        account: Some("HC-1"),
        code: Some("CODE"),
        family: "health-card",
        index: None,
        issuer: Some("fujian"),
        kind: Kind::HealthCard,
        now: Timestamp::from_seconds(1_795_312_800),
        organisation: Some("H350200"),
        region: Some(350_200),
        request_id: "r-1",
        scene: Some("register"),
        scene_codes: &[],
        secrets: SECRETS.get_or_init(Secrets::default),
        sent: Sent::NOTHING,
        terminal: Some("W-1"),
    }
}

fn shape(path: &str, headers: &[(&'static str, &str)], body: Body) -> Shape {
    let header = |(name, value): &(&'static str, &str)| {
        (
            HeaderName::from_static(name),
            Template::parse(value).unwrap(),
        )
    };
    Shape {
        body,
        headers: headers.iter().map(header).collect(),
        method: Method::POST,
        path: UrlTemplate::parse(path).unwrap(),
    }
}

fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    secrets.insert("token", Some("s3cret".to_owned().into()));
    secrets.insert("unset", None);
    secrets
}

fn form(fields: &[(&str, &str)]) -> Body {
    let field = |(name, value): &(&str, &str)| ((*name).into(), Template::parse(value).unwrap());
    Body::Form(fields.iter().map(field).collect())
}

#[test]
fn a_contract_is_filled_in_every_part() {
    let body = form(&[
        ("auth code", "${account}"),
        ("when", "${now.china}"),
        ("empty", "${issuer?}"),
    ]);
    let shape = shape(
        "/pay/${region}?t=${terminal}",
        &[("authorization", "Bearer ${secret.token}")],
        body,
    );
    let contract = Contract::new("pay", Some(Kind::Payment), shape, secrets()).unwrap();
    let values = Values {
        issuer: None,
        secrets: contract.secrets(),
        ..values()
    };
    let rendered = contract.render(&values).unwrap();
    assert_eq!(rendered.target, "/pay/350200?t=W-1");
    assert_eq!(
        rendered.body.unwrap(),
        b"auth+code=HC-1&when=2026-11-22+10%3A00%3A00&empty="
    );
    assert_eq!(
        rendered.content_type.unwrap(),
        "application/x-www-form-urlencoded"
    );
    let (name, value) = &rendered.headers[0];
    assert_eq!(
        (name.as_str(), value.to_str().unwrap()),
        ("authorization", "Bearer s3cret")
    );
    assert!(value.is_sensitive());
}

#[test]
fn every_placeholder_has_a_value() {
    let names: Vec<_> = [
        "account",
        "code",
        "family",
        "issuer",
        "kind",
        "now.china",
        "now.millis",
        "now.rfc3339",
        "now.unix",
        "organisation",
        "region",
        "request_id",
        "scene",
        "scene.step",
        "terminal",
    ]
    .iter()
    .map(|name| format!("${{{name}}}"))
    .collect();
    let body = Body::Json(JsonTemplate::text(&names.join("|")).unwrap());
    let contract = Contract::new(
        "all",
        Some(Kind::HealthCard),
        shape("/", &[], body),
        secrets(),
    );
    let codes = [("step".into(), "010101".into())];
    let rendered = contract
        .unwrap()
        .render(&Values {
            scene_codes: &codes,
            ..values()
        })
        .unwrap();
    let expected = "\"HC-1|CODE|health-card|fujian|health-card|2026-11-22 10:00:00|1795312800000|\
        2026-11-22T02:00:00Z|1795312800|H350200|350200|r-1|register|010101|W-1\"";
    assert_eq!(String::from_utf8(rendered.body.unwrap()).unwrap(), expected);
}

#[test]
fn a_content_type_of_the_contract_replaces_the_bodys() {
    let body = Body::Xml(XmlTemplate::parse("<a/>").unwrap());
    let shape = shape("/", &[("content-type", "application/soap+xml")], body);
    let rendered = Contract::new("soap", None, shape, secrets())
        .unwrap()
        .render(&values())
        .unwrap();
    assert_eq!(rendered.content_type.unwrap(), "application/soap+xml");
    assert!(rendered.headers.is_empty());
}

#[test]
fn a_body_that_passes_through_is_not_rendered() {
    let contract =
        Contract::new("pass", None, shape("/", &[], Body::PassThrough), secrets()).unwrap();
    let rendered = contract.render(&values()).unwrap();
    assert!(rendered.body.is_none() && rendered.content_type.is_none());
    assert!(contract.shows_code());
}

#[track_caller]
fn check_refused(header: &str, values: &Values<'_>, reason: crate::reason::Reason) {
    let shape = shape("/", &[("x-a", header)], Body::PassThrough);
    let contract = Contract::new("x", Some(Kind::Payment), shape, secrets()).unwrap();
    assert_eq!(contract.render(values).unwrap_err().reason(), reason);
}

#[test]
fn what_is_missing_or_cannot_be_written_is_refused() {
    use crate::reason::Reason;
    let unset = secrets();
    check_refused(
        "${account}",
        &Values {
            account: None,
            ..values()
        },
        Reason::ContractUnfilled,
    );
    check_refused(
        "${code}",
        &Values {
            code: None,
            ..values()
        },
        Reason::ContractUnfilled,
    );
    check_refused(
        "${terminal}",
        &Values {
            terminal: Some("a\r\nb"),
            ..values()
        },
        Reason::ContractUnfilled,
    );
    check_refused(
        "${secret.unset}",
        &Values {
            secrets: &unset,
            ..values()
        },
        Reason::KeyUnavailable,
    );
}

#[test]
fn all_mistakes_of_a_contract_are_said_at_once() {
    let headers = [
        ("host", "x"),
        ("x-multicode-kind", "x"),
        ("x-b", "中${account}${secret.tokn}"),
    ];
    let shape = shape("scan", &headers, Body::PassThrough);
    let expected = vec![
        ContractError::Path,
        ContractError::ReservedHeader {
            name: "host".into(),
        },
        ContractError::ReservedHeader {
            name: "x-multicode-kind".into(),
        },
        ContractError::HeaderText { name: "x-b".into() },
        ContractError::NoAccount {
            placeholder: Placeholder::Account,
        },
        ContractError::UnknownSecret {
            name: "tokn".into(),
        },
    ];
    assert_eq!(
        Contract::new("x", None, shape, secrets()).unwrap_err(),
        expected
    );
}
