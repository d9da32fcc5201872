//! One random program: its loop, what it has in hand, and what is held against it.

use std::cell::{Cell, RefCell};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use loop_core::{Abort, EventLoop, Handle, LoopHandle, ManualClock, Source};

/// How many acts a program has, those included that callbacks and destructors do.
const ACTS_MAX: u32 = 250;

/// How deep acts are nested, a destructor in a callback, say.
const DEPTH_MAX: u32 = 6;

/// How many descriptors a program watches.
pub(super) const PAIRS: usize = 3;

/// A socket on the loop, and its peer.
pub(super) type Connection = (Rc<Source<mio::net::UnixStream>>, UnixStream);

/// A program under way.
pub(super) struct World {
    pub(super) handle: LoopHandle,
    pub(super) clock: ManualClock,
    random: RefCell<Rng>,
    acts: Cell<u32>,
    depth: Cell<u32>,
    /// Nothing panics any more, and callbacks do nothing: what is left is looked at.
    quiet: Cell<bool>,
    pub(super) handles: RefCell<Vec<Handle>>,
    pub(super) pairs: Vec<(Rc<UnixStream>, UnixStream)>,
    pub(super) sources: RefCell<Vec<Connection>>,
    pub(super) live: Arc<AtomicI64>,
    /// The number of what was queued last, and of what ran last.
    queued: Cell<u64>,
    ran: Cell<u64>,
    /// What was found wrong inside a call of the loop, which would contain a failed assertion.
    fault: Cell<Option<String>>,
}

thread_local! {
    /// The program of this thread: what comes from other threads cannot bring it along.
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

/// Something that a closure, a waker or a payload owns: counted, and its drop may panic.
pub(super) struct Token {
    live: Arc<AtomicI64>,
    drop: OnDrop,
    /// Whether the loop keeps the owner while it is called. What is called once is dropped by its own
    /// unwinding, and a second panic there is nothing that the loop could contain.
    kept: bool,
}

#[derive(Clone, Copy)]
enum OnDrop {
    Nothing,
    Acts,
    Panics,
    Throws,
    Aborts,
}

/// Returns the program of this thread, unless it is over.
pub(super) fn world() -> Option<Rc<World>> {
    WORLD.try_with(|world| world.borrow().clone()).ok().flatten()
}

impl World {
    /// Runs the program of a seed.
    pub(super) fn run(seed: u64) {
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(10));
        let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
        let pair = |_| {
            let (ours, theirs) = UnixStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            theirs.set_nonblocking(true).unwrap();
            (Rc::new(ours), theirs)
        };
        let world = Rc::new(World {
            handle: event_loop.handle(),
            clock,
            random: RefCell::new(Rng::with_seed(seed)),
            acts: Cell::new(ACTS_MAX),
            depth: Cell::new(0),
            quiet: Cell::new(false),
            handles: RefCell::default(),
            pairs: (0..PAIRS).map(pair).collect(),
            sources: RefCell::default(),
            live: Arc::default(),
            queued: Cell::new(0),
            ran: Cell::new(0),
            fault: Cell::new(None),
        });
        WORLD.replace(Some(world.clone()));
        world.go(&mut event_loop);
        if world.below(2) == 0 {
            world.nothing_is_deaf(&mut event_loop);
        }
        world.quiet.set(world.below(2) == 0);
        event_loop.close();
        world.nothing_is_left(event_loop);
        WORLD.replace(None);
    }

    /// The program itself: acts, and turns in between.
    fn go(self: &Rc<Self>, event_loop: &mut EventLoop) {
        while self.acts.get() > 0 {
            match self.below(8) {
                0 => self.catch(|| _ = event_loop.run_ready()),
                1 => self.catch(|| _ = event_loop.prepare_to_wait()),
                2 => self.clock.advance(Duration::from_millis(self.below(3))),
                3 | 4 => self.turn(event_loop),
                5 if self.below(60) == 0 => return,
                _ => self.catch(|| self.act()),
            }
        }
    }

    /// Makes a turn that does not wait.
    fn turn(&self, event_loop: &mut EventLoop) {
        self.handle.stop();
        self.catch(|| event_loop.run_forever().unwrap());
    }

    /// Runs what only an `Abort` may leave.
    fn catch(&self, work: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
            assert!(payload.is::<Abort>(), "left: {}", loop_core::panic_message(&*payload));
        }
    }

    /// After whatever happened, each way to be called works.
    fn nothing_is_deaf(self: &Rc<Self>, event_loop: &mut EventLoop) {
        self.quiet.set(true);
        let called = Rc::new(RefCell::new(Vec::new()));
        let call = |name: &'static str| {
            let called = called.clone();
            move || called.borrow_mut().push(name)
        };
        // What was left behind comes to its end first: an abort that was asked for, say.
        (0..3).for_each(|_| self.turn(event_loop));
        self.handle.set_exception_handler(|_, _| ());
        let (ours, theirs) = &self.pairs[0];
        self.handle.add_reader(ours, call("reader")).unwrap();
        self.handle.add_writer(ours, call("writer")).unwrap();
        let _ = std::io::Write::write(&mut &*theirs, b"x");
        self.handle.call_later(Duration::from_millis(1), call("timer"));
        self.handle.call_soon(call("soon"));
        self.clock.advance(Duration::from_millis(1));
        let submitted = Arc::new(AtomicI64::new(0));
        let (remote, count) = (self.handle.remote(), submitted.clone());
        let submit = move || {
            let call = move |_: &LoopHandle| _ = count.fetch_add(1, Ordering::Relaxed);
            remote.call_soon_threadsafe(call).is_ok()
        };
        assert!(std::thread::spawn(submit).join().unwrap());
        (0..5).for_each(|_| self.turn(event_loop));
        let called = called.borrow();
        for name in ["reader", "writer", "timer", "soon"] {
            assert!(called.contains(&name), "deaf: {name}");
        }
        assert_eq!(submitted.load(Ordering::Relaxed), 1, "deaf: another thread");
        self.quiet.set(false);
    }

    /// After the close nothing waits, and all that was counted is dropped.
    fn nothing_is_left(self: &Rc<Self>, event_loop: EventLoop) {
        // On a closed loop acts are refused.
        (0..10).for_each(|_| self.catch(|| self.act()));
        self.quiet.set(true);
        // A handler that is set on a closed loop stays until the next.
        self.handle.reset_exception_handler();
        let snapshot = self.handle.snapshot();
        assert!(snapshot.ready.is_empty() && snapshot.timed.is_empty(), "{snapshot}");
        let sources = self.sources.take();
        self.catch(|| drop(sources));
        assert!(self.handle.snapshot().parked.is_empty(), "{}", self.handle.snapshot());
        assert!(self.handle.try_call_soon(|| ()).is_err());
        assert_eq!(self.fault.take(), None);
        drop(event_loop);
        drop(self.handles.take());
        // A thread of the pool may be about to drop what it ran.
        for _ in 0..1_000 {
            if self.live.load(Ordering::Acquire) == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("{} are left", self.live.load(Ordering::Acquire));
    }

    /// Draws a number.
    pub(super) fn below(&self, limit: u64) -> u64 {
        self.random.borrow_mut().u64(0..limit)
    }

    /// Does something at random, unless enough was done.
    pub(super) fn act(self: &Rc<Self>) {
        let left = self.acts.get();
        if left == 0 || self.quiet.get() || self.depth.get() >= DEPTH_MAX {
            return;
        }
        self.acts.set(left - 1);
        self.depth.set(self.depth.get() + 1);
        let _back = Back(self);
        self.act_once();
    }

    /// What a callback does: some acts, and then it may fail.
    pub(super) fn called(self: &Rc<Self>) {
        (0..self.below(3)).for_each(|_| self.act());
        if !self.quiet.get() && !std::thread::panicking() {
            match self.below(24) {
                0 | 1 => panic!("a callback"),
                2 => panic_any(self.token(true)),
                3 => panic_any(String::from("a callback")),
                4 => resume_unwind(Box::new(Abort)),
                _ => {}
            }
        }
    }

    /// Makes something for a closure to own.
    pub(super) fn token(&self, kept: bool) -> Token {
        self.live.fetch_add(1, Ordering::AcqRel);
        let drop = match self.below(16) {
            0 | 1 => OnDrop::Panics,
            2 => OnDrop::Throws,
            3 if self.below(4) == 0 => OnDrop::Aborts,
            4..=7 => OnDrop::Acts,
            _ => OnDrop::Nothing,
        };
        Token { live: self.live.clone(), drop, kept }
    }

    /// Numbers what joins the ready queue now.
    pub(super) fn number(&self) -> u64 {
        self.queued.set(self.queued.get() + 1);
        self.queued.get()
    }

    /// Notes that what has this number runs.
    pub(super) fn runs(&self, number: u64) {
        let before = self.ran.replace(number);
        if number <= before {
            self.fault.set(Some(format!("{number} ran after {before}, which was queued later")));
        }
    }

    /// Notes what does not hold.
    pub(super) fn check(&self, holds: bool, what: &str) {
        if !holds {
            self.fault.set(Some(what.to_owned()));
        }
    }
}

/// Takes a level of nesting back.
struct Back<'a>(&'a World);

impl Drop for Back<'_> {
    fn drop(&mut self) {
        self.0.depth.set(self.0.depth.get() - 1);
    }
}

impl Token {
    /// Makes sure that a closure owns it.
    pub(super) fn touch(&self) {}
}

impl Drop for Token {
    fn drop(&mut self) {
        self.live.fetch_sub(1, Ordering::AcqRel);
        let Some(world) = world() else { return };
        if world.quiet.get() || std::thread::panicking() && !self.kept {
            return;
        }
        match self.drop {
            OnDrop::Nothing => {}
            OnDrop::Acts => world.act(),
            OnDrop::Panics => panic!("a destructor"),
            OnDrop::Throws => panic_any(world.token(true)),
            OnDrop::Aborts => resume_unwind(Box::new(Abort)),
        }
    }
}
