//! The typical bug, in the style where it is typical: `write` takes everything at once and never
//! blocks, so that nothing asks what becomes of it. A client that does not read has the server keep
//! all that is said, without a bound and without a word.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use api_callbacks::{Protocol, Server, ServerBuilder, Transport};
use loop_core::LoopHandle;

use super::lines::Lines;
use super::room::{Delivery, Ending, Room};
use super::{Options, Report};

pub(super) struct Chat {
    server: Server,
    options: Options,
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    room: RefCell<Room>,
    clients: RefCell<BTreeMap<u64, Rc<dyn Transport>>>,
}

struct Client {
    shared: Rc<Shared>,
    id: Cell<u64>,
    lines: RefCell<Lines>,
}

impl Chat {
    pub(super) fn serve(handle: &LoopHandle, options: &Options) -> io::Result<(Chat, SocketAddr)> {
        let shared = Rc::<Shared>::default();
        let room = shared.clone();
        let server = ServerBuilder::new().serve(handle, options.listen, move |_peer| Client {
            shared: room.clone(),
            id: Cell::new(0),
            lines: RefCell::default(),
        })?;
        let address = server.local_addr();
        Ok((Chat { server, options: options.clone(), shared }, address))
    }

    pub(super) fn stop(self, callback: impl FnOnce(Report) + 'static) {
        for transport in self.server.connections() {
            transport.write(&Ending::Stopping.notice());
            transport.close();
        }
        let shared = self.shared;
        self.server
            .stop(self.options.grace, move |_aborted| callback(shared.room.borrow().report()));
    }
}

impl Shared {
    /// Here is the bug: a client that does not read is written to all the same.
    fn deliver(&self, deliveries: Vec<Delivery>) {
        for Delivery { to, line } in deliveries {
            let transport = self.clients.borrow().get(&to).cloned();
            if let Some(transport) = transport.filter(|transport| !transport.is_closing()) {
                transport.write(&line);
            }
        }
    }
}

impl Protocol for Client {
    fn connection_made(&self, transport: &Rc<dyn Transport>) {
        let (id, question) = self.shared.room.borrow_mut().enter();
        self.id.set(id);
        self.shared.clients.borrow_mut().insert(id, transport.clone());
        self.shared.deliver(question);
    }

    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]) {
        self.lines.borrow_mut().push(bytes);
        loop {
            let line = self.lines.borrow_mut().pop();
            let Some(line) = line else { return };
            let heard = self.shared.room.borrow_mut().hear(self.id.get(), line);
            self.shared.deliver(heard.deliveries);
            if let Some(ending) = heard.ending {
                transport.write(&ending.notice());
                return transport.close();
            }
        }
    }

    fn connection_lost(&self, _error: Option<io::Error>) {
        let id = self.id.get();
        self.shared.clients.borrow_mut().remove(&id);
        let news = self.shared.room.borrow_mut().leave(id, Ending::Left);
        self.shared.deliver(news);
    }
}
