use multicode::sandbox::mint::Flaw;

use super::{Answer, Files, Mocks, Program, json, post};

/// What no place but a department may ever hold.
pub(super) const TOKENS: [&str; 12] = [
    "TOKENPLAIN",
    "TOKENJSON",
    "TOKENFORM",
    "TOKENBROKEN",
    "TOKENHEADER",
    "TOKENQUERY",
    "TOKENPATH",
    "TOKENMETHOD",
    "TOKENGARBAGE",
    "TOKENSCENE",
    "TOKENTERMINAL",
    "TOKENTRAILER",
];

#[test]
fn nothing_of_a_scan_is_told_to_anybody_but_its_department() {
    let (files, mocks) = (Files::shipped(), Mocks::start());
    mocks.stand_in(&files);
    let aggregate = "plugins/aggregate.toml";
    files.change(aggregate, "one_time   = true", "one_time   = false");
    let mut program = Program::serve(&files, "trace");
    let codes = codes(&files);
    let scans = codes.iter().flat_map(|code| scans(code));
    let answers: Vec<_> = scans
        .chain(malformed())
        .map(|request| program.send(request))
        .collect();
    let decided = answers.iter().filter(|answer| answer.reason().is_none());
    assert_eq!(decided.count(), 4, "one code in four scenes");
    assert_eq!(mocks.received().len(), 3);

    let metrics = program.get("/metrics").whole();
    program.signal("TERM");
    program.ended();
    program.wait_until_it_says("\"stopped\"");
    let log = program.said();
    assert!(
        log.contains("\"level\":\"TRACE\""),
        "it tells all it ever does"
    );
    let answers: Vec<_> = answers.iter().map(Answer::whole).collect();
    // Of a code its nonce, accounts and signature.
    let parts = codes.iter().flat_map(|code| code.split('.').skip(6));
    for secret in TOKENS.into_iter().chain(parts) {
        assert!(
            !secret.is_empty() && !log.contains(secret),
            "{secret} in {log}"
        );
        assert!(!metrics.contains(secret), "{secret} in {metrics}");
        for answer in &answers {
            assert!(!answer.contains(secret), "{secret} in {answer}");
        }
    }
}

/// One code that is believed and some that are not.
pub(super) fn codes(files: &Files) -> Vec<String> {
    let flaws = [
        Flaw::None,
        Flaw::Expired,
        Flaw::Tampered,
        Flaw::NotYetValid,
        Flaw::Foreign,
    ];
    let minted = flaws.into_iter().zip(1..);
    minted
        .map(|(flaw, seed)| files.mint("aggregate", flaw, seed))
        .collect()
}

/// The code in every scene that takes it, and in one that is none.
pub(super) fn scans(code: &str) -> impl Iterator<Item = Vec<u8>> {
    let scenes = ["register", "settlement", "payment", "other", "TOKENSCENE"];
    scenes.into_iter().map(move |scene| {
        json(&serde_json::json!({
            "code": code, "scene": scene, "terminal": "W-0001",
            "out_trade_no": "T-1", "total_fee": 1,
        }))
    })
}

/// Requests of all kinds of wrongness, with a token in every place.
pub(super) fn malformed() -> Vec<Vec<u8>> {
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let text = "Content-Type: text/plain\r\n";
    let object = "Content-Type: application/json\r\n";
    let spoofed =
        "X-Multicode-Scene: TOKENHEADER\r\nCookie: TOKENHEADER\r\nUser-Agent: TOKENHEADER\r\n";
    let chunked = "POST /v1/scan HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n";
    vec![
        post("/v1/scan", text, "TOKENPLAIN"),
        post(
            "/v1/scan",
            object,
            "{\"code\":\"TOKENJSON\",\"terminal\":\"TOKENTERMINAL\"}",
        ),
        post("/v1/scan", object, "{\"code\":\"TOKENBROKEN\",TOKENBROKEN"),
        post(
            "/v1/scan",
            object,
            "{\"code\":\"TOKENBROKEN\",\"code\":\"TOKENBROKEN\"}",
        ),
        post("/v1/scan", form, "code=TOKENFORM&scene=TOKENSCENE"),
        post("/v1/scan", form, "code=TOKENFORM%zz%ff&scene"),
        post("/v1/scan?code=TOKENQUERY", text, "TOKENPLAIN"),
        post("/v1/scan?scene=TOKENQUERY", text, "TOKENPLAIN"),
        post("/TOKENPATH", "", "TOKENPLAIN"),
        post("/l/TOKENPATH", "", "TOKENPLAIN"),
        post("/v1/scan", "Content-Type: TOKENHEADER/x\r\n", "TOKENPLAIN"),
        post("/v1/scan", spoofed, "TOKENPLAIN"),
        post("/v1/scan", "Content-Type: image/png\r\n", "TOKENPLAIN"),
        post("/v1/scan", "Transfer-Encoding: chunked\r\n", "TOKENPLAIN"),
        post("/v1/scan", "Host: TOKENHEADER\r\n", "TOKENPLAIN"),
        post(
            "/api/aggregateBarPay",
            form,
            "auth_code=TOKENFORM&scene=pay",
        ),
        b"TOKENMETHOD /v1/scan HTTP/1.1\r\nHost: g\r\n\r\n".to_vec(),
        b"TOKENGARBAGE\r\n\r\n".to_vec(),
        b"POST /v1/scan HTTP/1.1\r\nHost: g\r\nTOKENHEADER\r\n\r\n".to_vec(),
        format!("{chunked}TOKENGARBAGE\r\n").into(),
        format!("{chunked}a\r\nTOKENPLAIN\r\n0\r\nX: TOKENTRAILER\r\n\r\n").into(),
    ]
}
