//! `run.hlog`: every phase of every round in HdrHistogram's interval log, version 2.
//!
//! An interval is one round of one series; its tag is `ARM/PHASE/SERIES`, such as
//! `raw/open/response`; `ARM/open/hiccup` is how late the machine woke a thread meanwhile. The intervals of a tag are in the order of the rounds. Values and maxima
//! are nanoseconds; times are seconds since the log's StartTime.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};
use jiff::Timestamp;

use crate::files::whole;
use crate::measure::load::Recorder;

/// The log's name in the directory of a run.
pub(crate) const LOG_NAME: &str = "run.hlog";

/// What readers of other languages expect above the intervals.
pub(super) const LEGEND: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"";

/// The series that is the machine's own.
const HICCUP: &str = "hiccup";

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
    /// How late the machine woke a thread meanwhile, where that was measured.
    pub(crate) hiccups: Option<Histogram<u64>>,
}

/// A log that is written while the run goes on.
#[derive(Debug)]
pub(crate) struct IntervalLog {
    to: BufWriter<File>,
    begun: Instant,
    /// What the run took before this process.
    before: Duration,
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
        Ok(IntervalLog { to, begun: Instant::now(), before: Duration::ZERO, error: None })
    }

    /// Opens the log of a run that is resumed, and forgets what stands behind its last whole round.
    ///
    /// # Errors
    ///
    /// When the file is shorter than that, or cannot be written.
    pub(crate) fn reopen(
        directory: &Path,
        bytes: u64,
        started: Timestamp,
    ) -> io::Result<IntervalLog> {
        let mut file = OpenOptions::new().write(true).open(directory.join(LOG_NAME))?;
        if file.metadata()?.len() < bytes {
            return Err(io::Error::other("is shorter than the run says"));
        }
        file.set_len(bytes)?;
        file.seek(io::SeekFrom::End(0))?;
        // Times in the log count from the beginning of the run.
        let before = Timestamp::now().duration_since(started).unsigned_abs();
        let begun = Instant::now();
        Ok(IntervalLog { to: BufWriter::new(file), begun, before, error: None })
    }

    /// Writes out what was added, and returns how long the log is now.
    ///
    /// # Errors
    ///
    /// What went wrong first since it was created.
    pub(crate) fn mark(&mut self) -> io::Result<u64> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.to.flush()?;
        Ok(self.to.get_ref().metadata()?.len())
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
        let since = self.before + interval.began.saturating_duration_since(self.begun);
        let own = interval.recorder.series().into_iter().filter(|(series, _)| phase.has(series));
        let hiccups = interval.hiccups.iter().map(|hiccups| (HICCUP, hiccups));
        for (series, histogram) in own.chain(hiccups) {
            let tag = tag(arm, phase, series);
            let tag = Tag::new(&tag).expect("names of arms have neither commas nor blanks");
            writer
                .write_histogram(histogram, since, interval.length, Some(tag))
                .map_err(|error| io::Error::other(error.to_string()))?;
        }
        Ok(())
    }
}

fn tag(arm: &str, phase: Phase, series: &str) -> String {
    format!("{arm}/{}/{series}", phase.name())
}

/// A log that was read again: the encoded histograms of each tag, which take a hundredth of the room
/// of the decoded ones.
#[derive(Debug)]
pub(crate) struct PastIntervals(BTreeMap<String, Vec<String>>);

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
                let encoded = interval.encoded_histogram();
                decoded(encoded, &mut deserializer)
                    .map_err(|error| format!("has a damaged interval of {tag:?}: {error}"))?;
                tagged.entry(tag.to_owned()).or_default().push(encoded.to_owned());
            }
        }
        Ok(PastIntervals(tagged))
    }

    /// Returns an arm's open phase by its place among those that the arm finished.
    pub(crate) fn open(&self, arm: &str, place: usize) -> Option<Recorder> {
        let of = |series| self.histogram(&tag(arm, Phase::Open, series), place);
        Some(Recorder {
            response: of("response")?,
            service: of("service")?,
            send_lag: of("send-lag")?,
            ..Recorder::new()
        })
    }

    /// Returns the response times of an arm's closed phase, by its place.
    pub(crate) fn closed(&self, arm: &str, place: usize) -> Option<Histogram<u64>> {
        self.histogram(&tag(arm, Phase::Closed, "response"), place)
    }

    /// Returns the machine's hiccups during that phase, if they were measured.
    pub(crate) fn hiccups(&self, arm: &str, place: usize) -> Option<Histogram<u64>> {
        self.histogram(&tag(arm, Phase::Open, HICCUP), place)
    }

    fn histogram(&self, tag: &str, place: usize) -> Option<Histogram<u64>> {
        let encoded = self.0.get(tag)?.get(place)?;
        decoded(encoded, &mut Deserializer::new()).ok()
    }
}

pub(super) fn decoded(
    encoded: &str,
    deserializer: &mut Deserializer,
) -> Result<Histogram<u64>, String> {
    let bytes = BASE64.decode(encoded).map_err(|error| error.to_string())?;
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
mod tests;
