//! What a random program's handlers do.

use std::rc::{Rc, Weak};

use api_promises::Promise;

use super::program::{Trunk, World, take};
use super::values::{Held, Reason, Value, panic_rarely};

impl World {
    /// Returns a handler.
    pub(super) fn handler<T: 'static>(self: &Rc<Self>) -> impl FnOnce(T) -> Trunk + 'static {
        let own = if fastrand::u8(0..4) == 0 { take(&self.promises) } else { None };
        let (world, held) = (Rc::downgrade(self), Held::new());
        move |given| {
            drop(given);
            act(&world, held, own)
        }
    }

    /// Returns a function that is called many times.
    pub(super) fn function(self: &Rc<Self>) -> impl FnMut() -> Trunk + 'static {
        let (world, _held) = (Rc::downgrade(self), Held::new());
        move || {
            let _ = &_held;
            act(&world, Held::new(), None)
        }
    }
}

/// What a handler does, and what it holds.
fn act(world: &Weak<World>, held: Held, own: Option<Trunk>) -> Trunk {
    // First, here and elsewhere: see `rust::a_result_is_leaked_when_a_local_panics_behind_it`.
    drop(held);
    panic_rarely(10);
    let Some(world) = world.upgrade() else { panic!("a handler runs while there is a program") };
    match fastrand::u8(0..12) {
        0 => return Promise::reject(&world.handle, Reason::new()),
        1..4 => world.step(),
        4 => return own.unwrap_or_else(|| world.fresh()),
        5 => return world.fresh(),
        6 => world.push(own),
        _ => {}
    }
    Promise::resolve(&world.handle, Value::new())
}
