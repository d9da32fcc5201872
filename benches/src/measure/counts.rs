//! The counts pass: what a server does for each message, counted and not timed.
//!
//! Each figure is the slope between a short and a long run, so that what happens once - start,
//! accept, end - does not count.

use std::time::Duration;

use examples::{Server, ServerCounts};

use crate::files::figures::{CountFigures, Pace};
use crate::files::run_file::Run;
use crate::measure::arm::Arm;
use crate::measure::load::{Generator, Limit, Recorder, Shape, Trouble};
use crate::measure::plan::{Interrupted, Misfortune, Plan, keep};
use crate::measure::progress::Progress;
use crate::measure::visit::{Visit, visit};
use crate::values::Rule;

/// In which the server goes to sleep between two messages.
const PAUSE: Duration = Duration::from_micros(300);

/// Messages of a short run, and the further ones of a long run.
const MESSAGES: [u64; 2] = [40, 400];

/// The same for each of many connections, and at most.
const MESSAGES_PER_CONNECTION: [u64; 2] = [2, 100];
const MESSAGES_BUSY_MAX: u64 = 20_000;

/// The most bytes that a long run echoes beyond a short one.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// About how long a pair of runs takes.
const PAIR_MS: u64 = 300;

/// What is counted: under which rule, at which pace.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case<'a> {
    pub(crate) arm: &'a Arm,
    pub(crate) rule: Rule,
    pub(crate) pace: Pace,
}

/// Counts every case of every arm that has not failed.
pub(crate) fn measure(plan: &Plan, run: &mut Run, progress: &Progress) -> Result<(), Interrupted> {
    for case in cases(plan) {
        let Case { arm, rule, pace } = case;
        if run.has_failed(arm.name()) {
            continue;
        }
        progress.say(format!("counting: {arm}, {pace}, {}", rule.name()));
        let outcome = count(plan, case);
        progress.advance(PAIR_MS);
        if let Some(figures) = keep(&mut run.failures, arm, format!("counts, {pace}"), outcome)? {
            run.counts.push(figures);
        }
    }
    Ok(())
}

/// One idle connection under both rules, and the run's connections under the default; a baseline
/// knows no rules, and a peer counts nothing.
fn cases(plan: &Plan) -> impl Iterator<Item = Case<'_>> {
    use Pace::{Idle, Saturated};
    let of_arm = |arm| {
        [(Rule::Bounded, Idle), (Rule::Snapshot, Idle), (Rule::Bounded, Saturated)]
            .into_iter()
            .filter(move |(rule, _)| Arm::is_wing(arm) || *rule == Rule::Bounded)
            .map(move |(rule, pace)| Case { arm, rule, pace })
    };
    plan.arguments.arms.iter().filter(|arm| arm.style().is_some()).flat_map(of_arm)
}

/// Counts one case, as the difference between a short and a long run.
pub(crate) fn count(plan: &Plan, case: Case<'_>) -> Result<CountFigures, Misfortune> {
    let idle = case.pace == Pace::Idle;
    let connections = if idle { 1 } else { plan.shape.connections };
    // What a crowd beside does would be counted with the messages.
    let shape = Shape { connections, slow_readers: None, idle: 0, ..plan.shape };
    let [short, more] = if idle {
        MESSAGES
    } else {
        let [short, more] = MESSAGES_PER_CONNECTION.map(|messages| messages * connections as u64);
        [short, more.min(MESSAGES_BUSY_MAX).max(short)]
    };
    // Few large messages say as much as many small ones.
    let more = more.min(BYTES_MAX / shape.size as u64).max(8);
    let messages = [short.min(more), short.min(more) + more];
    let counted =
        [count_run(plan, case, shape, messages[0])?, count_run(plan, case, shape, messages[1])?];
    Ok(CountFigures {
        arm: case.arm.name().to_owned(),
        turn_rule: case.arm.is_wing().then_some(case.rule),
        connections,
        pace: case.pace,
        messages,
        counted,
    })
}

fn count_run(
    plan: &Plan,
    case: Case<'_>,
    shape: Shape,
    messages: u64,
) -> Result<ServerCounts, Misfortune> {
    let counting = Visit { arm: case.arm, rule: case.rule, counts: true, tool: &[], aside: false };
    let load = Load { shape, pace: case.pace };
    let ((), stopped) = visit(plan, counting, |server| load.drive(plan, server, messages))?;
    let line = stopped.stdout.lines().last().unwrap_or_default();
    serde_json::from_str(line)
        .map_err(|error| Misfortune::Failed(format!("printed no counts: {error}")))
}

/// How a server is loaded while something is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) shape: Shape,
    /// Idle: one message at a time, from one connection after the other, with pauses.
    pub(crate) pace: Pace,
}

impl Load {
    /// Connects, has so many messages echoed, and leaves.
    pub(crate) fn drive(self, plan: &Plan, server: &Server, messages: u64) -> Result<(), Trouble> {
        let mut generator =
            Generator::connect(server.addr(), self.shape, &plan.interrupt)?.untimed();
        if self.pace == Pace::Idle {
            generator.paced(messages, PAUSE)
        } else {
            generator.closed(Limit::Messages(messages), &mut Recorder::new()).map(drop)
        }
    }
}
