//! What is alive, and what was told.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::{Location, panic_any};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use api_async::TaskError;
use futures::future::LocalBoxFuture;

/// What payloads without a text are told as.
const WITHOUT_TEXT: &str = "a panic without a message";

/// The books of one program.
pub(super) struct Ledger {
    /// Whether destructors, wakers and payloads panic.
    wild: bool,
    aloud: bool,
    closed: Cell<bool>,
    /// What is alive, and where it was made.
    held: RefCell<BTreeMap<u64, &'static Location<'static>>>,
    wakers: Arc<AtomicUsize>,
    /// How often each failure was told.
    told: RefCell<BTreeMap<u64, u32>>,
    /// Those that wakers have begun: these may run anywhere.
    next: Arc<AtomicU64>,
    refused: Arc<std::sync::Mutex<Vec<u64>>>,
    wordless: Cell<u32>,
    wordless_told: Cell<u32>,
    late_polls: Cell<u32>,
}

/// A value of which the drops are counted; some panic then.
pub(super) struct Held {
    ledger: Rc<Ledger>,
    number: u64,
    panics: bool,
}

/// The error of a task, to be told once.
pub(super) struct Fallen {
    pub(super) number: u64,
    _held: Held,
}

/// A future that is polled never after its end.
pub(super) struct Watched<T> {
    future: LocalBoxFuture<'static, T>,
    ended: bool,
    awaited: bool,
    held: Held,
}

/// A payload whose destructor panics once more.
struct Wordless;

impl Drop for Wordless {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("the payload of a payload");
        }
    }
}

/// A waker that may panic.
struct Foreign {
    alive: Arc<AtomicUsize>,
    refuses: AtomicBool,
    next: Arc<AtomicU64>,
    refused: Arc<std::sync::Mutex<Vec<u64>>>,
}

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        if self.refuses.load(Ordering::Relaxed) && !thread::panicking() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            self.refused.lock().unwrap().push(number);
            panic!("a waker refuses #{number};");
        }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ledger {
    pub(super) fn new(wild: bool, aloud: bool) -> Rc<Ledger> {
        Rc::new(Ledger {
            wild,
            aloud,
            closed: Cell::new(false),
            held: RefCell::default(),
            wakers: Arc::default(),
            told: RefCell::default(),
            next: Arc::new(AtomicU64::new(1)),
            refused: Arc::default(),
            wordless: Cell::new(0),
            wordless_told: Cell::new(0),
            late_polls: Cell::new(0),
        })
    }

    /// Makes a value whose drop is counted, and panics if it may and `panics`.
    #[track_caller]
    pub(super) fn hold(self: &Rc<Self>, panics: bool) -> Held {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.held.borrow_mut().insert(number, Location::caller());
        Held { ledger: self.clone(), number, panics: panics && self.wild }
    }

    /// Opens a failure that is to be told once.
    pub(super) fn owe(&self) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.told.borrow_mut().insert(number, 0);
        self.say(format_args!("#{number} is owed"));
        number
    }

    /// Panics, to be told once; some payloads have no text, and panic themselves when they go.
    pub(super) fn panic(&self, wordless: bool) -> ! {
        if wordless && self.wild {
            self.wordless.set(self.wordless.get() + 1);
            self.say(format_args!("a panic without a text"));
            panic_any(Wordless);
        }
        panic!("on purpose #{};", self.owe());
    }

    /// Makes the error of a task.
    pub(super) fn fall(self: &Rc<Self>, panics: bool) -> Fallen {
        Fallen { number: self.owe(), _held: self.hold(panics) }
    }

    /// Takes note that a failure was heard of.
    pub(super) fn heard(&self, number: u64) {
        *self.told.borrow_mut().entry(number).or_default() += 1;
        self.say(format_args!("#{number} is told"));
    }

    /// Takes note of a report.
    pub(super) fn reported(&self, message: &str) {
        self.say(format_args!("report: {message}"));
        for part in message.split('#').skip(1) {
            let number = part.split(';').next().unwrap();
            self.heard(number.parse().expect("a number ends with a semicolon"));
        }
        let wordless = message.matches(WITHOUT_TEXT).count() as u32;
        self.wordless_told.set(self.wordless_told.get() + wordless);
    }

    /// Takes note of what a join has brought. A panic was reported beside it.
    pub(super) fn joined(&self, joined: Result<Result<Held, Fallen>, TaskError>) {
        match joined {
            Ok(Ok(held)) => held.forget_quietly(),
            Ok(Err(fallen)) => {
                self.heard(fallen.number);
                fallen._held.forget_quietly();
            }
            Err(_) => {}
        }
    }

    /// Makes a waker of no task; some panic.
    pub(super) fn waker(&self, refuses: bool) -> Waker {
        self.wakers.fetch_add(1, Ordering::Relaxed);
        let refuses = AtomicBool::new(refuses && self.wild);
        let (alive, next) = (self.wakers.clone(), self.next.clone());
        Waker::from(Arc::new(Foreign { alive, refuses, next, refused: self.refused.clone() }))
    }

    /// Drops a waker.
    pub(super) fn waker_left(&self, waker: Waker) {
        drop(waker);
    }

    /// The loop is closed: nothing hears of what panics from now on, so that nothing does.
    pub(super) fn close(&self) {
        self.closed.set(true);
    }

    /// Returns which rules were broken.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (number, place) in &*self.held.borrow() {
            faults.push(format!("the value {number} of {place} is alive"));
        }
        match self.wakers.load(Ordering::Relaxed) {
            0 => {}
            alive => faults.push(format!("{alive} wakers are alive")),
        }
        for number in self.refused.lock().unwrap().drain(..) {
            self.told.borrow_mut().entry(number).or_default();
        }
        for (number, told) in &*self.told.borrow() {
            if *told != 1 {
                faults.push(format!("#{number} was told {told} times"));
            }
        }
        if self.wordless != self.wordless_told {
            let (thrown, told) = (self.wordless.get(), self.wordless_told.get());
            faults.push(format!("{thrown} panics without a text, {told} told"));
        }
        if self.late_polls.get() != 0 {
            faults.push(format!("{} polls after the end", self.late_polls.get()));
        }
        faults
    }

    pub(super) fn say(&self, words: fmt::Arguments<'_>) {
        if self.aloud {
            println!("{words}");
        }
    }
}

impl Held {
    /// Drops it without a panic.
    pub(super) fn forget_quietly(mut self) {
        self.panics = false;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let ledger = &self.ledger;
        ledger.held.borrow_mut().remove(&self.number);
        // While the thread unwinds, the process would abort, in plain Rust as well.
        if self.panics && !ledger.closed.get() && !thread::panicking() {
            panic!("a destructor #{};", ledger.owe());
        }
    }
}

impl fmt::Debug for Fallen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an error #{};", self.number)
    }
}

impl<T> Watched<T> {
    /// `awaited` futures do not panic in their destructors when they have ended: an await leaks the
    /// output then (`rust_s_own`).
    pub(super) fn new(held: Held, awaited: bool, future: LocalBoxFuture<'static, T>) -> Watched<T> {
        Watched { future, ended: false, awaited, held }
    }
}

impl<T> Future for Watched<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        if self.ended {
            let late = &self.held.ledger.late_polls;
            late.set(late.get() + 1);
            return Poll::Pending;
        }
        // A poll that panics is an end too.
        self.ended = true;
        let polled = self.future.as_mut().poll(cx);
        self.ended = polled.is_ready();
        self.held.panics &= !(self.ended && self.awaited);
        polled
    }
}
