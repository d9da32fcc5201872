//! The program with promises: what waits is a node of a chain.

use std::io;

use api_promises::{Promise, sleep};
use loop_core::LoopHandle;

use super::A_WHILE;
use super::probe::{Moment, Probe};

#[inline(never)]
pub(super) fn begin(handle: &LoopHandle, probe: Probe) {
    serve(handle, &probe).detach(drop);
}

#[inline(never)]
fn serve(handle: &LoopHandle, probe: &Probe) -> Promise<u32, io::Error> {
    let back = probe.clone();
    price(handle, probe).map(move |price| {
        back.at(Moment::Back);
        price + 1
    })
}

#[inline(never)]
fn price(handle: &LoopHandle, probe: &Probe) -> Promise<u32, io::Error> {
    look_up(handle, probe).map(|found| 2 * found)
}

#[inline(never)]
fn look_up(handle: &LoopHandle, probe: &Probe) -> Promise<u32, io::Error> {
    probe.at(Moment::Before);
    let after = probe.clone();
    sleep(handle, A_WHILE).map(move |()| {
        after.at(Moment::After);
        after.found()
    })
}
