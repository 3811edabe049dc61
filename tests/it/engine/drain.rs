//! What a server does with those who are there when it ends.

use std::cell::Cell;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use http::{Request, Response};
use multicode::server::{
    Config, CutOff, Handler, Peer, RequestBody, Running, Server, Socket, Undertakings,
};
use multicode::upstream::ResponseBody;

use super::{Client, SOON, answer, config, post};

/// How long what is slow takes.
const SLOW: Duration = Duration::from_millis(400);

/// Long enough for a drain to have begun.
const BEGUN: Duration = Duration::from_millis(100);

/// Answers `/slow` late; `/outlive` at once, and goes on working.
struct Slow {
    undertakings: Undertakings,
    done: Arc<AtomicUsize>,
    asked: Rc<Cell<usize>>,
}

impl Handler for Slow {
    async fn handle(&self, request: Request<RequestBody>, _: &Peer) -> Response<ResponseBody> {
        self.asked.set(self.asked.get() + 1);
        match request.uri().path() {
            "/slow" => tokio::time::sleep(SLOW).await,
            "/never" => std::future::pending().await,
            "/outlive" => {
                let (undertaking, done) = (self.undertakings.begin(), Arc::clone(&self.done));
                drop(tokio::task::spawn_local(async move {
                    tokio::time::sleep(SLOW).await;
                    done.fetch_add(1, Ordering::Relaxed);
                    drop(undertaking);
                }));
            }
            _ => {}
        }
        answer(200, "done")
    }
}

struct Drained {
    server: Server,
    running: Running,
    address: SocketAddr,
    done: Arc<AtomicUsize>,
}

fn start() -> Drained {
    let server = Server::bind(config()).unwrap();
    let done = Arc::default();
    Drained {
        running: run(&server, &done),
        address: server.addresses()[0].tcp().unwrap(),
        server,
        done,
    }
}

fn run(server: &Server, done: &Arc<AtomicUsize>) -> Running {
    let done = Arc::clone(done);
    server
        .start(move |context| Slow {
            undertakings: context.undertakings.clone(),
            done: Arc::clone(&done),
            asked: Rc::default(),
        })
        .unwrap()
}

/// Ends a server and gives up its addresses.
fn drain(mut server: Server, running: Running, within: Duration) -> JoinHandle<CutOff> {
    server.leave();
    spawn(move || running.drain(within))
}

/// One answer's whole head, in lower case.
fn head(client: &mut Client) -> String {
    use std::io::Read;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.0.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    let mut body = [0; 4];
    client.0.read_exact(&mut body).expect("a body");
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

fn says_close(head: &str) -> bool {
    head.contains("\r\nconnection: close\r\n")
}

#[test]
fn a_slow_request_is_finished_and_told_that_the_connection_ends() {
    let Drained {
        server,
        running,
        address,
        ..
    } = start();
    let mut client = Client::new(address);
    client.write(post("/slow", ""));
    sleep(BEGUN);
    let drained = drain(server, running, SOON);
    let head = head(&mut client);
    assert!(
        head.starts_with("http/1.1 200") && says_close(&head),
        "{head}"
    );
    assert_eq!(client.rest().0, "");
    drop(client);
    assert_eq!(drained.join().unwrap(), CutOff::default());
}

#[test]
fn an_idle_connection_may_send_once_more() {
    let Drained {
        server,
        running,
        address,
        ..
    } = start();
    let mut client = Client::new(address);
    client.write(post("/", ""));
    assert!(!says_close(&head(&mut client)));
    let drained = drain(server, running, SOON);
    sleep(BEGUN);
    client.write(post("/", ""));
    assert!(says_close(&head(&mut client)));
    assert_eq!(client.rest().0, "");
    drop(client);
    assert_eq!(drained.join().unwrap(), CutOff::default());
}

#[test]
fn who_is_in_the_kernels_queue_is_served() {
    let Drained {
        server,
        running,
        address,
        ..
    } = start();
    let mut clients: Vec<_> = (0..50).map(|_| Client::new(address)).collect();
    let drained = drain(server, running, SOON);
    sleep(BEGUN);
    for client in &mut clients {
        client.write(post("/", ""));
        assert!(says_close(&head(client)));
    }
    drop(clients);
    assert_eq!(drained.join().unwrap(), CutOff::default());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn who_says_nothing_is_waited_for_briefly_and_not_counted() {
    let Drained {
        server,
        running,
        address,
        ..
    } = start();
    let mut client = Client::new(address);
    client.write(post("/", ""));
    head(&mut client);
    let (began, silent) = (Instant::now(), Client::new(address));
    let drained = drain(server, running, Duration::from_secs(60));
    assert_eq!(drained.join().unwrap(), CutOff::default());
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    // A deadline before the grace is over is the end for them, too.
    let Drained {
        server,
        running,
        address,
        ..
    } = start();
    let idle = Client::new(address);
    let cut_off = drain(server, running, BEGUN).join().unwrap();
    assert_eq!(cut_off, CutOff::default());
    drop((silent, idle));
}

#[test]
fn a_client_of_version_1_0_is_told_as_well() {
    let Drained {
        server,
        running,
        address,
        ..
    } = start();
    let mut client = Client::new(address);
    client.write(
        "POST /slow HTTP/1.0\r\nHost: g\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
    );
    sleep(BEGUN);
    let drained = drain(server, running, SOON);
    let head = head(&mut client);
    assert!(!head.contains("keep-alive"), "{head}");
    assert_eq!(client.rest().0, "");
    drop(client);
    assert_eq!(drained.join().unwrap(), CutOff::default());
}

#[test]
fn work_that_outlives_its_connection_is_waited_for() {
    let Drained {
        server,
        running,
        address,
        done,
    } = start();
    let mut client = Client::new(address);
    client.write(post("/outlive", ""));
    head(&mut client);
    drop(client);
    let drained = drain(server, running, SOON);
    assert_eq!(drained.join().unwrap(), CutOff::default());
    assert_eq!(done.load(Ordering::Relaxed), 1);
}

#[test]
fn what_is_not_done_at_the_deadline_is_counted() {
    let Drained {
        server,
        running,
        address,
        done,
    } = start();
    let mut stuck = Client::new(address);
    stuck.write(post("/never", ""));
    let mut client = Client::new(address);
    client.write(post("/outlive", ""));
    head(&mut client);
    let expected = CutOff {
        connections: 1,
        undertakings: 1,
    };
    assert_eq!(drain(server, running, BEGUN).join().unwrap(), expected);
    assert_eq!(done.load(Ordering::Relaxed), 0);
    assert_eq!(stuck.rest().0, "");
}

#[test]
fn where_a_successor_comes_new_connections_are_served_meanwhile() {
    let Drained {
        server,
        running,
        address,
        done,
    } = start();
    let idle = Client::new(address);
    let ended = spawn(move || running.make_room(SOON));
    sleep(BEGUN);
    let mut client = Client::new(address);
    client.write(post("/", ""));
    assert!(says_close(&head(&mut client)));
    drop(client);
    assert_eq!(ended.join().unwrap(), CutOff::default());
    // Nobody works here any more; who comes now is served by the next.
    let mut client = Client::new(address);
    client.write(post("/", ""));
    let again = run(&server, &done);
    assert!(!says_close(&head(&mut client)));
    drop((idle, client));
    assert_eq!(again.drain(SOON), CutOff::default());
}

#[test]
fn workers_share_a_socket_that_was_passed_to_the_process() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let config = Config {
        workers: 3,
        ..config()
    };
    let server = Server::bind_beside(config, vec![vec![Socket::Tcp(socket)]], true).unwrap();
    let (running, address) = (
        run(&server, &Arc::default()),
        server.addresses()[0].tcp().unwrap(),
    );
    let mut clients: Vec<_> = (0..30).map(|_| Client::new(address)).collect();
    for client in &mut clients {
        client.write(post("/", ""));
        head(client);
    }
    drop(clients);
    assert_eq!(running.drain(SOON), CutOff::default());
}
