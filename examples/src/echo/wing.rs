//! What the echo servers on the project's own loop have in common: all but the style.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use loop_core::{Counts, EventLoop, LoopHandle, is_cancelled};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::Options;
use crate::ServerCounts;

/// What a style tells that its server has failed.
pub(crate) type OnFailure = Box<dyn FnOnce(io::Error)>;

/// Runs a loop on which `start` has bound and started the server, until a signal or a failure.
pub(crate) fn serve(
    options: &Options,
    announce: impl FnOnce(SocketAddr),
    start: impl FnOnce(&LoopHandle, SocketAddr, OnFailure) -> io::Result<SocketAddr>,
) -> io::Result<ServerCounts> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    handle.set_turn_rule(options.turn_rule);
    for signal in [SIGINT, SIGTERM] {
        let handle = handle.clone();
        handle.clone().add_signal_handler(signal, move || handle.stop())?;
    }

    let failure = Rc::new(Cell::new(None));
    let on_failure: OnFailure = Box::new({
        let (handle, failure) = (handle.clone(), failure.clone());
        move |error| {
            failure.set(Some(error));
            handle.stop();
        }
    });
    let addr = start(&handle, options.listen, on_failure).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {}: {error}", options.listen))
    })?;
    announce(addr);

    event_loop.run_forever()?;
    let counts = handle.counts();
    event_loop.close();
    match failure.take() {
        Some(error) if !is_cancelled(&error) => Err(error),
        _ => Ok(told(counts)),
    }
}

fn told(counts: Counts) -> ServerCounts {
    ServerCounts {
        turns: Some(counts.turns),
        polls: Some(counts.polls),
        events: Some(counts.events),
        hops: Some(counts.hops),
        reads: Some(counts.reads),
        writes: Some(counts.writes),
        accepts: Some(counts.accepts),
        registrations: Some(counts.registrations),
        wake_writes: Some(counts.wake_writes),
        ..ServerCounts::default()
    }
}
