//! What the figures need of a run's histograms, so that not all of them are held at once.

use hdrhistogram::Histogram;

use crate::measure::load::{Recorder, supports};

/// Points from one nine to the next.
const PER_NINE: i32 = 10;

/// Nines at which every outline ends: what a longer run would support beyond is not drawn.
const NINES_MAX: i32 = 6;

/// Quantiles that have a dot.
pub(super) const MARKS: [f64; 5] = [0.5, 0.9, 0.99, 0.999, 0.9999];

/// The series of an open phase, in the order of [`Recorder::series`].
pub(super) const SERIES: [(&str, &str); 3] = [
    ("response", "response time, from the intended send to the last byte of the reply"),
    ("service", "service time, from the actual send to the last byte of the reply"),
    ("send-lag", "send lag of the generator, from the intended to the actual send"),
];

/// The values of a histogram at even steps of the nines axis, in microseconds, as far as a hundred
/// samples are left beyond.
pub(super) type Outline = Vec<f64>;

/// The outlines of one open phase.
#[derive(Clone, Debug)]
pub(super) struct PhaseOutline {
    /// The arm, by its name.
    pub(super) arm: String,
    /// Whether its round counts.
    pub(super) valid: bool,
    /// One for each of [`SERIES`].
    pub(super) series: [Outline; 3],
    /// The values at [`MARKS`] of each series, where they are supported.
    pub(super) marks: [[Option<f64>; 5]; 3],
}

impl PhaseOutline {
    /// Takes the outlines of a phase.
    pub(super) fn of(arm: &str, valid: bool, recorder: &Recorder) -> PhaseOutline {
        let series = recorder.series().map(|(_, histogram)| outline(histogram));
        let marks = recorder.series().map(|(_, histogram)| marks(histogram));
        PhaseOutline { arm: arm.to_owned(), valid, series, marks }
    }
}

/// Returns the values at [`MARKS`] in microseconds, where they are supported.
pub(super) fn marks(histogram: &Histogram<u64>) -> [Option<f64>; 5] {
    let value = |mark| histogram.value_at_quantile(mark) as f64 / 1_000.0;
    MARKS.map(|mark| supports(histogram, mark).then(|| value(mark)))
}

/// Returns 1/(1-p) of a step of the nines axis.
pub(super) fn nines(step: usize) -> f64 {
    10_f64.powf(step as f64 / f64::from(PER_NINE))
}

/// Returns the quantile of a step of the nines axis.
fn quantile(step: usize) -> f64 {
    1.0 - 1.0 / nines(step)
}

/// Takes the outline of a histogram of nanoseconds.
pub(super) fn outline(histogram: &Histogram<u64>) -> Outline {
    let samples = histogram.len() as f64;
    (0..=(PER_NINE * NINES_MAX) as usize)
        .take_while(|&step| samples / nines(step) >= 100.0 * (1.0 - 1e-9))
        .map(|step| histogram.value_at_quantile(quantile(step)) as f64 / 1_000.0)
        .collect()
}

/// Returns the least and the greatest of some outlines as far as all of them go, at every other step:
/// an edge of a faint area need not be as fine as a line.
pub(super) fn band(outlines: &[&Outline]) -> Vec<(f64, f64, f64)> {
    let steps = outlines.iter().map(|outline| outline.len()).min().unwrap_or(0);
    let at = |step: usize| {
        let values = outlines.iter().map(|outline| outline[step]);
        let least = values.clone().fold(f64::INFINITY, f64::min);
        (nines(step), least, values.fold(0.0, f64::max))
    };
    (0..steps).step_by(2).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(samples: u64) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000_000, 3).unwrap();
        (1..=samples).for_each(|value| histogram.record(value * 1_000).unwrap());
        histogram
    }

    #[test]
    fn an_outline_ends_where_a_hundred_samples_are_left() {
        let outline = outline(&histogram(10_000));
        // Two nines, and the beginning.
        assert_eq!(outline.len(), 2 * 10 + 1);
        assert!((outline[20] - 9_900.0).abs() < 10.0, "{outline:?}");
        assert!(super::outline(&histogram(99)).is_empty());
    }

    #[test]
    fn a_band_goes_as_far_as_all_of_its_rounds() {
        let (short, long) = (outline(&histogram(1_000)), outline(&histogram(100_000)));
        let band = band(&[&short, &long]);
        assert_eq!(band.len(), short.len().div_ceil(2));
        assert!(band.iter().all(|(_, least, greatest)| least <= greatest));
    }
}
