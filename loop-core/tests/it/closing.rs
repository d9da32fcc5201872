//! What closing a loop does to what it holds.

use std::rc::Rc;

use loop_core::{EventLoop, TurnRule};

use crate::lab::{Lab, readable};

/// Says when it is dropped.
struct Dropped(Rc<std::cell::Cell<u32>>);

impl Dropped {
    fn touch(&self) {}
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn closing_drops_all_callbacks_unrun() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let drops = Rc::new(std::cell::Cell::new(0));
    let guard = || Dropped(drops.clone());
    let (reader, _peer) = readable(1);
    let (a, b, c) = (guard(), guard(), guard());
    handle.call_soon(move || drop(a));
    handle.call_later(std::time::Duration::MAX, move || drop(b));
    handle.add_reader(&reader, move || c.touch()).unwrap();
    event_loop.close();
    assert_eq!(drops.get(), 3);
    assert!(handle.is_closed());
    event_loop.close();
}

#[test]
fn a_destructor_may_use_the_loop_that_is_closed_under_it() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    struct UsesLoop(loop_core::LoopHandle);
    impl Drop for UsesLoop {
        fn drop(&mut self) {
            let _ = self.0.try_call_soon(|| ());
            self.0.stop();
        }
    }
    let user = UsesLoop(lab.handle.clone());
    lab.handle.call_soon(move || drop(user));
    lab.event_loop.close();
    assert!(lab.handle.snapshot().ready.is_empty());
}

#[test]
fn after_closing_nothing_is_watched_and_nothing_can_be() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (reader, _peer) = readable(1);
    lab.handle.add_reader(&reader, || ()).unwrap();
    lab.event_loop.close();
    assert!(!lab.handle.remove_reader(&reader));
    assert!(lab.handle.add_reader(&reader, || ()).is_err());
}

#[test]
fn a_closed_loop_does_not_run() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    lab.event_loop.close();
    assert!(lab.event_loop.run_once().is_err());
    assert!(lab.event_loop.run_forever().is_err());
    assert_eq!(lab.event_loop.run_ready(), 0);
}

#[test]
fn a_hook_runs_first() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let handle = lab.handle.clone();
    let trace = lab.trace.clone();
    lab.handle.on_close(move || trace.add(format!("closed:{}", handle.is_closed())));
    lab.event_loop.close();
    assert_eq!(lab.trace.take(), ["closed:false"]);
}
