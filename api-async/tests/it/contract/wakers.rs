//! A waker for every `Pending`, and the one that was given last.

use std::future::Future;
use std::io::Write;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use api_async::{TcpListener, run_until_complete, sleep, spawn};
use futures::future::{Either, join, select};
use futures::io::{AsyncBufRead, AsyncRead, AsyncReadExt, AsyncWrite};
use futures::sink::Sink;
use futures::stream::Stream;
use loop_core::{Chunk, EventLoop, is_cancelled};

use super::{Count, descriptor, drain, fill, finish, once, run_until_woken};
use crate::lab::{connected, pair};

/// Polls with one waker and then with another, does what ends the wait, and asserts that the second one
/// is woken and that the poll is ready then.
fn assert_wakes(
    event_loop: &mut EventLoop,
    mut is_ready: impl FnMut(&mut Context<'_>) -> bool,
    ends_it: impl FnOnce(),
) {
    let ((_, stale), (count, waker)) = (Count::waker(), Count::waker());
    assert!(!is_ready(&mut Context::from_waker(&stale)));
    assert!(!is_ready(&mut Context::from_waker(&waker)));
    ends_it();
    run_until_woken(event_loop, &count);
    finish(event_loop, |cx| if is_ready(cx) { Poll::Ready(()) } else { Poll::Pending });
}

#[test]
fn what_waits_to_read_is_woken() {
    let (mut event_loop, handle, mut stream, mut peer) = pair();
    let mut buffer = [0; 1];
    let poll = |cx: &mut Context<'_>| Pin::new(&mut stream).poll_read(cx, &mut buffer).is_ready();
    assert_wakes(&mut event_loop, poll, || peer.write_all(b"x").unwrap());
    let (mut reader, _writer) = stream.into_split();
    let poll = |cx: &mut Context<'_>| Pin::new(&mut reader).poll_fill_buf(cx).is_ready();
    assert_wakes(&mut event_loop, poll, || peer.write_all(b"x").unwrap());
    Pin::new(&mut reader).consume(1);
    let poll = |cx: &mut Context<'_>| Pin::new(&mut reader).poll_read(cx, &mut buffer).is_ready();
    assert_wakes(&mut event_loop, poll, || peer.write_all(b"x").unwrap());
    let poll = |cx: &mut Context<'_>| Pin::new(&mut reader).poll_next(cx).is_ready();
    assert_wakes(&mut event_loop, poll, || drop(peer));

    let (mut ours, mut theirs) = descriptor(&handle);
    let poll = |cx: &mut Context<'_>| Pin::new(&mut ours).poll_read(cx, &mut buffer).is_ready();
    assert_wakes(&mut event_loop, poll, || theirs.write_all(b"x").unwrap());

    let mut listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let poll = |cx: &mut Context<'_>| Pin::new(&mut listener).poll_next(cx).is_ready();
    assert_wakes(&mut event_loop, poll, || drop(std::net::TcpStream::connect(address).unwrap()));
}

#[test]
fn what_waits_to_write_is_woken() {
    let (mut event_loop, handle, mut stream, mut peer) = pair();
    let filled = fill(&mut stream);
    let poll = |cx: &mut Context<'_>| Pin::new(&mut stream).poll_write(cx, b"x").is_ready();
    assert_wakes(&mut event_loop, poll, || drain(&mut peer, filled));

    let (_reader, mut writer) = stream.into_split();
    let filled = fill(&mut writer);
    Pin::new(&mut writer).start_send(Chunk::from(vec![1])).unwrap();
    let poll =
        |cx: &mut Context<'_>| Sink::<Chunk>::poll_ready(Pin::new(&mut writer), cx).is_ready();
    assert_wakes(&mut event_loop, poll, || drain(&mut peer, filled));

    let filled = fill(&mut writer);
    Pin::new(&mut writer).start_send(Chunk::from(vec![1])).unwrap();
    let poll = |cx: &mut Context<'_>| AsyncWrite::poll_close(Pin::new(&mut writer), cx).is_ready();
    assert_wakes(&mut event_loop, poll, || drain(&mut peer, filled));

    let (mut ours, mut theirs) = descriptor(&handle);
    let filled = fill(&mut ours);
    let poll = |cx: &mut Context<'_>| Pin::new(&mut ours).poll_write(cx, b"x").is_ready();
    assert_wakes(&mut event_loop, poll, || drain(&mut theirs, filled));
}

#[test]
fn what_waits_when_the_loop_is_closed_is_woken_and_nothing_waits_from_then_on() {
    let (mut event_loop, handle, mut stream, _peer) = pair();
    let (mut ours, _theirs) = descriptor(&handle);
    fill(&mut ours);
    let (mut byte, (reads, reader), (writes, writer)) = ([0; 1], Count::waker(), Count::waker());
    let (mut reader, mut writer) = (Context::from_waker(&reader), Context::from_waker(&writer));
    assert!(Pin::new(&mut stream).poll_read(&mut reader, &mut byte).is_pending());
    assert!(Pin::new(&mut ours).poll_write(&mut writer, b"x").is_pending());
    event_loop.close();
    assert_eq!((reads.get(), writes.get()), (1, 1));
    let read = once(|cx| Pin::new(&mut stream).poll_read(cx, &mut byte));
    assert!(is_cancelled(&read.unwrap().unwrap_err()));
    let written = once(|cx| Pin::new(&mut ours).poll_write(cx, b"x"));
    assert!(is_cancelled(&written.unwrap().unwrap_err()));
    once(|cx| Pin::new(&mut stream).poll_close(cx)).unwrap().unwrap();
    once(|cx| Pin::new(&mut ours).poll_close(cx)).unwrap().unwrap();
    let (mut reader, _writer) = stream.into_split();
    let next = once(|cx| Pin::new(&mut reader).poll_next(cx));
    assert!(is_cancelled(&next.unwrap().unwrap().unwrap_err()));
}

#[test]
fn what_has_used_up_its_budget_is_woken_at_once() {
    let (mut event_loop, _handle, mut stream, mut peer) = pair();
    peer.write_all(&[1; 1_000]).unwrap();
    let mut buffer = [0; 1];
    let mut reads = 0;
    while reads < 1_000 {
        let (count, waker) = Count::waker();
        let mut cx = Context::from_waker(&waker);
        match Pin::new(&mut stream).poll_read(&mut cx, &mut buffer) {
            Poll::Ready(read) => reads += read.unwrap(),
            Poll::Pending => run_until_woken(&mut event_loop, &count),
        }
    }
}

/// The traits hold no place: a task whose place another one takes is woken, and tries again.
#[test]
fn two_tasks_that_read_by_the_traits_both_have_bytes() {
    let (mut event_loop, handle, stream, mut peer) = pair();
    let stream = Rc::new(stream);
    let ended = run_until_complete(&mut event_loop, async move {
        let mut tasks = [(); 2].map(|()| {
            let stream = stream.clone();
            spawn(&handle, async move { (&*stream).read(&mut [0; 1]).await })
        });
        sleep(&handle, Duration::from_millis(2)).await;
        peer.write_all(b"x").unwrap();
        sleep(&handle, Duration::from_millis(2)).await;
        peer.write_all(b"y").unwrap();
        let [one, other] = &mut tasks;
        let late = pin!(sleep(&handle, Duration::from_secs(5)));
        matches!(select(join(one, other), late).await, Either::Left(_))
    });
    assert!(ended.unwrap(), "one of them waits for ever");
}

#[test]
fn two_tasks_that_accept_by_the_trait_both_have_a_connection() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let ended = run_until_complete(&mut event_loop, async move {
        let listener = Rc::new(TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap());
        let address = listener.local_addr().unwrap();
        let mut tasks = [(); 2].map(|()| {
            let listener = listener.clone();
            spawn(&handle, async move {
                std::future::poll_fn(|cx| listener.poll_accept(cx)).await.map(drop)
            })
        });
        sleep(&handle, Duration::from_millis(2)).await;
        let _peers = [(); 2].map(|()| std::net::TcpStream::connect(address).unwrap());
        let [one, other] = &mut tasks;
        let late = pin!(sleep(&handle, Duration::from_secs(5)));
        matches!(select(join(one, other), late).await, Either::Left(_))
    });
    assert!(ended.unwrap(), "one of them waits for ever");
}

/// The place is the future's from then on: what had polled by the trait is woken, and told so.
#[test]
fn a_future_that_takes_the_place_of_a_trait_s_task_lets_it_know() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let told = run_until_complete(&mut event_loop, async move {
        let (stream, _other) = connected(&handle).await;
        let stream = Rc::new(stream);
        let shared = stream.clone();
        let mut first = spawn(&handle, async move { (&*shared).read(&mut [0; 1]).await });
        sleep(&handle, Duration::from_millis(2)).await;
        let mut chunk = pin!(stream.read_chunk());
        let late = pin!(sleep(&handle, Duration::from_secs(5)));
        let told = async {
            std::future::poll_fn(|cx| {
                assert!(chunk.as_mut().poll(cx).is_pending());
                Pin::new(&mut first).poll(cx)
            })
            .await
        };
        match select(pin!(told), late).await {
            Either::Left((ended, _)) => ended.unwrap().unwrap_err().kind(),
            Either::Right(_) => panic!("it waits for ever"),
        }
    });
    assert_eq!(told.unwrap(), std::io::ErrorKind::ResourceBusy);
}
