//! The tables on the pages of the programs: what is there is what is counted.

use std::collections::BTreeMap;

use examples::{PROGRAMS, Program, STYLES};
use serde_json::Value;

use crate::program::{finish, oneloop, run, text};

/// A machine that is busy elsewhere lets two events share a turn now and then, and what grows by
/// doubling does so in the long run or before.
const NOW_AND_THEN: f64 = 0.25;
const SHARE: f64 = 0.02;

/// The columns of a page by name, and what JSON calls them.
const COUNTED: [(&str, &str); 4] = [
    ("allocs", "allocations"),
    ("turns", "turns"),
    ("hops", "hops"),
    ("system calls", "system_calls"),
];

/// Reads the table of a page: for each style, the cells by column.
fn table(program: &Program) -> Vec<BTreeMap<&'static str, &'static str>> {
    let (_, after) = program.page.split_once("<!-- cost:begin -->").unwrap();
    let (table, _) = after.split_once("<!-- cost:end -->").unwrap();
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim);
    let mut lines = table.lines().filter(|line| line.starts_with('|')).map(cells);
    let head: Vec<_> = lines.next().expect("the page has a table").collect();
    // Below the head is its rule.
    lines.skip(1).map(|row| head.iter().copied().zip(row).collect()).collect()
}

#[test]
fn the_pages_say_what_is_counted() {
    let output = run(&["cost", "programs", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut costs = report["costs"].as_array().unwrap().iter();
    for program in PROGRAMS {
        let rows = table(program);
        let styles = program.styles();
        assert_eq!(rows.len(), styles.len(), "{}", program.name);
        for (row, style) in rows.iter().zip(styles) {
            let cost = costs.next().unwrap();
            let place = format!("{} in {style}: {row:?}, {cost}", program.name);
            assert_eq!(
                (&cost["program"], &cost["style"]),
                (&program.name.into(), &style.name().into())
            );
            assert_eq!(row["style"], style.name());
            assert_eq!(row["lines"], cost["lines"].to_string(), "{place}");
            assert_eq!(row["outside of steps"], cost["lines_outside"].to_string(), "{place}");
            assert_eq!(row["leans on"], cost["lines_leaned_on"].to_string(), "{place}");
            // Its bytes are the compiler's affair, and may be others with the next one.
            assert_eq!(row["largest future"] == "-", cost["future"].is_null(), "{place}");
            for (column, name) in COUNTED {
                // What threads wait for, and how often, is up to the system.
                if style.is_wing() && !cost[name].is_null() {
                    let stated: f64 = row[column].parse().unwrap();
                    let counted = cost[name].as_f64().unwrap();
                    let off = (stated - counted).abs();
                    assert!(off <= NOW_AND_THEN + SHARE * stated, "{column}, {place}");
                }
            }
        }
    }
}

#[test]
fn a_program_that_is_none_is_refused_with_those_that_are() {
    let output = run(&["cost", "programs", "--only", "chat,echo"]);
    let complaint = text(&output.stderr);
    assert_eq!((output.status.code(), complaint.lines().count()), (Some(2), 1), "{complaint}");
    assert!(complaint.contains("chat, crawler, happy-eyeballs, key-value, proxy, steps"));
}

#[test]
fn one_program_is_counted_alone_and_its_table_says_what_once_is() {
    let output = run(&["cost", "programs", "--only", "key-value"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    assert!(page.contains("a GET of a value of 64 bytes") && !page.contains("chat"), "{page}");
    assert!(page.is_ascii() && page.lines().all(|line| line.len() <= 80), "{page}");
    for style in STYLES {
        let row = page.lines().find(|line| line.trim_start().starts_with(style.name())).unwrap();
        assert_eq!(row.split_whitespace().count(), 9, "{row}");
    }
}

#[test]
fn no_page_is_written_without_all_of_its_columns() {
    let asked = ["cost", "programs", "--only", "key-value", "--write"];
    let output = finish(oneloop(&asked).env("PATH", "").spawn().unwrap());
    let complaint = text(&output.stderr);
    assert_eq!((output.status.code(), complaint.lines().count()), (Some(1), 1), "{complaint}");
    assert!(complaint.contains("system calls: strace is not installed"), "{complaint}");
}
