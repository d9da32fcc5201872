//! Pairs, families, nulls and controls.

use super::*;
use crate::files::sample_run::sample_run;

/// Returns a run that has not been answered; what is called `-null` is a null.
pub(crate) fn run_of(arms: &[&str], rounds: usize) -> Run {
    let mut arms = arms.to_vec();
    let null = format!("{}-null", arms[0]);
    arms.push(&null);
    let mut run: Run = serde_json::from_value(sample_run(&arms, rounds)).unwrap();
    // The same as what it is a null of.
    for at in 0..run.closed.len() {
        if run.closed[at].arm == null {
            let first = at + 1 - arms.len();
            run.closed[at].cpu_us_per_message = run.closed[first].cpu_us_per_message;
            run.closed[at].server_cpu_ns = run.closed[first].server_cpu_ns;
            run.open[at].response_us = run.open[first].response_us;
        }
    }
    run
}

pub(crate) fn answered(run: &mut Run) {
    run.answers = answers(run);
}

fn pairs_of(run: &Run) -> Vec<String> {
    pairs(run).iter().map(|(arm, against)| format!("{arm}/{against}")).collect()
}

fn find<'a>(answers: &'a [Answer], arm: &str, measure: Measure) -> &'a Answer {
    answers.iter().find(|answer| answer.arm == arm && answer.measure == measure).unwrap()
}

#[test]
fn the_styles_meet_each_other_and_all_others_meet_the_reference() {
    let run = run_of(&["raw", "callbacks", "promises", "async", "mine"], 8);
    let expected = [
        "promises/callbacks",
        "async/callbacks",
        "async/promises",
        "callbacks/raw",
        "promises/raw",
        "async/raw",
        "mine/raw",
    ];
    assert_eq!(pairs_of(&run), expected);
}

#[test]
fn what_is_asked_for_is_answered_pair_by_pair() {
    let mut run = run_of(&["raw", "callbacks", "mine", "tokio"], 8);
    run.arguments.against = vec!["mine".to_owned()];
    assert_eq!(pairs_of(&run), ["raw/mine", "callbacks/mine", "tokio/mine"]);
    let answers = answers(&run);
    let raw = find(&answers, "raw", Measure::Cpu);
    assert_eq!(raw.standing, Standing::Cheaper, "{raw:?}");
    assert_eq!(find(&answers, "tokio", Measure::Cpu).standing, Standing::Dearer);
}

#[test]
fn a_pair_is_judged_by_its_own_rounds_and_not_by_the_wildest_server() {
    let mut run = run_of(&["raw", "mine", "wild"], 20);
    for (at, figures) in run.closed.iter_mut().enumerate() {
        let cpu = figures.cpu_us_per_message.as_mut().unwrap();
        match &*figures.arm {
            "wild" => *cpu *= [0.4, 1.0, 2.5][at % 3],
            // Twice as dear, and never the same.
            "mine" => *cpu *= [1.4, 1.6, 2.1][figures.round % 3],
            _ => {}
        }
    }
    let answers = answers(&run);
    assert_eq!(find(&answers, "mine", Measure::Cpu).standing, Standing::Dearer);
}

#[test]
fn a_quantile_counts_only_with_a_hundred_samples_beyond() {
    let run = run_of(&["raw", "async"], 8);
    let measures: Vec<_> = answers(&run).iter().map(|answer| answer.measure).collect();
    assert!(measures.contains(&Measure::P50), "900 samples have 450 beyond");
    assert!(!measures.contains(&Measure::P90), "900 samples have 90 beyond");
}

#[test]
fn void_rounds_have_no_latencies_and_keep_their_cost() {
    let mut run = run_of(&["raw", "async"], 8);
    run.void_rounds = vec![1, 2, 3];
    let answers = answers(&run);
    assert_eq!(find(&answers, "async", Measure::Cpu).rounds, 8);
    assert_eq!(find(&answers, "async", Measure::P50).rounds, 5);
    assert_eq!(find(&answers, "async", Measure::P50).ratio, None);
}

#[test]
fn an_idle_server_has_no_verdict_on_its_cost() {
    let mut run = run_of(&["raw", "async"], 8);
    for figures in run.closed.iter_mut().filter(|figures| figures.arm == "async") {
        figures.server_busy = Some(0.4);
    }
    let answers = answers(&run);
    let cost = find(&answers, "async", Measure::Cpu);
    assert_eq!(cost.standing, Standing::NoVerdict);
    assert!(cost.sentence.contains("not both were kept busy"), "{}", cost.sentence);
}

#[test]
fn a_control_that_is_missed_makes_its_measure_not_measurable() {
    let mut run = run_of(&["raw", "async"], 8);
    run.arguments.arms.push(Arm::dearer_raw(5));
    for at in 0..8 {
        let mut closed = run.closed[3 * at].clone();
        let mut open = run.open[3 * at].clone();
        closed.arm = "raw+5us".to_owned();
        open.arm = "raw+5us".to_owned();
        closed.cpu_us_per_message = closed.cpu_us_per_message.map(|cpu| cpu + 5.0);
        run.closed.push(closed);
        run.open.push(open);
    }
    let answers = answers(&run);
    assert_eq!(find(&answers, "async", Measure::Cpu).standing, Standing::Dearer);
    assert_eq!(find(&answers, "async", Measure::P50).standing, Standing::NotMeasurable);
    assert_eq!(find(&answers, "raw+5us", Measure::Cpu).standing, Standing::Dearer);
}

mod recorded;
