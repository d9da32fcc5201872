//! Draws random programs, runs each on CPython's asyncio and on this loop, and compares the traces.
//!
//! ```console
//! cargo test --release -p loop-core --test against_asyncio -- --seeds 20000 --from 1
//! ```

mod comparison;

use std::error::Error;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use loop_core::TurnRule;

use comparison::oracle::Oracle;
use comparison::program::Program;
use comparison::{draw, machine, recorded, shrink};

/// How many programs go by between two words on progress.
const PROGRESS: u64 = 500;

/// Runs random programs on CPython's asyncio and on loop-core and compares what happens.
#[derive(Parser)]
#[command(name = "against_asyncio")]
struct Arguments {
    /// How many programs are drawn
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,

    /// The first seed
    #[arg(long, default_value_t = 1)]
    from: u64,

    /// The interpreter, of version 3.11 or later
    #[arg(long, default_value = "python3")]
    python: String,

    /// Writes the programs and asyncio's traces into a file instead of comparing
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Compares with the recording in the repository, which needs no Python
    #[arg(long, conflicts_with_all = ["record", "seeds", "from", "python"])]
    recorded: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.record {
        Some(file) => record(&arguments, file),
        None if arguments.recorded => compare_recorded(),
        None => compare(&arguments),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("against_asyncio: {error}");
            ExitCode::from(2)
        }
    }
}

/// Compares fresh programs, live; tells whether all traces were equal.
fn compare(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let mut oracle = Oracle::start(&arguments.python)?;
    let mut tally = Tally::default();
    let seeds = seeds(arguments)?;
    println!("{} against loop-core, seeds {} to {}", oracle.version, seeds.start(), seeds.end());
    for seed in seeds {
        let program = draw::draw(seed);
        let differs = oracle.run(&program)? != machine::run(&program, TurnRule::Snapshot)?;
        tally.add(differs.then_some((seed, program)));
    }
    tally.print();
    let Some((seed, program)) = tally.first else { return Ok(true) };
    println!("The first is that of seed {seed}. Shrunk:");
    let shortest = shrink::shrink(program, |program| -> Result<bool, Box<dyn Error>> {
        Ok(oracle.run(program)? != machine::run(program, TurnRule::Snapshot)?)
    })?;
    let asyncio = oracle.run(&shortest)?;
    print_divergence(&shortest, &asyncio, &machine::run(&shortest, TurnRule::Snapshot)?);
    Ok(false)
}

/// Compares with what asyncio did when the recording was made.
fn compare_recorded() -> Result<bool, Box<dyn Error>> {
    let mut tally = Tally::default();
    let recording = recorded::read(recorded::RECORDED).ok_or("the recording cannot be read")?;
    for (number, recorded) in (1..).zip(recording) {
        let trace = machine::run(&recorded.program, TurnRule::Snapshot)?;
        tally.add((trace != recorded.trace).then_some((number, recorded)));
    }
    tally.print();
    let Some((number, first)) = tally.first else { return Ok(true) };
    println!("The first is number {number}:");
    let trace = machine::run(&first.program, TurnRule::Snapshot)?;
    print_divergence(&first.program, &first.trace, &trace);
    Ok(false)
}

/// Writes the recording.
fn record(arguments: &Arguments, file: &PathBuf) -> Result<bool, Box<dyn Error>> {
    let mut oracle = Oracle::start(&arguments.python)?;
    let seeds = seeds(arguments)?;
    let (first, last) = (seeds.start(), seeds.end());
    let mut text = format!("# asyncio of {}, seeds {first} to {last}\n", oracle.version);
    for seed in seeds {
        let program = draw::draw(seed);
        text += &recorded::line(&program, &oracle.run(&program)?);
    }
    fs::write(file, &text).map_err(|error| format!("{}: {error}", file.display()))?;
    println!("{} programs, {} bytes in {}", arguments.seeds, text.len(), file.display());
    Ok(true)
}

fn seeds(arguments: &Arguments) -> Result<std::ops::RangeInclusive<u64>, String> {
    let last = arguments.from.checked_add(arguments.seeds - 1);
    Ok(arguments.from..=last.ok_or("--from and --seeds go beyond the last seed, 2^64 - 1")?)
}

/// How many programs ran and diverged, and the first that did.
struct Tally<T> {
    ran: u64,
    diverged: u64,
    first: Option<(u64, T)>,
}

impl<T> Default for Tally<T> {
    fn default() -> Tally<T> {
        Tally { ran: 0, diverged: 0, first: None }
    }
}

impl<T> Tally<T> {
    fn add(&mut self, divergence: Option<(u64, T)>) {
        self.ran += 1;
        if let Some(divergence) = divergence {
            self.diverged += 1;
            self.first.get_or_insert(divergence);
        }
        if self.ran.is_multiple_of(PROGRESS) && io::stderr().is_terminal() {
            eprint!("\r{} programs, {} diverged", self.ran, self.diverged);
            let _ = io::stderr().flush();
        }
    }

    fn print(&self) {
        if self.ran >= PROGRESS && io::stderr().is_terminal() {
            eprintln!();
        }
        println!("{} programs ran, {} diverged", self.ran, self.diverged);
    }
}

/// Prints a program and both traces, side by side.
fn print_divergence(program: &Program, asyncio: &[String], ours: &[String]) {
    println!("\n{}\n  {:<24}  loop-core", program.listing(), "asyncio");
    for line in 0..asyncio.len().max(ours.len()) {
        let side = |trace: &[String]| trace.get(line).cloned().unwrap_or_default();
        let (left, right) = (side(asyncio), side(ours));
        let mark = if left == right { ' ' } else { '>' };
        println!("{mark} {left:<24}  {right}");
    }
    println!("\nIn one line: {program}");
}
