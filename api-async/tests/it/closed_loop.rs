//! What the operations of this wing answer on a closed loop: the rows of the core's guide.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use api_async::{
    TaskError, TcpListener, TcpStream, bytes, resolve, run_until_complete, sleep, sleep_until,
    spawn,
};
use loop_core::{Chunk, EventLoop, LoopHandle, LoopTime, RunError, is_cancelled};

use crate::lab::pair;

const GUIDE: &str = include_str!("../../../loop-core/guide/closed_loop.md");

/// What there is on a loop that was closed.
struct Closed {
    event_loop: EventLoop,
    handle: LoopHandle,
    listener: TcpListener,
    stream: TcpStream,
    /// What was reported since the close; the closed loop has dropped its handler.
    reports: Rc<RefCell<Vec<String>>>,
}

fn closed() -> Closed {
    let (mut event_loop, handle, stream, _peer) = pair();
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    event_loop.close();
    let reports = Rc::<RefCell<Vec<String>>>::default();
    let told = reports.clone();
    handle.set_exception_handler(move |_, context| told.borrow_mut().push(context.to_string()));
    Closed { event_loop, handle, listener, stream, reports }
}

fn of_result<T>(result: io::Result<T>) -> &'static str {
    match result {
        Err(error) if is_cancelled(&error) => "cancelled",
        Err(_) => "another error",
        Ok(_) => "done",
    }
}

/// Polls as the task of another loop would.
fn polled<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn said<T>(future: impl Future<Output = io::Result<T>>) -> &'static str {
    polled(future).map_or("pending", of_result)
}

impl Closed {
    fn slept(&self, sleep: impl Future<Output = ()>) -> &'static str {
        let (slept, reports) = (polled(sleep).is_some(), self.reports.take());
        assert_eq!(reports, ["a sleep on a loop that is closed never ends"]);
        if slept { "at once" } else { "never, reported" }
    }

    fn answer(&mut self, operation: &str) -> &'static str {
        let (handle, stream) = (&self.handle, &self.stream);
        match operation {
            "TcpListener::bind" => of_result(TcpListener::bind(handle, ([127, 0, 0, 1], 0).into())),
            "TcpListener::accept" => said(self.listener.accept()),
            "TcpStream::connect" => {
                said(TcpStream::connect(handle, self.listener.local_addr().unwrap()))
            }
            "TcpStream::read_chunk" => said(stream.read_chunk()),
            "TcpStream::write_chunk" => said(stream.write_chunk(Chunk::from(vec![1]))),
            "TcpStream::shutdown" => said(stream.shutdown(Shutdown::Write)),
            "bytes::read" => said(async { bytes::read(stream, [0; 9]).await.0 }),
            "bytes::write_all" => said(async { bytes::write_all(stream, vec![1]).await.0 }),
            "sleep" => self.slept(sleep(handle, Duration::from_secs(1))),
            "sleep_until" => {
                self.slept(sleep_until(handle, LoopTime::MAX - Duration::from_secs(1)))
            }
            "resolve" => said(resolve(handle, "127.0.0.1", 1)),
            "spawn" => match polled(spawn(handle, async {})) {
                Some(Err(TaskError::Aborted)) => "aborted",
                _ => "another end",
            },
            "run_until_complete" => match run_until_complete(&mut self.event_loop, async {}) {
                Err(RunError::Poll(error)) => of_result::<()>(Err(error)),
                _ => "another end",
            },
            _ => panic!("{operation} is not known here"),
        }
    }
}

#[test]
fn a_closed_loop_answers_as_the_guide_says() {
    let (_, table) = GUIDE.split_once("<!-- closed api-async -->").expect("there is a table");
    let mut count = 0;
    for row in table.lines().skip(3).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let operation = cells[1].trim_matches('`');
        assert_eq!(closed().answer(operation), cells[2], "{operation}");
        count += 1;
    }
    assert!(count >= 13, "{count} rows");
}
