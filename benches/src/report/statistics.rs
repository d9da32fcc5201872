//! Small samples - one figure a round - and the ratios between arms.

use crate::files::figures::ClosedFigures;
use crate::files::run_file::Run;

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

/// Divides the costs of two arms round by round: what disturbs a round disturbs both.
pub(crate) fn ratio(run: &Run, arm: &str, to: &str, cost: Cost) -> Option<Spread> {
    Spread::of(ratios(run, arm, to, cost))
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
}
