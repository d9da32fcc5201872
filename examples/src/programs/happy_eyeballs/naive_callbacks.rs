//! Happy eyeballs as it is often written with callbacks, kept for its bug: the loser is left open.
//!
//! All timers are set at the beginning, each begins an attempt, and a late one finds that the
//! callback has gone. Nothing cancels the attempts that are pending, nor the timers of those to come:
//! they go on behind the back of a program that has its connection. And a failure, which should bring
//! the next attempt forward, waits for the timer like all others.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::{TcpStream, sleep};
use loop_core::{AggregateError, EventLoop, LoopHandle};

use super::{Failures, Options, Race, failed};
use crate::Left;

fn connect(
    handle: &LoopHandle,
    addresses: Vec<SocketAddr>,
    delay: Duration,
    callback: impl FnOnce(Result<TcpStream, Failures>) + 'static,
) {
    let count = addresses.len();
    let callback = Rc::new(Cell::new(Some(callback)));
    let failures = Rc::new(RefCell::new(Vec::new()));
    for (number, address) in (0..).zip(addresses) {
        let (on, callback, failures) = (handle.clone(), callback.clone(), failures.clone());
        let begin = move |_slept| {
            TcpStream::connect(&on, address, move |connected| match connected {
                Ok(stream) => {
                    if let Some(callback) = callback.take() {
                        callback(Ok(stream));
                    }
                }
                Err(error) => {
                    failures.borrow_mut().push(failed(address, &error));
                    if failures.borrow().len() == count
                        && let Some(callback) = callback.take()
                    {
                        callback(Err(AggregateError { errors: failures.take() }));
                    }
                }
            });
        };
        sleep(handle, delay * number, begin);
    }
}

pub(super) fn run(options: &Options) -> io::Result<Race> {
    let mut event_loop = EventLoop::new()?;
    let handle = event_loop.handle();
    let Options { addresses, delay, .. } = options.clone();
    let connected = event_loop
        .run_until_complete(|completer| {
            connect(&handle, addresses, delay, |connected| completer.complete(connected));
        })
        .map_err(io::Error::other)?;
    let left = Left::on(&mut event_loop)?;
    Ok(Race { connected: connected.and_then(|stream| Ok(stream.peer_addr()?)), left })
}
