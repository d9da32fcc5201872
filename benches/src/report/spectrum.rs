//! The percentile spectrum: a strip for each arm along a common logarithmic scale of time.
//!
//! The character over a time says how many nines of the replies had come by then; a strip ends with
//! the last quantile that its samples support.

use std::fmt::Write;

use anstyle::AnsiColor;
use hdrhistogram::Histogram;

use crate::measure::load::{Recorder, supports};
use crate::output::{Dress, WIDTH};

/// Where each character begins: the quantile, the character, its colour.
const BANDS: [(f64, char, AnsiColor); 6] = [
    (0.0, '.', AnsiColor::BrightBlack),
    (0.5, '+', AnsiColor::Green),
    (0.9, '1', AnsiColor::Cyan),
    (0.99, '2', AnsiColor::Yellow),
    (0.999, '3', AnsiColor::Magenta),
    (0.9999, '4', AnsiColor::Red),
];

/// What the names take at least.
const NAME_WIDTH: usize = 11;

/// A logarithmic axis from the quickest reply to the slowest that is shown.
#[derive(Clone, Copy, Debug)]
struct Axis {
    low_ns: f64,
    high_ns: f64,
    columns: usize,
    /// What the names take.
    margin: usize,
}

/// Draws the axis, a strip for each arm, and how to read them.
pub(crate) fn strips(latencies: &[(&str, &Recorder)], dress: Dress) -> String {
    let histograms = || latencies.iter().map(|(_, recorder)| &recorder.response);
    let Some(low) = histograms().map(Histogram::min).min() else {
        return String::new();
    };
    let high = histograms().map(last_supported).max().unwrap_or(low);
    let names = latencies.iter().map(|(arm, _)| arm.len());
    let axis = Axis::around(low.max(1), high, names.max().unwrap_or(0));
    let mut text = axis.labels();
    for (arm, recorder) in latencies {
        let strip = strip(&recorder.response, axis, dress);
        let _ = writeln!(text, "{arm:<width$}{strip}", width = axis.margin);
    }
    text += "Each character begins at its quantile: + p50, 1 p90, 2 p99, 3 p99.9, 4 p99.99.\n";
    text += "A strip ends where fewer than 100 replies are left: what lies beyond is luck.\n";
    text
}

impl Axis {
    fn around(low: u64, high: u64, name_length: usize) -> Axis {
        let margin = NAME_WIDTH.max(name_length + 1);
        let columns = WIDTH - margin - 1;
        // A little air on both sides, and never an axis without length.
        let high_ns = (high as f64 * 1.1).max(low as f64 * 2.0);
        Axis { low_ns: low as f64 / 1.1, high_ns, columns, margin }
    }

    fn column_of(self, nanos: f64) -> f64 {
        (nanos / self.low_ns).ln() / (self.high_ns / self.low_ns).ln() * self.columns as f64
    }

    /// Returns the time at the right edge of a column.
    fn time_at(self, column: usize) -> u64 {
        let share = (column + 1) as f64 / self.columns as f64;
        (self.low_ns * (self.high_ns / self.low_ns).powf(share)) as u64
    }

    /// Writes the round times where they belong, as many as fit.
    fn labels(self) -> String {
        let mut line = " ".repeat(self.margin);
        for decade in 0..11 {
            for first_digit in [1.0, 2.0, 5.0] {
                let nanos = first_digit * 10_f64.powi(decade);
                let at = self.column_of(nanos);
                if at < 0.0 || at >= self.columns as f64 {
                    continue;
                }
                let start = self.margin + at as usize;
                let label = format!("|{}", short_time(nanos));
                let free = line.len() == self.margin || start > line.len();
                if free && start + label.len() <= WIDTH {
                    line += &" ".repeat(start - line.len());
                    line += &label;
                }
            }
        }
        line.push('\n');
        line
    }
}

fn short_time(nanos: f64) -> String {
    match nanos {
        _ if nanos >= 1e9 => format!("{:.0}s", nanos / 1e9),
        _ if nanos >= 1e6 => format!("{:.0}ms", nanos / 1e6),
        _ if nanos >= 1e3 => format!("{:.0}us", nanos / 1e3),
        _ => format!("{nanos:.0}ns"),
    }
}

/// Returns the value of the last quantile on the nines axis that has a hundred samples beyond it.
fn last_supported(histogram: &Histogram<u64>) -> u64 {
    let quantile = (1.0 - 100.0 / histogram.len().max(200) as f64).max(0.5);
    histogram.value_at_quantile(quantile)
}

fn strip(histogram: &Histogram<u64>, axis: Axis, dress: Dress) -> String {
    let end = last_supported(histogram);
    let starts = BANDS.map(|(quantile, ..)| {
        let supported = quantile == 0.0 || supports(histogram, quantile);
        supported.then(|| histogram.value_at_quantile(quantile))
    });
    let mut strip = String::new();
    let mut painted = None;
    for column in 0..axis.columns {
        let until = axis.time_at(column);
        let band = starts.iter().rposition(|start| start.is_some_and(|start| start <= until));
        let Some(band) = band else {
            strip.push(' ');
            continue;
        };
        let (_, character, colour) = BANDS[band];
        if dress == Dress::Colour && painted != Some(band) {
            let _ = write!(strip, "{}", colour.render_fg());
            painted = Some(band);
        }
        strip.push(character);
        if until >= end {
            break;
        }
    }
    if painted.is_some() {
        let _ = write!(strip, "{}", anstyle::Reset.render());
    }
    strip
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(micros: impl Iterator<Item = u64>) -> Recorder {
        let mut recorder = Recorder::new();
        micros.for_each(|micros| recorder.response.record(micros * 1_000).unwrap());
        recorder
    }

    #[test]
    fn strips_show_supported_nines_only_and_keep_the_measure() {
        let many = recorder((1..=200_000).map(|n| 10 + n / 200));
        let few = recorder((1..=2_000).map(|n| 10 + n / 2));
        let text = strips(&[("raw", &many), ("async", &few)], Dress::Plain);
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line("raw").contains("..+"), "{text}");
        assert!(line("raw").ends_with('3') || line("raw").ends_with('2'), "{text}");
        assert!(!line("async").contains('2'), "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(text.is_ascii());
    }

    #[test]
    fn colours_are_for_terminals() {
        let some = recorder(1..=1_000);
        assert!(strips(&[("raw", &some)], Dress::Colour).contains('\u{1b}'));
        assert!(!strips(&[("raw", &some)], Dress::Plain).contains('\u{1b}'));
    }
}
