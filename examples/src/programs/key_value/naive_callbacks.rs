//! The key-value server with callbacks, and with its typical bug: replies without flow control.
//!
//! What is wrong: the protocol hears of bytes, and not of pressure. `write` takes whatever it is
//! given, so a client that asks for much and takes nothing has all of its replies made, and kept.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use api_callbacks::protocol::{Protocol, Transport};
use api_callbacks::{Server, ServerBuilder};
use loop_core::LoopHandle;

use super::core::{Session, Store};
use super::{OnStopped, Options, Report};

/// A server that runs.
pub(super) struct KeyValue {
    server: Server,
    options: Options,
}

/// One client.
struct Client {
    handle: LoopHandle,
    store: Rc<RefCell<Store>>,
    session: RefCell<Session>,
}

impl KeyValue {
    pub(super) fn serve(handle: &LoopHandle, options: &Options) -> io::Result<KeyValue> {
        let (loop_handle, store) = (handle.clone(), Rc::<RefCell<Store>>::default());
        let server = ServerBuilder::new().serve(handle, options.listen, move |_peer| Client {
            handle: loop_handle.clone(),
            store: store.clone(),
            session: RefCell::default(),
        })?;
        Ok(KeyValue { server, options: options.clone() })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    pub(super) fn stop(self, stopped: OnStopped) {
        self.server.connections().iter().for_each(|transport| transport.close());
        self.server.stop(self.options.grace, |left| {
            stopped(Report { cut_off: left.len(), ..Report::default() });
        });
    }
}

impl Protocol for Client {
    fn data_received(&self, transport: &dyn Transport, bytes: &[u8]) {
        let mut session = self.session.borrow_mut();
        session.take_in(bytes);
        while let Some(replies) =
            session.answer(&mut self.store.borrow_mut(), self.handle.time().since_origin())
        {
            transport.write(&replies);
            session.give_back(replies);
        }
        if session.is_over() {
            transport.close();
        }
    }
}
