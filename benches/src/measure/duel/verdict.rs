//! What a duel means, by rules that were fixed before it.

use serde::Serialize;

use super::interval::Ratio;

/// A difference of less than this, with certainty, is none.
const EQUIVALENT: f64 = 0.02;

/// A null that lies beyond this, with certainty, shows that the instrument is broken here.
const NULL_MAX: f64 = 0.02;

/// What can be said of a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// The interval excludes 1, and the difference is greater than the null reaches.
    Dearer,
    /// As above, the other way round.
    Cheaper,
    /// The whole interval is close to 1.
    Equivalent,
    /// The difference, if there is one, is smaller than what can be told apart.
    BelowNoise,
    /// There is no interval, or no null, or the null has failed.
    NoVerdict,
}

impl Standing {
    // ANCHOR: standing
    /// Holds a ratio against the null.
    pub(crate) fn of(ratio: Option<Ratio>, null: Option<Ratio>) -> Standing {
        let (Some(ratio), Some(null)) = (ratio, null) else { return Standing::NoVerdict };
        if null_failed(null) {
            return Standing::NoVerdict;
        }
        let apart = ratio.excludes_one() && (ratio.median - 1.0).abs() > null.reach();
        match ratio.median > 1.0 {
            true if apart => Standing::Dearer,
            false if apart => Standing::Cheaper,
            _ if ratio.reach() <= EQUIVALENT => Standing::Equivalent,
            _ => Standing::BelowNoise,
        }
    }
    // ANCHOR_END: standing

    /// Returns the word for a table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Standing::Dearer => "dearer",
            Standing::Cheaper => "cheaper",
            Standing::Equivalent => "equivalent",
            Standing::BelowNoise => "below noise",
            Standing::NoVerdict => "no verdict",
        }
    }
}

/// Tells whether a server differs from itself by more than can be chance.
pub(crate) fn null_failed(null: Ratio) -> bool {
    null.low > 1.0 + NULL_MAX || null.high < 1.0 - NULL_MAX
}

/// Says it in one sentence.
pub(crate) fn sentence(names: (&str, &str), ratio: Option<Ratio>, null: Option<Ratio>) -> String {
    let (base, other) = names;
    let Some(found) = ratio else {
        return format!("{other} and {base} share too few pairs of slices: no verdict.");
    };
    let percent = |ratio: f64| (ratio - 1.0) * 100.0;
    let Ratio { median, low, high, .. } = found;
    let noise = null.map_or(0.0, |null| null.reach() * 100.0);
    match Standing::of(ratio, null) {
        Standing::Dearer => format!(
            "{other} is dearer than {base} by {:.1} % [{:.1}, {:.1}].",
            percent(median),
            percent(low),
            percent(high)
        ),
        Standing::Cheaper => format!(
            "{other} is cheaper than {base} by {:.1} % [{:.1}, {:.1}].",
            -percent(median),
            -percent(high),
            -percent(low)
        ),
        Standing::Equivalent => {
            format!("{other} and {base} are equivalent within {:.0} %.", EQUIVALENT * 100.0)
        }
        Standing::BelowNoise => format!(
            "{other} and {base} differ by {:+.1} % [{:+.1}, {:+.1}], which is below the noise \
             ({noise:.1} %).",
            percent(median),
            percent(low),
            percent(high)
        ),
        Standing::NoVerdict if null.is_some() => format!(
            "no verdict on {other}: a server differs from itself by {noise:.1} % here, which voids \
             the run."
        ),
        Standing::NoVerdict => {
            format!("no verdict on {other}: there is no null to hold it against.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(low: f64, median: f64, high: f64) -> Option<Ratio> {
        Some(Ratio { median, low, high, half_width: (high - low) / 2.0 })
    }

    #[test]
    fn a_difference_stands_above_its_interval_and_above_the_null() {
        let null = ratio(0.993, 1.001, 1.008);
        let standing = |low, median, high| Standing::of(ratio(low, median, high), null);
        assert_eq!(standing(1.02, 1.03, 1.04), Standing::Dearer);
        assert_eq!(standing(0.90, 0.92, 0.95), Standing::Cheaper);
        assert_eq!(standing(1.001, 1.005, 1.009), Standing::Equivalent);
        assert_eq!(standing(0.97, 1.01, 1.05), Standing::BelowNoise);
        assert_eq!(Standing::of(None, null), Standing::NoVerdict);
        assert_eq!(Standing::of(null, None), Standing::NoVerdict);
    }

    #[test]
    fn a_failed_null_voids_every_verdict() {
        let failed = ratio(1.04, 1.05, 1.06);
        assert_eq!(Standing::of(ratio(1.4, 1.5, 1.6), failed), Standing::NoVerdict);
        let sentence = sentence(("raw", "async"), ratio(1.4, 1.5, 1.6), failed);
        assert!(sentence.contains("voids the run"), "{sentence}");
    }

    #[test]
    fn cheaper_is_said_in_positive_percent() {
        let sentence = sentence(("raw", "x"), ratio(0.90, 0.92, 0.95), ratio(0.99, 1.0, 1.01));
        assert_eq!(sentence, "x is cheaper than raw by 8.0 % [5.0, 10.0].");
    }
}
