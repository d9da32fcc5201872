//! Runs the tests that are experiments, by cargo, and keeps what they saw.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use examples::claims::{Claim, Observation, Registry, Seen};
use jiff::Timestamp;

use crate::failure::Failure;
use crate::files::whole::WholeFile;
use crate::output;

/// Where a checkout keeps what it claims, which also tells that it is one.
const REGISTRY: &str = "essays/claims.toml";

/// Where it keeps what was seen.
const OBSERVATIONS: &str = "essays/observations";

/// Where the sources are.
pub(super) struct Workspace(PathBuf);

impl Workspace {
    /// Finds the checkout that the current directory is in or, outside of one, the sources that this
    /// program was built from.
    ///
    /// # Errors
    /// When there are neither: an experiment is a test of theirs.
    pub(super) fn find() -> Result<Workspace, Failure> {
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
        let here = env::current_dir().unwrap_or_default();
        let root = here.ancestors().chain([built_from]).find(|root| root.join(REGISTRY).is_file());
        root.map(|root| Workspace(root.to_owned())).ok_or_else(|| {
            let root = built_from.display();
            Failure::Refused(format!(
                "experiments are tests of the sources, which are not at {root} any more; run \
                 `cargo run --release -- claim ...` in a clone"
            ))
        })
    }

    /// Reads what these sources claim.
    ///
    /// # Errors
    /// When that cannot be read.
    pub(super) fn registry(&self) -> Result<Registry, Failure> {
        let path = self.0.join(REGISTRY);
        let read = fs::read_to_string(&path).map_err(|error| error.to_string());
        let parsed =
            read.and_then(|text| Registry::parse(&text).map_err(|error| error.to_string()));
        parsed.map_err(|reason| {
            let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
            Failure::Refused(format!("{}: {reason}", path.display()))
        })
    }

    /// Makes sure that what will be seen can be kept.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(super) fn ensure_recordable(&self) -> Result<(), Failure> {
        let folder = self.0.join(OBSERVATIONS);
        let shown = folder.display();
        let made = fs::create_dir_all(&folder);
        made.and_then(|()| WholeFile::create(&folder.join("any.toml")).map(drop))
            .map_err(|error| Failure::Refused(format!("cannot write to {shown}: {error}")))
    }

    /// Runs the experiments of claims, each once, and returns what they saw, in the claims' order.
    ///
    /// # Errors
    /// When one of them is not there or does not hold, or there is no cargo.
    pub(super) fn run(&self, claims: &[&Claim]) -> Result<Vec<Observation>, Failure> {
        let mut crates: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for experiment in claims.iter().flat_map(|claim| &claim.experiments) {
            let named = experiment.split_once("::");
            let (package, test) = named.ok_or_else(|| {
                Failure::Refused(format!(
                    "`{experiment}` is no test of the form crate::module::name"
                ))
            })?;
            crates.entry(package).or_default().push(test);
        }
        let root = self.0.display();
        output::complain(&format!(
            "builds the tests of {root} and runs them; on a fresh clone this takes minutes"
        ));
        let mut printed = String::new();
        for (package, tests) in crates {
            printed += &self.test(package, &tests)?;
        }
        let (now, commit) = (Timestamp::now(), self.commit());
        let kept = |claim: &&Claim| {
            let seen = Seen::read(&claim.id, &printed);
            Observation {
                run: format!("{}-{commit}", now.strftime("%Y-%m-%dT%H:%M:%SZ")),
                date: now.strftime("%Y-%m-%d").to_string(),
                commit: commit.clone(),
                rustc: env!("ONELOOP_RUSTC").to_owned(),
                tests: claim.experiments.clone(),
                printed: seen.printed,
                parts: seen.parts,
                values: seen.values,
            }
        };
        Ok(claims.iter().map(kept).collect())
    }

    /// Keeps what was seen beside the registry.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn record(&self, id: &str, seen: &Observation) -> Result<PathBuf, Failure> {
        let path = self.0.join(OBSERVATIONS).join(format!("{id}.toml"));
        let text = toml::to_string_pretty(seen).expect("an observation is plain data");
        let written = WholeFile::create(&path).and_then(|file| file.write(text.as_bytes()));
        let shown = path.display();
        written.map_err(|error| Failure::Refused(format!("cannot write {shown}: {error}")))?;
        Ok(path)
    }

    /// Runs tests of a crate; returns what they printed, if each of them ran and held.
    fn test(&self, package: &str, tests: &[&str]) -> Result<String, Failure> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.current_dir(&self.0).args(["test", "--quiet", "-p", package, "--test", "it", "--"]);
        // One line for each test, and what it printed in a block of its own.
        command.args(["--exact", "--show-output", "--test-threads=1", "--format=pretty"]);
        let output = command.args(tests).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Failure::Refused("experiments run by cargo, and there is none".to_owned())
            }
            _ => Failure::Refused(format!("cargo cannot be started: {error}")),
        })?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        for test in tests {
            let line = format!("test {test} ... ok");
            if !printed.lines().any(|shown| shown == line) {
                // What went wrong is in what the test printed.
                output::complain(printed.trim());
                return Err(Failure::Refused(format!("`{package}::{test}` did not hold")));
            }
        }
        Ok(printed)
    }

    /// Names the commit of the sources, and says when they differ from it.
    fn commit(&self) -> String {
        let git = |arguments: &[&str]| {
            let output = Command::new("git").current_dir(&self.0).args(arguments).output().ok()?;
            let text = String::from_utf8(output.stdout).ok()?;
            output.status.success().then(|| text.trim().to_owned())
        };
        let Some(commit) = git(&["rev-parse", "--short=10", "HEAD"]) else {
            return "unknown".to_owned();
        };
        // Runs that are being recorded are no change of what ran.
        let sources = ["status", "--porcelain", "--untracked-files=no", "--", ".", ":!essays"];
        let changed = git(&sources).is_some_and(|changed| !changed.is_empty());
        if changed { format!("{commit}+changes") } else { commit }
    }
}
