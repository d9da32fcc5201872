//! What a closed loop answers: the rows of the guide, done one by one.

use std::io;
use std::net::{SocketAddr, TcpListener as Peer};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use loop_core::{
    Chunk, ConnectOptions, EventLoop, Handle, Job, ListenOptions, LoopHandle, LoopTime, RunError,
    Source, is_cancelled,
};
use mio::net::TcpStream;
use signal_hook::consts::SIGWINCH;

const GUIDE: &str = include_str!("../../guide/closed_loop.md");

/// What there is on a loop that was closed.
struct Closed {
    event_loop: EventLoop,
    handle: LoopHandle,
    source: Source<TcpStream>,
    scheduled: Handle,
    address: SocketAddr,
    /// What callbacks hold: one that is dropped lets go of it.
    held: Rc<()>,
    _peer: Peer,
}

/// A job that holds something.
struct Holds(#[allow(dead_code, reason = "it is counted")] Rc<()>);

impl Job for Holds {
    fn run(self: Rc<Self>, _part: u64) {
        unreachable!("the loop is closed");
    }
}

fn closed() -> Closed {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let peer = Peer::bind("127.0.0.1:0").unwrap();
    let address = peer.local_addr().unwrap();
    let source = Source::connect(&handle, address, &ConnectOptions::default()).unwrap();
    let scheduled = handle.call_soon(|| ());
    event_loop.close();
    Closed { event_loop, handle, source, scheduled, address, held: Rc::new(()), _peer: peer }
}

/// Says whether an error is one of a closed loop.
fn said<T>(result: io::Result<T>) -> &'static str {
    match result {
        Err(error) if is_cancelled(&error) => "cancelled",
        Err(_) => "another error",
        Ok(_) => "ok",
    }
}

fn found(nothing: bool) -> &'static str {
    if nothing { "nothing" } else { "something" }
}

fn panics(work: impl FnOnce()) -> &'static str {
    let unwound = catch_unwind(AssertUnwindSafe(work));
    let payload = unwound.expect_err("a closed loop refuses");
    assert!(loop_core::panic_message(&*payload).ends_with("the event loop is closed"));
    "panics"
}

impl Closed {
    /// Returns a callback that holds something, and must not run.
    fn callback(&self) -> impl FnOnce() + 'static {
        let held = self.held.clone();
        move || unreachable!("the loop is closed: {held:?}")
    }

    fn dropped(&self) -> &'static str {
        if Rc::strong_count(&self.held) == 1 { "dropped" } else { "kept" }
    }

    fn of_loop(&mut self, operation: &str) -> Option<&'static str> {
        Some(match operation {
            "EventLoop::run_once" => said(self.event_loop.run_once()),
            "EventLoop::run_forever" => said(self.event_loop.run_forever()),
            "EventLoop::run_until_complete" => {
                match self.event_loop.run_until_complete::<()>(drop) {
                    Err(RunError::Poll(error)) => said::<()>(Err(error)),
                    _ => "another end",
                }
            }
            "EventLoop::run_ready" => found(self.event_loop.run_ready() == 0),
            _ => return None,
        })
    }

    fn of_callbacks(&self, operation: &str) -> Option<&'static str> {
        let (handle, callback, second) = (&self.handle, self.callback(), Duration::from_secs(1));
        Some(match operation {
            "LoopHandle::call_soon" => panics(|| drop(handle.call_soon(callback))),
            "LoopHandle::call_later" => panics(|| drop(handle.call_later(second, callback))),
            "LoopHandle::call_at" => panics(|| drop(handle.call_at(LoopTime::ORIGIN, callback))),
            "LoopHandle::shutdown_default_executor" => {
                panics(|| handle.shutdown_default_executor(second, |_| callback()))
            }
            "LoopHandle::try_call_soon" => handed_back(handle.try_call_soon(callback).is_err()),
            "LoopHandle::try_call_at" => {
                handed_back(handle.try_call_at(LoopTime::ORIGIN, callback).is_err())
            }
            "Remote::call_soon_threadsafe" => {
                handed_back(handle.remote().call_soon_threadsafe(|_| ()).is_err())
            }
            "LoopHandle::on_close" => {
                let ran = Rc::new(std::cell::Cell::new(false));
                let seen = ran.clone();
                handle.on_close(move || seen.set(true));
                if ran.get() { "at once" } else { "later" }
            }
            _ => return None,
        })
    }

    fn of_results(&self, operation: &str) -> Option<&'static str> {
        let (handle, address) = (&self.handle, self.address);
        Some(match operation {
            "LoopHandle::run_in_executor" => {
                said(handle.run_in_executor(|| (), |_| ()).map_err(|refused| refused.error))
            }
            "LoopHandle::resolve_in_executor" => {
                let asked = handle.resolve_in_executor("127.0.0.1", 1, |_| ());
                said(asked.map_err(|refused| refused.error))
            }
            "LoopHandle::set_default_executor" => {
                said(handle.set_default_executor(1.try_into().unwrap()))
            }
            "LoopHandle::add_signal_handler" => said(handle.add_signal_handler(SIGWINCH, || ())),
            "LoopHandle::on_interrupt" => said(handle.on_interrupt(|| ())),
            "Source::listen" => said(Source::listen(handle, address, &ListenOptions::default())),
            "Source::connect" => said(Source::connect(handle, address, &ConnectOptions::default())),
            "Source::read_chunk" => said(self.source.read_chunk()),
            "Source::write_chunk" => said(self.source.write_chunk(&mut Chunk::from(vec![1]))),
            "Source::new" => {
                let stream = std::net::TcpStream::connect(address).unwrap();
                said(Source::new(handle, TcpStream::from_std(stream)))
            }
            _ => return None,
        })
    }

    fn of_descriptors(&self, operation: &str) -> Option<&'static str> {
        let (handle, descriptor) = (&self.handle, Rc::new(self._peer.try_clone().unwrap()));
        Some(match operation {
            "LoopHandle::add_reader" => said(handle.add_reader(&descriptor, || ())),
            "LoopHandle::add_writer" => said(handle.add_writer(&descriptor, || ())),
            "LoopHandle::remove_reader" => found(!handle.remove_reader(&*descriptor)),
            "LoopHandle::remove_writer" => found(!handle.remove_writer(&*descriptor)),
            "LoopHandle::remove_signal_handler" => found(!handle.remove_signal_handler(SIGWINCH)),
            "LoopHandle::snapshot" => {
                let snapshot = handle.snapshot();
                found(snapshot.ready.is_empty() && snapshot.timed.is_empty())
            }
            "Handle::cancel" => found(!self.scheduled.cancel()),
            _ => return None,
        })
    }

    fn of_styles(&self, operation: &str) -> Option<&'static str> {
        let (handle, job) = (&self.handle, Rc::new(Holds(self.held.clone())));
        match operation {
            "LoopHandle::queue" => handle.queue(job, 0),
            "LoopHandle::queue_at" => drop(handle.queue_at(LoopTime::ORIGIN, job, 0)),
            "LoopHandle::wake_at" => {
                drop(job);
                let waker = std::sync::Arc::new(Wakes);
                handle.wake_at(LoopTime::ORIGIN, waker.clone().into());
                assert_eq!(std::sync::Arc::strong_count(&waker), 1);
            }
            "LoopHandle::on_ready" => {
                drop(job);
                let held = self.held.clone();
                handle.on_ready(move || unreachable!("{held:?}"));
            }
            _ => return None,
        }
        Some(self.dropped())
    }
}

/// A waker that does nothing.
struct Wakes;

impl std::task::Wake for Wakes {
    fn wake(self: std::sync::Arc<Self>) {}
}

fn handed_back(refused: bool) -> &'static str {
    if refused { "handed back" } else { "taken" }
}

/// The hooks that the crate's principles name are no callbacks of an operation: a call may run them.
#[test]
fn three_hooks_run_inside_a_call() {
    let mut event_loop = EventLoop::new().unwrap();
    let (handle, ran) = (event_loop.handle(), Rc::new(std::cell::Cell::new(0)));
    let count = |ran: &Rc<std::cell::Cell<u32>>| {
        let ran = ran.clone();
        move || ran.set(ran.get() + 1)
    };
    handle.on_ready(count(&ran));
    handle.call_soon(|| ());
    assert_eq!(ran.get(), 1, "of the ready queue");
    let told = count(&ran);
    handle.set_exception_handler(move |_, _| told());
    handle.report(&loop_core::Context::new("on purpose"));
    assert_eq!(ran.get(), 2, "the exception handler");
    event_loop.close();
    handle.on_close(count(&ran));
    assert_eq!(ran.get(), 3, "of the close");
}

#[test]
fn a_closed_loop_answers_as_the_guide_says() {
    let (_, table) = GUIDE.split_once("<!-- closed loop-core -->").expect("the guide has a table");
    let rows = table.lines().skip(3).take_while(|line| line.starts_with('|'));
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (operation, answer) = (cells[1].trim_matches('`'), cells[2]);
        let mut closed = closed();
        let answered = closed
            .of_loop(operation)
            .or_else(|| closed.of_callbacks(operation))
            .or_else(|| closed.of_results(operation))
            .or_else(|| closed.of_descriptors(operation))
            .or_else(|| closed.of_styles(operation));
        assert_eq!(answered, Some(answer), "{operation}");
        assert_eq!(closed.dropped(), "dropped", "{operation} keeps what it was given");
        count += 1;
    }
    assert!(count > 30, "{count} rows");
}
