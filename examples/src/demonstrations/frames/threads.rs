//! The program on a thread of its own: what waits is the stack.

use std::thread;

use super::A_WHILE;
use super::probe::{Moment, Probe};

#[inline(never)]
pub(super) fn begin(probe: Probe) -> u32 {
    serve(&probe)
}

#[inline(never)]
fn serve(probe: &Probe) -> u32 {
    let total = price(probe) + 1;
    probe.at(Moment::Back);
    total
}

#[inline(never)]
fn price(probe: &Probe) -> u32 {
    2 * look_up(probe)
}

#[inline(never)]
fn look_up(probe: &Probe) -> u32 {
    probe.at(Moment::Before);
    thread::sleep(A_WHILE);
    probe.at(Moment::After);
    probe.found()
}
