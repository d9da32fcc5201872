//! The directory that a run leaves: its histograms, and `run.json`, which names them.
//!
//! Rule: half a run leaves nothing.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::files::hgrm;
use crate::files::run_file::{RUN_NAME, Run};
use crate::measure::load::Recorder;

/// The directory of one run. It goes with all that is in it unless it is complete.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    complete: bool,
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
                created => return created.map(|()| RunDirectory { path, complete: false }),
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "a thousand runs in one second"))
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
        write(&self.path, run, recorders)?;
        self.complete = true;
        Ok(())
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if !self.complete {
            // Half a run would be taken for one. What cannot be removed either is left.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Writes the histograms of each arm, then `run.json`, which names them.
fn write(directory: &Path, run: &mut Run, recorders: &[(&str, &Recorder)]) -> io::Result<()> {
    for (arm, recorder) in recorders {
        for (name, histogram) in recorder.series() {
            let void = if run.is_void() { "-void" } else { "" };
            let file = format!("{arm}-{name}{void}-us.hgrm");
            let mut to = BufWriter::new(fs::File::create_new(directory.join(&file))?);
            hgrm::write(&mut to, histogram)?;
            if run.is_void() {
                writeln!(to, "#[Void: the generator was late in every round]")?;
            }
            to.flush()?;
            run.series.push(file);
        }
    }
    let mut to = BufWriter::new(fs::File::create_new(directory.join(RUN_NAME))?);
    serde_json::to_writer_pretty(&mut to, run)?;
    to.write_all(b"\n")?;
    to.flush()
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
    fn a_run_that_is_not_complete_leaves_no_directory() {
        let out = tempfile::tempdir().unwrap();
        let started: Timestamp = "2026-11-23T05:06:07Z".parse().unwrap();
        let directory = RunDirectory::create(out.path(), started).unwrap();
        fs::write(directory.path().join("half"), "of it").unwrap();
        drop(directory);
        assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
    }
}
