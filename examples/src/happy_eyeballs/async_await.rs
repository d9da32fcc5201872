//! Happy eyeballs with async.
//!
//! Rule: the attempts are futures in a set that the race owns, so that whoever leaves the race, by
//! returning or by being dropped, closes them.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use api_async::combine::timeout;
use api_async::{TcpStream, run_until_complete, sleep};
use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use loop_core::{AggregateError, EventLoop, LoopHandle};

use super::{Failures, Options, Race, failed};
use crate::Left;

// ANCHOR: connect
pub(super) async fn connect(
    handle: &LoopHandle,
    addresses: &[SocketAddr],
    delay: Duration,
) -> Result<TcpStream, Failures> {
    let mut waiting = addresses.iter().enumerate();
    let mut attempts = FuturesUnordered::new();
    let mut failures = BTreeMap::new();
    loop {
        attempts.extend(waiting.next().map(|(number, &address)| attempt(handle, number, address)));
        let turn_of_others = async {
            match waiting.len() {
                0 => pending().await,
                _ => sleep(handle, delay).await,
            }
        };
        match select(attempts.next(), pin!(turn_of_others)).await {
            Either::Left((Some(Ok(stream)), _)) => return Ok(stream),
            Either::Left((Some(Err((number, failure))), _)) => {
                failures.insert(number, failure);
            }
            Either::Left((None, _)) => return Err(decide(failures)),
            Either::Right(((), _)) => {}
        }
    }
}
// ANCHOR_END: connect

// ANCHOR: attempt
async fn attempt(
    handle: &LoopHandle,
    number: usize,
    address: SocketAddr,
) -> Result<TcpStream, (usize, io::Error)> {
    let connected = TcpStream::connect(handle, address).await;
    connected.map_err(|error| (number, failed(address, &error)))
}
// ANCHOR_END: attempt

// ANCHOR: decide
fn decide(failures: BTreeMap<usize, io::Error>) -> Failures {
    AggregateError { errors: failures.into_values().collect() }
}
// ANCHOR_END: decide

// ANCHOR: run
pub(super) fn run(options: &Options) -> io::Result<Race> {
    let mut event_loop = EventLoop::new()?;
    let (handle, options) = (event_loop.handle(), options.clone());
    let connected = run_until_complete(&mut event_loop, async move {
        let racing = connect(&handle, &options.addresses, options.delay);
        timeout(&handle, options.limit, racing).await
    })
    .map_err(io::Error::other)?;
    let left = Left::on(&mut event_loop)?;
    Ok(Race { connected: connected.and_then(|stream| Ok(stream.peer_addr()?)), left })
}
// ANCHOR_END: run
