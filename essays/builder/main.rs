//! `cargo run -p essays`: builds the book, and with `--check` holds it to its rules.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use essays::Sources;

/// Builds the book of essays.
#[derive(Parser)]
#[command(name = "essays", version)]
struct Arguments {
    /// Fails when a rule of the book is broken: a dead link, a figure typed by hand, a stale verdict.
    #[arg(long)]
    check: bool,
    /// The folder of the pages; what was there before is replaced.
    #[arg(long, default_value = "target/book")]
    to: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a workspace");
    let to = root.join(&arguments.to);
    let faults = match Sources::read(root).and_then(|sources| sources.build(&to)) {
        Ok(faults) => faults,
        Err(error) => {
            eprintln!("the book cannot be built: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    for fault in &faults {
        eprintln!("{fault}");
    }
    println!("The book is in {}", to.display());
    println!("Open it in a browser: file://{}", to.join("index.html").display());
    if faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("faults: {}", faults.len());
    if arguments.check { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
