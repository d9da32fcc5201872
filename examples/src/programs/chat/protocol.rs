//! The chat with callbacks, as protocols: a client is told of bytes, of pressure and of its end.
//!
//! Rule: lines go to the transport while nothing is unsent there, and wait in the outbox else. So the
//! outbox has its bound, although `write` takes everything and never blocks.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use api_callbacks::protocol::{Protocol, Transport, WriteLimits};
use api_callbacks::{Operation, Server, ServerBuilder, sleep};
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
    /// Lets clients in, until it is stopped.
    server: Cell<Option<Server>>,
    /// Whether the chat stops: a client that comes too late is told so.
    stopping: Cell<bool>,
}

struct Client {
    id: u64,
    transport: Rc<dyn Transport>,
    lines: RefCell<Lines>,
    outbox: RefCell<Outbox>,
    /// To be cancelled when the client is lost.
    pause: Cell<Option<Operation>>,
    grace: Cell<Option<Operation>>,
    /// Whether the client has ended its side, and whether ours has ended, behind the last line.
    has_ended: Cell<bool>,
    is_told: Cell<bool>,
}

/// What a transport tells.
struct Conversation {
    chat: Chat,
    /// There from when the connection is made.
    client: OnceCell<Rc<Client>>,
}

impl Chat {
    /// Listens and lets clients in; returns the bound address, too.
    pub(super) fn serve(handle: &LoopHandle, options: &Options) -> io::Result<(Chat, SocketAddr)> {
        let chat = Chat(Rc::new(State {
            handle: handle.clone(),
            options: options.clone(),
            room: RefCell::default(),
            clients: RefCell::default(),
            server: Cell::default(),
            stopping: Cell::default(),
        }));
        let address = chat.accept()?;
        Ok((chat, address))
    }

    // ANCHOR: accept
    fn accept(&self) -> io::Result<SocketAddr> {
        let (chat, State { handle, options, .. }) = (self.clone(), &*self.0);
        let server = ServerBuilder::new().serve(handle, options.listen, move |_peer| {
            Conversation { chat: chat.clone(), client: OnceCell::new() }
        })?;
        let address = server.local_addr();
        self.0.server.set(Some(server));
        Ok(address)
    }
    // ANCHOR_END: accept

    fn join(&self, transport: &Rc<dyn Transport>) -> Rc<Client> {
        // The transport tells when all is sent.
        transport.set_write_buffer_limits(WriteLimits { low: 0, high: 0 });
        let (id, question) = self.0.room.borrow_mut().enter();
        let client = Rc::new(Client {
            id,
            transport: transport.clone(),
            lines: RefCell::default(),
            outbox: RefCell::default(),
            pause: Cell::default(),
            grace: Cell::default(),
            has_ended: Cell::default(),
            is_told: Cell::default(),
        });
        self.0.clients.borrow_mut().insert(id, client.clone());
        self.deliver(question);
        if self.0.stopping.get() {
            self.leave(id, Ending::Stopping);
        }
        client
    }
}

// ANCHOR: read
impl Protocol for Conversation {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        self.client.get_or_init(|| self.chat.join(transport));
    }

    /// What a client says after it has left the room is passed over.
    fn data_received(&self, _transport: &dyn Transport, bytes: &[u8]) {
        self.client().lines.borrow_mut().push(bytes);
        self.chat.hear(self.client().clone());
    }

    fn resume_writing(&self, _transport: &dyn Transport) {
        write(self.client());
    }

    fn eof_received(&self, _transport: &dyn Transport) -> bool {
        self.client().has_ended.set(true);
        self.chat.leave(self.client().id, Ending::Left);
        !self.client().is_told.get()
    }

    fn connection_lost(&self, _error: Option<io::Error>) {
        self.chat.end(self.client());
    }
}

impl Conversation {
    fn client(&self) -> &Rc<Client> {
        self.client.get().expect("a connection is made before anything else")
    }
}
// ANCHOR_END: read

impl Chat {
    /// Takes lines, but not too many at once, before it reads on.
    fn hear(&self, client: Rc<Client>) {
        loop {
            let line = client.lines.borrow_mut().pop();
            let Some(line) = line else { return client.transport.resume_reading() };
            let heard = self.0.room.borrow_mut().hear(client.id, line);
            self.deliver(heard.deliveries);
            heard.ending.into_iter().for_each(|ending| self.leave(client.id, ending));
            if client.lines.borrow_mut().is_pause_due() {
                client.transport.pause_reading();
                let (chat, reader) = (self.clone(), client.clone());
                let pause = sleep(&self.0.handle, PAUSE, move |slept| {
                    if slept.is_ok() {
                        chat.hear(reader);
                    }
                });
                return client.pause.set(Some(pause));
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
                Ok(()) => write(&client),
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
    fn close(&self, client: &Rc<Client>, ending: Ending) -> Vec<Delivery> {
        client.outbox.borrow_mut().close(ending);
        let grace = client.grace.take().unwrap_or_else(|| {
            let (chat, late) = (self.clone(), client.transport.clone());
            sleep(&self.0.handle, self.0.options.grace, move |slept| {
                if slept.is_ok() {
                    chat.0.room.borrow_mut().cut_off();
                    late.abort();
                }
            })
        });
        client.grace.set(Some(grace));
        write(client);
        self.0.room.borrow_mut().leave(client.id, ending)
    }

    // ANCHOR: clean_up
    /// Forgets a client whose connection is lost.
    fn end(&self, client: &Client) {
        self.0.clients.borrow_mut().remove(&client.id);
        for operation in [client.pause.take(), client.grace.take()].iter().flatten() {
            operation.cancel();
        }
        let news = self.0.room.borrow_mut().leave(client.id, Ending::Left);
        self.deliver(news);
    }
    // ANCHOR_END: clean_up

    // ANCHOR: stop
    /// Lets no client in any more and all of them out, each within its grace, and then calls back.
    pub(super) fn stop(self, callback: impl FnOnce(Report) + 'static) {
        self.0.stopping.set(true);
        let ids: Vec<_> = self.0.clients.borrow().keys().copied().collect();
        ids.into_iter().for_each(|id| self.leave(id, Ending::Stopping));
        let server = self.0.server.take().expect("a chat is stopped once");
        server.stop(self.0.options.grace, move |_left| {
            let report = self.0.room.borrow().report();
            callback(report);
        });
    }
    // ANCHOR_END: stop
}

// ANCHOR: write
/// Writes what is in the outbox while nothing is unsent, and ends our side after the last line.
fn write(client: &Client) {
    while client.transport.write_buffer_size() == 0 && !client.is_told.get() {
        let next = client.outbox.borrow_mut().take();
        match next {
            Next::Write(lines) => {
                client.transport.writelines(&lines.iter().map(|line| &**line).collect::<Vec<_>>());
            }
            Next::Wait => return,
            Next::End => {
                client.is_told.set(true);
                client.transport.write_eof();
                if client.has_ended.get() {
                    client.transport.close();
                }
            }
        }
    }
}
// ANCHOR_END: write
