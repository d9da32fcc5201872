//! The wing's `Shared` promises as a Node addon: what the adapter in `adapter.js` needs, and no more.
//!
//! A value of JavaScript travels in an array of one element, since only objects can be rooted. A
//! handler cannot call into JavaScript from inside the loop: it notes the call and returns a promise,
//! which the adapter resolves with what the function returned.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::rc::Rc;

use api_promises::{Fault, Promise, Resolver, Shared};
use loop_core::EventLoop;
use neon::prelude::*;
use neon::types::Finalize;

type Outcome = Promise<Slot, Slot>;

/// A value or a reason.
#[derive(Clone)]
enum Slot {
    Value(Rc<Root<JsArray>>),
    Fault(Fault),
}

/// A promise in JavaScript's hands.
struct Held(Shared<Slot, Slot>);

/// A resolver in JavaScript's hands, until it is used.
struct Settles(Cell<Option<Resolver<Slot, Slot>>>);

/// A function that is to be called.
struct Call {
    handlers: f64,
    with: Result<Slot, Slot>,
    resolver: Resolver<Slot, Slot>,
}

thread_local! {
    static LOOP: RefCell<EventLoop> = RefCell::new(EventLoop::new().expect("there are descriptors"));
    static CALLS: RefCell<VecDeque<Call>> = RefCell::default();
}

impl Finalize for Held {}

impl Finalize for Settles {
    /// JavaScript knows no dropped resolver: a promise whose resolver was collected stays pending.
    fn finalize<'a, C: Context<'a>>(self, _: &mut C) {
        mem::forget(self.0);
    }
}

impl From<Fault> for Slot {
    fn from(fault: Fault) -> Slot {
        Slot::Fault(fault)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Slot::Value(_) => f.write_str("a value of JavaScript"),
            Slot::Fault(fault) => write!(f, "{fault}"),
        }
    }
}

fn slot(cx: &mut FunctionContext<'_>, index: usize) -> NeonResult<Slot> {
    let array = cx.argument::<JsArray>(index)?;
    Ok(Slot::Value(Rc::new(array.root(cx))))
}

/// `deferred()`: a promise and its resolver, `[promise, resolver]`.
fn deferred(mut cx: FunctionContext<'_>) -> JsResult<'_, JsArray> {
    let handle = LOOP.with_borrow(EventLoop::handle);
    handle.set_exception_handler(|_, _| ());
    let (promise, resolver) = Promise::with_resolvers(&handle);
    let promise = cx.boxed(Held(promise.share()));
    let resolver = cx.boxed(Settles(Cell::new(Some(resolver))));
    let pair = cx.empty_array();
    pair.set(&mut cx, 0, promise)?;
    pair.set(&mut cx, 1, resolver)?;
    Ok(pair)
}

/// `settle(resolver, fulfilled, [value])`
fn settle(mut cx: FunctionContext<'_>) -> JsResult<'_, JsUndefined> {
    let resolver = cx.argument::<JsBox<Settles>>(0)?.0.take();
    let fulfilled = cx.argument::<JsBoolean>(1)?.value(&mut cx);
    let slot = slot(&mut cx, 2)?;
    if let Some(resolver) = resolver {
        resolver.settle(if fulfilled { Ok(slot) } else { Err(slot) });
    }
    Ok(cx.undefined())
}

/// `follow(resolver, promise)`
fn follow(mut cx: FunctionContext<'_>) -> JsResult<'_, JsUndefined> {
    let resolver = cx.argument::<JsBox<Settles>>(0)?.0.take();
    let promise = cx.argument::<JsBox<Held>>(1)?;
    if let Some(resolver) = resolver {
        resolver.follow(promise.0.clone());
    }
    Ok(cx.undefined())
}

/// `then(promise, handlers, on_fulfilled, on_rejected)`: what `handlers` names is called with the
/// outcome where the flag says that there is such a function.
fn then(mut cx: FunctionContext<'_>) -> JsResult<'_, JsBox<Held>> {
    let promise = cx.argument::<JsBox<Held>>(0)?.0.promise();
    let handlers = cx.argument::<JsNumber>(1)?.value(&mut cx);
    let on_fulfilled = cx.argument::<JsBoolean>(2)?.value(&mut cx);
    let on_rejected = cx.argument::<JsBoolean>(3)?.value(&mut cx);
    let handle = promise.handle().clone();
    let call = move |with| -> Outcome {
        let (promise, resolver) = Promise::with_resolvers(&handle);
        CALLS.with_borrow_mut(|calls| calls.push_back(Call { handlers, with, resolver }));
        promise
    };
    let also = call.clone();
    let next: Outcome = match (on_fulfilled, on_rejected) {
        (true, true) => {
            promise.then_or(move |value| call(Ok(value)), move |reason| also(Err(reason)))
        }
        (true, false) => promise.then(move |value| call(Ok(value))),
        (false, true) => promise.catch(move |reason| call(Err(reason))),
        (false, false) => promise.map(|value| value),
    };
    // Nor does it know a dropped promise: the handler is called, whether what `then` returned is
    // collected or not.
    let next = next.share();
    next.promise().detach(|_| ());
    Ok(cx.boxed(Held(next)))
}

/// `next()`: runs the loop until a function is to be called, and tells it:
/// `[handlers, fulfilled, [value] or the words of a fault, resolver]`.
fn next(mut cx: FunctionContext<'_>) -> JsResult<'_, JsValue> {
    let mut call = CALLS.with_borrow_mut(VecDeque::pop_front);
    while call.is_none() && LOOP.with_borrow_mut(EventLoop::run_ready) > 0 {
        call = CALLS.with_borrow_mut(VecDeque::pop_front);
    }
    let Some(Call { handlers, with, resolver }) = call else {
        return Ok(cx.undefined().upcast());
    };
    let told = cx.empty_array();
    let handlers = cx.number(handlers);
    let fulfilled = cx.boolean(with.is_ok());
    let (Ok(slot) | Err(slot)) = with;
    let value: Handle<'_, JsValue> = match slot {
        Slot::Value(array) => array.to_inner(&mut cx).upcast(),
        Slot::Fault(fault) => cx.string(fault.to_string()).upcast(),
    };
    let resolver = cx.boxed(Settles(Cell::new(Some(resolver))));
    told.set(&mut cx, 0, handlers)?;
    told.set(&mut cx, 1, fulfilled)?;
    told.set(&mut cx, 2, value)?;
    told.set(&mut cx, 3, resolver)?;
    Ok(told.upcast())
}

/// What Node finds in the addon.
#[neon::main]
fn main(mut cx: ModuleContext<'_>) -> NeonResult<()> {
    cx.export_function("deferred", deferred)?;
    cx.export_function("settle", settle)?;
    cx.export_function("follow", follow)?;
    cx.export_function("then", then)?;
    cx.export_function("next", next)
}
