//! A reason on its way down a chain, with what is known of its past.

use std::fmt::Write;
use std::panic::Location;

use loop_core::{Context, LoopHandle};

use super::Reason;

/// What a node is settled with.
pub(crate) type Outcome<T, E> = Result<T, Rejection<E>>;

/// A reason, and what is to be known of it when nobody handles it.
#[derive(Clone)]
pub struct Rejection<E> {
    pub(crate) reason: E,
    /// Seldom there: a plain rejection is its reason and a null.
    past: Option<Box<Past>>,
}

#[derive(Clone, Default)]
struct Past {
    /// The exception handler knows of it, or nobody has to.
    reported: bool,
    /// The links that the rejection has passed, in debug mode.
    links: Vec<&'static Location<'static>>,
}

impl<E> From<E> for Rejection<E> {
    fn from(reason: E) -> Rejection<E> {
        Rejection { reason, past: None }
    }
}

impl<E: Reason> Rejection<E> {
    /// Makes a rejection of which nobody has to hear again.
    pub(crate) fn reported(reason: E) -> Rejection<E> {
        let past = Past { reported: true, links: Vec::new() };
        Rejection { reason, past: Some(Box::new(past)) }
    }

    /// Puts another reason in the place of this one.
    pub(crate) fn map<F>(self, map: impl FnOnce(E) -> F) -> Rejection<F> {
        Rejection { reason: map(self.reason), past: self.past }
    }

    /// Notes, in debug mode, that the rejection has passed a link.
    #[cold]
    pub(crate) fn passed(&mut self, handle: &LoopHandle, link: &'static Location<'static>) {
        if handle.is_debug() {
            self.past.get_or_insert_default().links.push(link);
        }
    }

    /// Reports the rejection, since nobody handled it.
    #[cold]
    pub(crate) fn report(&self, handle: &LoopHandle, created_at: &'static Location<'static>) {
        let mut message =
            format!("a promise was rejected and nobody handled it: {:?}", self.reason);
        if let Some(past) = &self.past {
            if past.reported {
                return;
            }
            for link in &past.links {
                write!(message, "\n  passed {link}").expect("a string takes all");
            }
        }
        handle.report(&Context::new(message).created_at(created_at));
    }
}

/// Takes the reason out of an outcome.
pub(crate) fn bare<T, E>(outcome: Outcome<T, E>) -> Result<T, E> {
    outcome.map_err(|rejection| rejection.reason)
}
