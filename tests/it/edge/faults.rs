use std::net::TcpListener;
use std::time::Instant;

use multicode::sandbox::departments::{Department, Fault};

use super::{Answer, Backend, HEALTH_CARD, SHORT, TestGateway};

/// Scans a health card while its department meets the fault; it must be asked exactly once.
#[track_caller]
fn check(fault: Fault) -> Answer {
    let gateway = TestGateway::with(|files| {
        let file = "routes.d/health.toml";
        files.change(file, "# timeout         = \"5s\"", "timeout = \"300ms\" #");
    });
    gateway.spoil(Department::Health, fault);
    let answer = gateway.client().exchange(super::post(
        "/v1/scan?scene=register&terminal=W-0001",
        "Content-Type: text/plain\r\n",
        HEALTH_CARD,
    ));
    std::thread::sleep(SHORT);
    assert_eq!(gateway.only_received().0, Department::Health);
    assert!(!answer.whole().contains(HEALTH_CARD));
    answer
}

#[test]
fn a_department_that_hangs_up_leaves_the_outcome_unknown() {
    check(Fault::Close).assert_refused(502, "outcome-unknown");
}

#[test]
fn a_department_that_says_nothing_leaves_the_outcome_unknown() {
    let answer = check(Fault::Hang);
    answer.assert_refused(504, "outcome-unknown");
    assert_eq!(answer.json()["retryable"], false);
}

#[test]
fn a_departments_own_error_passes_untouched() {
    let answer = check(Fault::Status);
    assert_eq!((answer.status, answer.text()), (500, "internal error\n"));
    assert_eq!(answer.reason(), None);
}

#[test]
fn half_an_answer_is_never_a_whole_one() {
    let gateway = TestGateway::start();
    gateway.spoil(Department::Health, Fault::Half);
    let mut client = gateway.client();
    client.write(super::post(
        "/v1/scan?scene=register&terminal=W-0001",
        "Content-Type: text/plain\r\n",
        HEALTH_CARD,
    ));
    let head = client.head();
    assert_eq!(head.status, 200);
    let announced: usize = head.header("content-length").unwrap().parse().unwrap();
    let began = Instant::now();
    assert!(client.rest().len() < announced);
    assert!(
        began.elapsed() < SHORT * 3,
        "nobody waits for the other half"
    );
    gateway.only_received();
}

#[test]
fn a_department_that_is_not_there_was_sent_nothing() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let gateway = TestGateway::with(|files| files.pass_through(address));
    let answer = gateway.scan(HEALTH_CARD, "other");
    answer.assert_refused(503, "upstream-unreachable");
    assert_eq!(answer.json()["retryable"], true);
}

#[test]
fn of_two_endpoints_one_is_enough() {
    let down = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let endpoints = format!(
        "endpoints = [\"http://{down}\", \"http://{}\"]",
        backend.address
    );
    let gateway = TestGateway::with(|files| files.pass_through_with(&endpoints));
    for _ in 0..4 {
        assert_eq!(gateway.scan(HEALTH_CARD, "other").text(), "ok");
    }
    assert_eq!(backend.seen().len(), 4);
}

#[test]
fn an_answer_that_is_not_http_is_invalid() {
    for answer in [
        "SSH-2.0-OpenSSH_9\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    ] {
        let backend = Backend::answering(answer);
        let gateway = TestGateway::with(|files| files.pass_through(backend.address));
        gateway
            .scan(HEALTH_CARD, "other")
            .assert_refused(502, "upstream-invalid");
        assert_eq!(backend.seen().len(), 1);
    }
}
