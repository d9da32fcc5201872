//! What a run means, in a few sentences: those answers that it was made for.

use super::plural;
use super::statistics::closed_of;
use crate::files::figures::Answer;
use crate::files::run_file::Run;
use crate::statistics::Measure;

/// Rounds below which a difference is indicative only.
const ROUNDS_FOR_A_VERDICT: usize = 60;

/// As many answers are said in sentences; the table has all.
const SENTENCES_MAX: usize = 8;

/// Says what was asked for: the pairs named, or the styles of the loop among each other, or all.
pub(crate) fn verdict(run: &Run) -> String {
    let measured: Vec<&str> = run
        .servers()
        .map(|arm| arm.name())
        .filter(|name| closed_of(run, name).next().is_some())
        .collect();
    match measured[..] {
        [] => return "No server was measured to the end: there is nothing to say.".to_owned(),
        [arm] => return format!("Only {arm} was measured to the end: nothing to compare."),
        _ => {}
    }
    let told: Vec<&Answer> = told(run);
    if told.is_empty() {
        return "The servers share no round: nothing to compare.".to_owned();
    }
    if told.iter().all(|answer| answer.ratio.is_none()) {
        return "Fewer than six rounds have no interval: what is above is no verdict.".to_owned();
    }
    let mut text = String::new();
    let mut measure = None;
    for answer in &told {
        if measure != Some(answer.measure) {
            measure = Some(answer.measure);
            text += match answer.measure {
                Measure::Cpu => "CPU for a message: ",
                Measure::Time => "Time for a message: ",
                Measure::P50 => "Response time, p50: ",
                other => other.name(),
            };
        }
        text += &answer.sentence;
        text.push(' ');
    }
    text += &standing(run);
    text.trim_end().to_owned()
}

/// Chooses the answers that are said: costs, and medians where a server was named.
fn told(run: &Run) -> Vec<&Answer> {
    let is_wing = |name: &str| run.servers().any(|arm| arm.is_wing() && arm.name() == name);
    let is_control = |name: &str| !run.servers().any(|arm| arm.name() == name);
    let named = !run.arguments.against.is_empty();
    let asked = || run.answers.iter().filter(|answer| !is_control(&answer.arm));
    let costs = || asked().filter(|answer| answer.measure.quantile().is_none());
    let styles = costs().filter(|answer| is_wing(&answer.arm) && is_wing(&answer.against));
    let mut told: Vec<&Answer> = styles.collect();
    if named || told.is_empty() {
        told = costs().collect();
        told.truncate(SENTENCES_MAX);
    }
    if named {
        let medians = asked().filter(|answer| answer.measure == Measure::P50);
        told.extend(medians.take(SENTENCES_MAX));
    }
    told
}

/// Says how much weight that bears.
fn standing(run: &Run) -> String {
    let rounds = run.rounds_done;
    if run.arguments.is_full() && rounds >= ROUNDS_FOR_A_VERDICT {
        return String::new();
    }
    let of = plural(rounds, "round");
    format!("(Indicative: {of}; a verdict takes --full and {ROUNDS_FOR_A_VERDICT} rounds.)")
}

#[cfg(test)]
mod tests {
    use super::super::answers::tests::{answered, run_of};
    use super::*;

    #[test]
    fn the_styles_are_compared_with_each_other_and_so_is_what_was_named() {
        let mut run = run_of(&["callbacks", "async", "raw"], 8);
        answered(&mut run);
        let said = verdict(&run);
        assert!(said.starts_with("CPU for a message: async"), "{said}");
        assert!(!said.contains("raw"), "{said}");
        assert!(said.ends_with("(Indicative: 8 rounds; a verdict takes --full and 60 rounds.)"));
        run.arguments.against = vec!["raw".to_owned()];
        answered(&mut run);
        let said = verdict(&run);
        assert!(said.contains("callbacks and raw") || said.contains("than raw"), "{said}");
        assert!(said.contains("Response time, p50: "), "{said}");
    }

    #[test]
    fn few_rounds_are_no_verdict() {
        let mut run = run_of(&["callbacks", "async"], 4);
        answered(&mut run);
        assert!(verdict(&run).starts_with("Fewer than six rounds"));
    }
}
