//! What is called across: the same event in every colour.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use api_callbacks::combine::Start;
use api_promises::Promise;
use examples::crossings::{Crossing, Event};
use loop_core::{EventLoop, LoopHandle, ManualClock};

/// What the callee's panic says.
pub(crate) const PANIC: &str = "boom";
/// What the callee's error says.
pub(crate) const REFUSAL: &str = "the callee refuses";

/// A loop on a clock that jumps, and what a callee tells of itself.
pub(crate) struct Lab {
    /// Gone when a sync caller has dropped it.
    pub(crate) event_loop: Option<EventLoop>,
    pub(crate) handle: LoopHandle,
    reports: Rc<Cell<usize>>,
    ended: Arc<AtomicBool>,
    /// Dropped to let a callee on a thread go on.
    gate: Option<Sender<()>>,
    gated: Option<Receiver<()>>,
}

impl Lab {
    pub(crate) fn new() -> Lab {
        let clock = ManualClock::new().autojump(Duration::ZERO);
        let event_loop = EventLoop::with_clock(clock).unwrap();
        let handle = event_loop.handle();
        let reports = Rc::new(Cell::new(0));
        let told = reports.clone();
        handle.set_exception_handler(move |_, _| told.set(told.get() + 1));
        let (gate, gated) = channel();
        Lab {
            event_loop: Some(event_loop),
            handle,
            reports,
            ended: Arc::default(),
            gate: Some(gate),
            gated: Some(gated),
        }
    }

    pub(crate) fn event_loop(&mut self) -> &mut EventLoop {
        self.event_loop.as_mut().expect("the loop is there")
    }

    /// Returns how often the exception handler was called.
    pub(crate) fn reports(&self) -> usize {
        self.reports.get()
    }

    /// Tells whether a callee that was given up went on to its end.
    pub(crate) fn callee_has_ended(&self) -> bool {
        self.ended.load(SeqCst)
    }

    /// Runs what is ready, and waits for nothing.
    pub(crate) fn turn(&mut self) {
        while self.event_loop().run_ready() > 0 {}
    }

    /// Lets everything go on to its end.
    pub(crate) fn settle(&mut self) {
        drop(self.gate.take());
        let handle = self.handle.clone();
        let Some(event_loop) = &mut self.event_loop else { return };
        // The clock does not jump while a thread works.
        let after_all = Duration::from_secs(10);
        let slept = event_loop.run_until_complete(|completer| {
            api_callbacks::sleep(&handle, after_all, |slept| completer.complete(slept));
        });
        slept.unwrap().unwrap();
    }

    /// Nothing is ready, parked, timed or a task, and nothing holds what the callee held.
    pub(crate) fn assert_empty(&self, crossing: &Crossing, event: Event) {
        let at = format!("{} to {}, {event:?}", crossing.from, crossing.to);
        assert_eq!(Arc::strong_count(&self.ended), 1, "{at}");
        if self.event_loop.is_some() {
            let left = self.handle.snapshot();
            let left = (left.ready.len(), left.parked.len(), left.timed.len());
            assert_eq!(left, (0, 0, 0), "{at}");
            assert!(api_async::tasks(&self.handle).is_empty(), "{at}");
        }
    }

    /// A function that blocks.
    pub(crate) fn sync_callee(
        &mut self,
        event: Event,
    ) -> impl FnOnce() -> io::Result<u32> + Send + 'static {
        let (ended, gated) = (self.ended.clone(), self.gated.take().unwrap());
        move || {
            if is_given_up(event) {
                // The other end is dropped, not used.
                assert!(gated.recv().is_err());
            }
            act(event, &ended)
        }
    }

    /// An operation that calls back, once it is begun.
    pub(crate) fn callback_callee(&self, event: Event) -> Start<u32, io::Error> {
        let (handle, ended) = (self.handle.clone(), self.ended.clone());
        Box::new(move |callback| {
            api_callbacks::sleep(&handle, delay(event), move |slept| match event {
                Event::Silence => drop(callback),
                _ => callback(slept.and_then(|()| act(event, &ended))),
            })
        })
    }

    pub(crate) fn promise_callee(&self, event: Event) -> Promise<u32, io::Error> {
        let ended = self.ended.clone();
        if event == Event::Silence {
            let (promise, resolver) = Promise::with_resolvers(&self.handle);
            self.handle.call_soon(move || drop(resolver));
            return promise;
        }
        api_promises::sleep(&self.handle, delay(event)).then(move |()| act(event, &ended))
    }

    pub(crate) fn async_callee(
        &self,
        event: Event,
    ) -> impl Future<Output = io::Result<u32>> + 'static {
        let (handle, ended) = (self.handle.clone(), self.ended.clone());
        async move {
            api_async::sleep(&handle, delay(event)).await;
            act(event, &ended)
        }
    }
}

/// Tells whether the event is the caller's.
pub(crate) fn is_given_up(event: Event) -> bool {
    matches!(event, Event::Cancel | Event::Drop)
}

fn delay(event: Event) -> Duration {
    if is_given_up(event) { Duration::from_secs(1) } else { Duration::ZERO }
}

fn act(event: Event, ended: &AtomicBool) -> io::Result<u32> {
    match event {
        Event::Error => return Err(io::Error::other(REFUSAL)),
        Event::Panic => panic!("{PANIC}"),
        Event::Cancel | Event::Drop => ended.store(true, SeqCst),
        Event::Value | Event::Silence => {}
    }
    Ok(7)
}
