//! Virality: the programs are the same before and after, and what it took is counted.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use api_async::{TcpListener, run_until_complete};
use examples::claims::{observed, part, within};
use examples::crossings::virality::framed::{Cutter, TooLong, framed, serve};
use examples::crossings::virality::{
    Change, Changes, Order, async_await, before, callbacks, changes, promises, sans_io,
    sans_io_before, threads,
};
use loop_core::{EventLoop, ManualClock};

use crate::client::connect;
use count::{coloured_percent, counted};

mod count;

const POINTS: [u32; 3] = [0, 250, 9_999];

fn order(customer: usize) -> Order {
    Order { customer, items: vec![1, 20, 300] }
}

fn lab() -> EventLoop {
    EventLoop::with_clock(ManualClock::new().autojump(Duration::ZERO)).unwrap()
}

#[test]
fn every_refactoring_prints_the_receipt_that_was_printed_before() {
    let points = || POINTS.to_vec();
    for (customer, cents) in [(0, 32_103), (1, 28_893), (2, 25_683)] {
        let order = order(customer);
        let expected = format!("3 pieces, {cents} cents");
        assert_eq!(before::Shop::new(points()).receipt(&order), expected);
        assert_eq!(sans_io_before::Shop::new(points()).receipt(&order), expected);
        assert_eq!(threads::Shop::new(points()).receipt(&order), expected);

        let mut event_loop = lab();
        let handle = event_loop.handle();
        let receipt = Rc::new(RefCell::new(None));
        let kept = receipt.clone();
        let shop = callbacks::Shop::new(points(), handle.clone());
        shop.receipt(order.clone(), move |told| drop(kept.replace(told.ok())));
        while receipt.borrow().is_none() {
            event_loop.run_once().unwrap();
        }
        assert_eq!(receipt.take().unwrap(), expected);

        let promise = promises::Shop::new(points(), handle.clone()).receipt(order.clone());
        assert_eq!(promise.run_until_complete(&mut event_loop).unwrap().unwrap(), expected);

        let shop = async_await::Shop::new(points(), handle.clone());
        let asked = order.clone();
        let told = run_until_complete(&mut event_loop, async move { shop.receipt(&asked).await });
        assert_eq!(told.unwrap(), expected);

        let shop = sans_io::Shop::new(points(), handle.clone());
        let told = run_until_complete(&mut event_loop, async move { shop.receipt(&order).await });
        assert_eq!(told.unwrap(), expected);
    }
}

/// At most a tenth of a program need be coloured, it is said. Of an echo all is, since it does nothing
/// but wait; of a small protocol whose core does no input a quarter, which shrinks as the core grows; of
/// the callbacks wing's protocol nothing. What is measured is the share of tokens in functions that are
/// `async`.
#[test]
fn c11_of_an_echo_all_is_coloured_and_of_a_framed_protocol_little() {
    let echo = coloured_percent(include_str!("../../../api-async/src/echo.rs"));
    let framed = coloured_percent(include_str!("../../src/crossings/virality/framed.rs"));
    let protocol = coloured_percent(include_str!("../../../api-callbacks/src/protocol/frames.rs"));
    observed("C11", "coloured_percent_echo", echo);
    observed("C11", "coloured_percent_framed", framed);
    observed("C11", "coloured_percent_callbacks_protocol", protocol);
    // Where nothing is `async`, there is nothing to count: the protocol of callbacks is no part.
    assert!(!within("C11", "of an echo a tenth at most is coloured", echo as u64));
    assert!(!within("C11", "of a framed protocol a tenth at most is coloured", framed as u64));
    assert_eq!((echo, framed, protocol), (100, 23, 0));
    // The program of this folder: without such a core, and with one.
    let through = coloured_percent(include_str!("../../src/crossings/virality/async_await.rs"));
    let core = coloured_percent(include_str!("../../src/crossings/virality/sans_io.rs"));
    observed("C11", "coloured_percent_program", through);
    observed("C11", "coloured_percent_program_with_core", core);
    let around = "of a program around a core without input a tenth at most is coloured";
    assert!(!within("C11", around, core as u64));
    assert_eq!((through, core), (86, 20));
}

#[test]
fn the_framed_protocol_answers_frames_however_they_are_cut() {
    for step in [1, 3, 100] {
        let mut event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let talking = std::thread::spawn(move || {
            let mut stream = connect(address);
            let sent = [framed(b"one calls two"), framed(b""), framed(b"one")];
            let sent = sent.map(Result::unwrap).concat();
            sent.chunks(step).for_each(|piece| stream.write_all(piece).unwrap());
            stream.shutdown(Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            answer
        });
        let served = async move { serve(listener.accept().await?.0).await };
        run_until_complete(&mut event_loop, served).unwrap().unwrap();
        let expected = [framed(b"two calls one"), framed(b""), framed(b"one")];
        assert_eq!(talking.join().unwrap(), expected.map(Result::unwrap).concat(), "{step}");
    }
    let mut cutter = Cutter::default();
    cutter.push(&u32::MAX.to_be_bytes());
    assert_eq!(cutter.next_frame(), Err(TooLong(u32::MAX as usize)));
    assert_eq!(framed(&[0; 64 * 1024 + 1]), Err(TooLong(64 * 1024 + 1)));
}

/// What `oneloop show virality` prints is what is counted here. With ONELOOP_RECORD set it is written.
#[test]
fn the_recorded_changes_are_those_that_are_counted() {
    if std::env::var_os("ONELOOP_RECORD").is_some() {
        let recorded = toml::to_string(&Changes { change: counted() }).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/crossings/virality/changes.toml");
        return std::fs::write(path, recorded).unwrap();
    }
    assert_eq!(changes(), counted(), "ONELOOP_RECORD=1 cargo test -p examples recorded_changes");
}

/// Colour is viral: when the leaf at depth 8 must wait, eight signatures change in every style of the
/// loop, none with a thread, and with a core that does no input the two of its shell. async costs the
/// fewest tokens of the three.
#[test]
fn c10_colour_is_viral_in_every_style_of_the_loop_and_stops_at_a_core_without_input() {
    let changes = counted();
    let signatures: Vec<_> =
        changes.iter().map(|change| (change.name.as_str(), change.signatures.len())).collect();
    let expected =
        [("threads", 0), ("callbacks", 8), ("promises", 8), ("async", 8), ("sans-I/O", 2)];
    assert_eq!(signatures, expected);
    assert_eq!(changes[4].signatures, ["receipt", "points"], "the shell's");

    // Pinned: a change of a program, or of the counter, is said here.
    let tokens: Vec<_> =
        changes.iter().map(|change| (change.tokens, change.added, change.removed)).collect();
    assert_eq!(tokens, [(300, 11, 0), (300, 507, 75), (300, 263, 39), (300, 44, 0), (294, 26, 0)]);

    tell(&changes);
    let churn = |name| {
        let change: &Change = changes.iter().find(|change| change.name == name).unwrap();
        change.added + change.removed
    };
    assert!(churn("threads") < churn("sans-I/O") && churn("sans-I/O") < churn("async"));
    assert!(churn("async") < churn("promises") && churn("promises") < churn("callbacks"));
}

/// The planted faults of C10 and C11: the leaf waits on a thread, and the leaf does not wait.
#[test]
fn where_the_leaf_waits_on_a_thread_or_not_at_all_no_signature_changes_and_nothing_is_coloured() {
    assert_eq!(counted()[0].signatures.len(), 0);
    assert_eq!(coloured_percent(include_str!("../../src/crossings/virality/before.rs")), 0);
}

/// Tells what each style's change took, and which parts of the claim that bears out.
fn tell(changes: &[Change]) {
    for change in changes {
        let name = change.name.replace("-I/O", "_io");
        observed("C10", &format!("signatures_{name}"), change.signatures.len());
        observed("C10", &format!("tokens_changed_{name}"), change.added + change.removed);
    }
    observed("C10", "tokens_before", changes[0].tokens);
    for change in &changes[1..4] {
        let viral = format!("{}: all eight signatures change", change.name);
        within("C10", &viral, change.signatures.len() as u64);
    }
    let fewest = changes[1..4].iter().min_by_key(|change| change.added + change.removed);
    let fewest = fewest.is_some_and(|change| change.name == "async");
    part("C10", "of the three, async changes the fewest tokens", fewest);
    let around = "with a core without input one signature changes";
    within("C10", around, changes[4].signatures.len() as u64);
}
