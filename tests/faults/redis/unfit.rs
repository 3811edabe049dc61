//! Servers that answer, but would forget.

use multicode::state::Trouble;

use super::server::{self, Server};
use super::{gateway, keyed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_evicts_is_not_used_until_it_does_not() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru"]);
    let gateway = gateway(&[&server]);
    assert_eq!(gateway.redis.reach().trouble, Some(Trouble::Evicts));
    assert!(gateway.reserve(&keyed("key")).await.is_none());
    assert_eq!(server.count("*"), 0);
    server.ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    gateway.comes().await;
    gateway.serve(&keyed("key")).await;
    // And not any more when somebody changes it back.
    server.ask(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    gateway.goes().await;
    assert!(gateway.reserve(&keyed("other")).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_not_used() {
    let primary = Server::start(&[]);
    let replica = primary.replica();
    let gateway = gateway(&[&replica]);
    assert_eq!(gateway.redis.reach().trouble, Some(Trouble::Replica));
    assert!(gateway.reserve(&keyed("key")).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_wrong_is_said_and_never_shown() {
    let server = Server::start(&[]);
    server.ask(&["CONFIG", "SET", "requirepass", "secret"]);
    let url = server.url().replace("redis://", "redis://:wrong-one@");
    let setting = multicode::state::RedisSetting::new(vec![url.into()], super::now, 9);
    assert!(!format!("{setting:?}").contains("wrong-one"));
    let redis = multicode::state::Redis::start(&setting, super::seals()).unwrap();
    assert_eq!(redis.reach().trouble, Some(Trouble::Denied));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_only_a_server_of_the_named_authority_is_used() {
    let folder = tempfile::TempDir::new().unwrap();
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert"), folder.path().join("key"));
    std::fs::write(&cert, issued.cert.pem()).unwrap();
    std::fs::write(&key, issued.signing_key.serialize_pem()).unwrap();
    let server = Server::start(&[
        "--tls-port",
        "0",
        "--tls-auth-clients",
        "no",
        "--tls-cert-file",
        cert.to_str().unwrap(),
        "--tls-key-file",
        key.to_str().unwrap(),
        "--tls-ca-cert-file",
        cert.to_str().unwrap(),
    ]);
    let port = server::free_port().to_string();
    server.ask(&["CONFIG", "SET", "tls-port", &port]);
    let reach = |ca: String| {
        let url = format!("rediss://localhost:{port}");
        let mut setting = multicode::state::RedisSetting::new(vec![url.into()], super::now, 9);
        setting.ca = Some(ca.into_bytes().into());
        let redis = multicode::state::Redis::start(&setting, super::seals()).unwrap();
        redis.reach().trouble
    };
    assert_eq!(reach(issued.cert.pem()), None);
    assert_eq!(reach(other.cert.pem()), Some(Trouble::Unreachable));
}
