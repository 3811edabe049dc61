use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use http::{HeaderValue, Method, uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::family::Kind;
use crate::metrics::Metrics;
use crate::pointer::Pointer;
use crate::route::contract::{Body, Secrets, Sent, Shape, UrlTemplate};
use crate::upstream::{Endpoint, UpstreamConfig};

fn contract() -> Contract {
    let shape = Shape {
        body: Body::Form(Vec::new()),
        headers: Vec::new(),
        method: Method::POST,
        path: UrlTemplate::parse("/ask").unwrap(),
    };
    Contract::new("ask", Some(Kind::HealthCard), shape, Secrets::default()).unwrap()
}

fn platform() -> Arc<Platform> {
    let about = Introspection {
        name: "card".into(),
        upstream: 0,
        contract: contract(),
        answer: AnswerLayout {
            valid: Pointer::parse("").unwrap(),
            good: ["0".into()].into(),
            index: None,
            region: None,
            expires_at: None,
        },
        keep: DEFAULT_KEEP,
        timeout: DEFAULT_TIMEOUT,
        at_once: 1,
    };
    let digests = hmac::Key::new(hmac::HMAC_SHA256, b"random");
    let counts = Metrics::default().introspection("card");
    Arc::new(Platform::new(about, digests, counts))
}

fn asker(port: u16) -> Asker {
    let endpoint = Endpoint {
        scheme: uri::Scheme::HTTP,
        host: "127.0.0.1".to_owned(),
        port,
        authority: HeaderValue::from_static("platform"),
        weight: 1,
    };
    let upstream = UpstreamConfig {
        name: "platform".to_owned(),
        endpoints: vec![endpoint],
        connect_timeout: DEFAULT_TIMEOUT,
        timeout: DEFAULT_TIMEOUT,
        idle: 1,
        ..UpstreamConfig::default()
    };
    let timer = Timer::new();
    Asker {
        upstreams: Rc::new(Upstreams::new(&[upstream], &timer)),
        timer,
        clock: Timestamp::default,
    }
}

fn values(contract: &Contract) -> Values<'_> {
    Values {
        account: Some("CODE"),
        code: None,
        family: "health-card",
        index: None,
        issuer: None,
        kind: Kind::HealthCard,
        now: Timestamp::default(),
        organisation: None,
        region: None,
        request_id: "request",
        scene: None,
        scene_codes: &[],
        secrets: contract.secrets(),
        sent: Sent::NOTHING,
        terminal: None,
    }
}

async fn ask(platform: Arc<Platform>, asker: Asker) -> Result<bool, Arc<NoWord>> {
    let told = platform.ask("CODE", values, asker).await?;
    Ok(told.active)
}

/// The connection a question came in by.
async fn question(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    assert_ne!(stream.read(&mut [0; 1_024]).await.unwrap(), 0);
    stream
}

/// As over HTTP/2, where a reset ends what the request began.
#[tokio::test(flavor = "current_thread")]
async fn a_question_outlives_the_one_who_put_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let test = async {
        let (platform, asker) = (platform(), asker(port));
        let mut first = Box::pin(ask(Arc::clone(&platform), asker.clone()));
        let mut stream = tokio::select! {
            _ = &mut first => panic!("nobody answered yet"),
            stream = question(&listener) => stream,
        };
        drop(first);
        let mut second = pin!(ask(platform, asker));
        let early = poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx))).await;
        assert!(early.is_pending());
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n0";
        stream.write_all(answer).await.unwrap();
        let told = timeout(DEFAULT_TIMEOUT, second).await;
        assert!(told.expect("nobody asks again").unwrap());
    };
    LocalSet::new().run_until(test).await;
}

#[test]
fn a_word_is_kept_under_a_digest_of_the_question() {
    let platform = platform();
    let digest = platform.digest("CODE", b"");
    assert_eq!(digest, platform.digest("CODE", b""));
    assert_ne!(digest, platform.digest("CODF", b""));
    assert_ne!(digest, platform.digest("CODE", b"office"));
    assert_ne!(platform.digest("CO", b"DE"), platform.digest("COD", b"E"));
    assert!(!format!("{platform:?}").contains("CODE"));
}

#[test]
fn an_ill_platform_is_told_of_once_a_minute_until_it_is_well() {
    let platform = platform();
    let note = |word: Result<(), &NoWord>, seconds| {
        let warns = platform.note(word, Timestamp::from_seconds(seconds));
        (warns, platform.trouble().is_some())
    };
    assert_eq!(note(Ok(()), 0), (false, false));
    assert_eq!(note(Err(&NoWord::Late), 1), (true, true));
    assert_eq!(note(Err(&NoWord::Busy), 60), (false, true));
    assert_eq!(note(Err(&NoWord::Late), 61), (true, true));
    assert_eq!(&*platform.trouble().unwrap(), "no answer came in time");
    assert_eq!(note(Ok(()), 62), (false, false));
}

#[test]
fn a_word_counts_until_its_end_at_most_as_long_as_it_is_kept() {
    let platform = platform();
    let check = |active, end: Option<i64>, expected: Duration| {
        let told = Introspected {
            active,
            expires_at: end.map(Timestamp::from_millis),
            ..Introspected::ACTIVE
        };
        let counts = platform.counts_for(&told, Timestamp::from_millis(500));
        assert_eq!(counts, expected, "{active} {end:?}");
    };
    check(true, None, DEFAULT_KEEP);
    check(true, Some(1_500), Duration::from_secs(1));
    check(true, Some(400), Duration::ZERO);
    check(true, Some(i64::MIN), Duration::ZERO);
    check(true, Some(i64::MAX), DEFAULT_KEEP);
    check(false, None, REFUSAL_KEPT);
}
