//! `oneloop demo`: what is claimed, shown by a program that does it.

use clap::Args;
use examples::demonstrations::Demonstration;

use crate::failure::Failure;
use crate::{nearest, output};

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop demo zalgo
  oneloop demo unbounded-write

`oneloop list` names them all.";

/// The arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Which one
    #[arg(value_name = "NAME", value_parser = demonstration)]
    demonstration: &'static Demonstration,
}

/// Does a demonstration, and prints what it shows.
pub(crate) fn run(asked: &DemoArguments) -> Result<(), Failure> {
    let shown = asked.demonstration.show().map_err(|error| {
        Failure::Refused(format!("the demonstration did not come to its end: {error}"))
    })?;
    output::print(&shown)
}

/// Finds a demonstration, or says which exist.
fn demonstration(name: &str) -> Result<&'static Demonstration, String> {
    Demonstration::named(name).ok_or_else(|| {
        let names: Vec<_> = Demonstration::ALL.iter().map(|known| known.name).collect();
        let hint = nearest::hint(name, names.iter().copied());
        format!("no such demonstration; {hint}there are {}", names.join(", "))
    })
}
