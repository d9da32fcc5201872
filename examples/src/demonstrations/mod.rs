//! What is said about loops and styles, as programs that show it.
//!
//! Each is a file with a function that does the thing and returns what was seen, and a `show` that
//! tells it; `oneloop demo NAME` prints that. Rule: figures are counts, or times of a clock that only
//! moves when it is told to, so that a demonstration shows the same whenever it runs. [`depth`] and
//! [`frames`] are programs that other commands measure and look into.

mod pair;

pub mod after_close;
pub mod awaiting;
pub mod depth;
pub mod frames;
pub mod mid_frame;
pub mod run_once;
pub mod starvation;
pub mod stepping;
pub mod unbounded_write;
pub mod wake_up;
pub mod zalgo;

use std::io;

/// A program that shows what is claimed.
#[derive(Debug)]
pub struct Demonstration {
    /// Its name on the command line.
    pub name: &'static str,
    /// The claims of the registry that it is about.
    pub claims: &'static str,
    /// What it shows.
    pub sentence: &'static str,
    /// What follows from it.
    pub so: &'static str,
    /// Does it and tells what was seen, line by line.
    show: fn(Detail) -> io::Result<String>,
}

/// How much a demonstration tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What fits a terminal of 24 rows.
    Short,
    /// Everything.
    Long,
}

impl Demonstration {
    /// All of them, by name.
    pub const ALL: &[Demonstration] = &[
        after_close::DEMONSTRATION,
        awaiting::DEMONSTRATION,
        mid_frame::DEMONSTRATION,
        run_once::DEMONSTRATION,
        starvation::DEMONSTRATION,
        stepping::DEMONSTRATION,
        unbounded_write::DEMONSTRATION,
        wake_up::DEMONSTRATION,
        zalgo::DEMONSTRATION,
    ];

    /// Finds one by its name, or by its module's.
    pub fn named(name: &str) -> Option<&'static Demonstration> {
        let name = name.replace('_', "-");
        Demonstration::ALL.iter().find(|known| known.name == name)
    }

    /// Does it, and returns what was seen as text, which ends with what follows from it.
    ///
    /// # Errors
    /// What the system says, of loops and of sockets on the loopback interface.
    pub fn show(&self, detail: Detail) -> io::Result<String> {
        let seen = (self.show)(detail)?;
        let claims = match self.claims {
            "" => String::new(),
            claims => format!("Claims: {claims}\n"),
        };
        Ok(format!("{}\n\n{seen}\nSo: {}\n{claims}", self.sentence, self.so))
    }
}
