//! `oneloop compare`: the arms, in interleaved rounds, each with a fresh server.

pub(crate) mod arm;
pub(crate) mod counts;
pub(crate) mod progress;
mod rounds;

use std::time::Instant;

use examples::Style;
use rand::seq::SliceRandom;

use crate::cli::CompareArguments;
use crate::cpu::{self, Placement};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::load::Shape;
use crate::load_alone::ensure_schedule_fits;
use crate::output::{self, Dress};
use crate::run_file::{self, Arguments, Run};
use crate::{limits, report};
use progress::Progress;
use rounds::Latencies;

/// What a comparison needs to know from beginning to end.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) arguments: Arguments,
    pub(crate) shape: Shape,
    seed: u64,
    pub(crate) placement: Option<Placement>,
    pub(crate) interrupt: Interrupt,
}

/// Compares, writes the files, prints the report.
pub(crate) fn run(asked: &CompareArguments) -> Result<(), Failure> {
    limits::ensure_connections_fit(asked.connections)?;
    ensure_schedule_fits(asked.rate, asked.seconds)?;
    let interrupt = Interrupt::listen()
        .map_err(|error| Failure::Refused(format!("cannot listen for signals: {error}")))?;
    let plan = Plan::new(asked, interrupt);
    let environment = Environment::observe(plan.placement);
    let mut run = Run::begin(environment, plan.arguments.clone(), plan.seed);
    let cannot_write =
        |error| Failure::Refused(format!("cannot write to {}: {error}", asked.out.display()));
    let directory = run_file::create_directory(&asked.out, run.started).map_err(cannot_write)?;

    let begun = Instant::now();
    let mut latencies = Latencies::default();
    let finished = measure(&plan, &mut run, &mut latencies);
    run.partial = finished.is_err();
    run.environment.finish(begun.elapsed());
    run.verdict = report::verdict(&run);
    run_file::write(&directory, &mut run, &latencies.counted()).map_err(cannot_write)?;
    output::print(&report::compose(&run, &latencies.counted(), &directory, Dress::of_stdout()))?;
    match finished {
        Err(Interrupted) => Err(Failure::Interrupted),
        Ok(()) if !run.failures.is_empty() => Err(Failure::Arms),
        Ok(()) => Ok(()),
    }
}

/// The user has ended the run.
#[derive(Debug)]
pub(crate) struct Interrupted;

fn measure(plan: &Plan, run: &mut Run, latencies: &mut Latencies) -> Result<(), Interrupted> {
    if let Some(placement) = plan.placement {
        // A refusal leaves the generator where it is; the servers pin themselves or fail.
        let _ = cpu::pin(placement.generator);
    }
    let progress = Progress::begin(rounds::cost_ms(plan) + counts::cost_ms(plan));
    for round in 1..=plan.arguments.rounds {
        rounds::measure(plan, round, run, latencies, &progress)?;
    }
    counts::measure(plan, run, &progress)
}

impl Plan {
    pub(crate) fn new(asked: &CompareArguments, interrupt: Interrupt) -> Plan {
        let named = |style: &Style| asked.only.is_empty() || asked.only.contains(style);
        let arguments = Arguments {
            connections: asked.connections,
            size_bytes: asked.size,
            rounds: asked.rounds,
            seconds: asked.seconds,
            rate: asked.rate,
            styles: Style::ALL.into_iter().filter(named).collect(),
        };
        Plan {
            arguments,
            shape: Shape { connections: asked.connections, size: asked.size },
            // Short enough to be typed again.
            seed: asked.seed.unwrap_or_else(|| u64::from(rand::random::<u32>())),
            placement: Placement::choose(),
            interrupt,
        }
    }

    /// Draws the order of the arms that have not failed.
    fn order(&self, run: &Run, random: &mut rand::rngs::SmallRng) -> Vec<Style> {
        let alive = |style: &Style| !run.has_failed(*style);
        let mut styles: Vec<_> = self.arguments.styles.iter().copied().filter(alive).collect();
        styles.shuffle(random);
        styles
    }
}
