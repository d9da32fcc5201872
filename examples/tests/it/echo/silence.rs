//! What an idle timeout does.

use std::io::Read;
use std::thread;

use examples::Style;

use crate::client::{connect, ping};
use crate::server::{start_with, stop};

/// Long enough for a client that pings without a pause on a busy machine.
const IDLE_TIMEOUT_MS: &str = "700";

pub(super) fn of_two_connections_the_silent_one_is_closed(style: Style) {
    if style == Style::Threads {
        // It would be a property of the socket, set once, and nothing of the program.
        return;
    }
    let server = start_with(style, &["--idle-timeout-ms", IDLE_TIMEOUT_MS]);
    let [mut silent, mut speaker] = [connect(server.addr()), connect(server.addr())];
    ping(&mut silent, b"it speaks once");
    thread::scope(|scope| {
        // An end or a reset: either closes it.
        let closed = scope.spawn(move || matches!(silent.read(&mut [0]), Ok(0) | Err(_)));
        while !closed.is_finished() {
            ping(&mut speaker, b"again and again");
        }
        assert!(closed.join().unwrap());
    });
    ping(&mut speaker, b"the other is gone");
    stop(server);
}
