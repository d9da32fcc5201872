//! Which edition the book is, and how to cite it: what `CITATION.cff` says, and the commit.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::html::escaped;

/// The edition that is built.
pub(crate) struct Edition {
    title: String,
    version: String,
    /// The day of the version's release.
    date: String,
    /// The commit and its day, when git knows them.
    commit: Option<(String, String)>,
}

impl Edition {
    /// Reads what `CITATION.cff` says.
    ///
    /// # Errors
    /// When it cannot be read, or does not tell title, version or date.
    pub(crate) fn read(root: &Path) -> Result<Edition> {
        let text = fs::read_to_string(root.join("CITATION.cff")).context("CITATION.cff")?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            let value = line.map(|value| value.trim().trim_matches('"').to_owned());
            value.with_context(|| format!("CITATION.cff tells no {name}"))
        };
        Ok(Edition {
            title: field("title")?,
            version: field("version")?,
            date: field("date-released")?,
            commit: commit(root),
        })
    }

    /// Returns what stands under every page: the edition, and how to cite the page.
    pub(crate) fn footer(&self, page: &str, file: &str) -> String {
        let (version, date) = (&self.version, &self.date);
        let commit = self.commit.as_ref().map_or(String::new(), |(commit, day)| {
            format!(", commit <code>{}</code> of {}", escaped(commit), escaped(day))
        });
        format!(
            "\n\n<footer class=\"edition\"><p>Version {version}, {date}{commit}</p>\
             <details><summary>Cite this page</summary><p>{}</p>\
             <pre class=\"bibtex\">{}</pre></details></footer>\n",
            escaped(&self.text(Some((page, file)))),
            escaped(&self.bibtex(Some((page, file)))).replace('\n', "<br>"),
        )
    }

    /// Returns how to cite the book, as text and as BibTeX.
    pub(crate) fn cite(&self) -> String {
        format!(
            "As text:\n\n> {}\n\nAs BibTeX:\n\n```text\n{}\n```\n",
            self.text(None),
            self.bibtex(None)
        )
    }

    /// Cites the book, or a page of it by its title and file.
    fn text(&self, page: Option<(&str, &str)>) -> String {
        let part = page.map_or(String::new(), |(title, file)| {
            format!("\u{201c}{title}\u{201d} ({file}), in ")
        });
        let commit =
            self.commit.as_ref().map_or(String::new(), |(commit, _)| format!(", commit {commit}"));
        let (title, version, date) = (&self.title, &self.version, &self.date);
        format!("The oneloop authors. {part}{title}. Version {version}{commit}, {date}.")
    }

    fn bibtex(&self, page: Option<(&str, &str)>) -> String {
        let year = self.date.split('-').next().unwrap_or_default();
        let month = self.date.split('-').nth(1).unwrap_or_default();
        let key = page.map_or(String::new(), |(_, file)| {
            let name = file.rsplit('/').next().unwrap_or(file);
            format!(":{}", name.trim_end_matches(".html"))
        });
        let title = page.map_or(self.title.clone(), |(title, _)| title.to_owned());
        let within = page.map_or(String::new(), |(_, file)| {
            format!("  howpublished = {{{}, {file}}},\n", self.title)
        });
        let commit =
            self.commit.as_ref().map_or(String::new(), |(commit, _)| format!(", commit {commit}"));
        format!(
            "@misc{{oneloop{year}{key},\n  author = {{{{The oneloop authors}}}},\n  title = {{{{{title}}}}},\n\
             {within}  year = {{{year}}},\n  month = {month},\n  note = {{Version {}{commit}}},\n}}",
            self.version
        )
    }
}

/// Asks git for the commit and its day; a copy without git has none.
fn commit(root: &Path) -> Option<(String, String)> {
    let git =
        Command::new("git").arg("-C").arg(root).args(["log", "-1", "--format=%h %cs"]).output();
    let said = String::from_utf8(git.ok().filter(|git| git.status.success())?.stdout).ok()?;
    let (commit, day) = said.trim().split_once(' ')?;
    Some((commit.to_owned(), day.to_owned()))
}
