//! The programs with threads where the system has few: what cannot be begun is an error, and no panic.
//!
//! Rule: each test runs itself again in a process with room for some stacks alone, so that the others keep
//! theirs.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;
use std::{env, thread};

use examples::steps::Peer;
use examples::{Style, chat, crawler, happy_eyeballs, key_value, proxy, steps};

use crate::client::{connect, expect_end};
use crate::server::{PATIENCE, wait_until};

/// Says that there are few threads already.
const FEW: &str = "ONELOOP_FEW_THREADS";

/// The size of a stack, and how many of them there is room for, roughly.
const STACK_BYTES: u64 = 1 << 30;
const STACKS: u64 = 12;

/// Runs a test of this name in a process of its own that has few threads; fails if it panics there.
fn with_few_threads(name: &str, test: fn()) {
    if env::var_os(FEW).is_some() {
        return test();
    }
    if !cfg!(target_os = "linux") {
        return eprintln!("skipped: this system does not count the memory of stacks");
    }
    let kibibytes = STACKS * STACK_BYTES / 1024;
    let child = Command::new("sh")
        .args(["-c", "ulimit -v \"$1\"; shift; exec \"$@\"", "sh", &kibibytes.to_string()])
        .arg(env::current_exe().unwrap())
        .args([&format!("few_threads::{name}"), "--exact", "--nocapture", "--test-threads=1"])
        .env(FEW, "1")
        .env("RUST_MIN_STACK", STACK_BYTES.to_string())
        .output()
        .unwrap();
    let told = [child.stdout, child.stderr].map(|told| String::from_utf8_lossy(&told).into_owned());
    assert!(child.status.success(), "{}: {told:?}", child.status);
    assert!(told[0].contains("1 passed") && !told[1].contains("panicked"), "{told:?}");
}

/// More than there is room for.
const MANY: usize = 40;

#[test]
fn a_crawl_without_its_workers_is_an_error() {
    with_few_threads("a_crawl_without_its_workers_is_an_error", || {
        let site = crawler::Site::start().unwrap();
        let options = crawler::Options {
            workers: MANY,
            fetch_timeout: Duration::from_secs(1),
            ..crawler::Options::for_site(&site)
        };
        let ran = crawler::run(crawler::Version::Good(Style::Threads), &options);
        assert_unavailable(&ran.unwrap_err());
        site.stop();
    });
}

#[test]
fn steps_without_their_fetches_are_an_error_and_are_undone() {
    with_few_threads("steps_without_their_fetches_are_an_error_and_are_undone", || {
        let peer = Peer::start([]).unwrap();
        let items = (0..MANY).map(|number| number.to_string()).collect();
        let options =
            steps::Options { items, at_once: MANY, ..steps::Options::new(peer.address()) };
        let error = steps::run(Style::Threads, &options).unwrap().items.unwrap_err();
        assert!(error.to_string().starts_with("fetch: "), "{error}");
        assert_unavailable(&error);
        wait_until("the session is over", PATIENCE, || {
            peer.journal() == ["AUTH open sesame", "ROLLBACK", "QUIT"]
        });
    });
}

#[test]
fn an_attempt_without_a_thread_has_failed() {
    with_few_threads("an_attempt_without_a_thread_has_failed", || {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        // Its queue is full, so that an attempt takes its time.
        let queue = thread::spawn(move || {
            let full = || TcpStream::connect_timeout(&address, Duration::from_millis(200));
            (0..5000).map_while(|_| full().ok()).collect::<Vec<_>>()
        });
        socket2::SockRef::from(&silent).listen(0).unwrap();
        let _full = queue.join().unwrap();
        let options = happy_eyeballs::Options {
            addresses: vec![address; MANY],
            delay: Duration::ZERO,
            limit: Some(Duration::from_millis(300)),
        };
        let race = happy_eyeballs::run(Style::Threads, &options).unwrap();
        let errors = race.connected.unwrap_err().errors;
        assert_eq!(errors[0].kind(), std::io::ErrorKind::TimedOut, "{errors:?}");
    });
}

fn assert_unavailable(error: &std::io::Error) {
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
}

/// Starts a server, connects more clients than have threads, and stops it: a client without one is closed.
fn serves_whom_it_can(serve: impl FnOnce(UnixStream, mpsc::Sender<SocketAddr>) + Send + 'static) {
    let (stop, stopped) = UnixStream::pair().unwrap();
    let (announced, address) = mpsc::channel();
    let server = thread::spawn(move || serve(stopped, announced));
    let address = address.recv_timeout(PATIENCE).unwrap();
    let mut clients: Vec<_> = (0..STACKS).map(|_| connect(address)).collect();
    // Accepting rests when there is no thread: one of these at least is closed meanwhile.
    let closed = clients.iter().position(|client| {
        client.set_nonblocking(true).unwrap();
        thread::sleep(Duration::from_millis(20));
        matches!(client.peek(&mut [0]), Ok(0))
    });
    if let Some(closed) = closed {
        clients[closed].set_nonblocking(false).unwrap();
        expect_end(&mut clients[closed]);
    }
    drop((stop, clients));
    server.join().unwrap();
}

#[test]
fn a_key_value_server_serves_whom_it_can() {
    with_few_threads("a_key_value_server_serves_whom_it_can", || {
        serves_whom_it_can(|stopped, announced| {
            let listen = "127.0.0.1:0".parse().unwrap();
            let options =
                key_value::Options { listen, clients_max: 100, grace: Duration::from_millis(100) };
            let announce = move |address| announced.send(address).unwrap();
            key_value::run(key_value::Version::Good(Style::Threads), &options, stopped, announce)
                .unwrap();
        });
    });
}

#[test]
fn a_chat_serves_whom_it_can() {
    with_few_threads("a_chat_serves_whom_it_can", || {
        serves_whom_it_can(|stopped, announced| {
            let listen = "127.0.0.1:0".parse().unwrap();
            let options = chat::Options { listen, grace: Duration::from_millis(100) };
            let announce = move |address| announced.send(address).unwrap();
            chat::run(chat::Version::Good(Style::Threads), &options, stopped, announce).unwrap();
        });
    });
}

#[test]
fn a_proxy_serves_whom_it_can() {
    with_few_threads("a_proxy_serves_whom_it_can", || {
        let target = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = target.local_addr().unwrap();
        serves_whom_it_can(move |stopped, announced| {
            let options = proxy::Options {
                listen: "127.0.0.1:0".parse().unwrap(),
                target: address,
                patience: Duration::from_secs(1),
            };
            let announce = move |address| announced.send(address).unwrap();
            proxy::run(proxy::Version::Good(Style::Threads), &options, stopped, announce).unwrap();
        });
    });
}
