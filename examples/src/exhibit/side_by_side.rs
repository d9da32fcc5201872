//! The sources that are read side by side: the echo and the six programs, step by step.

use crate::exhibit::anchors::{self, Step};
use crate::programs::PROGRAMS;
use crate::programs::program::{STYLES, styles};
use crate::{Style, echo};

/// One program in every style of [`STYLES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideBySide {
    /// What the command line calls it.
    pub name: &'static str,
    /// What it does.
    pub sentence: &'static str,
    /// How it is written, in the order of [`STYLES`].
    pub sources: [&'static str; 4],
    /// How it is written as a protocol and its transport, if it is.
    pub protocol: Option<&'static str>,
    /// How it is written with fibers, if it is.
    pub fibers: Option<&'static str>,
}

/// A step in some styles, or what lies before, between or after the steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What the step is called, if it is one.
    pub name: Option<&'static str>,
    /// The lines of each style, in the order asked for; of what is no step a style may have none.
    pub cells: Vec<Vec<&'static str>>,
}

impl SideBySide {
    /// Returns everything that can be read so: the echo, then the programs by name.
    pub fn all() -> Vec<SideBySide> {
        let programs = PROGRAMS.iter().map(|program| SideBySide {
            name: program.name,
            sentence: program.sentence,
            sources: program.sources,
            protocol: program.protocol,
            fibers: program.fibers,
        });
        let echo = SideBySide {
            name: "echo",
            sentence: "sends back every byte that it receives",
            sources: echo::SOURCES,
            protocol: None,
            fibers: Some(echo::FIBERS),
        };
        [echo].into_iter().chain(programs).collect()
    }

    /// Finds one by name.
    pub fn named(name: &str) -> Option<SideBySide> {
        SideBySide::all().into_iter().find(|found| found.name == name)
    }

    /// Returns the styles that it is written in, in the order of their columns.
    pub fn styles(&self) -> Vec<Style> {
        styles(self.protocol, self.fibers)
    }

    /// Returns how it is written in a style, if it is.
    pub fn source(&self, style: Style) -> Option<&'static str> {
        if style == Style::Protocol {
            return self.protocol;
        }
        if style == Style::Fibers {
            return self.fibers;
        }
        let place = STYLES.iter().position(|known| *known == style)?;
        Some(self.sources[place])
    }

    /// Lays the sources beside each other, so that equal steps are in one row.
    ///
    /// # Errors
    /// When it is not written in a style, or a source has a wrong anchor.
    pub fn rows(&self, styles: &[Style]) -> Result<Vec<Row>, String> {
        let mut rows: Vec<Row> = Vec::new();
        for (column, style) in styles.iter().enumerate() {
            let source = self.source(*style);
            let source =
                source.ok_or_else(|| format!("{} is not written in {style}", self.name))?;
            let mut next = 0;
            for Step { name, lines } in anchors::steps(source)? {
                // What is no step lies where it is; a step may be further on.
                let ahead = if name.is_some() { rows.len() } else { rows.len().min(next + 1) };
                let found = rows[next..ahead].iter().position(|row| row.name == name);
                let place = next + found.unwrap_or(0);
                if found.is_none() {
                    rows.insert(place, Row { name, cells: vec![Vec::new(); styles.len()] });
                }
                rows[place].cells[column] = lines;
                next = place + 1;
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_steps_meet_in_one_row_and_nothing_is_lost() {
        for shown in SideBySide::all() {
            let styles = shown.styles();
            let rows = shown.rows(&styles).unwrap();
            let named: Vec<_> = rows.iter().filter(|row| row.name.is_some()).collect();
            assert!(named.len() >= 2, "{}", shown.name);
            for row in named {
                assert!(row.cells.iter().all(|lines| !lines.is_empty()), "{row:?}");
            }
            for (column, style) in styles.into_iter().enumerate() {
                let source = shown.source(style).unwrap();
                let text = |line: &&str| !line.is_empty() && !line.contains("// ANCHOR");
                let laid = rows.iter().flat_map(|row| row.cells[column].iter().copied());
                let laid: Vec<_> = laid.filter(|line| !line.is_empty()).collect();
                assert_eq!(laid, source.lines().filter(text).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_lies_between_the_steps_keeps_its_place() {
        let one = "use a;\n// ANCHOR: x\nx\n// ANCHOR_END: x\n// ANCHOR: y\ny\n// ANCHOR_END: y";
        let two = "// ANCHOR: x\nx\n// ANCHOR_END: x\nz\n// ANCHOR: y\ny\n// ANCHOR_END: y";
        let sources = [one, two, one, two];
        let shown = SideBySide { name: "", sentence: "", sources, protocol: None, fibers: None };
        let rows = shown.rows(&[Style::Callbacks, Style::Threads]).unwrap();
        let names: Vec<_> = rows.iter().map(|row| row.name).collect();
        assert_eq!(names, [None, Some("x"), None, Some("y")]);
        assert_eq!(rows[0].cells, [vec![], vec!["use a;"]]);
        assert_eq!(rows[2].cells, [vec!["z"], vec![]]);
        assert!(shown.rows(&[Style::Raw]).is_err());
    }
}
