//! What a random program does.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::Duration;

use loop_core::{Context, Direction, Job, LoopHandle, LoopTime, Source, TurnRule};
use signal_hook::consts::SIGURG;
use signal_hook::low_level::raise;

use super::world::{PAIRS, Token, World, world};

/// A job that is a callback: queued with its number, or with 0 if it does not join the queue now.
struct Work(Token);

/// A waker that may panic.
struct Alarm(Token);

impl Job for Work {
    fn run(self: Rc<Self>, part: u64) {
        self.0.touch();
        ran(part);
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        Wake::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.touch();
        ran(0);
    }
}

/// A callback runs.
fn ran(number: u64) {
    let Some(world) = world() else { return };
    if number > 0 {
        world.runs(number);
    }
    world.called();
}

/// Returns a callback that is called once.
fn once(token: Token, number: u64) -> impl FnOnce() {
    move || {
        token.touch();
        ran(number);
    }
}

/// Returns a callback that the loop keeps.
fn kept(token: Token) -> impl Fn() {
    move || {
        token.touch();
        ran(0);
    }
}

/// Drops what the program has back: a panic of that is the program's own.
fn lose<T>(value: T) {
    let mut lost = catch_unwind(AssertUnwindSafe(|| drop(value)));
    while let Err(payload) = lost {
        lost = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    }
}

impl World {
    pub(super) fn act_once(self: &Rc<Self>) {
        match self.below(24) {
            0..=2 => self.schedule(),
            3 | 4 => self.time(),
            5 | 6 => self.cancel(),
            7 | 8 => self.submit(),
            9..=11 => self.watch(),
            12 | 13 => self.move_bytes(),
            14..=17 => self.park(),
            18 => self.set_up(),
            19 => self.handle_failures(),
            20 => self.handle_signals(),
            21 if self.below(6) == 0 => self.offload(),
            22 => self.handle.stop(),
            _ => drop((self.handle.snapshot().to_string(), self.handle.counts())),
        }
    }

    fn schedule(&self) {
        let token = self.token(false);
        if self.below(2) == 0 {
            let number = self.number();
            return self.handle.queue(Rc::new(Work(token)), number);
        }
        let number = self.number();
        match self.handle.try_call_soon(once(token, number)) {
            Ok(handle) => self.handles.borrow_mut().push(handle),
            Err(closed) => lose(closed),
        }
    }

    fn time(&self) {
        let deadline = match self.below(4) {
            0 => LoopTime::MAX,
            1 => LoopTime::ORIGIN,
            _ => self.handle.time() + Duration::from_millis(self.below(4)),
        };
        let handle = match self.below(3) {
            0 => match self.handle.try_call_at(deadline, once(self.token(false), 0)) {
                Ok(handle) => handle,
                Err(closed) => return lose(closed),
            },
            1 => self.handle.queue_at(deadline, Rc::new(Work(self.token(false))), 0),
            _ => self.handle.wake_at(deadline, self.waker()),
        };
        self.handles.borrow_mut().push(handle);
    }

    fn waker(&self) -> Waker {
        Arc::new(Alarm(self.token(true))).into()
    }

    fn cancel(&self) {
        let count = self.handles.borrow().len() as u64;
        if count > 0 {
            let place = self.below(count) as usize;
            let handle = self.handles.borrow_mut().swap_remove(place);
            let was = handle.cancel();
            self.check(!handle.cancel() && was == handle.cancelled(), "a cancel");
        }
    }

    fn submit(&self) {
        let (remote, token, number) = (self.handle.remote(), self.token(false), self.number());
        let call = move |_: &LoopHandle| once(token, number)();
        if self.below(2) == 0 {
            lose(remote.call_soon_threadsafe(call));
        } else {
            // What is refused is dropped here: on another thread there is no program.
            let submission = std::thread::spawn(move || remote.call_soon_threadsafe(call));
            lose(submission.join().unwrap());
        }
    }

    fn watch(&self) {
        let (ours, _) = &self.pairs[self.below(PAIRS as u64) as usize];
        let watched = match self.below(6) {
            0 | 1 => self.handle.add_reader(ours, kept(self.token(true))),
            2 | 3 => self.handle.add_writer(ours, kept(self.token(true))),
            4 => return self.check_removed(self.handle.remove_reader(&**ours)),
            _ => return self.check_removed(self.handle.remove_writer(&**ours)),
        };
        self.check(watched.is_ok() || self.handle.is_closing(), "add_reader, add_writer");
    }

    fn check_removed(&self, removed: bool) {
        self.check(!removed || !self.handle.is_closed(), "a watcher of a closed loop");
    }

    fn move_bytes(&self) {
        let (ours, theirs) = &self.pairs[self.below(PAIRS as u64) as usize];
        let mut bytes = [0; 64];
        let count = 1 + self.below(64) as usize;
        let _ = match self.below(3) {
            0 => (&**ours).read(&mut bytes),
            _ => (&*theirs).write(&bytes[..count]),
        };
        if let Some((source, peer)) = self.sources.borrow().first() {
            let _ = match self.below(3) {
                0 => source.read(&mut bytes),
                1 => source.write(&bytes[..count]),
                _ => (&*peer).write(&bytes[..count]),
            };
        }
    }

    fn park(&self) {
        let count = self.sources.borrow().len() as u64;
        if count == 0 || count < 3 && self.below(4) == 0 {
            let (ours, theirs) = mio::net::UnixStream::pair().unwrap();
            if let Ok(source) = Source::new(&self.handle, ours) {
                let peer = std::os::fd::OwnedFd::from(theirs).into();
                self.sources.borrow_mut().push((Rc::new(source), peer));
            }
            return;
        }
        let place = self.below(count) as usize;
        let source = self.sources.borrow()[place].0.clone();
        let direction = [Direction::Read, Direction::Write][self.below(2) as usize];
        let work = || Rc::new(Work(self.token(false)));
        match self.below(7) {
            0 => source.park_job(direction, work(), 0),
            1 => source.queue_when_ready(direction, work(), 0),
            2 => source.park_job_for_news(direction, work(), 0),
            3 | 4 => {
                let waker = self.waker();
                source.park_task(direction, &waker, || None);
                lose(waker);
            }
            5 => drop(source.unpark(direction)),
            _ => {
                let gone = self.sources.borrow_mut().swap_remove(place);
                drop(source);
                drop(gone);
            }
        }
    }

    fn set_up(&self) {
        match self.below(5) {
            0 => self.handle.set_turn_rule(TurnRule::Snapshot),
            1 => self.handle.set_turn_rule(TurnRule::Bounded(self.below(20) as usize)),
            2 => self.handle.on_ready(kept(self.token(true))),
            3 => self.handle.on_close(once(self.token(false), 0)),
            _ => self.handle.report(&Context::new("a report")),
        }
    }

    fn handle_failures(&self) {
        if self.below(4) == 0 {
            return self.handle.reset_exception_handler();
        }
        let handler = kept(self.token(true));
        self.handle.set_exception_handler(move |_, _| handler());
    }

    fn handle_signals(&self) {
        match self.below(4) {
            0 => drop(self.handle.remove_signal_handler(SIGURG)),
            1 => raise(SIGURG).unwrap(),
            _ => {
                let added = self.handle.add_signal_handler(SIGURG, kept(self.token(true)));
                self.check(added.is_ok() || self.handle.is_closing(), "add_signal_handler");
            }
        }
    }

    fn offload(&self) {
        let _ = self.handle.set_default_executor(std::num::NonZeroUsize::MIN);
        let (there, here) = (self.token(false), once(self.token(false), 0));
        let fails = self.below(3);
        let work = move || {
            there.touch();
            match fails {
                0 => panic!("work"),
                1 => std::panic::panic_any(there),
                _ => {}
            }
        };
        lose(self.handle.run_in_executor(work, move |_| here()));
    }
}
