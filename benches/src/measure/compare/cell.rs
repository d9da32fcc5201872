//! One number of connections under one load: what is asked, what was found, where it is kept.
//!
//! Rule: after each whole round, all that was found is on disk, and a resumed run goes on behind it.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::findings::Findings;
use super::{length, rounds};
use crate::failure::Failure;
use crate::files::interval_log::IntervalLog;
use crate::files::past;
use crate::files::run_directory::RunDirectory;
use crate::files::run_file::{Arguments, Run};
use crate::measure::cost;
use crate::measure::counts;
use crate::measure::latencies::Latencies;
use crate::measure::plan::{Interrupted, Plan};
use crate::measure::progress::Progress;
use crate::process::environment::Environment;
use crate::process::interrupt::Interrupt;
use crate::report;

/// A cell of a sweep.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) plan: Plan,
    pub(super) found: Findings,
    pub(super) directory: RunDirectory,
    /// The machine when this process began with it.
    began: (Instant, Environment),
    /// What an earlier process took.
    earlier: Option<Environment>,
    /// What went wrong first when something was written. A report is no worse for a full disk.
    error: Option<io::Error>,
}

impl Cell {
    /// Begins an empty cell in a directory of its own.
    pub(super) fn begin(
        arguments: Arguments,
        seed: Option<u64>,
        directory: RunDirectory,
        interrupt: &Interrupt,
    ) -> io::Result<Cell> {
        let plan = Plan::new(arguments, seed, interrupt.clone());
        let environment = Environment::observe(plan.placement);
        let run = Run::begin(environment.clone(), plan.arguments.clone(), plan.seed);
        let log = IntervalLog::create(directory.path())?;
        let found = Findings { run, latencies: Latencies::default(), log };
        let began = (Instant::now(), environment);
        Ok(Cell { plan, found, directory, began, earlier: None, error: None })
    }

    /// Takes up a cell that was left.
    ///
    /// # Errors
    /// When its files cannot be read, or another build or another machine made them.
    pub(super) fn resume(path: &Path, interrupt: &Interrupt) -> Result<Cell, Failure> {
        let refused = |reason: String| Failure::Refused(format!("{}: {reason}", path.display()));
        let past = past::read(path).map_err(Failure::Refused)?;
        let mut run = past.run;
        run.drop_unfinished_round();
        let plan = Plan::new(run.arguments.clone(), Some(run.seed), interrupt.clone());
        let here = Environment::observe(plan.placement);
        if let Some(other) = run.environment.differs(&here) {
            return Err(refused(format!("cannot be resumed: it was made with another {other}")));
        }
        let mut latencies = Latencies::default();
        past::each_open(&run, &past.intervals, |figures, recorder, _| {
            latencies.add(run.is_valid(figures.round), &figures.arm, &recorder);
        })
        .map_err(refused)?;
        let log = IntervalLog::reopen(path, run.log_bytes, run.started)
            .map_err(|error| refused(error.to_string()))?;
        run.resumed.push(Timestamp::now());
        let earlier = Some(run.environment.clone());
        let found = Findings { run, latencies, log };
        let (directory, began) = (RunDirectory::reopen(path), (Instant::now(), here));
        Ok(Cell { plan, found, directory, began, earlier, error: None })
    }

    /// Tells whether another round is to be measured, `spent` after the sweep began, if so many seconds
    /// are to be left for it, the other cells' rounds and what comes behind them.
    pub(super) fn wants(&self, round: usize, spent: Duration, needed: f64) -> bool {
        let run = &self.found.run;
        let asked = &self.plan.arguments;
        let valid = run.rounds_done - run.void_rounds.len();
        let Some(limit) = asked.limit_seconds else { return round <= asked.rounds };
        let fits = spent.as_secs_f64() + needed <= limit || run.rounds_done == 0;
        // A machine that voids more than half of the rounds will void the next ones, too.
        valid < asked.rounds && round <= 2 * asked.rounds && fits
    }

    /// Measures a round, and keeps it.
    pub(super) fn round(&mut self, round: usize, progress: &Progress) -> Result<(), Interrupted> {
        rounds::measure(&self.plan, round, &mut self.found, progress)?;
        self.found.run.rounds_done = round;
        self.save();
        Ok(())
    }

    /// Counts what does not depend on the clock.
    pub(super) fn counts(&mut self, progress: &Progress) -> Result<(), Interrupted> {
        let run = &mut self.found.run;
        if run.counts.is_empty() {
            counts::measure(&self.plan, run, progress)?;
        }
        Ok(())
    }

    /// Counts instructions and bytes.
    pub(super) fn costs(&mut self, progress: &Progress) -> Result<(), Interrupted> {
        let run = &mut self.found.run;
        if run.instructions.is_empty() && run.memory.is_empty() {
            cost::beside_the_clock(&self.plan, run, progress)?;
        }
        Ok(())
    }

    /// Returns about how long a round takes with what comes behind the last one, in seconds.
    pub(super) fn needed_seconds(&self) -> f64 {
        let asked = &self.plan.arguments;
        length::round_seconds(asked) + length::behind_seconds(asked)
    }

    /// Draws the conclusions and writes all files.
    pub(super) fn conclude(&mut self, partial: bool) -> io::Result<()> {
        let environment = self.environment();
        let Findings { run, latencies, log } = &mut self.found;
        run.environment = environment;
        run.partial = partial;
        run.answers = report::answers(run);
        run.verdict = report::verdict(run);
        let written = log.mark().map(drop);
        let counted = latencies.counted(&self.plan.arguments.arms);
        let written = self.error.take().map_or(written, Err);
        written.and_then(|()| self.directory.complete(run, &counted))
    }

    /// Keeps what there is, whatever happens next.
    fn save(&mut self) {
        self.found.run.environment = self.environment();
        let run = &mut self.found.run;
        let saved = self.found.log.mark().and_then(|bytes| {
            run.log_bytes = bytes;
            // Until the end is reached.
            run.partial = true;
            self.directory.save(run)
        });
        if self.error.is_none() {
            self.error = saved.err();
        }
    }

    /// Returns the machine with the times until now.
    fn environment(&self) -> Environment {
        let (begun, environment) = &self.began;
        let mut environment = environment.clone();
        environment.finish(begun.elapsed());
        if let Some(earlier) = &self.earlier {
            environment.add_earlier(earlier);
        }
        environment
    }
}
