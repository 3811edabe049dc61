//! Terminals that hang up while money moves, and come back.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use socket2::SockRef;

use super::crowd::secure;
use super::eventually;
use super::till::{Order, Shop};
use crate::edge::keep;

/// How long the bank takes: a terminal hangs up meanwhile.
const PAUSE: u64 = 400;

/// What the terminal is told when it comes back: what became of its payment, which was made once.
#[track_caller]
fn assert_seen_through(shop: &Shop, order: &Order, gateway: SocketAddr) {
    eventually("it is answered", || {
        let told = order.pay(gateway).unwrap();
        assert!(["200", "in-flight"].contains(&&*told.verdict()), "{told:?}");
        told.status == 200 && told.replayed
    });
    assert_eq!(shop.bank.deliveries(&order.id), 1);
    assert_eq!(order.state(gateway), "done");
}

fn shop() -> Shop {
    Shop::open(PAUSE..=PAUSE, |files| {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        files.write("cert.pem", &made.cert.pem());
        keep(&files.path("key.pem"), &made.signing_key.serialize_pem());
        let secure = "\n[listener.secure]\naddress = \"127.0.0.1:0\"\nterminals = \"any\"\n\
                      anonymous = true\ntls = { cert = \"cert.pem\", key = \"key.pem\" }\n\n[admin]";
        files.change("routes.toml", "\n[admin]", secure);
    })
}

#[test]
fn a_payment_whose_terminal_hangs_up_is_seen_through() {
    let shop = shop();
    let process = shop.serve();
    let gateway = process.addresses()[0];
    for resets in [true, false] {
        for order in [shop.wallet(), shop.one_time()] {
            let mut stream = TcpStream::connect(gateway).unwrap();
            stream.write_all(&order.request(&order.id)).unwrap();
            eventually("the bank is asked", || shop.bank.deliveries(&order.id) == 1);
            if resets {
                let linger = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                linger.unwrap();
            } else {
                stream.shutdown(Shutdown::Both).unwrap();
            }
            drop(stream);
            assert_seen_through(&shop, &order, gateway);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_whose_stream_is_cancelled_is_seen_through() {
    let shop = shop();
    let process = shop.serve();
    let addresses = process.addresses();
    let authority = shop.files.path("cert.pem");
    for _ in 0..2 {
        let order = shop.wallet();
        let mut sender = secure(addresses[1], &authority).await.unwrap();
        let request = Request::post("https://localhost/v1/scan")
            .header("content-type", "application/json")
            .header("idempotency-key", &order.id)
            .body(Full::new(Bytes::from(order.body())))
            .unwrap();
        let answer = tokio::spawn(sender.send_request(request));
        eventually("the bank is asked", || shop.bank.deliveries(&order.id) == 1);
        // RST_STREAM; the connection stays.
        answer.abort();
        assert!(answer.await.unwrap_err().is_cancelled());
        assert_seen_through(&shop, &order, addresses[0]);
    }
}
