//! The chat with async: a connection is a task of a group, and reads as its life does.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::iter;
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::rc::Rc;

use api_async::{CancellationToken, Task, TaskGroup, TcpListener, TcpStream, bytes, sleep, spawn};
use async_channel::{Receiver, Sender, TrySendError, bounded};
use futures::future::{Either, FutureExt, select, try_join};
use loop_core::LoopHandle;

use super::lines::{Line, Lines, PAUSE};
use super::outbox::OUTBOX_LINES_MAX;
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
    /// Cancelled when the chat stops.
    stopping: CancellationToken,
    /// Ends when the chat has stopped and every client has gone.
    serving: Cell<Option<Task<()>>>,
}

struct Client {
    id: u64,
    stream: TcpStream,
    /// Takes the lines for it; closed when the client has left the room.
    outbox: Sender<Line>,
    /// Has them: for the writer, and for what gives them up.
    unsent: Receiver<Line>,
    /// What it is told behind these.
    farewell: Cell<Option<Line>>,
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
            stopping: CancellationToken::new(),
            serving: Cell::default(),
        }));
        chat.0.serving.set(Some(spawn(handle, chat.clone().accept(listener))));
        Ok((chat, address))
    }

    // ANCHOR: accept
    /// Lets clients in until the chat stops, and ends when the last has gone.
    async fn accept(self, listener: TcpListener) {
        let mut clients = TaskGroup::new(&self.0.handle);
        while let Ok(accepted) = self.0.stopping.guard(listener.accept()).await {
            // A client that has gone is joined, or would stay in the group.
            while let Some(Some(_gone)) = clients.join_next().now_or_never() {}
            match accepted {
                Ok((stream, _peer)) => clients.spawn(self.clone().join(stream)),
                Err(error) => {
                    self.0.handle.report_error("accept", &error);
                    break;
                }
            }
        }
        drop(listener);
        while clients.join_next().await.is_some() {}
    }
    // ANCHOR_END: accept

    pub(super) async fn join(self, stream: TcpStream) {
        let (id, question) = self.0.room.borrow_mut().enter();
        let (outbox, unsent) = bounded(OUTBOX_LINES_MAX);
        let (farewell, left) = (Cell::default(), CancellationToken::new());
        let client = Rc::new(Client { id, stream, outbox, unsent, farewell, left });
        self.0.clients.borrow_mut().insert(id, client.clone());
        let _present = Present { chat: &self, client: &client };
        self.deliver(question);
        if self.0.stopping.is_cancelled() {
            // It was let in when the others were told.
            self.leave(id, Ending::Stopping);
        }
        let conversation = pin!(try_join(self.read(&client), write(&client)));
        let grace_over = pin!(async {
            client.left.cancelled().await;
            sleep(&self.0.handle, self.0.options.grace).await;
        });
        match select(conversation, grace_over).await {
            // Whether it failed or not: the connection is gone, which is no news.
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
    /// Puts lines in outboxes. A client that cannot take its line is dropped, which is news for the others.
    fn deliver(&self, deliveries: Vec<Delivery>) {
        let mut deliveries = VecDeque::from(deliveries);
        while let Some(Delivery { to, line }) = deliveries.pop_front() {
            let Some(client) = self.0.clients.borrow().get(&to).cloned() else { continue };
            if let Err(TrySendError::Full(_)) = client.outbox.try_send(line) {
                deliveries.extend(self.close(&client, Ending::TooSlow));
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
        // A client that has left before has its last line.
        if client.outbox.close() {
            if ending == Ending::TooSlow {
                while client.unsent.try_recv().is_ok() {}
            }
            client.farewell.set(Some(ending.notice()));
            client.left.cancel();
        }
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
    }
}
// ANCHOR_END: clean_up

impl Chat {
    // ANCHOR: stop
    /// Lets no client in any more and all of them out, each within its grace.
    pub(super) async fn stop(self) -> Report {
        self.0.stopping.cancel();
        let ids: Vec<_> = self.0.clients.borrow().keys().copied().collect();
        ids.into_iter().for_each(|id| self.leave(id, Ending::Stopping));
        if let Some(serving) = self.0.serving.take() {
            // A panic has been reported.
            let _ = serving.await;
        }
        self.0.room.borrow().report()
    }
    // ANCHOR_END: stop
}

// ANCHOR: write
/// Writes what is in the outbox, and then the last line, and ends our side.
async fn write(client: &Client) -> io::Result<()> {
    while let Ok(first) = client.unsent.recv().await {
        // All that waits, since one system call takes it.
        let others = iter::from_fn(|| client.unsent.try_recv().ok());
        let lines = iter::once(first).chain(others).collect();
        bytes::write_all_vectored(&client.stream, lines).await.0?;
    }
    if let Some(farewell) = client.farewell.take() {
        bytes::write_all(&client.stream, farewell).await.0?;
    }
    client.stream.shutdown(Shutdown::Write).await
}
// ANCHOR_END: write
