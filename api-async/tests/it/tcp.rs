//! TCP, over the loopback interface.

use std::cell::Cell;
use std::io::ErrorKind;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use api_async::{TcpListener, TcpStream, echo, run_until_complete, spawn};
use futures::io::{AsyncReadExt, AsyncWriteExt};
use futures::stream::StreamExt;
use loop_core::{BYTES_PER_TURN, Chunk, ConnectOptions, EventLoop, ListenOptions, LoopHandle};

/// Makes a loop with an echo server on it.
fn echoing() -> (EventLoop, LoopHandle, SocketAddr) {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    spawn(&handle, echo::serve(listener)).detach();
    (event_loop, handle, address)
}

/// Connects, and returns the stream.
fn connect(event_loop: &mut EventLoop, address: SocketAddr) -> TcpStream {
    let handle = event_loop.handle();
    let connected = async move { TcpStream::connect(&handle, address).await };
    run_until_complete(event_loop, connected).unwrap().unwrap()
}

/// Connects to a peer that neither reads nor writes, and returns both ends.
fn silent(event_loop: &mut EventLoop) -> (TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = connect(event_loop, listener.local_addr().unwrap());
    (stream, listener.accept().unwrap().0)
}

#[test]
fn a_connection_echoes_and_ends_when_the_client_ends() {
    let (mut event_loop, _handle, address) = echoing();
    let stream = connect(&mut event_loop, address);
    assert_eq!(stream.peer_addr().unwrap(), address);
    let replies = run_until_complete(&mut event_loop, async move {
        stream.write_chunk(Chunk::from(b"hello".to_vec())).await?;
        let first = stream.read_chunk().await?;
        stream.shutdown(Shutdown::Write).await?;
        let second = stream.read_chunk().await?;
        std::io::Result::Ok((first, second))
    });
    let (first, second) = replies.unwrap().unwrap();
    assert_eq!(first.as_deref(), Some(&b"hello"[..]));
    assert!(second.is_none());
}

#[test]
fn connecting_to_a_closed_port_is_refused() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let connected = async move { TcpStream::connect(&handle, address).await };
    let connected = run_until_complete(&mut event_loop, connected);
    assert_eq!(connected.unwrap().unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn binding_a_taken_port_is_an_error() {
    let (_event_loop, handle, address) = echoing();
    let again = TcpListener::bind(&handle, address);
    assert_eq!(again.unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[test]
fn nothing_starts_before_it_is_polled() {
    let (mut event_loop, handle, address) = echoing();
    let stream = connect(&mut event_loop, address);
    let writes = handle.counts().writes;
    drop(stream.write_chunk(Chunk::from(b"hello".to_vec())));
    drop(stream.read_chunk());
    event_loop.run_ready();
    assert_eq!(handle.counts().writes, writes);
}

#[test]
fn a_cancelled_read_leaves_nothing_parked() {
    let (mut event_loop, handle, address) = echoing();
    let stream = Rc::new(connect(&mut event_loop, address));
    // The server accepts and parks its own read before this one is counted.
    while handle.counts().accepts == 0 || !handle.snapshot().ready.is_empty() {
        event_loop.run_once().unwrap();
    }
    let parked = handle.snapshot().parked.len();
    let read = stream.clone();
    let reading = spawn(&handle, async move { read.read_chunk().await.map(drop) });
    event_loop.run_ready();
    assert_eq!(handle.snapshot().parked.len(), parked + 1);
    reading.abort();
    assert_eq!(Rc::strong_count(&stream), 1, "the future is dropped");
    drop(stream);
    assert_eq!(handle.snapshot().parked.len(), parked);
}

#[test]
fn closing_the_loop_ends_what_is_pending() {
    let (mut event_loop, handle, address) = echoing();
    let stream = connect(&mut event_loop, address);
    let ended = Rc::new(Cell::new(true));
    let seen = ended.clone();
    spawn(&handle, async move {
        let _ = stream.read_chunk().await;
        seen.set(false);
    })
    .detach();
    event_loop.run_ready();
    event_loop.close();
    assert!(ended.get(), "the task was dropped where it waited");
    assert_eq!(Rc::strong_count(&ended), 1);
    assert!(handle.snapshot().parked.is_empty());
}

#[test]
fn the_traits_of_futures_read_and_write() {
    let (mut event_loop, _handle, address) = echoing();
    let stream = connect(&mut event_loop, address);
    let echoed = run_until_complete(&mut event_loop, async move {
        let (mut reader, mut writer) = stream.split();
        let sent = vec![7; 3_000_000];
        let mut received = Vec::new();
        let write = async {
            writer.write_all(&sent).await?;
            writer.close().await
        };
        let (written, read) = futures::future::join(write, reader.read_to_end(&mut received)).await;
        written.and(read).map(|_| received == sent)
    });
    assert!(echoed.unwrap().unwrap());
}

#[test]
fn a_listener_is_a_stream_of_connections() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let clients: Vec<_> = (0..3).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    let accepted = listener.take(3).map(|accepted| accepted.unwrap().1).collect::<Vec<_>>();
    let peers = run_until_complete(&mut event_loop, accepted).unwrap();
    let expected: Vec<_> = clients.iter().map(|client| client.local_addr().unwrap()).collect();
    assert_eq!(peers, expected);
}

#[test]
fn closing_ends_what_has_used_up_its_share() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (stream, _peer) = silent(&mut event_loop);
    let held = Rc::new(());
    let kept = held.clone();
    spawn(&handle, async move {
        let written = stream.write_chunk(Chunk::from(vec![1; 64 * BYTES_PER_TURN])).await;
        drop(kept);
        written
    })
    .detach();
    event_loop.run_ready();
    assert_eq!(Rc::strong_count(&held), 2, "it is pending");
    event_loop.close();
    assert_eq!(Rc::strong_count(&held), 1);
    assert!(handle.snapshot().parked.is_empty());
}

#[test]
fn a_connection_is_made_as_it_was_asked_for() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (local, peer) = run_until_complete(&mut event_loop, async move {
        let options = ListenOptions { backlog: 1, ..ListenOptions::default() };
        let listener = TcpListener::bind_with(&handle, "127.0.0.1:0".parse().unwrap(), &options)?;
        let local_address = Some("127.0.0.9:0".parse().unwrap());
        let options = ConnectOptions { local_address, ..ConnectOptions::default() };
        let address = listener.local_addr()?;
        let stream = TcpStream::connect_with(&handle, address, &options).await?;
        let (_accepted, peer) = listener.accept().await?;
        std::io::Result::Ok((stream.local_addr()?, peer))
    })
    .unwrap()
    .unwrap();
    assert_eq!(local, peer);
    assert_eq!(local.ip(), "127.0.0.9".parse::<std::net::IpAddr>().unwrap());
}
