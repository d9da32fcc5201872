//! `oneloop demo`: what is claimed, shown by a program that does it.

use clap::Args;
use examples::demonstrations::{Demonstration, Detail};

use crate::failure::Failure;
use crate::{list, nearest, output};

pub(crate) const EXAMPLES: &str = "\
Examples:
  oneloop demo  lists them
  oneloop demo zalgo
  oneloop demo run-once --long";

/// The arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Which one; without it they are listed
    #[arg(value_name = "NAME", value_parser = demonstration)]
    demonstration: Option<&'static Demonstration>,
    /// Tell everything, also what does not fit a terminal of 24 rows
    #[arg(long, requires = "demonstration")]
    long: bool,
}

/// Does a demonstration and prints what it shows, or lists them.
pub(crate) fn run(asked: &DemoArguments) -> Result<(), Failure> {
    let Some(demonstration) = asked.demonstration else {
        return output::print(&list::demonstrations());
    };
    let detail = if asked.long { Detail::Long } else { Detail::Short };
    let shown = demonstration.show(detail).map_err(|error| {
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
