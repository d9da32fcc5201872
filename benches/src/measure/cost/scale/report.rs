//! What `cost scale` found: its JSON, its tables, its plot.

use serde::Serialize;

use super::axis::Axis;
use crate::files::figures::ArmFailure;
use crate::measure::cost::panels::{self, INKS, Line, Panel};
use crate::measure::load::Shape;
use crate::output::Dress;
use crate::process::environment::Environment;
use crate::report::grid::Grid;
use crate::report::table::{count_cell, or_dash};
use crate::report::{grouped, heading, wrapped};

/// The version of the JSON.
const SCHEMA: u32 = 2;

/// A run, complete or not.
#[derive(Debug, Serialize)]
pub(super) struct ScaleReport {
    schema: u32,
    /// Whether the run ended before its time.
    pub(super) partial: bool,
    quick: bool,
    pub(super) environment: Environment,
    pub(super) points: Vec<Point>,
    /// What could not be counted here, and why; a sentence each.
    pub(super) unmeasured: Vec<String>,
    pub(super) failures: Vec<ArmFailure>,
}

/// One arm under one load.
#[derive(Debug, Serialize)]
pub(super) struct Point {
    pub(super) axis: Axis,
    pub(super) value: usize,
    pub(super) arm: String,
    pub(super) shape: Shape,
    pub(super) idle_timeout: bool,
    #[serde(flatten)]
    pub(super) figures: Figures,
}

/// What a message costs there; what is missing was not counted.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Figures {
    pub(super) instructions: Option<f64>,
    pub(super) system_calls: Option<f64>,
    pub(super) allocations: Option<f64>,
    pub(super) hops: Option<f64>,
    /// Resident bytes of a connection while all are busy, beyond the fewest on the axis.
    pub(super) resident_bytes: Option<f64>,
    /// Bytes of the heap that each connection holds when most are held, beyond the fewest on the axis.
    pub(super) heap_bytes: Option<f64>,
    /// The same of the whole server.
    pub(super) server_resident_bytes: Option<u64>,
    pub(super) server_heap_bytes_max: Option<u64>,
}

/// A figure by its name, and how it is written.
type Column = (&'static str, fn(&Figures) -> Option<f64>, fn(f64) -> String);

/// What is told of memory.
const MEMORY: [&str; 2] = ["resident bytes a busy connection", "heap bytes a connection, at most"];

const COLUMNS: [Column; 6] = [
    ("instructions a message", |it| it.instructions, |value| grouped(value.max(0.0))),
    ("system calls a message", |it| it.system_calls, count_cell),
    ("allocations a message", |it| it.allocations, count_cell),
    ("hops a message", |it| it.hops, count_cell),
    (MEMORY[0], |it| it.resident_bytes, |value| grouped(value.max(0.0))),
    (MEMORY[1], |it| it.heap_bytes, |value| grouped(value.max(0.0))),
];

impl ScaleReport {
    /// Begins an empty report.
    pub(super) fn begin(environment: Environment, quick: bool) -> ScaleReport {
        let (points, unmeasured, failures) = (Vec::new(), Vec::new(), Vec::new());
        ScaleReport {
            schema: SCHEMA,
            partial: false,
            quick,
            environment,
            points,
            unmeasured,
            failures,
        }
    }

    /// Returns what was counted of an arm under a load.
    pub(super) fn figures_of(
        &self,
        arm: &str,
        shape: Shape,
        idle_timeout: bool,
    ) -> Option<Figures> {
        let is_it = |point: &&Point| {
            point.arm == arm && point.shape == shape && point.idle_timeout == idle_timeout
        };
        self.points.iter().find(is_it).map(|point| point.figures)
    }

    /// Adds a point, with what its connections hold beyond those of the first one of its arm on the axis.
    pub(super) fn add(&mut self, mut point: Point) {
        let is_first = |it: &&Point| it.axis == point.axis && it.arm == point.arm;
        let first = self.points.iter().find(is_first);
        if let Some(first) = first.filter(|it| it.shape.connections < point.shape.connections) {
            let (few, many) = (&first.figures, &mut point.figures);
            let more = (point.shape.connections - first.shape.connections) as f64;
            let each =
                |few: Option<u64>, many: Option<u64>| Some((many? as f64 - few? as f64) / more);
            many.resident_bytes = each(few.server_resident_bytes, many.server_resident_bytes);
            many.heap_bytes = each(few.server_heap_bytes_max, many.server_heap_bytes_max);
        }
        self.points.push(point);
    }

    /// Lays out a table for each figure of each axis.
    pub(super) fn compose(&self, dress: Dress) -> String {
        let machine = &self.environment;
        let quick = if self.quick { ", quick" } else { "" };
        let build = format!(
            "{}, {}, {}, {} build",
            machine.cpu,
            machine.kernel,
            machine.compiler(),
            machine.profile
        );
        let mut text = format!("oneloop cost scale{quick}\n{}", wrapped(&build, ""));
        for axis in Axis::ALL {
            for column in &COLUMNS {
                if let Some(table) = self.table(axis, column, dress) {
                    text += &heading(&format!("{}: {}", axis.sentence(), column.0), dress);
                    text += &table;
                }
            }
        }
        text.push('\n');
        for reason in &self.unmeasured {
            text += &wrapped(&format!("- not counted: {reason}"), "  ");
        }
        for failure in &self.failures {
            let line = format!("- {} FAILED ({}): {}", failure.arm, failure.during, failure.reason);
            text += &wrapped(&line, "  ");
        }
        if self.partial {
            text += "- interrupted: what is missing was not reached.\n";
        }
        text
    }

    /// Arms down, values across; nothing if the figure was not counted on the axis.
    fn table(&self, axis: Axis, (name, of, cell): &Column, dress: Dress) -> Option<String> {
        let points = || self.points.iter().filter(|point| point.axis == axis);
        // Memory is counted where connections vary; a load that two axes share has it on both.
        if MEMORY.contains(name) && !axis.counts_memory() {
            return None;
        }
        points().find(|point| of(&point.figures).is_some())?;
        let mut values: Vec<_> = points().map(|point| point.value).collect();
        values.dedup();
        let heads: Vec<_> = values.iter().map(|value| grouped(*value as f64)).collect();
        let mut grid = Grid::new(
            &[""].into_iter().chain(heads.iter().map(String::as_str)).collect::<Vec<_>>(),
        );
        for arm in self.arms() {
            let figure = |value: &usize| {
                let found = points().find(|point| point.arm == arm && point.value == *value);
                or_dash(found.and_then(|point| of(&point.figures)).map(cell))
            };
            grid.add([arm.to_owned()].into_iter().chain(values.iter().map(figure)).collect());
        }
        Some(grid.render(dress))
    }

    /// Names the arms in their order.
    fn arms(&self) -> Vec<&str> {
        let mut arms = Vec::new();
        for point in &self.points {
            if !arms.contains(&point.arm.as_str()) {
                arms.push(point.arm.as_str());
            }
        }
        arms
    }

    /// Draws the instructions over each axis.
    pub(super) fn svg(&self) -> String {
        let panels: Vec<_> = Axis::ALL.iter().map(|axis| self.panel(*axis)).collect();
        panels::svg(&panels)
    }

    fn panel(&self, axis: Axis) -> Panel {
        let line = |(at, arm): (usize, &str)| {
            let own = self.points.iter().filter(|point| point.axis == axis && point.arm == arm);
            let points = own.filter_map(|point| {
                Some((point.value as f64, point.figures.instructions.filter(|it| *it > 0.0)?))
            });
            let (label, ink) = (arm.to_owned(), INKS[at % INKS.len()]);
            Line { label, ink, points: points.collect() }
        };
        Panel {
            caption: axis.sentence().to_owned(),
            x: "",
            y: "instructions a message",
            lines: self.arms().into_iter().enumerate().map(line).collect(),
        }
    }
}
