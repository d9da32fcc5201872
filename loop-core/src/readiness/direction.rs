//! The two directions of a socket.

/// Which way the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Towards the program: reading, accepting.
    Read,
    /// Away from the program: writing, connecting.
    Write,
}
