//! `oneloop cost depth`: what calls cost against their depth, a chain's length and a fan's width.

mod experiment;
mod plot;
mod terminal;

use std::path::PathBuf;

use allocation_counter::measure;
use clap::Args;
use loop_core::{EventLoop, RunError};
use serde::Serialize;

use super::PlainArguments;
use super::timing::{self, Run};
use crate::failure::Failure;
use crate::files::whole::WholeFile;
use crate::output::{self, Dress};
use crate::process::cpu::{self, Placement};
use crate::process::environment::Environment;
use crate::report::grid::Grid;
use crate::report::{grouped, heading, wrapped};
use experiment::{Arm, Experiment};

/// The arguments of `cost depth`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DepthArguments {
    #[command(flatten)]
    plain: PlainArguments,
    /// Write the plots to this file as well
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What was found, in the form of its JSON.
#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    quick: bool,
    environment: Environment,
    series: Vec<Series>,
}

/// One arm of an experiment.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) experiment: Experiment,
    pub(crate) arm: Arm,
    pub(crate) points: Vec<Point>,
    /// Nanoseconds for one more of the size, at the large end.
    pub(crate) slope_nanoseconds: f64,
    /// Allocations for one more of the size, there.
    pub(crate) slope_allocations: f64,
    /// By which power the time grows with the size, there.
    pub(crate) exponent: f64,
}

/// One size.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Point {
    pub(crate) size: u64,
    /// Of the whole shape.
    pub(crate) nanoseconds: f64,
    pub(crate) allocations: u64,
}

/// Measures everything; prints tables and plots, or JSON.
pub(crate) fn run(asked: &DepthArguments) -> Result<(), Failure> {
    let svg = asked.svg.as_deref().map(|path| {
        let refused = |error| Failure::Refused(format!("cannot write {}: {error}", path.display()));
        WholeFile::create(path).map(|file| (file, refused)).map_err(refused)
    });
    let svg = svg.transpose()?;
    let placement = Placement::choose();
    if let Some(placement) = placement {
        // Unpinned it is only noisier.
        let _ = cpu::pin(placement.server);
    }
    let quick = asked.plain.quick;
    let environment = Environment::observe(placement);
    let mut series = Vec::new();
    for experiment in Experiment::ALL {
        series.extend(measured(experiment, quick)?);
    }
    let report = Report { schema: 1, quick, environment, series };
    let text = if asked.plain.json {
        let line = serde_json::to_string(&report).expect("a report is plain data");
        format!("{line}\n")
    } else {
        compose(&report, Dress::of_stdout())
    };
    // First what is certain: a disk that is full by now takes no figure away.
    output::print(&text)?;
    svg.map_or(Ok(()), |(file, refused)| {
        file.write(plot::to_svg(&report.series).as_bytes()).map_err(refused)
    })
}

fn failed(error: RunError) -> Failure {
    Failure::Refused(format!("the loop failed: {error}"))
}

/// Measures one experiment: every size of every arm, in turn.
fn measured(experiment: Experiment, quick: bool) -> Result<Vec<Series>, Failure> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut allocations = Vec::new();
    for arm in experiment.arms() {
        for &size in experiment.sizes(*arm, quick) {
            let mut event_loop = EventLoop::new().map_err(RunError::from).map_err(failed)?;
            // Once before, for the room.
            experiment.run(&mut event_loop, *arm, size).map_err(failed)?;
            let mut outcome = Ok(());
            let counted = measure(|| outcome = experiment.run(&mut event_loop, *arm, size));
            outcome.map_err(failed)?;
            allocations.push(counted.count_total);
            runs.push(Box::new(move |times| {
                (0..times)
                    .try_for_each(|_| experiment.run(&mut event_loop, *arm, size))
                    .map_err(failed)
            }));
        }
    }
    let times = timing::nanoseconds(&mut runs, quick)?;
    let mut figures = times.into_iter().zip(allocations);
    let series = experiment.arms().iter().map(|arm| {
        let sizes = experiment.sizes(*arm, quick).iter();
        let points = sizes.zip(&mut figures).map(|(&size, (time, allocations))| Point {
            size,
            nanoseconds: time.median,
            allocations,
        });
        Series::of(experiment, *arm, points.collect())
    });
    Ok(series.collect())
}

impl Series {
    /// Takes the slopes between the largest size and the largest that is at most a quarter of it.
    fn of(experiment: Experiment, arm: Arm, points: Vec<Point>) -> Series {
        let last = points[points.len() - 1];
        let before = points.iter().rev().find(|point| point.size * 4 <= last.size);
        let first = *before.unwrap_or(&points[0]);
        let more = (last.size - first.size) as f64;
        Series {
            experiment,
            arm,
            slope_nanoseconds: (last.nanoseconds - first.nanoseconds) / more,
            slope_allocations: (last.allocations as f64 - first.allocations as f64) / more,
            exponent: (last.nanoseconds / first.nanoseconds).ln()
                / (last.size as f64 / first.size as f64).ln(),
            points,
        }
    }
}

fn compose(report: &Report, dress: Dress) -> String {
    let machine = &report.environment;
    let mut text = String::from("oneloop cost depth\n");
    let build = format!(
        "{}, {}, {}, {} build",
        machine.cpu,
        machine.kernel,
        machine.compiler(),
        machine.profile
    );
    text += &wrapped(&build, "");
    for experiment in Experiment::ALL {
        let series: Vec<_> =
            report.series.iter().filter(|series| series.experiment == experiment).collect();
        text += &heading(experiment.sentence(), dress);
        text += &table(experiment, &series, dress);
        text += "\n";
        text += &plot::to_text(&series);
    }
    text += "\n";
    for note in NOTES {
        text += &wrapped(note, "  ");
    }
    if machine.profile != "release" {
        text += "- This is not a release build: the allocations hold, the times do not.\n";
    }
    text
}

const NOTES: [&str; 5] = [
    "- Each cell is of the whole, from the call to the answer: nanoseconds / allocations. It holds \
     the run of the loop, which is the first line's for the most part.",
    "- Callbacks, promises and async call themselves, so each level is in a box or a link. One \
     closure and one future have their depth in their type, as functions have that do not call \
     themselves.",
    "- Steps: a promise's are a chain that is made whole and then settled, so that all of it waits \
     in memory; written as a loop, as the innermost call of the second table is, it allocates \
     nothing a step.",
    "- The slope is taken between the largest size and the largest that is at most a quarter of it; \
     a power of 1 is a cost in proportion to the size.",
    "- An async task is polled from its root: each wake goes through all levels. A callback and a \
     link of promises wake the innermost alone.",
];

/// Sizes down, arms across.
fn table(experiment: Experiment, series: &[&Series], dress: Dress) -> String {
    let mut header = vec![experiment.size_name()];
    header.extend(series.iter().map(|series| series.arm.name()));
    let mut grid = Grid::new(&header);
    let sizes = series.iter().map(|series| &series.points).max_by_key(|points| points.len());
    for (at, Point { size, .. }) in sizes.into_iter().flatten().enumerate() {
        let mut row = vec![grouped(*size as f64)];
        row.extend(series.iter().map(|series| {
            series.points.get(at).map_or_else(
                || "-".to_owned(),
                |point| {
                    let allocations = grouped(point.allocations as f64);
                    format!("{} / {allocations}", grouped(point.nanoseconds))
                },
            )
        }));
        grid.add(row);
    }
    let mut add = |name: &str, cell: &dyn Fn(&Series) -> String| {
        let mut row = vec![name.to_owned()];
        row.extend(series.iter().map(|series| cell(series)));
        grid.add(row);
    };
    add("slope", &|series| {
        format!("{:.1} / {:.2}", series.slope_nanoseconds, series.slope_allocations.max(0.0))
    });
    add("power", &|series| format!("{:.2}", series.exponent));
    grid.render(dress)
}
