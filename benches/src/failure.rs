//! How a command ends when it does not end well, and the exit code that each end has.

use std::fmt;
use std::process::ExitCode;

/// Why a command ends early or badly.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line asks for what cannot be; nothing was started.
    Usage(String),
    /// Something outside the program refused: an address, a file.
    Refused(String),
    /// A measured server failed.
    Server(String),
    /// At least one arm of the comparison failed; the report has said which and why.
    Arms,
    /// The user ended the run; what there was has been reported.
    Interrupted,
}

impl Failure {
    /// Returns the exit code: 1 for the outside world, 2 for bad input and bad servers, and the
    /// shell's 130 for Ctrl-C.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Refused(_) => 1,
            Failure::Usage(_) | Failure::Server(_) | Failure::Arms => 2,
            Failure::Interrupted => 130,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(reason) | Failure::Refused(reason) | Failure::Server(reason) => {
                f.write_str(reason)
            }
            Failure::Arms => f.write_str("at least one server failed; see the report"),
            Failure::Interrupted => f.write_str("interrupted"),
        }
    }
}
