//! What is sent comes back: all of it, in order, unchanged.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use examples::Style;

use crate::client::{close_gently, connect, expect, pattern, ping};
use crate::server::{PATIENCE, start, stop, wait_until};

pub(super) fn small_messages_come_back(style: Style) {
    let server = start(style);
    let mut streams = [connect(server.addr()), connect(server.addr())];
    for number in 0..500 {
        let message = pattern(number, 64);
        streams.iter_mut().for_each(|stream| ping(stream, &message));
    }
    streams.into_iter().for_each(close_gently);
    stop(server);
}

pub(super) fn every_size_comes_back(style: Style) {
    let server = start(style);
    let mut stream = connect(server.addr());
    (1..=1_024).for_each(|size| ping(&mut stream, &pattern(size, size)));
    close_gently(stream);
    stop(server);
}

pub(super) fn single_bytes_come_back(style: Style) {
    let server = start(style);
    let mut stream = connect(server.addr());
    for size in 1..=64 {
        let message = pattern(size, size);
        message.chunks(1).for_each(|byte| stream.write_all(byte).unwrap());
        expect(&mut stream, &message);
    }
    close_gently(stream);
    stop(server);
}

/// A read that fills the buffer exactly looks as if more were there; one that does not looks last.
pub(super) fn sizes_around_a_buffer_come_back(style: Style) {
    let server = start(style);
    let mut stream = connect(server.addr());
    for kib in [8, 16, 32, 48, 64, 80, 128, 256] {
        for size in kib * 1024 - 2..=kib * 1024 + 2 {
            ping(&mut stream, &pattern(size, size));
        }
    }
    close_gently(stream);
    stop(server);
}

pub(super) fn random_bytes_come_back_unchanged(style: Style) {
    let server = start(style);
    let mut stream = connect(server.addr());
    let mut random = Random(u64::from(server.pid()));
    for _ in 0..200 {
        let size = random.next() as usize % 20_000;
        let message: Vec<u8> = (0..size).map(|_| random.next() as u8).collect();
        ping(&mut stream, &message);
    }
    close_gently(stream);
    stop(server);
}

/// 64 MiB through one connection whose reader begins when nothing more can be sent, and dawdles.
pub(super) fn much_comes_back_to_a_slow_reader(style: Style) {
    const TOTAL: usize = 64 << 20;
    const BLOCK: usize = 1 << 20;
    let server = start(style);
    let mut stream = connect(server.addr());
    let writer = stream.try_clone().unwrap();
    let sent = AtomicUsize::new(0);
    thread::scope(|scope| {
        scope.spawn(|| send_pattern(writer, TOTAL, &sent));
        wait_until_still(&sent, TOTAL);
        for position in (0..TOTAL).step_by(BLOCK) {
            expect(&mut stream, &pattern(position, BLOCK));
            // The dawdling itself: the server meets a full socket again and again.
            thread::sleep(Duration::from_millis(1));
        }
    });
    close_gently(stream);
    stop(server);
}

fn send_pattern(mut stream: TcpStream, total: usize, sent: &AtomicUsize) {
    const BLOCK: usize = 64 << 10;
    for position in (0..total).step_by(BLOCK) {
        stream.write_all(&pattern(position, BLOCK)).unwrap();
        sent.fetch_add(BLOCK, Ordering::Relaxed);
    }
}

/// Waits until a writer is held up: the buffers on the way are full, and the server holds back.
fn wait_until_still(sent: &AtomicUsize, total: usize) {
    let mut last = (0, Instant::now());
    wait_until("the writer is held up", PATIENCE, || {
        let now = sent.load(Ordering::Relaxed);
        if now != last.0 {
            last = (now, Instant::now());
        }
        now > 0 && last.1.elapsed() > Duration::from_millis(50)
    });
    assert!(last.0 < total, "the server took everything although nothing was read");
}

/// Marsaglia's xorshift: enough for bytes without a pattern.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
