//! One protocol, on the loop and on a blocking connection: the same bytes, the same calls.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use api_callbacks::protocol::{Echo, Frames, write_frame};
use api_callbacks::{Protocol, ServerBuilder, Transport, run_blocking};
use loop_core::EventLoop;

use crate::transport::run_until;

/// Runs a client against a protocol under the loop, then under a blocking connection, and returns
/// what the client returned in each.
fn both<P: Protocol + 'static, T: Send + 'static>(
    protocol: impl Fn() -> P + Clone + Send + 'static,
    client: impl Fn(TcpStream) -> T + Clone + Send + 'static,
) -> [T; 2] {
    let mut event_loop = EventLoop::new().unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let make = protocol.clone();
    let server = ServerBuilder::new().serve(&event_loop.handle(), any, move |_| make()).unwrap();
    let address = server.local_addr();
    let talk = client.clone();
    let talking = thread::spawn(move || talk(patient(TcpStream::connect(address).unwrap())));
    run_until(&mut event_loop, || talking.is_finished());
    let on_the_loop = talking.join().unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The blocking end has no loop, and its thread no reactor.
    let serving = thread::spawn(move || run_blocking(listener.accept().unwrap().0, protocol()));
    let blocking = client(patient(TcpStream::connect(address).unwrap()));
    let _ = serving.join().unwrap();
    [on_the_loop, blocking]
}

fn patient(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

#[test]
fn the_echo_is_the_same_under_both() {
    let echoed = both(
        || Echo,
        |mut stream| {
            let message: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
            let mut writer = stream.try_clone().unwrap();
            let sent = message.clone();
            let writing = thread::spawn(move || {
                writer.write_all(&sent).unwrap();
                writer.shutdown(Shutdown::Write).unwrap();
            });
            let mut echoed = Vec::new();
            stream.read_to_end(&mut echoed).unwrap();
            writing.join().unwrap();
            echoed == message
        },
    );
    assert_eq!(echoed, [true, true]);
}

#[test]
fn frames_are_the_same_under_both_however_they_are_cut() {
    let protocol = || {
        Frames::new(1 << 20, |transport, frame| {
            let mut answer = frame.to_vec();
            answer.reverse();
            write_frame(transport, &answer);
        })
    };
    for step in [1, 3, 5, 7_919] {
        let answers = both(protocol, move |mut stream| {
            let long: Vec<u8> = (0..20_000_u32).map(|n| n as u8).collect();
            let sent: Vec<u8> = [&b"one"[..], b"", b"three", &long].map(frame).concat();
            let mut writer = stream.try_clone().unwrap();
            let writing = thread::spawn(move || {
                sent.chunks(step).for_each(|piece| writer.write_all(piece).unwrap());
                writer.shutdown(Shutdown::Write).unwrap();
            });
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            writing.join().unwrap();
            let mut reversed = long;
            reversed.reverse();
            answer == [&b"eno"[..], b"", b"eerht", &reversed].map(frame).concat()
        });
        assert_eq!(answers, [true, true], "in pieces of {step}");
    }
}

#[test]
fn a_frame_that_is_too_long_ends_the_connection_under_both() {
    let protocol = || Frames::new(8, |transport, frame| write_frame(transport, frame));
    let answers = both(protocol, |mut stream| {
        stream.write_all(&[frame(b"short"), frame(b"far too long")].concat()).unwrap();
        let mut answer = Vec::new();
        // The system may reset what was not read.
        let _ = stream.read_to_end(&mut answer);
        answer.len() <= frame(b"short").len()
    });
    assert_eq!(answers, [true, true]);
}

/// Writes down what it hears, and ends the connection when it hears a `q`.
#[derive(Clone, Default)]
struct Told(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl Told {
    fn tell(&self, call: &str) {
        let mut calls = self.0.lock().unwrap();
        if calls.last().is_none_or(|last| last != call) {
            calls.push(call.to_owned());
        }
    }
}

impl Protocol for Told {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        assert!(transport.peer_addr().is_ok() && transport.local_addr().is_ok());
        self.tell("made");
    }

    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]) {
        self.tell("data");
        transport.writelines(&[bytes, b"!"]);
        if bytes.contains(&b'q') {
            transport.write_eof();
            transport.close();
            assert!(transport.is_closing() && !transport.is_reading());
        }
    }

    fn eof_received(&self, _: &dyn Transport) -> bool {
        self.tell("eof");
        false
    }

    fn connection_lost(&self, error: Option<io::Error>) {
        self.tell(if error.is_none() { "lost" } else { "failed" });
    }
}

#[test]
fn a_protocol_hears_the_same_under_both() {
    for (said, heard) in
        [("hello", vec!["made", "data", "eof", "lost"]), ("q", vec!["made", "data", "lost"])]
    {
        let told = Told::default();
        let shared = told.clone();
        let answers = both(
            move || shared.clone(),
            move |mut stream| {
                stream.write_all(said.as_bytes()).unwrap();
                if said != "q" {
                    stream.shutdown(Shutdown::Write).unwrap();
                }
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                answer
            },
        );
        assert_eq!(answers, [format!("{said}!"), format!("{said}!")]);
        let calls = told.0.lock().unwrap().clone();
        assert_eq!(calls, [heard.clone(), heard].concat());
    }
}

#[test]
fn a_blocking_protocol_that_pauses_for_ever_is_told_so() {
    struct Pauses(Rc<RefCell<Option<ErrorKind>>>);
    impl Protocol for Pauses {
        fn data_received(&self, transport: &dyn Transport, _: &[u8]) {
            transport.pause_reading();
        }
        fn connection_lost(&self, error: Option<io::Error>) {
            self.0.replace(error.map(|error| error.kind()));
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    peer.write_all(b"x").unwrap();
    let told = Rc::new(RefCell::new(None));
    let ran = run_blocking(listener.accept().unwrap().0, Pauses(told.clone()));
    assert_eq!(ran.unwrap_err().kind(), ErrorKind::Deadlock);
    assert_eq!(*told.borrow(), Some(ErrorKind::Deadlock));
}

/// Ends its connection as soon as it hears something.
struct Ends(fn(&dyn Transport));

impl Protocol for Ends {
    fn data_received(&self, transport: &dyn Transport, _bytes: &[u8]) {
        (self.0)(transport);
    }
}

#[test]
fn a_reset_is_heard_as_a_failure_and_an_abort_as_an_end_under_both() {
    let hear = |end: fn(&dyn Transport)| {
        both(
            move || Ends(end),
            |mut stream| {
                stream.write_all(b"x").unwrap();
                stream.read(&mut [0]).map_err(|error| error.kind())
            },
        )
    };
    assert_eq!(hear(|transport| transport.reset()), [Err(ErrorKind::ConnectionReset); 2]);
    assert_eq!(hear(|transport| transport.abort()), [Ok(0); 2]);
}
