//! The steps as they are often written with async, kept for their bug: the clean-up never comes.
//!
//! The clean-up follows the steps in the text, and so it seems to follow them whatever happens: every
//! error of theirs leads there. But dropping the future, as a timeout around it does, ends it at
//! the `await` where it is. What follows is never run, and nothing says so: the session is closed by its
//! drop, and the server keeps a transaction that is not rolled back.

use std::io;
use std::time::Duration;

use api_async::combine::timeout;
use api_async::run_until_complete;
use loop_core::{EventLoop, LoopHandle};

use super::async_await::{clean_up, steps};
use super::{Options, Report};
use crate::Left;

async fn transfer(handle: &LoopHandle, options: &Options) -> io::Result<Vec<String>> {
    let mut session = None;
    let outcome = steps(handle, options, &mut session).await;
    if let Some(session) = session {
        clean_up(handle, options, session).await;
    }
    outcome
}

pub(super) fn run(options: &Options) -> io::Result<Report> {
    let mut event_loop = EventLoop::new()?;
    let (handle, options) = (event_loop.handle(), options.clone());
    let limit = options.total_limit.min(options.cancel_after.unwrap_or(Duration::MAX));
    let items = run_until_complete(&mut event_loop, async move {
        timeout(&handle, limit, transfer(&handle, &options)).await
    })
    .map_err(io::Error::other)?;
    Ok(Report { items, left: Left::on(&mut event_loop)? })
}
