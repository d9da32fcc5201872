//! Operations that are started and cancelled at random: each callback is called exactly once, with
//! `Cancelled` where its cancel said so, and nothing is left.

use std::cell::Cell;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use api_callbacks::combine::{Completion, Start, map_limit, race, timeout};
use api_callbacks::{Operation, TcpListener, TcpStream, bytes, resolve, sleep, sleep_until};
use loop_core::{Chunk, EventLoop, LoopHandle, LoopTime, ManualClock, is_cancelled};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// How many steps a case has at most; about half of them start something.
const STEPS: usize = 400;

#[derive(Clone, Copy, Debug)]
enum Step {
    Sleep(u64),
    SleepUntil(u64),
    ReadChunk(usize),
    Read(usize),
    ReadExact(usize, usize),
    ReadUntil(usize),
    WriteChunk(usize, usize),
    WriteAll(usize, usize),
    WriteVectored(usize, usize),
    ReadInTime(usize, u64),
    ReadOrSleep(usize, u64),
    ReadInTurn(usize, usize),
    Connect,
    Accept,
    Resolve,
    ShutDown(usize),
    Cancel(usize),
    Turn,
    Advance(u64),
}

/// An operation that was started, and what is known of it.
struct Started {
    operation: Operation,
    step: Step,
    /// Whether a cancel said that it was pending.
    cancelled: Cell<bool>,
    heard: Rc<Heard>,
}

/// What a callback has heard.
#[derive(Default)]
struct Heard {
    calls: Cell<u32>,
    cancelled: Cell<bool>,
}

/// A loop, sockets on it, and what was started.
struct World {
    event_loop: EventLoop,
    clock: ManualClock,
    handle: LoopHandle,
    listener: TcpListener,
    address: SocketAddr,
    streams: Vec<TcpStream>,
    started: Vec<Started>,
}

fn step() -> impl Strategy<Value = Step> {
    let (stream, length, millis) = (0_usize..4, 0_usize..200_000, 0_u64..20);
    prop_oneof![
        2 => millis.clone().prop_map(Step::Sleep),
        1 => millis.clone().prop_map(Step::SleepUntil),
        3 => stream.clone().prop_map(Step::ReadChunk),
        2 => stream.clone().prop_map(Step::Read),
        3 => (stream.clone(), length.clone()).prop_map(|(s, n)| Step::ReadExact(s, n)),
        2 => stream.clone().prop_map(Step::ReadUntil),
        3 => (stream.clone(), length.clone()).prop_map(|(s, n)| Step::WriteChunk(s, n)),
        3 => (stream.clone(), length.clone()).prop_map(|(s, n)| Step::WriteAll(s, n)),
        2 => (stream.clone(), length).prop_map(|(s, n)| Step::WriteVectored(s, n)),
        3 => (stream.clone(), millis.clone()).prop_map(|(s, n)| Step::ReadInTime(s, n)),
        2 => (stream.clone(), millis.clone()).prop_map(|(s, n)| Step::ReadOrSleep(s, n)),
        2 => (stream.clone(), 1_usize..4).prop_map(|(s, n)| Step::ReadInTurn(s, n)),
        1 => Just(Step::Connect),
        1 => Just(Step::Accept),
        1 => Just(Step::Resolve),
        1 => stream.prop_map(Step::ShutDown),
        15 => any::<usize>().prop_map(Step::Cancel),
        6 => Just(Step::Turn),
        4 => millis.prop_map(Step::Advance),
    ]
}

impl World {
    fn new() -> World {
        let clock = ManualClock::new();
        let mut event_loop = EventLoop::with_clock(clock.clone()).unwrap();
        let handle = event_loop.handle();
        let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut streams = Vec::new();
        for _ in 0..2 {
            let pair = event_loop.run_until_complete(|completer| {
                let (listener, handle) = (listener.clone(), handle.clone());
                TcpStream::connect(&handle, address, move |connected| {
                    listener.accept(move |_, accepted| completer.complete((connected, accepted)));
                });
            });
            let (connected, accepted) = pair.unwrap();
            streams.extend([connected.unwrap(), accepted.unwrap().0]);
        }
        World { event_loop, clock, handle, listener, address, streams, started: Vec::new() }
    }

    fn turn(&mut self) {
        // Something is ready, so that the poll does not wait.
        self.handle.call_soon(|| ());
        self.event_loop.run_once().unwrap();
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Cancel(which) if !self.started.is_empty() => {
                // Mostly one of the last: the others have ended.
                let back = which % self.started.len().min(16);
                self.started[self.started.len() - 1 - back].cancel();
            }
            Step::Cancel(_) => {}
            Step::Turn => self.turn(),
            Step::Advance(millis) => {
                self.clock.advance(Duration::from_millis(millis));
                self.turn();
            }
            step => {
                let heard = Rc::new(Heard::default());
                let operation = self.start(step, heard.clone());
                assert_eq!(heard.calls.get(), 0, "nothing calls back before it returned: {step:?}");
                self.started.push(Started { operation, step, cancelled: Cell::new(false), heard });
            }
        }
    }

    fn start(&self, step: Step, heard: Rc<Heard>) -> Operation {
        let (handle, stream) = (&self.handle, |which: usize| &self.streams[which]);
        let millis = Duration::from_millis;
        match step {
            Step::Sleep(n) => sleep(handle, millis(n), move |end| heard.hear(&end)),
            Step::SleepUntil(n) => {
                sleep_until(handle, LoopTime::ORIGIN + millis(n), move |end| heard.hear(&end))
            }
            Step::ReadChunk(s) => stream(s).read_chunk(move |_, end| heard.hear(&end)),
            Step::Read(s) => bytes::read(stream(s), [0; 512], move |_, end, _| heard.hear(&end)),
            Step::ReadExact(s, n) => {
                bytes::read_exact(stream(s), vec![0; n], move |_, end, _| heard.hear(&end))
            }
            Step::ReadUntil(s) => {
                let line = Vec::new();
                bytes::read_until(stream(s), b'\n', line, move |_, end, _| heard.hear(&end))
            }
            Step::WriteChunk(s, n) => {
                stream(s).write_chunk(Chunk::from(vec![b'x'; n]), move |_, end| heard.hear(&end))
            }
            Step::WriteAll(s, n) => {
                bytes::write_all(stream(s), vec![b'\n'; n], move |_, end, _| heard.hear(&end))
            }
            Step::WriteVectored(s, n) => {
                let parts = vec![vec![1; n / 3], vec![], vec![2; n / 2]];
                bytes::write_all_vectored(stream(s), parts, move |_, end, _| heard.hear(&end))
            }
            Step::Connect => TcpStream::connect(handle, self.address, move |end| heard.hear(&end)),
            Step::Accept => self.listener.accept(move |_, end| heard.hear(&end)),
            Step::Resolve => resolve(handle, "127.0.0.1", 1, move |end| heard.hear(&end)),
            Step::ShutDown(s) => stream(s).shutdown(Shutdown::Read, move |_, end| heard.hear(&end)),
            composed => self.start_composed(composed, heard),
        }
    }

    fn start_composed(&self, step: Step, heard: Rc<Heard>) -> Operation {
        let (handle, end) = (&self.handle, move |end: io::Result<_>| heard.hear(&end));
        match step {
            Step::ReadInTime(s, n) => {
                timeout(handle, Duration::from_millis(n), self.reading(s), end)
            }
            Step::ReadOrSleep(s, n) => {
                let of_sleep = handle.clone();
                let slept: Start<(), io::Error> =
                    Box::new(move |done| sleep(&of_sleep, Duration::from_millis(n), done));
                race(handle, [self.reading(s), slept], end)
            }
            Step::ReadInTurn(s, n) => {
                let stream = self.streams[s].clone();
                let read = move |_, done| reading(stream.clone())(done);
                map_limit(handle, 0..2 * n, n, read, move |values| end(values.map(drop)))
            }
            simple => unreachable!("is not composed: {simple:?}"),
        }
    }

    fn reading(&self, which: usize) -> Start<(), io::Error> {
        reading(self.streams[which].clone())
    }

    /// Ends what is pending, in one of two ways, and looks at what is left.
    fn end(mut self) {
        if self.started.len().is_multiple_of(2) {
            self.started.iter().for_each(Started::cancel);
            // What is cancelled has left, before its callback is called.
            let snapshot = self.handle.snapshot();
            assert!(snapshot.parked.is_empty() && snapshot.timed.is_empty(), "{snapshot}");
            while self.event_loop.run_ready() > 0 {}
            self.started.iter().for_each(Started::assert_heard_once);
        }
        self.event_loop.close();
        self.started.iter().for_each(Started::assert_heard_once);
        let snapshot = self.handle.snapshot();
        assert!(snapshot.parked.is_empty() && snapshot.timed.is_empty(), "{snapshot}");
    }
}

fn reading(stream: TcpStream) -> Start<(), io::Error> {
    Box::new(move |done: Completion<(), io::Error>| {
        stream.read_chunk(move |_, read| done(read.map(drop)))
    })
}

impl Heard {
    fn hear<T>(&self, end: &io::Result<T>) {
        self.calls.set(self.calls.get() + 1);
        self.cancelled.set(end.as_ref().is_err_and(is_cancelled));
    }
}

impl Started {
    fn cancel(&self) {
        let before = self.heard.calls.get();
        let _ = self.operation.transferred();
        let was_pending = self.operation.cancel();
        assert_eq!(self.heard.calls.get(), before, "cancelling calls nothing back");
        assert!(before == 0 || !was_pending, "{:?} was pending after its callback", self.step);
        self.cancelled.set(self.cancelled.get() || was_pending);
    }

    fn assert_heard_once(&self) {
        assert_eq!(self.heard.calls.get(), 1, "calls of {:?}", self.step);
        // A whole of several may end with what one of them had failed with before.
        let may_have_failed = matches!(self.step, Step::ReadInTurn(..));
        let as_told = self.heard.cancelled.get() || !self.cancelled.get();
        assert!(as_told || may_have_failed, "{:?} was cancelled, and ended otherwise", self.step);
    }
}

/// Starts and cancels so many operations; returns how many cases that were. A failure is shrunk.
fn start_and_cancel(wanted: usize) -> u64 {
    let operations = Cell::new(0);
    for case in 0_u64.. {
        if operations.get() >= wanted {
            println!("{} operations in {case} cases", operations.get());
            return case;
        }
        let mut config = Config { cases: 1, failure_persistence: None, ..Config::default() };
        config.max_shrink_iters = 4_096;
        let mut seed = [5; 32];
        seed[..8].copy_from_slice(&case.to_be_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let mut runner = TestRunner::new_with_rng(config, random);
        let ran = runner.run(&proptest::collection::vec(step(), 1..STEPS), |steps| {
            let mut world = World::new();
            steps.into_iter().for_each(|step| world.take(step));
            operations.set(operations.get() + world.started.len());
            world.end();
            Ok(())
        });
        ran.unwrap_or_else(|failure| panic!("case {case}: {failure}"));
    }
    unreachable!("there are enough numbers")
}

#[test]
fn every_callback_is_called_exactly_once_whatever_is_cancelled() {
    assert!(start_and_cancel(20_000) > 50);
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// `cargo test --release -p api-callbacks --test it -- --ignored --nocapture a_million`
#[test]
#[ignore = "is to run alone, since it counts the descriptors of the process"]
fn a_million_operations_leave_no_descriptor() {
    drop(World::new());
    let before = descriptors();
    start_and_cancel(1_000_000);
    // A look-up that nothing waits for holds the pipe of its loop until its thread ends.
    let begun = Instant::now();
    while descriptors() > before && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(descriptors(), before);
}
