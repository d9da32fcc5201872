//! The notes that the book began with, and what became of each: essay, code, claims.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::pages::Pages;
use crate::read::parsed;

/// `notes.toml`.
#[derive(Default, Deserialize)]
pub(crate) struct Notes {
    /// The title of each essay, by the name of its file.
    essays: BTreeMap<String, String>,
    note: Vec<Note>,
}

/// A note, and where it is taken up.
#[derive(Deserialize)]
struct Note {
    note: String,
    /// Where it was taken from.
    link: Option<String>,
    essays: Vec<String>,
    /// Files, from the root of the workspace.
    code: Vec<String>,
    claims: Vec<String>,
}

impl Notes {
    /// Reads `notes.toml` in the folder of the book; without one there are no notes.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(crate) fn read(book: &Path) -> Result<Notes> {
        let path = book.join("notes.toml");
        if path.exists() { parsed(&path) } else { Ok(Notes::default()) }
    }

    /// Makes a table of them, with a link to what is in the book.
    pub(crate) fn table(&self, pages: &Pages) -> Result<String, String> {
        let mut text = String::from("| note | essay, claims | code |\n|---|---|---|\n");
        for Note { note, link, essays, code, claims } in &self.note {
            let note = link.as_ref().map_or(note.clone(), |link| format!("[{note}]({link})"));
            let essays: Result<Vec<_>, _> =
                essays.iter().map(|name| self.essay(name, pages)).collect();
            let files: Vec<_> = code.iter().map(|file| format!("`{file}`")).collect();
            let claims: Vec<_> = claims.iter().map(|id| pages.claim(id)).collect();
            let (essays, files, claims) =
                (essays?.join(", "), files.join("<br>"), claims.join(" "));
            writeln!(text, "| {note} | {essays}<br>{claims} | {files} |")
                .expect("a string takes it");
        }
        Ok(text)
    }

    /// Tells of every file that is not there.
    pub(crate) fn faults(&self, root: &Path) -> Vec<String> {
        let code = self.note.iter().flat_map(|note| &note.code);
        let missing = code.filter(|file| !root.join(file).is_file());
        missing.map(|file| format!("`{file}` is not there")).collect()
    }

    /// Names an essay, and links to it once it is written.
    fn essay(&self, name: &str, pages: &Pages) -> Result<String, String> {
        let title = self.essays.get(name).ok_or_else(|| format!("no essay is called `{name}`"))?;
        let file = format!("{name}.md");
        Ok(if pages.has(&file) {
            format!("[{title}]({file})")
        } else {
            format!("*{title}* (to come)")
        })
    }
}
