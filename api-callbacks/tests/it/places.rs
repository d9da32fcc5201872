//! A panic of a callback is reported at the line of the program that began the operation.

mod protocols;
mod waiting;

use std::cell::RefCell;
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use api_callbacks::{
    FlowControl, TcpListener, TcpStream, Timer, bytes, combine, resolve, sleep, sleep_until,
};
use loop_core::{Chunk, EventLoop, LoopHandle, LoopTime};

use crate::tcp::silent;

/// The lines of this file that reports named.
type Lines = Rc<RefCell<Vec<u32>>>;

fn lab() -> (EventLoop, LoopHandle, Lines) {
    let event_loop = EventLoop::new().unwrap();
    let (handle, lines) = (event_loop.handle(), Lines::default());
    keep(&handle, &lines);
    (event_loop, handle, lines)
}

/// Keeps the lines that reports name, which have to be of this file.
fn keep(handle: &LoopHandle, lines: &Lines) {
    let kept = lines.clone();
    handle.set_exception_handler(move |_, context| {
        let place = context.scheduled_at.expect("a report names a place");
        let text = context.to_string();
        assert!(text.contains("a callback panicked: on purpose"), "{text}");
        assert!(place.file().contains("tests/it/places"), "{text}");
        kept.borrow_mut().push(place.line());
    });
}

/// Runs until so many reports are there.
fn reported(event_loop: &mut EventLoop, lines: &Lines, count: usize) -> Vec<u32> {
    while lines.borrow().len() < count {
        event_loop.run_once().unwrap();
    }
    lines.take()
}

#[test]
fn of_timers_and_look_ups() {
    let (mut event_loop, handle, lines) = lab();
    let moment = Duration::from_millis(1);
    sleep(&handle, moment, |_| panic!("on purpose"));
    let of_sleep = line!() - 1;
    assert_eq!(reported(&mut event_loop, &lines, 1), [of_sleep]);
    sleep_until(&handle, LoopTime::ORIGIN, |_| panic!("on purpose"));
    assert_eq!(reported(&mut event_loop, &lines, 1), [line!() - 1]);
    let timer = Timer::new(&handle, || panic!("on purpose"));
    let of_timer = line!() - 1;
    timer.again(moment);
    assert_eq!(reported(&mut event_loop, &lines, 1), [of_timer]);
    resolve(&handle, "127.0.0.1", 1, |_| panic!("on purpose"));
    assert_eq!(reported(&mut event_loop, &lines, 1), [line!() - 1]);
    let slept = sleep(&handle, Duration::MAX, |_| panic!("on purpose"));
    let of_cancelled = line!() - 1;
    slept.cancel();
    assert_eq!(reported(&mut event_loop, &lines, 1), [of_cancelled]);
    FlowControl::new(&handle).drain(|_| panic!("on purpose"));
    assert_eq!(reported(&mut event_loop, &lines, 1), [line!() - 1]);
}

#[test]
fn of_connections() {
    let (mut event_loop, handle, lines) = lab();
    let listener = TcpListener::bind(&handle, "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    listener.accept(|_, _| panic!("on purpose"));
    let of_accept = line!() - 1;
    TcpStream::connect(&handle, address, |_| panic!("on purpose"));
    let of_connect = line!() - 1;
    let mut told = reported(&mut event_loop, &lines, 2);
    told.sort_unstable();
    assert_eq!(told, [of_accept, of_connect]);
}

#[test]
fn of_streams() {
    type Begin = fn(&TcpStream) -> u32;
    let begins: [Begin; 6] = [
        |stream| {
            stream.read_chunk(|_, _| panic!("on purpose"));
            line!() - 1
        },
        |stream| {
            stream.write_chunk(Chunk::from(b"x".to_vec()), |_, _| panic!("on purpose"));
            line!() - 1
        },
        |stream| {
            // It has to wait, for more than the system's buffers hold.
            stream.write_chunk(Chunk::from(vec![0; 16 << 20]), |_, _| panic!("on purpose"));
            line!() - 1
        },
        |stream| {
            bytes::read(stream, [0; 9], |_, _, _| panic!("on purpose"));
            line!() - 1
        },
        |stream| {
            bytes::write_all(stream, b"x", |_, _, _| panic!("on purpose"));
            line!() - 1
        },
        |stream| {
            stream.shutdown(Shutdown::Write, |_, _| panic!("on purpose"));
            line!() - 1
        },
    ];
    for begin in begins {
        let mut event_loop = EventLoop::new().unwrap();
        let (stream, peer) = silent(&mut event_loop);
        let (handle, lines) = (event_loop.handle(), Lines::default());
        keep(&handle, &lines);
        let line = begin(&stream);
        drop(peer);
        assert_eq!(reported(&mut event_loop, &lines, 1), [line]);
    }
}

#[test]
fn of_the_part_that_ends_a_whole() {
    let (mut event_loop, handle, lines) = lab();
    let of_part = handle.clone();
    let part = move |done: combine::Completion<(), std::io::Error>| {
        sleep(&of_part, Duration::from_millis(1), done)
    };
    let line = line!() - 2;
    combine::timeout(&handle, Duration::from_secs(60), part, |_| panic!("on purpose"));
    let told = reported(&mut event_loop, &lines, 1);
    assert!(told == [line] || told == [line + 3], "{told:?}");
}

#[test]
fn of_what_a_close_of_the_loop_ends() {
    let mut event_loop = EventLoop::new().unwrap();
    let (stream, _peer) = silent(&mut event_loop);
    let (handle, lines) = (event_loop.handle(), Lines::default());
    keep(&handle, &lines);
    stream.read_chunk(|_, _| panic!("on purpose"));
    let line = line!() - 1;
    event_loop.close();
    assert_eq!(lines.take(), [line]);
}
