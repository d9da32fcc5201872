//! The key-value server with threads: a conversation is a loop on a stack of its own, and all of them
//! take turns at the store.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle, Scope};
use std::time::Instant;

use slab::Slab;

use super::core::{SWEEP_EVERY, Session, Store};
use super::{Options, Report, sweep};
use crate::programs::blocking::{Cancellation, join_all, listen, spawn};

/// How much is read at once.
const BUFFER_BYTES: usize = 16 * 1024;

/// A server that runs.
pub(super) struct KeyValue {
    shared: Arc<Shared>,
    address: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    /// Ends the accepting.
    stopped: Cancellation<'static>,
    options: Options,
    began: Instant,
    store: Mutex<Store>,
    state: Mutex<State>,
    /// The server stops, or a client has gone.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    report: Report,
    /// The connections, for the end to shut them down.
    clients: Slab<Arc<TcpStream>>,
    stopping: bool,
}

impl KeyValue {
    // ANCHOR: serve
    /// Listens, lets clients in, and sweeps.
    pub(super) fn serve(options: &Options) -> io::Result<KeyValue> {
        let listener = listen(options.listen)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            stopped: Cancellation::new(None)?,
            options: options.clone(),
            began: Instant::now(),
            store: Mutex::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let sweeping = spawn(&shared, Shared::sweep)?;
        let mut server = KeyValue { shared, address, threads: vec![sweeping] };
        match spawn(&server.shared, move |shared| shared.accept(&listener)) {
            Ok(accepting) => server.threads.push(accepting),
            Err(error) => {
                server.stop();
                return Err(error);
            }
        }
        Ok(server)
    }
    // ANCHOR_END: serve

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Shared {
    // ANCHOR: accept
    /// Lets clients in until the server stops, and waits for their threads.
    fn accept(&self, listener: &TcpListener) {
        thread::scope(|scope| {
            while let Some(stream) = self.stopped.accept(listener) {
                if let Err(error) = self.begin(scope, stream) {
                    self.stopped.rest(&error);
                }
            }
        });
    }
    // ANCHOR_END: accept

    // ANCHOR: begin
    /// Begins a conversation; how it ends is the client's affair.
    fn begin<'s>(&'s self, scope: &'s Scope<'s, '_>, stream: TcpStream) -> io::Result<()> {
        let (stream, mut state) = (Arc::new(stream), self.lock());
        if state.stopping {
            // Nothing would shut it down any more.
            return Ok(());
        }
        let full = state.clients.len() >= self.options.clients_max;
        let session = if full { Session::turned_away() } else { Session::new() };
        let key = state.clients.insert(stream.clone());
        let begun = thread::Builder::new().spawn_scoped(scope, move || {
            let _ = self.converse(&stream, session);
            // Closed before it is forgotten: what waits for the end finds nothing open.
            let known = self.lock().clients.remove(key);
            drop((stream, known));
            self.changed.notify_all();
        });
        if let Err(error) = begun {
            state.clients.remove(key);
            return Err(error);
        }
        state.report.clients += 1;
        Ok(())
    }
    // ANCHOR_END: begin

    // ANCHOR: converse
    /// Writes all replies, then reads on, until the client ends or is to be closed.
    fn converse(&self, mut stream: &TcpStream, mut session: Session) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = [0; BUFFER_BYTES];
        loop {
            while let Some(replies) = self.answer(&mut session) {
                stream.write_all(&replies)?;
                session.give_back(replies);
            }
            if session.is_over() {
                break;
            }
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => session.take_in(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        stream.shutdown(Shutdown::Write)
    }
    // ANCHOR_END: converse

    // ANCHOR: answer
    /// Has the client's requests answered.
    fn answer(&self, session: &mut Session) -> Option<Vec<u8>> {
        // The time is taken when it is this client's turn: a store's time does not go back.
        let mut store = self.store();
        session.answer(&mut store, self.began.elapsed())
    }
    // ANCHOR_END: answer

    // ANCHOR: sweep
    /// Removes what is over, until the server stops.
    fn sweep(&self) {
        let mut next = Instant::now() + SWEEP_EVERY;
        let mut state = self.lock();
        while !state.stopping {
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                sweep(&mut self.store(), self.began.elapsed());
                next += SWEEP_EVERY;
                state = self.lock();
                continue;
            }
            state = self.changed.wait_timeout(state, left).expect(NEVER_PANICS).0;
        }
    }
    // ANCHOR_END: sweep

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(NEVER_PANICS)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().expect(NEVER_PANICS)
    }
}

/// Why no lock is poisoned.
const NEVER_PANICS: &str = "nothing panics while it holds a lock";

impl KeyValue {
    // ANCHOR: stop
    /// Lets no client in any more, lets each take its replies, and cuts off those that do not within the
    /// grace.
    pub(super) fn stop(self) -> Report {
        let KeyValue { shared, threads, .. } = self;
        shared.stopped.cancel();
        let mut state = shared.lock();
        state.stopping = true;
        for (_, stream) in &state.clients {
            // A conversation ends by itself when there is nothing more to read.
            drop(stream.shutdown(Shutdown::Read));
        }
        shared.changed.notify_all();
        let (grace, clients_are_left) =
            (shared.options.grace, |state: &mut State| !state.clients.is_empty());
        let waited = shared.changed.wait_timeout_while(state, grace, clients_are_left);
        let mut state = waited.expect(NEVER_PANICS).0;
        state.report.cut_off = state.clients.len();
        for (_, stream) in &state.clients {
            drop(stream.shutdown(Shutdown::Both));
        }
        let report = state.report;
        drop(state);
        join_all(threads);
        report
    }
    // ANCHOR_END: stop
}
