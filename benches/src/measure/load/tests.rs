//! The generator against servers that are right, slow, wrong or silent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::phases::Closed;
use super::*;

mod shapes;

/// Starts a server in this process that treats every connection with `behave`.
fn server(behave: impl Fn(TcpStream) + Send + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (socket, behave) = (socket.unwrap(), behave.clone());
            thread::spawn(move || behave(socket));
        }
    });
    addr
}

/// Echoes; `change` may alter, shorten or lengthen what was read, or end the connection.
fn echo(mut socket: TcpStream, mut change: impl FnMut(&mut Vec<u8>) -> bool) {
    socket.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = socket.read(&mut buffer) {
        let mut bytes = buffer[..length].to_vec();
        if !change(&mut bytes) || socket.write_all(&bytes).is_err() {
            return;
        }
    }
}

fn generator(addr: SocketAddr, connections: usize, size: usize) -> Generator {
    Generator::connect(addr, Shape::plain(connections, size), &Interrupt::default()).unwrap()
}

fn closed(generator: &mut Generator, messages: u64) -> Result<Closed, Trouble> {
    generator.closed(Limit::Messages(messages), &mut Recorder::new())
}

#[test]
fn a_right_echo_is_counted_exactly() {
    let addr = server(|socket| echo(socket, |_| true));
    for (connections, size) in [(1, 1), (3, 64), (2, 4_093), (2, 70_000)] {
        let mut generator = generator(addr, connections, size);
        assert_eq!(closed(&mut generator, 100).unwrap().messages, 100);
        // A second phase goes on where the first one ended.
        assert_eq!(closed(&mut generator, 50).unwrap().messages, 50);
    }
}

#[test]
fn the_largest_messages_come_back_whole() {
    let addr = server(|socket| echo(socket, |_| true));
    let mut generator = generator(addr, 2, SIZE_MAX);
    assert_eq!(closed(&mut generator, 3).unwrap().messages, 3);
}

#[test]
fn an_open_phase_answers_every_message_of_its_schedule() {
    let addr = server(|socket| echo(socket, |_| true));
    let mut generator = generator(addr, 4, 20_000);
    let mut recorder = Recorder::new();
    let schedule = Schedule::poisson(2_000.0, Duration::from_millis(200), 4, 1);
    let open = generator.open(&schedule, &mut recorder).unwrap();
    assert_eq!(open.unanswered(), 0);
    assert_eq!(open.offered, schedule.arrivals().len() as u64);
    assert_eq!(recorder.response.len(), open.offered);
    assert_eq!(recorder.send_lag.len(), open.offered);
}

#[test]
fn a_flipped_byte_is_wrong_bytes_at_its_place() {
    let addr = server(|socket| {
        let mut seen = 0;
        echo(socket, move |bytes| {
            seen += 1;
            if seen == 5 {
                bytes[7] ^= 1;
            }
            true
        });
    });
    let trouble = closed(&mut generator(addr, 1, 64), 100).unwrap_err();
    assert!(matches!(trouble, Trouble::WrongBytes { position: 263, .. }), "{trouble}");
}

#[test]
fn bytes_out_of_nothing_are_noticed() {
    let addr = server(|socket| {
        let pattern = Pattern::new(64);
        echo(socket, move |bytes| {
            bytes.extend_from_slice(pattern.slice(64, 64));
            true
        });
    });
    let trouble = closed(&mut generator(addr, 1, 64), 100).unwrap_err();
    assert!(trouble.to_string().starts_with("wrong bytes"), "{trouble}");
}

#[test]
fn a_lost_byte_ends_in_wrong_bytes_or_silence() {
    let addr = server(|socket| {
        let mut seen = 0;
        echo(socket, move |bytes| {
            seen += 1;
            if seen == 5 {
                bytes.remove(7);
            }
            true
        });
    });
    let trouble = closed(&mut generator(addr, 1, 64), 100).unwrap_err();
    assert!(matches!(trouble, Trouble::WrongBytes { position: 263, .. }), "{trouble}");
}

#[test]
fn a_hang_up_and_a_silence_are_told_apart() {
    let addr = server(|socket| echo(socket, |_| false));
    let trouble = closed(&mut generator(addr, 2, 64), 100).unwrap_err();
    assert!(matches!(trouble, Trouble::HungUp { .. }), "{trouble}");

    let addr = server(|mut socket| while let Ok(1..) = socket.read(&mut [0; 4_096]) {});
    let mut generator = generator(addr, 2, 64);
    generator.stall_limit = Duration::from_millis(200);
    let trouble = closed(&mut generator, 100).unwrap_err();
    assert!(matches!(trouble, Trouble::NeverAnswered { .. }), "{trouble}");
}

#[test]
fn a_refused_connection_names_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let shape = Shape::plain(1, 1);
    let trouble = Generator::connect(addr, shape, &Interrupt::default()).unwrap_err();
    assert!(trouble.to_string().contains(&addr.to_string()), "{trouble}");
}

/// The reason for the open phase: a stall of the server stops the closed generator as well, which
/// then asks so little that its percentiles hardly see it.
// ANCHOR: stall
#[test]
fn a_stalled_server_is_seen_by_the_open_phase_and_hidden_from_the_closed_one() {
    const STALL: Duration = Duration::from_millis(200);
    let addr = server(|socket| {
        let mut seen = 0;
        echo(socket, move |_| {
            seen += 1;
            if seen == 300 {
                thread::sleep(STALL);
            }
            true
        });
    });
    let mut in_closed = Recorder::new();
    let limit = Limit::Messages(1_000);
    generator(addr, 1, 64).closed(limit, &mut in_closed).unwrap();

    let mut in_open = Recorder::new();
    let schedule = Schedule::poisson(1_000.0, Duration::from_secs(1), 1, 1);
    generator(addr, 1, 64).open(&schedule, &mut in_open).unwrap();

    let p99_ms = |recorder: &Recorder| recorder.response.value_at_quantile(0.99) / 1_000_000;
    assert!(in_closed.response.max() >= STALL.as_nanos() as u64);
    assert!(p99_ms(&in_closed) < 100, "closed p99 {} ms", p99_ms(&in_closed));
    assert!(p99_ms(&in_open) > 100, "open p99 {} ms", p99_ms(&in_open));
}
// ANCHOR_END: stall
