//! The parts and the wholes that a tree is made of, drawn at random.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::combine::{Start, all, all_settled, any, map_limit, race, retry, timeout};
use api_callbacks::{Composed, Operation, sleep};
use loop_core::{Backoff, Cancelled};

use super::world::{Done, End, Tracked, Tree, World};

/// A tree, or a branch of one, that has not begun.
pub(super) type Branch = Start<Tracked, io::Error>;

/// A part that the program completes some time, or when it is cancelled.
struct Kept {
    world: Rc<World>,
    done: Cell<Option<Done>>,
    /// What it is to its tree.
    end: End,
    on_cancel: u64,
}

impl Composed for Kept {
    fn cancel(self: Rc<Self>) -> bool {
        self.end.0.reach();
        self.world.may_panic(6);
        let Some(done) = self.done.take() else { return false };
        match self.on_cancel {
            0 => {
                self.done.set(Some(done));
                false
            }
            1 => {
                drop(done);
                true
            }
            2 => {
                // Against the rule: from inside the cancel.
                done(Err(Cancelled.into()));
                true
            }
            _ => {
                let end = move || done(Err(Cancelled.into()));
                drop(self.world.handle.try_call_soon(end));
                true
            }
        }
    }
}

/// Draws a tree, in which wholes stand at most so many deep inside one another.
pub(super) fn tree(world: &Rc<World>, whole: &Rc<Tree>, depth: u64) -> Branch {
    if depth == 0 || world.below(4) == 0 {
        return leaf(world, whole);
    }
    let parts = (0..1 + world.below(3)).map(|_| tree(world, whole, depth - 1));
    let parts: Vec<Branch> = parts.collect();
    let (w, kind, millis) = (world.clone(), world.below(8), world.below(40));
    let (tracked, whole) = (world.track(), whole.clone());
    // What is captured goes before anything begins: a destructor that panicked later would lose the
    // operation, and nothing could cancel it.
    Box::new(move |done| match kind {
        0..4 => {
            drop(tracked);
            of_parts(&w, kind, parts, done)
        }
        4 => {
            drop(tracked);
            let (mut parts, limit) = (parts, Duration::from_millis(millis));
            let part = parts.pop().expect("there is a part");
            drop(parts);
            timeout(&w.handle, limit, part, ending(&w, done))
        }
        5 | 6 => limited(&w, 1 + kind as usize % 2, parts, tracked, done),
        _ => {
            drop(parts);
            retried(&w, whole, depth - 1, tracked, done)
        }
    })
}

/// Begins a whole whose parts all run at once.
fn of_parts(w: &Rc<World>, kind: u64, parts: Vec<Branch>, done: Done) -> Operation {
    let h = &w.handle;
    match kind {
        0 => all(h, parts, ending(w, done)),
        1 => {
            let end = ending(w, done);
            all_settled(h, parts, move |results| end(Ok(results)))
        }
        2 => {
            let end = ending(w, done);
            any(h, parts, move |first| end(first.map_err(|_| ErrorKind::NotFound.into())))
        }
        _ => race(h, parts, ending(w, done)),
    }
}

/// Begins a whole of which at most `limit` parts run at once, by a function that may panic.
fn limited(
    w: &Rc<World>,
    limit: usize,
    parts: Vec<Branch>,
    tracked: Tracked,
    done: Done,
) -> Operation {
    let (of_f, end) = (w.clone(), ending(w, done));
    let f = move |part: Branch, done| {
        let _held = &tracked;
        of_f.may_panic(12);
        part(done)
    };
    map_limit(&w.handle, parts, limit, f, end)
}

/// Begins a whole that draws a tree for each of its tries, or panics instead.
fn retried(w: &Rc<World>, whole: Rc<Tree>, depth: u64, tracked: Tracked, done: Done) -> Operation {
    let (of_f, end) = (w.clone(), ending(w, done));
    let f = move |done| {
        let _held = &tracked;
        of_f.may_panic(12);
        tree(&of_f, &whole, depth)(done)
    };
    retry(&w.handle, Backoff::default(), f, end)
}

/// What a whole's callback does: hands on a value, or panics before.
fn ending<T: 'static>(
    world: &Rc<World>,
    done: Done,
) -> impl FnOnce(io::Result<T>) + use<T> + 'static {
    let (w, tracked) = (world.clone(), world.track());
    move |end| {
        let _held = tracked;
        w.may_panic(12);
        let value = end.map(|values| {
            drop(values);
            w.value()
        });
        done(value);
        w.may_panic(20);
    }
}

/// Draws a part that is no whole.
fn leaf(world: &Rc<World>, whole: &Rc<Tree>) -> Branch {
    let (w, whole, tracked) = (world.clone(), whole.clone(), world.track());
    match world.below(8) {
        0 => Box::new(move |done| completed_before_it_returns(&w, tracked, done)),
        1 => Box::new(move |done| never_completed(&w, tracked, done)),
        2 | 3 => Box::new(move |done| kept(&w, &whole, tracked, done)),
        _ => Box::new(move |done| slept(&w, &whole, tracked, done)),
    }
}

/// Completes inside the call that begins it, against the rule.
fn completed_before_it_returns(w: &Rc<World>, tracked: Tracked, done: Done) -> Operation {
    let _held = tracked;
    w.may_panic(9);
    done(w.result());
    w.may_panic(9);
    sleep(&w.handle, Duration::from_millis(w.below(9)), |_| ())
}

/// Drops its completion at once.
fn never_completed(w: &Rc<World>, tracked: Tracked, done: Done) -> Operation {
    let _held = tracked;
    w.may_panic(5);
    drop(done);
    sleep(&w.handle, Duration::ZERO, |_| ())
}

/// Leaves its end to the program.
fn kept(w: &Rc<World>, whole: &Tree, tracked: Tracked, done: Done) -> Operation {
    w.may_panic(9);
    let result = w.below(9) > 0;
    let (world, end, on_cancel) = (w.clone(), End(whole.add(None)), w.below(5));
    whole.breaks_the_rule.set(whole.breaks_the_rule.get() || on_cancel == 2);
    let kept = Rc::new(Kept { world, done: Cell::new(Some(done)), end, on_cancel });
    let operation = Operation::composed(&kept);
    let end: Done = Box::new(move |end| {
        let _held = tracked;
        kept.end.0.reach();
        if let Some(done) = kept.done.take()
            && result
        {
            done(end);
        }
    });
    w.kept.borrow_mut().push(end);
    operation
}

/// Ends, or drops its completion, after some time.
fn slept(w: &Rc<World>, whole: &Tree, tracked: Tracked, done: Done) -> Operation {
    let (w, delay) = (w.clone(), w.delay());
    let handle = w.handle.clone();
    let end = End(whole.add(Some(handle.time() + delay)));
    sleep(&handle, delay, move |slept| {
        let _held = tracked;
        drop(end);
        w.may_panic(9);
        match w.below(12) {
            0 => drop(done),
            _ => done(slept.and_then(|()| w.result())),
        }
    })
}
