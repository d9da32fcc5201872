//! `oneloop cost programs`: what an operation of each program costs, for its page.
//!
//! Rule: nothing on a page is typed. What is counted is the slope between a short and a long run of
//! a process that does nothing else.

pub(crate) mod operate;
mod operation;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use clap::Args;
use examples::{Program, SideBySide, Stopped, Style};
use serde::Serialize;

use super::slope::{Tally, slopes};
use super::strace;
use crate::failure::Failure;
use crate::files::whole::WholeFile;
use crate::measure::arm::Tool;
use crate::output::{self, Dress};
use crate::process::epitaph;
use crate::report::grid::Grid;
use crate::report::{heading, wrapped};
use operation::{Drive, OPERATIONS, Operation, Trial};

/// The name by which `operate` makes a loop, and nothing else.
const EMPTY_LOOP: &str = "empty-loop";

/// Between these a page keeps its table.
const BEGIN: &str = "<!-- cost:begin -->\n";
const END: &str = "<!-- cost:end -->";

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
            write(operation, &of_program)?;
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
        text += &wrapped(&said(operation), "");
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
    let source = SideBySide::named(name).and_then(|shown| shown.source(style));
    let (_, future) = known(operation).future;
    Ok(Cost {
        program: name,
        style,
        lines: lines_of_code(source.expect("every program has every style")),
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
                return Err(epitaph::of(&stopped));
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

/// Says what is counted, and how.
fn said(operation: &Operation) -> String {
    let without = if operation.makes_a_loop { ", without the making of its loop" } else { "" };
    let (future, _) = known(operation).future;
    format!(
        "Counted by `oneloop cost programs`: {}{without}. The largest future is that of `{future}`, \
         in bytes.",
        operation.what
    )
}

fn table(costs: &[Cost]) -> Grid {
    let mut grid = Grid::new(&[
        "style",
        "lines of code",
        "allocations",
        "turns",
        "hops",
        "system calls",
        "largest future",
    ]);
    for cost in costs {
        let figures = [cost.allocations, cost.turns, cost.hops, cost.system_calls];
        let future = cost.future.map(|bytes| bytes as f64);
        let figures = figures.into_iter().chain([future]).map(figure);
        grid.add(
            [cost.style.to_string(), cost.lines.to_string()].into_iter().chain(figures).collect(),
        );
    }
    grid
}

/// Rounds to a tenth: what happens now and then is not the operation's.
fn figure(value: Option<f64>) -> String {
    // Not `-0`.
    let Some(tenths) = value.map(|value| (value * 10.0).round() + 0.0) else {
        return "-".to_owned();
    };
    (tenths / 10.0).to_string()
}

/// Puts the table into the program's page.
fn write(operation: &Operation, costs: &[Cost]) -> Result<(), Failure> {
    let path = page_of(operation);
    let page = fs::read_to_string(&path).map_err(|error| refused(&path, error))?;
    let page = with_table(
        &page,
        &format!("{}\n{}", wrapped(&said(operation), ""), table(costs).render(Dress::Markdown)),
    );
    let page = page.ok_or_else(|| refused(&path, "it has no place for the table"))?;
    WholeFile::create(&path)
        .and_then(|file| file.write(page.as_bytes()))
        .map_err(|error| refused(&path, error))
}

fn page_of(operation: &Operation) -> PathBuf {
    let folder = operation.program.replace('-', "_");
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/src/programs");
    programs.join(folder).join("page.md")
}

fn refused(path: &Path, reason: impl Display) -> Failure {
    Failure::Refused(format!("{}: {reason}", path.display()))
}

fn with_table(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{}\n{END}{after}", table.trim_end()))
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

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        let page = format!("# It\n\n{BEGIN}old\n{END}\n\nMore.\n");
        let written = with_table(&page, "new\n\n").unwrap();
        assert_eq!(written, format!("# It\n\n{BEGIN}new\n{END}\n\nMore.\n"));
        assert_eq!(with_table("# It\n", "new"), None);
    }

    #[test]
    fn figures_have_a_tenth_where_it_says_something() {
        let values = [Some(2.0), Some(2.04), Some(0.25), Some(-0.01), None];
        assert_eq!(values.map(figure), ["2", "2", "0.3", "0", "-"]);
    }
}
