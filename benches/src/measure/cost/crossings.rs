//! `oneloop cost crossings`: what it costs to call from each colour into each other.

use allocation_counter::measure;
use examples::crossings::{Colour, Yardstick, trips};
use loop_core::{EventLoop, RunError};
use serde::Serialize;

use super::PlainArguments;
use super::slope::slope;
use super::timing::{self, Run};
use crate::failure::Failure;
use crate::output::{self, Dress};
use crate::process::cpu::{self, Placement};
use crate::process::environment::Environment;
use crate::report::grid::Grid;
use crate::report::{heading, wrapped};

/// Crossings of the short and of the long run that are counted.
const COUNTED: [u64; 2] = [1_000, 3_000];

/// What was found, in the form of its JSON.
#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    quick: bool,
    environment: Environment,
    crossings: Vec<Cost>,
    yardsticks: Vec<Length>,
}

/// What one crossing costs.
#[derive(Debug, Serialize)]
struct Cost {
    from: Colour,
    to: Colour,
    nanoseconds: f64,
    /// The least and the greatest sample.
    nanoseconds_range: [f64; 2],
    /// On the loop's thread.
    allocations: f64,
    hops: f64,
    turns: f64,
    polls: f64,
}

/// What a yardstick costs.
#[derive(Debug, Serialize)]
struct Length {
    name: &'static str,
    nanoseconds: f64,
    allocations: f64,
}

/// Measures all pairs and what they are held against; prints tables or JSON.
pub(crate) fn run(asked: &PlainArguments) -> Result<(), Failure> {
    let placement = Placement::choose();
    if let Some(placement) = placement {
        // Unpinned it is only noisier.
        let _ = cpu::pin(placement.server);
    }
    let report = measured(asked.quick, Environment::observe(placement))?;
    let text = if asked.json {
        let line = serde_json::to_string(&report).expect("a report is plain data");
        format!("{line}\n")
    } else {
        compose(&report, Dress::of_stdout())
    };
    output::print(&text)
}

fn pairs() -> impl Iterator<Item = (Colour, Colour)> {
    Colour::ALL.into_iter().flat_map(|from| Colour::ALL.map(|to| (from, to)))
}

fn measured(quick: bool, environment: Environment) -> Result<Report, Failure> {
    let mut crossings = Vec::new();
    for (from, to) in pairs() {
        crossings.push(counted(from, to)?);
    }
    let mut yardsticks = Yardstick::ALL.map(|yardstick| {
        let counts = COUNTED.map(|times| measure(|| yardstick.run(times)).count_total);
        let allocations = slope(COUNTED, counts);
        Length { name: yardstick.name(), nanoseconds: 0.0, allocations }
    });
    let mut runs: Vec<Run<'_>> = Vec::new();
    for (from, to) in pairs() {
        let mut event_loop = EventLoop::new().map_err(RunError::from).map_err(failed)?;
        let run = move |times| trips(&mut event_loop, from, to, times).map_err(failed);
        runs.push(Box::new(run));
    }
    for yardstick in Yardstick::ALL {
        runs.push(Box::new(move |times| {
            yardstick.run(times);
            Ok(())
        }));
    }
    let times = timing::nanoseconds(&mut runs, quick)?;
    let (own, others) = times.split_at(crossings.len());
    for (cost, time) in crossings.iter_mut().zip(own) {
        (cost.nanoseconds, cost.nanoseconds_range) = (time.median, time.range);
    }
    for (length, time) in yardsticks.iter_mut().zip(others) {
        length.nanoseconds = time.median;
    }
    let yardsticks = yardsticks.into();
    Ok(Report { schema: 1, quick, environment, crossings, yardsticks })
}

/// Counts by the slope between a short and a long run, under the default turn rule.
fn counted(from: Colour, to: Colour) -> Result<Cost, Failure> {
    let mut event_loop = EventLoop::new().map_err(RunError::from).map_err(failed)?;
    let mut counts = [[0; 2]; 4];
    // Once before, for the room.
    trips(&mut event_loop, from, to, COUNTED[0]).map_err(failed)?;
    for (at, times) in COUNTED.into_iter().enumerate() {
        let before = event_loop.handle().counts();
        let mut outcome = Ok(());
        let allocated = measure(|| outcome = trips(&mut event_loop, from, to, times)).count_total;
        outcome.map_err(failed)?;
        let now = event_loop.handle().counts();
        let [hops, turns] = [now.hops - before.hops, now.turns - before.turns];
        for (count, number) in
            counts.iter_mut().zip([allocated, hops, turns, now.polls - before.polls])
        {
            count[at] = number;
        }
    }
    let [allocations, hops, turns, polls] = counts.map(|count| slope(COUNTED, count));
    let (nanoseconds, nanoseconds_range) = (0.0, [0.0; 2]);
    Ok(Cost { from, to, nanoseconds, nanoseconds_range, allocations, hops, turns, polls })
}

fn failed(error: RunError) -> Failure {
    Failure::Refused(format!("the loop failed: {error}"))
}

fn compose(report: &Report, dress: Dress) -> String {
    let machine = &report.environment;
    let mut text = String::from("oneloop cost crossings\n");
    let build = format!(
        "{}, {}, {}, {} build",
        machine.cpu,
        machine.kernel,
        machine.compiler(),
        machine.profile
    );
    text += &wrapped(&build, "");
    text += &heading("Nanoseconds from the call to the answer", dress);
    text += &matrix(report, dress, |cost| format!("{:.0}", cost.nanoseconds));
    text += &heading("Allocations / hops through the ready queue / turns of the loop", dress);
    text += &matrix(report, dress, |cost| {
        format!("{} / {} / {}", short(cost.allocations), short(cost.hops), short(cost.turns))
    });
    text += &heading("For scale", dress);
    let mut grid = Grid::new(&["", "ns", "allocations"]);
    for length in &report.yardsticks {
        let time = format!("{:.1}", length.nanoseconds);
        grid.add(vec![length.name.to_owned(), time, short(length.allocations)]);
    }
    text += &grid.render(dress);
    text += &notes(report);
    text
}

fn matrix(report: &Report, dress: Dress, cell: impl Fn(&Cost) -> String) -> String {
    let header = Colour::ALL.map(|to| format!("to {to}"));
    let mut names = vec!["from"];
    names.extend(header.iter().map(String::as_str));
    let mut grid = Grid::new(&names);
    for row in report.crossings.chunks(Colour::ALL.len()) {
        let mut cells = vec![row[0].from.to_string()];
        cells.extend(row.iter().map(&cell));
        grid.add(cells);
    }
    grid.render(dress)
}

/// A count with as many digits as it has.
fn short(count: f64) -> String {
    let text = format!("{:.2}", count.max(0.0));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Says what the matrix comes to, from its own figures.
fn notes(report: &Report) -> String {
    let inside = report.crossings.iter().filter(|cost| {
        cost.from != cost.to && cost.from != Colour::Sync && cost.to != Colour::Sync
    });
    let times: Vec<f64> = inside.map(|cost| cost.nanoseconds).collect();
    let least = times.iter().copied().fold(f64::INFINITY, f64::min);
    let most = times.iter().copied().fold(0.0, f64::max);
    let kernel = report.yardsticks.last().map_or(0.0, |length| length.nanoseconds);
    let below = times.iter().filter(|time| **time < kernel).count();
    let mut text = String::from("\n");
    let inner = format!(
        "- Among callback, promise and async a crossing takes {least:.0} to {most:.0} ns, and {below} \
         of {} take less than a system call that does nothing ({kernel:.0} ns).",
        times.len()
    );
    text += &wrapped(&inner, "  ");
    text += &wrapped(
        "- From sync the loop is run for each crossing, with its polls; to sync a thread does the \
         work, and the loop is woken. From a colour to itself is a call.",
        "  ",
    );
    text += &wrapped(
        "- The callee answers as soon as its colour can. Allocations are those of the loop's thread.",
        "  ",
    );
    let widths = report.crossings.iter().filter(|cost| cost.to != Colour::Sync);
    let widest =
        widths.map(|cost| cost.nanoseconds_range[1] / cost.nanoseconds).fold(1.0, f64::max);
    let noise = format!(
        "- Times are medians; without a thread, the slowest sample took up to {widest:.1} times its \
         median in this run."
    );
    text += &wrapped(&noise, "  ");
    if report.environment.profile != "release" {
        text += "- This is not a release build: the counts hold, the times do not.\n";
    }
    text
}
