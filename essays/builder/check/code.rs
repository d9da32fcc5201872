//! The code that pages show: every anchor that is asked for is there, and every one that is there is used.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use examples::SideBySide;
use examples::crossings::SOURCES;

use super::{Fault, below, files};
use crate::compare::CROSSINGS;
use crate::pieces::{Directive, Piece, pieces};

/// What the pages of a book show.
#[derive(Default)]
pub(crate) struct Shown {
    /// Each file with its anchor.
    anchors: BTreeSet<(PathBuf, String)>,
    /// What is shown side by side, by name.
    beside: BTreeSet<String>,
}

impl Shown {
    /// Notes what a page shows; tells of what is not there.
    pub(crate) fn note(&mut self, page: &str, folder: &Path) -> Vec<String> {
        let mut faults = Vec::new();
        for piece in pieces(page) {
            let Piece::Directive(Directive { name, argument }) = piece else { continue };
            match name {
                "compare" | "program" => drop(self.beside.insert(argument.to_owned())),
                "include" | "rustdoc_include" => faults.extend(self.include(argument, folder)),
                _ => {}
            }
        }
        faults
    }

    fn include(&mut self, argument: &str, folder: &Path) -> Option<String> {
        let (file, anchor) = argument.split_once(':').unwrap_or((argument, ""));
        let Ok(path) = folder.join(file).canonicalize() else {
            return Some(format!("`{file}` is not there"));
        };
        if anchor.is_empty() {
            return None;
        }
        if anchor.starts_with(|begin: char| begin.is_ascii_digit()) {
            return Some(format!("`{argument}` names lines, which move, and no anchor"));
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        if !anchors(&text).any(|known| known == anchor) {
            return Some(format!("`{file}` has no anchor `{anchor}`"));
        }
        self.anchors.insert((path, anchor.to_owned()));
        None
    }

    /// Tells of every anchor in the sources below a folder that no page shows.
    ///
    /// # Errors
    /// When a folder cannot be read.
    pub(crate) fn unused(&self, root: &Path) -> io::Result<Vec<Fault>> {
        let root = root.canonicalize()?;
        let mut faults = Vec::new();
        for path in files(&root)? {
            let is_source = path.extension().is_some_and(|extension| extension == "rs");
            let text = if is_source { fs::read_to_string(&path)? } else { continue };
            if self.is_beside(&text) {
                continue;
            }
            let place = below(&root, &path);
            for anchor in anchors(&text) {
                if !self.anchors.contains(&(path.clone(), anchor.to_owned())) {
                    faults
                        .push(Fault::new(&*place, format!("no page shows the anchor `{anchor}`")));
                }
            }
        }
        Ok(faults)
    }

    /// Tells whether a source is shown side by side with others, and so all of it.
    fn is_beside(&self, text: &str) -> bool {
        let crossings = self.beside.contains(CROSSINGS) && SOURCES.contains(&text);
        let shown = |name: &String| {
            let is_shown = |shown: SideBySide| {
                shown.styles().into_iter().any(|style| shown.source(style) == Some(text))
            };
            SideBySide::named(name).is_some_and(is_shown)
        };
        crossings || self.beside.iter().any(shown)
    }
}

fn anchors(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("// ANCHOR: "))
}
