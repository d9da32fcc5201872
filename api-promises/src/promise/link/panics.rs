//! What the panic of a link's handler comes to: a report, and a rejection.

use std::any::Any;
use std::panic::resume_unwind;

use loop_core::{Abort, Context, panic_caught, panic_message};

use crate::promise::node::Owner;
use crate::promise::outlet::Outlet;
use crate::promise::rejection::Rejection;
use crate::promise::release::{Origin, dispose, report};
use crate::promise::walk::Stranded;
use crate::promise::{Fault, Reason};

/// Reports a handler's panic; the chain goes on with a fault.
pub(super) fn panicked<U: 'static, F: Reason>(
    outlet: &Outlet<U, F>,
    catches: bool,
    owner: &dyn Owner,
    payload: Box<dyn Any + Send>,
) {
    let (fault, reported) = fault_of(&*payload, catches);
    match Rejection::by(fault, reported, owner.origin()) {
        Some(rejection) => outlet.settle(Err(rejection), owner),
        // There is not even a reason to hand on.
        None => outlet.strand_all(Stranded::Never, owner),
    }
    after_panic(payload, reported, owner.origin());
}

/// Returns what a handler's panic rejects its promise with, and whether that rejection
/// needs no report of its own.
fn fault_of(payload: &(dyn Any + Send), catches: bool) -> (Fault, bool) {
    let message = panic_message(payload);
    panic_caught(message);
    (Fault::Panicked(message.into()), payload.is::<Abort>() || !catches)
}

/// Reports a handler's panic, when its promise is rejected; an [`Abort`] goes on.
fn after_panic(payload: Box<dyn Any + Send>, reported: bool, (handle, created_at): Origin<'_>) {
    if payload.is::<Abort>() {
        resume_unwind(payload);
    }
    let message = format!("a promise's handler panicked: {}", panic_message(&*payload));
    dispose(payload);
    if reported {
        report(handle, &Context::new(message).created_at(created_at));
    }
}
