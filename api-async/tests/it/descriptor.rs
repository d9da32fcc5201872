//! A descriptor that was on the loop and is given back.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;

use api_async::{Async, run_until_complete};
use futures::{AsyncReadExt, AsyncWriteExt};
use loop_core::EventLoop;

fn pair() -> (UnixStream, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    (one, other)
}

#[test]
fn a_descriptor_that_is_given_back_is_off_the_loop_and_as_it_was() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (one, mut other) = pair();
    let number = one.as_raw_fd();
    other.write_all(b"first, then").unwrap();
    let (puts, reads) = (handle.clone(), async |mut one: Async<UnixStream>| {
        let mut bytes = [0; 5];
        one.read_exact(&mut bytes).await.unwrap();
        assert_eq!((one.as_fd().as_raw_fd(), &bytes), (one.get_ref().as_raw_fd(), b"first"));
        one.into_inner().unwrap()
    });
    let given = async move { reads(Async::new(&puts, one).unwrap()).await };
    let mut one = run_until_complete(&mut event_loop, given).unwrap();
    assert_eq!(one.as_raw_fd(), number);
    let mut rest = [0; 6];
    one.read_exact(&mut rest).unwrap();
    assert_eq!(&rest, b", then");
    // The kernel tells the loop nothing of it any more.
    let events = handle.counts().events;
    other.write_all(b"more").unwrap();
    handle.call_soon(|| ());
    event_loop.run_once().unwrap();
    assert_eq!(handle.counts().events, events);
    assert_eq!(one.read(&mut rest).unwrap(), 4);
    assert_eq!(one.read(&mut rest).unwrap_err().kind(), ErrorKind::WouldBlock);
    // It can be put on a loop again.
    let again = async move { Async::new(&handle, one).unwrap().write(b"again").await };
    assert_eq!(run_until_complete(&mut event_loop, again).unwrap().unwrap(), 5);
}

#[test]
fn a_closed_loop_gives_it_back_too() {
    let mut event_loop = EventLoop::new().unwrap();
    let one = Async::new(&event_loop.handle(), pair().0).unwrap();
    event_loop.close();
    drop(event_loop);
    assert!(one.into_inner().is_ok());
}
