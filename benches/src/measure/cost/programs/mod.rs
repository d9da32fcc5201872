//! `oneloop cost programs`: what an operation of each program costs, for its page.
//!
//! Rule: nothing on a page is typed. What is counted is the slope between a short and a long run of
//! a process that does nothing else.

mod leaning;
pub(crate) mod operate;
mod operation;
mod page;

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;

use clap::Args;
use examples::{Program, SideBySide, Stopped, Style, anchors};
use serde::Serialize;

use super::slope::{Tally, slopes};
use super::strace;
use crate::failure::Failure;
use crate::files::whole::WholeFile;
use crate::measure::arm::Tool;
use crate::output::{self, Dress};
use crate::process::ending;
use crate::report::{heading, wrapped};
use leaning::Leaning;
use operation::{Drive, OPERATIONS, Operation, Trial};
use page::{page_of, refused, said, table};

/// The name by which `operate` makes a loop, and nothing else.
const EMPTY_LOOP: &str = "empty-loop";

/// The arguments of `cost programs`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ProgramsArguments {
    /// Count these programs [default: all]
    #[arg(long, value_delimiter = ',', value_name = "PROGRAMS", value_parser = program)]
    only: Vec<&'static Operation>,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
    /// Write the tables into the programs' pages in the source tree
    #[arg(long, conflicts_with = "json")]
    write: bool,
}

/// What an operation costs a program in one style; what is missing cannot be had.
#[derive(Debug, Serialize)]
struct Cost {
    program: &'static str,
    style: Style,
    /// Lines that are neither empty nor comment.
    lines: usize,
    /// Those of them that belong to no step.
    lines_outside: usize,
    /// Lines of the modules that it leans on and not all styles do, where the sources are.
    lines_leaned_on: Option<usize>,
    /// Crates of others that it leans on.
    libraries: Vec<String>,
    allocations: Option<f64>,
    turns: Option<f64>,
    hops: Option<f64>,
    system_calls: Option<f64>,
    /// Bytes of the largest future.
    future: Option<usize>,
}

/// Counts, and prints or writes what was counted.
pub(crate) fn run(asked: &ProgramsArguments) -> Result<(), Failure> {
    let strace = strace::available();
    if let (true, Err(reason)) = (asked.write, &strace) {
        return Err(Failure::Refused(format!("a page has a column of system calls: {reason}")));
    }
    let all: Vec<_> = OPERATIONS.iter().collect();
    let operations = if asked.only.is_empty() { &all } else { &asked.only };
    if asked.write {
        for path in operations.iter().map(|operation| page_of(operation)) {
            WholeFile::create(&path).map_err(|error| refused(&path, error))?;
        }
    }
    let mut costs = Vec::new();
    for operation in operations {
        let of_program = in_every_style(operation, strace.is_ok())?;
        if asked.write {
            page::write(operation, &of_program)?;
        }
        costs.push(of_program);
    }
    if asked.json {
        let costs: Vec<_> = costs.iter().flatten().collect();
        let line = serde_json::to_string(&serde_json::json!({ "costs": costs }));
        return output::print(&format!("{}\n", line.expect("costs are plain data")));
    }
    let dress = Dress::of_stdout();
    let mut text = String::new();
    for (operation, costs) in operations.iter().zip(&costs) {
        text += &heading(operation.program, dress);
        text += &wrapped(&said(operation, costs), "");
        text += &table(costs).render(dress);
    }
    if let Err(reason) = strace {
        text += &format!("\n- not counted: system calls: {reason}\n");
    }
    output::print(&text)
}

fn program(name: &str) -> Result<&'static Operation, String> {
    let names = || OPERATIONS.each_ref().map(|operation| operation.program).join(", ");
    let found = OPERATIONS.iter().find(|operation| operation.program == name);
    found.ok_or_else(|| format!("no such program; the programs are {}", names()))
}

/// Counts all styles at once: counts do not depend on how fast anything is.
fn in_every_style(operation: &Operation, strace: bool) -> Result<Vec<Cost>, Failure> {
    thread::scope(|scope| {
        let count = |style| scope.spawn(move || cost(operation, style, strace));
        let counting: Vec<_> = known(operation).styles().into_iter().map(count).collect();
        let counted = counting.into_iter().map(|it| it.join().expect("counting does not panic"));
        counted.collect()
    })
}

fn cost(operation: &Operation, style: Style, strace: bool) -> Result<Cost, Failure> {
    let name = operation.program;
    let failed = |reason| Failure::Server(format!("{name} in {style}: {reason}"));
    let counts = counted(operation, style, &[], counts_of).map_err(failed)?;
    let calls = |_| counted(operation, style, strace::TOOL, calls_of);
    let calls = strace.then_some(()).map(calls).transpose().map_err(failed)?;
    let source = source(operation, style);
    let styles = known(operation).styles().into_iter();
    let leanings: Vec<_> = styles.map(|style| leaning(operation, style)).collect();
    let leaning = leaning(operation, style);
    let (_, future) = known(operation).future;
    Ok(Cost {
        program: name,
        style,
        lines: lines_of_code(source),
        lines_outside: lines_outside_of_steps(source),
        lines_leaned_on: (!leaning.modules.is_empty()).then(|| leaning.lines_beyond(&leanings)),
        libraries: leaning.libraries.iter().cloned().collect(),
        allocations: counts.get("allocations").copied(),
        turns: counts.get("turns").copied(),
        hops: counts.get("hops").copied(),
        system_calls: calls.map(|calls| {
            let all: f64 = calls.values().sum();
            // Whether threads wait for each other now and then is up to the system.
            if style == Style::Threads { all.round() } else { all }
        }),
        future: (style == Style::Async).then(future),
    })
}

fn known(operation: &Operation) -> &'static Program {
    Program::named(operation.program).expect("an operation is of a program")
}

fn lines_of_code(source: &str) -> usize {
    source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

/// Counts the lines that prepare the steps, or go with them.
fn lines_outside_of_steps(source: &str) -> usize {
    let steps = anchors::steps(source).expect("a test reads the steps of every program");
    let outside = steps.iter().filter(|step| step.name.is_none());
    outside.map(|step| lines_of_code(&step.lines.join("\n"))).sum()
}

/// Returns how a program is written in a style.
fn source(operation: &Operation, style: Style) -> &'static str {
    let shown = SideBySide::named(operation.program);
    shown.and_then(|shown| shown.source(style)).expect("the program is written in the style")
}

/// Reads what a style of a program leans on.
fn leaning(operation: &Operation, style: Style) -> Leaning {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let page = page_of(operation);
    Leaning::of(source(operation, style), page.parent().unwrap_or(workspace), workspace)
}

/// Counts an operation under a tool, by the names of what is counted.
fn counted(
    operation: &Operation,
    style: Style,
    tool: Tool,
    read: fn(&Stopped) -> Option<Tally>,
) -> Result<BTreeMap<String, f64>, String> {
    let times = operation.times;
    let of = |program, drive: Drive| {
        let trial = Trial { program, style, tool };
        let run = |times| -> Result<Tally, String> {
            let stopped = drive(&trial, times).map_err(|error| error.to_string())?;
            if !stopped.status.success() {
                return Err(ending::of(&stopped));
            }
            read(&stopped).ok_or_else(|| "nothing was counted".to_owned())
        };
        Ok::<_, String>(slopes(times, &[run(times[0])?, run(times[1])?]))
    };
    let mut costs = of(operation.program, operation.drive)?;
    if operation.makes_a_loop && style != Style::Threads {
        for (name, cost) in of(EMPTY_LOOP, |trial, times| trial.finish(times, &[]))? {
            *costs.entry(name).or_default() -= cost;
        }
    }
    Ok(costs)
}

/// Reads what the program itself has counted.
fn counts_of(stopped: &Stopped) -> Option<Tally> {
    let counts: BTreeMap<String, Option<u64>> =
        serde_json::from_str(stopped.stdout.lines().last()?).ok()?;
    Some(counts.into_iter().filter_map(|(name, count)| Some((name, count?))).collect())
}

fn calls_of(stopped: &Stopped) -> Option<Tally> {
    strace::parse(&stopped.stderr)
}

#[cfg(test)]
mod tests {
    use examples::PROGRAMS;

    use super::*;

    #[test]
    fn every_program_has_an_operation() {
        let names = OPERATIONS.each_ref().map(|operation| operation.program);
        assert_eq!(names.as_slice(), PROGRAMS.iter().map(|it| it.name).collect::<Vec<_>>());
    }

    #[test]
    fn a_line_of_code_is_neither_empty_nor_comment() {
        assert_eq!(lines_of_code("//! It.\n\n/// Says.\nfn f() {\n    // Why.\n    g();\n}\n"), 3);
    }
}
