//! Programs and what asyncio did with them, kept in a file: a program, a tab, its trace.

use super::program::Program;

/// The recording that is part of the repository.
pub(crate) const RECORDED: &str = include_str!("recorded.txt");

/// A program and its trace.
pub(crate) struct Recorded {
    pub(crate) program: Program,
    pub(crate) trace: Vec<String>,
}

/// Reads a recording; `None` if a line is not understood.
pub(crate) fn read(text: &str) -> Option<Vec<Recorded>> {
    text.lines().filter(|line| !line.starts_with('#')).map(Recorded::parse).collect()
}

/// Writes one line of a recording.
pub(crate) fn line(program: &Program, trace: &[String]) -> String {
    format!("{program}\t{}\n", trace.join(" "))
}

impl Recorded {
    fn parse(line: &str) -> Option<Recorded> {
        let (program, trace) = line.split_once('\t')?;
        let trace = trace.split(' ').map(str::to_owned).collect();
        Some(Recorded { program: Program::parse(program)?, trace })
    }
}
