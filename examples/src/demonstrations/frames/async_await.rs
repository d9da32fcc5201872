//! The program with async: what waits is the task.

use api_async::{sleep, spawn_infallible};
use loop_core::LoopHandle;

use super::A_WHILE;
use super::probe::{Moment, Probe};

#[inline(never)]
pub(super) fn begin(handle: &LoopHandle, probe: Probe) {
    spawn_infallible(handle, serve(handle.clone(), probe)).named("the program").detach();
}

// ANCHOR: calls
async fn serve(handle: LoopHandle, probe: Probe) -> u32 {
    let total = price(&handle, &probe).await + 1;
    probe.at(Moment::Back);
    total
}

async fn price(handle: &LoopHandle, probe: &Probe) -> u32 {
    2 * look_up(handle, probe).await
}

async fn look_up(handle: &LoopHandle, probe: &Probe) -> u32 {
    probe.at(Moment::Before);
    sleep(handle, A_WHILE).await;
    probe.at(Moment::After);
    probe.found()
}
// ANCHOR_END: calls
