//! The rules of the book, each of which a test breaks on purpose.

mod code;
pub(crate) mod links;
mod prose;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use examples::Program;

use crate::pieces::{Directive, Piece, pieces};

/// A broken rule, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, from the root of the workspace, or the page.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

impl Fault {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Fault {
        Fault { place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What the pages say and show, read before anything is put in the place of a directive.
#[derive(Default)]
pub(crate) struct Reading {
    shown: code::Shown,
    /// The files of the pages.
    files: BTreeSet<PathBuf>,
}

impl Reading {
    /// Reads a page; tells of what is typed by hand, and of code that is not there.
    pub(crate) fn page(&mut self, text: &str, file: &Path, place: &str) -> Vec<Fault> {
        self.files.insert(file.to_owned());
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut faults = prose::faults(text);
        faults.extend(self.shown.note(text, folder));
        let mut faults: Vec<_> = faults.into_iter().map(|what| Fault::new(place, what)).collect();
        for piece in pieces(text) {
            if let Piece::Directive(Directive { name: "program", argument }) = piece {
                faults.extend(of_program(argument));
            }
        }
        faults
    }

    /// Tells, once all pages are read, of code and of pages that no link leads to.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub(crate) fn unused(&self, root: &Path, pages: &Path) -> io::Result<Vec<Fault>> {
        let mut faults = self.shown.unused(root)?;
        for file in files(pages)? {
            let is_page = file.extension().is_some_and(|extension| extension == "md");
            if is_page && !file.ends_with("SUMMARY.md") && !self.files.contains(&file) {
                faults.push(Fault::new(below(root, &file), "is not in `SUMMARY.md`"));
            }
        }
        Ok(faults)
    }
}

/// Reads the page of a program, which lies beside its sources; its table of costs is generated.
fn of_program(name: &str) -> Vec<Fault> {
    let Some(program) = Program::named(name) else { return Vec::new() };
    let (before, rest) =
        program.page.split_once("<!-- cost:begin -->").unwrap_or((program.page, ""));
    let after = rest.split_once("<!-- cost:end -->").map_or("", |(_, after)| after);
    let place = format!("the page of {name}");
    let faults = prose::faults(&format!("{before}{after}")).into_iter();
    faults.map(|what| Fault::new(&*place, what)).collect()
}

/// Returns every file below a folder, in order; not what is built there, nor what is hidden.
fn files(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default();
            if !path.is_dir() {
                files.insert(path);
            } else if name != "target" && !name.as_encoded_bytes().starts_with(b".") {
                folders.push(path);
            }
        }
    }
    Ok(files)
}

/// Calls a file as it is called from a folder above it.
fn below(folder: &Path, file: &Path) -> String {
    file.strip_prefix(folder).unwrap_or(file).display().to_string()
}
