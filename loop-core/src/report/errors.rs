//! What can go wrong on a loop, and how it is told.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::Location;

use crate::net::partial::partial;

/// The loop is closed; what was to run on it comes back.
pub struct Closed<F>(pub F);

/// The operation ended before its time: it was cancelled, or its loop was closed.
///
/// Travels inside an [`io::Error`]; [`is_cancelled`] tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

/// What [`Cancelled`] says of an operation that did not begin, since its loop was closed.
#[derive(Debug)]
struct LoopClosed;

/// The operation took longer than its timeout.
///
/// Becomes an [`io::Error`] of kind [`io::ErrorKind::TimedOut`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

/// What was to give the result panicked; the exception handler has heard of it.
///
/// Travels inside an [`io::Error`]; [`is_panicked`] tells it apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    /// What the panic said.
    pub message: String,
}

/// Every attempt failed.
///
/// ECMAScript: `AggregateError`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateError<E> {
    /// Why each did, in the order of the attempts.
    pub errors: Vec<E>,
}

/// A panic with this payload leaves the run at once and goes to its caller.
///
/// Raise it with `std::panic::resume_unwind(Box::new(Abort))`. What was queued behind the callback
/// stays queued, and the loop can be run again. asyncio: `SystemExit` and `KeyboardInterrupt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abort;

/// Why `run_until_complete` has no result.
#[derive(Debug)]
pub enum RunError {
    /// The loop was stopped before the result was there.
    Stopped,
    /// The completer was dropped, so that a result can no longer come.
    Abandoned,
    /// The kernel's poll failed.
    Poll(io::Error),
}

/// What an exception handler is told.
///
/// asyncio: the context of `BaseEventLoop.call_exception_handler`.
#[derive(Debug)]
pub struct Context {
    /// What failed, in words.
    pub message: String,
    /// Where the failed callback was scheduled or the failed operation created, if that is known.
    pub scheduled_at: Option<&'static Location<'static>>,
    /// Whose work failed: "a callback", "a timer", "a reader" and so on, if the loop ran it.
    pub by: Option<&'static str>,
}

impl Context {
    /// Describes a failure, and says where its cause was created.
    #[track_caller]
    pub fn new(message: impl Into<String>) -> Context {
        Context { message: message.into(), scheduled_at: Some(Location::caller()), by: None }
    }

    /// Puts the place where the failed work was created in place of the caller's.
    pub fn created_at(mut self, location: &'static Location<'static>) -> Context {
        self.scheduled_at = Some(location);
        self
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match (self.by, self.scheduled_at) {
            (Some(by), Some(place)) => write!(f, " ({by}, scheduled at {place})"),
            (Some(by), None) => write!(f, " ({by})"),
            (None, Some(place)) => write!(f, " (created at {place})"),
            (None, None) => Ok(()),
        }
    }
}

impl<F> fmt::Debug for Closed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}

impl<F> fmt::Display for Closed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event loop is closed")
    }
}

impl<F> Error for Closed<F> {}

impl<E: fmt::Display> fmt::Display for AggregateError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "none of {} attempts succeeded", self.errors.len())?;
        self.errors.iter().try_for_each(|error| write!(f, "; {error}"))
    }
}

impl<E: fmt::Debug + fmt::Display> Error for AggregateError<E> {}

/// What befell all attempts together is the one failure.
impl From<io::Error> for AggregateError<io::Error> {
    fn from(error: io::Error) -> AggregateError<io::Error> {
        AggregateError { errors: vec![error] }
    }
}

impl<E: From<Elapsed>> From<Elapsed> for AggregateError<E> {
    fn from(elapsed: Elapsed) -> AggregateError<E> {
        AggregateError { errors: vec![elapsed.into()] }
    }
}

impl<E: From<Cancelled>> From<Cancelled> for AggregateError<E> {
    fn from(cancelled: Cancelled) -> AggregateError<E> {
        AggregateError { errors: vec![cancelled.into()] }
    }
}

impl<E: From<Panicked>> From<Panicked> for AggregateError<E> {
    fn from(panicked: Panicked) -> AggregateError<E> {
        AggregateError { errors: vec![panicked.into()] }
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operation was cancelled")
    }
}

impl Error for Cancelled {}

impl fmt::Display for LoopClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the event loop is closed")
    }
}

impl Error for LoopClosed {}

impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> io::Error {
        io::Error::other(cancelled)
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the operation took longer than its timeout")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the operation panicked: {}", self.message)
    }
}

impl Error for Panicked {}

impl From<Panicked> for io::Error {
    fn from(panicked: Panicked) -> io::Error {
        io::Error::other(panicked)
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Stopped => f.write_str("the event loop was stopped before the result came"),
            RunError::Abandoned => f.write_str("what was to complete the run has gone"),
            RunError::Poll(error) => write!(f, "the kernel's poll failed: {error}"),
        }
    }
}

impl Error for RunError {}

impl From<io::Error> for RunError {
    fn from(error: io::Error) -> RunError {
        RunError::Poll(error)
    }
}

/// Tells whether an operation ended because it was cancelled.
///
/// ```
/// use loop_core::{is_cancelled, Cancelled};
///
/// assert!(is_cancelled(&Cancelled.into()));
/// assert!(!is_cancelled(&std::io::ErrorKind::TimedOut.into()));
/// ```
pub fn is_cancelled(error: &io::Error) -> bool {
    let error = partial(error).map_or(error, |partial| &partial.error);
    error.get_ref().is_some_and(|cause| cause.is::<Cancelled>() || cause.is::<LoopClosed>())
}

/// Tells whether an operation ended because what was to give its result panicked.
///
/// ```
/// use loop_core::{is_panicked, Panicked};
///
/// let panicked = Panicked { message: "out of luck".to_owned() };
/// assert_eq!(panicked.to_string(), "the operation panicked: out of luck");
/// assert!(is_panicked(&panicked.into()));
/// assert!(!is_panicked(&loop_core::Cancelled.into()));
/// ```
pub fn is_panicked(error: &io::Error) -> bool {
    let error = partial(error).map_or(error, |partial| &partial.error);
    error.get_ref().is_some_and(|cause| cause.is::<Panicked>())
}

/// Tells whether an error is a cancellation or a panic, which no further try undoes: [`Cancelled`],
/// [`Panicked`], or what holds one of these, an [`io::Error`] or an [`AggregateError`] of such.
///
/// ```
/// use loop_core::{Cancelled, is_final};
/// use std::io::{Error, ErrorKind};
///
/// assert!(is_final(&Error::from(Cancelled)));
/// assert!(!is_final(&Error::from(ErrorKind::ConnectionRefused)));
/// ```
pub fn is_final<E: 'static>(error: &E) -> bool {
    let error: &dyn Any = error;
    let of_io = |error: &io::Error| is_cancelled(error) || is_panicked(error);
    let of_many = |many: &AggregateError<io::Error>| many.errors.iter().any(of_io);
    error.is::<Cancelled>()
        || error.is::<Panicked>()
        || error.downcast_ref().is_some_and(of_io)
        || error.downcast_ref().is_some_and(of_many)
}

/// Tells whether a connection ended because its peer went away, which is no failure of the
/// server: `ConnectionReset`, `ConnectionAborted` or `BrokenPipe`.
///
/// asyncio: `_FATAL_ERROR_IGNORE`.
///
/// ```
/// use loop_core::is_ended_by_peer;
///
/// assert!(is_ended_by_peer(&std::io::ErrorKind::ConnectionReset.into()));
/// assert!(!is_ended_by_peer(&std::io::ErrorKind::TimedOut.into()));
/// ```
pub fn is_ended_by_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

/// Returns what a panic said.
pub fn panic_message(payload: &(dyn Any + Send)) -> &str {
    if let Some(message) = payload.downcast_ref::<&'static str>() {
        message
    } else if let Some(message) = payload.downcast_ref::<String>() {
        message
    } else {
        "a panic without a message"
    }
}

/// The error of what a closed loop cannot do: it counts as cancelled, as what was pending at the close.
pub(crate) fn closed() -> io::Error {
    io::Error::other(LoopClosed)
}
