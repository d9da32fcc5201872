//! One sentence on what the difference between the styles means, and whether it is one.

use super::plural;
use super::statistics::{Cost, Spread, closed_of, difference, noise, ratio, saturated};
use crate::files::run_file::Run;
use crate::measure::arm::Arm;

/// Rounds below which a difference is indicative only.
const ROUNDS_FOR_A_VERDICT: usize = 60;

/// Says what the cheapest and the dearest of the compared styles differ by.
pub(crate) fn verdict(run: &Run) -> String {
    let cost = Cost::of_run(run);
    let alive =
        |arm: &&Arm| !run.has_failed(arm.name()) && closed_of(run, arm.name()).next().is_some();
    let arms: Vec<&Arm> = run.arguments.arms.iter().filter(alive).collect();
    let wings: Vec<&Arm> = arms.iter().copied().filter(|arm| arm.is_wing()).collect();
    let (compared, among) = if wings.len() > 1 {
        (wings, "the styles of the loop")
    } else {
        (arms, "the servers of this run")
    };
    let mut by_cost: Vec<(f64, &str)> = compared
        .into_iter()
        .filter_map(|arm| {
            let figures = closed_of(run, arm.name()).map(|figures| cost.micros(figures));
            Some((Spread::of(figures)?.median, arm.name()))
        })
        .collect();
    by_cost.sort_by(|a, b| a.0.total_cmp(&b.0));
    match by_cost[..] {
        [] => "No server was measured to the end: there is nothing to say.".to_owned(),
        [(_, arm)] => format!("Only {arm} was measured to the end: nothing to compare."),
        [(_, first), .., (_, last)] => {
            // Within the noise the two medians may disagree: the ratios, paired by round, decide.
            let swapped = ratio(run, last, first, cost).is_some_and(|ratio| ratio.median < 1.0);
            let (cheap, dear) = if swapped { (last, first) } else { (first, last) };
            let pair = (ratio(run, dear, cheap, cost), difference(run, dear, cheap, cost));
            let (Some(ratio), Some(apart)) = pair else {
                return format!("{cheap} and {dear} share no round: nothing to compare.");
            };
            let what = match cost {
                Cost::Cpu => "server CPU",
                Cost::Wall => "time",
            };
            let (median, apart) = (ratio.median, apart.median);
            let share = share_of_processor(run, apart);
            let busy = saturated(run, cheap) && saturated(run, dear);
            let standing = standing(ratio, noise(run, cost), busy);
            format!(
                "Among {among}, {dear} took the most {what} per message and {cheap} the least, \
                 {median:.2} times as much or {apart:.2} us more{share}; {standing}."
            )
        }
    }
}

/// Says what a difference per message comes to at the rate of the open phase.
fn share_of_processor(run: &Run, apart_us: f64) -> String {
    match run.open_rate {
        Some(rate) => {
            let percent = apart_us * rate / 1e4;
            format!(" ({percent:.1} % of a processor at {} messages/s)", super::grouped(rate))
        }
        None => String::new(),
    }
}

/// Holds a ratio against the noise of the run: its spread over the rounds, and how much the same
/// server differs from itself.
fn standing(ratio: Spread, noise: Option<f64>, saturated: bool) -> String {
    let (Spread { median, least, greatest, rounds }, Some(noise)) = (ratio, noise) else {
        return "one round has no spread to hold that against, so it is indicative only".to_owned();
    };
    let own = (noise - 1.0) * 100.0;
    let of = plural(rounds, "round");
    let spread = format!(
        "the ratio went from {least:.2} to {greatest:.2} over {of}, and the same server \
         differed from itself by up to {own:.1} % from one round to the next"
    );
    if !ratio.excludes_one() || median.max(1.0 / median) <= noise {
        return format!("{spread}, so the difference is below the noise of this run");
    }
    if !saturated {
        return format!("{spread}, but not all servers were kept busy, so this is no verdict");
    }
    let above = format!("{spread}, so the difference is above the noise of this run");
    if rounds < ROUNDS_FOR_A_VERDICT {
        return format!("{above} (indicative: a verdict takes {ROUNDS_FOR_A_VERDICT} rounds)");
    }
    above
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing_of(ratios: &[f64], noise: f64) -> String {
        let noise = (ratios.len() > 1).then_some(noise);
        standing(Spread::of(ratios.iter().copied()).unwrap(), noise, true)
    }

    #[test]
    fn a_difference_stands_only_above_the_noise_of_its_rounds() {
        assert!(standing_of(&[1.2], 1.01).contains("indicative"));
        let above = "above the noise of this run (indicative";
        assert!(standing_of(&[1.1, 1.2], 1.01).contains(above));
        assert!(standing_of(&[0.8, 0.9], 1.01).contains(above));
        assert!(standing_of(&[0.9, 1.2], 1.01).contains("below the noise"));
        assert!(standing_of(&[1.1, 1.2], 1.3).contains("below the noise"));
        assert!(standing_of(&[0.8, 0.9], 1.3).contains("below the noise"));
        assert!(!standing_of(&[1.2; 60], 1.01).contains("indicative"));
        let idle = standing(Spread::of([1.1, 1.2]).unwrap(), Some(1.01), false);
        assert!(idle.contains("no verdict"), "{idle}");
    }
}
