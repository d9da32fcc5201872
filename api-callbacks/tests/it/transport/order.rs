//! What comes in which order.

use std::cell::RefCell;
use std::io::{ErrorKind, Write};
use std::rc::Rc;

use api_callbacks::{ClientBuilder, Protocol, Transport, WriteLimits};
use loop_core::EventLoop;

use super::{Record, Recorder, connected, run_for_a_while, run_until, send, use_up_share};

#[test]
fn connection_made_then_reading_then_the_waiter() {
    struct Ordered(Rc<RefCell<Vec<&'static str>>>);
    impl Protocol for Ordered {
        fn connection_made(&self, transport: &Rc<dyn Transport>) {
            assert!(transport.is_reading());
            self.0.borrow_mut().push("made");
        }
        fn data_received(&self, _: &dyn Transport, bytes: &[u8]) {
            assert_eq!(bytes, b"early");
            self.0.borrow_mut().push("data");
        }
    }
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let order = Rc::new(RefCell::new(Vec::new()));
    let (protocol, seen) = (Ordered(order.clone()), order.clone());
    let address = listener.local_addr().unwrap();
    ClientBuilder::new().connect(&handle, address, protocol, move |connected| {
        assert!(connected.is_ok());
        seen.borrow_mut().push("waiter");
    });
    listener.accept().unwrap().0.write_all(b"early").unwrap();
    assert!(order.borrow().is_empty(), "nothing is told before the call returned");
    run_until(&mut event_loop, || order.borrow().len() == 3);
    assert_eq!(*order.borrow(), ["made", "waiter", "data"], "reading starts behind `made`");
}

#[test]
fn a_refused_connection_tells_the_waiter_and_not_the_protocol() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let record = Rc::new(Record::default());
    let protocol = Recorder(record.clone());
    let connected = event_loop.run_until_complete(|completer| {
        ClientBuilder::new().connect(&handle, address, protocol, |made| {
            completer.complete(made.map(drop).map_err(|error| error.kind()));
        });
    });
    assert_eq!(connected.unwrap(), Err(ErrorKind::ConnectionRefused));
    assert!(record.calls.borrow().is_empty());
    assert_eq!(Rc::strong_count(&record), 1, "the protocol is dropped");
}

#[test]
fn a_paused_transport_hands_on_nothing_until_it_is_resumed() {
    let (mut event_loop, _handle, record, mut peer) = connected();
    let transport = record.transport();
    transport.pause_reading();
    assert!(!transport.is_reading());
    send(&mut peer, b"one");
    run_for_a_while(&mut event_loop);
    send(&mut peer, b"two");
    run_for_a_while(&mut event_loop);
    assert!(!record.was_told("data"));
    transport.resume_reading();
    transport.resume_reading();
    assert!(!record.was_told("data"), "nothing is told before the call returned");
    run_until(&mut event_loop, || record.bytes.borrow().len() == 6);
    assert_eq!(*record.bytes.borrow(), b"onetwo");
}

#[test]
fn pausing_inside_data_received_holds_the_rest_back() {
    let (mut event_loop, _handle, record, mut peer) = connected();
    record.on_data(|transport, _| transport.pause_reading());
    send(&mut peer, &[7; 40_000]);
    run_for_a_while(&mut event_loop);
    let first = record.bytes.borrow().len();
    assert!(first > 0 && first <= loop_core::CHUNK_BYTES, "{first}");
    while record.bytes.borrow().len() < 40_000 {
        let before = record.bytes.borrow().len();
        record.transport().resume_reading();
        run_until(&mut event_loop, || record.bytes.borrow().len() > before);
        run_for_a_while(&mut event_loop);
    }
}

#[test]
fn pause_writing_comes_from_inside_write_and_resume_at_the_low_mark() {
    let (mut event_loop, _handle, record, mut peer) = connected();
    let transport = record.transport();
    let limits = WriteLimits { low: 1_000, high: 50_000 };
    transport.set_write_buffer_limits(limits);
    use_up_share(&*transport);
    while transport.write_buffer_size() <= limits.high {
        assert!(!record.was_told("pause"), "not at the high mark, but above it");
        transport.write(&vec![b'y'; limits.high - transport.write_buffer_size()]);
        assert!(!record.was_told("pause"));
        transport.write(b"z");
    }
    assert!(record.was_told("pause"), "before the loop ran again");
    transport.write(&[b'z'; 10_000]);
    let pauses = || record.calls.borrow().iter().filter(|call| *call == "pause").count();
    assert_eq!(pauses(), 1, "once until it resumes");
    let drain = std::thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()));
    run_until(&mut event_loop, || record.was_told("resume"));
    assert!(transport.write_buffer_size() <= limits.low);
    use_up_share(&*transport);
    transport.write(&vec![b'y'; limits.high + 1]);
    assert_eq!(pauses(), 2);
    transport.abort();
    run_until(&mut event_loop, || record.was_told("lost"));
    drop(drain.join().unwrap());
}

#[test]
fn lowering_the_marks_pauses_at_once() {
    let (_event_loop, _handle, record, _peer) = connected();
    let transport = record.transport();
    transport.set_write_buffer_limits(WriteLimits { low: 0, high: usize::MAX });
    use_up_share(&*transport);
    assert!(!record.was_told("pause"));
    transport.set_write_buffer_limits(WriteLimits { low: 0, high: 0 });
    assert!(record.was_told("pause"));
    assert_eq!(WriteLimits::default(), WriteLimits { low: 16 * 1024, high: 64 * 1024 });
}

#[test]
#[should_panic(expected = "the low mark is above the high one")]
fn marks_the_wrong_way_round_are_refused() {
    let (_event_loop, _handle, record, _peer) = connected();
    record.transport().set_write_buffer_limits(WriteLimits { low: 2, high: 1 });
}
