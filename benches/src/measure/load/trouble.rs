//! What can go wrong between the generator and a server, in words for a report.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Why a phase ended before its time.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// No connection could be made.
    Connect { addr: SocketAddr, error: io::Error },
    /// A byte came back that was not sent there.
    WrongBytes { connection: usize, position: u64 },
    /// More bytes came back than were sent.
    Unasked { connection: usize },
    /// The server closed or reset a connection.
    HungUp { connection: usize, received: u64, error: Option<io::Error> },
    /// A reply was owed, and nothing came.
    NeverAnswered { connection: usize, waited: Duration },
    /// The generator's own readiness queue failed.
    Poll(io::Error),
    /// The user ended the run.
    Interrupted,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The client's side of many short connections, and no fault of the server.
            Trouble::Connect { addr, error } if error.kind() == io::ErrorKind::AddrNotAvailable => {
                write!(f, "cannot connect to {addr}: this machine has no port left ({error})")
            }
            Trouble::Connect { addr, error } => write!(f, "cannot connect to {addr}: {error}"),
            Trouble::WrongBytes { connection, position } => {
                write!(f, "wrong bytes: connection {connection} differs at byte {position}")
            }
            Trouble::Unasked { connection } => {
                write!(f, "wrong bytes: connection {connection} got more than it sent")
            }
            Trouble::HungUp { connection, received, error } => {
                write!(f, "hung up: connection {connection} ended after {received} bytes")?;
                match error {
                    Some(error) => write!(f, " ({error})"),
                    None => Ok(()),
                }
            }
            Trouble::NeverAnswered { connection, waited } => write!(
                f,
                "never answered: connection {connection} heard nothing for {:.1} s",
                waited.as_secs_f64()
            ),
            Trouble::Poll(error) => write!(f, "cannot wait for sockets: {error}"),
            Trouble::Interrupted => f.write_str("interrupted"),
        }
    }
}
