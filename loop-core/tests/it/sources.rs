//! Sockets on the loop: tried first, parked when the kernel has no more.

use std::cell::Cell;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;

use loop_core::{BYTES_PER_TURN, Direction, Job, Source, TurnRule};

use crate::lab::{Lab, Note, connection};

/// Runs turns until the kernel has reported what the peer did.
fn until_readable(lab: &mut Lab, source: &Source<mio::net::TcpStream>) {
    while !source.is_ready(Direction::Read) {
        source.park_job(Direction::Read, Rc::new(Note(lab.trace.clone())), 0);
        lab.event_loop.run_once().unwrap();
    }
}

#[test]
fn a_parked_job_is_queued_when_the_socket_is_ready() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    source.park_job(Direction::Read, Rc::new(Note(lab.trace.clone())), 7);
    peer.write_all(b"x").unwrap();
    lab.event_loop.run_once().unwrap();
    assert_eq!(lab.trace.take(), ["7"]);
    assert!(!source.unpark(Direction::Read), "it was taken");
}

#[test]
fn an_unparked_job_does_not_run() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    source.park_job(Direction::Read, Rc::new(Note(lab.trace.clone())), 7);
    assert!(source.unpark(Direction::Read));
    peer.write_all(b"x").unwrap();
    lab.turn();
    assert_eq!(lab.trace.take(), ["|"]);
}

#[test]
fn the_kernel_is_not_asked_before_it_has_spoken() {
    let lab = Lab::new(TurnRule::Snapshot);
    let (source, _peer) = connection(&lab);
    assert_eq!(source.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(lab.handle.counts().reads, 0);
}

#[test]
fn a_short_read_is_drained() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    peer.write_all(b"four").unwrap();
    until_readable(&mut lab, &source);
    assert_eq!(source.read(&mut [0; 8]).unwrap(), 4);
    assert_eq!(source.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(lab.handle.counts().reads, 1);
}

#[test]
fn an_end_that_comes_with_the_last_bytes_is_not_lost() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    peer.write_all(b"four").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    // Both have arrived before the loop looks.
    while source.io().peek(&mut [0; 8]).is_err() {}
    until_readable(&mut lab, &source);
    assert_eq!(source.read(&mut [0; 8]).unwrap(), 4);
    assert!(source.read_chunk().unwrap().is_none(), "the end is read without another event");
}

#[test]
fn a_socket_moves_its_share_of_a_turn_and_goes_on_in_the_next() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    let total = 4 * BYTES_PER_TURN;
    let sender = std::thread::spawn(move || {
        peer.write_all(&vec![1; total]).unwrap();
        peer
    });
    /// Reads until it has to park, in each turn.
    struct Reader(Rc<Source<mio::net::TcpStream>>, Cell<usize>, Cell<usize>);
    impl Job for Reader {
        fn run(self: Rc<Self>, _part: u64) {
            let mut turn = 0;
            while let Ok(Some(chunk)) = self.0.read_chunk() {
                turn += chunk.len();
            }
            self.1.set(self.1.get() + turn);
            self.2.set(self.2.get().max(turn));
            // A job that owns its source and waits at it would keep both for ever on a closed loop.
            if !self.0.handle().is_closing() {
                self.0.park_job(Direction::Read, self.clone(), 0);
            }
        }
    }
    let reader = Rc::new(Reader(source, Cell::new(0), Cell::new(0)));
    lab.handle.queue(reader.clone(), 0);
    while reader.1.get() < total {
        lab.event_loop.run_once().unwrap();
    }
    drop(sender.join().unwrap());
    assert!(reader.2.get() <= BYTES_PER_TURN + loop_core::CHUNK_BYTES, "{}", reader.2.get());
}

#[test]
fn a_socket_is_registered_once_in_its_life() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    for _ in 0..10 {
        peer.write_all(b"ping").unwrap();
        until_readable(&mut lab, &source);
        let mut chunk = source.read_chunk().unwrap().unwrap();
        source.write_chunk(&mut chunk).unwrap();
        peer.read_exact(&mut [0; 4]).unwrap();
    }
    drop(source);
    let counts = lab.handle.counts();
    assert_eq!((counts.reads, counts.writes, counts.registrations), (10, 10, 1));
}

#[test]
fn a_dropped_source_leaves_nothing_behind() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    source.park_job(Direction::Read, Rc::new(Note(lab.trace.clone())), 1);
    drop(source);
    assert!(lab.handle.snapshot().parked.is_empty());
    let _ = peer.write_all(b"x");
    lab.turn();
    assert_eq!(lab.trace.take(), ["|"]);
}

#[test]
fn a_big_buffer_reads_no_more_than_the_share() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    let total = 16 * BYTES_PER_TURN;
    let sender = std::thread::spawn(move || {
        peer.write_all(&vec![1; total]).unwrap();
        peer
    });
    let (mut received, mut buffer) = (0, vec![0; total]);
    while received < total {
        until_readable(&mut lab, &source);
        let mut turn = 0;
        while let Ok(count) = source.read(&mut buffer) {
            turn += count;
        }
        assert!(turn <= BYTES_PER_TURN, "{turn}");
        received += turn;
    }
    drop(sender.join().unwrap());
}

#[test]
fn a_big_buffer_writes_no_more_than_the_share() {
    let lab = Lab::new(TurnRule::Snapshot);
    let (source, _peer) = connection(&lab);
    let mut turn = 0;
    while let Ok(count) = source.write(&vec![1; 16 * BYTES_PER_TURN]) {
        turn += count;
    }
    assert!(turn <= BYTES_PER_TURN, "{turn}");
}

#[test]
fn a_dropped_source_does_not_run_what_waits_for_the_next_turn() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, _peer) = connection(&lab);
    source.park_job(Direction::Write, Rc::new(Note(lab.trace.clone())), 1);
    drop(source);
    lab.turn();
    assert_eq!(lab.trace.take(), ["|"]);
}

#[test]
fn a_full_read_goes_on_without_another_event() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    peer.write_all(b"four").unwrap();
    while source.io().peek(&mut [0; 4]).ok() != Some(4) {}
    until_readable(&mut lab, &source);
    let polls = lab.handle.counts().polls;
    assert_eq!(source.read(&mut [0; 3]).unwrap(), 3);
    assert_eq!(source.read(&mut [0; 3]).unwrap(), 1);
    assert_eq!(lab.handle.counts().polls, polls);
    assert_eq!(lab.handle.counts().registrations, 1);
}

#[test]
fn a_fresh_socket_writes_before_the_kernel_was_asked() {
    let lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    assert_eq!(source.write(b"ping").unwrap(), 4);
    peer.read_exact(&mut [0; 4]).unwrap();
    assert_eq!(lab.handle.counts().polls, 0);
}

#[test]
fn a_full_socket_waits_for_room_without_another_registration() {
    let mut lab = Lab::new(TurnRule::Snapshot);
    let (source, mut peer) = connection(&lab);
    // Turns, since a socket has only its share of each.
    while fill(&source) > 0 {
        lab.handle.call_soon(|| ());
        lab.event_loop.run_once().unwrap();
    }
    source.park_job(Direction::Write, Rc::new(Note(lab.trace.clone())), 7);
    lab.turn();
    assert_eq!(lab.trace.take(), ["|"], "there is no room");
    peer.set_nonblocking(true).unwrap();
    while lab.trace.take().is_empty() {
        let _ = peer.read(&mut vec![0; 1 << 20]);
        lab.handle.call_soon(|| ());
        lab.event_loop.run_once().unwrap();
    }
    assert!(source.write(b"x").is_ok());
    assert_eq!(lab.handle.counts().registrations, 1);
}

/// Writes the socket's share of the turn, if there is room, and returns how many bytes it took.
fn fill(source: &Source<mio::net::TcpStream>) -> usize {
    let bytes = vec![0; BYTES_PER_TURN];
    std::iter::from_fn(|| source.write(&bytes).ok()).sum()
}
