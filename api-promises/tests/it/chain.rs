//! Chains: order, outcomes, adoption, cancellation, and what is reported.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use api_promises::{Fault, Promise, Resolver};
use loop_core::{EventLoop, LoopHandle};

pub(crate) type Pending<T> = (Promise<T, io::Error>, Resolver<T, io::Error>);

/// A loop, and what was reported to its exception handler.
pub(crate) struct Lab {
    pub(crate) event_loop: EventLoop,
    pub(crate) handle: LoopHandle,
    trace: Trace,
    reports: Rc<RefCell<Vec<String>>>,
}

#[derive(Clone, Default)]
struct Trace(Rc<RefCell<Vec<String>>>);

impl Trace {
    fn add(&self, event: impl ToString) {
        self.0.borrow_mut().push(event.to_string());
    }
}

impl Lab {
    pub(crate) fn new() -> Lab {
        let event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let reports = Rc::new(RefCell::new(Vec::new()));
        let seen = reports.clone();
        handle.set_exception_handler(move |_, context| {
            seen.borrow_mut().push(context.to_string());
        });
        Lab { event_loop, handle, trace: Trace::default(), reports }
    }

    pub(crate) fn pending<T>(&self) -> Pending<T> {
        Promise::with_resolvers(&self.handle)
    }

    /// Runs what is ready until nothing is.
    pub(crate) fn settle(&mut self) {
        while self.event_loop.run_ready() > 0 {}
    }

    pub(crate) fn run<T: 'static>(&mut self, promise: Promise<T, io::Error>) -> io::Result<T> {
        promise.run_until_complete(&mut self.event_loop).unwrap()
    }

    fn seen(&self) -> String {
        self.trace.0.take().join(" ")
    }
}

fn error(message: &str) -> io::Error {
    io::Error::other(message.to_owned())
}

#[test]
fn a_reaction_runs_neither_inside_then_nor_inside_resolve() {
    let mut lab = Lab::new();
    let (promise, resolver) = lab.pending::<u32>();
    let trace = lab.trace.clone();
    resolver.resolve(1);
    lab.trace.add("resolved");
    let chain = promise.map(move |_| trace.add("reaction"));
    lab.trace.add("chained");
    chain.detach(|_| ());
    lab.settle();
    assert_eq!(lab.seen(), "resolved chained reaction");
}

#[test]
fn reactions_run_in_the_order_of_settling() {
    let mut lab = Lab::new();
    let (promises, resolvers): (Vec<_>, Vec<_>) = (0..3).map(|_| lab.pending::<()>()).unzip();
    for (number, promise) in promises.into_iter().enumerate() {
        let trace = lab.trace.clone();
        promise.map(move |()| trace.add(number)).detach(|_| ());
    }
    let mut resolvers: Vec<_> = resolvers.into_iter().collect();
    resolvers.remove(2).resolve(());
    resolvers.remove(0).resolve(());
    resolvers.remove(0).resolve(());
    lab.settle();
    assert_eq!(lab.seen(), "2 0 1");
}

#[test]
fn then_takes_a_result_or_a_promise() {
    let mut lab = Lab::new();
    let handle = lab.handle.clone();
    let chain = Promise::resolve(&lab.handle, 1)
        .then(|value| io::Result::Ok(value + 1))
        .then(move |value| Promise::resolve(&handle, value * 10))
        .map(|value| value + 2);
    assert_eq!(lab.run(chain).unwrap(), 22);
}

#[test]
fn a_question_mark_in_a_handler_rejects() {
    let mut lab = Lab::new();
    let chain = Promise::<_, io::Error>::resolve(&lab.handle, "x").then(|text| {
        let number: u32 = text.parse().map_err(io::Error::other)?;
        Ok(number)
    });
    assert!(lab.run(chain).unwrap_err().to_string().contains("invalid digit"));
}

#[test]
fn a_rejection_passes_by_then_and_stops_at_catch() {
    let mut lab = Lab::new();
    let trace = lab.trace.clone();
    let chain = Promise::<u32, _>::reject(&lab.handle, error("refused"))
        .map(|_| unreachable!("it is rejected"))
        .then(|()| io::Result::Ok(1))
        .catch(move |error| {
            trace.add(&error);
            io::Result::Ok(7)
        })
        .map(|value| value + 1);
    assert_eq!(lab.run(chain).unwrap(), 8);
    assert_eq!(lab.seen(), "refused");
}

#[test]
fn finally_passes_the_outcome_on_unless_it_fails_itself() {
    let mut lab = Lab::new();
    let (handle, trace) = (lab.handle.clone(), lab.trace.clone());
    let passed = Promise::resolve(&lab.handle, 5).finally(move || {
        trace.add("cleaned");
        Promise::<(), io::Error>::resolve(&handle, ())
    });
    assert_eq!(lab.run(passed).unwrap(), 5);
    let rejected = Promise::<(), _>::reject(&lab.handle, error("first")).finally(|| Ok(()));
    assert_eq!(lab.run(rejected).unwrap_err().to_string(), "first");
    let replaced = Promise::resolve(&lab.handle, 5).finally(|| Err::<(), _>(error("clean-up")));
    assert_eq!(lab.run(replaced).unwrap_err().to_string(), "clean-up");
    assert_eq!(lab.seen(), "cleaned");
    assert!(lab.reports.take().is_empty());
}

#[test]
fn a_late_handler_is_no_fault() {
    let mut lab = Lab::new();
    let (promise, resolver) = lab.pending::<()>();
    resolver.reject(error("early"));
    lab.settle();
    assert!(lab.reports.borrow().is_empty());
    let caught = promise.catch(|_| io::Result::Ok(()));
    lab.run(caught).unwrap();
    assert!(lab.reports.take().is_empty());
}

#[test]
fn a_rejection_that_is_dropped_is_reported_once_with_its_place() {
    let mut lab = Lab::new();
    drop(Promise::<(), _>::reject(&lab.handle, error("settled")));
    let (promise, resolver) = lab.pending::<()>();
    resolver.reject(error("pending"));
    drop(promise);
    let (promise, resolver) = lab.pending::<()>();
    let chain = promise.map(|()| 1);
    resolver.reject(error("queued"));
    drop(chain);
    lab.settle();
    let reports = lab.reports.take();
    assert_eq!(reports.len(), 3, "{reports:?}");
    for (report, reason) in reports.iter().zip(["settled", "pending", "queued"]) {
        assert!(report.contains(reason) && report.contains("chain.rs"), "{report}");
    }
}

#[test]
fn a_detached_rejection_goes_to_its_handler() {
    let mut lab = Lab::new();
    let trace = lab.trace.clone();
    Promise::<(), _>::reject(&lab.handle, error("heard")).detach(move |error| trace.add(error));
    lab.settle();
    assert_eq!(lab.seen(), "heard");
    assert!(lab.reports.take().is_empty());
}

#[test]
fn a_dropped_resolver_rejects_with_the_place_of_the_promise() {
    let mut lab = Lab::new();
    let (promise, resolver) = lab.pending::<()>();
    drop(resolver);
    let error = lab.run(promise).unwrap_err();
    let fault = error.get_ref().and_then(|error| error.downcast_ref::<Fault>());
    assert!(matches!(fault, Some(Fault::Dropped(place)) if place.file().ends_with("chain.rs")));
}

#[test]
fn a_panic_is_reported_once_and_rejects_what_follows() {
    let mut lab = Lab::new();
    let chain = Promise::<_, io::Error>::resolve(&lab.handle, ()).map(|()| panic!("on purpose"));
    let error = lab.run::<()>(chain).unwrap_err();
    let fault = error.get_ref().and_then(|error| error.downcast_ref::<Fault>());
    assert_eq!(fault, Some(&Fault::Panicked("on purpose".into())));
    let reports = lab.reports.take();
    assert_eq!(reports.len(), 1);
    assert!(reports[0].contains("on purpose") && reports[0].contains("chain.rs"));
}

#[test]
fn adoption_takes_the_place_of_the_link() {
    for attached_first in [true, false] {
        let mut lab = Lab::new();
        let (inner, resolver) = lab.pending::<u32>();
        let outer = Promise::resolve(&lab.handle, ()).then(move |()| inner);
        if attached_first {
            let seen = outer.map(|value| value + 1);
            lab.settle();
            resolver.resolve(1);
            assert_eq!(lab.run(seen).unwrap(), 2);
        } else {
            lab.settle();
            resolver.resolve(1);
            lab.settle();
            let seen = outer.map(|value| value + 1);
            assert_eq!(lab.run(seen).unwrap(), 2);
        }
    }
}

#[test]
fn dropping_a_chain_cancels_it_through_an_adopted_promise() {
    for attached in [true, false] {
        let mut lab = Lab::new();
        let cancelled = Rc::new(Cell::new(false));
        let slept = api_promises::sleep(&lab.handle, std::time::Duration::from_secs(60));
        let outer = Promise::resolve(&lab.handle, ()).then(move |()| slept);
        let chain = if attached { outer.map(|()| ()) } else { outer };
        lab.settle();
        assert_eq!(lab.handle.snapshot().timed.len(), 1);
        drop(chain);
        cancelled.set(lab.handle.snapshot().timed.is_empty());
        assert!(cancelled.get(), "attached: {attached}");
        assert!(lab.reports.take().is_empty(), "cancelling is silent");
    }
}

#[test]
fn a_cancelled_chain_drops_its_handlers() {
    let lab = Lab::new();
    let (promise, resolver) = lab.pending::<()>();
    let held = Rc::new(());
    let (first, second) = (held.clone(), held.clone());
    let chain = promise.map(move |()| drop(first)).map(move |()| drop(second));
    assert_eq!(Rc::strong_count(&held), 3);
    drop(chain);
    assert_eq!(Rc::strong_count(&held), 1);
    resolver.resolve(());
}

#[test]
fn a_promise_can_be_awaited() {
    let mut lab = Lab::new();
    let (promise, resolver) = lab.pending::<u32>();
    let mut awaited = Box::pin(promise.map(|value| value + 1));
    let woken = std::sync::Arc::new(CountWakes::default());
    let waker = woken.clone().into();
    let mut cx = std::task::Context::from_waker(&waker);
    assert!(awaited.as_mut().poll(&mut cx).is_pending());
    resolver.resolve(1);
    lab.settle();
    assert_eq!(woken.0.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert!(matches!(awaited.as_mut().poll(&mut cx), std::task::Poll::Ready(Ok(2))));
}

#[derive(Default)]
struct CountWakes(std::sync::atomic::AtomicU32);

impl std::task::Wake for CountWakes {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}
