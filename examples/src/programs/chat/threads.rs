//! The chat with threads: two for each connection, and one that ends those who are late.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::iter;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use loop_core::report_to_stderr;

use super::lines::{Line, Lines, PAUSE};
use super::outbox::OUTBOX_LINES_MAX;
use super::room::{Delivery, Ending, Room};
use super::{Options, Report};
use crate::programs::blocking::{AtEnd, Cancellation, join_all, listen, spawn};
use crate::programs::bounds::TIME_MAX;

/// A chat that runs; its threads end after all the others.
pub(super) struct Chat {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    options: Options,
    /// Ends the accepting.
    stopped: Cancellation<'static>,
    state: Mutex<State>,
    /// Told when a client's grace has begun, when a client has gone, and when the chat is to end.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    room: Room,
    /// Every client that is connected, also those that have left the room and are in their grace.
    clients: BTreeMap<u64, Client>,
    /// When whose grace is over, earliest first: all have the same.
    graces: VecDeque<(Instant, u64)>,
    stopping: bool,
}

struct Client {
    connection: Arc<Connection>,
    /// What is meant for it, for the thread that writes; gone when it has left the room.
    lines: Option<SyncSender<Line>>,
}

struct Connection {
    id: u64,
    stream: TcpStream,
    /// Why the client has left; there when its lines have ended.
    ending: OnceLock<Ending>,
}

impl Chat {
    /// Listens and lets clients in; returns the bound address, too.
    pub(super) fn serve(options: &Options) -> io::Result<(Chat, SocketAddr)> {
        let listener = listen(options.listen)?;
        let address = listener.local_addr()?;
        let (options, stopped) = (options.clone(), Cancellation::new(None)?);
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { options, stopped, state, changed });
        let late = spawn(&shared, Shared::cut_off_the_late)?;
        let mut chat = Chat { shared, threads: vec![late] };
        match spawn(&chat.shared, move |shared| shared.accept(&listener)) {
            Ok(accepting) => chat.threads.push(accepting),
            Err(error) => {
                chat.stop();
                return Err(error);
            }
        }
        Ok((chat, address))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked has had one client's line half done, and the others go on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ANCHOR: accept
    fn accept(&self, listener: &TcpListener) {
        thread::scope(|scope| {
            while let Some(stream) = self.stopped.accept(listener) {
                let joining = thread::Builder::new().spawn_scoped(scope, || self.join(stream));
                joining.err().and_then(|error| self.stopped.rest(&error));
            }
        });
    }
    // ANCHOR_END: accept

    fn join(&self, stream: TcpStream) {
        let mut state = self.lock();
        if state.stopping || stream.set_nodelay(true).is_err() {
            return;
        }
        let (id, question) = state.room.enter();
        let connection = Arc::new(Connection { id, stream, ending: OnceLock::new() });
        let (lines, waiting) = sync_channel(OUTBOX_LINES_MAX);
        state.clients.insert(id, Client { connection: connection.clone(), lines: Some(lines) });
        self.deliver(&mut state, question);
        drop(state);
        let _forgets = AtEnd(|| self.end(id));
        thread::scope(|scope| {
            // It ends the lines, and with them the thread that writes.
            let _leaves = AtEnd(|| self.leave(&mut self.lock(), id, Ending::Left));
            let (builder, client) = (thread::Builder::new(), &*connection);
            let writer = builder.spawn_scoped(scope, move || write(client, &waiting));
            let told = |error: &io::Error| report_to_stderr(format_args!("join: {error}"));
            if writer.inspect_err(told).is_err() || self.read(&connection).is_err() {
                drop(connection.stream.shutdown(Shutdown::Both));
            }
        });
    }

    // ANCHOR: read
    /// Reads until the client ends its side; what it says after it has left the room is passed over.
    fn read(&self, connection: &Connection) -> io::Result<()> {
        let (mut lines, mut buffer) = (Lines::default(), [0; 16 * 1024]);
        loop {
            match (&connection.stream).read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => {
                    lines.push(&buffer[..length]);
                    self.hear(connection.id, &mut lines);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    // ANCHOR_END: read

    /// Takes lines, but not too many at once.
    fn hear(&self, id: u64, lines: &mut Lines) {
        while let Some(line) = lines.pop() {
            let mut state = self.lock();
            let heard = state.room.hear(id, line);
            self.deliver(&mut state, heard.deliveries);
            heard.ending.into_iter().for_each(|it| self.leave(&mut state, id, it));
            drop(state);
            if lines.is_pause_due() {
                thread::sleep(PAUSE);
            }
        }
    }

    // ANCHOR: deliver
    /// Hands lines to those that write. A client that cannot take its line is dropped: news for the others.
    fn deliver(&self, state: &mut State, deliveries: Vec<Delivery>) {
        let mut deliveries = VecDeque::from(deliveries);
        while let Some(Delivery { to, line }) = deliveries.pop_front() {
            let lines = state.clients.get(&to).and_then(|client| client.lines.as_ref());
            // Whose writer has ended hears nothing any more.
            if let Some(Err(TrySendError::Full(_))) = lines.map(|lines| lines.try_send(line)) {
                deliveries.extend(self.close(state, to, Ending::TooSlow));
            }
        }
    }
    // ANCHOR_END: deliver

    fn leave(&self, state: &mut State, id: u64, ending: Ending) {
        let news = self.close(state, id, ending);
        self.deliver(state, news);
    }

    /// Ends the lines of a client and begins its grace; returns what the others are to be told.
    fn close(&self, state: &mut State, id: u64, ending: Ending) -> Vec<Delivery> {
        if let Some(client) = state.clients.get_mut(&id)
            && let Some(lines) = client.lines.take()
        {
            client.connection.ending.get_or_init(|| ending);
            drop(lines);
            state.graces.push_back((Instant::now() + self.options.grace, id));
            self.changed.notify_one();
        }
        state.room.leave(id, ending)
    }

    // ANCHOR: clean_up
    /// Forgets a client whose threads have ended.
    fn end(&self, id: u64) {
        let mut state = self.lock();
        state.clients.remove(&id);
        state.graces.retain(|(_, late)| *late != id);
        self.changed.notify_one();
    }
    // ANCHOR_END: clean_up

    /// Shuts down connections whose grace is over, which ends their threads, until the chat ends.
    fn cut_off_the_late(&self) {
        let mut state = self.lock();
        while !(state.stopping && state.clients.is_empty()) {
            let first = state.graces.front().map(|(deadline, _)| *deadline);
            let left = first.map_or(TIME_MAX, |it| it.saturating_duration_since(Instant::now()));
            if !left.is_zero() {
                let waited = self.changed.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let (_, id) = state.graces.pop_front().expect("the first grace is over");
            state.room.cut_off();
            drop(state.clients[&id].connection.stream.shutdown(Shutdown::Both));
        }
    }
}

impl Chat {
    // ANCHOR: stop
    /// Lets no client in any more and all of them out, each within its grace.
    pub(super) fn stop(self) -> Report {
        let Chat { shared, threads } = self;
        let mut state = shared.lock();
        state.stopping = true;
        let ids: Vec<_> = state.clients.keys().copied().collect();
        ids.into_iter().for_each(|id| shared.leave(&mut state, id, Ending::Stopping));
        drop(state);
        shared.changed.notify_one();
        shared.stopped.cancel();
        join_all(threads);
        shared.lock().room.report()
    }
    // ANCHOR_END: stop
}

// ANCHOR: write
/// Writes the lines of a client, and ends our side after the last one, which says why.
fn write(connection: &Connection, lines: &Receiver<Line>) {
    let (mut stream, ending) = (&connection.stream, &connection.ending);
    let mut written = || -> io::Result<()> {
        while let Ok(line) = lines.recv() {
            // A client that is too slow hears that in the place of all that waits.
            if ending.get() == Some(&Ending::TooSlow) {
                break;
            }
            let waiting: Vec<_> = iter::once(line).chain(lines.try_iter()).collect();
            stream.write_all(&waiting.concat())?;
        }
        ending.get().map_or(Ok(()), |ending| stream.write_all(&ending.notice()))
    };
    // What could not be written ends the reader, too.
    let how = if written().is_ok() { Shutdown::Write } else { Shutdown::Both };
    drop(stream.shutdown(how));
}
// ANCHOR_END: write
