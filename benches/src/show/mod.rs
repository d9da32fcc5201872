//! `oneloop show`: code and what it promises, laid out to be read.

mod crossings;
mod frames;
mod virality;

use clap::Args;

use crate::failure::Failure;
use crate::output::{self, Dress};

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop show crossings                     from each colour of function to each other
  oneloop show crossings --width 100
  oneloop show frames                        who calls whom: what a backtrace has of a program
  oneloop show virality                      what changes when the leaf of a program must wait";

/// The arguments of `show`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ShowArguments {
    /// What to show: crossings, frames, virality
    #[arg(value_parser = subject)]
    pub(crate) subject: Subject,
    /// Columns of the page [default: the terminal's, or 120]
    #[arg(long, value_name = "N", value_parser = width)]
    pub(crate) width: Option<usize>,
}

/// What can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The page of the twelve crossings.
    Crossings,
    /// What backtraces show of a program.
    Frames,
    /// What changes when the leaf of a program must wait.
    Virality,
}

/// Lays out what was asked for.
pub(crate) fn run(asked: &ShowArguments) -> Result<(), Failure> {
    let dress = Dress::of_stdout();
    let columns = asked.width.unwrap_or_else(terminal_width);
    let text = match asked.subject {
        Subject::Crossings => crossings::page(columns, dress),
        Subject::Frames => frames::page(dress)?,
        Subject::Virality => virality::page(dress),
    };
    output::print(&text)
}

fn subject(name: &str) -> Result<Subject, String> {
    match name {
        "crossings" => Ok(Subject::Crossings),
        "frames" => Ok(Subject::Frames),
        "virality" => Ok(Subject::Virality),
        _ => Err("nothing of this name can be shown; there is: crossings, frames, virality".into()),
    }
}

fn width(text: &str) -> Result<usize, String> {
    let within = text.parse().ok().filter(|columns| (80..=1_000).contains(columns));
    within.ok_or_else(|| "must be a whole number from 80 to 1000 columns".to_owned())
}

/// Returns the columns of the terminal that the page goes to; 120 where there is none.
fn terminal_width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.ok().map_or(120, |size| usize::from(size.ws_col)).max(80)
}
