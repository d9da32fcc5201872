//! `oneloop report --merge`: loads of several machines, added up and printed.

use std::fmt::Write;
use std::path::PathBuf;

use hdrhistogram::Histogram;
use jiff::Timestamp;

use crate::failure::Failure;
use crate::files::load_log::LoadLog;
use crate::files::merge::{self, Merged};
use crate::output;
use crate::report::{self, grouped, plural, wrapped};

/// Reads the logs, adds them up and prints the sum.
pub(crate) fn print(files: &[PathBuf]) -> Result<(), Failure> {
    let read = |file: &PathBuf| {
        let name = file.display().to_string();
        let log = LoadLog::read(file);
        let log = log.map_err(|reason| Failure::Refused(format!("{name}: {reason}")))?;
        Ok((name, log))
    };
    let logs = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let merged = merge::merge(logs).map_err(Failure::Refused)?;
    output::print(&merged.iter().map(describe).collect::<Vec<_>>().join("\n"))
}

fn describe(merged: &Merged) -> String {
    let Merged { tag, parts, recorder, began, length, reservations } = merged;
    let mut text = String::new();
    let began = Timestamp::try_from(*began)
        .map_or("unknown".to_owned(), |began| began.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    let messages = recorder.response.len();
    let rate = messages as f64 / length.as_secs_f64();
    let _ = writeln!(text, "{tag}, {began}: {} added up", plural(parts.len(), "log"));
    let sum = format!(
        "{} over {:.2} s, {}/s, {}; every byte verified",
        plural(messages as usize, "message"),
        length.as_secs_f64(),
        grouped(rate),
        plural(parts.iter().map(|(_, log)| log.load.connections).sum(), "connection"),
    );
    text += &wrapped(&sum, "");
    let heads = ["messages", "p50", "p90", "p99", "p99.9", "max"].map(|head| format!("{head:>9}"));
    let _ = writeln!(text, "\n{:<20}{}   us", "", heads.concat());
    for (name, series) in recorder.series() {
        // In a closed phase every message leaves when it is intended to: the three series are one.
        if tag.ends_with("/open") || name == "response" {
            text += &row(name, series);
        }
    }
    text += "\nResponse time of each log\n";
    parts.iter().for_each(|(file, log)| text += &part(merged, (file, log)));
    if !reservations.is_empty() {
        text.push('\n');
    }
    reservations.iter().for_each(|note| text += &wrapped(&format!("- {note}"), "  "));
    text
}

fn row(name: &str, histogram: &Histogram<u64>) -> String {
    let mut row = format!("{name:<20}{:>9}", grouped(histogram.len() as f64));
    for quantile in report::QUANTILES {
        let _ = write!(row, "{:>9}", report::quantile_cell(histogram, quantile));
    }
    format!("{row}{:>9}\n", report::micros(histogram.max()))
}

/// Writes the row of one log, and which machine made it when.
fn part(merged: &Merged, (file, log): (&String, &LoadLog)) -> String {
    let after = log.began.duration_since(merged.began).unwrap_or_default();
    let name: String = std::path::Path::new(file)
        .file_name()
        .map_or(file.clone(), |name| name.to_string_lossy().chars().take(19).collect());
    let mut text = row(&name, &log.recorder.response);
    let _ = writeln!(
        text,
        "  from {}, {:.3} s after the first, for {:.2} s",
        log.load.machine,
        after.as_secs_f64(),
        log.length.as_secs_f64()
    );
    text
}
