//! The chat with async: a connection is a task, and reads as its life does.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::rc::Rc;

use api_async::{CancellationToken, Task, TcpListener, TcpStream, bytes, sleep, spawn};
use event_listener::Event;
use futures::future::{Either, select, try_join};
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
    /// Everybody who is connected, those included who have left the room and are in their grace.
    clients: RefCell<BTreeMap<u64, Rc<Client>>>,
    /// Aborting it closes the listener.
    accepting: Cell<Option<Task<()>>>,
    /// Told when a client has gone.
    gone: Event,
}

struct Client {
    id: u64,
    stream: TcpStream,
    outbox: RefCell<Outbox>,
    /// Told when the outbox has something, for the writer that waits.
    filled: Event,
    /// Cancelled when the client has left the room.
    left: CancellationToken,
}

/// A client that is connected, for as long as its task goes on.
struct Present<'a> {
    chat: &'a Chat,
    client: &'a Client,
}

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
            gone: Event::new(),
        }));
        chat.0.accepting.set(Some(spawn(handle, chat.clone().accept(listener))));
        Ok((chat, address))
    }

    // ANCHOR: accept
    async fn accept(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _peer)) => spawn(&self.0.handle, self.clone().join(stream)).detach(),
                Err(error) => return self.0.handle.report_error("accept", &error),
            }
        }
    }
    // ANCHOR_END: accept

    pub(super) async fn join(self, stream: TcpStream) {
        let (id, question) = self.0.room.borrow_mut().enter();
        let client = Rc::new(Client {
            id,
            stream,
            outbox: RefCell::default(),
            filled: Event::new(),
            left: CancellationToken::new(),
        });
        self.0.clients.borrow_mut().insert(id, client.clone());
        let _present = Present { chat: &self, client: &client };
        self.deliver(question);
        let conversation = pin!(try_join(self.read(&client), write(&client)));
        let grace_over = pin!(async {
            client.left.cancelled().await;
            sleep(&self.0.handle, self.0.options.grace).await;
        });
        match select(conversation, grace_over).await {
            // Whether it failed or not: the connection is gone, which is no news to anybody.
            Either::Left(_) => {}
            Either::Right(_) => self.0.room.borrow_mut().cut_off(),
        }
    }

    // ANCHOR: read
    /// Reads until the client ends its side; what it says after it has left the room is passed over.
    async fn read(&self, client: &Client) -> io::Result<()> {
        let mut lines = Lines::default();
        while let Some(chunk) = client.stream.read_chunk().await? {
            lines.push(&chunk);
            self.hear(client, &mut lines).await;
        }
        self.leave(client.id, Ending::Left);
        Ok(())
    }
    // ANCHOR_END: read

    /// Takes lines, but not too many at once.
    async fn hear(&self, client: &Client, lines: &mut Lines) {
        while let Some(line) = lines.pop() {
            let heard = self.0.room.borrow_mut().hear(client.id, line);
            self.deliver(heard.deliveries);
            heard.ending.into_iter().for_each(|ending| self.leave(client.id, ending));
            if lines.is_pause_due() {
                sleep(&self.0.handle, PAUSE).await;
            }
        }
    }

    // ANCHOR: deliver
    /// Puts lines in outboxes. Who cannot take its line is dropped, which is news for the others.
    fn deliver(&self, deliveries: Vec<Delivery>) {
        let mut deliveries = VecDeque::from(deliveries);
        while let Some(Delivery { to, line }) = deliveries.pop_front() {
            let Some(client) = self.0.clients.borrow().get(&to).cloned() else { continue };
            let taken = client.outbox.borrow_mut().push(line);
            match taken {
                Ok(()) => drop(client.filled.notify(1)),
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
        client.filled.notify(1);
        client.left.cancel();
        self.0.room.borrow_mut().leave(client.id, ending)
    }
}

// ANCHOR: clean_up
/// Forgets a client however its task ends: what is behind an `await` may never come.
impl Drop for Present<'_> {
    fn drop(&mut self) {
        let Present { chat, client } = self;
        chat.0.clients.borrow_mut().remove(&client.id);
        let news = chat.0.room.borrow_mut().leave(client.id, Ending::Left);
        chat.deliver(news);
        chat.0.gone.notify(1);
    }
}
// ANCHOR_END: clean_up

impl Chat {
    // ANCHOR: stop
    /// Lets nobody in any more and everybody out, each within its grace.
    pub(super) async fn stop(self) -> Report {
        if let Some(accepting) = self.0.accepting.take() {
            accepting.abort();
        }
        let ids: Vec<_> = self.0.clients.borrow().keys().copied().collect();
        ids.into_iter().for_each(|id| self.leave(id, Ending::Stopping));
        while !self.0.clients.borrow().is_empty() {
            self.0.gone.listen().await;
        }
        self.0.room.borrow().report()
    }
    // ANCHOR_END: stop
}

// ANCHOR: write
/// Writes what is in the outbox, and ends our side after the last line.
async fn write(client: &Client) -> io::Result<()> {
    loop {
        let next = client.outbox.borrow_mut().take();
        match next {
            Next::Write(lines) => {
                bytes::write_all_vectored(&client.stream, lines).await.0?;
            }
            Next::Wait => client.filled.listen().await,
            Next::End => return client.stream.shutdown(Shutdown::Write).await,
        }
    }
}
// ANCHOR_END: write
