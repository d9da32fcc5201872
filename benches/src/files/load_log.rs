//! What `oneloop load --log` leaves: an interval log of one load, with what a merge must know of it.
//!
//! It is HdrHistogram's interval log, version 2. A comment above the intervals has the load in JSON,
//! which other readers pass over.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag,
};
use serde::{Deserialize, Serialize};

use crate::files::interval_log::{LEGEND, decoded};
use crate::files::whole;
use crate::measure::load::Recorder;

/// The version of the comment; it grows when a reader of the old form would be misled.
const SCHEMA: u32 = 1;

/// What the comment begins with.
const MARK: &str = "#[oneloop load ";

/// A load, as its log has it.
#[derive(Clone, Debug)]
pub(crate) struct LoadLog {
    /// What was asked for, and what came of it.
    pub(crate) load: LoadFacts,
    /// When it began, by the clock of its machine.
    pub(crate) began: SystemTime,
    /// How long it took.
    pub(crate) length: Duration,
    /// What was recorded.
    pub(crate) recorder: Recorder,
}

/// What a merge must know of a load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoadFacts {
    /// The version of this form.
    pub(crate) schema: u32,
    /// The name of what was loaded; logs of one tag are added up.
    pub(crate) tag: String,
    /// `closed` or `open`.
    pub(crate) phase: String,
    /// The name of the machine that made the load.
    pub(crate) machine: String,
    /// The program that made it, with its commit.
    pub(crate) program: String,
    /// The server's address.
    pub(crate) connect: String,
    /// Connections.
    pub(crate) connections: usize,
    /// Bytes of each message.
    pub(crate) size_bytes: usize,
    /// Messages per second of an open phase.
    pub(crate) rate: Option<f64>,
    /// What the arrivals were drawn from.
    pub(crate) seed: u64,
    /// Messages without a reply in time.
    pub(crate) unanswered: u64,
    /// Whether the generator was the bottleneck.
    pub(crate) generator_was_late: bool,
}

impl LoadFacts {
    /// Returns the version of the form that this program writes.
    pub(crate) const fn schema() -> u32 {
        SCHEMA
    }
}

impl LoadLog {
    /// Composes the file.
    ///
    /// # Errors
    ///
    /// When a histogram cannot be encoded.
    pub(crate) fn compose(&self) -> io::Result<String> {
        let mut bytes = Vec::new();
        let mut serializer = V2DeflateSerializer::new();
        let facts = serde_json::to_string(&self.load).expect("facts are plain data");
        IntervalLogWriterBuilder::new()
            .add_comment("[Histogram log format version 1.3]")
            .add_comment("[oneloop: values and Interval_Max in nanoseconds, Tag=TAG/PHASE/SERIES]")
            .add_comment(&format!("{}{facts}]", MARK.trim_start_matches('#')))
            .with_start_time(self.began)
            .begin_log_with(&mut bytes, &mut serializer)?;
        writeln!(bytes, "{LEGEND}")?;
        let mut serializer = V2DeflateSerializer::new();
        let mut writer =
            IntervalLogWriterBuilder::new().begin_log_with(&mut bytes, &mut serializer)?;
        for (series, histogram) in self.recorder.series() {
            let tag = self.tag_of(series);
            let tag = Tag::new(&tag).expect("tags have neither commas nor blanks");
            writer
                .write_histogram(histogram, Duration::ZERO, self.length, Some(tag))
                .map_err(|error| io::Error::other(error.to_string()))?;
        }
        String::from_utf8(bytes).map_err(io::Error::other)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Says in a few words why it is none that can be used.
    pub(crate) fn read(path: &Path) -> Result<LoadLog, String> {
        let bytes = whole::read(path).map_err(|error| error.to_string())?;
        let load = facts(&bytes)?;
        let mut log = LoadLog {
            load,
            began: SystemTime::UNIX_EPOCH,
            length: Duration::ZERO,
            recorder: Recorder::new(),
        };
        let mut seen = Vec::new();
        for entry in IntervalLogIterator::new(&bytes) {
            match entry.map_err(|_| "is no HdrHistogram interval log".to_owned())? {
                LogEntry::StartTime(began) => {
                    log.began = SystemTime::UNIX_EPOCH + began;
                }
                LogEntry::Interval(interval) => {
                    let tag = interval.tag().map_or("", |tag| tag.as_str());
                    let histogram = decoded(interval.encoded_histogram(), &mut Default::default())
                        .map_err(|error| format!("has a damaged interval of {tag:?}: {error}"))?;
                    let at = log.recorder.series().map(|(name, _)| log.tag_of(name));
                    let place = at.iter().position(|it| it == tag);
                    let into = match place {
                        Some(0) => &mut log.recorder.response,
                        Some(1) => &mut log.recorder.service,
                        Some(2) => &mut log.recorder.send_lag,
                        _ => {
                            return Err(format!(
                                "has an interval of {tag:?}, which is not its tag"
                            ));
                        }
                    };
                    *into = histogram;
                    log.length = interval.duration();
                    seen.extend(place);
                }
                LogEntry::BaseTime(_) => {}
            }
        }
        if seen != [0, 1, 2] || log.began == SystemTime::UNIX_EPOCH {
            return Err("is not whole: a time or a series is missing".to_owned());
        }
        Ok(log)
    }

    fn tag_of(&self, series: &str) -> String {
        format!("{}/{}/{series}", self.load.tag, self.load.phase)
    }
}

/// Finds the comment that has the load.
fn facts(bytes: &[u8]) -> Result<LoadFacts, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is no text".to_owned())?;
    let line = text.lines().find_map(|line| line.strip_prefix(MARK)?.strip_suffix(']'));
    let line = line.ok_or("was not written by `oneloop load --log`")?;
    let value: serde_json::Value =
        serde_json::from_str(line).map_err(|error| format!("is damaged: {error}"))?;
    match value["schema"].as_u64() {
        Some(schema) if schema != u64::from(SCHEMA) => Err(format!(
            "was written by another oneloop (schema {schema}; this one reads schema {SCHEMA})"
        )),
        _ => serde_json::from_value(value).map_err(|error| format!("is damaged: {error}")),
    }
}
