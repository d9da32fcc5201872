//! Why a page could not be had.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

use loop_core::{Cancelled, Elapsed, Panicked};

use super::limits::{HEADER_BYTES_MAX, HEADER_FIELDS_MAX};

/// Why a page could not be had.
#[derive(Debug)]
pub(super) enum FetchError {
    Io(io::Error),
    /// It is no HTTP.
    Garbage,
    /// What it says of its length is no length, or more than one.
    Length,
    /// It is in a coding that was not asked for.
    Coding,
    /// It comes in chunks that are none.
    Chunk,
    /// It ended before its end.
    Truncated,
    TooLarge,
    /// Its header has too many fields.
    TooManyFields,
    /// Its header is too long.
    HeaderTooLong,
    TimedOut,
}

impl FetchError {
    /// Tells whether there was more than may be, of the header or of all.
    pub(super) fn is_a_limit(&self) -> bool {
        use FetchError::{HeaderTooLong, TooLarge, TooManyFields};
        matches!(self, TooLarge | TooManyFields | HeaderTooLong)
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Io(error) => error.fmt(f),
            FetchError::Garbage => f.write_str("the answer is no HTTP"),
            FetchError::Length => f.write_str("the answer does not say how long it is"),
            FetchError::Coding => f.write_str("the answer has a transfer coding but `chunked`"),
            FetchError::Chunk => f.write_str("the answer has a chunk that is none"),
            FetchError::Truncated => f.write_str("the answer ended before its end"),
            FetchError::TooLarge => f.write_str("the answer is too large"),
            FetchError::TooManyFields => {
                write!(f, "the header of the answer has more than {HEADER_FIELDS_MAX} fields")
            }
            FetchError::HeaderTooLong => {
                write!(f, "the header of the answer has more than {HEADER_BYTES_MAX} bytes")
            }
            FetchError::TimedOut => Elapsed.fmt(f),
        }
    }
}

impl Error for FetchError {}

impl From<httparse::Error> for FetchError {
    fn from(error: httparse::Error) -> FetchError {
        match error {
            httparse::Error::TooManyHeaders => FetchError::TooManyFields,
            _ => FetchError::Garbage,
        }
    }
}

impl From<io::Error> for FetchError {
    fn from(error: io::Error) -> FetchError {
        match error.kind() {
            // A blocking socket says the second when its time is over.
            ErrorKind::TimedOut | ErrorKind::WouldBlock => FetchError::TimedOut,
            _ => FetchError::Io(error),
        }
    }
}

impl From<Elapsed> for FetchError {
    fn from(_elapsed: Elapsed) -> FetchError {
        FetchError::TimedOut
    }
}

impl From<Cancelled> for FetchError {
    fn from(cancelled: Cancelled) -> FetchError {
        FetchError::Io(cancelled.into())
    }
}

impl From<Panicked> for FetchError {
    fn from(panicked: Panicked) -> FetchError {
        FetchError::Io(panicked.into())
    }
}

impl From<api_promises::Fault> for FetchError {
    fn from(fault: api_promises::Fault) -> FetchError {
        FetchError::Io(fault.into())
    }
}
