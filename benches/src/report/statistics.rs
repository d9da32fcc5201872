//! Small samples - one figure a round - and the ratios between arms.

use crate::files::run_file::{ClosedFigures, Run};

/// Below this share of its processor a server was not saturated.
const BUSY_ENOUGH: f64 = 0.9;

/// The median of some figures, with the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
    pub(crate) rounds: usize,
}

impl Spread {
    /// Summarises figures; `None` when there are none.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let rounds = figures.len();
        let (least, greatest) = (*figures.first()?, *figures.last()?);
        let median = (figures[(rounds - 1) / 2] + figures[rounds / 2]) / 2.0;
        Some(Spread { median, least, greatest, rounds })
    }

    /// Tells whether all ratios lie on the same side of 1.
    pub(crate) fn excludes_one(&self) -> bool {
        self.least > 1.0 || self.greatest < 1.0
    }
}

/// What is compared between arms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// Server CPU time per message.
    Cpu,
    /// Wall-clock time per message, where the kernel does not tell CPU time.
    Wall,
}

impl Cost {
    /// Chooses CPU time if every closed phase has it.
    pub(crate) fn of_run(run: &Run) -> Cost {
        if run.closed.iter().all(|figures| figures.cpu_us_per_message.is_some()) {
            Cost::Cpu
        } else {
            Cost::Wall
        }
    }

    /// Returns the microseconds per message of one phase.
    pub(crate) fn micros(self, figures: &ClosedFigures) -> f64 {
        match (self, figures.cpu_us_per_message) {
            (Cost::Cpu, Some(micros)) => micros,
            _ => 1e6 / figures.messages_per_second,
        }
    }
}

/// Returns an arm's closed phases.
pub(crate) fn closed_of<'a>(run: &'a Run, arm: &str) -> impl Iterator<Item = &'a ClosedFigures> {
    run.closed.iter().filter(move |figures| figures.arm == arm)
}

/// Tells whether the closed phases kept a server busy, as far as is known.
pub(crate) fn saturated(run: &Run, arm: &str) -> bool {
    let busy = closed_of(run, arm).filter_map(|figures| figures.server_busy);
    Spread::of(busy).is_none_or(|busy| busy.median >= BUSY_ENOUGH)
}

/// Returns by what factor a server's cost differs from its own in the round before: nine times of
/// ten it is less. No difference between two servers counts that is not greater.
pub(crate) fn noise(run: &Run, cost: Cost) -> Option<f64> {
    let mut factors: Vec<f64> = Vec::new();
    for arm in &run.arguments.arms {
        let costs: Vec<f64> =
            closed_of(run, arm.name()).map(|figures| cost.micros(figures)).collect();
        factors.extend(costs.windows(2).map(|pair| (pair[1] / pair[0]).ln().abs().exp()));
    }
    factors.sort_by(f64::total_cmp);
    let ninth = (factors.len() * 9).div_ceil(10).checked_sub(1)?;
    Some(factors[ninth])
}

/// Divides the costs of two arms round by round: what disturbs a round disturbs both.
pub(crate) fn ratio(run: &Run, arm: &str, to: &str, cost: Cost) -> Option<Spread> {
    Spread::of(ratios(run, arm, to, cost))
}

/// Subtracts the costs of two arms round by round, in microseconds per message.
pub(crate) fn difference(run: &Run, arm: &str, to: &str, cost: Cost) -> Option<Spread> {
    Spread::of(pairs(run, arm, to, cost).map(|(micros, base)| micros - base))
}

/// Divides the costs of two arms, each round for itself.
pub(crate) fn ratios(run: &Run, arm: &str, to: &str, cost: Cost) -> impl Iterator<Item = f64> {
    pairs(run, arm, to, cost).map(|(micros, base)| micros / base)
}

fn pairs(run: &Run, arm: &str, to: &str, cost: Cost) -> impl Iterator<Item = (f64, f64)> {
    closed_of(run, arm).filter_map(move |figures| {
        let base = closed_of(run, to).find(|base| base.round == figures.round)?;
        Some((cost.micros(figures), cost.micros(base)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_median_of_even_and_odd_samples() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]).unwrap().median, 2.0);
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn only_ratios_on_one_side_exclude_one() {
        assert!(Spread::of([1.1, 1.3]).unwrap().excludes_one());
        assert!(Spread::of([0.7, 0.9]).unwrap().excludes_one());
        assert!(!Spread::of([0.9, 1.3]).unwrap().excludes_one());
    }
}
