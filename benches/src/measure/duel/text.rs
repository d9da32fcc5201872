//! The outcome for a terminal: what ran where, one table, one sentence for each duel.

use std::fmt::Write;

use super::outcome::{Bout, Outcome};
use crate::report::wrapped;
use crate::statistics::Measure;

/// Sleeps in 1,000 messages beyond which a server was not always behind.
const SLEEPS_MAX: f64 = 20.0;

/// Composes the whole text, at most 80 columns wide.
pub(super) fn compose(outcome: &Outcome) -> String {
    let mut text = title(outcome);
    text += &table(outcome);
    text.push('\n');
    for bout in &outcome.bouts {
        if let (Some(arm), Some(reason)) = (&bout.failed, &bout.reason) {
            text += &wrapped(&format!("{arm} FAILED: {reason}"), "  ");
        } else if let Some(verdict) = &bout.verdict {
            text += &wrapped(verdict, "  ");
        }
    }
    for note in notes(outcome).iter().chain(&outcome.peers) {
        text += &wrapped(&format!("- {note}"), "  ");
    }
    text
}

fn title(outcome: &Outcome) -> String {
    let machine = &outcome.environment;
    let mut text = String::new();
    let partial = if outcome.partial { ", PARTIAL: ended by the user" } else { "" };
    let started = outcome.started.strftime("%Y-%m-%d %H:%M:%S UTC");
    let _ = writeln!(text, "oneloop duel, {started}{partial}");
    let cpu = |cpu: Option<usize>| cpu.map_or("?".to_owned(), |cpu| cpu.to_string());
    let placement = format!(
        "{}, {}: servers and a busy loop on processor {}, generator on {}; {} build; load {}",
        machine.cpu,
        machine.kernel,
        cpu(machine.server_cpu),
        cpu(machine.generator_cpu),
        machine.profile,
        machine.load_average.map_or("unknown".to_owned(), |load| format!("{load:.2}")),
    );
    text += &wrapped(&placement, "");
    let [least, most] = outcome.slice_ms;
    let shape = format!(
        "{} x {} bytes to each server, every byte verified; {} s in slices of {least} to {most} \
         ms, seed {}",
        outcome.connections, outcome.size_bytes, outcome.seconds, outcome.seed
    );
    text += &wrapped(&shape, "");
    text
}

fn table(outcome: &Outcome) -> String {
    let mut text = format!("\n{:<16} {:>15} {:>22}\n", "", "CPU ns/message", "ratio, other / base");
    let heads = ("", "base", "other", "median, 95 % interval", "pairs", "sleeps");
    let (name, base, other, ratio, pairs, sleeps) = heads;
    let _ = writeln!(text, "{name:<16} {base:>7} {other:>7} {ratio:>22} {pairs:>5} {sleeps:>6}");
    let _ = writeln!(text, "{}", "-".repeat(80));
    for bout in &outcome.bouts {
        let _ = writeln!(text, "{}", row(bout).trim_end());
    }
    text
}

fn row(bout: &Bout) -> String {
    let name = if bout.null { format!("{} (null)", bout.other) } else { bout.other.clone() };
    let [base, other] = match bout.cpu_ns_per_message {
        Some(both) => both.map(|ns| format!("{ns:.0}")),
        None => [(); 2].map(|()| "-".to_owned()),
    };
    let ratio = bout.ratio.map_or("-".to_owned(), |ratio| ratio.to_string());
    let sleeps = bout
        .sleeps_per_1000_messages
        .map_or("-".to_owned(), |both| format!("{:.0}", both[0].max(both[1])));
    let word = match (&bout.failed, bout.standing) {
        (Some(_), _) => "FAILED",
        (None, standing) => standing.map_or("", |standing| standing.word(Measure::Cpu)),
    };
    let pairs = bout.pairs.len();
    format!("{name:<16} {base:>7} {other:>7} {ratio:>22} {pairs:>5} {sleeps:>6} {word}")
}

fn notes(outcome: &Outcome) -> Vec<String> {
    let mut notes = vec![format!(
        "ratio: {}; the null is the same for two processes of one server",
        outcome.method
    )];
    let sleepy = outcome.bouts.iter().filter(|bout| {
        bout.sleeps_per_1000_messages.is_some_and(|[base, other]| base.max(other) > SLEEPS_MAX)
    });
    let sleepy: Vec<&str> = sleepy.map(|bout| bout.other.as_str()).collect();
    let mut sleeps =
        "sleeps: how often in 1,000 messages a thread of the server slept, the greater \
                      of the two"
            .to_owned();
    if !sleepy.is_empty() {
        let _ = write!(
            sleeps,
            "; beyond {SLEEPS_MAX:.0} it was not always behind, and sleeping is part of its cost: {}",
            sleepy.join(", ")
        );
    }
    notes.push(sleeps);
    if outcome.environment.profile != "release" {
        notes.push("this is not a release build: nothing of this can be quoted".to_owned());
    }
    notes
}
