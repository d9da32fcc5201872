//! An I/O error for many: what a promise that is shared may be rejected with.

use std::error::Error;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

use loop_core::{Cancelled, Panicked, is_cancelled};

use super::Fault;

/// An [`io::Error`] that can be cloned, so that a promise of I/O can be [shared](super::Promise::share).
///
/// It is the error behind a count: its kind, its text and its source are the error's.
///
/// ```
/// use api_promises::{Promise, Shared, SharedError, TcpStream};
/// use std::io;
///
/// let mut event_loop = loop_core::EventLoop::new()?;
/// let closed = "127.0.0.1:1".parse().unwrap();
/// let connecting = TcpStream::connect(&event_loop.handle(), closed);
/// let connection: Shared<TcpStream, SharedError> = connecting.err_into().share();
/// let (one, other) = (connection.promise(), connection.promise().err_into::<io::Error>());
/// let refused = one.run_until_complete(&mut event_loop).unwrap().unwrap_err();
/// assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
/// let refused = other.run_until_complete(&mut event_loop).unwrap().unwrap_err();
/// assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
/// # Ok::<(), io::Error>(())
/// ```
#[derive(Clone)]
pub struct SharedError(Arc<io::Error>);

impl Deref for SharedError {
    type Target = io::Error;

    fn deref(&self) -> &io::Error {
        &self.0
    }
}

impl From<io::Error> for SharedError {
    fn from(error: io::Error) -> SharedError {
        SharedError(Arc::new(error))
    }
}

impl From<Fault> for SharedError {
    fn from(fault: Fault) -> SharedError {
        io::Error::from(fault).into()
    }
}

/// The error itself, for the last to have it; for the others one of its kind, with its text and its source. A
/// cancellation, a panic and a fault are told as such to all.
impl From<SharedError> for io::Error {
    fn from(shared: SharedError) -> io::Error {
        let shared = match Arc::try_unwrap(shared.0) {
            Ok(error) => return error,
            Err(shared) => SharedError(shared),
        };
        let cause = shared.get_ref();
        if let Some(fault) = cause.and_then(|cause| cause.downcast_ref::<Fault>()) {
            return fault.clone().into();
        }
        if let Some(panicked) = cause.and_then(|cause| cause.downcast_ref::<Panicked>()) {
            return panicked.clone().into();
        }
        if is_cancelled(&shared) {
            return Cancelled.into();
        }
        match shared.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(shared.kind(), shared),
        }
    }
}

impl fmt::Debug for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for SharedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
