//! An echo server in a style, and its clients, on one thread.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

use examples::Style;
use loop_core::{Counts, EventLoop, LoopHandle};

use crate::idle::serve;

const MESSAGE: [u8; 64] = [b'x'; 64];

/// How many clients connect before the loop accepts them.
const BACKLOG: usize = 100;

/// Descriptors beside the connections: those of the tests that run at the same time.
const BESIDE: u64 = 1_500;

/// A server and its clients.
pub(super) struct Crowd {
    event_loop: EventLoop,
    handle: LoopHandle,
    address: SocketAddr,
    clients: Vec<TcpStream>,
}

impl Crowd {
    /// Starts a server and connects so many clients.
    pub(super) fn of(style: Style, connections: usize) -> Crowd {
        let event_loop = EventLoop::new().unwrap();
        let handle = event_loop.handle();
        let address = serve(style, &handle);
        let mut crowd = Crowd { event_loop, handle, address, clients: Vec::new() };
        crowd.grow(connections);
        crowd
    }

    /// Connects clients until there are so many.
    pub(super) fn grow(&mut self, connections: usize) {
        self.clients.reserve_exact(connections - self.clients.len());
        while self.clients.len() < connections {
            let missing = connections - self.clients.len();
            for _ in 0..missing.min(BACKLOG) {
                self.clients.push(TcpStream::connect(self.address).unwrap());
            }
            self.run_until_idle();
        }
    }

    /// Hangs up until so many clients are left.
    pub(super) fn shrink(&mut self, connections: usize) {
        self.clients.truncate(connections);
        self.clients.shrink_to_fit();
        self.run_until_idle();
    }

    /// Has each client send a message and read its echo, so many times.
    pub(super) fn rounds(&mut self, rounds: usize) {
        self.rounds_of(self.clients.len(), rounds);
    }

    /// The same for the first so many clients.
    pub(super) fn rounds_of(&mut self, clients: usize, rounds: usize) {
        for _ in 0..rounds {
            let written = self.handle.counts().writes;
            for client in &mut self.clients[..clients] {
                client.write_all(&MESSAGE).unwrap();
            }
            self.run_until_written(written + clients as u64);
            for client in &mut self.clients[..clients] {
                let mut echo = [0; MESSAGE.len()];
                client.read_exact(&mut echo).unwrap();
                assert_eq!(echo, MESSAGE);
            }
        }
    }

    /// Returns what the loop has counted.
    pub(super) fn counts(&self) -> Counts {
        self.handle.counts()
    }

    /// The same for all; callgrind counts what is done here.
    #[inline(never)]
    pub(super) fn counted_rounds(&mut self, rounds: usize) {
        self.rounds(rounds);
    }

    fn run_until_written(&mut self, writes: u64) {
        while self.handle.counts().writes < writes || !self.is_idle() {
            self.event_loop.run_once().unwrap();
        }
    }

    /// Makes turns until one brings nothing.
    fn run_until_idle(&mut self) {
        loop {
            let events = self.handle.counts().events;
            // It keeps the poll from waiting.
            self.handle.call_soon(|| ());
            self.event_loop.run_once().unwrap();
            if self.handle.counts().events == events && self.is_idle() {
                return;
            }
        }
    }

    fn is_idle(&self) -> bool {
        let counts = self.handle.counts();
        counts.calls == counts.hops
    }
}

/// Raises the limit of descriptors so that both ends of so many connections fit; says so if it cannot. The
/// tests of one process share the limit: one at a time has many connections.
pub(super) fn room_for(connections: usize) -> Option<MutexGuard<'static, ()>> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    static TURN: Mutex<()> = Mutex::new(());
    let needed = 2 * connections as u64 + BESIDE;
    let mut limit = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if !enough(limit.current) {
        limit.current = limit.maximum.map(|maximum| maximum.min(1 << 20)).or(Some(needed));
        if setrlimit(Resource::Nofile, limit).is_err() || !enough(limit.current) {
            println!("skipped: {needed} descriptors are needed, and the limit cannot be raised");
            return None;
        }
    }
    // Another test's failure is no reason to fail.
    Some(TURN.lock().unwrap_or_else(PoisonError::into_inner))
}
