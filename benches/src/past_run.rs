//! `oneloop report`: a run that is over, read from its files and printed again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::failure::Failure;
use crate::files::interval_log::{LOG_NAME, PastIntervals};
use crate::files::run_file::{PAGE_NAME, RUN_NAME, Run, SCHEMA};
use crate::files::whole::{self, WholeFile};
use crate::merged;
use crate::output::{self, Dress};
use crate::page::{self, Collected};
use crate::process::open;
use crate::report;

const EXAMPLES: &str = "\
Examples:
  oneloop report target/oneloop/20261123T050607Z
  oneloop report --html --open target/oneloop/20261123T050607Z
  oneloop report --markdown --svg figures target/oneloop/20261123T050607Z > run.md

  oneloop report --merge a.hlog b.hlog          loads of several machines, added up

It needs run.json and run.hlog of the run, as `compare` wrote them; or the logs of `oneloop load
--log`, whose counts are added, tag by tag, if they were made at the same time.";

/// The arguments of `report`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReportArguments {
    /// The run's directory, or the run.json in it
    #[arg(required_unless_present = "merge")]
    pub(crate) run: Option<PathBuf>,
    /// Add up the logs of loads that several machines made at the same time
    #[arg(long, value_name = "LOG", num_args = 1..)]
    #[arg(conflicts_with_all = ["run", "markdown", "html", "svg", "open"])]
    merge: Vec<PathBuf>,
    /// Print Markdown instead of text
    #[arg(long, conflicts_with_all = ["html", "open"])]
    pub(crate) markdown: bool,
    /// Write the page, to report.html beside the run if no file is named
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    html: Option<Option<PathBuf>>,
    /// Write the figures as SVG files into a directory; Markdown then shows them
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
}

/// A run as its files have it.
struct Past {
    run: Run,
    collected: Collected,
    directory: PathBuf,
}

/// Reads the files, then prints, or writes the page.
pub(crate) fn print(arguments: &ReportArguments) -> Result<(), Failure> {
    let Some(run) = &arguments.run else {
        return merged::print(&arguments.merge);
    };
    let past = Past::read(run)?;
    let figures = match &arguments.svg {
        Some(directory) => past.write_figures(directory)?,
        None => Vec::new(),
    };
    if arguments.html.is_some() || arguments.open {
        let file = arguments.html.clone().flatten();
        let file = file.unwrap_or_else(|| past.directory.join(PAGE_NAME));
        past.write_page(&file)?;
        output::print(&format!("Page:  {}\n", file.display()))?;
        if arguments.open {
            open::in_browser(&file);
        }
        return Ok(());
    }
    let dress = if arguments.markdown { Dress::Markdown } else { Dress::of_stdout() };
    let latencies = past.collected.latencies().counted(&past.run.arguments.arms);
    let mut text = report::compose(&past.run, &latencies, Some(&past.directory), dress);
    if arguments.markdown {
        for figure in &figures {
            let name = figure.file_stem().unwrap_or_default().display();
            text += &format!("\n![{name}]({})\n", figure.display());
        }
    }
    output::print(&text)
}

/// Writes the page of a run that has just ended, beside its files.
///
/// # Errors
/// When the files cannot be read again, or the page cannot be written.
pub(crate) fn write_page(directory: &Path) -> Result<PathBuf, Failure> {
    let past = Past::read(directory)?;
    let file = directory.join(PAGE_NAME);
    past.write_page(&file).map(|()| file)
}

impl Past {
    fn read(run: &Path) -> Result<Past, Failure> {
        let file = if run.is_dir() { run.join(RUN_NAME) } else { run.to_owned() };
        let refused =
            |path: &Path, reason| Failure::Refused(format!("{}: {reason}", path.display()));
        let run = read(&file).map_err(|reason| refused(&file, reason))?;
        let directory = file.parent().map(PathBuf::from).unwrap_or_default();
        let log = directory.join(LOG_NAME);
        let collected = PastIntervals::read(&log).and_then(|intervals| collected(&run, &intervals));
        let collected = collected.map_err(|reason| refused(&log, reason))?;
        Ok(Past { run, collected, directory })
    }

    fn write_page(&self, file: &Path) -> Result<(), Failure> {
        write(file, &page::compose(&self.run, &self.collected))
    }

    fn write_figures(&self, directory: &Path) -> Result<Vec<PathBuf>, Failure> {
        let cannot =
            |error| Failure::Refused(format!("cannot write to {}: {error}", directory.display()));
        fs::create_dir_all(directory).map_err(cannot)?;
        let mut written = Vec::new();
        for (name, content) in page::files(&self.run, &self.collected) {
            let file = directory.join(name);
            write(&file, &content)?;
            written.push(file);
        }
        Ok(written)
    }
}

fn write(file: &Path, content: &str) -> Result<(), Failure> {
    let written = WholeFile::create(file).and_then(|to| to.write(content.as_bytes()));
    written
        .map_err(|error| Failure::Refused(format!("cannot write to {}: {error}", file.display())))
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
fn collected(run: &Run, intervals: &PastIntervals) -> Result<Collected, String> {
    let mut collected = Collected::default();
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
        let hiccups = intervals.hiccups(arm, *place);
        let valid = !run.void_rounds.contains(&figures.round);
        collected.add(valid, arm, &recorder, hiccups.as_ref());
        *place += 1;
    }
    Ok(collected)
}
