//! What the operations of this wing answer on a closed loop: the rows of the core's guide.

use std::cell::{Cell, RefCell};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::{TcpListener, TcpStream, Timer, bytes, resolve, sleep, sleep_until};
use loop_core::{Chunk, EventLoop, LoopHandle, LoopTime, is_cancelled};

use crate::tcp::silent;

const GUIDE: &str = include_str!("../../../loop-core/guide/closed_loop.md");

/// What there is on a loop that was closed.
struct Closed {
    handle: LoopHandle,
    listener: TcpListener,
    stream: TcpStream,
    /// What callbacks hold: one that is dropped lets go of it.
    held: Rc<()>,
    /// What was reported since the close; the closed loop has dropped its handler.
    reports: Rc<RefCell<Vec<String>>>,
}

fn closed() -> Closed {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, _peer) = silent(&mut event_loop);
    let handle = event_loop.handle();
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    event_loop.close();
    let reports = Rc::<RefCell<Vec<String>>>::default();
    let told = reports.clone();
    handle.set_exception_handler(move |_, context| told.borrow_mut().push(context.to_string()));
    Closed { handle, listener, stream, held: Rc::new(()), reports }
}

impl Closed {
    /// Begins an operation whose callback must not run; tells whether the row is known.
    fn begin(&self, operation: &str) -> bool {
        let (handle, held) = (&self.handle, self.held.clone());
        let never = move || unreachable!("the loop is closed: {held:?}");
        match operation {
            "TcpListener::accept" => drop(self.listener.accept(move |_, _| never())),
            "TcpStream::connect" => {
                let address = self.listener.local_addr().unwrap();
                drop(TcpStream::connect(handle, address, move |_| never()));
            }
            "TcpStream::read_chunk" => drop(self.stream.read_chunk(move |_, _| never())),
            "TcpStream::write_chunk" => {
                drop(self.stream.write_chunk(Chunk::from(vec![1]), move |_, _| never()));
            }
            "TcpStream::shutdown" => {
                drop(self.stream.shutdown(Shutdown::Write, move |_, _| never()));
            }
            "bytes::read" => drop(bytes::read(&self.stream, [0; 9], move |_, _, _| never())),
            "bytes::write_all" => {
                drop(bytes::write_all(&self.stream, vec![1], move |_, _, _| never()));
            }
            "sleep" => drop(sleep(handle, Duration::ZERO, move |_| never())),
            "sleep_until" => drop(sleep_until(handle, LoopTime::ORIGIN, move |_| never())),
            "resolve" => drop(resolve(handle, "127.0.0.1", 1, move |_| never())),
            _ => return false,
        }
        true
    }

    fn answer(&self, operation: &str) -> &'static str {
        match operation {
            "TcpListener::bind" => {
                let bound = TcpListener::bind(&self.handle, "127.0.0.1:0".parse().unwrap());
                match bound {
                    Err(error) if is_cancelled(&error) => "cancelled",
                    _ => "another end",
                }
            }
            "TcpStream::cancel" => {
                if self.stream.cancel() {
                    "something"
                } else {
                    "nothing"
                }
            }
            "Timer::again" => {
                let (held, called) = (self.held.clone(), Rc::new(Cell::new(false)));
                let seen = called.clone();
                let timer = Timer::new(&self.handle, move || {
                    seen.set(Rc::strong_count(&held) > 0);
                    None
                });
                timer.again(Duration::ZERO);
                if called.get() { "called" } else { "nothing" }
            }
            _ => {
                assert!(self.begin(operation), "{operation} is not known here");
                let reports = self.reports.take();
                let told = |report: &String| report.starts_with("a callback was dropped uncalled");
                assert!(reports.len() == 1 && reports.iter().all(told), "{operation}: {reports:?}");
                assert!(reports[0].contains(file!()), "{reports:?}");
                "dropped, reported"
            }
        }
    }
}

#[test]
fn a_closed_loop_answers_as_the_guide_says() {
    let (_, table) = GUIDE.split_once("<!-- closed api-callbacks -->").expect("there is a table");
    let mut count = 0;
    for row in table.lines().skip(3).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (operation, closed) = (cells[1].trim_matches('`'), closed());
        assert_eq!(closed.answer(operation), cells[2], "{operation}");
        assert_eq!(Rc::strong_count(&closed.held), 1, "{operation} keeps what it was given");
        count += 1;
    }
    assert!(count >= 13, "{count} rows");
}
