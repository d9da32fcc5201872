//! Runs a program on this loop, on a manual clock and a scripted poll, and writes down what happens.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use loop_core::{
    Abort, Completer, Context, EventLoop, Handle, LoopHandle, LoopTime, ManualClock, RunError,
    ScriptedEvent, TurnRule,
};

use super::program::{DESCRIPTORS, Op, Poll, Program, Run};

/// Where the clock stands at first, in seconds.
const START: u64 = 100;

/// How much a program may schedule: then it is ignored, so that every program ends.
const SERIALS_MAX: u64 = 60;

/// How often a program may poll: then the poll fails, which ends the run.
const POLLS_MAX: usize = 16;

/// A program under way.
struct Machine {
    program: Program,
    handle: LoopHandle,
    clock: ManualClock,
    descriptors: Vec<Rc<UnixStream>>,
    trace: RefCell<Vec<String>>,
    /// What can be cancelled, under the number by which the trace names it.
    handles: RefCell<Vec<(u64, Handle)>>,
    serials: Cell<u64>,
    polls: Cell<usize>,
    completer: Cell<Option<Completer<()>>>,
}

thread_local! {
    /// The machine of this thread. What other threads submit cannot bring it along.
    static MACHINE: RefCell<Option<Rc<Machine>>> = const { RefCell::new(None) };
}

/// Runs a program and returns its trace.
///
/// # Errors
/// When the system has no descriptor left.
pub(crate) fn run(program: &Program, rule: TurnRule) -> io::Result<Vec<String>> {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(START));
    let mut event_loop = EventLoop::with_script(clock.clone(), |timeout| machine().poll(timeout))?;
    let handle = event_loop.handle();
    handle.set_turn_rule(rule);
    handle.set_exception_handler(|_, context| machine().failed(context));
    let sockets = || Ok(Rc::new(UnixStream::pair()?.0));
    let machine = Rc::new(Machine {
        program: program.clone(),
        handle,
        clock,
        descriptors: (0..DESCRIPTORS).map(|_| sockets()).collect::<io::Result<_>>()?,
        trace: RefCell::default(),
        handles: RefCell::default(),
        serials: Cell::new(0),
        polls: Cell::new(0),
        completer: Cell::new(None),
    });
    MACHINE.set(Some(machine.clone()));
    for run in &program.runs {
        machine.run(run, &mut event_loop);
    }
    event_loop.close();
    machine.act_all(&program.after);
    MACHINE.set(None);
    Ok(machine.trace.take())
}

fn machine() -> Rc<Machine> {
    MACHINE.with_borrow(|machine| machine.clone().expect("a program runs on this thread"))
}

impl Machine {
    fn note(&self, event: String) {
        self.trace.borrow_mut().push(event);
    }

    fn run(&self, run: &Run, event_loop: &mut EventLoop) {
        self.act_all(&run.before);
        let end = catch_unwind(AssertUnwindSafe(|| {
            if run.until_complete {
                event_loop.run_until_complete(|completer| self.completer.set(Some(completer)))
            } else {
                event_loop.run_forever().map_err(RunError::Poll)
            }
        }));
        self.completer.set(None);
        let end = match end {
            Ok(Ok(())) if run.until_complete => "complete".to_owned(),
            Ok(Ok(())) => "stopped".to_owned(),
            Ok(Err(RunError::Stopped)) => "incomplete".to_owned(),
            Ok(Err(RunError::Poll(_))) => "idle".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(payload) if payload.is::<Abort>() => "aborted".to_owned(),
            Err(_) => "panicked".to_owned(),
        };
        self.note(format!("end:{end}"));
    }

    /// Answers a poll: see `Script.select` in `oracle.py`, line by line.
    fn poll(&self, timeout: Option<Duration>) -> io::Result<Vec<ScriptedEvent>> {
        let shown = timeout.map_or("-".to_owned(), |timeout| timeout.as_secs().to_string());
        self.note(format!("poll:{shown}@{}", self.clock.time().since_origin().as_secs()));
        let number = self.polls.replace(self.polls.get() + 1);
        let nothing = Poll::default();
        let poll = self.program.polls.get(number).unwrap_or(&nothing);
        let reports = !poll.events.is_empty() || !poll.submissions.is_empty();
        let exhausted = number >= self.program.polls.len() && !reports && timeout.is_none();
        if exhausted || number >= POLLS_MAX {
            return Err(io::Error::other("the script has ended"));
        }
        let seconds = Duration::from_secs(poll.seconds);
        self.clock.advance(match timeout {
            Some(timeout) if reports => seconds.min(timeout),
            Some(timeout) => timeout,
            None => seconds,
        });
        for &body in &poll.submissions {
            self.submit_from_a_thread(body);
        }
        let reported = |event: &super::program::Event| ScriptedEvent {
            descriptor: self.descriptors[event.descriptor as usize].as_raw_fd(),
            readable: event.readable,
            writable: event.writable,
        };
        Ok(poll.events.iter().map(reported).collect())
    }

    fn failed(&self, context: &Context) {
        let serial = context.message.rsplit(' ').next().expect("a message has a word");
        self.note(format!("failed:{serial}"));
        self.act_all(&self.program.handler);
    }

    /// What every callback does.
    fn call(&self, serial: u64, body: u64) {
        self.note(format!("run:{serial}"));
        for op in &self.program.bodies[body as usize] {
            match op {
                Op::Fail => resume_unwind(Box::new(serial.to_string())),
                op => self.act(op),
            }
        }
    }

    fn act_all(&self, ops: &[Op]) {
        ops.iter().for_each(|op| self.act(op));
    }

    fn act(&self, op: &Op) {
        let handle = &self.handle;
        match *op {
            Op::Soon { body } => self.schedule(body, |call| handle.try_call_soon(call).ok()),
            Op::Later { delay, body } => {
                let delay = Duration::from_secs(delay);
                self.schedule(body, |call| Some(handle.call_later(delay, call)));
            }
            Op::At { deadline, body } => {
                let deadline = LoopTime::ORIGIN + Duration::from_secs(deadline);
                self.schedule(body, |call| Some(handle.call_at(deadline, call)));
            }
            Op::Own { body } => self.with_serial(|serial| {
                let call = move |_: &LoopHandle| machine().call(serial, body);
                handle.remote().call_soon_threadsafe(call).is_ok()
            }),
            Op::Thread { body } => self.submit_from_a_thread(body),
            Op::Cancel { back } => self.cancel(back),
            Op::Reader { descriptor, body } => self.with_serial(|serial| {
                let descriptor = &self.descriptors[descriptor as usize];
                handle.add_reader(descriptor, move || machine().call(serial, body)).is_ok()
            }),
            Op::Writer { descriptor, body } => self.with_serial(|serial| {
                let descriptor = &self.descriptors[descriptor as usize];
                handle.add_writer(descriptor, move || machine().call(serial, body)).is_ok()
            }),
            Op::NoReader { descriptor } => {
                let was = handle.remove_reader(&self.descriptors[descriptor as usize]);
                self.note(format!("noreader:{was}"));
            }
            Op::NoWriter { descriptor } => {
                let was = handle.remove_writer(&self.descriptors[descriptor as usize]);
                self.note(format!("nowriter:{was}"));
            }
            Op::Stop => handle.stop(),
            Op::Complete => {
                if let Some(completer) = self.completer.take() {
                    completer.complete(());
                }
            }
            Op::Work { seconds } => self.clock.advance(Duration::from_secs(seconds)),
            Op::Fail | Op::Abort => resume_unwind(Box::new(Abort)),
        }
    }

    /// Gives what is to be scheduled a number, and notes if the loop refuses it.
    fn with_serial(&self, schedule: impl FnOnce(u64) -> bool) {
        let serial = self.serials.get();
        if serial == SERIALS_MAX {
            return;
        }
        self.serials.set(serial + 1);
        if !schedule(serial) {
            self.note(format!("closed:{serial}"));
        }
    }

    fn schedule(&self, body: u64, schedule: impl FnOnce(Box<dyn FnOnce()>) -> Option<Handle>) {
        self.with_serial(|serial| {
            let handle = schedule(Box::new(move || machine().call(serial, body)));
            let scheduled = handle.is_some();
            self.handles.borrow_mut().extend(handle.map(|handle| (serial, handle)));
            scheduled
        });
    }

    fn submit_from_a_thread(&self, body: u64) {
        self.with_serial(|serial| {
            let remote = self.handle.remote();
            let call = move |_: &LoopHandle| machine().call(serial, body);
            let submission = thread::spawn(move || remote.call_soon_threadsafe(call).is_ok());
            submission.join().expect("a submission does not panic")
        });
    }

    fn cancel(&self, back: u64) {
        let handles = self.handles.borrow();
        let place = handles.len().checked_sub(1 + back as usize);
        if let Some((serial, handle)) = place.map(|place| &handles[place]) {
            // What is dropped with the callback is nothing of ours: the borrow may stand.
            let was = handle.cancel();
            self.note(format!("cancel:{serial}:{was}"));
        }
    }
}
