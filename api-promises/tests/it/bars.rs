//! What a chain costs and bears, by counts.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use allocation_counter::measure;
use api_promises::{Fault, Promise, Reason, callbackify};
use fastrand::Rng;
use futures::future::Either;
use loop_core::{EventLoop, LoopHandle};

type Failing<T> = Promise<T, Fault>;

#[test]
fn a_link_is_one_allocation_at_most() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (promise, resolver) = Failing::<u64>::with_resolvers(&handle);
    let mut chain = Some(promise);
    let made = measure(|| {
        let promise = chain.take().unwrap();
        let first = promise.then(|value| Ok(value + 1)).map(|value| value + 1);
        chain = Some(first.catch(Err::<_, Fault>).finally(|| Ok(())).map_err(|fault| fault));
    });
    assert!(made.count_total <= 5, "{} allocations for 5 links", made.count_total);
    resolver.resolve(1);
    let last = chain.take().unwrap();
    assert_eq!(last.run_until_complete(&mut event_loop).unwrap(), Ok(3));
}

fn count(handle: LoopHandle, left: u64) -> Failing<u64> {
    Promise::resolve(&handle.clone(), left).then(move |left| match left {
        0 => Either::Left(Ok(0)),
        left => Either::Right(count(handle, left - 1)),
    })
}

/// Runs a loop written as a chain, once its spare links are there, and returns what it allocated.
fn measured(iterations: u64) -> allocation_counter::AllocationInfo {
    loop_of(10);
    loop_of(iterations)
}

fn loop_of(iterations: u64) -> allocation_counter::AllocationInfo {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let ended = Rc::new(Cell::new(false));
    let told = ended.clone();
    callbackify(count(handle, iterations), move |outcome| told.set(outcome == Ok(0)));
    event_loop.run_ready();
    let cost = measure(|| while event_loop.run_ready() > 0 {});
    assert!(ended.get());
    cost
}

#[test]
fn a_loop_written_as_a_chain_does_not_allocate() {
    let cost = measured(1_000_000);
    assert_eq!((cost.count_total, cost.bytes_max), (0, 0));
}

/// `cargo test --release -p api-promises --test it -- --ignored a_hundred_million`
#[test]
#[ignore = "takes a minute"]
fn a_hundred_million_iterations_do_not_allocate() {
    let cost = measured(100_000_000);
    assert_eq!((cost.count_total, cost.bytes_max), (0, 0));
}

/// A reason with a number of its own, which tells where it surfaces.
#[derive(Debug)]
enum Failure {
    Number(u32),
    Fault,
}

impl From<Fault> for Failure {
    fn from(_: Fault) -> Failure {
        Failure::Fault
    }
}

/// What surfaced: the numbers that handlers got, and those that were reported.
#[derive(Clone, Default)]
struct Surfaced(Rc<RefCell<Vec<u32>>>);

impl Surfaced {
    fn handled(&self, failure: &Failure) {
        match failure {
            Failure::Number(number) => self.0.borrow_mut().push(*number),
            Failure::Fault => panic!("nothing made a fault"),
        }
    }
}

/// Adds a link that does not handle a rejection.
fn pass(rng: &mut Rng, handle: &LoopHandle, chain: Promise<(), Failure>) -> Promise<(), Failure> {
    let handle = handle.clone();
    match rng.u8(0..7) {
        0 => chain.map(|()| ()),
        1 => chain.then(Ok),
        2 => chain.finally(|| Ok(())),
        3 => chain.finally(move || Promise::resolve(&handle, ())),
        4 => chain.inspect(|_| ()),
        5 => Promise::resolve(&handle, ()).then(move |()| chain),
        _ => {
            let (promise, resolver) = Promise::with_resolvers(&handle);
            resolver.follow(chain);
            promise
        }
    }
}

/// Ends a chain in one of the ways in which chains end.
fn end<E: Reason>(rng: &mut Rng, chain: Promise<(), E>, handled: impl FnOnce(&E) + 'static) {
    match rng.u8(0..4) {
        0 => chain.detach(move |reason| handled(&reason)),
        1 => drop(callbackify(chain, move |outcome| handled(&outcome.unwrap_err()))),
        2 => {
            let caught = chain.catch(move |reason| {
                handled(&reason);
                Ok::<_, Fault>(())
            });
            caught.detach(|_| ());
        }
        _ => drop(chain),
    }
}

#[test]
fn a_thousand_random_failures_surface_exactly_once() {
    const FAILURES: u32 = 1_000;
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let surfaced = Surfaced::default();
    let reported = surfaced.clone();
    handle.set_exception_handler(move |_, context| {
        let (_, number) = context.message.split_once("Number(").expect("a report has its reason");
        let (number, _) = number.split_once(')').unwrap();
        reported.0.borrow_mut().push(number.parse().unwrap());
    });
    let mut rng = Rng::with_seed(6);
    for number in 0..FAILURES {
        let failure = Failure::Number(number);
        let mut chain = if rng.bool() {
            Promise::reject(&handle, failure)
        } else {
            let (promise, resolver) = Promise::with_resolvers(&handle);
            handle.call_soon(move || resolver.reject(failure));
            promise
        };
        for _ in 0..rng.usize(0..6) {
            chain = pass(&mut rng, &handle, chain);
            if rng.u8(0..4) == 0 {
                event_loop.run_ready();
            }
        }
        if rng.bool() {
            // What is pending when it is dropped is cancelled, and has not failed.
            while event_loop.run_ready() > 0 {}
        } else {
            let seen = surfaced.clone();
            chain.detach(move |failure| seen.handled(&failure));
            continue;
        }
        let seen = surfaced.clone();
        end(&mut rng, chain, move |failure| seen.handled(failure));
    }
    while event_loop.run_ready() > 0 {}
    let mut numbers = surfaced.0.take();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..FAILURES).collect::<Vec<_>>());
}
