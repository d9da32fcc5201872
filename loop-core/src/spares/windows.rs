//! Windows of turns, at whose ends a loop gives back what none of their turns has needed.
//!
//! The rule, in turns and bytes. A window is 64 turns. At its end the loop keeps as many chunks of 16 KiB,
//! and each style as many of its spares, as were in use together in the window, and gives back the rest; of
//! the ready queue it gives back the room beyond what was ready at once, and of its tables all that is free
//! at their ends where less than a quarter is used. Room for 64 entries is left to each. What a burst has
//! taken is so given back within 128 turns, and what comes again in each window is never made anew. A loop
//! that sleeps makes no turns, and wakes up for none of this.

use std::rc::Rc;

use crate::handle::{LoopHandle, LoopState};
use crate::spares::stack::ROOM_LEAST;

/// How many turns a window has.
const TURNS_PER_WINDOW: u64 = 64;

impl LoopHandle {
    /// Has `giver` called at the end of each window of 64 turns, to give back what a style keeps to use
    /// again and the window did not need; see [`Spares`](crate::Spares). To say so again does nothing.
    ///
    /// A panic of `giver` is reported.
    pub fn give_back_with(&self, giver: fn()) {
        self.state.store().add_giver(giver);
    }
}

impl LoopState {
    /// Begins a turn, and ends the window before if this is the first of another.
    pub(crate) fn begin_turn(self: &Rc<Self>) {
        self.store().chunks.end_turn();
        self.counters().turns.count();
        if self.counters().turns.value().is_multiple_of(TURNS_PER_WINDOW) {
            self.end_window();
        }
    }

    /// Begins a pass over the ready queue, and returns how many entries are ready now.
    pub(crate) fn begin_pass(&self) -> usize {
        let ready = self.ready().len();
        self.store().note_ready(ready);
        ready
    }

    #[cold]
    fn end_window(self: &Rc<Self>) {
        self.store().chunks.end_window();
        self.ready().shrink_to(self.store().take_ready_most().max(ROOM_LEAST));
        self.reactor().shrink();
        self.timers().shrink();
        let mut index = 0;
        while let Some(giver) = self.store().giver(index) {
            self.guard(giver);
            index += 1;
        }
    }
}
