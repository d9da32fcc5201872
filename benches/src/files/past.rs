//! A run that is over, or was left: read from its files, and only if they fit together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use serde_json::Value;

use crate::files::figures::OpenFigures;
use crate::files::interval_log::{LOG_NAME, PastIntervals};
use crate::files::run_file::{RUN_NAME, Run, SCHEMA};
use crate::files::whole;
use crate::measure::load::Recorder;

/// A run as its files have it.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) run: Run,
    pub(crate) intervals: PastIntervals,
    pub(crate) directory: PathBuf,
}

/// Reads a run from its directory, or from the `run.json` in it.
///
/// # Errors
/// Names the file and says in a few words why it cannot be used.
pub(crate) fn read(path: &Path) -> Result<Past, String> {
    let file = if path.is_dir() { path.join(RUN_NAME) } else { path.to_owned() };
    let named = |path: &Path, reason| format!("{}: {reason}", path.display());
    let run = run(&file).map_err(|reason| named(&file, reason))?;
    let directory = file.parent().map(PathBuf::from).unwrap_or_default();
    let log = directory.join(LOG_NAME);
    let intervals = PastIntervals::read(&log).map_err(|reason| named(&log, reason))?;
    Ok(Past { run, intervals, directory })
}

/// Reads a `run.json`, or says in a few words why it is none that can be used.
fn run(file: &Path) -> Result<Run, String> {
    let bytes = whole::read(file).map_err(|error| error.to_string())?;
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("is no JSON: {error}"))?;
    let schema = value.get("schema").and_then(Value::as_u64).filter(|_| value["closed"].is_array());
    match schema {
        None => Err("is no run of oneloop".to_owned()),
        Some(newer) if newer > u64::from(SCHEMA) => Err(format!(
            "was written by a newer oneloop (schema {newer}; this one reads schema {SCHEMA})"
        )),
        Some(older) if older < u64::from(SCHEMA) => Err(format!(
            "was written by an older oneloop (schema {older}; this one reads schema {SCHEMA})"
        )),
        Some(_) => {
            let run: Run =
                serde_json::from_value(value).map_err(|error| format!("is damaged: {error}"))?;
            run.check().map_err(|reason| format!("is damaged: {reason}"))?;
            Ok(run)
        }
    }
}

/// Hands every open phase over with its histograms and the machine's hiccups: the figures of
/// `run.json` tell which interval belongs to which round.
///
/// # Errors
/// Names the first phase that the log does not have.
pub(crate) fn each_open(
    run: &Run,
    intervals: &PastIntervals,
    mut add: impl FnMut(&OpenFigures, Recorder, Option<Histogram<u64>>),
) -> Result<(), String> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for figures in &run.open {
        let arm = figures.arm.as_str();
        let place = places.entry(arm).or_default();
        let interval = intervals.open(arm, *place);
        // The histograms of two runs have other counts.
        let interval = interval.filter(|it| it.response.len() == figures.response_us.count);
        let recorder = interval.ok_or_else(|| {
            format!("does not belong to this run: round {} of {arm} is missing", figures.round)
        })?;
        add(figures, recorder, intervals.hiccups(arm, *place));
        *place += 1;
    }
    Ok(())
}
