//! Load shapes that are cited by name and version: those of this program, and files of users.

pub(crate) mod citation;
mod file;

use std::path::Path;

use crate::files::whole;
use crate::nearest;
use crate::report;
use file::Load;

pub(crate) use citation::Citation;
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
}
