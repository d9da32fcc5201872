//! Urgent data: TCP ends a read early at their mark, and what is behind it is read all the same.
//!
//! On the loopback interface a send has arrived when it returns, so that every turn here can be one
//! that does not wait.

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use loop_core::transfer::{ReadExact, ReadUntil, Transfer};
use loop_core::{Direction, Source, TurnRule};
use socket2::SockRef;

use crate::lab::{Lab, Note, connection};

/// What the peer does, and when the loop looks.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Sends so many ordinary bytes.
    Send(usize),
    /// Sends so many bytes, of which the last is urgent.
    Urgent(usize),
    /// The loop reads all that it can.
    Look,
    /// The peer shuts down.
    End,
}

use Step::{End, Look, Send, Urgent};

/// A connection of which the loop reads, and all that it has read.
struct Reader {
    lab: Lab,
    source: Rc<Source<mio::net::TcpStream>>,
    peer: TcpStream,
    read: Vec<u8>,
    ended: bool,
}

impl Reader {
    fn new() -> Reader {
        let lab = Lab::new(TurnRule::Snapshot);
        let (source, peer) = connection(&lab);
        peer.set_nodelay(true).unwrap();
        Reader { lab, source, peer, read: Vec::new(), ended: false }
    }

    /// Reads as the echo servers do: until the socket says that there is no more for now.
    fn look(&mut self) {
        for _ in 0..3 {
            self.source.park_job(Direction::Read, Rc::new(Note(self.lab.trace.clone())), 0);
            self.lab.turn();
            loop {
                let mut buffer = [0; 4_096];
                match self.source.read(&mut buffer) {
                    Ok(0) => return self.ended = true,
                    Ok(count) => self.read.extend_from_slice(&buffer[..count]),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    /// Makes the steps, looks once more, and compares.
    fn go(&mut self, steps: &[Step]) {
        let mut sent = 0;
        for step in steps {
            match *step {
                Send(count) => {
                    self.peer.write_all(&vec![b'x'; count]).unwrap();
                    sent += count;
                }
                Urgent(count) => {
                    let bytes = [vec![b'x'; count - 1], vec![b'!']].concat();
                    SockRef::from(&self.peer).send_out_of_band(&bytes).unwrap();
                    sent += count - 1;
                }
                Look => self.look(),
                End => self.peer.shutdown(Shutdown::Write).unwrap(),
            }
        }
        self.look();
        // A mark that the next one has displaced is an ordinary byte: how many are is the kernel's.
        let ordinary = self.read.iter().filter(|byte| **byte == b'x').count();
        assert_eq!(ordinary, sent, "{steps:?}: the rest waits for more to come");
        let ends = steps.iter().any(|step| matches!(step, End));
        assert_eq!(self.ended, ends, "{steps:?}: the end");
    }
}

const PROGRAMS: [&[Step]; 12] = [
    &[Send(100), Urgent(1), Send(100)],
    &[Urgent(1), Send(100)],
    &[Send(100), Urgent(1)],
    &[Send(100), Urgent(50), Send(100), End],
    &[Send(100), Look, Urgent(1), Send(100)],
    &[Send(100), Look, Urgent(1), Look, Send(100)],
    &[Send(100), Urgent(1), Look, Send(100), Look, Urgent(1), Send(3)],
    &[Send(10), Urgent(1), Send(10), Urgent(1), Send(10), Urgent(1), Send(10)],
    &[Urgent(1), Urgent(1), Urgent(1), Send(10)],
    &[Send(100), Urgent(1), End],
    &[Urgent(1), End],
    &[Send(4_096), Urgent(1), Send(4_096), Urgent(4_096), Send(1)],
];

#[test]
fn what_comes_behind_an_urgent_mark_is_read() {
    for steps in PROGRAMS {
        Reader::new().go(steps);
    }
}

#[test]
fn what_comes_behind_a_mark_that_is_delivered_in_line_is_read() {
    for steps in PROGRAMS {
        let mut reader = Reader::new();
        SockRef::from(reader.source.io()).set_out_of_band_inline(true).unwrap();
        reader.go(steps);
    }
}

#[test]
fn urgent_data_at_random_hold_nothing_back() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let steps: Vec<Step> = (0..random.usize(1..20))
            .map(|_| match random.u8(0..4) {
                0 => Urgent(random.usize(1..30)),
                1 => Look,
                _ => Send(random.usize(1..3_000)),
            })
            .collect();
        let mut reader = Reader::new();
        if random.bool() {
            SockRef::from(reader.source.io()).set_out_of_band_inline(true).unwrap();
        }
        reader.go(&steps);
    }
}

#[test]
fn after_urgent_data_a_short_read_spares_the_next_one_again() {
    let mut reader = Reader::new();
    reader.go(&[Send(10), Urgent(1), Send(10)]);
    let before = reader.lab.handle.counts().reads;
    for _ in 0..5 {
        reader.peer.write_all(b"ordinary").unwrap();
        reader.look();
    }
    assert_eq!(reader.lab.handle.counts().reads - before, 5);
}

#[test]
fn a_transfer_goes_on_behind_an_urgent_mark() {
    let mut reader = Reader::new();
    reader.peer.write_all(b"before").unwrap();
    SockRef::from(&reader.peer).send_out_of_band(b"!").unwrap();
    reader.peer.write_all(b"after\nrest!").unwrap();
    reader.lab.turn();
    let mut line = ReadUntil::new(b'\n', Vec::new());
    line.attempt(&reader.source).unwrap();
    assert_eq!(line.into_buffer(), b"beforeafter\nrest!");

    let mut reader = Reader::new();
    reader.peer.write_all(b"before").unwrap();
    SockRef::from(&reader.peer).send_out_of_band(b"!").unwrap();
    reader.peer.write_all(b"after").unwrap();
    reader.lab.turn();
    let mut exact = ReadExact::new([0; 11]);
    exact.attempt(&reader.source).unwrap();
    assert_eq!(&exact.into_buffer(), b"beforeafter");
}

/// A Unix socket ends a read in front of what was sent with descriptors, and behind it.
#[test]
fn a_short_read_of_anything_but_a_tcp_stream_means_nothing() {
    let lab = Lab::new(TurnRule::Snapshot);
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let source = Source::new(&lab.handle, mio::net::UnixStream::from_std(ours)).unwrap();
    (&theirs).write_all(b"before").unwrap();
    send_descriptor(&theirs);
    (&theirs).write_all(b"after").unwrap();
    let mut event_loop = lab.event_loop;
    event_loop.run_once().unwrap();
    let (mut read, mut buffer) = (Vec::new(), [0; 64]);
    while let Ok(count) = source.read(&mut buffer) {
        read.extend_from_slice(&buffer[..count]);
    }
    assert_eq!(read, b"before+after");
}

/// Sends one byte, and a descriptor with it.
fn send_descriptor(socket: &UnixStream) {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let descriptors = [std::os::fd::AsFd::as_fd(socket)];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)));
    let bytes = [std::io::IoSlice::new(b"+")];
    sendmsg(socket, &bytes, &mut ancillary, SendFlags::empty()).unwrap();
}
