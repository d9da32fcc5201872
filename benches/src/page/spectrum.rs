//! The percentile spectrum: latency over nines, with the spread of the rounds and the machine's own
//! hiccups beneath.

use hdrhistogram::Histogram;

use super::axis::{Axis, Scale};
use super::chart::{Chart, SIZE};
use super::outline::{MARKS, PhaseOutline, SERIES, band, marks, nines, outline};
use super::{Arm, Collected};
use crate::report::Spread;

/// Draws one series on one scale.
pub(super) fn draw(collected: &Collected, arms: &[Arm<'_>], series: usize, scale: Scale) -> String {
    let hiccups = collected.hiccups.as_ref().map(outline).unwrap_or_default();
    let lines: Vec<_> = arms.iter().map(|arm| outline_of(arm, series)).collect();
    let bands: Vec<_> = arms.iter().map(|arm| band_of(collected, arm, series)).collect();
    let all = || {
        let bands = bands.iter().flatten().flat_map(|&(_, least, greatest)| [least, greatest]);
        lines.iter().flatten().copied().chain(bands).chain(hiccups.iter().copied())
    };
    let most = all().fold(1.0, f64::max) * 1.05;
    let least = all().filter(|value| *value > 0.0).fold(most, f64::min) / 1.1;
    let steps = lines.iter().map(Vec::len).max().unwrap_or(0).max(2);
    let x = Axis::new(Scale::Log, 1.0, nines(steps - 1));
    let low = if scale == Scale::Log { least.max(0.5) } else { 0.0 };
    let y = Axis::new(scale, low, most);
    let mut chart =
        Chart::new(&format!("Percentile spectrum of the {}", SERIES[series].1), SIZE, x, y);
    let numbers: Vec<_> = y.ticks().into_iter().map(|tick| (tick, short(tick))).collect();
    chart.grid(&nines_axis(nines(steps - 1)), &numbers, ("percentile, by nines", "us"));
    if !hiccups.is_empty() {
        let hiccup = hiccups.iter().take(steps).enumerate();
        chart.line("hiccup", hiccup.map(|(step, value)| (nines(step), *value)));
        let end = hiccups.len().min(steps) - 1;
        chart.words(nines(end / 3), hiccups[end / 3], "the machine itself");
    }
    for ((arm, line), band) in arms.iter().zip(&lines).zip(&bands) {
        chart.begin(arm.name, arm.ink);
        chart.band(band);
        chart.line("line", line.iter().enumerate().map(|(step, value)| (nines(step), *value)));
        for (mark, value, says) in dots(collected, arm, series) {
            chart.dot(1.0 / (1.0 - mark), value, &says);
        }
        chart.end();
    }
    chart.finish()
}

fn outline_of(arm: &Arm<'_>, series: usize) -> Vec<f64> {
    arm.recorder.map(|recorder| outline(recorder.series()[series].1)).unwrap_or_default()
}

/// Returns an arm's phases of the rounds that are shown.
fn phases_of<'a>(
    collected: &'a Collected,
    arm: &'a Arm<'_>,
) -> impl Iterator<Item = &'a PhaseOutline> {
    let shown = |phase: &&PhaseOutline| phase.valid == collected.any_valid;
    collected.phases.iter().filter(shown).filter(|phase| phase.arm == arm.name)
}

fn band_of(collected: &Collected, arm: &Arm<'_>, series: usize) -> Vec<(f64, f64, f64)> {
    let outlines: Vec<_> = phases_of(collected, arm).map(|phase| &phase.series[series]).collect();
    if outlines.len() > 1 { band(&outlines) } else { Vec::new() }
}

/// Returns the marks of an arm: the quantile, its value, and what is said of it.
fn dots(collected: &Collected, arm: &Arm<'_>, series: usize) -> Vec<(f64, f64, String)> {
    let Some(recorder) = arm.recorder else { return Vec::new() };
    let histogram = recorder.series()[series].1;
    let values = MARKS.into_iter().zip(marks(histogram)).enumerate();
    let dot = |(at, (mark, value)): (usize, (f64, Option<f64>))| {
        let value = value?;
        let rounds = phases_of(collected, arm).filter_map(|phase| phase.marks[series][at]);
        let spread = Spread::of(rounds).filter(|spread| spread.rounds > 1);
        let spread = spread.map_or(String::new(), |spread| {
            format!(", rounds {} to {}", precise(spread.least), precise(spread.greatest))
        });
        let (percent, beyond) = (percent(mark), beyond(histogram, value));
        let says = format!(
            "{}: {percent} within {} us{spread}; {beyond} beyond",
            arm.name,
            precise(value)
        );
        Some((mark, value, says))
    };
    values.filter_map(dot).collect()
}

fn beyond(histogram: &Histogram<u64>, micros: f64) -> u64 {
    histogram.len() - histogram.count_between(0, (micros * 1_000.0) as u64)
}

/// Names the nines as far as an axis goes.
fn nines_axis(high: f64) -> Vec<(f64, String)> {
    let marks = [0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999];
    let inside = marks.into_iter().map(|mark| (1.0 / (1.0 - mark), percent(mark)));
    inside.filter(|(at, _)| *at <= high * 1.000_001).collect()
}

fn percent(quantile: f64) -> String {
    let text = format!("{:.4}", quantile * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Writes a number of an axis.
pub(super) fn short(value: f64) -> String {
    match value {
        _ if value >= 1e6 => format!("{}M", value / 1e6),
        _ if value >= 1e4 => format!("{}k", value / 1e3),
        _ => format!("{}", (value * 1e3).round() / 1e3),
    }
}

/// Writes microseconds with about three digits.
pub(super) fn precise(micros: f64) -> String {
    match micros {
        _ if micros >= 100.0 => format!("{micros:.0}"),
        _ if micros >= 10.0 => format!("{micros:.1}"),
        _ => format!("{micros:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_named_by_their_nines() {
        let names: Vec<_> = nines_axis(1_000.0).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["0 %", "50 %", "75 %", "90 %", "95 %", "99 %", "99.9 %"]);
    }
}
