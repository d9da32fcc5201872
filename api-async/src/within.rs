//! A limit of time for a future that ends with anything.

use std::future::Future;
use std::time::Duration;

use futures::future::FutureExt;
use loop_core::{Elapsed, LoopHandle};

use crate::combine::timeout;

/// Drives a future, but drops it when `delay` has passed since the call.
///
/// It is [`timeout`] for what does not end with a result: there the error is a part of the
/// future's own.
///
/// ```
/// use api_async::{run_until_complete, sleep, within};
/// use std::time::Duration;
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let handle = event_loop.handle();
/// let (in_time, late) = run_until_complete(&mut event_loop, async move {
///     let hour = sleep(&handle, Duration::from_secs(3_600));
///     let in_time = within(&handle, Duration::from_secs(1), async { 42 }).await;
///     (in_time, within(&handle, Duration::from_millis(1), hour).await)
/// })
/// .unwrap();
/// assert!(in_time.is_ok_and(|answer| answer == 42) && late.is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// [`Elapsed`] when the time is over.
///
/// tokio: `timeout`.
pub fn within<F: Future>(
    handle: &LoopHandle,
    delay: Duration,
    future: F,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    timeout(handle, delay, future.map(Ok))
}
