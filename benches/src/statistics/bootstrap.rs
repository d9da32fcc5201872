//! The block bootstrap of a median: what would other blocks of the same run have said?
//!
//! A block is a round: what disturbs a round disturbs all servers in it, and so the ratio between two of
//! them is taken within the block, and blocks are drawn whole. Source: Efron and Tibshirani, An
//! Introduction to the Bootstrap, 13 (percentile intervals).

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::{RISK, Ratio};

/// Draws of as many blocks as there are.
const DRAWS: usize = 4_000;

/// Fewer blocks have no interval: half of all such samples would lie on one side by luck.
const BLOCKS_MIN: usize = 6;

/// What the blocks say about a ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// The median with its 95 % interval.
    pub(crate) ratio: Ratio,
    /// The probability of a median as far from 1, on either side, if there were no difference.
    pub(crate) p: f64,
}

/// The draws of a run: the same for all its questions, so that what a block did meets all of them.
#[derive(Debug)]
pub(crate) struct Bootstrap {
    seed: u64,
    /// By the number of blocks, where the middle of each draw stands in the sorted sample.
    middles: BTreeMap<usize, Vec<[usize; 2]>>,
}

impl Bootstrap {
    /// Draws by a seed.
    pub(crate) fn new(seed: u64) -> Bootstrap {
        Bootstrap { seed, middles: BTreeMap::new() }
    }

    /// Estimates the median of the blocks' ratios, on the scale of logarithms, where a ratio and its
    /// inverse weigh the same. `None` for fewer than six blocks.
    pub(crate) fn estimate(&mut self, ratios: impl IntoIterator<Item = f64>) -> Option<Estimate> {
        let (median, medians) = self.medians(ratios)?;
        Some(Estimate::of(median, medians))
    }

    /// Estimates how the medians of two runs differ, whose blocks are not the same blocks: those of
    /// `after` over those of `before`.
    pub(crate) fn change(
        &mut self,
        before: impl IntoIterator<Item = f64>,
        after: impl IntoIterator<Item = f64>,
    ) -> Option<Estimate> {
        let (before, mut drawn_before) = self.medians(before)?;
        let (after, drawn_after) = self.medians(after)?;
        // The same draws of as many blocks would move both medians alike.
        drawn_before.rotate_left(DRAWS / 3);
        let drawn = drawn_after.iter().zip(&drawn_before).map(|(after, before)| after - before);
        Some(Estimate::of(after - before, drawn.collect()))
    }

    /// Returns the median of the logarithms, and that of each draw.
    fn medians(&mut self, ratios: impl IntoIterator<Item = f64>) -> Option<(f64, Vec<f64>)> {
        let mut logarithms: Vec<f64> = ratios.into_iter().map(f64::ln).collect();
        logarithms.sort_by(f64::total_cmp);
        let count = logarithms.len();
        if count < BLOCKS_MIN {
            return None;
        }
        let seed = self.seed;
        let middles = self.middles.entry(count).or_insert_with(|| middles(count, seed));
        let mean = |[low, high]: [usize; 2]| (logarithms[low] + logarithms[high]) / 2.0;
        let drawn = middles.iter().map(|middle| mean(*middle)).collect();
        Some((mean([(count - 1) / 2, count / 2]), drawn))
    }
}

impl Estimate {
    /// Takes the percentiles of the draws.
    fn of(median: f64, mut drawn: Vec<f64>) -> Estimate {
        drawn.sort_by(f64::total_cmp);
        let outside = (DRAWS as f64 * RISK / 2.0) as usize;
        let (low, high) = (drawn[outside].exp(), drawn[DRAWS - 1 - outside].exp());
        // One more than were drawn: no finite number of draws shows that something never happens.
        let share = |beyond: usize| (beyond + 1) as f64 / (DRAWS + 1) as f64;
        let not_above = share(drawn.partition_point(|drawn| *drawn <= 0.0));
        let not_below = share(DRAWS - drawn.partition_point(|drawn| *drawn < 0.0));
        let p = (2.0 * not_above.min(not_below)).min(1.0);
        Estimate { ratio: Ratio::new(median.exp(), low, high), p }
    }
}

/// Draws as many blocks as there are, again and again, and finds where the middle of each draw stands
/// in the sorted sample. That does not depend on what the blocks say.
fn middles(count: usize, seed: u64) -> Vec<[usize; 2]> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut times = vec![0_usize; count];
    let mut draw = || {
        times.fill(0);
        for _ in 0..count {
            times[random.random_range(0..count)] += 1;
        }
        [(count - 1) / 2, count / 2].map(|rank| at_rank(&times, rank))
    };
    (0..DRAWS).map(|_| draw()).collect()
}

/// Finds which value stands at a rank, where each stands as often as it was drawn.
fn at_rank(times: &[usize], rank: usize) -> usize {
    let mut passed = 0;
    let reaches = |times: &usize| {
        passed += times;
        passed > rank
    };
    times.iter().position(reaches).expect("as many are drawn as there are ranks")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bootstrap(ratios: impl IntoIterator<Item = f64>, seed: u64) -> Option<Estimate> {
        Bootstrap::new(seed).estimate(ratios)
    }

    #[test]
    fn the_interval_holds_the_median_and_shrinks_with_the_blocks() {
        let ratios = |blocks: usize| (0..blocks).map(|at| 1.1 + 0.01 * ((at * 7) % 10) as f64);
        let [few, many] = [10, 1_000].map(|blocks| bootstrap(ratios(blocks), 1).unwrap().ratio);
        for ratio in [few, many] {
            assert!(ratio.low <= ratio.median && ratio.median <= ratio.high, "{ratio:?}");
        }
        assert!(many.half_width < few.half_width / 2.0, "{few:?} {many:?}");
    }

    #[test]
    fn the_same_seed_says_the_same_and_another_nearly_the_same() {
        let ratios = || (0..60).map(|at| 0.9 + 0.2 * f64::from((at * 37) % 60) / 60.0);
        assert_eq!(bootstrap(ratios(), 7), bootstrap(ratios(), 7));
        let (one, other) = (bootstrap(ratios(), 7).unwrap(), bootstrap(ratios(), 8).unwrap());
        assert!((one.ratio.low - other.ratio.low).abs() < 0.02);
        assert!(one.p > 0.3, "{one:?}");
    }

    #[test]
    fn a_difference_in_every_block_is_improbable_by_chance() {
        let apart = bootstrap((0..60).map(|at| 1.02 + 0.001 * f64::from(at % 10)), 3).unwrap();
        assert!(apart.p < 0.001 && apart.ratio.excludes_one(), "{apart:?}");
    }

    #[test]
    fn a_change_between_two_runs_is_found_and_none_is_not() {
        let run = |by: f64, step: usize| {
            (0..40).map(move |at| by * (1.0 + 0.002 * ((at * step) % 10) as f64))
        };
        let mut bootstrap = Bootstrap::new(5);
        let none = bootstrap.change(run(1.2, 3), run(1.2, 7)).unwrap();
        assert!(!none.ratio.excludes_one() && none.p > 0.05, "{none:?}");
        let some = bootstrap.change(run(1.2, 3), run(1.26, 7)).unwrap();
        assert!((some.ratio.median - 1.05).abs() < 0.005 && some.p < 0.001, "{some:?}");
    }

    #[test]
    fn few_blocks_say_nothing() {
        assert_eq!(bootstrap([1.2; 5], 1), None);
        assert!(bootstrap([1.2; 6], 1).is_some());
    }
}
