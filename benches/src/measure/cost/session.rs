//! The passes of a cost run, arm by arm.

use std::panic::resume_unwind;
use std::thread;

use super::figures::{ArmCost, Calls, CostReport, Counted, Instructions, Load};
use super::slope::Tally;
use super::{callgrind, idle, strace, volume};
use crate::measure::arm::{Arm, Tool};
use crate::measure::counts::{self, Case};
use crate::measure::plan::{Interrupted, Misfortune, Plan, keep};
use crate::measure::progress::Progress;
use crate::measure::visit::{Visit, visit};
use crate::process::limits;
use crate::values::Rule;

/// Steps of the bar for each arm: two loads of counts, three of calls, two of instructions, memory.
const STEPS: u64 = 8;

/// A run under way.
pub(crate) struct Session<'a> {
    plan: &'a Plan,
    quick: bool,
    report: CostReport,
    progress: Progress,
    /// What of this system can be used.
    strace: bool,
    callgrind: bool,
    crowds: Option<[usize; 2]>,
}

impl<'a> Session<'a> {
    /// Finds out what can be counted here.
    pub(crate) fn begin(plan: &'a Plan, quick: bool, report: CostReport) -> Session<'a> {
        let progress = Progress::begin(STEPS * plan.arguments.arms.len() as u64);
        let mut session = Session {
            plan,
            quick,
            report,
            progress,
            strace: false,
            callgrind: false,
            crowds: None,
        };
        session.strace = session.can("system calls", strace::available()).is_some();
        session.callgrind = session.can("instructions", callgrind::available()).is_some();
        session.crowds = session.can("memory of idle connections", idle::crowds(quick));
        session
    }

    /// Counts everything of every arm.
    pub(crate) fn measure(&mut self) -> Result<(), Interrupted> {
        for arm in &self.plan.arguments.arms {
            let mut cost = ArmCost::of(arm);
            let outcome = self.measure_arm(arm, &mut cost);
            self.report.arms.push(cost);
            outcome?;
        }
        Ok(())
    }

    /// Ends the run.
    pub(crate) fn end(self) -> CostReport {
        self.report
    }

    fn measure_arm(&mut self, arm: &Arm, cost: &mut ArmCost) -> Result<(), Interrupted> {
        let plan = self.plan;
        for load in [Load::OneIdle, Load::Busy] {
            let during = self.step("counts", arm, Some(load));
            // A foreign server counts nothing.
            if arm.style().is_some() {
                let case = Case { arm, rule: Rule::Bounded, pace: load.pace() };
                let figures =
                    keep(&mut self.report.failures, arm, during, counts::count(plan, case))?;
                cost.counts.extend(figures.map(|raw| Counted::of(load, raw)));
            }
        }
        for load in Load::ALL {
            let during = self.step("system calls", arm, Some(load));
            if self.strace {
                let calls = calls(plan, arm, load, self.messages(load));
                cost.calls.extend(keep(&mut self.report.failures, arm, during, calls)?);
            }
        }
        for load in [Load::OneIdle, Load::Busy] {
            let during = self.step("instructions", arm, Some(load));
            if self.callgrind {
                let instructions = instructions(plan, arm, load, self.messages(load));
                cost.instructions.extend(keep(
                    &mut self.report.failures,
                    arm,
                    during,
                    instructions,
                )?);
            }
        }
        let during = self.step("memory", arm, None);
        if let Some(crowds) = self.crowds {
            cost.idle =
                keep(&mut self.report.failures, arm, during, idle::measure(plan, arm, crowds))?;
        }
        Ok(())
    }

    fn messages(&self, load: Load) -> [u64; 2] {
        volume::messages(load, self.plan.shape.connections as u64, self.quick)
    }

    /// Says what begins, and returns the words for a failure in it.
    fn step(&self, what: &str, arm: &Arm, load: Option<Load>) -> String {
        let many = self.plan.shape.connections;
        let during = match load {
            Some(load) => format!("{what}, {}", load.name(many)),
            None => what.to_owned(),
        };
        self.progress.say(format!("{arm}: {during}"));
        self.progress.advance(1);
        during
    }

    fn can<T>(&mut self, what: &str, outcome: Result<T, String>) -> Option<T> {
        outcome.map_err(|reason| self.report.unmeasured.push(format!("{what}: {reason}"))).ok()
    }
}

/// Counts the system calls of a short and of a long run.
pub(super) fn calls(
    plan: &Plan,
    arm: &Arm,
    load: Load,
    messages: [u64; 2],
) -> Result<Calls, Misfortune> {
    let run = |count| -> Result<Tally, Misfortune> {
        let said = run_under(plan, Watched { arm, tool: strace::TOOL, aside: false }, load, count)?;
        strace::parse(&said).ok_or_else(|| Misfortune::Failed("strace wrote no table".into()))
    };
    Ok(Calls::of(load, messages, [run(messages[0])?, run(messages[1])?]))
}

/// Counts the user-space instructions of a short and of a long run: both at the same time where their
/// connections have room, for neither count depends on what else runs.
pub(super) fn instructions(
    plan: &Plan,
    arm: &Arm,
    load: Load,
    messages: [u64; 2],
) -> Result<Instructions, Misfortune> {
    let connections = plan.shape.connections + plan.shape.idle;
    let tool = callgrind::tool(connections);
    let run = |count, aside| -> Result<u64, Misfortune> {
        let said = run_under(plan, Watched { arm, tool, aside }, load, count)?;
        callgrind::parse(&said).ok_or_else(|| {
            // valgrind ends where a command becomes another program.
            let reason = "callgrind told no sum; of a script that starts the server in its \
                          place, name the server itself";
            Misfortune::Failed(reason.to_owned())
        })
    };
    let both_fit = 2 * connections as u64 <= limits::connections_possible();
    let [short, long] = if both_fit {
        thread::scope(|scope| {
            let short = scope.spawn(|| run(messages[0], true));
            let long = run(messages[1], false);
            [short.join().unwrap_or_else(|panic| resume_unwind(panic)), long]
        })
    } else {
        [run(messages[0], false), run(messages[1], false)]
    };
    Ok(Instructions::of(load, messages, [short?, long?]))
}

/// A server under a tool.
struct Watched<'a> {
    arm: &'a Arm,
    tool: Tool,
    /// Whether another runs at the same time, on the other processor.
    aside: bool,
}

/// Runs it, and returns what both said on standard error.
fn run_under(
    plan: &Plan,
    Watched { arm, tool, aside }: Watched<'_>,
    load: Load,
    messages: u64,
) -> Result<String, Misfortune> {
    let watched = Visit { arm, rule: Rule::Bounded, counts: false, tool, aside };
    let load = load.on(plan.shape);
    let ((), stopped) = visit(plan, watched, |server| load.drive(plan, server, messages))?;
    Ok(stopped.stderr)
}
