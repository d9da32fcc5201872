//! `oneloop verify`: whether each published figure of a run follows from what was recorded.
//!
//! Recorded are the histograms in `run.hlog`, and in `run.json` messages, CPU time, counts and the
//! slices of each phase; all else is computed from those, and computed again here.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::Failure;
use crate::files::csv::{self, CSV_NAME};
use crate::files::figures::{Answer, ClosedFigures, Quantiles};
use crate::files::past::{self, Past};
use crate::files::run_directory::histogram_files;
use crate::files::sweep_file::SweepFile;
use crate::measure::latencies::Latencies;
use crate::output;
use crate::report;

/// The most complaints that are told.
const COMPLAINTS_MAX: usize = 10;

/// The share by which a figure may differ: it was written in decimal.
const TOLERANCE: f64 = 1e-9;

/// The arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The directory of a run or of a sweep
    pub(crate) run: PathBuf,
}

/// What was compared, and what was not the same.
#[derive(Debug, Default)]
struct Findings {
    figures: usize,
    files: usize,
    complaints: Vec<String>,
}

/// Verifies a run, or each run of a sweep.
pub(crate) fn run(asked: &VerifyArguments) -> Result<(), Failure> {
    let sweep = SweepFile::read(&asked.run).map_err(Failure::Refused)?;
    let runs = sweep.map_or(vec![asked.run.clone()], |sweep| sweep.directories(&asked.run));
    for directory in runs {
        let past = past::read(&directory).map_err(Failure::Refused)?;
        let mut found = Findings::default();
        found.verify(&past);
        let at = past.directory.display();
        if !found.complaints.is_empty() {
            let number = found.complaints.len();
            found.complaints.truncate(COMPLAINTS_MAX);
            let told = found.complaints.join("; ");
            let what = report::plural(number, "figure");
            let reason = format!("{at}: {what} not as recorded: {told}");
            return Err(Failure::Refused(reason));
        }
        let (figures, files) = (report::grouped(found.figures as f64), found.files);
        let rounds = report::plural(past.run.rounds_done, "round");
        let said = format!("{figures} figures of {rounds} and {files} files are as recorded");
        output::print(&report::item(&format!("{at}: "), &said))?;
    }
    Ok(())
}

impl Findings {
    fn verify(&mut self, past: &Past) {
        let run = &past.run;
        self.closed(past);
        let mut latencies = Latencies::default();
        let mut void = Vec::new();
        let read = past::each_open(run, &past.intervals, |figures, recorder, _| {
            let place = format!("round {}, {}, open", figures.round, figures.arm);
            let series = [
                ("response", &figures.response_us, &recorder.response),
                ("service", &figures.service_us, &recorder.service),
                ("send lag", &figures.send_lag_us, &recorder.send_lag),
            ];
            for (name, published, recorded) in series {
                let recorded = Quantiles::of(recorded);
                self.quantiles(&format!("{place}, {name}"), *published, recorded);
            }
            if recorder.is_late() && !void.contains(&figures.round) {
                void.push(figures.round);
            }
            latencies.add(run.is_valid(figures.round), &figures.arm, &recorder);
        });
        if let Err(reason) = read {
            self.complaints.push(reason);
            return;
        }
        self.same("the void rounds", &run.void_rounds, &void);
        let answers = report::answers(run);
        self.same("the number of answers", &run.answers.len(), &answers.len());
        for (published, computed) in run.answers.iter().zip(&answers) {
            let place = format!("{} against {}", published.arm, published.against);
            self.answer(&place, published, computed);
        }
        self.same("the verdict", &run.verdict, &report::verdict(run));
        self.files(past, &latencies);
    }

    fn closed(&mut self, past: &Past) {
        let mut places = std::collections::BTreeMap::<&str, usize>::new();
        for figures in &past.run.closed {
            let ClosedFigures { round, arm, .. } = figures;
            let place = places.entry(arm).or_default();
            let name = format!("round {round}, {arm}, closed");
            match past.intervals.closed(arm, *place) {
                Some(recorded) => {
                    let recorded = Quantiles::of(&recorded);
                    self.quantiles(&format!("{name}, response"), figures.response_us, recorded);
                }
                None => self.complaints.push(format!("{name} is not in the log")),
            }
            *place += 1;
            let rate = figures.messages_within as f64 * 1e9 / figures.window_ns as f64;
            self.figure(&format!("{name}, messages/s"), figures.messages_per_second, rate);
            if let (Some(nanos), Some(published), Some(busy)) =
                (figures.server_cpu_ns, figures.cpu_us_per_message, figures.server_busy)
            {
                let cpu = nanos as f64 / 1_000.0 / figures.messages as f64;
                self.figure(&format!("{name}, CPU a message"), published, cpu);
                self.figure(&format!("{name}, share of the processor"), busy, cpu * rate / 1e6);
            }
        }
    }

    fn answer(&mut self, place: &str, published: &Answer, computed: &Answer) {
        let name = format!("{place}, {}", computed.measure.name());
        for (published, computed) in published.ratio.iter().zip(&computed.ratio) {
            self.figure(&name, published.median, computed.median);
            self.figure(&format!("{name}, low end"), published.low, computed.low);
            self.figure(&format!("{name}, high end"), published.high, computed.high);
        }
        let words = |answer: &Answer| {
            let has_ratio = answer.ratio.is_some();
            (answer.measure, answer.standing, answer.rounds, answer.sentence.clone(), has_ratio)
        };
        self.same(&name, &words(published), &words(computed));
    }

    /// Compares the files beside the figures. A page is drawn, and not compared.
    fn files(&mut self, past: &Past, latencies: &Latencies) {
        let counted = latencies.counted(&past.run.arguments.arms);
        let histograms = histogram_files(&past.run, &counted).unwrap_or_default();
        let names: Vec<&String> = histograms.iter().map(|(name, _)| name).collect();
        self.same("the list of files", &past.run.series.iter().collect(), &names);
        let table = (CSV_NAME.to_owned(), csv::of(&past.run).into_bytes());
        for (name, computed) in histograms.iter().chain([&table]) {
            self.files += 1;
            if fs::read(past.directory.join(Path::new(name))).ok().as_ref() != Some(computed) {
                self.complaints.push(format!("{name} has other figures"));
            }
        }
    }

    fn quantiles(&mut self, place: &str, published: Quantiles, recorded: Quantiles) {
        for ((name, published), (_, recorded)) in published.each().zip(recorded.each()) {
            self.figure(&format!("{place}, {name}"), published, recorded);
        }
    }

    fn figure(&mut self, place: &str, published: f64, computed: f64) {
        self.figures += 1;
        if (published - computed).abs() > TOLERANCE * computed.abs() {
            self.complaints.push(format!("{place} is {published}, and by the record {computed}"));
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, place: &str, published: &T, computed: &T) {
        self.figures += 1;
        if published != computed {
            self.complaints.push(format!("{place}: {published:?}, and by the record {computed:?}"));
        }
    }
}
