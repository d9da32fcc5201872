//! Several cells, measured round by round; one cell is a sweep, too.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::cell::Cell;
use super::{cannot_write, length, tell};
use crate::failure::Failure;
use crate::files::run_directory::RunDirectory;
use crate::files::run_file::Arguments;
use crate::files::sweep_file::SweepFile;
use crate::measure::plan::Interrupted;
use crate::measure::progress::Progress;
use crate::output::{self, Dress};
use crate::past_run;
use crate::process::cpu;
use crate::process::interrupt::Interrupt;
use crate::report;

/// The cells of a run, and what holds them together.
#[derive(Debug)]
pub(super) struct Sweep {
    cells: Vec<Cell>,
    /// The directory around theirs, if there are several.
    around: Option<RunDirectory>,
    begun: Instant,
}

impl Sweep {
    /// Begins with empty cells.
    pub(super) fn begin(
        cells: Vec<Arguments>,
        seed: Option<u64>,
        out: &Path,
        interrupt: &Interrupt,
    ) -> io::Result<Sweep> {
        let started = jiff::Timestamp::now();
        let directory = RunDirectory::create(out, started)?;
        if let [only] = &cells[..] {
            let cell = Cell::begin(only.clone(), seed, directory, interrupt)?;
            return Ok(Sweep { cells: vec![cell], around: None, begun: Instant::now() });
        }
        let seed = seed.or_else(|| Some(u64::from(rand::random::<u32>())));
        let mut begun = Vec::new();
        for arguments in cells {
            let name = arguments.cell_name();
            let within = RunDirectory::create_within(&directory, &name)?;
            begun.push(Cell::begin(arguments, seed, within, interrupt)?);
        }
        SweepFile::of(started, begun.iter().map(|cell| &cell.plan.arguments))
            .write(directory.path())?;
        Ok(Sweep { cells: begun, around: Some(directory), begun: Instant::now() })
    }

    /// Takes up a run that was left.
    pub(super) fn resume(path: &Path, interrupt: &Interrupt) -> Result<Sweep, Failure> {
        let sweep = SweepFile::read(path).map_err(Failure::Refused)?;
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        let (paths, around) = match sweep {
            Some(sweep) => (sweep.directories(folder), Some(RunDirectory::reopen(folder))),
            None => (vec![folder.to_owned()], None),
        };
        let cells = paths.iter().map(|path| Cell::resume(path, interrupt));
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        if cells.iter().all(|cell| !cell.found.run.partial) {
            let reason =
                format!("{}: ended in its time; there is nothing to resume", path.display());
            return Err(Failure::Usage(reason));
        }
        Ok(Sweep { cells, around, begun: Instant::now() })
    }

    /// Says what will be done, and how long it will take.
    pub(super) fn say_length(&self) {
        let arguments: Vec<_> = self.cells.iter().map(|cell| &cell.plan.arguments).collect();
        let seconds = length::expected_seconds(&arguments);
        let long = if seconds < 100.0 {
            format!("{seconds:.0} s")
        } else {
            format!("{:.0} minutes", seconds / 60.0)
        };
        let (first, cells) = (arguments[0], self.cells.len());
        let cells = if cells > 1 { format!(" under each of {cells} loads") } else { String::new() };
        let rounds = report::plural(first.rounds, "round");
        let servers = report::plural(first.arms.len(), "server");
        tell(&format!(
            "about {long}: {rounds} of {servers}{cells}; Ctrl-C keeps what is done, and --resume goes on"
        ));
    }

    /// Measures rounds until there are enough, or the time is over, then counts.
    pub(super) fn measure(&mut self) -> Result<(), Interrupted> {
        if let Some(placement) = self.cells[0].plan.placement {
            // A refusal leaves the generator where it is; the servers pin themselves or fail.
            let _ = cpu::pin(placement.generator);
        }
        let arguments: Vec<_> = self.cells.iter().map(|cell| &cell.plan.arguments).collect();
        let progress = Progress::begin((length::expected_seconds(&arguments) * 1_000.0) as u64);
        let needed: f64 = self.cells.iter().map(Cell::needed_seconds).sum();
        let first = self.cells.iter().map(|cell| cell.found.run.rounds_done).min().unwrap_or(0) + 1;
        for round in first.. {
            let mut any = false;
            for cell in &mut self.cells {
                let done = cell.found.run.rounds_done;
                if round > done && cell.wants(round, self.begun.elapsed(), needed) {
                    cell.round(round, &progress)?;
                    any = true;
                    if let Some(around) = &mut self.around {
                        around.keep();
                    }
                }
                any |= round <= done;
            }
            if !any {
                break;
            }
        }
        self.count(&progress)
    }

    /// Counts once for each number of connections, and the memory of a connection once.
    fn count(&mut self, progress: &Progress) -> Result<(), Interrupted> {
        let mut counted = Vec::new();
        for cell in &mut self.cells {
            let connections = cell.plan.arguments.connections;
            if !counted.contains(&connections) {
                counted.push(connections);
                cell.counts(progress)?;
                if cell.plan.arguments.costs {
                    cell.costs(progress)?;
                }
            }
        }
        Ok(())
    }

    /// Tells whether a server has failed.
    pub(super) fn any_failed(&self) -> bool {
        self.cells.iter().any(|cell| !cell.found.run.failures.is_empty())
    }

    /// Writes the files of all cells, prints the report, and returns the page.
    pub(super) fn conclude(mut self, partial: bool) -> Result<Option<PathBuf>, Failure> {
        let mut refused = None;
        for cell in &mut self.cells {
            if let Err(error) = cell.conclude(partial) {
                refused = Some(cannot_write(cell.directory.path(), &error));
            } else if let Err(failure) = past_run::write_page(cell.directory.path()) {
                // The run is no worse for it: its figures are printed and written.
                output::complain(&failure.to_string());
            }
        }
        let page = match &self.around {
            Some(around) => {
                let text = past_run::write_overview(around.path(), Dress::of_stdout())?;
                output::print(&text)?;
                around.path()
            }
            None => {
                let cell = &self.cells[0];
                let latencies = cell.found.latencies.counted(&cell.plan.arguments.arms);
                let files = refused.is_none().then_some(cell.directory.path());
                let dress = Dress::of_stdout();
                output::print(&report::compose(&cell.found.run, &latencies, files, dress))?;
                cell.directory.path()
            }
        };
        let page = page.join(crate::files::run_file::PAGE_NAME);
        refused.map_or(Ok(Some(page)), Err)
    }
}
