//! Logs that are read again, by this program and by HdrHistogram's own tools.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::*;
use crate::measure::load::Message;

fn interval(micros: u64) -> Interval {
    let mut recorder = Recorder::new();
    let message = Message { intended: 0, handed: 2_000 };
    (1..=micros).for_each(|micros| recorder.record(message, micros * 1_000 + 2_000));
    let (began, length) = (Instant::now(), Duration::from_millis(850));
    Interval { began, length, recorder, hiccups: None }
}

#[test]
fn what_is_written_is_read_again_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = IntervalLog::create(directory.path()).unwrap();
    let (first, second) = (interval(1_000), interval(5));
    log.add("raw", Phase::Closed, &interval(7));
    log.add("raw", Phase::Open, &first);
    log.add("go", Phase::Open, &interval(9));
    log.add("raw", Phase::Open, &second);
    log.mark().unwrap();

    let past = PastIntervals::read(&directory.path().join(LOG_NAME)).unwrap();
    for (place, written) in [first, second].iter().enumerate() {
        let read = past.open("raw", place).unwrap();
        for ((name, read), (_, written)) in read.series().iter().zip(written.recorder.series()) {
            assert_eq!(*read, written, "{name}, {place}");
        }
    }
    assert!(past.open("raw", 2).is_none());
    assert!(past.open("other", 0).is_none());
}

#[test]
fn histograms_of_other_programs_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = IntervalLog::create(directory.path()).unwrap();
    let mut foreign = interval(7);
    foreign.recorder.response = Histogram::new_with_bounds(1, 1_000_000, 2).unwrap();
    log.add("raw", Phase::Open, &foreign);
    log.mark().unwrap();
    let error = PastIntervals::read(&directory.path().join(LOG_NAME)).unwrap_err();
    assert!(error.contains("\"raw/open/response\"") && error.contains("bounds"), "{error}");
}

#[test]
fn a_closed_phase_has_one_series_and_times_are_relative() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = IntervalLog::create(directory.path()).unwrap();
    log.add("raw", Phase::Closed, &interval(7));
    log.mark().unwrap();
    let text = fs::read_to_string(directory.path().join(LOG_NAME)).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("Tag=")).collect();
    assert_eq!(rows.len(), 1, "{text}");
    let cells: Vec<&str> = rows[0].split(',').collect();
    assert_eq!(cells[0], "Tag=raw/closed/response");
    assert!(cells[1].parse::<f64>().unwrap() < 60.0);
    assert_eq!(cells[2], "0.850");
    assert!(cells[4].starts_with("HISTFAAAA"));
    assert!(text.contains("#[StartTime: ") && text.contains(LEGEND), "{text}");
}

/// Has a tool of another language print the log, and holds every figure against what was recorded.
fn is_read_alike(tool: &mut Command) {
    let directory = tempfile::tempdir().unwrap();
    let mut log = IntervalLog::create(directory.path()).unwrap();
    // So many samples that the ways in which tools round a rank make no difference.
    let written = [("raw", interval(100_000)), ("async", interval(70_000))];
    written.iter().for_each(|(arm, interval)| log.add(arm, Phase::Open, interval));
    log.mark().unwrap();
    let output = tool.arg(directory.path().join(LOG_NAME)).output().unwrap();
    let (told, complaint) = (output.stdout, output.stderr);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&complaint));
    let told = String::from_utf8(told).unwrap();
    let mut lines = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    for (arm, interval) in &written {
        for (series, histogram) in interval.recorder.series() {
            let line = lines.next().expect("every interval is read");
            assert_eq!(line["tag"], format!("{arm}/open/{series}"));
            assert_eq!(line["count"], histogram.len());
            for (at, quantile) in [0.5, 0.9, 0.99, 0.999, 1.0].into_iter().enumerate() {
                let theirs = line["values"][at].as_f64().unwrap();
                let ours = histogram.value_at_quantile(quantile) as f64;
                // Three digits are kept of each value.
                assert!((theirs / ours - 1.0).abs() <= 0.001, "{line} at {quantile}: {ours}");
            }
        }
    }
    assert_eq!(lines.next(), None);
}

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers")
}

#[test]
fn a_log_is_read_by_the_tool_for_javascript() {
    if !tools().join("node_modules/hdr-histogram-js").is_dir() {
        let _ =
            writeln!(io::stderr(), "skipped: `npm ci` in benches/tests/readers installs a reader");
        return;
    }
    is_read_alike(Command::new("node").arg(tools().join("read.mjs")));
}

#[test]
fn a_log_is_read_by_the_tool_for_python() {
    let site = tools().join("site");
    if !site.is_dir() {
        let install = "`python3 -m pip install --target site -r requirements.txt`";
        let _ =
            writeln!(io::stderr(), "skipped: {install} in benches/tests/readers installs a reader");
        return;
    }
    is_read_alike(Command::new("python3").env("PYTHONPATH", site).arg(tools().join("read.py")));
}
