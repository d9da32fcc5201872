//! The proxy with threads: two for each connection, and one that accepts.
//!
//! Rule: a blocked thread is ended through its socket, so the sockets of all are known. One that writes
//! cannot be ended so without telling the peer of an end that is none: it looks up now and then.

use std::collections::BTreeMap;
use std::io::ErrorKind::{self, TimedOut, WouldBlock};
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle, Scope};
use std::time::Duration;

use super::{Options, Report, reset_on_close};
use crate::programs::blocking::{Cancellation, join_all, listen};

/// How long a write waits until it looks whether the connection has failed.
const LOOK_UP: Duration = Duration::from_millis(100);

// ANCHOR: proxy
/// A proxy that runs; its thread ends after all the others.
pub(super) struct Proxy {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

struct Shared {
    addr: SocketAddr,
    options: Options,
    /// Ends the accepting.
    stopped: Cancellation<'static>,
    state: Mutex<State>,
}

/// A client and the target, between which two threads pass on.
struct Connection<'a> {
    client: &'a TcpStream,
    target: &'a TcpStream,
    /// Whether one direction has ended in order.
    half_ended: AtomicBool,
    failed: AtomicBool,
}

/// Where a direction writes to.
struct Sink<'a> {
    to: &'a TcpStream,
    /// Whether the connection has failed.
    failed: &'a AtomicBool,
}

#[derive(Default)]
struct State {
    report: Report,
    stopping: bool,
    next: u64,
    /// The sockets of the connections that are not over.
    open: BTreeMap<u64, Vec<Arc<TcpStream>>>,
}
// ANCHOR_END: proxy

// ANCHOR: start
impl Proxy {
    /// Listens and passes on.
    pub(super) fn start(options: &Options) -> io::Result<Proxy> {
        let listener = listen(options.listen)?;
        let (addr, options) = (listener.local_addr()?, options.clone());
        let (stopped, state) = (Cancellation::new(None)?, Mutex::default());
        let shared = Arc::new(Shared { addr, options, stopped, state });
        let accepting = shared.clone();
        let thread = thread::Builder::new()
            .spawn(move || thread::scope(|scope| accept(scope, &listener, &accepting)))?;
        Ok(Proxy { shared, thread })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.shared.addr
    }
}
// ANCHOR_END: start

// ANCHOR: stop
impl Proxy {
    /// Closes the listener and all connections. One that is being made to the target is waited for,
    /// since its thread cannot be told.
    pub(super) fn stop(self) -> Report {
        self.shared.stopped.cancel();
        let mut state = self.shared.lock();
        state.stopping = true;
        let report = state.report;
        state.open.values().flatten().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        drop(state);
        join_all([self.thread]);
        report
    }
}
// ANCHOR_END: stop

// ANCHOR: accept
fn accept<'a>(scope: &'a Scope<'a, '_>, listener: &TcpListener, shared: &'a Shared) {
    while let Some(client) = shared.stopped.accept(listener) {
        let forwarding = move || shared.forward(client);
        if let Err(error) = thread::Builder::new().spawn_scoped(scope, forwarding) {
            shared.stopped.rest(&error);
        }
    }
}
// ANCHOR_END: accept

// ANCHOR: forward
impl Shared {
    /// Connects to the target, and passes on until both directions have ended or one has failed.
    fn forward(&self, client: TcpStream) {
        let client = Arc::new(client);
        let key = self.open(&client);
        let connected = client.set_nodelay(true).and_then(|()| self.connect(key));
        let result = connected.and_then(|target| {
            let (half_ended, failed) = (AtomicBool::default(), AtomicBool::default());
            let connection = Connection { client: &client, target: &target, half_ended, failed };
            thread::scope(|scope| {
                let there = || connection.pass_on(&client, &target);
                let there = thread::Builder::new().spawn_scoped(scope, there);
                let there = there.inspect_err(|_| connection.fail());
                let back = connection.pass_on(&target, &client);
                there?.join().expect("a pump does not panic").and(back)
            })
        });
        self.end(key, result);
    }

    fn connect(&self, key: u64) -> io::Result<Arc<TcpStream>> {
        let Options { target, patience, .. } = self.options;
        let target = Arc::new(TcpStream::connect_timeout(&target, patience)?);
        target.set_nodelay(true)?;
        let mut state = self.lock();
        if state.stopping {
            return Err(ErrorKind::Interrupted.into());
        }
        state.open.entry(key).or_default().push(target.clone());
        Ok(target)
    }
}
// ANCHOR_END: forward

// ANCHOR: pump
impl Connection<'_> {
    /// Passes one direction on, and ends the other too when it fails.
    fn pass_on(&self, from: &TcpStream, to: &TcpStream) -> io::Result<()> {
        to.set_write_timeout(Some(LOOK_UP))
            .and_then(|()| self.pump(from, to))
            .inspect_err(|_| self.fail())
    }

    /// Passes one direction on, and then its end.
    fn pump(&self, mut from: &TcpStream, to: &TcpStream) -> io::Result<()> {
        io::copy(&mut from, &mut Sink { to, failed: &self.failed })?;
        if !self.half_ended.swap(true, Ordering::SeqCst) {
            // A reset looks like an end when the other thread was told of it first.
            from.peer_addr()?;
        }
        to.shutdown(Shutdown::Write)
    }

    /// Ends the other thread, which reads or writes, and has the close be a reset.
    fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
        reset_on_close([self.client, self.target]);
        [self.client, self.target].iter().for_each(|it| drop(it.shutdown(Shutdown::Read)));
    }
}

impl Write for Sink<'_> {
    /// Waits for room, and looks up now and then.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match (&*self.to).write(bytes) {
                Err(error) if self.failed.load(Ordering::SeqCst) => return Err(error),
                Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => {}
                ended => return ended,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
// ANCHOR_END: pump

// ANCHOR: end
impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state")
    }

    fn open(&self, client: &Arc<TcpStream>) -> u64 {
        let mut state = self.lock();
        state.next += 1;
        let key = state.next;
        state.open.insert(key, vec![client.clone()]);
        if state.stopping {
            drop(client.shutdown(Shutdown::Both));
        }
        key
    }

    /// Counts a connection that is over. What the end of the proxy has cut off is not counted.
    fn end(&self, key: u64, result: io::Result<()>) {
        let mut state = self.lock();
        state.open.remove(&key);
        match result {
            Ok(()) => state.report.ended += 1,
            Err(_) => state.report.failed += 1,
        }
    }
}
// ANCHOR_END: end
