//! Fibers at sockets, and at what else they wait for.

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::TcpStream as Client;
use std::rc::Rc;

use examples::fibers::{self, TcpListener, TcpStream, sleep, spawn, timeout, wait};
use loop_core::transfer::ReadExact;
use loop_core::{Chunk, EventLoop, LoopHandle, is_cancelled};

use super::{Held, SECOND, reports, run};

/// A loop, and both ends of a connection to it.
fn connected(
    body: impl FnOnce(LoopHandle, TcpStream, Client) -> io::Result<()> + 'static,
) -> io::Result<()> {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    fibers::run(&mut event_loop, move || {
        let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap())?;
        let client = Client::connect(listener.local_addr()?)?;
        let (stream, peer) = listener.accept()?;
        assert_eq!(peer, client.local_addr()?);
        body(handle, stream, client)
    })
}

/// Lets whatever is ready run, and what becomes ready of that.
fn settle(handle: &LoopHandle) -> io::Result<()> {
    (0..3).try_for_each(|_| sleep(handle, std::time::Duration::ZERO))
}

#[test]
fn a_fiber_that_is_cancelled_while_it_reads_leaves_the_socket_to_the_next() {
    connected(|handle, stream, mut client| {
        let stream = Rc::new(stream);
        let reader = |stream: Rc<TcpStream>| spawn(&handle, move || stream.read_chunk());
        let first = reader(stream.clone());
        settle(&handle)?;
        assert_eq!(handle.snapshot().parked.len(), 1);
        let registrations = handle.counts().registrations;
        first.cancel();
        assert!(is_cancelled(&first.join().unwrap_err()));
        assert!(handle.snapshot().parked.is_empty());
        assert_eq!(Rc::strong_count(&stream), 1);
        let second = reader(stream.clone());
        settle(&handle)?;
        client.write_all(b"kept")?;
        assert_eq!(second.join()?.as_deref(), Some(&b"kept"[..]));
        assert_eq!(handle.counts().registrations, registrations);
        Ok(())
    })
    .unwrap();
}

/// What came for a fiber in the turn in which it is cancelled is in the socket still.
#[test]
fn bytes_that_came_for_a_cancelled_fiber_are_not_lost() {
    connected(|handle, stream, mut client| {
        let stream = Rc::new(stream);
        let shared = stream.clone();
        let first = spawn(&handle, move || shared.read_chunk());
        settle(&handle)?;
        client.write_all(b"kept")?;
        first.cancel();
        assert!(is_cancelled(&first.join().unwrap_err()));
        assert_eq!(stream.read_chunk()?.as_deref(), Some(&b"kept"[..]));
        Ok(())
    })
    .unwrap();
}

/// Notes how much is read at most from one passage through the ready queue to the next.
fn watch(handle: LoopHandle, read: Rc<Cell<usize>>, most: Rc<Cell<usize>>) {
    let before = read.get();
    let queue = handle.clone();
    queue.call_soon(move || {
        most.set(most.get().max(read.get() - before));
        if read.get() < 10_000 {
            watch(handle, read, most);
        }
    });
}

#[test]
fn a_fiber_that_reads_byte_by_byte_lets_the_others_run() {
    connected(|handle, stream, mut client| {
        client.write_all(&[0; 10_000])?;
        let read = Rc::new(Cell::new(0));
        let counts = read.clone();
        let reader = spawn(&handle, move || {
            loop {
                stream.transfer(ReadExact::new([0])).0?;
                counts.set(counts.get() + 1);
            }
        });
        let most = Rc::new(Cell::new(0));
        watch(handle.clone(), read.clone(), most.clone());
        while read.get() < 10_000 {
            sleep(&handle, std::time::Duration::ZERO)?;
        }
        assert_eq!(most.get(), 128, "bytes at a time");
        reader.cancel();
        let _: io::Result<()> = reader.join();
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_second_fiber_that_would_wait_in_the_same_direction_is_refused() {
    connected(|handle, stream, mut client| {
        let stream = Rc::new(stream);
        let reader = |stream: Rc<TcpStream>| spawn(&handle, move || stream.read_chunk());
        let (first, second) = (reader(stream.clone()), reader(stream.clone()));
        assert_eq!(second.join().unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        stream.write_chunk(Chunk::from(b"beside".to_vec()))?;
        client.write_all(b"first")?;
        assert_eq!(first.join()?.as_deref(), Some(&b"first"[..]));
        let mut beside = [0; 6];
        client.read_exact(&mut beside)?;
        assert_eq!(&beside, b"beside");
        Ok(())
    })
    .unwrap();
}

#[test]
fn what_is_transferred_comes_back_with_its_count() {
    use loop_core::transfer::{ReadExact, ReadUntil, WriteAll, transferred};
    connected(|_handle, stream, mut client| {
        let mut room = [0; 4];
        client.write_all(b"fourline\nre")?;
        assert_eq!(stream.transfer(ReadExact::new(&mut room)).0?, 4);
        assert_eq!(&room, b"four");
        let (read, line) = stream.transfer(ReadUntil::new(b'\n', Vec::new()));
        assert_eq!((read?, &line[..]), (5, &b"line\nre"[..]));
        stream.transfer(WriteAll::new("answer")).0?;
        drop(client);
        let (read, rest) = stream.transfer(ReadExact::new(vec![0; 9]));
        assert_eq!((transferred(&read.unwrap_err()), rest.len()), (0, 9));
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_refused_connection_is_an_error() {
    run(|handle| {
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let refused = TcpStream::connect(&handle, address).err().unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_fiber_waits_for_any_operation_of_the_callbacks() {
    run(|handle| {
        let began = handle.time();
        wait(|resume| api_callbacks::sleep(&handle, SECOND, |slept| resume.with(slept)))?;
        assert_eq!(handle.time(), began + SECOND);
        let dropped = wait::<()>(|resume| {
            drop(resume);
            api_callbacks::sleep(&handle, SECOND, |_| ())
        });
        assert!(is_cancelled(&dropped.unwrap_err()));
        let later = handle.clone();
        let fiber = spawn(&handle, move || {
            wait(|resume| api_callbacks::sleep(&later, 60 * SECOND, |slept| resume.with(slept)))
        });
        sleep(&handle, std::time::Duration::ZERO)?;
        fiber.cancel();
        assert!(is_cancelled(&fiber.join().unwrap_err()));
        sleep(&handle, 2 * SECOND)
    })
    .unwrap();
}

type Waits = fn(LoopHandle, Rc<TcpListener>) -> io::Result<()>;

/// Bodies that wait for longer than a test lasts.
const WAITS: [Waits; 5] = [
    |handle, _| sleep(&handle, 60 * SECOND),
    |handle, _| timeout(&handle, 60 * SECOND, || sleep(&handle, 90 * SECOND)),
    |_, listener| listener.accept().map(drop),
    |handle, _| spawn(&handle.clone(), move || sleep(&handle, 60 * SECOND)).join(),
    |handle, _| {
        wait(|resume| api_callbacks::sleep(&handle, 60 * SECOND, |slept| resume.with(slept)))
    },
];

#[test]
fn a_loop_that_is_closed_unwinds_whatever_waits_on_it() {
    let mut event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    let (drops, reports) = (Rc::new(Cell::new(0)), reports(&handle));
    let listener = Rc::new(TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap());
    for body in WAITS {
        let (held, later, listener) = (Held(drops.clone()), handle.clone(), listener.clone());
        spawn(&handle, move || {
            let _held = held;
            body(later, listener)
        })
        .detach();
    }
    (0..3).for_each(|_| {
        handle.call_soon(|| ());
        event_loop.run_once().unwrap();
    });
    // It waits for nothing that the loop knows.
    let kept = Rc::new(Cell::new(None));
    let (keep, held, later) = (kept.clone(), Held(drops.clone()), handle.clone());
    spawn(&handle, move || {
        let _held = held;
        wait::<()>(|resume| {
            keep.set(Some(resume));
            api_callbacks::sleep(&later, 60 * SECOND, |_| ())
        })
    })
    .detach();
    let late = Held(drops.clone());
    let unbegun = move || {
        drop(late);
        Ok(())
    };
    spawn(&handle, unbegun).detach();
    event_loop.run_once().unwrap();
    assert_eq!(drops.get(), 1);
    event_loop.close();
    assert_eq!(drops.get(), 6);
    drop(kept.take());
    assert_eq!((drops.get(), Rc::strong_count(&listener)), (7, 1));
    assert!(reports.borrow().is_empty(), "{reports:?}");
}

#[test]
#[should_panic = "only a fiber can wait"]
fn what_waits_outside_of_a_fiber_panics() {
    let event_loop = EventLoop::new().unwrap();
    let _ = sleep(&event_loop.handle(), SECOND);
}
