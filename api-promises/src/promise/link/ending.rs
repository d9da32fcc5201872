//! How a link ends without its handler: its consumer has gone, or no outcome will come.

use std::rc::Rc;

use super::{Handler, Link};
use crate::promise::Reason;
use crate::promise::node::Owner;
use crate::promise::rejection::let_go;
use crate::promise::release::discard_if_any;
use crate::promise::walk::{Downstream, Stranded, Upstream};

impl<T, E, U, F, H> Upstream for Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: Handler<T, E, U, F>,
{
    fn abandon(&self, handled: bool) -> Option<Rc<dyn Upstream>> {
        // Taken first: what the handler owns may settle what is before this link.
        let upstream = self.upstream.take();
        self.outlet.abandon(handled, self.origin());
        discard_if_any(self.handler.take(), self.origin());
        let_go(self.outcome.take(), handled, self.origin());
        upstream
    }
}

impl<T, E, U, F, H> Downstream for Link<T, E, U, F, H>
where
    T: 'static,
    E: Reason,
    U: 'static,
    F: Reason,
    H: Handler<T, E, U, F>,
{
    fn strand(&self, why: Stranded, next: &mut Vec<Rc<dyn Downstream>>) {
        drop(self.upstream.take());
        self.outlet.strand(why, self, next);
        discard_if_any(self.handler.take(), self.origin());
        let_go(self.outcome.take(), false, self.origin());
    }
}

impl<T: 'static, E: 'static, U: 'static, F: 'static, H: 'static> Drop for Link<T, E, U, F, H> {
    fn drop(&mut self) {
        // One that has run has no handle any more.
        if let Some(handle) = &self.handle {
            let origin = (handle, self.created_at);
            discard_if_any(self.handler.take(), origin);
            discard_if_any(self.outcome.take(), origin);
            self.outlet.discard_remains(origin);
        }
    }
}
