//! The median of paired ratios, with an interval that assumes no distribution.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::RISK;

/// A ratio between two servers, estimated from pairs of slices or from rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ratio {
    /// The median of the pairs' ratios.
    pub(crate) median: f64,
    /// The lower end of the 95 % interval.
    pub(crate) low: f64,
    /// The upper end.
    pub(crate) high: f64,
    /// Half the interval's width.
    pub(crate) half_width: f64,
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ratio { median, low, high, .. } = self;
        write!(f, "{median:.3} [{low:.3}, {high:.3}]")
    }
}

impl Ratio {
    /// Makes a ratio of its median and the ends of its interval.
    pub(super) fn new(median: f64, low: f64, high: f64) -> Ratio {
        Ratio { median, low, high, half_width: (high - low) / 2.0 }
    }

    /// Takes the median of the logarithms, so that a ratio and its inverse weigh the same, and the
    /// exact binomial interval: the order statistics between which the median lies with a
    /// probability of 95 % at least, however the pairs are distributed. `None` for fewer than six
    /// pairs, which have no such interval.
    pub(crate) fn of_pairs(ratios: impl IntoIterator<Item = f64>) -> Option<Ratio> {
        let mut logarithms: Vec<f64> = ratios.into_iter().map(f64::ln).collect();
        logarithms.sort_by(f64::total_cmp);
        let count = logarithms.len();
        let outside = outside(count)?;
        let median = (logarithms[(count - 1) / 2] + logarithms[count / 2]) / 2.0;
        let (low, high) = (logarithms[outside].exp(), logarithms[count - 1 - outside].exp());
        Some(Ratio::new(median.exp(), low, high))
    }

    /// Tells whether the interval lies on one side of 1.
    pub(crate) fn excludes_one(&self) -> bool {
        self.low > 1.0 || self.high < 1.0
    }

    /// Returns how far from 1 the interval reaches.
    pub(crate) fn reach(&self) -> f64 {
        (self.high - 1.0).max(1.0 - self.low)
    }
}

/// Returns how many samples at each end lie outside of the interval of the median: the most for
/// which fewer than so many heads, or tails, in `count` throws have a probability within the risk.
fn outside(count: usize) -> Option<usize> {
    // The logarithm of the probability of exactly `heads` heads, each from the one before: for
    // thousands of pairs the probabilities themselves begin too small for a float.
    let mut exactly = -(count as f64) * std::f64::consts::LN_2;
    let (mut at_most, mut outside) = (0.0, None);
    for heads in 0..count / 2 {
        at_most += exactly.exp();
        if 2.0 * at_most > RISK {
            break;
        }
        outside = Some(heads);
        exactly += ((count - heads) as f64 / (heads + 1) as f64).ln();
    }
    outside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_has_the_ranks_of_the_tables() {
        // From the usual tables of the sign test at 5 %, counted from 0.
        let known = [
            (6, 0),
            (8, 0),
            (9, 1),
            (12, 2),
            (20, 5),
            (25, 7),
            (50, 17),
            (100, 39),
            (5_000, 2_430),
        ];
        for (count, rank) in known {
            assert_eq!(outside(count), Some(rank), "{count}");
        }
        assert_eq!(outside(5), None);
    }

    #[test]
    fn a_ratio_and_its_inverse_weigh_the_same() {
        let ratio = Ratio::of_pairs([0.5, 2.0, 1.0, 0.25, 4.0, 0.8, 1.25]).unwrap();
        assert!((ratio.median - 1.0).abs() < 1e-12);
        assert!((ratio.low * ratio.high - 1.0).abs() < 1e-12);
        assert!(!ratio.excludes_one());
    }

    #[test]
    fn one_wild_pair_moves_nothing() {
        let tame = (0..30).map(|at| 1.05 + f64::from(at) * 1e-4);
        let ratio = Ratio::of_pairs(tame.chain([50.0])).unwrap();
        assert!(ratio.excludes_one());
        assert!(ratio.high < 1.06 && ratio.low > 1.04, "{ratio:?}");
    }
}
