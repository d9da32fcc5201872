//! What bounds memory.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::protocol::Echo;
use api_callbacks::{FlowControl, Protocol, ServerBuilder, Transport, WriteLimits, sleep};
use loop_core::{CHUNK_BYTES, EventLoop, is_cancelled};

use super::{connected, run_for_a_while, run_until};

/// Hands bytes on from one side to a count, and pauses at random.
struct PausingReader {
    handle: loop_core::LoopHandle,
    random: Cell<u64>,
    transport: Cell<Option<Rc<dyn Transport>>>,
    seen: Rc<Cell<u64>>,
}

impl Protocol for PausingReader {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        self.transport.set(Some(transport.clone()));
    }

    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]) {
        let seen = self.seen.get();
        for (place, byte) in (seen..).zip(bytes) {
            assert_eq!(*byte, (place % 251) as u8, "at {place}");
        }
        self.seen.set(seen + bytes.len() as u64);
        let random = self.random.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.random.set(random);
        if (random >> 33).is_multiple_of(64) {
            transport.pause_reading();
            let kept = self.transport.take().expect("the connection is made");
            self.transport.set(Some(kept.clone()));
            sleep(&self.handle, Duration::from_micros(random >> 54), move |_| {
                kept.resume_reading();
            });
        }
    }
}

/// Writes a pattern as long as it may.
struct Sender {
    left: Cell<u64>,
    sent: Cell<u64>,
    unsent_most: Rc<Cell<usize>>,
    paused: Cell<bool>,
    handle: loop_core::LoopHandle,
}

impl Sender {
    fn send(&self, transport: &dyn Transport) {
        let pattern: Vec<u8> = (0..251 * 128).map(|n| (n % 251) as u8).collect();
        while !self.paused.get() && self.left.get() > 0 {
            let offset = (self.sent.get() % 251) as usize;
            let length = (pattern.len() as u64 - 251).min(self.left.get()) as usize;
            transport.write(&pattern[offset..offset + length]);
            self.sent.set(self.sent.get() + length as u64);
            self.left.set(self.left.get() - length as u64);
            self.unsent_most.set(self.unsent_most.get().max(transport.write_buffer_size()));
        }
        if self.left.get() == 0 {
            transport.close();
        }
    }
}

impl Protocol for Sender {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        self.send(&**transport);
        assert!(!self.handle.is_closed());
    }

    fn data_received(&self, _: &dyn Transport, _: &[u8]) {}

    fn pause_writing(&self, _: &dyn Transport) {
        self.paused.set(true);
    }

    fn resume_writing(&self, transport: &dyn Transport) {
        self.paused.set(false);
        self.send(transport);
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

/// Sends so many bytes to a reader that pauses at random; returns the most that was unsent.
fn sent_to_a_pausing_reader(bytes: u64) -> usize {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (seen, unsent_most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (counted, most, of_sender) = (seen.clone(), unsent_most.clone(), handle.clone());
    let any = "127.0.0.1:0".parse().unwrap();
    let server = ServerBuilder::new().serve(&handle, any, move |_| Sender {
        left: Cell::new(bytes),
        sent: Cell::new(0),
        unsent_most: most.clone(),
        paused: Cell::new(false),
        handle: of_sender.clone(),
    });
    let address = server.unwrap().local_addr();
    let reader = PausingReader {
        handle: handle.clone(),
        random: Cell::new(5),
        transport: Cell::default(),
        seen: counted,
    };
    api_callbacks::ClientBuilder::new().connect(&handle, address, reader, |made| {
        assert!(made.is_ok());
    });
    while seen.get() < bytes {
        event_loop.run_once().unwrap();
    }
    unsent_most.get()
}

#[test]
fn a_pausing_reader_gets_every_byte_and_costs_no_memory() {
    let most = sent_to_a_pausing_reader(64 << 20);
    assert!(most <= WriteLimits::default().high + 251 * 128, "{most}");
}

/// `cargo test --release -p api-callbacks --test it -- --ignored ten_gibibytes`
#[test]
#[ignore = "takes a minute"]
fn ten_gibibytes_pass_through_a_pausing_reader_in_flat_memory() {
    let first = sent_to_a_pausing_reader(64 << 20);
    let before = resident_kib();
    let most = sent_to_a_pausing_reader(10 << 30);
    let grown = resident_kib() - before;
    println!("most unsent: {first} and {most} bytes; the peak grew by {grown} KiB");
    assert!(most <= WriteLimits::default().high + 251 * 128, "{most}");
    assert!(grown < 1_024, "{grown} KiB");
}

#[test]
fn an_echo_holds_no_more_than_one_read_unsent() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let any = "127.0.0.1:0".parse().unwrap();
    let server = ServerBuilder::new().serve(&handle, any, |_| Echo).unwrap();
    let mut peer = TcpStream::connect(server.local_addr()).unwrap();
    peer.set_nonblocking(true).unwrap();
    let (mut pushed, mut idle, mut most) = (0, 0, 0);
    while idle < 50 {
        idle = match peer.write(&[b'x'; 65_536]) {
            Ok(count) => {
                pushed += count;
                0
            }
            Err(_) => idle + 1,
        };
        run_until(&mut event_loop, || true);
        handle.call_soon(|| ());
        event_loop.run_once().unwrap();
        let unsent = server.connections().iter().map(|open| open.write_buffer_size()).max();
        most = most.max(unsent.unwrap_or(0));
    }
    assert!(most <= CHUNK_BYTES && most > 0, "{most}");
    peer.set_nonblocking(false).unwrap();
    let reader = std::thread::spawn(move || peer.read_exact(&mut vec![0; pushed]));
    run_until(&mut event_loop, || reader.is_finished());
    reader.join().unwrap().unwrap();
}

#[test]
fn flow_control_calls_back_when_there_is_room_and_when_there_is_no_more_hope() {
    let (mut event_loop, handle, record, _peer) = connected();
    let flow = Rc::new(FlowControl::new(&handle));
    let order = Rc::new(std::cell::RefCell::new(Vec::new()));
    let drain = |name: &'static str| {
        let order = order.clone();
        flow.drain(move |drained| {
            let end = drained.map_err(|error| match is_cancelled(&error) {
                true => std::io::ErrorKind::Other,
                false => error.kind(),
            });
            order.borrow_mut().push((name, end));
        })
    };
    drain("open");
    flow.pause();
    assert!(flow.is_paused());
    let cancelled = drain("cancelled");
    drain("waits");
    assert!(cancelled.cancel());
    run_for_a_while(&mut event_loop);
    let cancelled = Err(std::io::ErrorKind::Other);
    assert_eq!(*order.borrow(), [("open", Ok(())), ("cancelled", cancelled)]);
    flow.resume();
    flow.pause();
    drain("lost");
    flow.lose();
    drain("later");
    run_for_a_while(&mut event_loop);
    let lost = Err(std::io::ErrorKind::ConnectionReset);
    assert_eq!(order.borrow()[2..], [("waits", Ok(())), ("lost", lost), ("later", lost)]);
    drop(record);
}

#[test]
fn a_drain_that_is_cancelled_leaves_nothing_behind_while_writing_is_paused() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let flow = FlowControl::new(&handle);
    flow.pause();
    let (captured, heard) = (Rc::new(()), Rc::new(Cell::new(0)));
    let drain = || {
        let (held, count) = (captured.clone(), heard.clone());
        flow.drain(move |drained| {
            let _held = held;
            count.set(count.get() + i32::from(drained.is_err_and(|error| is_cancelled(&error))));
        })
    };
    let others: Vec<_> = (0..3).map(|_| drain()).collect();
    for _ in 0..1_000 {
        assert!(drain().cancel());
    }
    assert!(others[1].cancel() && !others[1].cancel());
    event_loop.run_ready();
    while event_loop.run_ready() > 0 {}
    assert_eq!(heard.get(), 1_001, "each cancelled one has heard");
    assert_eq!(Rc::strong_count(&captured), 3, "those that wait, and this");
    let memory = format!("{flow:?}");
    assert!(memory.contains("waiting: 2"), "{memory}");
    // One that is on its way when it is cancelled does not take the next one's place away.
    flow.resume();
    flow.pause();
    let next = drain();
    assert!(others[0].cancel());
    flow.resume();
    while event_loop.run_ready() > 0 {}
    assert_eq!((heard.get(), Rc::strong_count(&captured)), (1_002, 1));
    assert!(!next.cancel());
}

#[test]
fn a_cancelled_drain_keeps_no_memory_while_writing_is_paused() {
    let mut event_loop = EventLoop::new().unwrap();
    let flow = FlowControl::new(&event_loop.handle());
    flow.pause();
    let mut cancels = || {
        for _ in 0..1_000 {
            assert!(flow.drain(|_| ()).cancel());
            while event_loop.run_ready() > 0 {}
        }
    };
    // Once before, for the room.
    cancels();
    let kept = allocation_counter::measure(cancels).bytes_current;
    assert_eq!(kept, 0, "bytes for a thousand that wait no more");
    flow.resume();
}
