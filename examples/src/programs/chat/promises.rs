//! The chat with promises: a connection is a race between its conversation and its grace.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use api_promises::combine::{all, race};
use api_promises::{Promise, PromiseGroup, Resolver, TcpListener, TcpStream, bytes, sleep};
use loop_core::LoopHandle;

use super::lines::{Lines, PAUSE};
use super::outbox::{Next, Outbox};
use super::room::{Delivery, Ending, Room};
use super::{Options, Report};

/// A chat that runs; a clone is the same one.
#[derive(Clone)]
pub(super) struct Chat(Rc<State>);

struct State {
    handle: LoopHandle,
    options: Options,
    room: RefCell<Room>,
    /// Every client that is connected, also those that have left the room and are in their grace.
    clients: RefCell<BTreeMap<u64, Rc<Client>>>,
    /// Dropping it closes the listener.
    accepting: Cell<Option<Promise<(), io::Error>>>,
    /// The connections, each with its end; empty when the last client has gone.
    conversations: PromiseGroup<io::Error>,
}

struct Client {
    id: u64,
    stream: TcpStream,
    lines: RefCell<Lines>,
    outbox: RefCell<Outbox>,
    /// Resolved when the outbox has something, for the writer that waits.
    filled: Cell<Option<Resolver<(), io::Error>>>,
    /// Resolved when the client has left the room.
    left: Cell<Option<Resolver<(), io::Error>>>,
}

/// Whether the grace of a client was over before its conversation.
struct CutOff(bool);

impl Chat {
    /// Listens and lets clients in; returns the bound address, too.
    pub(super) fn serve(handle: &LoopHandle, options: &Options) -> io::Result<(Chat, SocketAddr)> {
        let listener = TcpListener::bind(handle, options.listen)?;
        let address = listener.local_addr()?;
        let chat = Chat(Rc::new(State {
            handle: handle.clone(),
            options: options.clone(),
            room: RefCell::default(),
            clients: RefCell::default(),
            accepting: Cell::default(),
            // What fails is a connection that is gone, which is no news.
            conversations: PromiseGroup::with_handler(handle, drop),
        }));
        let reporter = handle.clone();
        let accepting = chat.clone().accept(listener).catch(move |error| {
            reporter.report_error("accept", &error);
            Ok::<_, io::Error>(())
        });
        chat.0.accepting.set(Some(accepting));
        Ok((chat, address))
    }

    // ANCHOR: accept
    fn accept(self, listener: TcpListener) -> Promise<(), io::Error> {
        listener.accept().then(move |(stream, _peer)| {
            self.clone().join(stream);
            self.accept(listener)
        })
    }
    // ANCHOR_END: accept

    fn join(self, stream: TcpStream) {
        let handle = self.0.handle.clone();
        let (id, question) = self.0.room.borrow_mut().enter();
        let (left, resolver) = Promise::with_resolvers(&handle);
        let client = Rc::new(Client {
            id,
            stream,
            lines: RefCell::default(),
            outbox: RefCell::default(),
            filled: Cell::default(),
            left: Cell::new(Some(resolver)),
        });
        self.0.clients.borrow_mut().insert(id, client.clone());
        self.deliver(question);
        let conversation = all(&handle, [self.clone().read(client.clone()), write(client.clone())]);
        let (timer, grace) = (handle.clone(), self.0.options.grace);
        let grace_over = left.then(move |()| sleep(&timer, grace)).map(|()| CutOff(true));
        let ended = race(&handle, [conversation.map(|_| CutOff(false)), grace_over]);
        let chat = self.clone();
        self.0.conversations.add(ended.inspect(move |outcome| chat.end(&client, outcome)));
    }

    // ANCHOR: read
    /// Reads until the client ends its side; what it says after it has left the room is passed over.
    fn read(self, client: Rc<Client>) -> Promise<(), io::Error> {
        client.stream.read_chunk().then(move |read| match read {
            Some(chunk) => {
                client.lines.borrow_mut().push(&chunk);
                self.hear(client)
            }
            None => {
                self.leave(client.id, Ending::Left);
                Promise::resolve(&self.0.handle, ())
            }
        })
    }
    // ANCHOR_END: read

    /// Takes lines, but not too many at once, before it reads on.
    fn hear(self, client: Rc<Client>) -> Promise<(), io::Error> {
        loop {
            let line = client.lines.borrow_mut().pop();
            let Some(line) = line else { return self.read(client) };
            let heard = self.0.room.borrow_mut().hear(client.id, line);
            self.deliver(heard.deliveries);
            heard.ending.into_iter().for_each(|ending| self.leave(client.id, ending));
            if client.lines.borrow_mut().is_pause_due() {
                return sleep(&self.0.handle, PAUSE).then(move |()| self.hear(client));
            }
        }
    }

    // ANCHOR: deliver
    /// Puts lines in outboxes. A client that cannot take its line is dropped, which is news for the others.
    fn deliver(&self, deliveries: Vec<Delivery>) {
        let mut deliveries = VecDeque::from(deliveries);
        while let Some(Delivery { to, line }) = deliveries.pop_front() {
            let Some(client) = self.0.clients.borrow().get(&to).cloned() else { continue };
            let taken = client.outbox.borrow_mut().push(line);
            match taken {
                Ok(()) => resolve(&client.filled),
                Err(_full) => deliveries.extend(self.close(&client, Ending::TooSlow)),
            }
        }
    }
    // ANCHOR_END: deliver

    fn leave(&self, id: u64, ending: Ending) {
        let client = self.0.clients.borrow().get(&id).cloned();
        if let Some(client) = client {
            self.deliver(self.close(&client, ending));
        }
    }

    /// Closes an outbox and begins the grace; returns what the others are to be told.
    fn close(&self, client: &Client, ending: Ending) -> Vec<Delivery> {
        client.outbox.borrow_mut().close(ending);
        resolve(&client.filled);
        resolve(&client.left);
        self.0.room.borrow_mut().leave(client.id, ending)
    }

    // ANCHOR: clean_up
    /// Forgets a client; what was pending on its connection has been cancelled by the race.
    fn end(&self, client: &Client, outcome: Result<&CutOff, &io::Error>) {
        if let Ok(CutOff(true)) = outcome {
            self.0.room.borrow_mut().cut_off();
        }
        self.0.clients.borrow_mut().remove(&client.id);
        let news = self.0.room.borrow_mut().leave(client.id, Ending::Left);
        self.deliver(news);
    }
    // ANCHOR_END: clean_up

    // ANCHOR: stop
    /// Lets no client in any more and all of them out, each within its grace.
    pub(super) fn stop(self) -> Promise<Report, io::Error> {
        drop(self.0.accepting.take());
        let ids: Vec<_> = self.0.clients.borrow().keys().copied().collect();
        ids.into_iter().for_each(|id| self.leave(id, Ending::Stopping));
        let all_gone = self.0.conversations.on_empty();
        all_gone.map(move |()| self.0.room.borrow().report())
    }
    // ANCHOR_END: stop
}

// ANCHOR: write
/// Writes what is in the outbox, and ends our side after the last line.
fn write(client: Rc<Client>) -> Promise<(), io::Error> {
    let handle = client.stream.handle();
    let next = client.outbox.borrow_mut().take();
    match next {
        Next::Write(lines) => {
            let written = bytes::write_all_vectored(&client.stream, lines);
            written.err_into().then(move |_| write(client))
        }
        Next::Wait => {
            let (promise, filled) = Promise::with_resolvers(handle);
            client.filled.set(Some(filled));
            promise.then(move |()| write(client))
        }
        Next::End => client.stream.shutdown(Shutdown::Write),
    }
}
// ANCHOR_END: write

fn resolve(place: &Cell<Option<Resolver<(), io::Error>>>) {
    if let Some(resolver) = place.take() {
        resolver.resolve(());
    }
}
