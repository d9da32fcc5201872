//! `oneloop cost scale`: whether a message costs as much among many as among few.
//!
//! Rule: counts alone, so that a busy machine shows the same. Each figure is the slope between a short
//! and a long run, as in `cost echo`; a load at which two axes meet is counted once.

mod axis;
mod report;

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use super::figures::Load;
use super::{callgrind, idle, session, strace, usual_load, volume};
use crate::failure::Failure;
use crate::files::figures::Pace;
use crate::files::whole::WholeFile;
use crate::measure::arm::Arm;
use crate::measure::counts::{self, Case};
use crate::measure::load::Shape;
use crate::measure::plan::{Interrupted, Plan, keep};
use crate::measure::progress::Progress;
use crate::measure::selection::Selection;
use crate::output::{self, Dress};
use crate::process::cpu;
use crate::process::environment::Environment;
use crate::process::interrupt::Interrupt;
use crate::process::limits;
use crate::values::Rule;
use axis::Axis;
use report::{Figures, Point, ScaleReport};

/// The most bytes that a run echoes.
const BYTES_MAX: usize = 128 * 1024 * 1024;

/// The arguments of `cost scale`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ScaleArguments {
    #[command(flatten)]
    selection: Selection,
    /// Fewer loads, and no system calls
    #[arg(long)]
    quick: bool,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
    /// Write a plot of the instructions to this file as well
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// A run under way.
struct Scale<'a> {
    plan: Plan,
    quick: bool,
    strace: bool,
    callgrind: bool,
    progress: Progress,
    report: &'a mut ScaleReport,
}

/// Counts every load of every axis; prints tables or JSON.
pub(super) fn run(asked: &ScaleArguments) -> Result<(), Failure> {
    let svg = asked.svg.as_deref().map(|path| {
        let refused = |error| Failure::Refused(format!("cannot write {}: {error}", path.display()));
        WholeFile::create(path).map(|file| (file, refused)).map_err(refused)
    });
    let svg = svg.transpose()?;
    let resolved = asked.selection.arms()?;
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::Refused(format!("cannot listen for signals: {error}")))?;
    let plan = Plan::new(usual_load(resolved), None, interrupt);
    if let Some(placement) = plan.placement {
        // A refusal leaves the generator where it is; the servers pin themselves or fail.
        let _ = cpu::pin(placement.generator);
    }
    let begun = Instant::now();
    let environment = Environment::observe(plan.placement);
    let mut report = ScaleReport::begin(environment, asked.quick);
    let finished = Scale::of(plan, asked.quick, &mut report).measure();
    report.partial = finished.is_err();
    report.environment.finish(begun.elapsed());
    let text = if asked.json {
        format!("{}\n", serde_json::to_string(&report).expect("a report is plain data"))
    } else {
        report.compose(Dress::of_stdout())
    };
    output::print(&text)?;
    if let Some((file, refused)) = svg {
        file.write(report.svg().as_bytes()).map_err(refused)?;
    }
    match finished {
        Err(Interrupted) => Err(Failure::Interrupted),
        Ok(()) if !report.failures.is_empty() => Err(Failure::Arms),
        Ok(()) => Ok(()),
    }
}

impl<'a> Scale<'a> {
    fn of(plan: Plan, quick: bool, report: &'a mut ScaleReport) -> Scale<'a> {
        let mut can = |what: &str, outcome: Result<(), String>| {
            outcome.map_err(|reason| report.unmeasured.push(format!("{what}: {reason}"))).is_ok()
        };
        let callgrind = can("instructions", callgrind::available());
        let strace = !quick && can("system calls", strace::available());
        let of_axis = |axis: &Axis| axis.values(quick).len() * arms_of(&plan, *axis).len();
        let progress = Progress::begin(Axis::ALL.iter().map(of_axis).sum::<usize>() as u64);
        Scale { plan, quick, strace, callgrind, progress, report }
    }

    fn measure(&mut self) -> Result<(), Interrupted> {
        let possible = limits::connections_possible();
        for axis in Axis::ALL {
            self.plan.idle_timeout = axis == Axis::IdleTimeout;
            for &value in axis.values(self.quick) {
                let shape = axis.shape(value);
                let connections = (shape.connections + shape.idle) as u64;
                if connections > possible {
                    let reason = format!("{connections} connections: {possible} are possible");
                    self.report.unmeasured.push(reason);
                    continue;
                }
                self.plan.shape = shape;
                for arm in arms_of(&self.plan, axis) {
                    self.progress.say(format!("{arm}: {}, {value}", axis.sentence()));
                    self.progress.advance(1);
                    self.point(axis, value, &arm)?;
                }
            }
        }
        Ok(())
    }

    /// Counts one arm under one load, unless that was counted on another axis.
    fn point(&mut self, axis: Axis, value: usize, arm: &Arm) -> Result<(), Interrupted> {
        let Plan { shape, idle_timeout, .. } = self.plan;
        let known = self.report.figures_of(arm.name(), shape, idle_timeout);
        let figures = match known {
            Some(figures) => figures,
            None => self.figures(arm, axis, value)?,
        };
        let arm = arm.name().to_owned();
        self.report.add(Point { axis, value, arm, shape, idle_timeout, figures });
        Ok(())
    }

    fn figures(&mut self, arm: &Arm, axis: Axis, value: usize) -> Result<Figures, Interrupted> {
        let (plan, failures) = (&self.plan, &mut self.report.failures);
        let messages = messages(plan.shape, self.quick);
        let during = |what: &str| format!("{what}, {}: {value}", axis.sentence());
        let mut figures = Figures::default();
        if self.callgrind {
            let counted = session::instructions(plan, arm, Load::Busy, messages);
            let counted = keep(failures, arm, during("instructions"), counted)?;
            figures.instructions = counted.map(|found| found.per_message);
        }
        if self.strace {
            let counted = session::calls(plan, arm, Load::Busy, messages);
            let counted = keep(failures, arm, during("system calls"), counted)?;
            figures.system_calls = counted.map(|found| found.total);
        }
        if arm.style().is_some() && plan.shape.idle == 0 {
            let case = Case { arm, rule: Rule::Bounded, pace: Pace::Saturated };
            let counted = keep(failures, arm, during("counts"), counts::count(plan, case))?;
            if let Some(raw) = counted {
                figures.allocations = raw.per_message(|counts| counts.allocations);
                figures.hops = raw.per_message(|counts| counts.hops);
                figures.server_heap_bytes_max = raw.counted[1].heap_bytes_max;
            }
        }
        if axis.counts_memory() {
            let resident = idle::resident_when_busy(plan, arm, messages[0]);
            let resident = keep(failures, arm, during("memory"), resident)?;
            figures.server_resident_bytes = resident.flatten();
        }
        Ok(figures)
    }
}

/// Lists the arms that can be measured on an axis.
fn arms_of(plan: &Plan, axis: Axis) -> Vec<Arm> {
    plan.arguments.arms.iter().filter(|arm| axis.has(arm)).cloned().collect()
}

/// Returns the messages of the short and of the long run: as for `cost echo`, but fewer large ones.
fn messages(shape: Shape, quick: bool) -> [u64; 2] {
    let active = shape.connections as u64;
    let [short, long] = volume::messages(Load::Busy, active, quick);
    let most = (BYTES_MAX / shape.size) as u64 / active * active;
    let least = active * 2;
    let short = short.min(most / 3).next_multiple_of(active).max(least);
    [short, long.min(most).max(short + least)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_longer_and_echoes_a_bounded_number_of_bytes() {
        for axis in Axis::ALL {
            for (quick, value) in [false, true]
                .into_iter()
                .flat_map(|quick| axis.values(quick).iter().map(move |value| (quick, *value)))
            {
                let shape = axis.shape(value);
                let [short, long] = messages(shape, quick);
                let active = shape.connections as u64;
                assert!(
                    short < long && short % active == 0 && long % active == 0,
                    "{axis:?} {value}"
                );
                let bytes = long as usize * shape.size;
                assert!(bytes <= BYTES_MAX.max(6 * shape.connections * shape.size), "{bytes}");
            }
        }
    }
}
