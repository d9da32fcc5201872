//! What had been moved before an error: the error says it.

use std::error::Error;
use std::fmt;
use std::io;

/// An operation ended before its time, but not before it had moved some bytes.
///
/// Travels inside an [`io::Error`] of the cause's kind; [`transferred`] finds the count.
#[derive(Debug)]
pub struct Partial {
    /// How many bytes were moved.
    pub count: usize,
    /// Why no more were.
    pub error: io::Error,
}

/// Returns how many bytes an operation had moved before this error ended it.
///
/// ```
/// use loop_core::transfer::{Partial, transferred};
/// use std::io::{Error, ErrorKind};
///
/// let error = Error::from(ErrorKind::ConnectionReset);
/// assert_eq!(transferred(&error), 0);
/// let error = Error::new(error.kind(), Partial { count: 3, error });
/// assert_eq!(transferred(&error), 3);
/// ```
pub fn transferred(error: &io::Error) -> usize {
    partial(error).map_or(0, |partial| partial.count)
}

/// Returns the cause and the count that an error brings, if bytes were moved before it.
pub(crate) fn partial(error: &io::Error) -> Option<&Partial> {
    error.get_ref()?.downcast_ref()
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (after {} bytes)", self.error, self.count)
    }
}

impl Error for Partial {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
