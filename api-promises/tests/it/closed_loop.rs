//! What the operations of this wing answer on a closed loop: the rows of the core's guide.

use std::io;
use std::net::Shutdown;
use std::time::Duration;

use api_promises::{Promise, TcpListener, TcpStream, bytes, resolve, sleep, sleep_until};
use loop_core::{Chunk, EventLoop, LoopHandle, LoopTime, is_cancelled};

const GUIDE: &str = include_str!("../../../loop-core/guide/closed_loop.md");

/// What there is on a loop that was closed, and a loop that goes on.
struct Closed {
    handle: LoopHandle,
    listener: TcpListener,
    stream: TcpStream,
    _peer: std::net::TcpListener,
}

fn closed() -> Closed {
    let mut event_loop = EventLoop::new().unwrap();
    let (handle, any) = (event_loop.handle(), "127.0.0.1:0".parse().unwrap());
    let peer = std::net::TcpListener::bind(any).unwrap();
    let connected = TcpStream::connect(&handle, peer.local_addr().unwrap());
    let stream = connected.run_until_complete(&mut event_loop).unwrap().unwrap();
    let listener = TcpListener::bind(&handle, any).unwrap();
    event_loop.close();
    Closed { handle, listener, stream, _peer: peer }
}

/// Says what a promise is rejected with, which has to be there already.
fn said<T: 'static>(promise: Promise<T, io::Error>) -> &'static str {
    let mut promise = Box::pin(promise);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match promise.as_mut().poll(&mut cx) {
        std::task::Poll::Ready(Err(error)) if is_cancelled(&error) => "cancelled",
        std::task::Poll::Ready(Err(_)) => "another error",
        std::task::Poll::Ready(Ok(_)) => "done",
        std::task::Poll::Pending => "pending",
    }
}

impl Closed {
    fn answer(&self, operation: &str) -> &'static str {
        let (handle, stream) = (&self.handle, &self.stream);
        match operation {
            "TcpListener::bind" => {
                let bound = TcpListener::bind(handle, "127.0.0.1:0".parse().unwrap());
                match bound {
                    Err(error) if is_cancelled(&error) => "cancelled",
                    _ => "another end",
                }
            }
            "TcpListener::accept" => said(self.listener.accept()),
            "TcpStream::connect" => {
                said(TcpStream::connect(handle, self.listener.local_addr().unwrap()))
            }
            "TcpStream::read_chunk" => said(stream.read_chunk()),
            "TcpStream::write_chunk" => said(stream.write_chunk(Chunk::from(vec![1]))),
            "TcpStream::shutdown" => said(stream.shutdown(Shutdown::Write)),
            "bytes::read" => said(bytes::read(stream, [0; 9]).map_err(io::Error::from)),
            "bytes::write_all" => said(bytes::write_all(stream, vec![1]).map_err(io::Error::from)),
            "sleep" => said(sleep(handle, Duration::ZERO)),
            "sleep_until" => said(sleep_until(handle, LoopTime::ORIGIN)),
            "resolve" => said(resolve(handle, "127.0.0.1", 1)),
            _ => panic!("{operation} is not known here"),
        }
    }
}

#[test]
fn a_closed_loop_answers_as_the_guide_says() {
    let (_, table) = GUIDE.split_once("<!-- closed api-promises -->").expect("there is a table");
    let mut count = 0;
    for row in table.lines().skip(3).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let operation = cells[1].trim_matches('`');
        assert_eq!(closed().answer(operation), cells[2], "{operation}");
        count += 1;
    }
    assert!(count >= 11, "{count} rows");
}
