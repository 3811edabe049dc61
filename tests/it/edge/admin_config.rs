//! The configuration as operators see it, and what they may do with it.

use serde_json::Value;

use super::{Files, Program, SECRET};

#[test]
fn every_value_says_where_it_stands() {
    let files = Files::shipped();
    let program = Program::serve(&files, "info");
    let config = program.get("/admin/config").json();
    let effective = config["effective"].as_array().unwrap();
    let of = |key: &str| {
        let mut all = effective.iter().filter(|it| it["key"] == key);
        let found = all.next().unwrap_or_else(|| panic!("no {key}"));
        assert!(all.next().is_none(), "{key} twice");
        (found["value"].as_str().unwrap(), &found["origin"])
    };
    let (value, origin) = of("upstream.payment.timeout");
    assert_eq!(value, "10s");
    let file = files.path("routes.d/payment.toml");
    assert_eq!(origin["file"], file.to_str().unwrap());
    let text = std::fs::read_to_string(&file).unwrap();
    let line = usize::try_from(origin["line"].as_u64().unwrap()).unwrap();
    assert!(text.lines().nth(line - 1).unwrap().contains("\"10s\""));
    assert_eq!(of("limits.drain_timeout"), ("20s", &"default".into()));
    assert_eq!(of("scene.settlement.settlement").0, "true");
    assert_eq!(of("state.key").0, "env:MULTICODE_STATE_KEY");
    assert_eq!(of("terminal.W-0001.group").0, "window");
    assert!(config["since"].is_string() && config["stale_since"].is_null());
    let roles: Vec<_> = config["files"].as_array().unwrap().iter().collect();
    for role in ["main", "department", "family", "terminals"] {
        assert!(roles.iter().any(|file| file["role"] == role), "{role}");
    }
}

/// Secrets of every sort, written where none may be.
const PLAIN: &str = r#"
[state]
redis = ["redis://me:PLANTEDUSERINFO@10.0.0.5:6379/0"]
password = "PLANTEDPASSWORD"
key = "PLANTEDSTATE"
[admin]
viewer = "PLANTEDVIEWER"
[issuer.x]
keys = [{ id = "1", algorithm = "hmac-sha256", secret = "PLANTEDSECRET" }]
[telemetry]
pseudonym_key = "PLANTEDPSEUDONYM"
[contract.c]
headers = { Authorization = "Bearer PLANTEDHEADER", x-api-key = "PLANTEDAPI" }
secrets = { sign = "PLANTEDSIGN" }
json = '''{"password": "PLANTEDJSON"}'''
# password = "PLANTEDCOMMENT"
"#;

#[test]
fn no_secret_is_ever_shown() {
    let files = Files::shipped();
    let program = Program::serve(&files, "trace");
    let shown = |path: &str| program.get(path).whole();
    assert!(!shown("/admin/config").contains(SECRET));
    let text = std::fs::read_to_string(files.main()).unwrap();
    for broken in ["", "\n[[[\n", "\nx = \"\n"] {
        files.write("routes.toml", &format!("{text}{PLAIN}{broken}"));
        let reload = program.ask("POST", "/admin/reload", &program.as_operator(), "");
        assert_eq!(reload.json()["result"], "failure");
        let all = [
            reload.whole(),
            shown("/admin/config"),
            shown("/admin/config/diff"),
            shown("/admin/config/history"),
            shown("/admin/overview"),
            shown("/readyz"),
            program.said(),
        ];
        for one in all {
            assert!(!one.contains("PLANTED"), "{one}");
        }
        let diff = program.get("/admin/config/diff").json();
        assert!(diff["files"][0]["diff"].to_string().contains("***"));
    }
}

#[test]
fn a_reload_is_asked_for_and_remembered() {
    let files = Files::shipped();
    let program = Program::serve(&files, "info");
    let reload = || {
        program
            .ask("POST", "/admin/reload", &program.as_operator(), "")
            .json()
    };
    let diff = || program.get("/admin/config/diff").json();
    assert_eq!(diff()["changed"], false);

    let payment = "routes.d/payment.toml";
    files.change(payment, "timeout   = \"10s\"", "timeout   = \"9s\"");
    let told = diff();
    assert_eq!(told["changed"], true);
    let lines = told["files"][0]["diff"].as_array().unwrap();
    let of = |kind: &str| {
        let mut lines = lines.iter().filter(|line| line["kind"] == kind);
        lines.next().unwrap().clone()
    };
    assert_eq!(of("+")["text"], "timeout   = \"9s\"");
    assert_eq!(of("-")["text"], "timeout   = \"10s\"");
    assert_eq!(of("+")["line_new"], of("-")["line_old"]);
    assert!(of("+")["line_old"].is_null());
    let done = reload();
    assert_eq!(
        (&done["result"], &done["why"]),
        (&"success".into(), &Value::Null)
    );
    assert_eq!(diff()["changed"], false);

    files.change(
        payment,
        "upstream = \"payment\", contract = \"unified-pay\" ",
        "upstream = \"paymnt\", contract = \"unified-pay\" ",
    );
    let refused = reload();
    assert_eq!(refused["result"], "failure");
    let finding = first_error(&refused);
    assert_eq!(
        (&finding["severity"], &finding["code"]),
        (&"error".into(), &"unknown-name".into())
    );
    assert!(finding["line"].is_u64() && finding["column"].is_u64());
    assert_eq!(first_error(&diff()), finding);
    assert_eq!(program.get("/readyz").json()["status"], "degraded");
    assert_eq!(
        program.get("/admin/overview").json()["degraded"][0]["what"],
        "config"
    );
    program.signal("HUP");
    program.wait_until_it_says("configuration refused, the old one stays in force");
    let history = [
        ("failure", "signal"),
        ("failure", "api"),
        ("success", "api"),
        ("success", "start"),
    ];
    super::eventually("it is remembered", || {
        reloads(&program) == history.map(owned)
    });
}

fn first_error(told: &Value) -> Value {
    let mut findings = told["findings"].as_array().unwrap().iter();
    let found = findings.find(|it| it["severity"] == "error");
    found.unwrap().clone()
}

/// What came of every reload, and who asked for it, the last one first.
fn reloads(program: &Program) -> Vec<(String, String)> {
    let told = program.get("/admin/config/history").json();
    let reloads = told["reloads"].as_array().unwrap().iter();
    let word = |it: &Value, what: &str| it[what].as_str().unwrap().to_owned();
    reloads
        .map(|it| (word(it, "result"), word(it, "by")))
        .collect()
}

fn owned((result, by): (&str, &str)) -> (String, String) {
    (result.to_owned(), by.to_owned())
}

#[test]
fn the_end_is_asked_for_as_a_signal_asks() {
    let files = Files::shipped();
    let mut program = Program::serve(&files, "info");
    let answer = program.ask("POST", "/admin/drain", &program.as_operator(), "");
    assert_eq!(
        (answer.status, answer.json()["draining"].clone()),
        (202, true.into())
    );
    assert_eq!(program.ended().code(), Some(0));
    assert!(
        program.said().contains("\"cut_off\":0"),
        "{}",
        program.said()
    );
}
