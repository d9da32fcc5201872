//! What a measurement of several servers needs to know from beginning to end.

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

use crate::files::figures::ArmFailure;
use crate::files::run_file::{Arguments, Run};
use crate::measure::arm::Arm;
use crate::measure::load::Shape;
use crate::process::cpu::Placement;
use crate::process::interrupt::Interrupt;

/// What was asked, and where it runs.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) arguments: Arguments,
    pub(crate) shape: Shape,
    pub(crate) seed: u64,
    pub(crate) placement: Option<Placement>,
    /// Whether the servers have an idle timeout, which each message sets and takes back.
    pub(crate) idle_timeout: bool,
    pub(crate) interrupt: Interrupt,
}

/// The user has ended the run.
#[derive(Debug)]
pub(crate) struct Interrupted;

/// Why something measured ended badly.
#[derive(Debug)]
pub(crate) enum Misfortune {
    /// The arm is at fault; in words for the report.
    Failed(String),
    /// The user has ended the run.
    Interrupted,
}

impl Plan {
    /// Plans what was asked; without a seed, one is drawn that is short enough to be typed again.
    pub(crate) fn new(arguments: Arguments, seed: Option<u64>, interrupt: Interrupt) -> Plan {
        Plan {
            shape: arguments.shape(),
            arguments,
            seed: seed.unwrap_or_else(|| u64::from(rand::random::<u32>())),
            placement: Placement::choose(),
            idle_timeout: false,
            interrupt,
        }
    }

    /// Draws the order of the arms that have not failed.
    pub(crate) fn order(&self, run: &Run, random: &mut SmallRng) -> Vec<&Arm> {
        let alive = |arm: &&Arm| !run.has_failed(arm.name());
        let mut arms: Vec<_> = self.arguments.arms.iter().filter(alive).collect();
        arms.shuffle(random);
        arms
    }

    /// A terminal sends its Ctrl-C to the servers as well: what they do then is not their fault.
    pub(crate) fn blame(&self, reason: String) -> Misfortune {
        if self.interrupt.is_raised() {
            Misfortune::Interrupted
        } else {
            Misfortune::Failed(reason)
        }
    }
}

/// Keeps an outcome, or notes why there is none.
pub(crate) fn keep<T>(
    failures: &mut Vec<ArmFailure>,
    arm: &Arm,
    during: String,
    outcome: Result<T, Misfortune>,
) -> Result<Option<T>, Interrupted> {
    match outcome {
        Ok(outcome) => Ok(Some(outcome)),
        Err(Misfortune::Interrupted) => Err(Interrupted),
        Err(Misfortune::Failed(reason)) => {
            failures.push(ArmFailure { arm: arm.name().to_owned(), during, reason });
            Ok(None)
        }
    }
}
