//! The search for the highest rate that a server keeps up with.
//!
//! A closed phase tells what a server does with one message under way on each connection. Under a
//! schedule messages come in bunches, and it may do more or less: so rates around that figure are
//! tried.

use super::length::{PROBES, open_length, visit_ms, warm_up};
use crate::files::figures::SaturationFigures;
use crate::files::run_file::Run;
use crate::measure::arm::Arm;
use crate::measure::load::{Generator, Limit, MESSAGES_MAX, Recorder, Schedule};
use crate::measure::plan::{Interrupted, Misfortune, Plan, keep};
use crate::measure::progress::Progress;
use crate::measure::visit::{Visit, visit};
use crate::values::Rule;

/// A server keeps up if all replies are back so soon after the schedule has ended, as a share of its
/// length.
const BEHIND_MAX: f64 = 0.05;

/// The rates that are searched, as shares of the closed phase's.
const LEAST: f64 = 0.3;
const MOST: f64 = 1.3;

/// Searches for each arm that has not failed; `closed` has its closed phase's rate.
pub(super) fn search(plan: &Plan, run: &mut Run, progress: &Progress) -> Result<(), Interrupted> {
    for arm in plan.arguments.arms.iter().filter(|arm| !arm.is_control()) {
        let closed = run.closed.iter().find(|figures| figures.arm == arm.name());
        let Some(closed) = closed.filter(|_| !run.has_failed(arm.name())) else { continue };
        let rate = closed.messages_per_second;
        progress.say(format!("{arm}: which rates it keeps up with"));
        let outcome = of_arm(plan, arm, rate);
        progress.advance(
            PROBES as u64 * visit_ms(&plan.arguments, arm, open_length(&plan.arguments)) as u64,
        );
        let during = "search for the rates that it keeps up with".to_owned();
        run.saturation.extend(keep(&mut run.failures, arm, during, outcome)?);
    }
    Ok(())
}

/// Halves the interval in which the limit lies, again and again.
fn of_arm(plan: &Plan, arm: &Arm, closed_rate: f64) -> Result<SaturationFigures, Misfortune> {
    let (mut least, mut most) = (LEAST * closed_rate, MOST * closed_rate);
    let mut tried = Vec::new();
    for _ in 0..PROBES {
        let rate = ((least + most) / 2.0).clamp(1.0, MESSAGES_MAX / plan.arguments.seconds);
        let keeps_up = keeps_up(plan, arm, rate)?;
        tried.push((rate.round(), keeps_up));
        if keeps_up {
            least = rate;
        } else {
            most = rate;
        }
    }
    Ok(SaturationFigures { arm: arm.name().to_owned(), messages_per_second: least.round(), tried })
}

/// Tries a rate on a fresh server.
fn keeps_up(plan: &Plan, arm: &Arm, rate: f64) -> Result<bool, Misfortune> {
    let length = open_length(&plan.arguments);
    let schedule = Schedule::of(&plan.shape, rate, length, plan.seed);
    let timed = Visit { arm, rule: Rule::Bounded, counts: false, tool: &[], aside: false };
    let (open, _) = visit(plan, timed, |server| {
        let mut generator = Generator::connect(server.addr(), plan.shape, &plan.interrupt)?;
        generator.closed(Limit::Time(warm_up(arm)), &mut Recorder::new())?;
        generator.open(&schedule, &mut Recorder::new())
    })?;
    let behind = open.elapsed.saturating_sub(length).as_secs_f64();
    Ok(open.unanswered() == 0 && behind <= BEHIND_MAX * length.as_secs_f64())
}
