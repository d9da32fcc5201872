//! HdrHistogram's text format, which its plotters read: one line per percentile on the nines axis.

use std::io::{self, Write};

use hdrhistogram::Histogram;

/// Lines between one halving of the distance to 100 % and the next.
const TICKS_PER_HALVING: u32 = 5;

/// Halvings: the last line before 100 % is at one in a million.
const HALVINGS: u32 = 20;

/// Writes a histogram of nanoseconds in microseconds.
///
/// Plotters align several files line by line, so every file has the same percentiles, however few
/// samples support the last ones: TotalCount tells.
pub(crate) fn write(to: &mut impl Write, histogram: &Histogram<u64>) -> io::Result<()> {
    writeln!(
        to,
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )?;
    for quantile in ticks() {
        let value = if histogram.is_empty() { 0 } else { histogram.value_at_quantile(quantile) };
        let count = if histogram.is_empty() { 0 } else { histogram.count_between(0, value) };
        let nines = 1.0 / (1.0 - quantile);
        writeln!(to, "{:>12.3} {quantile:>14.12} {count:>10} {nines:>14.2}", micros(value as f64))?;
    }
    let total = histogram.len();
    writeln!(to, "{:>12.3} {:>14.12} {total:>10}", micros(histogram.max() as f64), 1.0)?;
    writeln!(
        to,
        "#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]",
        micros(if histogram.is_empty() { 0.0 } else { histogram.mean() }),
        micros(if histogram.is_empty() { 0.0 } else { histogram.stdev() }),
    )?;
    writeln!(
        to,
        "#[Max     = {:>12.3}, Total count    = {total:>12}]",
        micros(histogram.max() as f64)
    )?;
    writeln!(
        to,
        "#[Buckets = {:>12}, SubBuckets     = {:>12}]",
        histogram.buckets(),
        sub_buckets(histogram)
    )?;
    writeln!(to, "#[Unit    = {:>12}]", "microseconds")
}

fn micros(nanos: f64) -> f64 {
    nanos / 1_000.0
}

/// Yields 0, 0.1 ... 0.5, then half as far each: 0.55 ... 0.75, 0.775 and so on.
fn ticks() -> impl Iterator<Item = f64> {
    (0..HALVINGS).flat_map(|halving| {
        let remaining = 0.5_f64.powi(halving as i32);
        (0..TICKS_PER_HALVING).map(move |tick| {
            let step = remaining / 2.0 / f64::from(TICKS_PER_HALVING);
            1.0 - remaining + step * f64::from(tick)
        })
    })
}

/// Returns how many values one bucket tells apart: the power of two that covers twice the range of
/// the significant digits.
fn sub_buckets(histogram: &Histogram<u64>) -> u64 {
    (2 * 10_u64.pow(u32::from(histogram.sigfig()))).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::load::Recorder;

    fn written(histogram: &Histogram<u64>) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes, histogram).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn uniform() -> Histogram<u64> {
        let mut histogram = Recorder::new().response;
        (1..=1_000).for_each(|micros| histogram.record(micros * 1_000).unwrap());
        histogram
    }

    #[test]
    fn lines_have_value_percentile_count_and_nines() {
        let text = written(&uniform());
        let rows: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
            .collect();
        let median = rows.iter().find(|row| row[1] == 0.5).unwrap();
        assert!((median[0] - 500.0).abs() < 1.0);
        assert_eq!(median[2..], [500.0, 2.0]);
        let ninety = rows.iter().find(|row| row[1] == 0.9).unwrap();
        assert!((ninety[0] - 900.0).abs() < 1.0);
        assert!((ninety[3] - 10.0).abs() < 1e-6);
        assert_eq!(rows.last().unwrap().len(), 3, "100 % has no place on the nines axis");
        assert!(rows.is_sorted_by(|a, b| a[0] <= b[0] && a[1] <= b[1] && a[2] <= b[2]));
    }

    #[test]
    fn the_footer_is_true() {
        let text = written(&uniform());
        let footer: String = text.lines().filter(|line| line.starts_with('#')).collect();
        let footer = footer.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(footer.contains("#[Mean = 500."), "{footer}");
        assert!(footer.contains("StdDeviation = 288."), "{footer}");
        assert!(footer.contains("Total count = 1000]"), "{footer}");
        assert!(footer.contains("SubBuckets = 2048]"), "{footer}");
        assert!(footer.contains("Unit = microseconds]"), "{footer}");
    }

    /// HdrHistogram's plotFiles.html takes the lines of four words of which the first and the last
    /// are numbers, and lets the n-th of a file share its x with the n-th of all others.
    #[test]
    fn the_public_plotter_aligns_all_files() {
        let points = |text: &str| -> Vec<(f64, f64)> {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
            let fours = words.filter(|words| words.len() == 4);
            fours
                .filter_map(|words| Some((words[3].parse().ok()?, words[0].parse().ok()?)))
                .collect()
        };
        let (many, none) =
            (points(&written(&uniform())), points(&written(&Recorder::new().response)));
        assert_eq!(many.len(), 100);
        assert!(many.iter().map(|point| point.0).eq(none.iter().map(|point| point.0)));
        assert!(many.is_sorted_by(|a, b| a.0 < b.0), "each line has an x of its own");
    }

    #[test]
    fn every_file_has_the_same_percentiles() {
        let column = |text: &str| -> Vec<String> {
            let rows = text.lines().skip(2).filter(|line| !line.starts_with('#'));
            rows.map(|row| row.split_whitespace().nth(1).unwrap().to_owned()).collect()
        };
        assert_eq!(column(&written(&uniform())), column(&written(&Recorder::new().response)));
    }
}
