//! Loads that are not plain: pipelined, churning, beside a crowd.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{echo, server};
use crate::measure::load::*;

fn generator(addr: SocketAddr, shape: Shape) -> Generator {
    Generator::connect(addr, shape, &Interrupt::default()).unwrap()
}

/// Echoes, and counts the connections that came and those that ended in order.
fn counted() -> (SocketAddr, Arc<[AtomicUsize; 2]>) {
    let counts: Arc<[AtomicUsize; 2]> = Arc::default();
    let counting = Arc::clone(&counts);
    let addr = server(move |mut socket| {
        counting[0].fetch_add(1, Ordering::SeqCst);
        let mut buffer = [0; 65_536];
        let ended_in_order = loop {
            match socket.read(&mut buffer) {
                Ok(0) => break true,
                Ok(length) if socket.write_all(&buffer[..length]).is_ok() => {}
                _ => break false,
            }
        };
        counting[1].fetch_add(usize::from(ended_in_order), Ordering::SeqCst);
    });
    (addr, counts)
}

fn wait_for(count: &AtomicUsize, expected: usize) {
    let begun = Instant::now();
    while count.load(Ordering::SeqCst) != expected {
        let seen = count.load(Ordering::SeqCst);
        assert!(begun.elapsed() < Duration::from_secs(20), "{seen} instead of {expected}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn as_many_messages_are_under_way_as_the_pipeline_is_deep() {
    // It answers in lots of eight messages: a client that sent fewer would wait for ever.
    let addr = server(|mut socket| {
        let mut lot = [0; 8 * 64];
        while socket.read_exact(&mut lot).is_ok() && socket.write_all(&lot).is_ok() {}
    });
    let shape = Shape { pipeline: 8, ..Shape::plain(3, 64) };
    let mut recorder = Recorder::new();
    let mut generator = generator(addr, shape);
    let done = generator.closed(Limit::Messages(3 * 8 * 5), &mut recorder).unwrap();
    assert_eq!((done.messages, recorder.response.len()), (120, 120));
}

#[test]
fn each_message_of_a_churn_has_a_connection_that_its_client_ends() {
    for size in [1, 64, 100_000] {
        let (addr, counts) = counted();
        let mut generator = generator(addr, Shape { churn: true, ..Shape::plain(4, size) });
        let mut recorder = Recorder::new();
        let done = generator.closed(Limit::Messages(200), &mut recorder).unwrap();
        assert_eq!((done.messages, recorder.response.len()), (200, 200), "{size}");
        wait_for(&counts[0], 200);
        wait_for(&counts[1], 200);
    }
}

#[test]
fn an_open_churn_answers_every_message_of_its_schedule() {
    let (addr, counts) = counted();
    let shape = Shape { churn: true, ..Shape::plain(4, 64) };
    let schedule = Schedule::of(&shape, 1_000.0, Duration::from_millis(300), 1);
    let mut recorder = Recorder::new();
    let open = generator(addr, shape).open(&schedule, &mut recorder).unwrap();
    let arrivals = schedule.arrivals().len();
    assert_eq!((open.unanswered(), recorder.response.len()), (0, arrivals as u64));
    wait_for(&counts[0], arrivals);
}

#[test]
fn a_paced_churn_sends_one_message_after_the_other() {
    let (addr, counts) = counted();
    let mut generator = generator(addr, Shape { churn: true, ..Shape::plain(1, 64) });
    generator.paced(20, Duration::from_micros(100)).unwrap();
    wait_for(&counts[0], 20);
}

#[test]
fn faults_of_a_server_are_told_apart_under_churn() {
    type Behave = fn(TcpStream);
    let cases: [(Behave, &str); 5] = [
        (
            |socket| {
                echo(socket, |bytes| {
                    bytes[7] ^= 1;
                    true
                })
            },
            "wrong bytes",
        ),
        (
            |socket| {
                echo(socket, |bytes| {
                    bytes.push(bytes[0]);
                    true
                })
            },
            "wrong bytes",
        ),
        (|mut socket| drop(socket.read(&mut [0; 64])), "hung up"),
        (|mut socket| while let Ok(1..) = socket.read(&mut [0; 4_096]) {}, "never answered"),
        (
            |socket| {
                std::thread::sleep(Duration::from_secs(60));
                drop(socket)
            },
            "never answered",
        ),
    ];
    for (behave, reason) in cases {
        let mut generator = generator(server(behave), Shape { churn: true, ..Shape::plain(2, 64) });
        generator.stall_limit = Duration::from_millis(200);
        let trouble = generator.closed(Limit::Messages(50), &mut Recorder::new()).unwrap_err();
        let told = trouble.to_string();
        assert!(told.contains(reason), "{reason}: {told}");
    }
}

#[test]
fn an_idle_crowd_is_connected_and_silent() {
    let (addr, counts) = counted();
    let mut generator = generator(addr, Shape { idle: 30, ..Shape::plain(2, 64) });
    generator.closed(Limit::Messages(100), &mut Recorder::new()).unwrap();
    wait_for(&counts[0], 32);
    drop(generator);
    wait_for(&counts[1], 32);
}

#[test]
fn slow_readers_do_not_spoil_a_phase_beside_them() {
    let (addr, counts) = counted();
    let slow_readers = Some(SlowReaders { connections: 3, bytes_per_second: 100_000 });
    let mut generator = generator(addr, Shape { slow_readers, ..Shape::plain(2, 64) });
    let length = Duration::from_millis(300);
    let done = generator.closed(Limit::Time(length), &mut Recorder::new()).unwrap();
    assert!(done.messages > 0);
    wait_for(&counts[0], 5);
}

#[test]
fn a_refused_connection_names_the_address_under_churn() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let mut generator = generator(addr, Shape { churn: true, ..Shape::plain(1, 1) });
    let trouble = generator.closed(Limit::Messages(1), &mut Recorder::new()).unwrap_err();
    assert!(trouble.to_string().contains(&addr.to_string()), "{trouble}");
}
