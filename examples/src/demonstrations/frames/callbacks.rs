//! The program with callbacks: what waits is a closure.

use api_callbacks::{Operation, sleep};
use loop_core::LoopHandle;

use super::A_WHILE;
use super::probe::{Moment, Probe};

#[inline(never)]
pub(super) fn begin(handle: &LoopHandle, probe: Probe) {
    // Dropping the operation does not cancel it.
    drop(serve(handle, &probe, drop));
}

// ANCHOR: calls
#[inline(never)]
fn serve(handle: &LoopHandle, probe: &Probe, done: impl FnOnce(u32) + 'static) -> Operation {
    let back = probe.clone();
    price(handle, probe, move |price| {
        back.at(Moment::Back);
        done(price + 1);
    })
}

#[inline(never)]
fn price(handle: &LoopHandle, probe: &Probe, done: impl FnOnce(u32) + 'static) -> Operation {
    look_up(handle, probe, move |found| done(2 * found))
}

#[inline(never)]
fn look_up(handle: &LoopHandle, probe: &Probe, done: impl FnOnce(u32) + 'static) -> Operation {
    probe.at(Moment::Before);
    let after = probe.clone();
    sleep(handle, A_WHILE, move |slept| {
        after.at(Moment::After);
        if slept.is_ok() {
            done(after.found());
        }
    })
}
// ANCHOR_END: calls
