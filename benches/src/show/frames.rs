//! The page of the frames: what a backtrace has of a program, and what the loop adds.

use examples::Style;
use examples::demonstrations::frames::{Moment, STYLES, backtrace, introspect};

use crate::failure::Failure;
use crate::output::Dress;
use crate::report::grid::Grid;
use crate::report::{heading, wrapped};

/// Lays out the page; the program runs in every style, and fails at every moment.
pub(crate) fn page(dress: Dress) -> Result<String, Failure> {
    let refused = |error: std::io::Error| Failure::Refused(format!("cannot make a loop: {error}"));
    let mut text = String::from(
        "The chain of calls: `begin` starts, `serve` calls `price`, that calls `look_up`\n",
    );
    let mut grid = Grid::new(&["style", "it fails", "the program", "the loop", "all frames"])
        .with_left_column(1);
    for style in STYLES {
        for moment in Moment::FAULTS {
            let seen = backtrace(style, moment).map_err(refused)?;
            let counts = [seen.functions().len(), seen.frames_of_the_loop(), seen.frames.len()];
            let mut row = vec![style.to_string(), moment.to_string()];
            row.extend(counts.map(|count| count.to_string()));
            grid.add(row);
        }
    }
    text += &grid.render(dress);
    text += &heading("The program's frames, innermost first", dress);
    for style in STYLES {
        let after = backtrace(style, Moment::After).map_err(refused)?.functions().join(" < ");
        let back = backtrace(style, Moment::Back).map_err(refused)?.functions().join(" < ");
        text += &format!("  {style:<10} {:<20} {after}\n", Moment::After.to_string());
        text += &format!("  {:<10} {:<20} {back}\n", "", Moment::Back.to_string());
    }
    text += &heading("What the loop adds", dress);
    for style in Style::WINGS {
        let told = introspect(style).map_err(refused)?;
        text += &format!("  {style}\n");
        let waits = told.waiting.iter().map(|line| format!("while it waits: {line}"));
        let fails = told.report.iter().map(|line| format!("when it fails: {line}"));
        for line in waits.chain(fails) {
            text += &wrapped(&format!("    {line}"), "      ");
        }
    }
    Ok(text)
}
