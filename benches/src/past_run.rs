//! `oneloop report`: a run that is over, read from its files and printed again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::failure::Failure;
use crate::files::interval_log::{LOG_NAME, PastIntervals};
use crate::files::run_file::{RUN_NAME, Run, SCHEMA};
use crate::files::whole;
use crate::measure::latencies::Latencies;
use crate::output::{self, Dress};
use crate::report;

const EXAMPLES: &str = "\
Examples:
  oneloop report target/oneloop/20261123T050607Z
  oneloop report --markdown target/oneloop/20261123T050607Z/run.json > run.md

It needs run.json and run.hlog of the run, as `compare` wrote them.";

/// The arguments of `report`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReportArguments {
    /// The run's directory, or the run.json in it
    pub(crate) run: PathBuf,
    /// Print Markdown instead of text
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// Reads the files, then prints.
pub(crate) fn print(arguments: &ReportArguments) -> Result<(), Failure> {
    let file =
        if arguments.run.is_dir() { arguments.run.join(RUN_NAME) } else { arguments.run.clone() };
    let refused = |path: &Path, reason| Failure::Refused(format!("{}: {reason}", path.display()));
    let run = read(&file).map_err(|reason| refused(&file, reason))?;
    let directory = file.parent().map(PathBuf::from).unwrap_or_default();
    let log = directory.join(LOG_NAME);
    let latencies = PastIntervals::read(&log).and_then(|intervals| merged(&run, &intervals));
    let latencies = latencies.map_err(|reason| refused(&log, reason))?;
    let dress = if arguments.markdown { Dress::Markdown } else { Dress::of_stdout() };
    let latencies = latencies.counted(&run.arguments.arms);
    output::print(&report::compose(&run, &latencies, Some(&directory), dress))
}

/// Reads a `run.json`, or says in a few words why it is none that can be used.
fn read(file: &Path) -> Result<Run, String> {
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

/// Adds up the open phases: the figures of `run.json` tell which interval belongs to which round.
fn merged(run: &Run, intervals: &PastIntervals) -> Result<Latencies, String> {
    let mut latencies = Latencies::default();
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
        latencies.add(!run.void_rounds.contains(&figures.round), arm, &recorder);
        *place += 1;
    }
    Ok(latencies)
}
