//! Load shapes that are cited by name and version: those of this program, and files of users.

mod file;

use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::files::whole;
use crate::measure::load::Shape;
use crate::nearest;
use crate::report::{self, plural};
use file::Load;

pub(crate) use file::Suite;

/// The files of this program, in the order of lists.
const FILES: [&str; 8] = [
    include_str!("../../../suites/echo-small.toml"),
    include_str!("../../../suites/echo-large.toml"),
    include_str!("../../../suites/pipelined.toml"),
    include_str!("../../../suites/connections.toml"),
    include_str!("../../../suites/churn.toml"),
    include_str!("../../../suites/bursts.toml"),
    include_str!("../../../suites/slow-readers.toml"),
    include_str!("../../../suites/idle-crowd.toml"),
];

/// What a run says of the suite that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Citation {
    /// The suite's name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: u64,
    /// Which of its loads this run has measured, from 1.
    pub(crate) load: usize,
    /// How many it has.
    pub(crate) loads: usize,
    /// The load itself, so that the file is not needed to read the run.
    pub(crate) shape: Shape,
}

impl Suite {
    /// Reads what `--suite` takes: the name of a suite of this program, or a file.
    ///
    /// # Errors
    ///
    /// Names the nearest, and all, of the suites; or says why the file cannot be used.
    pub(crate) fn find(name: &str) -> Result<Suite, String> {
        let suites = Suite::all();
        if let Some(suite) = suites.iter().find(|suite| suite.name == name) {
            return Ok(suite.clone());
        }
        if name.contains('/') || name.ends_with(".toml") {
            let bytes = whole::read(Path::new(name)).map_err(|error| format!("{name}: {error}"))?;
            let text = String::from_utf8(bytes).map_err(|_| format!("{name}: is no text"))?;
            return Suite::parse(&text).map_err(|reason| format!("{name}, {reason}"));
        }
        let names: Vec<_> = suites.iter().map(|suite| suite.name.as_str()).collect();
        let hint = nearest::hint(name, names.iter().copied());
        Err(format!(
            "no such suite; {hint}they are {}; a file's name ends in .toml",
            names.join(", ")
        ))
    }

    /// Returns the suites of this program.
    pub(crate) fn all() -> [Suite; 8] {
        FILES.map(|text| Suite::parse(text).expect("a test reads the suites of this program"))
    }

    /// Returns a citation for each of the loads, in order.
    pub(crate) fn citations(&self) -> Vec<Citation> {
        let loads = self.loads.len();
        let of = |(at, Load(shape)): (usize, &Load)| Citation {
            name: self.name.clone(),
            version: self.version,
            load: at + 1,
            loads,
            shape: *shape,
        };
        self.loads.iter().enumerate().map(of).collect()
    }
}

impl Citation {
    /// Says to which suite a run belongs, and what its load has that a plain one has not.
    pub(crate) fn describe(&self) -> String {
        let Citation { name, version, load, loads, shape } = self;
        let mut text = format!("suite {name}, version {version}");
        if *loads > 1 {
            let _ = write!(text, ", load {load} of {loads}");
        }
        let more = particulars(shape);
        if more.is_empty() { text } else { format!("{text}: {}", more.join(", ")) }
    }
}

/// Lists what a shape has that a plain one has not.
fn particulars(shape: &Shape) -> Vec<String> {
    let mut more = Vec::new();
    if shape.pipeline > 1 {
        let deep = plural(shape.pipeline, "message");
        more.push(format!("{deep} under way on each connection of the closed phase"));
    }
    if shape.churn {
        more.push("each message on a connection of its own".to_owned());
    }
    if let Some(bursts) = shape.bursts {
        let messages = plural(bursts.messages, "message");
        more.push(format!("open phase in bursts of {messages} within {} ms", bursts.within_ms));
    }
    if let Some(slow) = shape.slow_readers {
        let (readers, pace) = (plural(slow.connections, "slow reader"), slow.bytes_per_second);
        more.push(format!("beside {readers} of {} bytes/s", report::grouped(pace as f64)));
    }
    if shape.idle > 0 {
        more.push(format!("beside {}", plural(shape.idle, "idle connection")));
    }
    more
}

/// Lists the suites of this program, as `oneloop list` prints them.
pub(crate) fn list() -> String {
    let item = |suite: Suite| {
        let name = format!("{} {}", suite.name, suite.version);
        report::item(&format!("  {name:<15} "), &suite.stands_for)
    };
    Suite::all().map(item).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_of_this_program_is_read_and_cited_by_the_name_of_its_file() {
        for suite in Suite::all() {
            assert_eq!(Suite::find(&suite.name).unwrap(), suite);
            assert_eq!(suite.citations().len(), suite.loads.len());
        }
        let names = Suite::all().map(|suite| suite.name);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites");
        for name in &names {
            assert!(folder.join(format!("{name}.toml")).exists(), "{name}");
        }
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), names.len());
    }

    #[test]
    fn an_unknown_suite_names_the_nearest_and_all() {
        let reason = Suite::find("chrun").unwrap_err();
        assert!(
            reason.contains("did you mean `churn`?") && reason.contains("idle-crowd"),
            "{reason}"
        );
        let reason = Suite::find("none/such.toml").unwrap_err();
        assert!(reason.starts_with("none/such.toml: "), "{reason}");
    }

    #[test]
    fn a_citation_says_what_is_not_plain() {
        let describe = |name: &str| Suite::find(name).unwrap().citations()[0].describe();
        assert_eq!(describe("echo-small"), "suite echo-small, version 1");
        assert_eq!(describe("connections"), "suite connections, version 1, load 1 of 5");
        let churn = "suite churn, version 1: each message on a connection of its own";
        assert_eq!(describe("churn"), churn);
        let slow = "suite slow-readers, version 1: beside 8 slow readers of 65,536 bytes/s";
        assert_eq!(describe("slow-readers"), slow);
    }
}
