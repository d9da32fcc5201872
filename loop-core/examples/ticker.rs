//! Prints a line a second, five times: `cargo run -p loop-core --example ticker`.

use std::io;
use std::time::Duration;

use loop_core::{EventLoop, LoopHandle};

const TICKS: u32 = 5;

fn main() -> io::Result<()> {
    let mut event_loop = EventLoop::new()?;
    tick(event_loop.handle(), 1);
    event_loop.run_forever()
}

/// Prints a line, and is called again in a second; the last one stops the loop.
fn tick(handle: LoopHandle, count: u32) {
    println!("tick {count}");
    if count == TICKS {
        return handle.stop();
    }
    handle.clone().call_later(Duration::from_secs(1), move || tick(handle, count + 1));
}
