//! What the book is made of, and the way from there to its pages.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use mdbook_driver::book::{BookItem, Chapter};

use crate::Fault;
use crate::check::Reading;
use crate::claims::Registry;
use crate::directives;
use crate::edition::Edition;

/// The folder of the book in the workspace.
const BOOK: &str = "essays";
const REGISTRY: &str = "essays/claims.toml";

/// The workspace, as far as the book shows it.
pub struct Sources {
    root: PathBuf,
    registry: Registry,
    edition: Edition,
}

impl Sources {
    /// Reads what the pages ask for: the registry of claims, and the edition.
    ///
    /// # Errors
    /// When a file cannot be read or understood.
    pub fn read(root: &Path) -> Result<Sources> {
        Ok(Sources {
            root: root.to_owned(),
            registry: Registry::read(&root.join(BOOK))?,
            edition: Edition::read(root)?,
        })
    }

    /// Builds the pages in a folder, in place of what is there; returns the faults that it has found.
    ///
    /// # Errors
    /// When there is no book, or mdBook cannot build it.
    pub fn build(&self, to: &Path) -> Result<Vec<Fault>> {
        let mut book = MDBook::load(self.root.join(BOOK))?;
        book.config.build.build_dir = to.to_owned();
        let stale = self.registry.stale().into_iter();
        let mut faults: Vec<_> = stale.map(|what| Fault::new(REGISTRY, what)).collect();
        let mut reading = Reading::default();
        book.book.for_each_mut(|item| {
            if let BookItem::Chapter(chapter) = item {
                faults.extend(self.expand(chapter, &mut reading));
            }
        });
        if to.exists() {
            fs::remove_dir_all(to).with_context(|| to.display().to_string())?;
        }
        book.build()?;
        faults.extend(reading.whole(&self.registry, &self.root, to)?);
        Ok(faults)
    }

    /// Reads a page, and puts what it asks for in its place, and the edition under it.
    fn expand(&self, chapter: &mut Chapter, reading: &mut Reading) -> Vec<Fault> {
        let Some(path) = &chapter.path else { return Vec::new() };
        let place = Path::new(BOOK).join("src").join(path);
        let name = place.display().to_string();
        let mut faults = reading.page(&chapter.content, &self.root.join(&place), &name);
        let (text, missing) = directives::expand(&chapter.content, &self.registry, &self.edition);
        faults.extend(missing.into_iter().map(|what| Fault::new(&*name, what)));
        let file = path.with_extension("html").display().to_string();
        chapter.content = text + &self.edition.footer(&chapter.name, &file);
        faults
    }
}
