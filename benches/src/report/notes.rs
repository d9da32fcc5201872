//! What a reader must know before believing a run: failures, late generators, idle servers.

use super::plural;
use super::statistics::{Spread, saturated};
use crate::files::figures::ArmFailure;
use crate::files::run_file::Run;
use crate::measure::arm::Arm;
use crate::measure::load::{Recorder, supports};
use crate::measure::peers::notes as notes_on_peers;

/// The share of a run that others may take before the report says so.
const DISTURBED: f64 = 0.02;

/// Lists the reservations, the gravest first.
pub(crate) fn notes(run: &Run, latencies: &[(&str, &Recorder)]) -> Vec<String> {
    let mut notes = Vec::new();
    if run.partial {
        notes.push("PARTIAL: the run was interrupted; what is above is what there was.".to_owned());
    }
    for failure in &run.failures {
        let ArmFailure { arm, during, reason } = failure;
        notes.push(format!("FAILED: {arm}, in {during}: {reason}"));
    }
    if run.environment.profile != "release" {
        notes.push("This is a debug build: its figures mean nothing.".to_owned());
    }
    notes.extend(lateness(run));
    notes.extend(disturbance(run));
    notes.extend(wandering_tail(run));
    let unsupported =
        |quantile| latencies.iter().any(|(_, recorder)| !supports(&recorder.response, quantile));
    if super::QUANTILES.into_iter().any(unsupported) {
        notes.push(
            "A dash stands where fewer than 100 messages lie beyond a quantile; longer phases or \
             more rounds (--seconds, --rounds) would support it."
                .to_owned(),
        );
    }
    notes.extend(idleness(run));
    notes.extend(notes_on_peers(&run.arguments.arms, &run.arguments.absent));
    if run.environment.server_cpu.is_none() {
        notes.push("Server and generator were not pinned to processors of their own.".to_owned());
    }
    notes
}

/// Says whether the generator kept to its schedule.
fn lateness(run: &Run) -> Option<String> {
    let done = run.open.iter().map(|figures| figures.round).max()?;
    let void = run.void_rounds.len();
    let rounds = plural(done, "open round");
    let are = if void == 1 { "is" } else { "are" };
    Some(match void {
        0 => format!(
            "The generator kept to its schedule: 0 of {rounds} void (send lag p99 over 500 us)."
        ),
        _ if void == done => format!(
            "The generator was the bottleneck: {void} of {rounds} {are} void (send lag p99 over \
             500 us); the latencies above measure this machine, not the servers."
        ),
        _ => format!(
            "The generator was late: {void} of {rounds} {are} void (send lag p99 over 500 us) and \
             left out of the latencies above."
        ),
    })
}

/// Says when other programs, or other machines on the same hardware, took part in the run.
fn disturbance(run: &Run) -> Option<String> {
    let machine = &run.environment;
    let waited = machine.generator_waited_seconds.unwrap_or(0.0);
    let stolen = machine.stolen_seconds.unwrap_or(0.0);
    (waited.max(stolen) > DISTURBED * machine.elapsed_seconds).then(|| {
        format!(
            "The machine was not quiet: in {:.0} s, other programs kept the generator from its \
             processor for {waited:.1} s, and the hypervisor took {stolen:.1} s.",
            machine.elapsed_seconds
        )
    })
}

/// Says how far the same server's p99 went from round to round: differences between servers that
/// are smaller are none.
fn wandering_tail(run: &Run) -> Option<String> {
    let valid = |round| !run.void_rounds.contains(&round);
    let tail_of = |arm| {
        let of_arm = run.open.iter().filter(|figures| figures.arm == Arm::name(arm));
        let tail = Spread::of(of_arm.filter(|f| valid(f.round)).map(|f| f.response_us.p99))?;
        (tail.rounds > 1).then_some((tail.greatest / tail.least, arm, tail))
    };
    let tails = run.arguments.arms.iter().filter_map(tail_of);
    let (factor, arm, tail) = tails.max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(format!(
        "Tails differ by chance here: the p99 of {arm} alone went from {:.0} to {:.0} us between \
         rounds, so a factor below {factor:.1} between two servers' tails is noise.",
        tail.least, tail.greatest
    ))
}

/// Names the servers that the generator could not saturate.
fn idleness(run: &Run) -> Option<String> {
    let names = run.arguments.arms.iter().map(Arm::name);
    let idle: Vec<_> = names.filter(|name| !saturated(run, name)).collect();
    (!idle.is_empty()).then(|| {
        format!(
            "Not saturated, because the generator or the round trip was the limit: {}. Compare \
             their CPU with care and their messages/s not at all.",
            idle.join(", ")
        )
    })
}
