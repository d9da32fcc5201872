//! What a ratio means, by rules that were fixed before it, in words that are always the same.
//!
//! The grammar: `A is cheaper than B by x % [low, high]` (CPU; of times, `faster`), `equivalent within
//! m %`, `below noise (w %)`, `not measurable here`, or why there is no verdict.

use serde::{Deserialize, Serialize};

use super::Ratio;

/// What is compared between two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Measure {
    /// Server CPU time for a message.
    Cpu,
    /// Time for a message at saturation, where the kernel does not tell CPU time.
    Time,
    /// The median response time.
    P50,
    /// The response time that nine of ten replies keep.
    P90,
    /// The response time that 99 of 100 replies keep.
    P99,
    /// The response time that 999 of 1,000 replies keep.
    P999,
}

/// Whether a difference that was put there was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Detection {
    /// It was found.
    Detected,
    /// It was not: what is not found here may be there all the same.
    Missed,
    /// None was put there.
    Absent,
}

/// All that a verdict rests on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence {
    pub(crate) measure: Measure,
    /// The other server's figure over the base's.
    pub(crate) ratio: Option<Ratio>,
    /// Whether chance may have made the ratio, all questions of the run considered.
    pub(crate) by_chance: bool,
    /// A server's figure over that of the same server.
    pub(crate) null: Option<Ratio>,
    pub(crate) control: Detection,
    /// Whether a server had nothing to do at times, so that its cost says little.
    pub(crate) idle: bool,
}

/// What can be said of a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// A difference that was put there was not found.
    NotMeasurable,
    /// There is no interval, or no null, or the null has failed, or a server was idle.
    NoVerdict,
}

impl Measure {
    /// Returns what tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Measure::Cpu => "CPU",
            Measure::Time => "time",
            Measure::P50 => "p50",
            Measure::P90 => "p90",
            Measure::P99 => "p99",
            Measure::P999 => "p99.9",
        }
    }

    /// Returns the quantile of the response times, if it is one.
    pub(crate) fn quantile(self) -> Option<f64> {
        match self {
            Measure::Cpu | Measure::Time => None,
            Measure::P50 => Some(0.5),
            Measure::P90 => Some(0.9),
            Measure::P99 => Some(0.99),
            Measure::P999 => Some(0.999),
        }
    }

    /// Returns how far from 1 a ratio may lie, with certainty, and count as none. A null beyond it
    /// shows that the instrument is broken here.
    pub(crate) fn margin(self) -> f64 {
        match self {
            Measure::Cpu | Measure::Time => 0.02,
            Measure::P50 | Measure::P90 => 0.05,
            Measure::P99 | Measure::P999 => 0.10,
        }
    }

    /// Returns the words for more of it and for less.
    fn words(self) -> [&'static str; 2] {
        match self {
            Measure::Cpu => ["dearer", "cheaper"],
            _ => ["slower", "faster"],
        }
    }
}

impl Standing {
    // ANCHOR: standing
    /// Holds a ratio against the null.
    pub(crate) fn of(evidence: &Evidence) -> Standing {
        let (Some(ratio), Some(null)) = (evidence.ratio, evidence.null) else {
            return Standing::NoVerdict;
        };
        if evidence.idle || null_failed(null, evidence.measure) {
            return Standing::NoVerdict;
        }
        if evidence.control == Detection::Missed {
            return Standing::NotMeasurable;
        }
        let beyond_null = (ratio.median - 1.0).abs() > null.reach();
        let apart = ratio.excludes_one() && beyond_null && !evidence.by_chance;
        match ratio.median > 1.0 {
            true if apart => Standing::Dearer,
            false if apart => Standing::Cheaper,
            _ if ratio.reach() <= evidence.measure.margin() => Standing::Equivalent,
            _ => Standing::BelowNoise,
        }
    }
    // ANCHOR_END: standing

    /// Returns the word for a table.
    pub(crate) fn word(self, measure: Measure) -> &'static str {
        let [more, less] = measure.words();
        match self {
            Standing::Dearer => more,
            Standing::Cheaper => less,
            Standing::Equivalent => "equivalent",
            Standing::BelowNoise => "below noise",
            Standing::NotMeasurable => "not measurable",
            Standing::NoVerdict => "no verdict",
        }
    }
}

/// Tells whether a server differs from itself by more than can be chance.
fn null_failed(null: Ratio, measure: Measure) -> bool {
    null.low > 1.0 + measure.margin() || null.high < 1.0 - measure.margin()
}

/// Says it in one sentence.
pub(crate) fn sentence(names: (&str, &str), evidence: &Evidence) -> String {
    let (base, other) = names;
    let standing = Standing::of(evidence);
    let Some(Ratio { median, low, high, .. }) = evidence.ratio else {
        return format!("{other} and {base}: no verdict, for want of samples.");
    };
    let noise = evidence.null.map_or(0.0, |null| null.reach() * 100.0);
    let word = standing.word(evidence.measure);
    let percent = |ratio: f64| (ratio - 1.0) * 100.0;
    let [median, low, high] = [median, low, high].map(percent);
    let pair = format!("{other} and {base}");
    match standing {
        Standing::Dearer => {
            format!("{other} is {word} than {base} by {median:.1} % [{low:.1}, {high:.1}].")
        }
        Standing::Cheaper => {
            let [median, low, high] = [-median, -high, -low];
            format!("{other} is {word} than {base} by {median:.1} % [{low:.1}, {high:.1}].")
        }
        Standing::Equivalent => {
            let margin = 100.0 * evidence.measure.margin();
            format!("{pair} are equivalent within {margin:.0} %.")
        }
        Standing::BelowNoise => format!(
            "{pair} differ by {median:+.1} % [{low:+.1}, {high:+.1}], below noise ({noise:.1} %)."
        ),
        Standing::NotMeasurable => {
            format!("{pair}: not measurable here; the control of 5 us a message was not seen.")
        }
        Standing::NoVerdict if evidence.idle => {
            format!("{pair}: no verdict; not both were kept busy.")
        }
        Standing::NoVerdict if evidence.null.is_some() => {
            format!("{pair}: no verdict; a server differs from itself by {noise:.1} % here.")
        }
        Standing::NoVerdict => format!("{pair}: no verdict; there is no null to hold it against."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(low: f64, median: f64, high: f64) -> Option<Ratio> {
        Some(Ratio::new(median, low, high))
    }

    fn evidence(ratio: Option<Ratio>, null: Option<Ratio>) -> Evidence {
        Evidence {
            measure: Measure::Cpu,
            ratio,
            by_chance: false,
            null,
            control: Detection::Absent,
            idle: false,
        }
    }

    #[test]
    fn a_difference_stands_above_its_interval_and_above_the_null() {
        let null = ratio(0.993, 1.001, 1.008);
        let standing = |low, median, high| Standing::of(&evidence(ratio(low, median, high), null));
        assert_eq!(standing(1.02, 1.03, 1.04), Standing::Dearer);
        assert_eq!(standing(0.90, 0.92, 0.95), Standing::Cheaper);
        assert_eq!(standing(1.001, 1.005, 1.009), Standing::Equivalent);
        assert_eq!(standing(0.97, 1.01, 1.05), Standing::BelowNoise);
        assert_eq!(Standing::of(&evidence(None, null)), Standing::NoVerdict);
        assert_eq!(Standing::of(&evidence(null, None)), Standing::NoVerdict);
    }

    #[test]
    fn what_chance_may_have_made_is_below_noise() {
        let found = evidence(ratio(1.02, 1.03, 1.04), ratio(0.993, 1.001, 1.008));
        assert_eq!(Standing::of(&Evidence { by_chance: true, ..found }), Standing::BelowNoise);
    }

    #[test]
    fn nothing_is_measurable_where_the_control_was_missed() {
        let found = evidence(ratio(1.2, 1.3, 1.4), ratio(0.993, 1.001, 1.008));
        let missed = Evidence { control: Detection::Missed, ..found };
        assert_eq!(Standing::of(&missed), Standing::NotMeasurable);
        assert!(sentence(("raw", "x"), &missed).contains("not measurable here"));
        let detected = Evidence { control: Detection::Detected, ..found };
        assert_eq!(Standing::of(&detected), Standing::Dearer);
    }

    #[test]
    fn a_failed_null_voids_every_verdict() {
        let failed = ratio(1.04, 1.05, 1.06);
        let voided = evidence(ratio(1.4, 1.5, 1.6), failed);
        assert_eq!(Standing::of(&voided), Standing::NoVerdict);
        let sentence = sentence(("raw", "async"), &voided);
        assert!(sentence.contains("differs from itself by 6.0 %"), "{sentence}");
        // A median response time wanders by more than a message's CPU time does.
        assert_eq!(Standing::of(&Evidence { measure: Measure::P50, ..voided }), Standing::Dearer);
    }

    #[test]
    fn less_is_said_in_positive_percent_and_in_the_word_of_the_measure() {
        let found = evidence(ratio(0.90, 0.92, 0.95), ratio(0.99, 1.0, 1.01));
        let said = sentence(("raw", "x"), &found);
        assert_eq!(said, "x is cheaper than raw by 8.0 % [5.0, 10.0].");
        let said = sentence(("raw", "x"), &Evidence { measure: Measure::P99, ..found });
        assert_eq!(said, "x is faster than raw by 8.0 % [5.0, 10.0].");
    }
}
