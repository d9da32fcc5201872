//! The way from the sources to the pages.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use mdbook_driver::book::{BookItem, Chapter};

use crate::check::{Fault, Reading, links};
use crate::directives;
use crate::pages::Pages;
use crate::sources::{BOOK, Sources};

impl Sources {
    /// Builds the pages in a folder, in place of what is there; returns the faults that it has found.
    ///
    /// # Errors
    /// When there is no book, or mdBook cannot build it.
    pub fn build(&self, to: &Path) -> Result<Vec<Fault>> {
        let mut book = MDBook::load(self.root().join(BOOK))?;
        book.config.build.build_dir = to.to_owned();
        let (mut pages, mut reading) = (Pages::default(), Reading::default());
        let mut faults = self.of_registers();
        each_page(&mut book, |file, chapter| {
            pages.note(file, &chapter.content);
            let place = self.place(file);
            faults.extend(reading.page(&chapter.content, &self.root().join(&place), &place));
        });
        faults.extend(self.of_claims(&pages));
        faults.extend(reading.unused(self.root(), &self.root().join(BOOK).join("src"))?);
        each_page(&mut book, |file, chapter| {
            let (text, missing) = directives::expand(&chapter.content, self, &pages);
            faults.extend(missing.into_iter().map(|what| Fault::new(self.place(file), what)));
            let file = Path::new(file).with_extension("html").display().to_string();
            chapter.content = text + &self.edition.footer(&chapter.name, &file);
        });
        if to.exists() {
            fs::remove_dir_all(to).with_context(|| to.display().to_string())?;
        }
        book.build()?;
        faults.extend(links::faults(to)?);
        Ok(faults)
    }

    /// Tells of what is wrong in the registry of claims, in the notes and in what is promised.
    fn of_registers(&self) -> Vec<Fault> {
        let registers = [
            ("claims.toml", self.claims.faults()),
            ("predictions.toml", self.claims.faults_of_predictions()),
            ("notes.toml", self.notes.faults(self.root())),
            ("promised.toml", self.promised.faults()),
        ];
        let told = |(file, faults): (&str, Vec<String>)| {
            let place = format!("{BOOK}/{file}");
            faults.into_iter().map(move |what| Fault::new(place.clone(), what))
        };
        registers.into_iter().flat_map(told).collect()
    }

    /// Tells of every claim that is not in the book once.
    fn of_claims(&self, pages: &Pages) -> Vec<Fault> {
        let ids = self.claims.all().iter().map(|claim| &claim.id);
        let wrong = ids.filter(|id| pages.times(id) != 1);
        let what = |id: &String| format!("{id} is in the book {} times, not once", pages.times(id));
        wrong.map(|id| Fault::new(format!("{BOOK}/claims.toml"), what(id))).collect()
    }

    /// Calls the file of a page as it is called from the root.
    fn place(&self, file: &str) -> String {
        format!("{BOOK}/src/{file}")
    }
}

/// Does something with every page that has a file.
fn each_page(book: &mut MDBook, mut act: impl FnMut(&str, &mut Chapter)) {
    book.book.for_each_mut(|item| {
        if let BookItem::Chapter(chapter) = item
            && let Some(path) = chapter.path.clone()
        {
            act(&path.display().to_string(), chapter);
        }
    });
}
