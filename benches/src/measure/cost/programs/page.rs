//! The page of a program: its table, and what is said above it.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use super::operation::Operation;
use super::{Cost, known};
use crate::failure::Failure;
use crate::files::whole::WholeFile;
use crate::output::Dress;
use crate::report::grid::Grid;
use crate::report::wrapped;

/// Between these a page keeps its table.
const BEGIN: &str = "<!-- cost:begin -->\n";
const END: &str = "<!-- cost:end -->";

/// Says what is counted, and how.
pub(super) fn said(operation: &Operation, costs: &[Cost]) -> String {
    let without = if operation.makes_a_loop { ", without the making of its loop" } else { "" };
    let (future, _) = known(operation).future;
    format!(
        "Counted by `oneloop cost programs`: {}{without}. The largest future is that of `{future}`, \
         in bytes. Lines are lines of code; a style leans on the modules that its `use` names, of \
         which those that all lean on are left out.{}",
        operation.what,
        libraries(costs)
    )
}

pub(super) fn table(costs: &[Cost]) -> Grid {
    let mut grid = Grid::new(&[
        "style",
        "lines",
        "outside\nof steps",
        "leans\non",
        "allocs",
        "turns",
        "hops",
        "system\ncalls",
        "largest\nfuture",
    ]);
    for cost in costs {
        let figures = [cost.allocations, cost.turns, cost.hops, cost.system_calls];
        let future = cost.future.map(|bytes| bytes as f64);
        let figures = figures.into_iter().chain([future]).map(figure);
        let leaned_on = cost.lines_leaned_on.map_or("-".to_owned(), |lines| lines.to_string());
        let lines = [cost.lines.to_string(), cost.lines_outside.to_string(), leaned_on];
        grid.add([cost.style.to_string()].into_iter().chain(lines).chain(figures).collect());
    }
    grid
}

/// Names the libraries that styles lean on.
fn libraries(costs: &[Cost]) -> String {
    let leaning = costs.iter().filter(|cost| !cost.libraries.is_empty());
    let told = leaning.map(|cost| format!("{} on {}", cost.style, cost.libraries.join(", ")));
    let told: Vec<_> = told.collect();
    if told.is_empty() { String::new() } else { format!(" Of libraries {}.", told.join("; ")) }
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
pub(super) fn write(operation: &Operation, costs: &[Cost]) -> Result<(), Failure> {
    let path = page_of(operation);
    let page = fs::read_to_string(&path).map_err(|error| refused(&path, error))?;
    let page = with_table(
        &page,
        &format!(
            "{}\n{}",
            wrapped(&said(operation, costs), ""),
            table(costs).render(Dress::Markdown)
        ),
    );
    let page = page.ok_or_else(|| refused(&path, "it has no place for the table"))?;
    WholeFile::create(&path)
        .and_then(|file| file.write(page.as_bytes()))
        .map_err(|error| refused(&path, error))
}

pub(super) fn page_of(operation: &Operation) -> PathBuf {
    let folder = operation.program.replace('-', "_");
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/src/programs");
    programs.join(folder).join("page.md")
}

pub(super) fn refused(path: &Path, reason: impl Display) -> Failure {
    Failure::Refused(format!("{}: {reason}", path.display()))
}

fn with_table(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{}\n{END}{after}", table.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
