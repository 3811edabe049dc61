//! What is shown against what is kept, without a gateway around it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use proptest::prelude::*;
use ring::hmac;

use super::*;
use crate::time::Timestamp;

const KEY: &str = "Uk7mrWtw3yN1bH8sVqZ0pLx5cJd2aGfE";
const OTHER: &str = "other-key-of-another-terminal-0001";
const SECRETS: [&[u8]; 2] = [&[7; 32], &[8; 32]];
const NOW: i64 = 1_795_312_800;
const BODY: &[u8] = b"{\"code\":\"1\"}";

fn now() -> Timestamp {
    Timestamp::from_seconds(NOW)
}

/// Two terminals with a proof of each sort, one that is revoked.
fn book() -> Book {
    let mut all: Vec<(String, Proofs)> = Vec::new();
    for (name, key, byte) in [("W-0001", KEY, 1), ("W-0002", OTHER, 2)] {
        let signature_key = SECRETS[usize::from(byte) - 1];
        let proofs = Proofs {
            certificates: vec![[byte; 32]],
            names: vec![format!("{}.example", name.to_lowercase()).into()],
            api_keys: vec![digest(key.as_bytes()).unwrap()],
            signature_key: Some(hmac::Key::new(hmac::HMAC_SHA256, signature_key)),
            revoked: false,
        };
        all.push((name.to_owned(), proofs));
    }
    let mut lost = all[0].1.clone();
    lost.certificates = vec![[3; 32]];
    lost.names = Vec::new();
    lost.api_keys = vec![digest(KEY.repeat(2).as_bytes()).unwrap()];
    lost.signature_key = Some(hmac::Key::new(hmac::HMAC_SHA256, &[9; 32]));
    lost.revoked = true;
    all.push(("W-0003".to_owned(), lost));
    all.push(("W-0004".to_owned(), Proofs::default()));
    Book::of(all.iter().map(|(name, proofs)| (&**name, proofs)))
}

/// What a request shows.
#[derive(Clone, Default)]
struct Request {
    headers: Vec<(&'static str, String)>,
    certificate: Option<([u8; 32], Vec<Box<str>>)>,
    query: Option<&'static str>,
    target: Option<&'static str>,
}

impl Request {
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn judge(&self, content: &[u8], nonces: &Nonces) -> Result<Option<(String, Sort)>, Unproven> {
        self.judge_at((content, nonces), now(), now())
    }

    /// The same where the head comes at one time and the content at another.
    fn judge_at(
        &self,
        (content, nonces): (&[u8], &Nonces),
        head_at: Timestamp,
        content_at: Timestamp,
    ) -> Result<Option<(String, Sort)>, Unproven> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let certificate = self.certificate.as_ref();
        let head = Head {
            method: &Method::POST,
            scheme: Scheme::Http,
            authority: Some("gateway:8080"),
            path: self.target.unwrap_or("/v1/scan"),
            query: self.query,
            headers: &headers,
            certificate: certificate.map(|(sha256, names)| Certificate {
                sha256,
                names,
                ends: now(),
            }),
        };
        let book = book();
        let proven = match book.hear(&head, head_at).map_err(|(_, why)| why)? {
            Heard::Nobody => None,
            Heard::Proven(proven) => Some(proven),
            Heard::Signed(signed) => Some(signed.over(content, nonces, content_at)?),
        };
        Ok(proven.map(|it| (it.name().to_owned(), it.by())))
    }

    #[track_caller]
    fn check(&self, expected: Result<Option<(&str, Sort)>, Unproven>) {
        let found = self.judge(BODY, &Nonces::default());
        let expected = expected.map(|it| it.map(|(name, sort)| (name.to_owned(), sort)));
        assert_eq!(found, expected);
    }
}

fn shows(name: &'static str, value: &str) -> Request {
    Request::default().with(name, value)
}

fn certified(sha256: [u8; 32], names: &[&str]) -> Request {
    let names = names.iter().map(|&name| name.into()).collect();
    Request {
        certificate: Some((sha256, names)),
        ..Request::default()
    }
}

const COVERED: &str = "\"@method\" \"@authority\" \"@path\" \"content-digest\" \"content-type\"";

fn content_digest(content: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    format!("sha-256=:{}:", STANDARD.encode(digest))
}

fn usual() -> String {
    format!("({COVERED});created={NOW};nonce=\"n-1\";keyid=\"W-0001\"")
}

/// A signed request of these parameters, as `W-0001` would sign it.
fn signed(params: &str) -> Request {
    let digest = content_digest(BODY);
    let mut base = String::new();
    for component in params
        .split(')')
        .next()
        .unwrap()
        .trim_start_matches('(')
        .split(' ')
    {
        let value = match component {
            "\"@method\"" => "POST",
            "\"@authority\"" => "gateway:8080",
            "\"@path\"" => "/v1/scan",
            "\"@target-uri\"" => "http://gateway:8080/v1/scan",
            "\"@query\"" => "?a=1",
            "\"content-digest\"" => &digest,
            "\"content-type\"" => "application/json",
            other => panic!("{other}"),
        };
        base.extend([format!("{component}: {value}\n")]);
    }
    base.extend([format!("\"@signature-params\": {params}")]);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRETS[0]);
    let mac = STANDARD.encode(hmac::sign(&key, base.as_bytes()));
    Request::default()
        .with("content-type", "application/json")
        .with("content-digest", digest)
        .with("signature-input", format!("any={params}"))
        .with("signature", format!("any=:{mac}:"))
}

#[test]
fn a_key_proves_its_terminal() {
    let proven = || Ok(Some(("W-0001", Sort::ApiKey)));
    shows("authorization", &format!("Bearer {KEY}")).check(proven());
    shows("authorization", &format!("bearer   {KEY} ")).check(proven());
    shows("authorization", &format!("BEARER\t{KEY}")).check(proven());
    shows("x-api-key", &format!(" {KEY}")).check(proven());
}

#[test]
fn another_key_proves_nobody() {
    let (lower, longer) = (KEY.to_lowercase(), format!("{KEY}x"));
    for key in [
        "",
        "x",
        KEY.trim_start_matches('U'),
        &longer,
        &lower,
        &format!("{KEY} {KEY}"),
        "中文",
    ] {
        shows("authorization", &format!("Bearer {key}")).check(Err(Unproven::StrangeKey));
        shows("x-api-key", key).check(Err(Unproven::StrangeKey));
    }
    shows("authorization", "Bearer").check(Err(Unproven::StrangeKey));
    shows("authorization", &format!("Basic {KEY}")).check(Ok(None));
    shows("authorization", &format!("Bearer{KEY}")).check(Ok(None));
    shows("authorization", KEY).check(Ok(None));
    Request::default().check(Ok(None));
}

#[test]
fn there_is_one_key() {
    let bearer = format!("Bearer {KEY}");
    let one = || shows("authorization", &bearer);
    for two in [
        one().with("authorization", &*bearer),
        one().with("authorization", "Basic eA=="),
        one().with("x-api-key", KEY),
        shows("x-api-key", KEY).with("x-api-key", KEY),
        shows("x-api-key", KEY).with("authorization", "Bearer "),
    ] {
        two.check(Err(Unproven::SeveralKeys));
    }
    let beside = shows("x-api-key", KEY).with("authorization", "Basic eA==");
    beside.check(Ok(Some(("W-0001", Sort::ApiKey))));
}

#[test]
fn a_certificate_proves_its_terminal_by_itself_or_by_a_name() {
    let proven = || Ok(Some(("W-0001", Sort::Certificate)));
    certified([1; 32], &[]).check(proven());
    certified([5; 32], &["x.example", "w-0001.example"]).check(proven());
    certified([1; 32], &["w-0001.example"]).check(proven());
    for strange in [
        "*.example",
        "x.w-0001.example",
        "w-0001.example.",
        "W-0001.example",
    ] {
        certified([5; 32], &[strange]).check(Ok(None));
    }
    for two in [
        certified([1; 32], &["w-0002.example"]),
        certified([5; 32], &["w-0001.example", "w-0002.example"]),
    ] {
        two.check(Err(Unproven::OtherTerminal));
    }
}

#[test]
fn several_proofs_are_of_one_terminal() {
    let key = |request: Request, key: &str| request.with("x-api-key", key);
    let proven = || Ok(Some(("W-0001", Sort::Certificate)));
    key(certified([1; 32], &[]), KEY).check(proven());
    key(certified([9; 32], &[]), KEY).check(Ok(Some(("W-0001", Sort::ApiKey))));
    key(certified([1; 32], &[]), OTHER).check(Err(Unproven::OtherTerminal));
    key(signed(&usual()), KEY).check(Ok(Some(("W-0001", Sort::ApiKey))));
    key(signed(&usual()), OTHER).check(Err(Unproven::OtherTerminal));
    let wrong = key(certified([1; 32], &[]), "wrong");
    wrong.check(Err(Unproven::StrangeKey));
}

#[test]
fn what_was_taken_back_is_told_to_whom_it_belonged() {
    shows("x-api-key", &KEY.repeat(2)).check(Err(Unproven::Revoked));
    certified([3; 32], &[]).check(Err(Unproven::Revoked));
    let forged = signed(&usual().replace("W-0001", "W-0003"));
    forged.check(Err(Unproven::StrangeSignature));
}

#[test]
fn a_signature_proves_its_terminal() {
    let proven = || Ok(Some(("W-0001", Sort::Signature)));
    signed(&usual()).check(proven());
    signed(&usual().replace(";nonce", ";alg=\"hmac-sha256\";tag=\"x\";nonce")).check(proven());
    let target = usual().replace("\"@authority\" \"@path\"", "\"@target-uri\"");
    signed(&target).check(proven());
    let query = usual().replace("\"@path\"", "\"@path\" \"@query\"");
    let asked = Request {
        query: Some("a=1"),
        ..signed(&query)
    };
    asked.check(proven());
    let expires = usual() + &format!(";expires={}", NOW + 1);
    signed(&expires).check(proven());
}

#[test]
fn a_signature_has_its_time() {
    let created = |at: i64| signed(&usual().replace(&NOW.to_string(), &(NOW + at).to_string()));
    created(-300).check(Ok(Some(("W-0001", Sort::Signature))));
    created(-301).check(Err(Unproven::Late));
    created(30).check(Ok(Some(("W-0001", Sort::Signature))));
    created(31).check(Err(Unproven::Early));
    signed(&(usual() + &format!(";expires={NOW}"))).check(Err(Unproven::Over));
    for strange in [i64::from(i32::MAX) * 400_000, -1] {
        let far = usual().replace(&NOW.to_string(), &strange.to_string());
        let why = signed(&far).judge(BODY, &Nonces::default()).unwrap_err();
        assert!(matches!(why, Unproven::Early | Unproven::Late), "{why:?}");
    }
}

#[test]
fn a_signature_says_all_it_must() {
    let missing = |name| Err(Unproven::NoParameter { name });
    signed(&usual().replace(&format!(";created={NOW}"), "")).check(missing("created"));
    signed(&usual().replace(";nonce=\"n-1\"", "")).check(missing("nonce"));
    signed(&usual().replace(";keyid=\"W-0001\"", "")).check(missing("keyid"));
    signed(&usual().replace("n-1", "")).check(Err(Unproven::Nonce));
    signed(&usual().replace("n-1", &"n".repeat(129))).check(Err(Unproven::Nonce));
    let other = ";alg=\"rsa-pss-sha512\";nonce";
    signed(&usual().replace(";nonce", other)).check(Err(Unproven::Algorithm));
    signed(&(usual() + ";extra=1")).check(Err(Unproven::StrangeParameter));
    signed(&usual().replace(&NOW.to_string(), "\"now\"")).check(Err(Unproven::StrangeParameter));
}

#[test]
fn a_signature_covers_all_it_must() {
    for what in ["@method", "@authority", "@path"] {
        let less = usual().replace(&format!("\"{what}\" "), "");
        signed(&less).check(Err(Unproven::Uncovered { what }));
    }
    let asked = Request {
        query: Some("a=1"),
        ..signed(&usual())
    };
    asked.check(Err(Unproven::Uncovered { what: "@query" }));
    let less = signed(&usual().replace(" \"content-digest\"", ""));
    less.check(Err(Unproven::Uncovered {
        what: "content-digest",
    }));
    for name in [
        "idempotency-key",
        "x-multicode-scene",
        "x-multicode-terminal",
    ] {
        let more = signed(&usual()).with(name, "added");
        let name = HeaderName::from_static(name);
        more.check(Err(Unproven::UncoveredField { name }));
    }
    let name = HeaderName::from_static("content-type");
    let less = signed(&usual().replace(" \"content-type\"", ""));
    less.check(Err(Unproven::UncoveredField { name }));
}

#[test]
fn what_was_signed_may_not_be_changed() {
    let change = |name: &str, value: &str| {
        let mut request = signed(&usual());
        let header = request.headers.iter_mut().find(|it| it.0 == name);
        value.clone_into(&mut header.unwrap().1);
        request
    };
    let broken = || Err(Unproven::StrangeSignature);
    change("content-type", "text/plain").check(broken());
    change("content-digest", &content_digest(b"other")).check(broken());
    change("signature", "any=:AAAA:").check(broken());
    change("signature", "any=::").check(broken());
    for (from, to) in [
        ("n-1", "n-2"),
        ("W-0001", "W-0002"),
        ("W-0001", "W-0004"),
        ("W-0001", "X"),
    ] {
        let params = format!("any={}", usual().replace(from, to));
        change("signature-input", &params).check(broken());
    }
    let later = usual().replace(&NOW.to_string(), &(NOW + 1).to_string());
    change("signature-input", &format!("any={later}")).check(broken());
    let elsewhere = Request {
        target: Some("/v1/scan/"),
        ..signed(&usual())
    };
    elsewhere.check(broken());
    let twice = signed(&usual()).with("content-type", "application/json");
    twice.check(broken());
    // Over the head all holds; the content is another.
    let found = signed(&usual()).judge(b"other", &Nonces::default());
    assert_eq!(found, Err(Unproven::OtherContent));
    let found = signed(&usual()).judge(b"", &Nonces::default());
    assert_eq!(found, Err(Unproven::OtherContent));
}

#[test]
fn a_signature_is_whole_and_alone() {
    let without = |name: &str| {
        let mut request = signed(&usual());
        request.headers.retain(|it| it.0 != name);
        request
    };
    without("signature").check(Err(Unproven::HalfSignature));
    without("signature-input").check(Err(Unproven::HalfSignature));
    let absent = without("content-digest");
    absent.check(Err(Unproven::AbsentComponent));
    let other = without("signature").with("signature", "other=:AAAA:");
    other.check(Err(Unproven::HalfSignature));
    let several = signed(&usual())
        .with("signature-input", "b=()")
        .with("signature", "b=::");
    several.check(Err(Unproven::SeveralSignatures));
    let again = signed(&usual()).with("signature", "any=::");
    let why = again.judge(BODY, &Nonces::default()).unwrap_err();
    assert!(
        matches!(
            why,
            Unproven::Unread {
                field: "Signature",
                ..
            }
        ),
        "{why:?}"
    );
}

#[test]
fn a_signature_is_good_once() {
    let nonces = Nonces::default();
    let request = signed(&usual());
    // What broke off on its way used nothing up.
    assert_eq!(request.judge(b"{", &nonces), Err(Unproven::OtherContent));
    assert!(request.judge(BODY, &nonces).is_ok());
    assert_eq!(request.judge(BODY, &nonces), Err(Unproven::Replayed));
    let anew = signed(&usual().replace("n-1", "n-2"));
    assert!(anew.judge(BODY, &nonces).is_ok());
}

#[test]
fn a_signature_does_not_outlast_its_nonce_while_its_content_is_awaited() {
    let nonces = Nonces::default();
    let request = signed(&usual());
    let over = (BODY, &nonces);
    let late = now().after(LATE);
    assert!(request.judge_at(over, late, late).is_ok());
    let later = late.after(std::time::Duration::from_secs(1));
    let why = request.judge_at(over, late, later).unwrap_err();
    assert_eq!(why, Unproven::Late);
}

#[test]
fn a_certificate_that_ends_while_its_connection_is_open_proves_nothing() {
    let request = certified([1; 32], &[]);
    let over = (BODY, &Nonces::default());
    assert!(request.judge_at(over, now(), now()).is_ok());
    let later = now().after(std::time::Duration::from_secs(1));
    let why = request.judge_at(over, later, later).unwrap_err();
    assert_eq!(why, Unproven::CertificateOver);
}

#[test]
fn digests_of_other_algorithms_say_nothing() {
    for (digest, expected) in [
        ("md5=:AAAA:", Some(Unproven::StrangeDigest)),
        ("sha-256=:AAAA:", Some(Unproven::OtherContent)),
    ] {
        let mut request = signed(&usual());
        request.headers[1].1 = digest.to_owned();
        let head = request.judge(BODY, &Nonces::default());
        assert_eq!(head, Err(Unproven::StrangeSignature));
        let found = signature::Content::Digested(fields::bytes(digest.as_bytes()).unwrap());
        assert_eq!(found.is(BODY).err(), expected);
    }
}

#[test]
fn no_refusal_says_whether_a_terminal_is_there() {
    let why = |keyid: &str| {
        let params = usual().replace("W-0001", keyid);
        let mut request = signed(&usual());
        request.headers[2].1 = format!("any={params}");
        request.judge(BODY, &Nonces::default()).unwrap_err()
    };
    // There with a key, revoked, without a key, and not there.
    for keyid in ["W-0002", "W-0003", "W-0004", "W-0005"] {
        assert_eq!(why(keyid), Unproven::StrangeSignature);
    }
}

proptest! {
    #[test]
    fn whatever_is_shown_is_judged(
        input in prop::collection::vec(0x20_u8..0x7F, 0..120),
        signature in prop::collection::vec(0x80_u8..=0xFF, 0..40),
        authorization in "[Bb]earer [ -~]{0,60}",
    ) {
        let mut headers = HeaderMap::new();
        headers.append(SIGNATURE_INPUT, HeaderValue::from_bytes(&input).unwrap());
        headers.append(SIGNATURE, HeaderValue::from_bytes(&signature).unwrap());
        headers.append(header::AUTHORIZATION, HeaderValue::from_str(&authorization).unwrap());
        let head = Head {
            method: &Method::POST,
            scheme: Scheme::Https,
            authority: None,
            path: "",
            query: None,
            headers: &headers,
            certificate: None,
        };
        prop_assert!(book().hear(&head, now()).is_err());
    }

    /// One character of a sound signature changed, anywhere in its parameters, proves nobody.
    #[test]
    fn a_signature_holds_to_the_letter(at in 0..90_usize, to in 0x20_u8..0x7F) {
        let mut request = signed(&usual());
        let mut bytes = request.headers[2].1.clone().into_bytes();
        let at = "any=".len() + at % (bytes.len() - "any=".len());
        // A space more or less means the same.
        prop_assume!(bytes[at] != to && bytes[at] != b' ' && to != b' ');
        bytes[at] = to;
        request.headers[2].1 = String::from_utf8(bytes).unwrap();
        prop_assert!(request.judge(BODY, &Nonces::default()).is_err());
    }
}
