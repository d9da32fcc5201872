//! How much of an answer there may be.

/// The most bytes of a header, and of what follows a body that comes in chunks.
pub(super) const HEADER_BYTES_MAX: usize = 32 * 1024;

/// The most fields of a header.
pub(super) const HEADER_FIELDS_MAX: usize = 100;
