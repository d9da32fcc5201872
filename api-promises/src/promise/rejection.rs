//! A reason on its way down a chain, with what is known of its past.

use std::any::Any;
use std::fmt::Write;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use loop_core::{Context, LoopHandle, is_final, panic_message};

use super::release::{Origin, discard, discard_if_any, dispose, report, told};
use super::shared_error::SharedError;
use super::{Fault, Reason};

/// What a node is settled with.
pub(crate) type Outcome<T, E> = Result<T, Rejection<E>>;

/// A reason, and what is to be known of it when it stays unhandled.
#[derive(Clone)]
pub struct Rejection<E> {
    pub(crate) reason: E,
    /// Seldom there: a plain rejection is its reason and a null.
    past: Option<Box<Past>>,
}

#[derive(Clone, Default)]
struct Past {
    /// The exception handler knows of it, or need not.
    reported: bool,
    /// Whether it is a panic or a cancellation, which no further try undoes.
    is_final: bool,
    /// The links that the rejection has passed, in debug mode.
    links: Vec<&'static Location<'static>>,
}

impl<E> From<E> for Rejection<E> {
    fn from(reason: E) -> Rejection<E> {
        Rejection { reason, past: None }
    }
}

impl<E: Reason> Rejection<E> {
    /// Makes a rejection by a fault that needs no further report; `None`, and a report, if the
    /// conversion panics.
    pub(crate) fn of(fault: Fault, origin: Origin<'_>) -> Option<Rejection<E>> {
        Rejection::by(fault, true, origin)
    }

    /// Makes a rejection by a fault.
    pub(crate) fn by(fault: Fault, reported: bool, origin: Origin<'_>) -> Option<Rejection<E>> {
        let is_final = fault.is_final();
        match catch_unwind(AssertUnwindSafe(|| E::from(fault))) {
            Ok(reason) => {
                let past = Past { reported, is_final, links: Vec::new() };
                let past = (reported || is_final).then(|| Box::new(past));
                Some(Rejection { reason, past })
            }
            Err(payload) => {
                told(payload, "the conversion of a fault", origin);
                None
            }
        }
    }

    /// Tells whether it is a panic or a cancellation.
    pub(crate) fn is_final(&self) -> bool {
        let reason: &dyn Any = &self.reason;
        let of_io = |error: &io::Error| {
            let fault = error.get_ref().and_then(|cause| cause.downcast_ref::<Fault>());
            is_final(error) || fault.is_some_and(Fault::is_final)
        };
        self.past.as_ref().is_some_and(|past| past.is_final)
            || is_final(&self.reason)
            || reason.downcast_ref().is_some_and(Fault::is_final)
            || reason.downcast_ref().is_some_and(of_io)
            || reason.downcast_ref::<SharedError>().is_some_and(|shared| of_io(shared))
    }

    /// Makes it one that no further try undoes.
    pub(crate) fn into_final(mut self) -> Rejection<E> {
        self.past.get_or_insert_default().is_final = true;
        self
    }

    /// Tells whether the exception handler knows of it, or need not.
    pub(crate) fn is_reported(&self) -> bool {
        self.past.as_ref().is_some_and(|past| past.reported)
    }

    /// Makes it one that needs no further report.
    pub(crate) fn known(mut self) -> Rejection<E> {
        self.past.get_or_insert_default().reported = true;
        self
    }

    /// Puts another reason in the place of this one.
    pub(crate) fn map<F>(self, map: impl FnOnce(E) -> F) -> Rejection<F> {
        Rejection { reason: map(self.reason), past: self.past }
    }

    /// Notes, in debug mode, that the rejection has passed a link.
    pub(crate) fn passed(&mut self, (handle, link): Origin<'_>) {
        if handle.is_debug() {
            self.past.get_or_insert_default().links.push(link);
        }
    }

    /// Reports the rejection, which was not handled.
    pub(crate) fn report(&self, handle: &LoopHandle, created_at: &'static Location<'static>) {
        if self.is_reported() {
            return;
        }
        let past = self.past.as_deref();
        let mut message = "a promise was rejected and not handled: ".to_owned();
        let written = catch_unwind(AssertUnwindSafe(|| write!(message, "{:?}", self.reason)));
        if let Err(payload) = written {
            let said = panic_message(&*payload).to_owned();
            write!(message, " (its reason panicked: {said})").expect("a string takes all");
            dispose(payload);
        }
        for link in past.into_iter().flat_map(|past| &past.links) {
            write!(message, "\n  passed {link}").expect("a string takes all");
        }
        report(handle, &Context::new(message).created_at(created_at));
    }
}

/// Takes the reason out of an outcome.
pub(crate) fn bare<T, E>(outcome: Outcome<T, E>) -> Result<T, E> {
    outcome.map_err(|rejection| rejection.reason)
}

/// Drops an outcome that has no consumer, and reports it if it is a rejection.
pub(crate) fn lose<T: 'static, E: Reason>(outcome: Outcome<T, E>, origin: Origin<'_>) {
    if let Err(rejection) = &outcome {
        rejection.report(origin.0, origin.1);
    }
    discard(outcome, origin);
}

/// Drops an outcome, if there is one, whose consumer may have `handled` a rejection, which is no news then.
pub(crate) fn let_go<T: 'static, E: Reason>(
    outcome: Option<Outcome<T, E>>,
    handled: bool,
    origin: Origin<'_>,
) {
    match outcome {
        Some(outcome) if !handled => lose(outcome, origin),
        outcome => discard_if_any(outcome, origin),
    }
}
