//! The ways in which a promise fails of itself: every reason can say them.

use std::error::Error;
use std::fmt::{self, Debug};
use std::io;
use std::panic::Location;
use std::sync::Arc;

use loop_core::{AggregateError, Cancelled};

/// Why a promise was rejected that the program did not reject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The resolver was dropped; the promise was made there.
    Dropped(&'static Location<'static>),
    /// The handler of the link before panicked, and said this; the loop's exception handler was told.
    Panicked(Arc<str>),
    /// The loop was closed, or a token was cancelled.
    Cancelled,
    /// The promise was to follow itself.
    Cycle,
}

impl Fault {
    /// Tells whether it is a panic or a cancellation, which no further try undoes.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Fault::Panicked(_) | Fault::Cancelled)
    }
}

/// What a promise can be rejected with.
pub trait Reason: From<Fault> + Debug + 'static {}

impl<E: From<Fault> + Debug + 'static> Reason for E {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Dropped(made_at) => {
                write!(f, "the resolver of the promise made at {made_at} was dropped")
            }
            Fault::Panicked(message) => write!(f, "the handler panicked: {message}"),
            Fault::Cycle => f.write_str("the promise was to follow itself"),
            Fault::Cancelled => write!(f, "{Cancelled}"),
        }
    }
}

impl Error for Fault {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> io::Error {
        match fault {
            Fault::Cancelled => Cancelled.into(),
            fault => io::Error::other(fault),
        }
    }
}

impl<E: From<Fault>> From<Fault> for AggregateError<E> {
    fn from(fault: Fault) -> AggregateError<E> {
        AggregateError { errors: vec![fault.into()] }
    }
}
