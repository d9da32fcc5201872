//! Loads of several machines added up: counts are added, percentiles never averaged.
//!
//! Rule: what cannot be one measurement is refused; what may not be one is said.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use crate::files::load_log::LoadLog;
use crate::measure::load::Recorder;

/// The share of the longest load in which all must have been at work to go unmentioned.
const TOGETHER_MIN: f64 = 0.9;

/// A log and the name of its file.
pub(crate) type Named = (String, LoadLog);

/// The loads of one tag and phase.
#[derive(Debug)]
pub(crate) struct Merged {
    /// `TAG/PHASE`.
    pub(crate) tag: String,
    /// The loads, in the order of the files.
    pub(crate) parts: Vec<Named>,
    /// Their sum.
    pub(crate) recorder: Recorder,
    /// When the first began.
    pub(crate) began: SystemTime,
    /// From the first beginning to the last end.
    pub(crate) length: Duration,
    /// What a reader must know before believing the sum.
    pub(crate) reservations: Vec<String>,
}

/// Adds up logs, tag by tag.
///
/// # Errors
///
/// Names two logs that are the same, or that did not load at the same time.
pub(crate) fn merge(logs: Vec<Named>) -> Result<Vec<Merged>, String> {
    ensure_distinct(&logs)?;
    let mut tagged: BTreeMap<String, Vec<Named>> = BTreeMap::new();
    for log in logs {
        let tag = format!("{}/{}", log.1.load.tag, log.1.load.phase);
        tagged.entry(tag).or_default().push(log);
    }
    tagged.into_iter().map(|(tag, parts)| Merged::of(tag, parts)).collect()
}

/// A log that is added twice counts twice.
fn ensure_distinct(logs: &[Named]) -> Result<(), String> {
    for (at, (file, log)) in logs.iter().enumerate() {
        let same = |other: &&Named| other.1.load == log.load && other.1.began == log.began;
        if let Some((other, _)) = logs[..at].iter().find(same) {
            return Err(format!("{other} and {file} are the same load"));
        }
    }
    Ok(())
}

impl Merged {
    fn of(tag: String, parts: Vec<Named>) -> Result<Merged, String> {
        let mut recorder = Recorder::new();
        parts.iter().for_each(|(_, log)| recorder.merge(&log.recorder));
        let mut reservations = Vec::new();
        reservations.extend(together(&tag, &parts)?);
        reservations.extend(unlike(&parts));
        reservations.extend(troubled(&parts));
        let began = parts.iter().map(|(_, log)| log.began).min().expect("a tag has a log");
        let ended = parts.iter().map(|(_, log)| log.began + log.length).max().unwrap_or(began);
        let length = ended.duration_since(began).unwrap_or_default();
        Ok(Merged { tag, parts, recorder, began, length, reservations })
    }
}

/// Refuses loads that had no moment in common, and says when they had few.
fn together(tag: &str, parts: &[Named]) -> Result<Option<String>, String> {
    let last_to_begin = parts.iter().max_by_key(|(_, log)| log.began).expect("a tag has a log");
    let first_to_end = parts.iter().min_by_key(|(_, log)| log.began + log.length);
    let first_to_end = first_to_end.expect("a tag has a log");
    let end = first_to_end.1.began + first_to_end.1.length;
    let shared = end.duration_since(last_to_begin.1.began).map_err(|gap| {
        format!(
            "{} ended {:.3} s before {} began: these loads of {tag} were not made at the same time, \
             or the clocks of the machines differ",
            first_to_end.0,
            gap.duration().as_secs_f64(),
            last_to_begin.0,
        )
    })?;
    let longest = parts.iter().map(|(_, log)| log.length).max().unwrap_or_default();
    let share = shared.as_secs_f64() / longest.as_secs_f64().max(f64::MIN_POSITIVE);
    Ok((share < TOGETHER_MIN).then(|| {
        format!(
            "All loads were at work for only {:.0} % of the longest one's time, by the clocks of \
             their machines.",
            100.0 * share
        )
    }))
}

/// Says where the loads differ though they are added up.
fn unlike(parts: &[Named]) -> Vec<String> {
    let distinct = |of: fn(&LoadLog) -> String| -> Option<String> {
        let values: BTreeSet<String> = parts.iter().map(|(_, log)| of(log)).collect();
        (values.len() > 1).then(|| values.into_iter().collect::<Vec<_>>().join(", "))
    };
    let programs = distinct(|log| log.load.program.clone());
    let sizes = distinct(|log| log.load.size_bytes.to_string());
    let servers = distinct(|log| log.load.connect.clone());
    [
        programs.map(|them| format!("Different programs made the loads: {them}.")),
        sizes.map(|them| format!("Messages of different sizes are added up: {them} bytes.")),
        servers.map(|them| format!("The loads went to different addresses: {them}.")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Names the loads that measured their own machine, and those that lost replies.
fn troubled(parts: &[Named]) -> Vec<String> {
    let of = |holds: fn(&LoadLog) -> bool| {
        let files = parts.iter().filter(|(_, log)| holds(log)).map(|(file, _)| file.as_str());
        let files: Vec<_> = files.collect();
        (!files.is_empty()).then(|| files.join(", "))
    };
    let late = of(|log| log.load.generator_was_late);
    let lost = of(|log| log.load.unanswered > 0);
    [
        late.map(|them| {
            format!(
                "The generator was the bottleneck (send lag p99 over 500 us) in {them}: its \
                 latencies measure its machine, not the server."
            )
        }),
        lost.map(|them| format!("Not every message was answered in time in {them}.")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests;
