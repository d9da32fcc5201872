//! What the book is made of.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::claims::Claims;
use crate::edition::Edition;
use crate::instructions::Instructions;
use crate::notes::Notes;
use crate::promised::Promised;

/// The folder of the book in the workspace.
pub(crate) const BOOK: &str = "essays";

/// The workspace, as far as the book shows it.
pub struct Sources {
    root: PathBuf,
    pub(crate) claims: Claims,
    pub(crate) edition: Edition,
    pub(crate) instructions: Instructions,
    pub(crate) notes: Notes,
    pub(crate) promised: Promised,
}

impl Sources {
    /// Reads what the pages ask for: the claims, the notes, what is promised, and the edition.
    ///
    /// # Errors
    /// When a file cannot be read or understood.
    pub fn read(root: &Path) -> Result<Sources> {
        let root = root.canonicalize().with_context(|| root.display().to_string())?;
        let book = root.join(BOOK);
        Ok(Sources {
            claims: Claims::read(&root, &book)?,
            edition: Edition::read(&root)?,
            instructions: Instructions::read(&book)?,
            notes: Notes::read(&book)?,
            promised: Promised::read(&root, &book)?,
            root,
        })
    }

    /// Returns the folder of the workspace.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }
}
