//! What is where in the book.

use std::collections::{BTreeMap, BTreeSet};

use crate::pieces::{Directive, Piece, pieces};

/// The pages by their files, and the claims by the pages that have them.
#[derive(Default)]
pub(crate) struct Pages {
    files: BTreeSet<String>,
    claims: BTreeMap<String, Vec<String>>,
}

impl Pages {
    /// Notes a page and its claims.
    pub(crate) fn note(&mut self, file: &str, text: &str) {
        self.files.insert(file.to_owned());
        for piece in pieces(text) {
            if let Piece::Directive(Directive { name: "claim", argument }) = piece {
                self.claims.entry(argument.to_owned()).or_default().push(file.to_owned());
            }
        }
    }

    /// Tells whether there is a page in a file.
    pub(crate) fn has(&self, file: &str) -> bool {
        self.files.contains(file)
    }

    /// Tells how often a claim is in the book.
    pub(crate) fn times(&self, claim: &str) -> usize {
        self.claims.get(claim).map_or(0, Vec::len)
    }

    /// Names a claim, and links to it if it is in the book; from a page at the root.
    pub(crate) fn claim(&self, id: &str) -> String {
        let file = self.claims.get(id).and_then(|files| files.first());
        file.map_or(id.to_owned(), |file| format!("[{id}]({file}#{})", id.to_lowercase()))
    }
}
