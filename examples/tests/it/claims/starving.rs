//! C04: what keeps the others waiting.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::task::Poll;

use api_promises::Promise;
use examples::Style;
use examples::claims::{observed, part};
use loop_core::{EventLoop, LoopHandle};

use super::lab;

/// Begins to read, and calls back when there is something.
pub(super) type Reading = Box<dyn FnOnce(Box<dyn FnOnce()>)>;

/// Connects in a style, and returns what begins to read.
pub(super) fn connection(style: Style, event_loop: &mut EventLoop, address: SocketAddr) -> Reading {
    let handle = event_loop.handle();
    match style {
        Style::Callbacks => {
            let stream = callbacks(event_loop, address);
            Box::new(move |told| drop(stream.read_chunk(move |_, _| told())))
        }
        Style::Promises => {
            let stream = promises(event_loop, address);
            Box::new(move |told| stream.read_chunk().map(move |_| told()).detach(drop))
        }
        _ => {
            let stream = async_await(event_loop, address);
            Box::new(move |told| {
                let read = async move {
                    stream.read_chunk().await?;
                    told();
                    Ok::<_, io::Error>(())
                };
                api_async::spawn(&handle, read).detach();
            })
        }
    }
}

fn callbacks(event_loop: &mut EventLoop, address: SocketAddr) -> api_callbacks::TcpStream {
    let handle = event_loop.handle();
    let made = event_loop.run_until_complete(|completer| {
        api_callbacks::TcpStream::connect(&handle, address, |made| completer.complete(made));
    });
    made.unwrap().unwrap()
}

fn promises(event_loop: &mut EventLoop, address: SocketAddr) -> api_promises::TcpStream {
    let connecting = api_promises::TcpStream::connect(&event_loop.handle(), address);
    connecting.run_until_complete(event_loop).unwrap().unwrap()
}

fn async_await(event_loop: &mut EventLoop, address: SocketAddr) -> api_async::TcpStream {
    let handle = event_loop.handle();
    let connect = async move { api_async::TcpStream::connect(&handle, address).await };
    api_async::run_until_complete(event_loop, connect).unwrap().unwrap()
}

const MESSAGES: usize = 1_000;

/// Counts the reads of a socket that is always ready. The first one queues its peer.
struct Flood {
    handle: LoopHandle,
    reads: Cell<usize>,
    /// How many reads there were at the peer's turn.
    at_peer: Cell<Option<usize>>,
}

impl Flood {
    /// Notes a read, and tells whether there is another.
    fn goes_on(self: &Rc<Self>) -> bool {
        self.reads.set(self.reads.get() + 1);
        if self.reads.get() == 1 {
            let flood = self.clone();
            self.handle.call_soon(move || flood.at_peer.set(Some(flood.reads.get())));
        }
        self.reads.get() < MESSAGES
    }
}

fn flood_callbacks(stream: &api_callbacks::TcpStream, flood: Rc<Flood>) {
    api_callbacks::bytes::read(stream, [0; 1], move |stream, _, _| {
        if flood.goes_on() {
            flood_callbacks(&stream, flood);
        }
    });
}

fn flood_promises(stream: api_promises::TcpStream, flood: Rc<Flood>) -> Promise<(), io::Error> {
    api_promises::bytes::read(&stream, [0; 1]).err_into().then(move |_| match flood.goes_on() {
        true => flood_promises(stream, flood),
        false => Promise::resolve(&flood.handle, ()),
    })
}

async fn flood_async(stream: api_async::TcpStream, flood: Rc<Flood>) -> io::Result<()> {
    loop {
        api_async::bytes::read(&stream, [0; 1]).await.0?;
        if !flood.goes_on() {
            return Ok(());
        }
    }
}

/// The same, on a socket whose future knows of no budget.
async fn flood_unbudgeted(mut stream: TcpStream, flood: Rc<Flood>) -> io::Result<()> {
    loop {
        poll_fn(|cx| match stream.read(&mut [0; 1]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            read => Poll::Ready(read),
        })
        .await?;
        if !flood.goes_on() {
            return Ok(());
        }
    }
}

/// Returns how many reads came before the turn of the peer, which was queued at the first.
fn reads_before_the_peer(style: Style, budget: bool) -> usize {
    let (mut event_loop, handle) = lab();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (reads, at_peer) = (Cell::new(0), Cell::new(None));
    let flood = Rc::new(Flood { handle: handle.clone(), reads, at_peer });
    let flooding = flood.clone();
    let begin: Box<dyn FnOnce()> = match style {
        Style::Callbacks => {
            let stream = callbacks(&mut event_loop, address);
            Box::new(move || flood_callbacks(&stream, flooding))
        }
        Style::Promises => {
            let stream = promises(&mut event_loop, address);
            Box::new(move || flood_promises(stream, flooding).detach(drop))
        }
        _ if budget => {
            let stream = async_await(&mut event_loop, address);
            Box::new(move || api_async::spawn(&handle, flood_async(stream, flooding)).detach())
        }
        _ => {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_nonblocking(true).unwrap();
            Box::new(move || api_async::spawn(&handle, flood_unbudgeted(stream, flooding)).detach())
        }
    };
    listener.accept().unwrap().0.write_all(&[b'x'; MESSAGES]).unwrap();
    begin();
    while flood.reads.get() < MESSAGES || flood.at_peer.get().is_none() {
        event_loop.run_once().unwrap();
    }
    flood.at_peer.get().unwrap()
}

/// The planted fault is the budget, taken away and given.
#[test]
fn a_peer_of_async_waits_for_all_exactly_where_there_is_no_budget() {
    assert_eq!(reads_before_the_peer(Style::Async, false), MESSAGES);
    assert!(reads_before_the_peer(Style::Async, true) < MESSAGES);
}

#[test]
fn c04_a_socket_that_is_always_ready_starves_its_peers_unless_there_is_a_budget() {
    observed("C04", "messages", MESSAGES);
    let unbudgeted = reads_before_the_peer(Style::Async, false);
    observed("C04", "reads_before_the_peer_async_without_budget", unbudgeted);
    assert!(part("C04", "async without a budget: the peer waits for all", unbudgeted == MESSAGES));
    for style in Style::WINGS {
        let reads = reads_before_the_peer(style, true);
        observed("C04", &format!("reads_before_the_peer_{style}"), reads);
        let held = format!("{style}: the peer has its turn before the flood ends");
        assert!(part("C04", &held, reads < MESSAGES), "{reads}");
    }
}
