//! The tables of a cost run: system calls, then what a message takes, then the loop's own counts.

use super::figures::{ArmCost, Calls, CostReport, Load};
use super::strace;
use crate::output::Dress;
use crate::report::grid::Grid;
use crate::report::table::{count_cell, or_dash};
use crate::report::{heading, wrapped};

/// Composes the whole report.
pub(crate) fn compose(report: &CostReport, dress: Dress) -> String {
    let mut text = title(report);
    text += &heading("System calls per message", dress);
    text += &calls(report, dress);
    text += "idle: one message at a time, the server asleep in between, the connections in turn.\n";
    text +=
        "busy: one message under way on each connection; under strace a server is so slow that\n";
    text += "      the generator is always ahead of it: full speed, as seen from the server.\n";
    text +=
        &heading("Per message: user-space instructions, allocations; per idle connection", dress);
    text += &taken(report, dress);
    text += &heading("Per message: what the loop counts (default turn rule)", dress);
    text += &counted(report, dress);
    text += &notes(report);
    text
}

fn title(report: &CostReport) -> String {
    let machine = &report.environment;
    let started = report.started.strftime("%Y-%m-%d %H:%M:%S UTC");
    let quick = if report.quick { ", quick" } else { "" };
    let commit =
        machine.commit.as_ref().map_or("commit unknown".to_owned(), |at| format!("commit {at}"));
    let build =
        format!("{}, {}, {} build, {commit}", machine.kernel, machine.compiler(), machine.profile);
    let what = "Messages of 64 bytes, every byte verified; slopes between a short and a long run.";
    format!("oneloop cost echo, {started}{quick}\n{}{what}\n", wrapped(&build, ""))
}

fn calls(report: &CostReport, dress: Dress) -> String {
    let header = ["", "load", "total", "reads", "writes", "waits", "other"];
    let mut grid = Grid::new(&header).with_left_column(1);
    for load in Load::ALL {
        for arm in &report.arms {
            let calls = arm.calls.iter().find(|calls| calls.load == load);
            let mut row = vec![arm.arm.clone(), load.name(report.connections)];
            row.extend(columns(calls));
            grid.add(row);
        }
    }
    grid.render(dress)
}

fn columns(calls: Option<&Calls>) -> [String; 5] {
    let Some(calls) = calls else { return [(); 5].map(|()| or_dash(None)) };
    let [reads, writes, waits, other] = strace::kinds(&calls.per_message);
    [calls.total, reads, writes, waits, other].map(count_cell)
}

fn taken(report: &CostReport, dress: Dress) -> String {
    let mut grid = grid(report, &["instr.", "allocs", "alloc bytes"], &["idle\nB/conn"]);
    for arm in &report.arms {
        let mut row = vec![arm.arm.clone()];
        for load in [Load::OneIdle, Load::Busy] {
            let found = arm.instructions.iter().find(|instructions| instructions.load == load);
            row.push(or_dash(found.map(|found| whole(found.per_message))));
        }
        for name in ["allocations", "allocated_bytes"] {
            row.extend(both(arm, name));
        }
        row.push(or_dash(arm.idle.as_ref().map(|idle| whole(idle.bytes_per_connection))));
        grid.add(row);
    }
    grid.render(dress)
}

fn counted(report: &CostReport, dress: Dress) -> String {
    let names = ["turns", "hops", "polls"];
    let mut grid = grid(report, &names, &[]);
    for arm in &report.arms {
        let mut row = vec![arm.arm.clone()];
        row.extend(names.into_iter().flat_map(|name| both(arm, name)));
        grid.add(row);
    }
    grid.render(dress)
}

/// Begins a table with two columns for each of `names`, one for each load, and `more` behind them.
fn grid(report: &CostReport, names: &[&str], more: &[&str]) -> Grid {
    let busy = Load::Busy.name(report.connections);
    let heads = names.iter().map(|name| [format!("{name}\n1 idle"), format!("{name}\n{busy}")]);
    let heads: Vec<String> = heads.flatten().collect();
    let mut header = vec![""];
    header.extend(heads.iter().map(String::as_str).chain(more.iter().copied()));
    Grid::new(&header)
}

/// Returns a count under both loads.
fn both(arm: &ArmCost, name: &str) -> [String; 2] {
    [Load::OneIdle, Load::Busy].map(|load| or_dash(arm.count(load, name).map(count_cell)))
}

fn whole(number: f64) -> String {
    crate::report::grouped(number.max(0.0))
}

fn notes(report: &CostReport) -> String {
    let mut text = String::from("\n");
    for reason in &report.unmeasured {
        text += &wrapped(&format!("- not counted: {reason}"), "  ");
    }
    for peer in &report.peers {
        text += &wrapped(&format!("- {peer}"), "  ");
    }
    let crowd = report.arms.iter().find_map(|arm| arm.idle.as_ref());
    if let Some([small, large]) = crowd.map(|idle| idle.connections) {
        let idle = format!(
            "- idle B/conn: anonymous memory at {large} connections against {small}, each of which \
             has echoed one message."
        );
        text += &wrapped(&idle, "  ");
        if large < super::idle::CROWDS[1] {
            let why = if report.quick { "a quick run" } else { "descriptors are short" };
            let fewer =
                format!("- {large} connections instead of {}: {why}.", super::idle::CROWDS[1]);
            text += &wrapped(&fewer, "  ");
        }
    }
    for failure in &report.failures {
        let line = format!("- {} FAILED ({}): {}", failure.arm, failure.during, failure.reason);
        text += &wrapped(&line, "  ");
    }
    if report.partial {
        text += "- interrupted: what is missing was not reached.\n";
    }
    text
}
