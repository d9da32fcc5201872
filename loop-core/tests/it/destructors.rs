//! Payloads, callbacks and handlers whose own destructor panics: contained wherever the loop drops
//! them, reported, and nothing that waits beside them is lost.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::panic::panic_any;
use std::rc::Rc;
use std::time::Duration;

use loop_core::{Job, LoopHandle, LoopTime, TurnRule};
use signal_hook::consts::SIGUSR1;
use signal_hook::low_level::raise;

use crate::lab::{Lab, alone, readable};

/// Panics when it is dropped.
pub(crate) struct Bomb(pub(crate) &'static str);

/// Panics when it is dropped, with a payload that does the same, so many times.
struct Chain(u32);

/// A job that holds a bomb.
pub(crate) struct Armed(pub(crate) Bomb);

impl Bomb {
    pub(crate) fn touch(&self) {}
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        if self.0 > 0 {
            panic_any(Chain(self.0 - 1));
        }
    }
}

impl Job for Armed {
    fn run(self: Rc<Self>, _part: u64) {
        self.0.touch();
    }
}

pub(crate) fn lab() -> Lab {
    Lab::new(TurnRule::Snapshot)
}

/// Returns a callback that holds a bomb.
pub(crate) fn armed(name: &'static str) -> impl FnMut() {
    let bomb = Bomb(name);
    move || bomb.touch()
}

const PAYLOAD: &str = "reported: the payload of a panic panicked in its drop: ";

#[test]
fn a_payload_that_panics_in_its_drop_does_not_leave_the_run() {
    let mut lab = lab();
    lab.handle.call_soon(|| panic_any(Bomb("call")));
    lab.handle.call_at(LoopTime::ORIGIN, || panic_any(Chain(3)));
    lab.soon("alive");
    lab.turn();
    let expected = [
        "reported: a callback panicked: a panic without a message",
        &format!("{PAYLOAD}call"),
        "alive",
        "reported: a callback panicked: a panic without a message",
        &format!("{PAYLOAD}a panic without a message"),
        "|",
    ];
    assert_eq!(lab.trace.take(), expected);
}

#[test]
fn a_payload_that_throws_itself_for_ever_is_leaked() {
    struct Again;
    impl Drop for Again {
        fn drop(&mut self) {
            panic_any(Again);
        }
    }
    let mut lab = lab();
    lab.handle.call_soon(|| panic_any(Again));
    lab.soon("alive");
    lab.turn();
    assert_eq!(lab.trace.take().len(), 4);
}

#[test]
fn a_payload_of_an_exception_handler_may_panic_in_its_drop() {
    let mut lab = lab();
    let calls = Rc::new(Cell::new(0));
    let counted = calls.clone();
    lab.handle.set_exception_handler(move |_, _| {
        counted.set(counted.get() + 1);
        panic_any(Bomb("thrown by the handler"));
    });
    lab.handle.call_soon(|| panic!("first"));
    lab.handle.call_soon(|| panic_any(Bomb("second")));
    lab.soon("alive");
    lab.turn();
    assert_eq!(lab.trace.take(), ["alive", "|"]);
    assert_eq!(calls.get(), 3, "two panics and a payload");
}

/// Sets an exception handler that puts the like of itself in its place whenever it is called.
fn replace_itself(handle: &LoopHandle, calls: Rc<Cell<u32>>) {
    let bomb = Bomb("a handler");
    handle.set_exception_handler(move |handle, _| {
        bomb.touch();
        calls.set(calls.get() + 1);
        replace_itself(handle, calls.clone());
    });
}

#[test]
fn an_exception_handler_that_replaces_itself_may_panic_in_its_drop() {
    let mut lab = lab();
    let calls = Rc::new(Cell::new(0));
    replace_itself(&lab.handle, calls.clone());
    for _ in 0..3 {
        lab.handle.call_soon(|| panic!("on purpose"));
    }
    lab.soon("alive");
    lab.turn();
    assert_eq!(calls.get(), 3);
    assert_eq!(lab.trace.take(), ["alive", "|"]);
    lab.event_loop.close();
    assert_eq!(Rc::strong_count(&calls), 1, "the last handler is gone");
}

#[test]
fn an_exception_handler_that_is_replaced_from_outside_may_panic_in_its_drop() {
    let lab = lab();
    let bomb = Bomb("replaced");
    lab.handle.set_exception_handler(move |_, _| bomb.touch());
    let told = lab.trace.clone();
    lab.handle.set_exception_handler(move |_, context| told.add(&context.message));
    assert_eq!(lab.trace.take(), ["a destructor panicked: replaced"]);
}

#[test]
fn an_exception_handler_that_resets_itself_is_gone() {
    let lab = lab();
    let calls = Rc::new(Cell::new(0));
    let counted = calls.clone();
    lab.handle.set_exception_handler(move |handle, _| {
        counted.set(counted.get() + 1);
        handle.reset_exception_handler();
    });
    lab.handle.report(&loop_core::Context::new("first"));
    lab.handle.report(&loop_core::Context::new("printed to stderr on purpose"));
    assert_eq!((calls.get(), Rc::strong_count(&calls)), (1, 1));
}

#[test]
fn a_cancelled_callback_may_panic_in_its_drop() {
    let mut lab = lab();
    let soon = lab.handle.call_soon(armed("soon"));
    let later = lab.handle.call_later(Duration::from_secs(1), armed("later"));
    let job = lab.handle.queue_at(LoopTime::MAX, Rc::new(Armed(Bomb("job"))), 0);
    for handle in [soon, later, job] {
        assert!(handle.cancel() && handle.cancelled());
        assert!(!handle.cancel());
    }
    lab.turn();
    let reported = ["soon", "later", "job"].map(|name| format!("{DROPPED}{name}"));
    assert_eq!(lab.trace.take(), [&reported[..], &["|".to_owned()]].concat());
    assert!(lab.handle.snapshot().timed.is_empty());
}

pub(crate) const DROPPED: &str = "reported: a destructor panicked: ";

#[test]
fn a_watcher_that_is_replaced_or_removed_may_panic_in_its_drop() {
    let mut lab = lab();
    let (reader, _peer) = readable(1);
    lab.handle.add_reader(&reader, armed("first")).unwrap();
    lab.handle.add_reader(&reader, armed("second")).unwrap();
    assert!(lab.handle.remove_reader(&reader));
    assert!(!lab.handle.remove_reader(&reader));
    lab.handle.add_reader(&reader, lab.trace.adder("read")).unwrap();
    lab.turn();
    let expected = [&format!("{DROPPED}first"), &format!("{DROPPED}second"), "read", "|"];
    assert_eq!(lab.trace.take(), expected);
}

#[test]
fn the_owner_of_a_watched_descriptor_may_panic_in_its_drop() {
    struct Owner(UnixStream, #[expect(dead_code)] Bomb);
    impl AsFd for Owner {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
    let mut lab = lab();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let also_ours = ours.try_clone().unwrap();
    let owner = Rc::new(Owner(ours, Bomb("owner")));
    lab.handle.add_reader(&owner, || ()).unwrap();
    let number = owner.as_fd().try_clone_to_owned().unwrap();
    drop(number);
    // The loop is the last to hold it.
    let descriptor = UnixStream::from(also_ours.as_fd().try_clone_to_owned().unwrap());
    assert!(!lab.handle.remove_reader(&descriptor), "another number");
    lab.handle.add_writer(&Rc::new(also_ours), lab.trace.adder("written")).unwrap();
    drop(owner);
    lab.turn();
    assert_eq!(lab.trace.take(), ["written", "|"]);
    lab.event_loop.close();
    assert_eq!(lab.trace.take(), ["reported: a callback panicked: owner"]);
}

#[test]
fn a_watcher_that_removes_itself_and_panics_may_panic_in_its_drop_too() {
    alone("destructors::a_removed_watcher_panics_twice");
}

#[test]
#[ignore = "a process of its own for another test: it aborted"]
fn a_removed_watcher_panics_twice() {
    let mut lab = lab();
    let (reader, _peer) = readable(1);
    let (handle, descriptor, bomb) = (lab.handle.clone(), reader.clone(), Bomb("its drop"));
    let callback = move || {
        bomb.touch();
        handle.remove_reader(&descriptor);
        panic!("the watcher");
    };
    lab.handle.add_reader(&reader, callback).unwrap();
    lab.turn();
    let reported = "reported: a callback panicked: ";
    let expected = [format!("{reported}its drop"), format!("{reported}the watcher")];
    assert_eq!(lab.trace.take()[..2], expected);
}

#[test]
fn a_signal_handler_that_is_replaced_or_removed_may_panic_in_its_drop() {
    let mut lab = lab();
    lab.handle.add_signal_handler(SIGUSR1, armed("first")).unwrap();
    lab.handle.add_signal_handler(SIGUSR1, armed("second")).unwrap();
    assert!(lab.handle.remove_signal_handler(SIGUSR1));
    lab.handle.add_signal_handler(SIGUSR1, armed("third")).unwrap();
    lab.handle.add_signal_handler(SIGUSR1, lab.trace.adder("raised")).unwrap();
    raise(SIGUSR1).unwrap();
    lab.turn();
    let mut expected: Vec<String> =
        ["first", "second", "third"].iter().map(|name| format!("{DROPPED}{name}")).collect();
    expected.extend(["raised".to_owned(), "|".to_owned()]);
    assert_eq!(lab.trace.take(), expected);
}

#[test]
fn offloaded_work_may_throw_a_payload_that_panics_in_its_drop() {
    let mut lab = lab();
    let (trace, stopped) = (lab.trace.clone(), lab.handle.clone());
    let completion = move |outcome: std::io::Result<()>| {
        trace.add(outcome.unwrap_err());
        stopped.stop();
    };
    lab.handle.run_in_executor(|| panic_any(Bomb("on the thread")), completion).unwrap();
    lab.event_loop.run_forever().unwrap();
    assert_eq!(lab.trace.take(), ["the offloaded work panicked: a panic without a message"]);
}

#[test]
fn the_hook_of_the_ready_queue_may_panic_and_panic_in_its_drop() {
    let mut lab = lab();
    let bomb = Bomb("first hook");
    lab.handle.on_ready(move || bomb.touch());
    lab.handle.on_ready(|| panic!("second hook"));
    let queued = lab.soon("queued");
    lab.turn();
    assert!(!queued.cancelled());
    let hook = "reported: the hook of the ready queue panicked: second hook";
    assert_eq!(lab.trace.take(), [&format!("{DROPPED}first hook"), hook, "queued", "|"]);
    lab.event_loop.close();
}
