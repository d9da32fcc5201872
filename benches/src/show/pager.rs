//! A text that is longer than the terminal goes through a pager.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::{Child, Command, Stdio};

use crate::failure::Failure;
use crate::output;

/// The pager where `PAGER` names none: it keeps colours, and leaves the text on the screen.
const PAGER: &str = "less -FRX";

/// Prints a text: through the pager if it is longer than the terminal that it goes to.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let rows = output::terminal_rows().filter(|_| io::stdin().is_terminal());
    let too_long = rows.is_some_and(|rows| text.lines().count() >= rows);
    match too_long.then(pager).flatten() {
        Some(child) => {
            page(child, text);
            Ok(())
        }
        None => output::print(text),
    }
}

/// Starts the pager; without one, text is printed as it is.
fn pager() -> Option<Child> {
    let words = shlex::split(&env::var("PAGER").unwrap_or_else(|_| PAGER.to_owned()))?;
    let (program, arguments) = words.split_first()?;
    Command::new(program).args(arguments).stdin(Stdio::piped()).spawn().ok()
}

/// Hands a text to the pager and waits for the reader to leave it.
fn page(mut child: Child, text: &str) {
    if let Some(mut input) = child.stdin.take() {
        // A reader that leaves before the end is no failure.
        let _ = input.write_all(text.as_bytes());
    }
    let _ = child.wait();
}
