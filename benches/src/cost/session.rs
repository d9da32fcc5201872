//! The passes of a cost run, arm by arm.

use std::process::Command;

use examples::Style;

use super::figures::{ArmCost, Calls, CostReport, Counted, Instructions, Load};
use super::slope::Tally;
use super::{callgrind, idle, strace};
use crate::cli::Rule;
use crate::compare::arm::{Misfortune, Setting, command, visit_command};
use crate::compare::counts::{self, Case};
use crate::compare::progress::Progress;
use crate::compare::{Interrupted, Plan};
use crate::run_file::ArmFailure;

/// Messages of a short and of a long run under each load; with many connections a multiple of them,
/// so that both runs treat all alike.
const ONE_IDLE: [u64; 2] = [100, 1_100];
const MANY_IDLE: [u64; 2] = [128, 1_152];
const BUSY: [u64; 2] = [1_280, 20_480];
const QUICK_ONE_IDLE: [u64; 2] = [20, 120];
const QUICK_MANY_IDLE: [u64; 2] = [128, 256];
const QUICK_BUSY: [u64; 2] = [640, 3_200];

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
        let progress = Progress::begin(STEPS * plan.arguments.styles.len() as u64);
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
        for style in self.plan.arguments.styles.clone() {
            let mut arm = ArmCost::of(style);
            let outcome = self.measure_arm(&mut arm);
            self.report.arms.push(arm);
            outcome?;
        }
        Ok(())
    }

    /// Ends the run.
    pub(crate) fn end(self) -> CostReport {
        self.report
    }

    fn measure_arm(&mut self, arm: &mut ArmCost) -> Result<(), Interrupted> {
        let (plan, style) = (self.plan, arm.style);
        for load in [Load::OneIdle, Load::Busy] {
            let during = self.step("counts", style, Some(load));
            let case = Case { style, rule: Rule::Bounded, idle: load == Load::OneIdle };
            let figures = self.keep(style, during, counts::count(plan, case))?;
            arm.counts.extend(figures.map(|raw| Counted::of(load, raw)));
        }
        for load in Load::ALL {
            let during = self.step("system calls", style, Some(load));
            if self.strace {
                let calls = self.calls(style, load);
                arm.calls.extend(self.keep(style, during, calls)?);
            }
        }
        for load in [Load::OneIdle, Load::Busy] {
            let during = self.step("instructions", style, Some(load));
            if self.callgrind {
                let instructions = self.instructions(style, load);
                arm.instructions.extend(self.keep(style, during, instructions)?);
            }
        }
        let during = self.step("memory", style, None);
        if let Some(crowds) = self.crowds {
            arm.idle = self.keep(style, during, idle::measure(plan, style, crowds))?;
        }
        Ok(())
    }

    fn calls(&self, style: Style, load: Load) -> Result<Calls, Misfortune> {
        let messages = self.messages(load);
        let run = |count| -> Result<Tally, Misfortune> {
            let said = self.run_under(&strace::prefix(), style, load, count)?;
            strace::parse(&said).ok_or_else(|| Misfortune::Failed("strace wrote no table".into()))
        };
        Ok(Calls::of(load, messages, [run(messages[0])?, run(messages[1])?]))
    }

    fn instructions(&self, style: Style, load: Load) -> Result<Instructions, Misfortune> {
        let messages = self.messages(load);
        let run = |count| -> Result<u64, Misfortune> {
            let said = self.run_under(&callgrind::prefix(), style, load, count)?;
            callgrind::parse(&said)
                .ok_or_else(|| Misfortune::Failed("callgrind told no sum".to_owned()))
        };
        Ok(Instructions::of(load, messages, [run(messages[0])?, run(messages[1])?]))
    }

    /// Runs a server under a tool, and returns what both said on standard error.
    fn run_under(
        &self,
        tool: &[String],
        style: Style,
        load: Load,
        messages: u64,
    ) -> Result<String, Misfortune> {
        let setting = Setting { style, rule: Rule::Bounded, counts: false };
        let server = command(self.plan, setting);
        let mut command = Command::new(&tool[0]);
        command.args(&tool[1..]).arg(server.get_program()).args(server.get_args());
        // As the server alone: a terminal's Ctrl-C is for this process.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let load = load.on(self.plan.shape);
        let ((), stopped) = visit_command(self.plan, &mut command, |server| {
            load.drive(self.plan, server, messages)
        })?;
        Ok(stopped.stderr)
    }

    fn messages(&self, load: Load) -> [u64; 2] {
        match (load, self.quick) {
            (Load::OneIdle, false) => ONE_IDLE,
            (Load::ManyIdle, false) => MANY_IDLE,
            (Load::Busy, false) => BUSY,
            (Load::OneIdle, true) => QUICK_ONE_IDLE,
            (Load::ManyIdle, true) => QUICK_MANY_IDLE,
            (Load::Busy, true) => QUICK_BUSY,
        }
    }

    /// Says what begins, and returns the words for a failure in it.
    fn step(&self, what: &str, style: Style, load: Option<Load>) -> String {
        let many = self.plan.shape.connections;
        let during = match load {
            Some(load) => format!("{what}, {}", load.name(many)),
            None => what.to_owned(),
        };
        self.progress.say(format!("{style}: {during}"));
        self.progress.advance(1);
        during
    }

    fn can<T>(&mut self, what: &str, outcome: Result<T, String>) -> Option<T> {
        outcome.map_err(|reason| self.report.unmeasured.push(format!("{what}: {reason}"))).ok()
    }

    /// Keeps an outcome, or writes down why there is none.
    fn keep<T>(
        &mut self,
        style: Style,
        during: String,
        outcome: Result<T, Misfortune>,
    ) -> Result<Option<T>, Interrupted> {
        match outcome {
            Ok(figures) => Ok(Some(figures)),
            Err(Misfortune::Interrupted) => Err(Interrupted),
            Err(Misfortune::Failed(reason)) => {
                self.report.failures.push(ArmFailure { style, during, reason });
                Ok(None)
            }
        }
    }
}
