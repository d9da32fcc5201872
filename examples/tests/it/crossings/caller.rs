//! The callers of every colour, each of which gives up in its own manner.

use std::cell::RefCell;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::rc::Rc;

use api_async::spawn_infallible;
use api_promises::Promise;
use examples::crossings::{
    Colour, Crossing, Event, from_async, from_callback, from_promise, from_sync,
};
use loop_core::Cancelled;

use super::callee::{Lab, is_given_up};

/// What the caller got.
pub(crate) type Answer = Result<u32, String>;

/// What the caller gets; nothing when it is not called.
type Place = Rc<RefCell<Option<Answer>>>;

/// Calls across, lets the event happen and everything end, and returns what the caller got.
pub(crate) fn cross(crossing: &Crossing, event: Event, lab: &mut Lab) -> Option<Answer> {
    let place = Place::default();
    match crossing.from {
        Colour::Sync => {
            place.replace(Some(sync(crossing.to, event, lab)));
        }
        Colour::Callback => callback(crossing.to, event, lab, &place),
        Colour::Promise => promise(crossing.to, event, lab, &place),
        Colour::Async => async_caller(crossing.to, event, lab, &place),
    }
    lab.settle();
    place.take()
}

fn flat(result: Result<io::Result<u32>, impl Display>) -> Answer {
    match result {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn sync(to: Colour, event: Event, lab: &mut Lab) -> Answer {
    if is_given_up(event) {
        let handle = lab.handle.clone();
        lab.handle.call_soon(move || handle.stop());
    }
    let mut event_loop = lab.event_loop.take().unwrap();
    let outcome = match to {
        Colour::Callback => from_sync::to_callback(&mut event_loop, |completer| {
            lab.callback_callee(event)(Box::new(|result| completer.complete(result)));
        }),
        Colour::Promise => from_sync::to_promise(&mut event_loop, lab.promise_callee(event)),
        Colour::Async => from_sync::to_async(&mut event_loop, lab.async_callee(event)),
        Colour::Sync => unreachable!("that is a call"),
    };
    assert!(outcome.is_err() || !is_given_up(event));
    if event != Event::Drop {
        lab.event_loop = Some(event_loop);
    }
    flat(outcome)
}

fn callback(to: Colour, event: Event, lab: &mut Lab, place: &Place) {
    let place = place.clone();
    match to {
        Colour::Sync => {
            let work = lab.sync_callee(event);
            let tell = move |end| drop(place.replace(Some(flat(end))));
            // There is nothing to cancel it by, and nothing to drop.
            from_callback::to_sync(&lab.handle, work, tell).unwrap();
        }
        Colour::Promise => {
            let tell = move |end| drop(place.replace(Some(flat(Ok::<_, Cancelled>(end)))));
            let operation = from_callback::to_promise(lab.promise_callee(event), tell);
            lab.turn();
            if event == Event::Cancel {
                operation.cancel();
            }
            drop(operation);
        }
        Colour::Async => {
            let tell = move |end| drop(place.replace(Some(flat(end))));
            let task = from_callback::to_async(&lab.handle, lab.async_callee(event), tell);
            lab.turn();
            if event == Event::Cancel {
                task.abort();
            }
            drop(task);
        }
        Colour::Callback => unreachable!("that is a call"),
    }
}

fn promise(to: Colour, event: Event, lab: &mut Lab, place: &Place) {
    let promise: Promise<u32, io::Error> = match to {
        Colour::Sync => {
            let work = lab.sync_callee(event);
            from_promise::to_sync(&lab.handle, work).then(|returned| returned)
        }
        Colour::Callback => from_promise::to_callback(&lab.handle, |resolver| {
            lab.callback_callee(event)(Box::new(|result| resolver.settle(result)))
        }),
        Colour::Async => from_promise::to_async(&lab.handle, lab.async_callee(event)).unwrap(),
        Colour::Promise => unreachable!("that is a call"),
    };
    let token = api_promises::CancellationToken::new();
    let promise = token.guard(promise);
    lab.turn();
    if event == Event::Drop {
        return drop(promise);
    }
    let place = place.clone();
    let tell = move |outcome: io::Result<u32>| {
        drop(place.replace(Some(flat(Ok::<_, Cancelled>(outcome)))))
    };
    api_promises::callbackify(promise, tell);
    if event == Event::Cancel {
        token.cancel();
    }
}

fn async_caller(to: Colour, event: Event, lab: &mut Lab, place: &Place) {
    let handle = lab.handle.clone();
    match to {
        Colour::Sync => {
            let work = lab.sync_callee(event);
            let call = async move { from_async::to_sync(&handle, work).await? };
            task(event, lab, place, call);
        }
        Colour::Callback => {
            let begin = lab.callback_callee(event);
            let call = from_async::to_callback(move |resume: api_async::Resume<u32>| {
                begin(Box::new(|result| resume.end(result)))
            });
            task(event, lab, place, call);
        }
        Colour::Promise => {
            let call = from_async::to_promise(lab.promise_callee(event));
            task(event, lab, place, call);
        }
        Colour::Async => unreachable!("that is a call"),
    }
}

/// Runs the caller as a task that gives up by its token, or is dropped.
fn task(
    event: Event,
    lab: &mut Lab,
    place: &Place,
    call: impl Future<Output = io::Result<u32>> + 'static,
) {
    let (token, place) = (api_async::CancellationToken::new(), place.clone());
    let asked = token.clone();
    let task = spawn_infallible(&lab.handle, async move {
        let answer = flat(asked.guard(call).await);
        place.replace(Some(answer));
    });
    lab.turn();
    match event {
        Event::Cancel => token.cancel(),
        Event::Drop => assert!(task.abort()),
        _ => {}
    }
    task.detach();
}
