//! What a run says about each pair of servers, recomputed from the figures of its rounds.
//!
//! Rule: a ratio is taken within a round, where both servers met the same machine; the null says what a
//! server differs from itself, the control what can be seen; and all that is asked at once is one family.

use std::collections::BTreeMap;

use super::statistics::{Cost, ratios, saturated};
use crate::files::figures::{Answer, OpenFigures};
use crate::files::run_file::Run;
use crate::measure::arm::Arm;
use crate::measure::load::supported;
use crate::statistics::{
    Bootstrap, Detection, Estimate, Evidence, Measure, RISK, Ratio, Standing, holm, sentence,
};

/// The quantiles that are asked for, as far as the rounds have samples for them.
const QUANTILES: [Measure; 4] = [Measure::P50, Measure::P90, Measure::P99, Measure::P999];

/// A question: is there less of a measure in one arm than in another?
struct Question<'a> {
    arm: &'a Arm,
    against: &'a Arm,
    measure: Measure,
    rounds: usize,
    estimate: Option<Estimate>,
}

/// What is known of the instrument, for one measure.
#[derive(Clone, Copy)]
struct Instrument {
    /// What a server differs from itself.
    null: Option<Ratio>,
    /// Whether the difference that was put there is seen.
    control: Detection,
}

/// Answers for every pair of the run, and for the controls, which come last.
pub(crate) fn answers(run: &Run) -> Vec<Answer> {
    answers_by(run, &mut Bootstrap::new(run.seed))
}

fn answers_by(run: &Run, bootstrap: &mut Bootstrap) -> Vec<Answer> {
    let mut instruments = BTreeMap::new();
    for measure in measures(run) {
        instruments.insert(measure, Instrument::of(run, measure, bootstrap));
    }
    let mut asked = Vec::new();
    for pair in pairs(run) {
        asked.extend(questions(run, pair, bootstrap));
    }
    let family: Vec<f64> = asked.iter().filter_map(|it| Some(it.estimate?.p)).collect();
    let mut corrected = holm(&family).into_iter();
    let answer = |question: Question<'_>| {
        let p = question.estimate.and_then(|_| corrected.next());
        let instrument = instruments[&question.measure];
        question.answer(run, p, instrument)
    };
    let mut answers: Vec<Answer> = asked.into_iter().map(answer).collect();
    for pair in controls(run) {
        for question in questions(run, pair, bootstrap) {
            // Whether the instrument works is asked for itself.
            let p = question.estimate.map(|estimate| estimate.p);
            let null = instruments[&question.measure].null;
            answers.push(question.answer(run, p, Instrument { null, control: Detection::Absent }));
        }
    }
    answers
}

/// Lists what is compared: all with those that were asked for; or else all with the reference, and
/// the styles of the loop with each other.
fn pairs(run: &Run) -> Vec<(&Arm, &Arm)> {
    let arms: Vec<&Arm> = run.servers().collect();
    let mut pairs = Vec::new();
    if !run.arguments.against.is_empty() {
        for base in
            arms.iter().filter(|arm| run.arguments.against.iter().any(|it| it == arm.name()))
        {
            pairs.extend(arms.iter().filter(|arm| *arm != base).map(|arm| (*arm, *base)));
        }
        return pairs;
    }
    for (at, arm) in arms.iter().enumerate() {
        let earlier = arms[..at].iter().filter(|base| arm.is_wing() && base.is_wing());
        pairs.extend(earlier.map(|base| (*arm, *base)));
    }
    if let Some(base) = reference(run) {
        let others = arms.iter().filter(|arm| **arm != base);
        let new = others.map(|arm| (*arm, base)).filter(|pair| !pairs.contains(pair));
        pairs.extend(new.collect::<Vec<_>>());
    }
    pairs
}

/// Lists the controls, each with what it is a control of.
fn controls(run: &Run) -> Vec<(&Arm, &Arm)> {
    let alive = run.arguments.arms.iter().filter(|arm| !run.has_failed(arm.name()));
    let controls = alive.filter(|arm| arm.is_control());
    controls.filter_map(|arm| Some((arm, arm.control_of()?))).collect()
}

/// Returns the arm that the run measured twice.
pub(crate) fn reference(run: &Run) -> Option<&Arm> {
    let mut servers = run.servers();
    servers.find(|arm| run.arguments.arms.iter().any(|other| other.is_null_of(arm)))
}

/// Lists what is measured: the cost first.
pub(crate) fn measures(run: &Run) -> impl Iterator<Item = Measure> {
    let cost = if Cost::of_run(run) == Cost::Cpu { Measure::Cpu } else { Measure::Time };
    [cost].into_iter().chain(QUANTILES)
}

fn questions<'a>(
    run: &'a Run,
    (arm, against): (&'a Arm, &'a Arm),
    bootstrap: &mut Bootstrap,
) -> Vec<Question<'a>> {
    let of = |measure| {
        let ratios = ratios_of(run, arm.name(), against.name(), measure);
        let rounds = ratios.len();
        Question { arm, against, measure, rounds, estimate: bootstrap.estimate(ratios) }
    };
    measures(run).map(of).filter(|question| question.rounds > 0).collect()
}

impl Question<'_> {
    fn answer(self, run: &Run, p: Option<f64>, instrument: Instrument) -> Answer {
        let Question { arm, against, measure, rounds, estimate } = self;
        let is_cost = measure.quantile().is_none();
        let busy = || saturated(run, arm.name()) && saturated(run, against.name());
        let evidence = Evidence {
            measure,
            ratio: estimate.map(|estimate| estimate.ratio),
            by_chance: p.is_some_and(|p| p >= RISK),
            null: instrument.null,
            control: instrument.control,
            idle: is_cost && !busy(),
        };
        Answer {
            arm: arm.name().to_owned(),
            against: against.name().to_owned(),
            measure,
            rounds,
            ratio: evidence.ratio,
            p,
            standing: Standing::of(&evidence),
            sentence: sentence((against.name(), arm.name()), &evidence),
        }
    }
}

impl Instrument {
    fn of(run: &Run, measure: Measure, bootstrap: &mut Bootstrap) -> Instrument {
        let mut estimate = |arm: &Arm, of: &Arm| {
            bootstrap.estimate(ratios_of(run, arm.name(), of.name(), measure))
        };
        let controls = controls(run);
        let null = controls.iter().find(|(arm, of)| arm.is_null_of(of));
        let null = null.and_then(|(arm, of)| Some(estimate(arm, of)?.ratio));
        let dearer = controls.iter().find(|(arm, of)| !arm.is_null_of(of));
        let control = dearer.map_or(Detection::Absent, |(arm, of)| {
            let found = estimate(arm, of);
            let evidence = Evidence {
                measure,
                ratio: found.map(|found| found.ratio),
                by_chance: found.is_some_and(|found| found.p >= RISK),
                null,
                control: Detection::Absent,
                idle: false,
            };
            let seen = Standing::of(&evidence) == Standing::Dearer;
            if seen { Detection::Detected } else { Detection::Missed }
        });
        Instrument { null, control }
    }
}

/// Divides the figures of two arms, each round for itself; of latencies, the rounds that count and
/// have enough samples in both.
pub(crate) fn ratios_of(run: &Run, arm: &str, against: &str, measure: Measure) -> Vec<f64> {
    let Some(quantile) = measure.quantile() else {
        return ratios(run, arm, against, Cost::of_run(run)).collect();
    };
    let value = |figures: &OpenFigures| {
        let of = &figures.response_us;
        let value = match measure {
            Measure::P50 => of.p50,
            Measure::P90 => of.p90,
            Measure::P99 => of.p99,
            _ => of.p999,
        };
        supported(of.count, quantile).then_some(value)
    };
    let find = |name: &str, round: usize| {
        run.open.iter().find(|figures| figures.arm == name && figures.round == round)
    };
    let valid = run.open.iter().filter(|figures| figures.arm == arm && run.is_valid(figures.round));
    valid
        .filter_map(|figures| Some(value(figures)? / value(find(against, figures.round)?)?))
        .collect()
}

#[cfg(test)]
pub(super) mod tests;
