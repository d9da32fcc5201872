//! What no crate can mend: shown in plain Rust, so that the fuzzer may leave it out.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};

/// Counts its drops, and panics in each.
struct Panics<'a>(&'a Cell<u32>);

impl Drop for Panics<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        panic!("a destructor on purpose");
    }
}

#[test]
#[ignore = "it ends its process; the test below runs it"]
fn two_destructors_of_one_frame() {
    let drops = Cell::new(0);
    let _ = catch_unwind(AssertUnwindSafe(|| drop((Panics(&drops), Panics(&drops)))));
    println!("it has gone on");
}

/// A second destructor that panics while the first one unwinds through its frame: the process aborts,
/// whether the frame is a function's or an `async` block's.
#[test]
fn two_destructors_of_one_frame_that_panic_abort_the_process() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["fuzz::rust_s_own::two_destructors_of_one_frame", "--exact", "--ignored"])
        .output()
        .unwrap();
    assert!(!child.status.success());
    assert!(!String::from_utf8_lossy(&child.stdout).contains("it has gone on"));
}

/// A value that is on its way out of a function, or out of an await, is leaked when a destructor panics
/// behind it. This crate drops explicitly before it returns, so that it leaks none.
#[test]
fn what_is_returned_is_leaked_when_a_destructor_panics_behind_it() {
    fn returns(drops: &Cell<u32>, held: Rc<()>) -> Rc<()> {
        let _panics = Panics(drops);
        held
    }
    struct Ends<'a>(#[expect(dead_code, reason = "it panics")] Panics<'a>, Option<Rc<()>>);
    impl Future for Ends<'_> {
        type Output = Rc<()>;
        fn poll(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> std::task::Poll<Rc<()>> {
            std::task::Poll::Ready(self.1.take().unwrap())
        }
    }
    let (drops, held) = (Cell::new(0), Rc::new(()));
    let kept = held.clone();
    assert!(catch_unwind(AssertUnwindSafe(|| returns(&drops, kept))).is_err());
    assert_eq!((drops.get(), Rc::strong_count(&held)), (1, 2), "by a return");
    let ends = Ends(Panics(&drops), Some(held.clone()));
    let awaits = Box::pin(async { drop(ends.await) });
    let waker = Waker::noop();
    let polled = catch_unwind(AssertUnwindSafe(move || {
        let mut awaits = awaits;
        awaits.as_mut().poll(&mut Context::from_waker(waker))
    }));
    assert!(polled.is_err());
    assert_eq!((drops.get(), Rc::strong_count(&held)), (2, 3), "by an await");
}

/// What owns itself is never dropped: a task whose output is its own handle is such a circle when it
/// has ended and the handle has one owner.
#[test]
fn what_owns_itself_is_never_dropped() {
    struct Circle(std::cell::RefCell<Option<Rc<Circle>>>);
    let circle = Rc::new(Circle(std::cell::RefCell::default()));
    circle.0.replace(Some(circle.clone()));
    let weak: Weak<Circle> = Rc::downgrade(&circle);
    drop(circle);
    assert_eq!(weak.strong_count(), 1);
}

/// A closure that was moved into an `async` block and panics leaves nothing: the block's values are
/// dropped while it unwinds, and again polling it is refused by the compiler's own panic.
#[test]
fn an_async_block_that_panicked_has_dropped_its_values() {
    let held = Rc::new(());
    let kept = held.clone();
    let mut block = Box::pin(async move {
        let _kept = kept;
        if true {
            panic!("on purpose");
        }
    });
    let mut poll = || {
        let mut cx = Context::from_waker(Waker::noop());
        catch_unwind(AssertUnwindSafe(|| block.as_mut().poll(&mut cx))).is_err()
    };
    assert!(poll());
    assert_eq!(Rc::strong_count(&held), 1);
    assert!(poll());
}
