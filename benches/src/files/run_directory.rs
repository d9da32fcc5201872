//! The directory that a run leaves: its histograms, and `run.json`, which names them.
//!
//! Rule: half a round leaves nothing; each whole one is kept, whatever happens next.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::files::csv::{self, CSV_NAME};
use crate::files::hgrm;
use crate::files::run_file::{RUN_NAME, Run};
use crate::files::whole::WholeFile;
use crate::measure::load::Recorder;

/// The directory of one run. It goes with all that is in it unless something worth keeping is there.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    keeps: bool,
}

impl RunDirectory {
    /// Creates a directory of its own for a run: its time, and a number if that is taken.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(crate) fn create(out: &Path, started: Timestamp) -> io::Result<RunDirectory> {
        fs::create_dir_all(out)?;
        let stem = started.strftime("%Y%m%dT%H%M%SZ").to_string();
        let suffixes = std::iter::once(String::new()).chain((2..1_000).map(|n| format!("-{n}")));
        for suffix in suffixes {
            let path = out.join(format!("{stem}{suffix}"));
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => return created.map(|()| RunDirectory { path, keeps: false }),
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "a thousand runs in one second"))
    }

    /// Makes a directory of its own within another run's.
    ///
    /// # Errors
    /// When it is there, or nothing can be written there.
    pub(crate) fn create_within(parent: &RunDirectory, name: &str) -> io::Result<RunDirectory> {
        let path = parent.path.join(name);
        fs::create_dir(&path)?;
        Ok(RunDirectory { path, keeps: false })
    }

    /// Takes up the directory of a run that is resumed.
    pub(crate) fn reopen(path: &Path) -> RunDirectory {
        RunDirectory { path: path.to_owned(), keeps: true }
    }

    /// Writes the figures so far, after which the directory stays.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn save(&mut self, run: &Run) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(run)?;
        text.push(b'\n');
        WholeFile::create(&self.path.join(RUN_NAME))?.write(&text)?;
        self.keeps = true;
        Ok(())
    }

    /// Lets the directory stay.
    pub(crate) fn keep(&mut self) {
        self.keeps = true;
    }

    /// Returns where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is left to write, after which the directory stays.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn complete(
        &mut self,
        run: &mut Run,
        recorders: &[(&str, &Recorder)],
    ) -> io::Result<()> {
        run.series.clear();
        for (name, text) in histogram_files(run, recorders)? {
            WholeFile::create(&self.path.join(&name))?.write(&text)?;
            run.series.push(name);
        }
        WholeFile::create(&self.path.join(CSV_NAME))?.write(csv::of(run).as_bytes())?;
        self.save(run)
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if !self.keeps {
            // Half a run would be taken for one. What cannot be removed either is left.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Lays out the histograms of each arm: name and content of each file.
///
/// # Errors
/// None: what is written to is memory.
pub(crate) fn histogram_files(
    run: &Run,
    recorders: &[(&str, &Recorder)],
) -> io::Result<Vec<(String, Vec<u8>)>> {
    let void = if run.is_void() { "-void" } else { "" };
    let mut files = Vec::new();
    for (arm, recorder) in recorders {
        for (name, histogram) in recorder.series() {
            let mut text = Vec::new();
            hgrm::write(&mut text, histogram)?;
            if run.is_void() {
                writeln!(text, "#[Void: the generator was late in every round]")?;
            }
            files.push((format!("{arm}-{name}{void}-us.hgrm"), text));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_of_one_second_have_two_directories() {
        let out = tempfile::tempdir().unwrap();
        let out = out.path();
        let started: Timestamp = "2026-11-23T05:06:07Z".parse().unwrap();
        let first = RunDirectory::create(out, started).unwrap();
        let second = RunDirectory::create(out, started).unwrap();
        assert!(first.path().ends_with("20261123T050607Z"), "{first:?}");
        assert!(second.path().ends_with("20261123T050607Z-2"), "{second:?}");
    }

    #[test]
    fn a_run_without_a_whole_round_leaves_no_directory() {
        let out = tempfile::tempdir().unwrap();
        let started: Timestamp = "2026-11-23T05:06:07Z".parse().unwrap();
        let directory = RunDirectory::create(out.path(), started).unwrap();
        fs::write(directory.path().join("half"), "of it").unwrap();
        drop(directory);
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
    }
}
