//! The same crossing again and again, to see what one costs.
//!
//! The callee answers as soon as its colour can: it returns, calls back from the queue, is a settled
//! promise or a future without an await. So what is left is the way there and back. From a colour to
//! itself it is a call, and shows what the caller's own loop costs.

use std::hint::black_box;
use std::io;

use api_async::{Resume, run_until_complete, suspend};
use api_promises::{Promise, promisify};
use futures::future::Either;
use loop_core::{Completer, EventLoop, Handle, LoopHandle, RunError};

use super::{Colour, from_async, from_callback, from_promise, from_sync};

/// Crosses so many times, each time when the answer of the time before is there.
///
/// # Errors
/// As [`EventLoop::run_until_complete`].
pub fn trips(
    event_loop: &mut EventLoop,
    from: Colour,
    to: Colour,
    times: u64,
) -> Result<(), RunError> {
    let handle = event_loop.handle();
    match from {
        Colour::Sync => (0..times).try_for_each(|number| sync(event_loop, to, number)),
        Colour::Callback => event_loop.run_until_complete(|done| callback(handle, to, times, done)),
        Colour::Promise => Ok(promise(handle, to, times).run_until_complete(event_loop)??),
        Colour::Async => Ok(run_until_complete(event_loop, async_caller(handle, to, times))??),
    }
}

fn work(number: u64) -> u64 {
    black_box(number)
}

fn sync(event_loop: &mut EventLoop, to: Colour, number: u64) -> Result<(), RunError> {
    let handle = event_loop.handle();
    let answer = match to {
        Colour::Sync => work(number),
        Colour::Callback => from_sync::to_callback(event_loop, |completer| {
            handle.call_soon(move || completer.complete(work(number)));
        })?,
        Colour::Promise => {
            let promise = Promise::<_, io::Error>::resolve(&handle, work(number));
            from_sync::to_promise(event_loop, promise)??
        }
        Colour::Async => from_sync::to_async(event_loop, async move { Ok(work(number)) })??,
    };
    black_box(answer);
    Ok(())
}

fn callback(handle: LoopHandle, to: Colour, left: u64, done: Completer<()>) {
    if left == 0 {
        return done.complete(());
    }
    let next = handle.clone();
    let go_on = move |answer| {
        black_box(answer);
        callback(next, to, left - 1, done);
    };
    match to {
        Colour::Sync => {
            let call = |answer| go_on(answer_of(answer));
            from_callback::to_sync(&handle, move || work(left), call)
                .expect("the executor takes work while the loop runs");
        }
        Colour::Callback => drop(handle.call_soon(move || go_on(work(left)))),
        Colour::Promise => {
            let promise = Promise::<_, io::Error>::resolve(&handle, work(left));
            from_callback::to_promise(promise, |answer| go_on(answer_of(answer)));
        }
        Colour::Async => {
            let call = |answer| go_on(answer_of(answer));
            from_callback::to_async(&handle, async move { work(left) }, call).detach();
        }
    }
}

fn answer_of<E: std::fmt::Debug>(answer: Result<u64, E>) -> u64 {
    answer.expect("nothing fails here")
}

fn promise(handle: LoopHandle, to: Colour, left: u64) -> Promise<(), io::Error> {
    let answer = match to {
        Colour::Sync => from_promise::to_sync(&handle, move || work(left)),
        Colour::Callback => promisify(&handle, |resolver| {
            let timer = handle.call_soon(move || resolver.resolve(work(left)));
            move || drop(CancelOnDrop(timer))
        }),
        Colour::Promise => Promise::resolve(&handle, work(left)),
        Colour::Async => from_promise::to_async(&handle, async move { Ok(work(left)) })
            .expect("a loop that runs takes tasks"),
    };
    answer.then(move |answer| {
        black_box(answer);
        if left > 1 { Either::Left(promise(handle, to, left - 1)) } else { Either::Right(Ok(())) }
    })
}

async fn async_caller(handle: LoopHandle, to: Colour, times: u64) -> io::Result<()> {
    for number in 0..times {
        let answer = match to {
            Colour::Sync => from_async::to_sync(&handle, move || work(number)).await?,
            Colour::Callback => {
                let start = |resume: Resume<u64>| {
                    CancelOnDrop(handle.call_soon(move || resume.with(work(number))))
                };
                suspend(start).await?
            }
            Colour::Promise => {
                from_async::to_promise(Promise::<_, io::Error>::resolve(&handle, work(number)))
                    .await?
            }
            Colour::Async => async { work(number) }.await,
        };
        black_box(answer);
    }
    Ok(())
}

/// Stands for an operation of the callbacks' wing: a bare callback of the loop, and nothing else.
struct CancelOnDrop(Handle);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
