//! The figures beside the spectrum: the histogram, the course of each round, and what a message costs.

use super::axis::{Axis, Scale};
use super::chart::{Chart, SIZE};
use super::outline::SERIES;
use super::spectrum::{precise, short};
use super::{Arm, Collected};
use crate::files::figures::OpenFigures;
use crate::files::run_file::Run;
use crate::report::{Cost, Spread, closed_of, ratios};

/// How much wider each bar of the histogram is than the one before.
const BAR: f64 = 1.1;

/// As many rounds are drawn, evenly chosen, lest the page grow with the run.
const ROUNDS_DRAWN: usize = 8;

/// As many dots stand in a row.
const DOTS_DRAWN: usize = 60;

/// Draws the shares of the replies over logarithmic bars.
pub(super) fn histogram(arms: &[Arm<'_>], series: usize) -> String {
    let histograms: Vec<_> = arms
        .iter()
        .filter_map(|arm| Some((arm, arm.recorder?.series()[series].1)))
        .filter(|(_, histogram)| !histogram.is_empty())
        .collect();
    let low = histograms.iter().map(|(_, it)| it.min()).min().unwrap_or(0).max(500) as f64;
    let high = histograms.iter().map(|(_, it)| it.value_at_quantile(0.9999)).max().unwrap_or(1);
    let edges: Vec<f64> = std::iter::successors(Some(low / BAR), |edge| Some(edge * BAR))
        .take_while(|edge| *edge < high as f64 * BAR * BAR)
        .collect();
    let shares: Vec<Vec<f64>> = histograms
        .iter()
        .map(|(_, it)| {
            let share = |from: f64, to: f64| {
                it.count_between(from as u64 + 1, to as u64) as f64 / it.len() as f64
            };
            edges.windows(2).map(|bar| 100.0 * share(bar[0], bar[1])).collect()
        })
        .collect();
    let most = shares.iter().flatten().copied().fold(1.0, f64::max) * 1.05;
    let micros = |nanos: f64| nanos / 1_000.0;
    let last = edges.last().copied().unwrap_or(low);
    let x = Axis::new(Scale::Log, micros(low / BAR), micros(last));
    let y = Axis::new(Scale::Linear, 0.0, most);
    let mut chart = Chart::new(&format!("Histogram of the {}", SERIES[series].1), SIZE, x, y);
    let numbers =
        |axis: Axis| axis.ticks().into_iter().map(|tick| (tick, short(tick))).collect::<Vec<_>>();
    chart.grid(&numbers(x), &numbers(y), ("us", "% of the replies, bars 10 % wide"));
    for ((arm, _), shares) in histograms.iter().zip(&shares) {
        chart.begin(arm.name, arm.ink);
        let bars = edges.windows(2).zip(shares);
        chart.line(
            "line",
            bars.flat_map(|(bar, share)| [(micros(bar[0]), *share), (micros(bar[1]), *share)]),
        );
        chart.end();
    }
    chart.finish()
}

/// Draws what each round's slowest reply was over the time of its open phase, a panel for each arm.
pub(super) fn courses(run: &Run, collected: &Collected, arms: &[Arm<'_>]) -> Vec<String> {
    let of = |name: &str| -> Vec<&OpenFigures> {
        run.open.iter().filter(|figures| figures.arm == name && figures.course.is_some()).collect()
    };
    let worst = || run.open.iter().filter_map(|figures| figures.course.as_ref());
    let values = || worst().flat_map(|course| course.max_us.iter().copied());
    let most = values().fold(1.0, f64::max) * 1.1;
    let least = values().filter(|value| *value > 0.0).fold(most, f64::min) / 1.1;
    let end = worst().map(|course| course.slice_seconds * course.max_us.len() as f64);
    let x = Axis::new(Scale::Linear, 0.0, end.fold(0.0, f64::max));
    let y = Axis::new(Scale::Log, least, most);
    let numbers =
        |axis: Axis| axis.ticks().into_iter().map(|tick| (tick, short(tick))).collect::<Vec<_>>();
    let panel = |arm: &Arm<'_>| {
        let figures = evenly(of(arm.name), ROUNDS_DRAWN);
        let name = format!("Slowest reply over the time of each round, {}", arm.name);
        let mut chart = Chart::new(&name, (380.0, 230.0), x, y);
        chart.grid(&numbers(x), &numbers(y), ("s", "us"));
        chart.begin(arm.name, arm.ink);
        for figures in figures {
            let Some(course) = &figures.course else { continue };
            let void = run.void_rounds.contains(&figures.round) && collected.any_valid;
            let at = |slice: usize| (slice as f64 + 0.5) * course.slice_seconds;
            let points = course.max_us.iter().enumerate().filter(|(_, worst)| **worst > 0.0);
            let class = if void { "void" } else { "faint" };
            chart.line(class, points.map(|(slice, worst)| (at(slice), *worst)));
        }
        chart.end();
        chart.finish()
    };
    arms.iter().filter(|arm| !of(arm.name).is_empty()).map(panel).collect()
}

/// Draws what a message costs each arm, divided by what it costs the first: a dot a round.
pub(super) fn costs(run: &Run, arms: &[Arm<'_>], base: &str) -> String {
    let cost = Cost::of_run(run);
    let rows: Vec<(&Arm<'_>, Vec<f64>)> = arms
        .iter()
        .filter(|arm| arm.name != base && closed_of(run, arm.name).next().is_some())
        .map(|arm| (arm, ratios(run, arm.name, base, cost).collect()))
        .collect();
    let all = || rows.iter().flat_map(|(_, ratios)| ratios.iter().copied());
    let (low, high) = (all().fold(1.0, f64::min), all().fold(1.0, f64::max));
    let air = (high - low).max(0.02) * 0.08;
    let x = Axis::new(Scale::Linear, low - air, high + air);
    let y = Axis::new(Scale::Linear, -0.5, rows.len() as f64 - 0.5);
    let size = (SIZE.0, 100.0 + 30.0 * rows.len() as f64);
    let mut chart =
        Chart::new(&format!("Cost of a message, divided by that of {base}"), size, x, y);
    let numbers: Vec<_> = x.ticks().into_iter().map(|tick| (tick, short(tick))).collect();
    chart.grid(&numbers, &[], (&format!("times {base}, a dot a round"), ""));
    for (row, (arm, ratios)) in rows.iter().enumerate() {
        let height = (rows.len() - 1 - row) as f64;
        chart.begin(arm.name, arm.ink);
        for ratio in evenly(ratios.clone(), DOTS_DRAWN) {
            chart.speck("speck", ratio, height);
        }
        if let Some(spread) = Spread::of(ratios.iter().copied()) {
            chart.line("median", [(spread.median, height - 0.35), (spread.median, height + 0.35)]);
            let Spread { median, least, greatest, .. } = spread;
            let says = format!(
                "{}: {} times {base} in the median round, {} to {} over {} rounds",
                arm.name,
                precise(median),
                precise(least),
                precise(greatest),
                ratios.len()
            );
            chart.dot(median, height, &says);
        }
        chart.end();
    }
    chart.finish()
}

/// Takes at most so many of a list, evenly.
fn evenly<T>(list: Vec<T>, most: usize) -> Vec<T> {
    let step = list.len().div_ceil(most).max(1);
    list.into_iter().step_by(step).collect()
}
