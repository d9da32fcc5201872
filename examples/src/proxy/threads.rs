//! The proxy with threads: two for each connection, and one that accepts.
//!
//! Rule: a blocked thread is ended through its socket, so the sockets of all are known.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle, Scope};
use std::time::Duration;

use loop_core::report_to_stderr;

use super::{Options, Report};

/// How much is read at once.
const BUFFER_BYTES: usize = 16 * 1024;

/// How long accepting rests after an error that would come again at once.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

// ANCHOR: proxy
/// A proxy that runs; its thread ends after all the others.
pub(super) struct Proxy {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

struct Shared {
    addr: SocketAddr,
    options: Options,
    state: Mutex<State>,
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
        let listener = TcpListener::bind(options.listen)?;
        let (addr, options) = (listener.local_addr()?, options.clone());
        let shared = Arc::new(Shared { addr, options, state: Mutex::default() });
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
    pub(super) fn stop(self) -> io::Result<Report> {
        let mut state = self.shared.lock();
        state.stopping = true;
        let report = state.report;
        state.open.values().flatten().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        drop(state);
        // Only a connection ends a blocked accept.
        drop(TcpStream::connect(self.shared.addr)?);
        self.thread.join().expect("a panic of a connection's thread");
        Ok(report)
    }
}
// ANCHOR_END: stop

// ANCHOR: accept
fn accept<'a>(scope: &'a Scope<'a, '_>, listener: &TcpListener, shared: &'a Shared) {
    loop {
        let accepted = listener.accept();
        if shared.lock().stopping {
            return;
        }
        let begin = |(client, _peer)| {
            let forwarding = move || shared.forward(client);
            thread::Builder::new().spawn_scoped(scope, forwarding).map(drop)
        };
        if let Err(error) = accepted.and_then(begin) {
            report_to_stderr(format_args!("accept: {error}"));
            thread::sleep(ACCEPT_PAUSE);
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
            thread::scope(|scope| {
                let there = thread::Builder::new()
                    .spawn_scoped(scope, || both_fail(pump(&client, &target), &client, &target));
                let back = both_fail(pump(&target, &client), &client, &target);
                let there = both_fail(there, &client, &target)?;
                there.join().expect("a pump does not panic").and(back)
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
/// Passes one direction on, and then its end.
fn pump(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let mut buffer = [0; BUFFER_BYTES];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return to.shutdown(Shutdown::Write),
            Ok(length) => to.write_all(&buffer[..length])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Ends the other direction too when one has failed: its thread waits at one of the sockets.
fn both_fail<T>(result: io::Result<T>, client: &TcpStream, target: &TcpStream) -> io::Result<T> {
    if result.is_err() {
        [client, target].iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }
    result
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
