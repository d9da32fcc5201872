//! C03, C09: a call that really blocks, and a watchdog that counts the turns of others meanwhile.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use api_promises::Promise;
use examples::Style;
use examples::claims::{observed, part, within};
use loop_core::LoopHandle;

use super::lab;
use super::starving::connection;
use super::turns::give_way;

const CONNECTIONS: usize = 8;

/// How long the watchdog lets the loop stand, while no other has a turn.
const WATCHED: Duration = Duration::from_millis(200);

/// Longer than any turn takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the call is made that blocks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    OnTheLoop,
    /// The planted fault: the loop is not what is blocked.
    OnAThread,
}

/// A call that blocks in the system until the watchdog ends it.
struct Blocking {
    place: Place,
    /// The turns that others have had.
    turns: Arc<AtomicUsize>,
    begins: mpsc::Sender<usize>,
    ended: UnixStream,
}

impl Blocking {
    /// Makes the call; on the loop, nothing has a turn between this and the end of the call.
    fn call(self) {
        let Blocking { place, turns, begins, mut ended } = self;
        begins.send(turns.load(Ordering::SeqCst)).unwrap();
        let mut block = move || ended.read_exact(&mut [0]).unwrap();
        match place {
            Place::OnTheLoop => block(),
            Place::OnAThread => drop(thread::spawn(block)),
        }
    }
}

/// Makes a call that blocks, and a watchdog that ends it and returns how many turns others had
/// while it blocked, or one as soon as there is one.
fn watched(place: Place, turns: Arc<AtomicUsize>) -> (Blocking, JoinHandle<usize>) {
    let (begins, has_begun) = mpsc::channel();
    let (mut ends, ended) = UnixStream::pair().unwrap();
    let counted = turns.clone();
    let watchdog = thread::spawn(move || {
        let before = has_begun.recv_timeout(PATIENCE).unwrap();
        let patience = if place == Place::OnTheLoop { WATCHED } else { PATIENCE };
        let begun = Instant::now();
        let had = || counted.load(Ordering::SeqCst) - before;
        while had() == 0 && begun.elapsed() < patience {
            thread::sleep(Duration::from_millis(1));
        }
        let had = had();
        ends.write_all(b"x").unwrap();
        had
    });
    (Blocking { place, turns, begins, ended }, watchdog)
}

/// Queues, in a style, a callback that makes the call.
fn queue(style: Style, handle: &LoopHandle, blocking: Blocking) {
    match style {
        Style::Callbacks => drop(handle.call_soon(move || blocking.call())),
        Style::Promises => {
            let begun = Promise::<_, io::Error>::resolve(handle, ());
            begun.map(move |()| blocking.call()).detach(drop);
        }
        _ => api_async::spawn(handle, async move { blocking.call() }).detach(),
    }
}

/// Connections have something to read, and something that blocks is queued before them; returns
/// how many are served while it does. All of them are served in the end.
fn served_meanwhile(style: Style, place: Place) -> usize {
    let (mut event_loop, handle) = lab();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (mut readings, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        readings.push(connection(style, &mut event_loop, address));
        let (mut peer, _) = listener.accept().unwrap();
        peer.write_all(b"x").unwrap();
        peers.push(peer);
    }
    let served = Arc::new(AtomicUsize::new(0));
    let (blocking, watchdog) = watched(place, served.clone());
    queue(style, &handle, blocking);
    for reading in readings {
        let served = served.clone();
        reading(Box::new(move || {
            served.fetch_add(1, Ordering::SeqCst);
        }));
    }
    while served.load(Ordering::SeqCst) < CONNECTIONS {
        event_loop.run_once().unwrap();
    }
    watchdog.join().unwrap()
}

#[test]
fn c03_while_a_callback_blocks_no_connection_is_served_in_any_style() {
    observed("C03", "connections", CONNECTIONS);
    observed("C03", "watched_ms", WATCHED.as_millis());
    for style in Style::WINGS {
        let served = served_meanwhile(style, Place::OnTheLoop);
        observed("C03", &format!("served_meanwhile_{style}"), served);
        let waits = format!("{style}: while a callback blocks no connection is served");
        assert!(within("C03", &waits, served as u64));
    }
}

#[test]
fn a_call_that_blocks_a_thread_of_its_own_delays_no_connection() {
    for style in Style::WINGS {
        assert!(served_meanwhile(style, Place::OnAThread) > 0, "{style}");
    }
}

/// Returns how many turns another task has while a call blocks inside `async`.
fn turns_meanwhile(place: Place) -> usize {
    let (mut event_loop, handle) = lab();
    let turns = Arc::new(AtomicUsize::new(0));
    let (looks_harmless, watchdog) = watched(place, turns.clone());
    let ends = Rc::new(Cell::new(false));
    let ended = ends.clone();
    let other = async move {
        while !ended.get() {
            turns.fetch_add(1, Ordering::SeqCst);
            give_way().await;
        }
    };
    api_async::spawn(&handle, async move { looks_harmless.call() }).detach();
    api_async::spawn(&handle, other).detach();
    while !watchdog.is_finished() {
        event_loop.run_once().unwrap();
    }
    ends.set(true);
    while event_loop.run_ready() > 0 {}
    watchdog.join().unwrap()
}

#[test]
fn c09_a_blocking_call_inside_async_compiles_and_stalls_the_loop() {
    let turns = turns_meanwhile(Place::OnTheLoop);
    observed("C09", "watched_ms", WATCHED.as_millis());
    observed("C09", "turns_of_another_task", turns);
    let stalls = "a blocking call inside async compiles and stalls the loop";
    assert!(within("C09", stalls, turns as u64));

    let (mut event_loop, _) = lab();
    let refused = async { api_async::block_on(async { 1 }) };
    let refused = api_async::run_until_complete(&mut event_loop, refused).unwrap();
    assert!(part("C09", "`block_on` inside the loop is refused", refused.is_err()));
    assert_eq!(refused, Err(api_async::InsideLoop));
    assert_eq!(api_async::block_on(async { 1 }), Ok(1), "outside of a loop it may");
}

#[test]
fn a_call_inside_async_that_blocks_a_thread_of_its_own_does_not_stall_the_loop() {
    assert!(turns_meanwhile(Place::OnAThread) > 0);
}
