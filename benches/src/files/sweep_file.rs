//! `sweep.json`: which runs a sweep consists of.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::files::run_file::{Arguments, Mode};
use crate::files::whole::{self, WholeFile};

/// The file's name in the directory of a sweep.
pub(crate) const SWEEP_NAME: &str = "sweep.json";

/// The version of the form.
const SCHEMA: u32 = 1;

/// A sweep: several runs with other connections or loads, measured round by round.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SweepFile {
    schema: u32,
    /// When it began.
    pub(crate) started: Timestamp,
    /// The directories of the runs, in order.
    runs: Vec<String>,
}

impl SweepFile {
    /// Lists the runs of a sweep.
    pub(crate) fn of<'a>(
        started: Timestamp,
        cells: impl Iterator<Item = &'a Arguments>,
    ) -> SweepFile {
        SweepFile { schema: SCHEMA, started, runs: cells.map(Arguments::cell_name).collect() }
    }

    /// Writes the file into the directory of the sweep.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn write(&self, directory: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        WholeFile::create(&directory.join(SWEEP_NAME))?.write(&text)
    }

    /// Reads the file of a sweep, if the path is one.
    ///
    /// # Errors
    /// Names the file and says why it cannot be used.
    pub(crate) fn read(path: &Path) -> Result<Option<SweepFile>, String> {
        let file = if path.is_dir() { path.join(SWEEP_NAME) } else { path.to_owned() };
        if file.file_name().is_none_or(|name| name != SWEEP_NAME) || !file.exists() {
            return Ok(None);
        }
        let named = |reason: String| format!("{}: {reason}", file.display());
        let bytes = whole::read(&file).map_err(|error| named(error.to_string()))?;
        let sweep: SweepFile = serde_json::from_slice(&bytes)
            .map_err(|error| named(format!("is no sweep of oneloop: {error}")))?;
        let plain = |name: &String| Path::new(name).components().count() == 1 && name != "..";
        if sweep.schema != SCHEMA || sweep.runs.is_empty() || !sweep.runs.iter().all(plain) {
            return Err(named("is no sweep that this oneloop reads".to_owned()));
        }
        Ok(Some(sweep))
    }

    /// Returns the names of the runs' directories, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().map(String::as_str)
    }

    /// Returns the directories of the runs.
    pub(crate) fn directories(&self, folder: &Path) -> Vec<PathBuf> {
        self.runs.iter().map(|name| folder.join(name)).collect()
    }
}

impl Arguments {
    /// Names the run among those of its sweep.
    pub(crate) fn cell_name(&self) -> String {
        let load = match self.rate {
            Some(rate) => format!("{rate}-per-second"),
            None => format!("{}-percent", self.load_percent),
        };
        match &self.suite {
            Some(suite) => format!("{}-{}-{load}", suite.name, suite.load),
            None => format!("{}-connections-{load}", self.connections),
        }
    }

    /// Tells whether all is asked that a verdict takes.
    pub(crate) fn is_full(&self) -> bool {
        self.mode == Mode::Full
    }
}
