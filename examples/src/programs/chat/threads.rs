//! The chat with threads: two for each connection, and one that ends those who are late.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::lines::{Lines, PAUSE};
use super::outbox::{Next, Outbox};
use super::room::{Delivery, Ending, Room};
use super::{Options, Report};
use crate::programs::blocking::{Cancellation, listen, spawn};
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
    /// Told when somebody's grace has begun, when a client has gone, and when the chat is to end.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    room: Room,
    /// Everybody who is connected, those included who have left the room and are in their grace.
    clients: BTreeMap<u64, Arc<Client>>,
    /// When whose grace is over, earliest first: all have the same.
    graces: VecDeque<(Instant, u64)>,
    stopping: bool,
}

struct Client {
    id: u64,
    stream: TcpStream,
    outbox: Mutex<Outbox>,
    /// Told when the outbox has something, for the writer that waits.
    filled: Condvar,
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

impl Client {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().expect("nothing panics while it holds an outbox")
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state")
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
        let (outbox, filled) = (Mutex::default(), Condvar::new());
        let client = Arc::new(Client { id, stream, outbox, filled });
        state.clients.insert(id, client.clone());
        self.deliver(&mut state, question);
        drop(state);
        thread::scope(|scope| {
            let writer = thread::Builder::new().spawn_scoped(scope, || write(&client));
            let told =
                |error: &io::Error| loop_core::report_to_stderr(format_args!("join: {error}"));
            if writer.inspect_err(told).is_err() || self.read(&client).is_err() {
                drop(client.stream.shutdown(Shutdown::Both));
            }
            self.leave(&mut self.lock(), id, Ending::Left);
        });
        self.end(&client);
    }

    // ANCHOR: read
    /// Reads until the client ends its side; what it says after it has left the room is passed over.
    fn read(&self, client: &Client) -> io::Result<()> {
        let (mut lines, mut buffer) = (Lines::default(), [0; 16 * 1024]);
        loop {
            match (&client.stream).read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => {
                    lines.push(&buffer[..length]);
                    self.hear(client, &mut lines);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    // ANCHOR_END: read

    /// Takes lines, but not too many at once.
    fn hear(&self, client: &Client, lines: &mut Lines) {
        while let Some(line) = lines.pop() {
            let mut state = self.lock();
            let heard = state.room.hear(client.id, line);
            self.deliver(&mut state, heard.deliveries);
            heard.ending.into_iter().for_each(|it| self.leave(&mut state, client.id, it));
            drop(state);
            if lines.is_pause_due() {
                thread::sleep(PAUSE);
            }
        }
    }

    // ANCHOR: deliver
    /// Puts lines in outboxes. Who cannot take its line is dropped, which is news for the others.
    fn deliver(&self, state: &mut State, deliveries: Vec<Delivery>) {
        let mut deliveries = VecDeque::from(deliveries);
        while let Some(Delivery { to, line }) = deliveries.pop_front() {
            let Some(client) = state.clients.get(&to).cloned() else { continue };
            let taken = client.outbox().push(line);
            match taken {
                Ok(()) => client.filled.notify_one(),
                Err(_full) => deliveries.extend(self.close(state, &client, Ending::TooSlow)),
            }
        }
    }
    // ANCHOR_END: deliver

    fn leave(&self, state: &mut State, id: u64, ending: Ending) {
        if let Some(client) = state.clients.get(&id).cloned() {
            let news = self.close(state, &client, ending);
            self.deliver(state, news);
        }
    }

    /// Closes an outbox and begins the grace; returns what the others are to be told.
    fn close(&self, state: &mut State, client: &Client, ending: Ending) -> Vec<Delivery> {
        client.outbox().close(ending);
        client.filled.notify_one();
        if state.graces.iter().all(|(_, id)| *id != client.id) {
            state.graces.push_back((Instant::now() + self.options.grace, client.id));
            self.changed.notify_one();
        }
        state.room.leave(client.id, ending)
    }

    // ANCHOR: clean_up
    /// Forgets a client whose threads have ended.
    fn end(&self, client: &Client) {
        let mut state = self.lock();
        state.clients.remove(&client.id);
        state.graces.retain(|(_, id)| *id != client.id);
        self.changed.notify_one();
    }
    // ANCHOR_END: clean_up

    /// Shuts down the connections whose grace is over, which ends their threads, until the chat has
    /// ended.
    fn cut_off_the_late(&self) {
        let mut state = self.lock();
        while !(state.stopping && state.clients.is_empty()) {
            let first = state.graces.front().map(|(deadline, _)| *deadline);
            let left = first.map_or(TIME_MAX, |it| it.saturating_duration_since(Instant::now()));
            if !left.is_zero() {
                let waited = self.changed.wait_timeout(state, left);
                state = waited.expect("nothing panics in a wait").0;
                continue;
            }
            let (_, id) = state.graces.pop_front().expect("the first grace is over");
            state.room.cut_off();
            drop(state.clients[&id].stream.shutdown(Shutdown::Both));
        }
    }
}

impl Chat {
    // ANCHOR: stop
    /// Lets nobody in any more and everybody out, each within its grace.
    pub(super) fn stop(self) -> Report {
        let Chat { shared, threads } = self;
        let mut state = shared.lock();
        state.stopping = true;
        let ids: Vec<_> = state.clients.keys().copied().collect();
        ids.into_iter().for_each(|id| shared.leave(&mut state, id, Ending::Stopping));
        drop(state);
        shared.changed.notify_one();
        shared.stopped.cancel();
        for thread in threads {
            thread.join().expect("a panic of these threads is one of the scope's");
        }
        shared.lock().room.report()
    }
    // ANCHOR_END: stop
}

// ANCHOR: write
/// Writes what is in the outbox, and ends our side after the last line.
fn write(client: &Client) {
    let mut outbox = client.outbox();
    loop {
        match outbox.take() {
            Next::Write(lines) => {
                drop(outbox);
                if (&client.stream).write_all(&lines.concat()).is_err() {
                    // It ends the reader, too.
                    drop(client.stream.shutdown(Shutdown::Both));
                    return;
                }
                outbox = client.outbox();
            }
            Next::Wait => outbox = client.filled.wait(outbox).expect("nothing panics in a wait"),
            Next::End => return drop(client.stream.shutdown(Shutdown::Write)),
        }
    }
}
// ANCHOR_END: write
