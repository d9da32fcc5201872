//! What a comparison counts beside the clock: instructions of a message, bytes of a connection.

use super::figures::Load;
use super::session::instructions;
use super::{callgrind, idle, volume};
use crate::files::figures::{InstructionFigures, MemoryFigures};
use crate::files::run_file::Run;
use crate::measure::arm::Arm;
use crate::measure::plan::{Interrupted, Plan, keep};
use crate::measure::progress::Progress;

/// About how long an arm takes.
const ARM_MS: u64 = 4_000;

/// Connections beyond which callgrind takes too long.
const CONNECTIONS_MAX: usize = 1_000;

/// Counts for every arm that has not failed, and says what cannot be counted here.
pub(crate) fn measure(plan: &Plan, run: &mut Run, progress: &Progress) -> Result<(), Interrupted> {
    let mut can = |what: &str, outcome: Result<(), String>| {
        outcome.map_err(|reason| run.uncounted.push(format!("{what}: {reason}"))).is_ok()
    };
    let few = plan.shape.connections <= CONNECTIONS_MAX;
    let counts_instructions = few && can("instructions", callgrind::available());
    let mut crowds = None;
    can("memory of idle connections", idle::crowds(true).map(|fit| crowds = Some(fit)));
    for arm in arms(plan) {
        if counts_instructions && !run.has_failed(arm.name()) {
            progress.say(format!("{arm}: instructions"));
            let counted = instructions(
                plan,
                arm,
                Load::Busy,
                volume::messages(Load::Busy, plan.shape.connections as u64, true),
            );
            let during = "instructions".to_owned();
            if let Some(found) = keep(&mut run.failures, arm, during, counted)? {
                let (messages, counted) = (found.messages, found.counted);
                let arm = arm.name().to_owned();
                run.instructions.push(InstructionFigures { arm, messages, counted });
            }
        }
        if let Some(crowds) = crowds.filter(|_| !run.has_failed(arm.name())) {
            progress.say(format!("{arm}: memory"));
            let measured = idle::measure(plan, arm, crowds);
            if let Some(found) = keep(&mut run.failures, arm, "memory".to_owned(), measured)? {
                let (connections, resident_bytes) = (found.connections, found.resident_bytes);
                let arm = arm.name().to_owned();
                run.memory.push(MemoryFigures { arm, connections, resident_bytes });
            }
        }
        progress.advance(ARM_MS);
    }
    Ok(())
}

/// The controls tell nothing that their arms do not.
fn arms(plan: &Plan) -> impl Iterator<Item = &Arm> {
    plan.arguments.arms.iter().filter(|arm| !arm.is_control())
}
