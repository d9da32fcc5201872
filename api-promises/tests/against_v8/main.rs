//! Draws random promise programs, runs each on V8 and on the wing, and compares the traces.
//!
//! ```console
//! cargo test --release -p api-promises --test against_v8 -- --seeds 20000 --from 1
//! ```

mod comparison;

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use api_promises::testing::{Adoption, set_adoption};
use clap::Parser;

use comparison::machine::{self, Planted};
use comparison::oracle::Oracle;
use comparison::program;

/// Runs random promise programs on V8 and on api-promises and compares what happens.
#[derive(Parser)]
#[command(name = "against_v8")]
struct Arguments {
    /// How many programs are drawn
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,

    /// The first seed
    #[arg(long, default_value_t = 1)]
    from: u64,

    /// Writes the programs and V8's traces into a file instead of comparing
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

fn main() -> ExitCode {
    match compare(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("against_v8: {error}");
            ExitCode::from(2)
        }
    }
}

/// Compares, or records; tells whether all were equal.
fn compare(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    set_adoption(Adoption::EcmaScript);
    let mut oracle = Oracle::start().map_err(|error| format!("node: {error}"))?;
    let mut recorded = String::new();
    for seed in arguments.from..arguments.from.saturating_add(arguments.seeds) {
        let drawn = program::draw(seed);
        let expected = oracle.run(&drawn)?;
        if arguments.record.is_some() {
            recorded.push_str(&format!("{drawn} => {expected}\n"));
        } else if machine::run(&drawn, Planted::Nothing) != expected {
            report(seed, &drawn, &mut oracle)?;
            return Ok(false);
        }
    }
    match &arguments.record {
        Some(file) => fs::write(file, recorded)?,
        None => println!("{} programs ran alike on V8 and here", arguments.seeds),
    }
    Ok(true)
}

/// Makes a program that differs as small as it gets, and prints it with both traces.
fn report(seed: u64, drawn: &str, oracle: &mut Oracle) -> Result<(), Box<dyn Error>> {
    let smallest = program::shrink(drawn, |candidate| {
        let expected = oracle.run(candidate).unwrap_or_default();
        machine::run(candidate, Planted::Nothing) != expected
    });
    println!("seed {seed} differs: {drawn}");
    println!("smallest: {smallest}");
    println!("V8:   {}", oracle.run(&smallest)?);
    println!("here: {}", machine::run(&smallest, Planted::Nothing));
    Ok(())
}
