//! What the fuzz targets do with their bytes. The integration tests run the same functions.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use multicode::audit::{Line, PublicKey, Signed};
use multicode::config::{self, Config, NoSecrets, Style};
use multicode::explain::{Detail, explain};
use multicode::family::token::cwt::Writing;
use multicode::family::token::{cwt, hcert, jws, shc};
use multicode::family::{Form, emv, gs1};
use multicode::gateway::{Door, Gateway, Matter};
use multicode::pointer::Pointer;
use multicode::policy::Strangers;
use multicode::proxy::extract::{Envelope, Head};
use multicode::proxy::identity::Names;
use multicode::proxy::picture::{self, PIXEL_LIMIT, SIDE_LIMIT};
use multicode::route::Action;
use multicode::route::contract::{
    Body, Contract, RENDERED_LIMIT, Rendered, Sent, SentBody, SentCode, Values,
};
use multicode::scan::{Claims, Cleaning, Scan, clean};
use multicode::telemetry::Sampling;
use multicode::time::Timestamp;
use multicode::trust::introspection::AnswerLayout;
use multicode::trust::material::{self, MAX_KEYS, Origin, Reading};
use multicode::trust::{Keys, Revocations};

#[path = "bodies/signed.rs"]
pub(crate) mod signed;
#[path = "bodies/wire.rs"]
pub(crate) mod wire;

const NOW: Timestamp = Timestamp::from_seconds(1_795_309_200);

static SHIPPED: LazyLock<(Gateway, Vec<Envelope>, Keys)> = LazyLock::new(|| {
    let Config {
        gateway,
        adapters,
        keys,
        ..
    } = config::load(&root().join("routes.toml"), &NoSecrets)
        .config
        .expect("the shipped files load");
    let adapters = adapters.into_iter().map(|adapter| adapter.envelope);
    let envelopes = [Envelope::own()].into_iter().chain(adapters).collect();
    (Gateway::new(gateway), envelopes, keys)
});

/// The repository's root, from this crate's folder or the fuzz crate's.
fn root() -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let root = folders.find(|folder| folder.join("routes.toml").exists());
    root.expect("this crate lies in the repository").into()
}

/// The first byte, for choices, and the rest.
fn choice(data: &[u8]) -> (usize, &[u8]) {
    data.split_first()
        .map_or((0, data), |(first, rest)| ((*first).into(), rest))
}

/// Any bytes are keys, are listed with what is wrong, or are no key set.
pub(crate) fn key_material(data: &[u8]) {
    for from in [Origin::File, Origin::Network] {
        let reading = Reading {
            from,
            ..Reading::default()
        };
        let Ok(material) = material::read(data, &reading) else {
            continue;
        };
        assert!(material.keys.len() + material.rejected.len() <= MAX_KEYS);
        for key in &material.keys {
            assert!(from == Origin::File || !key.algorithm.is_symmetric());
            let verifier = key.verifier.as_ref().expect("material is complete");
            assert_eq!(verifier.algorithm(), key.algorithm);
            assert!(!verifier.verifies(Form::Raw, data, &[1; 64]));
        }
        for rejected in &material.rejected {
            assert!(!rejected.label.chars().any(char::is_control));
            assert!(!rejected.fault.to_string().is_empty());
        }
    }
}

/// Every reader reads any text, or says where it cannot.
pub(crate) fn family_parse(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let scan = clean(&text, Cleaning::Scanner);
    let text = &*scan.text;
    let _ = (
        gs1::parse(text),
        emv::merchant::parse(text),
        emv::consumer::parse(text),
    );
    for family in SHIPPED.0.families() {
        assert!(family.mask.show(text).ends_with(')'));
        for matched in family.shapes.iter().filter_map(|shape| shape.matches(text)) {
            let holds = family.checks_hold(&matched);
            let fields = family.fields(&matched);
            assert!(
                fields
                    .iter()
                    .all(|field| text.get(field.range.clone()).is_some())
            );
            if let Ok(code) = family.read(&matched) {
                assert_eq!(code.text, text);
                assert!(code.accounts.kinds().all(|kind| {
                    let account = code.accounts.of(kind);
                    account.is_some_and(|account| text.contains(account))
                }));
                assert!(holds || family.is_checked());
            }
        }
    }
}

/// Whatever lies in a credential, at each of its layers, it is read within bounds or refused.
pub(crate) fn token_parse(data: &[u8]) {
    /// A header that lets a card's payload be looked at.
    const CARD: &str = r#"{"alg":"ES256","zip":"DEF","kid":"k"}"#;
    let (which, data) = choice(data);
    let base64url = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
    let text = match which % 5 {
        0 => String::from_utf8_lossy(data).into_owned(),
        1 => base64url(data),
        2 => hcert::PREFIX.to_owned() + &base45::encode(data),
        3 => {
            let jws = format!("{}.{}.AAAA", base64url(CARD.as_bytes()), base64url(data));
            let digits = jws.bytes().map(|byte| format!("{:02}", byte - b'-'));
            digits.fold(shc::PREFIX.to_owned(), |text, pair| text + &pair)
        }
        _ => {
            let mut parts = data.splitn(2, |byte| *byte == 0x1e);
            let mut part = || base64url(parts.next().unwrap_or_default());
            format!("{}.{}.AAAA", part(), part())
        }
    };
    let read = [
        cwt::parse(&text, Writing::Base45),
        cwt::parse(&text, Writing::Base64Url),
        hcert::parse(&text),
        jws::parse(&text),
        shc::parse(&text),
    ];
    for token in read.iter().flatten() {
        assert!(token.signed.len() <= (64 << 10) + text.len());
        assert!(token.claims.to_string().len() <= 6 * (64 << 10) + 6 * text.len());
        assert!(format!("{token:?}").starts_with("Token(["));
    }
}

/// A decision comes out the same whether it is explained or not.
pub(crate) fn decide(data: &[u8]) {
    let (gateway, _, keys) = &*SHIPPED;
    let (which, data) = choice(data);
    let text = String::from_utf8_lossy(data);
    let mut lines = text.rsplitn(3, '\u{1e}');
    let (code, terminal, region) = (lines.next(), lines.next(), lines.next());
    let scene = gateway.scenes().iter().nth(which % 16);
    let claims = Claims {
        scene: scene.map(|scene| &*scene.name),
        terminal: terminal.map(|name| if name.is_empty() { "W-0001" } else { name }),
        organisation: None,
        region,
    };
    let cleaning = [Cleaning::Scanner, Cleaning::None][which >> 4 & 1];
    let scan = Scan {
        text: clean(code.unwrap_or_default(), cleaning),
        claims,
    };
    let door = Door {
        default_scene: Some("other".into()),
        scenes: Box::default(),
        strangers: [Strangers::Admit, Strangers::Refuse][which >> 5 & 1],
    };
    let matter = Matter {
        scan: &scan,
        door: &door,
        keys,
    };
    let decided = gateway.decide(matter, NOW);
    // Saying why no shape matched takes its time; every fourth input is enough.
    let detail = match which >> 6 {
        3 => Detail::Everything,
        _ => Detail::Verdict,
    };
    let (story, explained) = explain(gateway, matter, detail, NOW);
    match (decided, explained) {
        (Ok(one), Ok(other)) => {
            assert_eq!(one.route.index, other.route.index);
            assert_eq!(story.outcome, "decision");
        }
        (Err(one), Err(other)) => {
            assert_eq!(one.reason, other.reason);
            assert_eq!(story.reason, Some(one.reason.slug()));
        }
        (one, other) => panic!("{one:?} is explained as {other:?}"),
    }
    assert!(serde_json::to_string(&story).is_ok());
}

/// Whatever stands in a file, loading ends with a configuration or with findings.
pub(crate) fn config_parse(data: &[u8]) {
    const FILES: [&str; 4] = [
        "routes.toml",
        "plugins/a.toml",
        "routes.d/a.toml",
        "terminals.toml",
    ];
    let (which, data) = choice(data);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let main = folder.path().join("routes.toml");
    let changed = folder.path().join(FILES[which % FILES.len()]);
    fs::write(&main, "config_version = 1\n").expect("a file");
    fs::create_dir_all(changed.parent().expect("a folder")).expect("a folder");
    fs::write(&changed, data).expect("a file");
    let loaded = config::load(&main, &NoSecrets);
    assert_eq!(loaded.config.is_some(), !loaded.diagnostics.has_errors());
    assert!(loaded.config.is_some() || !loaded.diagnostics.render(Style::Plain).is_empty());
}

/// What is taken out of a request is in it.
pub(crate) fn http_body(data: &[u8]) {
    const TYPES: [Option<&str>; 6] = [
        None,
        Some("application/json"),
        Some("application/x-www-form-urlencoded"),
        Some("text/plain; charset=utf-8"),
        Some("image/png"),
        Some("text/plain; charset=gbk"),
    ];
    let (which, body) = choice(data);
    let envelopes = &SHIPPED.1;
    let envelope = &envelopes[which / TYPES.len() % envelopes.len()];
    let head = Head {
        content_type: TYPES[which % TYPES.len()],
        query: std::str::from_utf8(body).ok().filter(|_| which >= 128),
        ..Head::default()
    };
    let Ok(medium) = envelope.medium(&head, body) else {
        return;
    };
    if let Ok(found) = envelope.extract(medium, &head, body) {
        assert!(found.code.len() <= body.len() * 3);
        assert!(found.scene.is_none_or(|scene| !scene.is_empty()));
    }
}

/// Whatever its values, a request keeps the form of its contract.
pub(crate) fn contract_render(data: &[u8]) {
    let gateway = &SHIPPED.0;
    let (which, data) = choice(data);
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split('\u{1e}');
    let mut part = || parts.next();
    let (account, terminal, organisation) = (part(), part(), part());
    let body = part().unwrap_or(r#"{"out_trade_no":"1","total_fee":1}"#);
    let sent = [SentBody::Json(body), SentBody::Form(body)][which % 2];
    for route in gateway.routes().iter() {
        let Action::Forward(forward) = &route.action else {
            continue;
        };
        let contract = &forward.contract;
        let values = Values {
            account,
            code: account,
            family: "any",
            index: None,
            issuer: terminal,
            kind: multicode::family::Kind::Payment,
            now: NOW,
            organisation,
            region: Some(350_200),
            request_id: "0190a1b2",
            scene: Some("payment"),
            scene_codes: &[],
            secrets: contract.secrets(),
            sent: Sent::new(
                sent,
                SentCode {
                    place: None,
                    raw: account.unwrap_or_default(),
                    text: account.unwrap_or_default(),
                },
            ),
            terminal,
        };
        if let Ok(rendered) = contract.render(&values) {
            keeps_its_form(contract, rendered);
        }
    }
}

fn keeps_its_form(contract: &Contract, rendered: Rendered) {
    let target = rendered.target.to_string();
    assert!(target.starts_with('/') && target.bytes().all(|byte| byte.is_ascii_graphic()));
    let Some(body) = rendered.body else { return };
    assert!(body.len() <= RENDERED_LIMIT);
    let text = std::str::from_utf8(&body).expect("UTF-8");
    match &contract.shape().body {
        Body::Json(_) => {
            // A number keeps the digits the terminal wrote, however large; so no `Value`.
            let read = serde_json::from_str::<serde::de::IgnoredAny>(text);
            assert!(read.is_ok() && text.starts_with('{'));
        }
        Body::Form(fields) => {
            assert!(text.split('&').count() <= fields.len());
            assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        Body::PassThrough | Body::Xml(_) => {}
    }
}

/// Whatever a picture holds, it is read within its limits or refused.
pub(crate) fn picture_read(data: &[u8]) {
    let Ok(contents) = picture::read_all(data) else {
        return;
    };
    assert!(contents.width.max(contents.height) <= SIDE_LIMIT);
    assert!(contents.width * contents.height <= PIXEL_LIMIT);
    for code in &contents.codes {
        // Four bits a digit is the closest a symbol packs.
        assert!(code.text.len() <= 4 * 7_089, "{}", code.text.len());
    }
}

/// A platform's answer, a list of what was taken back and a page of the trail mean something or nothing.
pub(crate) fn answer_read(data: &[u8]) {
    let (which, data) = choice(data);
    let at = |text: &str| Pointer::parse(text).expect("a pointer");
    let layout = AnswerLayout {
        valid: at("/code"),
        good: ["0".into(), "true".into()].into(),
        index: Some(at("/data/index")),
        region: Some(at("/data/0/region")),
        expires_at: Some(at("/end")),
    };
    let answer = serde_json::from_slice(data).ok();
    let told = answer.and_then(|answer| layout.read(&answer));
    if let Some(told) = told {
        assert!(told.active || told.index.is_none() && told.expires_at.is_none());
        assert!(told.index.is_none_or(|index| index.len() <= 256));
    }
    let mut lists = Revocations::default();
    let read = match which % 2 {
        0 => lists.read(data).is_ok(),
        _ => lists.read_card(data, "k").is_ok(),
    };
    let (keys, codes) = lists.len();
    assert!(keys + codes <= data.len(), "{read}");
    if let Some(line) = Line::read(data) {
        assert!(line.seq() > 0 && line.fields().len() <= data.len());
    }
    let text = String::from_utf8_lossy(data);
    let _ = (PublicKey::parse(&text), Signed::parse(&text));
}

/// The lines that are headers.
fn headers(data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (halves.next(), halves.next().unwrap_or_default());
        let name = name.and_then(|name| HeaderName::from_bytes(name).ok());
        let value = HeaderValue::from_bytes(value.trim_ascii()).ok();
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// Whatever names a request brings along, those it goes on with are presentable.
pub(crate) fn http_head(data: &[u8]) {
    let identity = Names::new(1, Sampling::default()).identify(&headers(data));
    let id = identity.request_id.as_bytes();
    assert!((1..=128).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic));
    let parent = identity.traceparent.as_bytes();
    assert_eq!(parent.len(), 55);
    let is_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
    assert!(parent.iter().all(is_hex) && parent.starts_with(b"00-"));
}
