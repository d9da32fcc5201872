//! `oneloop compare`: the arms, in interleaved rounds, each with a fresh server.
//!
//! A *cell* is a number of connections under a load, with its own directory and report; several cells
//! are a *sweep*, measured round by round, so that what the machine does meanwhile meets all of them.

mod arguments;
mod cell;
mod findings;
mod length;
mod rounds;
mod saturation;
mod sweep;

use std::path::Path;

use crate::failure::Failure;
use crate::measure::load_alone::ensure_schedule_fits;
use crate::measure::plan::Interrupted;
use crate::process::interrupt::Interrupt;
use crate::process::limits;
use crate::{output, process};
pub(crate) use arguments::{CompareArguments, EXAMPLES};
use sweep::Sweep;

/// Compares by one load, or by each load of a suite.
pub(crate) fn run(asked: &CompareArguments) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::Refused(format!("cannot listen for signals: {error}")))?;
    let sweep = match &asked.resume {
        Some(run) => Sweep::resume(run, &interrupt)?,
        None => begin(asked, &interrupt)?,
    };
    sweep.say_length();
    let mut sweep = sweep;
    let finished = sweep.measure();
    let any_failed = sweep.any_failed();
    let page = sweep.conclude(finished.is_err())?;
    if let Some(page) = page.filter(|_| asked.open) {
        process::open::in_browser(&page);
    }
    match finished {
        Err(Interrupted) => Err(Failure::Interrupted),
        Ok(()) if any_failed => Err(Failure::Arms),
        Ok(()) => Ok(()),
    }
}

fn begin(asked: &CompareArguments, interrupt: &Interrupt) -> Result<Sweep, Failure> {
    for (shape, _) in asked.shapes() {
        limits::ensure_connections_fit(shape.connections_max())?;
    }
    let cells = asked.cells()?;
    ensure_schedule_fits(asked.rate, cells[0].seconds)?;
    Sweep::begin(cells, asked.seed, &asked.out, interrupt)
        .map_err(|error| cannot_write(&asked.out, &error))
}

fn cannot_write(to: &Path, error: &std::io::Error) -> Failure {
    Failure::Refused(format!("cannot write to {}: {error}", to.display()))
}

/// Says what a run is about to do, where a person may be waiting.
fn tell(line: &str) {
    if output::terminal_width().is_some() {
        output::complain(line);
    }
}
