//! `run.hlog`: every phase of every round in HdrHistogram's interval log, version 2.
//!
//! An interval is one round of one series; its tag is `ARM/PHASE/SERIES`, such as
//! `raw/open/response`. The intervals of a tag are in the order of the rounds. Values and maxima
//! are nanoseconds; times are seconds since the log's StartTime.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogHistogram, IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use crate::files::whole;
use crate::measure::load::Recorder;

/// The log's name in the directory of a run.
pub(crate) const LOG_NAME: &str = "run.hlog";

/// What readers of other languages expect above the intervals.
const LEGEND: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"";

/// In the word of figures and tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// As fast as replies come.
    Closed,
    /// By a schedule.
    Open,
}

/// What a phase recorded, and when.
#[derive(Debug)]
pub(crate) struct Interval {
    pub(crate) began: Instant,
    pub(crate) length: Duration,
    pub(crate) recorder: Recorder,
}

/// A log that is written while the run goes on.
#[derive(Debug)]
pub(crate) struct IntervalLog {
    to: BufWriter<File>,
    begun: Instant,
    /// The first error; nothing is written after it.
    error: Option<io::Error>,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Phase::Closed => "closed",
            Phase::Open => "open",
        }
    }

    /// A closed phase sends every message when it intends to: it has one series.
    fn has(self, series: &str) -> bool {
        self == Phase::Open || series == "response"
    }
}

impl IntervalLog {
    /// Creates the log of a run that begins now.
    ///
    /// # Errors
    ///
    /// When the file exists or cannot be written.
    pub(crate) fn create(directory: &Path) -> io::Result<IntervalLog> {
        let mut to = BufWriter::new(File::create_new(directory.join(LOG_NAME))?);
        let mut serializer = V2DeflateSerializer::new();
        IntervalLogWriterBuilder::new()
            .add_comment("[Histogram log format version 1.3]")
            .add_comment("[oneloop: values and Interval_Max in nanoseconds, Tag=ARM/PHASE/SERIES]")
            .with_start_time(SystemTime::now())
            .begin_log_with(&mut to, &mut serializer)?;
        writeln!(to, "{LEGEND}")?;
        Ok(IntervalLog { to, begun: Instant::now(), error: None })
    }

    /// Adds a phase of an arm. What goes wrong is told at the end.
    pub(crate) fn add(&mut self, arm: &str, phase: Phase, interval: &Interval) {
        if self.error.is_none() {
            self.error = self.try_add(arm, phase, interval).err();
        }
    }

    fn try_add(&mut self, arm: &str, phase: Phase, interval: &Interval) -> io::Result<()> {
        let mut serializer = V2DeflateSerializer::new();
        // Without a header: the log has one.
        let mut writer =
            IntervalLogWriterBuilder::new().begin_log_with(&mut self.to, &mut serializer)?;
        let since = interval.began.saturating_duration_since(self.begun);
        for (series, histogram) in interval.recorder.series() {
            if phase.has(series) {
                let tag = tag(arm, phase, series);
                let tag = Tag::new(&tag).expect("names of arms have neither commas nor blanks");
                writer
                    .write_histogram(histogram, since, interval.length, Some(tag))
                    .map_err(|error| io::Error::other(error.to_string()))?;
            }
        }
        Ok(())
    }

    /// Ends the log.
    ///
    /// # Errors
    ///
    /// What went wrong first since it was created.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.error.map_or_else(|| self.to.flush(), Err)
    }
}

fn tag(arm: &str, phase: Phase, series: &str) -> String {
    format!("{arm}/{}/{series}", phase.name())
}

/// A log that was read again.
#[derive(Debug)]
pub(crate) struct PastIntervals(BTreeMap<String, Vec<Histogram<u64>>>);

impl PastIntervals {
    /// Reads the log of a run.
    ///
    /// # Errors
    ///
    /// Says in a few words why it cannot be read.
    pub(crate) fn read(path: &Path) -> Result<PastIntervals, String> {
        let bytes = whole::read(path).map_err(|error| error.to_string())?;
        let mut tagged: BTreeMap<String, Vec<_>> = BTreeMap::new();
        let mut deserializer = Deserializer::new();
        for entry in IntervalLogIterator::new(&bytes) {
            let entry = entry.map_err(|_| "is no HdrHistogram interval log".to_owned())?;
            if let LogEntry::Interval(interval) = entry {
                let tag = interval.tag().map_or("", |tag| tag.as_str());
                let histogram = decoded(&interval, &mut deserializer)
                    .map_err(|error| format!("has a damaged interval of {tag:?}: {error}"))?;
                tagged.entry(tag.to_owned()).or_default().push(histogram);
            }
        }
        Ok(PastIntervals(tagged))
    }

    /// Returns an arm's open phase by its place among those that the arm finished.
    pub(crate) fn open(&self, arm: &str, place: usize) -> Option<Recorder> {
        let of = |series| self.0.get(&tag(arm, Phase::Open, series))?.get(place).cloned();
        Some(Recorder {
            response: of("response")?,
            service: of("service")?,
            send_lag: of("send-lag")?,
        })
    }
}

fn decoded(
    interval: &IntervalLogHistogram<'_>,
    deserializer: &mut Deserializer,
) -> Result<Histogram<u64>, String> {
    let bytes = BASE64.decode(interval.encoded_histogram()).map_err(|error| error.to_string())?;
    let histogram: Histogram<u64> =
        deserializer.deserialize(&mut &bytes[..]).map_err(|error| error.to_string())?;
    // Only histograms of the same bounds can be added up.
    let bounds = |of: &Histogram<u64>| (of.low(), of.high(), of.sigfig());
    if bounds(&histogram) != bounds(&Recorder::new().response) {
        return Err("its bounds are not those of this program".to_owned());
    }
    Ok(histogram)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::measure::load::Message;

    fn interval(micros: u64) -> Interval {
        let mut recorder = Recorder::new();
        let message = Message { intended: 0, handed: 2_000 };
        (1..=micros).for_each(|micros| recorder.record(message, micros * 1_000 + 2_000));
        Interval { began: Instant::now(), length: Duration::from_millis(850), recorder }
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
        log.finish().unwrap();

        let past = PastIntervals::read(&directory.path().join(LOG_NAME)).unwrap();
        for (place, written) in [first, second].iter().enumerate() {
            let read = past.open("raw", place).unwrap();
            for ((name, read), (_, written)) in read.series().iter().zip(written.recorder.series())
            {
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
        log.finish().unwrap();
        let error = PastIntervals::read(&directory.path().join(LOG_NAME)).unwrap_err();
        assert!(error.contains("\"raw/open/response\"") && error.contains("bounds"), "{error}");
    }

    #[test]
    fn a_closed_phase_has_one_series_and_times_are_relative() {
        let directory = tempfile::tempdir().unwrap();
        let mut log = IntervalLog::create(directory.path()).unwrap();
        log.add("raw", Phase::Closed, &interval(7));
        log.finish().unwrap();
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
}
