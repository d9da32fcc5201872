//! What a cost run found, in the form of its JSON.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::slope::{Tally, slope, slopes};
use crate::files::figures::{ArmFailure, CountFigures, Pace};
use crate::measure::arm::Arm;
use crate::measure::counts;
use crate::measure::load::Shape;
use crate::process::environment::Environment;

/// The version of this form; it grows when a reader of the old form would be misled.
pub(super) const SCHEMA: u32 = 1;

/// A cost run, complete or not.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CostReport {
    /// The version of this form.
    pub(crate) schema: u32,
    /// Whether the run ended before its time.
    pub(crate) partial: bool,
    /// Whether the runs were the short ones.
    pub(crate) quick: bool,
    /// Connections of the loads that have many.
    pub(crate) connections: usize,
    /// When it began.
    pub(crate) started: Timestamp,
    /// The machine and the build.
    pub(crate) environment: Environment,
    /// Each arm, in the order of reports.
    pub(crate) arms: Vec<ArmCost>,
    /// What could not be counted here, or only in part, and why; a sentence each.
    pub(crate) unmeasured: Vec<String>,
    /// What the ready-made peers run on, and which were absent; a sentence each.
    pub(crate) peers: Vec<String>,
    /// Servers that failed, and in what.
    pub(crate) failures: Vec<ArmFailure>,
}

/// What a message costs one arm. What is missing was not counted, or failed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ArmCost {
    /// The arm, by its name.
    pub(crate) arm: String,
    /// What the server itself counted.
    pub(crate) counts: Vec<Counted>,
    /// System calls.
    pub(crate) calls: Vec<Calls>,
    /// User-space instructions.
    pub(crate) instructions: Vec<Instructions>,
    /// Memory of connections that do nothing.
    pub(crate) idle: Option<IdleMemory>,
}

/// How the server was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Load {
    /// One connection, one message after the other, the server asleep in between.
    OneIdle,
    /// The same with many connections in turn.
    ManyIdle,
    /// One message under way on each of many connections.
    Busy,
}

/// What the server counted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// How the server was loaded.
    pub(crate) load: Load,
    /// The slopes, by name of the count.
    pub(crate) per_message: BTreeMap<String, Option<f64>>,
    /// What they were computed from.
    pub(crate) raw: CountFigures,
}

/// System calls under one load.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Calls {
    /// How the server was loaded.
    pub(crate) load: Load,
    /// Calls of every name for each message.
    pub(crate) total: f64,
    /// The same by name.
    pub(crate) per_message: BTreeMap<String, f64>,
    /// Messages of the short and of the long run.
    pub(crate) messages: [u64; 2],
    /// What strace counted in them.
    pub(crate) counted: [Tally; 2],
}

/// User-space instructions under one load.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Instructions {
    /// How the server was loaded.
    pub(crate) load: Load,
    /// Instructions for each message.
    pub(crate) per_message: f64,
    /// Messages of the short and of the long run.
    pub(crate) messages: [u64; 2],
    /// What callgrind collected in them.
    pub(crate) counted: [u64; 2],
}

/// Resident memory of idle connections.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct IdleMemory {
    /// Connections of the small and of the large crowd.
    pub(crate) connections: [usize; 2],
    /// Resident bytes of the server with them.
    pub(crate) resident_bytes: [u64; 2],
    /// The slope.
    pub(crate) bytes_per_connection: f64,
}

impl CostReport {
    /// Begins an empty report.
    pub(crate) fn begin(environment: Environment, connections: usize, quick: bool) -> CostReport {
        CostReport {
            schema: SCHEMA,
            partial: false,
            quick,
            connections,
            started: Timestamp::now(),
            environment,
            arms: Vec::new(),
            unmeasured: Vec::new(),
            peers: Vec::new(),
            failures: Vec::new(),
        }
    }
}

impl CostReport {
    /// Lays out every figure as a row.
    pub(super) fn table(&self) -> String {
        let mut text = String::from("arm,load,figure,value\n");
        let mut row = |arm: &str, load: &str, figure: &str, value: f64| {
            text += &format!("{arm},{load},{figure},{value}\n");
        };
        for ArmCost { arm, counts, calls, instructions, idle } in &self.arms {
            for Counted { load, per_message, .. } in counts {
                for (name, value) in per_message {
                    value.iter().for_each(|value| row(arm, load.word(), name, *value));
                }
            }
            for Calls { load, total, per_message, .. } in calls {
                row(arm, load.word(), "system_calls", *total);
                for (name, value) in per_message {
                    row(arm, load.word(), &format!("system_calls_{name}"), *value);
                }
            }
            for Instructions { load, per_message, .. } in instructions {
                row(arm, load.word(), "instructions", *per_message);
            }
            if let Some(idle) = idle {
                row(arm, "idle", "bytes_per_connection", idle.bytes_per_connection);
            }
        }
        text
    }
}

impl ArmCost {
    /// Begins without any figure.
    pub(crate) fn of(arm: &Arm) -> ArmCost {
        let (counts, calls, instructions) = (Vec::new(), Vec::new(), Vec::new());
        ArmCost { arm: arm.name().to_owned(), counts, calls, instructions, idle: None }
    }

    /// Returns one count per message under a load.
    pub(crate) fn count(&self, load: Load, name: &str) -> Option<f64> {
        let counted = self.counts.iter().find(|counted| counted.load == load)?;
        *counted.per_message.get(name)?
    }
}

impl Load {
    /// All, in the order of reports.
    pub(crate) const ALL: [Load; 3] = [Load::OneIdle, Load::ManyIdle, Load::Busy];

    /// Returns what files call it.
    fn word(self) -> &'static str {
        match self {
            Load::OneIdle => "one_idle",
            Load::ManyIdle => "many_idle",
            Load::Busy => "busy",
        }
    }

    /// Returns what tables call it; `many` is the number of connections.
    pub(crate) fn name(self, many: usize) -> String {
        match self {
            Load::OneIdle => "1 idle".to_owned(),
            Load::ManyIdle => format!("{many} idle"),
            Load::Busy => format!("{many} busy"),
        }
    }

    /// Returns what the generator is to do; `shape` is that of many connections.
    pub(crate) fn on(self, shape: Shape) -> counts::Load {
        let connections = if self == Load::OneIdle { 1 } else { shape.connections };
        counts::Load { shape: Shape { connections, ..shape }, pace: self.pace() }
    }

    /// Returns how fast the messages come.
    pub(crate) fn pace(self) -> Pace {
        if self == Load::Busy { Pace::Saturated } else { Pace::Idle }
    }
}

impl Counted {
    /// Computes the slopes.
    pub(crate) fn of(load: Load, raw: CountFigures) -> Counted {
        let per_message = BTreeMap::from([
            ("turns", raw.per_message(|counts| counts.turns)),
            ("hops", raw.per_message(|counts| counts.hops)),
            ("polls", raw.per_message(|counts| counts.polls)),
            ("allocations", raw.per_message(|counts| counts.allocations)),
            ("allocated_bytes", raw.per_message(|counts| counts.allocated_bytes)),
        ]);
        let per_message =
            per_message.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
        Counted { load, per_message, raw }
    }
}

impl Calls {
    /// Computes the slopes.
    pub(crate) fn of(load: Load, messages: [u64; 2], counted: [Tally; 2]) -> Calls {
        let per_message = slopes(messages, &counted);
        Calls { load, total: per_message.values().sum(), per_message, messages, counted }
    }
}

impl Instructions {
    /// Computes the slope.
    pub(crate) fn of(load: Load, messages: [u64; 2], counted: [u64; 2]) -> Instructions {
        Instructions { load, per_message: slope(messages, counted), messages, counted }
    }
}
