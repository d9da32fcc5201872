//! The chat with callbacks: a closure for each operation, and what they share in the `Client`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use api_callbacks::{Operation, TcpListener, TcpStream, bytes, sleep};
use loop_core::LoopHandle;

use super::lines::{Lines, PAUSE};
use super::outbox::{Next, Outbox};
use super::room::{Delivery, Ending, Room};
use super::{OnStopped, Options, Report};

/// A chat that runs; a clone is the same one.
#[derive(Clone)]
pub(super) struct Chat(Rc<State>);

struct State {
    handle: LoopHandle,
    options: Options,
    room: RefCell<Room>,
    /// Every client that is connected, also those that have left the room and are in their grace.
    clients: RefCell<BTreeMap<u64, Rc<Client>>>,
    accepting: Cell<Option<Operation>>,
    /// What to tell when the last client has gone.
    stopped: Cell<Option<OnStopped>>,
}

struct Client {
    id: u64,
    stream: TcpStream,
    lines: RefCell<Lines>,
    outbox: RefCell<Outbox>,
    /// To be cancelled when the client ends; what is pending on the stream ends with that.
    pause: Cell<Option<Operation>>,
    grace: Cell<Option<Operation>>,
    /// Whether something is being written, our end included.
    writing: Cell<bool>,
    /// How many sides are open.
    sides: Cell<usize>,
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
            stopped: Cell::default(),
        }));
        chat.accept(&listener);
        Ok((chat, address))
    }

    // ANCHOR: accept
    fn accept(&self, listener: &TcpListener) {
        let chat = self.clone();
        let accepting = listener.accept(move |listener, accepted| match accepted {
            Ok((stream, _peer)) => {
                chat.join(stream);
                chat.accept(&listener);
            }
            Err(error) => listener.handle().report_error("accept", &error),
        });
        self.0.accepting.set(Some(accepting));
    }
    // ANCHOR_END: accept

    fn join(&self, stream: TcpStream) {
        let (id, question) = self.0.room.borrow_mut().enter();
        let client = Rc::new(Client {
            id,
            stream,
            lines: RefCell::default(),
            outbox: RefCell::default(),
            pause: Cell::default(),
            grace: Cell::default(),
            writing: Cell::default(),
            sides: Cell::new(2),
        });
        self.0.clients.borrow_mut().insert(id, client.clone());
        self.deliver(question);
        self.read(client);
    }

    // ANCHOR: read
    /// Reads until the client ends its side; what it says after it has left the room is passed over.
    fn read(&self, client: Rc<Client>) {
        let (chat, reader) = (self.clone(), client.clone());
        client.stream.read_chunk(move |_stream, read| match read {
            Ok(Some(chunk)) => {
                reader.lines.borrow_mut().push(&chunk);
                chat.hear(reader);
            }
            Ok(None) => {
                chat.leave(reader.id, Ending::Left);
                chat.end_side(&reader);
            }
            Err(_reset) => chat.end(&reader),
        });
    }
    // ANCHOR_END: read

    /// Takes lines, but not too many at once, before it reads on.
    fn hear(&self, client: Rc<Client>) {
        loop {
            let line = client.lines.borrow_mut().pop();
            let Some(line) = line else { return self.read(client) };
            let heard = self.0.room.borrow_mut().hear(client.id, line);
            self.deliver(heard.deliveries);
            heard.ending.into_iter().for_each(|ending| self.leave(client.id, ending));
            if client.lines.borrow_mut().is_pause_due() {
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
                Ok(()) => self.write(&client),
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
            let (chat, late) = (self.clone(), client.clone());
            sleep(&self.0.handle, self.0.options.grace, move |slept| {
                if slept.is_ok() {
                    chat.0.room.borrow_mut().cut_off();
                    chat.end(&late);
                }
            })
        });
        client.grace.set(Some(grace));
        self.write(client);
        self.0.room.borrow_mut().leave(client.id, ending)
    }

    fn end_side(&self, client: &Client) {
        client.sides.set(client.sides.get() - 1);
        if client.sides.get() == 0 {
            self.end(client);
        }
    }

    // ANCHOR: clean_up
    /// Forgets a client, and closes its connection; what that has cancelled calls back as well.
    fn end(&self, client: &Client) {
        if self.0.clients.borrow_mut().remove(&client.id).is_none() {
            return;
        }
        client.stream.close();
        for operation in [client.pause.take(), client.grace.take()].iter().flatten() {
            operation.cancel();
        }
        let news = self.0.room.borrow_mut().leave(client.id, Ending::Left);
        self.deliver(news);
        self.end_if_empty();
    }
    // ANCHOR_END: clean_up

    fn end_if_empty(&self) {
        if !self.0.clients.borrow().is_empty() {
            return;
        }
        // Nothing is borrowed while it is called.
        let report = self.0.room.borrow().report();
        if let Some(stopped) = self.0.stopped.take() {
            stopped(report);
        }
    }

    // ANCHOR: stop
    /// Lets no client in any more and all of them out, each within its grace, and then calls back.
    pub(super) fn stop(self, callback: impl FnOnce(Report) + 'static) {
        if let Some(accepting) = self.0.accepting.take() {
            accepting.cancel();
        }
        let ids: Vec<_> = self.0.clients.borrow().keys().copied().collect();
        ids.into_iter().for_each(|id| self.leave(id, Ending::Stopping));
        self.0.stopped.set(Some(Box::new(callback)));
        self.end_if_empty();
    }
    // ANCHOR_END: stop

    // ANCHOR: write
    /// Writes what is in the outbox, unless it does, and ends our side after the last line.
    fn write(&self, client: &Rc<Client>) {
        if client.writing.get() {
            return;
        }
        let (chat, writer) = (self.clone(), client.clone());
        let next = client.outbox.borrow_mut().take();
        client.writing.set(next != Next::Wait);
        match next {
            Next::Write(lines) => {
                bytes::write_all_vectored(&client.stream, lines, move |_, written, _| {
                    writer.writing.set(false);
                    match written {
                        Ok(_) => chat.write(&writer),
                        Err(_gone) => chat.end(&writer),
                    }
                });
            }
            Next::Wait => {}
            // Nothing is written after it.
            Next::End => {
                client.stream.shutdown(Shutdown::Write, move |_, _| chat.end_side(&writer));
            }
        }
    }
    // ANCHOR_END: write
}
