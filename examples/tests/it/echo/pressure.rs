//! Peers that take too little, and peers that give too much.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use examples::Style;
use socket2::SockRef;

use crate::client::{close_gently, connect, expect, expect_end, pattern, ping, reset};
use crate::process::{resident_bytes, told_or_skip};
use crate::server::{PATIENCE, start, stop};

/// More than the kernel's buffers on the way take, and far more than a server may.
const FAR_TOO_MUCH: usize = 128 << 20;

pub(super) fn a_peer_that_never_reads_costs_no_memory(style: Style) {
    let server = start(style);
    // The pages of a server's first work are no growth.
    let mut witness = connect(server.addr());
    ping(&mut witness, &pattern(0, 1 << 20));
    let before = told_or_skip!(resident_bytes(&server));
    let mut peers: Vec<(TcpStream, usize)> = Vec::new();
    for _ in 0..4 {
        let stream = connect(server.addr());
        let pushed = push_until_held_up(&stream);
        assert!(pushed < FAR_TOO_MUCH, "nothing holds back a peer that never reads");
        peers.push((stream, pushed));
    }
    let after = resident_bytes(&server).unwrap();
    let grown = after.saturating_sub(before);
    assert!(grown < 4 << 20, "{before} bytes became {after}");
    ping(&mut witness, b"the others are served meanwhile");
    // A client that begins to read after all has lost nothing, though it ended its own side meanwhile.
    let (late, pushed) = peers.pop().unwrap();
    late.shutdown(Shutdown::Write).unwrap();
    read_slowly(late, pushed);
    peers.into_iter().for_each(|(stream, _)| reset(stream));
    stop(server);
}

/// Writes the pattern until the socket takes no more for a while, and returns how much it took.
fn push_until_held_up(mut stream: &TcpStream) -> usize {
    // What the peer itself holds tells nothing about the server.
    SockRef::from(stream).set_recv_buffer_size(64 << 10).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut pushed = 0;
    let mut block = pattern(pushed, 256 << 10);
    while pushed < FAR_TOO_MUCH {
        match stream.write(&block) {
            Ok(length) => pushed += length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break;
            }
            Err(error) => panic!("{error}"),
        }
        block = pattern(pushed, 256 << 10);
    }
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    pushed
}

/// Reads the pattern so slowly that the server learns of the end while it still has unsent bytes.
fn read_slowly(mut stream: TcpStream, total: usize) {
    const BLOCK: usize = 64 << 10;
    for position in (0..total).step_by(BLOCK) {
        expect(&mut stream, &pattern(position, BLOCK.min(total - position)));
        thread::sleep(Duration::from_millis(1));
    }
    expect_end(&mut stream);
}

pub(super) fn floods_do_not_starve_a_quiet_peer(style: Style) {
    let server = start(style);
    let floods: Vec<Flood> = (0..4).map(|_| Flood::start(server.addr())).collect();
    let mut quiet = connect(server.addr());
    let begin = Instant::now();
    let mut worst = Duration::ZERO;
    while begin.elapsed() < Duration::from_millis(1_500) {
        let sent = Instant::now();
        ping(&mut quiet, b"a word, if I may");
        worst = worst.max(sent.elapsed());
        // The quiet peer's own pace.
        thread::sleep(Duration::from_millis(5));
    }
    floods.iter().for_each(Flood::stem);
    let echoed: usize = floods.into_iter().map(Flood::echoed).sum();
    assert!(worst < Duration::from_millis(500), "a round trip took {worst:?}");
    assert!(echoed > 4 << 20, "{echoed} bytes are no flood");
    close_gently(quiet);
    stop(server);
}

/// A peer that writes and reads as fast as it can.
struct Flood {
    stream: TcpStream,
    writer: thread::JoinHandle<()>,
    reader: thread::JoinHandle<usize>,
}

impl Flood {
    fn start(addr: SocketAddr) -> Flood {
        let stream = connect(addr);
        let (mut writing, mut reading) = (stream.try_clone().unwrap(), stream.try_clone().unwrap());
        let writer = thread::spawn(move || {
            let block = pattern(0, 64 << 10);
            while writing.write_all(&block).is_ok() {}
        });
        let reader = thread::spawn(move || {
            let (mut block, mut echoed) = (vec![0; 64 << 10], 0);
            while let Ok(length @ 1..) = reading.read(&mut block) {
                echoed += length;
            }
            echoed
        });
        Flood { stream, writer, reader }
    }

    /// Stops writing.
    fn stem(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Returns how much came back until the server ended its side, too.
    fn echoed(self) -> usize {
        self.writer.join().unwrap();
        self.reader.join().unwrap()
    }
}
