//! What this machine has of what the ready-made peers need, and the folder in which they are built.
//!
//! Rule: a program is built when its source is newer, and only then; what is half built never has
//! its name.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::SystemTime;

use super::catalogue::{Need, ReadyMade};
use crate::files::whole::WholeFile;
use crate::measure::arm::Peer;
use crate::output;

/// Where sources and programs are kept, unless the environment says otherwise.
const FOLDER: &str = "target/peers";
const FOLDER_VARIABLE: &str = "ONELOOP_PEERS";

/// The machine's tools, each looked for once, and the folder.
#[derive(Debug)]
pub(crate) struct Workshop {
    folder: PathBuf,
    /// By what is needed: whether it is here.
    found: BTreeMap<&'static str, bool>,
}

impl Workshop {
    /// Opens the folder that the environment names, or else the usual one. Nothing is written yet.
    pub(crate) fn open() -> Workshop {
        let folder = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty());
        Workshop { folder: folder.unwrap_or_else(|| FOLDER.into()).into(), found: BTreeMap::new() }
    }

    /// Says what a peer needs that this machine lacks, and how to get it; `None` if it lacks nothing.
    pub(crate) fn lacks(&mut self, peer: &ReadyMade) -> Option<String> {
        let absent = |need: &&&Need| {
            !*self.found.entry(need.what).or_insert_with(|| succeeds(need.check, need.input))
        };
        let absent = peer.needs.iter().filter(absent);
        let absent: Vec<_> =
            absent.map(|Need { what, get, .. }| format!("{what} ({get})")).collect();
        (!absent.is_empty()).then(|| format!("needs {}", absent.join(" and ")))
    }

    /// Tells whether a peer is compiled and its program is not there, or older than its source.
    pub(crate) fn is_to_be_built(&self, peer: &ReadyMade) -> bool {
        let time = |file: &str| -> Option<SystemTime> {
            fs::metadata(self.folder.join(file)).ok()?.modified().ok()
        };
        let same = fs::read(self.folder.join(peer.file)).is_ok_and(|it| it == peer.text.as_bytes());
        let fresh = same && time(peer.name) > time(peer.file);
        peer.build_words().is_some() && !fresh
    }

    /// Makes a peer usable, which may take a compiler's time, and returns it as an arm takes it.
    ///
    /// # Errors
    ///
    /// Says what is missing and how to get it, or why the peer could not be built.
    pub(crate) fn prepare(&mut self, peer: &'static ReadyMade) -> Result<Peer, String> {
        if let Some(reason) = self.lacks(peer) {
            return Err(reason);
        }
        let source = self
            .write_source(peer)
            .map_err(|error| format!("cannot be written to {}: {error}", self.folder.display()))?;
        let mut words = match peer.interpreter {
            Some(interpreter) => vec![told_by(interpreter)?, text_of(&source)],
            None => vec![text_of(&self.build(peer, &source)?)],
        };
        words.extend(peer.words.iter().map(|word| (*word).to_owned()));
        let version = told_by(&[&words[..], &["--version".to_owned()]].concat())?;
        Ok(Peer::ready_made(peer.name, words, version))
    }

    /// Writes the source out, unless it is there as it is: its time tells whether to build.
    fn write_source(&self, peer: &ReadyMade) -> io::Result<PathBuf> {
        let path = self.folder.join(peer.file);
        if !fs::read(&path).is_ok_and(|there| there == peer.text.as_bytes()) {
            fs::create_dir_all(&self.folder)?;
            WholeFile::create(&path)?.write(peer.text.as_bytes())?;
        }
        Ok(path)
    }

    fn build(&self, peer: &ReadyMade, source: &Path) -> Result<PathBuf, String> {
        let program = self.folder.join(peer.name);
        if !self.is_to_be_built(peer) {
            return Ok(program);
        }
        output::complain(&format!("building {} in {}", peer.name, self.folder.display()));
        let words = peer.build_words().expect("only compiled peers are built");
        let cannot = |error: io::Error| format!("cannot be built: {error}");
        // Another run may build the same at the same time.
        let aside = tempfile::tempdir_in(&self.folder).map_err(cannot)?;
        let unfinished = aside.path().join(peer.name);
        let words: Vec<PathBuf> = words
            .map(|word| match word {
                _ if word == peer.file => source.to_owned(),
                _ if word == peer.name => unfinished.clone(),
                _ => word.into(),
            })
            .collect();
        // The first word may have the name of the program: `go`.
        let compiler = peer.build_words().and_then(|mut words| words.next()).unwrap_or_default();
        let output = Command::new(compiler).args(&words[1..]).stdin(Stdio::null()).output();
        let output = output.map_err(cannot)?;
        if !output.status.success() {
            return Err(format!("cannot be built: {}", complaint_of(&output)));
        }
        fs::rename(&unfinished, &program).map_err(cannot)?;
        Ok(program)
    }
}

/// Runs a command for its exit code.
fn succeeds(words: &[&str], input: &str) -> bool {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        return false;
    };
    if let Some(mut stdin) = child.stdin.take() {
        // A command that reads nothing may have ended.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait().is_ok_and(|status| status.success())
}

/// Runs a command for the line that it prints.
fn told_by<S: AsRef<str>>(words: &[S]) -> Result<String, String> {
    let (program, rest) = words.split_first().expect("a command has a word");
    let program = program.as_ref();
    let rest = rest.iter().map(AsRef::as_ref);
    let output = Command::new(program).args(rest).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot be used: {program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("cannot be used: {program}: {}", complaint_of(&output)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Returns the line that says what went wrong: the first one that calls itself an error, or the last.
fn complaint_of(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines().find(|line| line.contains("error")).or_else(|| lines().next_back());
    line.map_or_else(|| format!("it ended with {}", output.status), str::to_owned)
}

fn text_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::peers::catalogue::READY_MADE;

    #[test]
    fn a_source_is_written_once_and_again_when_it_differs() {
        let folder = tempfile::tempdir().unwrap();
        let workshop = Workshop { folder: folder.path().join("peers"), found: BTreeMap::new() };
        let peer = &READY_MADE[0];
        let path = workshop.write_source(peer).unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        workshop.write_source(peer).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
        fs::write(&path, "older").unwrap();
        workshop.write_source(peer).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), peer.text);
    }

    #[test]
    fn a_program_is_built_unless_it_is_newer_than_its_source() {
        let folder = tempfile::tempdir().unwrap();
        let workshop = Workshop { folder: folder.path().to_owned(), found: BTreeMap::new() };
        let peer = &READY_MADE[0];
        assert!(workshop.is_to_be_built(peer));
        let source = fs::File::open(workshop.write_source(peer).unwrap()).unwrap();
        assert!(workshop.is_to_be_built(peer));
        let program = fs::File::create(folder.path().join(peer.name)).unwrap();
        let time = SystemTime::UNIX_EPOCH;
        let later = time + std::time::Duration::from_secs(1);
        for (program_at, source_at, built) in [(later, time, false), (time, later, true)] {
            program.set_modified(program_at).unwrap();
            source.set_modified(source_at).unwrap();
            assert_eq!(workshop.is_to_be_built(peer), built);
        }
        let interpreted = READY_MADE.iter().find(|peer| peer.interpreter.is_some()).unwrap();
        assert!(!workshop.is_to_be_built(interpreted));
    }

    #[test]
    fn what_is_missing_is_told_with_where_it_comes_from() {
        let folder = tempfile::tempdir().unwrap();
        let mut workshop = Workshop { folder: folder.path().to_owned(), found: BTreeMap::new() };
        workshop.found.insert("a C compiler", true);
        workshop.found.insert("libuv's header", false);
        let reason = workshop.prepare(&READY_MADE[0]).unwrap_err();
        assert_eq!(reason, "needs libuv's header (Debian: libuv1-dev)");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
