//! What was begun under a token ends with it, in every style the same.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use examples::Style;
use loop_core::{EventLoop, LoopHandle, is_cancelled};

const HOUR: Duration = Duration::from_secs(3_600);

/// What has ended, in order, and whether it was cancelled.
type Log = Rc<RefCell<Vec<(&'static str, bool)>>>;

/// A token of any style, and how an hour's sleep is begun under it.
trait Token: Sized + 'static {
    fn new() -> Self;
    fn child(&self) -> Self;
    fn cancel(&self);
    fn is_cancelled(&self) -> bool;
    fn begin(&self, handle: &LoopHandle, name: &'static str, log: &Log);
    fn hear(&self, handle: &LoopHandle, log: &Log);
}

macro_rules! token {
    ($wing:ident, $begin:ident, $hear:ident) => {
        impl Token for $wing::CancellationToken {
            fn new() -> Self {
                $wing::CancellationToken::new()
            }

            fn child(&self) -> Self {
                $wing::CancellationToken::child(self)
            }

            fn cancel(&self) {
                $wing::CancellationToken::cancel(self);
            }

            fn is_cancelled(&self) -> bool {
                $wing::CancellationToken::is_cancelled(self)
            }

            fn begin(&self, handle: &LoopHandle, name: &'static str, log: &Log) {
                $begin(self, handle, name, log.clone());
            }

            fn hear(&self, handle: &LoopHandle, log: &Log) {
                $hear(self, handle, log.clone());
            }
        }
    };
}

token!(api_callbacks, begin_callback, hear_callback);
token!(api_promises, begin_promise, hear_promise);
token!(api_async, begin_async, hear_async);

fn begin_callback(
    token: &api_callbacks::CancellationToken,
    handle: &LoopHandle,
    name: &'static str,
    log: Log,
) {
    let sleep = |done: api_callbacks::combine::Completion<(), std::io::Error>| {
        api_callbacks::sleep(handle, HOUR, done)
    };
    token.guard(handle, sleep, move |end| {
        log.borrow_mut().push((name, end.is_err_and(|error| is_cancelled(&error))));
    });
}

fn begin_promise(
    token: &api_promises::CancellationToken,
    handle: &LoopHandle,
    name: &'static str,
    log: Log,
) {
    let slept = token.guard(api_promises::sleep(handle, HOUR));
    slept.detach(move |error| log.borrow_mut().push((name, is_cancelled(&error))));
}

fn begin_async(
    token: &api_async::CancellationToken,
    handle: &LoopHandle,
    name: &'static str,
    log: Log,
) {
    let (token, sleep) = (token.clone(), api_async::sleep(handle, HOUR));
    let waits = async move {
        let end = token.guard(sleep).await;
        log.borrow_mut().push((name, end.is_err()));
    };
    api_async::spawn_infallible(handle, waits).detach();
}

fn hear_callback(token: &api_callbacks::CancellationToken, handle: &LoopHandle, log: Log) {
    token.cancelled(handle, move |heard| log.borrow_mut().push(("heard", heard.is_ok())));
}

fn hear_promise(token: &api_promises::CancellationToken, handle: &LoopHandle, log: Log) {
    let heard = token.cancelled::<std::io::Error>(handle);
    heard.map(move |()| log.borrow_mut().push(("heard", true))).detach(|error| panic!("{error}"));
}

fn hear_async(token: &api_async::CancellationToken, handle: &LoopHandle, log: Log) {
    let token = token.clone();
    let waits = async move {
        token.cancelled().await;
        log.borrow_mut().push(("heard", true));
    };
    api_async::spawn_infallible(handle, waits).detach();
}

/// What ends when a token between a parent and a child is cancelled, then the parent.
fn ends<T: Token>() -> Vec<Vec<(&'static str, bool)>> {
    let mut event_loop = EventLoop::new().unwrap();
    let (handle, log) = (event_loop.handle(), Log::default());
    let parent = T::new();
    let token = parent.child();
    let child = token.child();
    parent.begin(&handle, "of the parent", &log);
    child.begin(&handle, "of the child", &log);
    token.begin(&handle, "its own", &log);
    token.hear(&handle, &log);
    let mut seen = Vec::new();
    let mut turn = |event_loop: &mut EventLoop| {
        while event_loop.run_ready() > 0 {}
        seen.push(log.take());
    };
    turn(&mut event_loop);
    token.cancel();
    assert!(log.borrow().is_empty(), "from the queue");
    turn(&mut event_loop);
    assert!(child.is_cancelled() && !parent.is_cancelled());
    token.cancel();
    token.begin(&handle, "too late", &log);
    child.child().begin(&handle, "of a child that is too late", &log);
    turn(&mut event_loop);
    parent.cancel();
    turn(&mut event_loop);
    assert!(handle.snapshot().timed.is_empty(), "down to the timer");
    seen
}

#[test]
fn what_was_begun_under_a_token_ends_with_it_and_its_children_after_it() {
    let expected = [
        vec![],
        vec![("its own", true), ("heard", true), ("of the child", true)],
        vec![("too late", true), ("of a child that is too late", true)],
        vec![("of the parent", true)],
    ];
    assert_eq!(ends::<api_callbacks::CancellationToken>(), expected, "{}", Style::Callbacks);
    assert_eq!(ends::<api_promises::CancellationToken>(), expected, "{}", Style::Promises);
    assert_eq!(ends::<api_async::CancellationToken>(), expected, "{}", Style::Async);
}

#[test]
fn a_long_chain_of_tokens_is_cancelled_and_dropped_on_a_small_stack() {
    fn chain<T: Token>() {
        for cancelled in [true, false] {
            let first = T::new();
            let mut last = first.child();
            for _ in 0..10_000 {
                last = last.child();
            }
            if cancelled {
                first.cancel();
            }
            assert_eq!(last.is_cancelled(), cancelled);
            drop(first);
        }
    }
    let small = std::thread::Builder::new().stack_size(128 << 10);
    let chains = small.spawn(|| {
        chain::<api_callbacks::CancellationToken>();
        chain::<api_promises::CancellationToken>();
        chain::<api_async::CancellationToken>();
    });
    chains.unwrap().join().unwrap();
}
