use proptest::prelude::*;

use super::*;

const JSON: Head<'static> = Head {
    content_type: Some("application/json"),
    query: None,
    scene: None,
    terminal: None,
};

fn read<'a>(
    envelope: &Envelope,
    head: &Head<'a>,
    body: &'a [u8],
) -> Result<Extracted<'a>, ExtractError> {
    let medium = envelope.medium(head, body)?;
    envelope.extract(medium, head, body)
}

fn scan<'a>(code: &'a str, scene: Option<&'a str>, terminal: Option<&'a str>) -> Extracted<'a> {
    Extracted {
        code: code.into(),
        idempotency_key: None,
        organisation: None,
        region: None,
        scene: scene.map(Into::into),
        terminal: terminal.map(Into::into),
    }
}

#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "tables read better without ampersands"
)]
fn check(body: &str, expected: Result<Extracted<'_>, ExtractError>) {
    assert_eq!(
        read(&Envelope::own(), &JSON, body.as_bytes()),
        expected,
        "{body}"
    );
}

#[test]
fn the_members_are_found_among_others() {
    check(
        r#"{"code":"C","scene":"register","terminal":"T1"}"#,
        Ok(scan("C", Some("register"), Some("T1"))),
    );
    check("\u{feff} {\"code\":\"C\"} ", Ok(scan("C", None, None)));
    check(
        r#"{"x":[{"code":"no"}],"code":"C","scene":null,"terminal":""}"#,
        Ok(scan("C", None, None)),
    );
    let pretty = "{\n  \"terminal\": \"T0001\",\n  \"meta\": {\n    \"code\": \"nested-decoy\"\n  },\n  \
        \"scene\": \"register\",\n  \"co\\u0064e\": \"FJ\\u0048\\u0031\\/x\"\n}\n";
    check(pretty, Ok(scan("FJH1/x", Some("register"), Some("T0001"))));
    let places = r#"{"region":"350200","organisation":"H1","code":"C"}"#;
    let extracted = read(&Envelope::own(), &JSON, places.as_bytes()).unwrap();
    assert_eq!(
        (
            extracted.region.as_deref(),
            extracted.organisation.as_deref()
        ),
        (Some("350200"), Some("H1"))
    );
}

#[test]
fn the_normal_case_borrows() {
    let extracted = read(&Envelope::own(), &JSON, br#"{"code":"C","scene":"s"}"#).unwrap();
    assert!(
        matches!(extracted.code, Cow::Borrowed(_))
            && matches!(extracted.scene, Some(Cow::Borrowed(_)))
    );
}

#[test]
fn only_strings_are_taken() {
    let not_text = |what, found| Err(ExtractError::NotText { what, found });
    check(
        r#"{"code":134650328919428540}"#,
        not_text(What::Code, Found::Number),
    );
    check(r#"{"code":-1}"#, not_text(What::Code, Found::Number));
    check(r#"{"code":1e9}"#, not_text(What::Code, Found::Number));
    check(
        r#"{"code":123456789012345678901234567890}"#,
        not_text(What::Code, Found::Number),
    );
    check(
        r#"{"code":"C","terminal":7}"#,
        not_text(What::Terminal, Found::Number),
    );
    check(
        r#"{"code":"C","scene":["a"]}"#,
        not_text(What::Scene, Found::Array),
    );
    check(
        r#"{"code":{"text":"C"}}"#,
        not_text(What::Code, Found::Object),
    );
    check(r#"{"code":true}"#, not_text(What::Code, Found::Boolean));
}

#[test]
fn what_is_missing_or_said_twice_is_named() {
    let missing = Err(ExtractError::Missing { what: What::Code });
    check("{}", missing.clone());
    check(r#"{"code":null}"#, missing);
    check(
        r#"{"code":"a","code":"a"}"#,
        Err(ExtractError::Duplicate { what: What::Code }),
    );
    check(
        r#"{"code":"a","scene":null,"scene":"b"}"#,
        Err(ExtractError::Duplicate { what: What::Scene }),
    );
    check(r#"{"x":1,"x":2,"code":"a"}"#, Ok(scan("a", None, None)));
}

#[test]
fn malformed_documents_are_refused_with_a_place() {
    let json = |line, column, expected| {
        Err(ExtractError::Json {
            line,
            column,
            expected,
        })
    };
    check("", json(1, 0, "more: the document ends too early"));
    check(
        "{\"code\":\"a\"",
        json(1, 11, "more: the document ends too early"),
    );
    check("{\n 'code':1}", json(2, 2, "JSON as of RFC 8259"));
    check("{\"code\":\"a\"} x", json(1, 14, "JSON as of RFC 8259"));
    check("{\"code\":\"a\nb\"}", json(2, 0, "JSON as of RFC 8259"));
    check("{\"code\":\"\\ud800\"}", json(1, 16, "JSON as of RFC 8259"));
    check("[\"a\"]", json(1, 1, "a JSON object"));
    check("\"a\"", json(1, 3, "a JSON object"));
    let bytes = read(&Envelope::own(), &JSON, b"{\"code\":\"\xFF\"}");
    assert_eq!(bytes, Err(ExtractError::NotUtf8 { at: 9 }));
}

#[test]
fn nesting_does_not_exhaust_the_stack() {
    let deep = format!(
        "{{\"x\":{}{},\"code\":\"C\"}}",
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    assert!(read(&Envelope::own(), &JSON, deep.as_bytes()).is_ok());
    assert!(
        read(
            &Envelope::own(),
            &JSON,
            "{\"x\":[".repeat(100_000).as_bytes()
        )
        .is_err()
    );
}

#[test]
fn adapters_read_the_requests_of_others() {
    let places = [
        (What::Code, "/req/qrCodeText"),
        (What::Scene, "/req/medicalStep"),
        (What::Terminal, "/req/terminalId"),
        (What::Organisation, "/commonIn/hospitalId"),
    ];
    let envelope = Envelope::new(Format::Json, &places).unwrap();
    let body = br#"{"commonIn":{"requestId":"r","hospitalId":"35020001"},"code":"decoy",
        "req":{"qrCodeText":"32AB:1","terminalId":"T1","medicalStep":"010101"}}"#;
    let extracted = read(
        &envelope,
        &Head {
            content_type: Some("text/html"),
            ..Head::default()
        },
        body,
    );
    let expected = Extracted {
        organisation: Some("35020001".into()),
        ..scan("32AB:1", Some("010101"), Some("T1"))
    };
    assert_eq!(extracted, Ok(expected));

    let check = |body: &str, expected| {
        assert_eq!(read(&envelope, &JSON, body.as_bytes()), expected, "{body}");
    };
    check(
        r#"{"req":{},"req":{"qrCodeText":"C"}}"#,
        Err(ExtractError::Duplicate { what: What::Code }),
    );
    check(
        r#"{"req":"x"}"#,
        Err(ExtractError::Missing { what: What::Code }),
    );
    check(
        r#"{"commonIn":null,"req":{"qrCodeText":"C"}}"#,
        Ok(scan("C", None, None)),
    );
    check(
        r#"[{"req":{"qrCodeText":"C"}}]"#,
        Err(ExtractError::Json {
            line: 1,
            column: 1,
            expected: "a JSON object",
        }),
    );
}

#[test]
fn pointers_lead_into_arrays() {
    let envelope = Envelope::new(
        Format::Json,
        &[(What::Code, "/l/1/c"), (What::Scene, "/l/0")],
    )
    .unwrap();
    let body = br#"{"l":["s",{"c":"C"},[[]]]}"#;
    assert_eq!(read(&envelope, &JSON, body), Ok(scan("C", Some("s"), None)));
}

#[test]
fn forms_are_read() {
    let own = Envelope::own();
    let form = Head {
        content_type: Some("application/x-www-form-urlencoded"),
        ..Head::default()
    };
    let check = |head: &Head<'_>, body: &str, expected| {
        assert_eq!(read(&own, head, body.as_bytes()), expected, "{body}");
    };
    check(
        &form,
        "code=a%2Bb+c&scene=&terminal=T&x=1",
        Ok(scan("a+b c", None, Some("T"))),
    );
    check(
        &form,
        "code=a&c%6Fde=b",
        Err(ExtractError::Duplicate { what: What::Code }),
    );
    check(
        &form,
        "scene=a",
        Err(ExtractError::Missing { what: What::Code }),
    );
    check(&form, "code=%FF", Err(ExtractError::NotUtf8 { at: 5 }));
}

#[test]
fn plain_text_takes_the_rest_from_query_and_headers() {
    let own = Envelope::own();
    let check = |head: &Head<'_>, body: &str, expected| {
        assert_eq!(read(&own, head, body.as_bytes()), expected, "{body}");
    };
    let text = Head {
        content_type: Some("text/plain"),
        query: Some("scene=s&terminal=T"),
        ..Head::default()
    };
    check(&text, "code=a", Ok(scan("code=a", Some("s"), Some("T"))));
    check(&text, "", Err(ExtractError::Missing { what: What::Code }));
    check(
        &Head {
            query: Some("code=x"),
            ..text
        },
        "a",
        Err(ExtractError::Duplicate { what: What::Code }),
    );
    check(
        &Head {
            scene: Some("t"),
            ..text
        },
        "a",
        Err(ExtractError::Duplicate { what: What::Scene }),
    );
    check(
        &Head {
            scene: Some("t"),
            query: None,
            ..text
        },
        "a",
        Ok(scan("a", Some("t"), None)),
    );
    let picture = Head {
        content_type: Some("image/png"),
        ..Head::default()
    };
    assert_eq!(own.medium(&picture, b""), Ok(Medium::Picture));
    assert!(matches!(
        read(&own, &picture, b""),
        Err(ExtractError::Unsupported { .. })
    ));
}

#[test]
fn a_form_adapter_names_its_fields() {
    let envelope = Envelope::new(
        Format::Form,
        &[(What::Code, "auth_code"), (What::Terminal, "/terminalNo")],
    )
    .unwrap();
    assert_eq!(
        read(&envelope, &JSON, b"auth_code=1&terminalNo=T&code=x"),
        Ok(scan("1", None, Some("T")))
    );
}

#[test]
fn places_that_clash_make_no_envelope() {
    let check = |format, places: &[(What, &str)], error| {
        assert_eq!(Envelope::new(format, places).unwrap_err(), error);
    };
    check(Format::Json, &[(What::Scene, "/s")], EnvelopeError::NoCode);
    check(
        Format::Json,
        &[(What::Code, "/a"), (What::Scene, "/a")],
        EnvelopeError::Place { what: What::Scene },
    );
    check(
        Format::Json,
        &[(What::Code, "/a"), (What::Scene, "/a/b")],
        EnvelopeError::Place { what: What::Scene },
    );
    check(
        Format::Json,
        &[(What::Scene, "/a/b"), (What::Code, "/a")],
        EnvelopeError::Place { what: What::Code },
    );
    check(
        Format::Json,
        &[(What::Code, "")],
        EnvelopeError::Place { what: What::Code },
    );
    check(
        Format::Form,
        &[(What::Code, "/a/b")],
        EnvelopeError::Place { what: What::Code },
    );
    let source = PointerError::NoSlash;
    check(
        Format::Json,
        &[(What::Code, "a")],
        EnvelopeError::Pointer {
            what: What::Code,
            source,
        },
    );
}

#[test]
fn errors_never_repeat_the_body() {
    for body in [
        r#"{"code":"SECRET""#,
        r#"{"code":5555}"#,
        r#""SECRET""#,
        r#"{"code":"SECRET","code":"SECRET"}"#,
        "SECRET",
    ] {
        let error = read(&Envelope::own(), &JSON, body.as_bytes()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("SECRET") && !shown.contains("5555"),
            "{shown}"
        );
    }
}

#[test]
fn a_contract_may_look_into_the_request_but_not_at_the_code() {
    let own = Envelope::own();
    let sent = own.sent(Medium::Json, br#"{"code":"C"}"#, "C", "C");
    assert!(!format!("{sent:?}").contains("\"C\""));
}

proptest! {
    #[test]
    fn no_bytes_panic(body in any::<Vec<u8>>(), content_type in prop::option::of(".{0,40}")) {
        let head = Head { content_type: content_type.as_deref(), ..Head::default() };
        let _ = read(&Envelope::own(), &head, &body);
    }

    #[test]
    fn no_json_like_text_panics(body in "[\\[\\]{}\",:\\\\ codes01]{0,60}") {
        let envelope = Envelope::new(Format::Json, &[(What::Code, "/c/0/o"), (What::Scene, "/c/d")]).unwrap();
        let _ = read(&envelope, &JSON, body.as_bytes());
        let _ = read(&Envelope::own(), &JSON, body.as_bytes());
    }

    #[test]
    fn every_code_comes_through_every_medium(code in any::<String>().prop_filter("empty", |code| !code.is_empty())) {
        let own = Envelope::own();
        let json = serde_json::json!({ "code": code, "n": 1 }).to_string();
        let extracted = read(&own, &JSON, json.as_bytes());
        prop_assert_eq!(extracted.map(|extracted| extracted.code.into_owned()), Ok(code));
    }
}
