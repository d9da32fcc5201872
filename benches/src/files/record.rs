//! What a duel or a count leaves: one JSON file in a directory of its own, and a table beside it.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::files::run_directory::RunDirectory;
use crate::files::whole::{self, WholeFile};

/// Writes the record of a run, after which its directory stays.
///
/// # Errors
/// What the system says.
pub(crate) fn leave(
    directory: &mut RunDirectory,
    name: &str,
    record: &impl Serialize,
    table: &str,
) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(record)?;
    text.push(b'\n');
    WholeFile::create(&directory.path().join(name).with_extension("csv"))?
        .write(table.as_bytes())?;
    WholeFile::create(&directory.path().join(name))?.write(&text)?;
    directory.keep();
    Ok(())
}

/// Returns the file of a record, if the path is one or the directory of one.
pub(crate) fn find(path: &Path, name: &str) -> Option<PathBuf> {
    let file = if path.is_dir() { path.join(name) } else { path.to_owned() };
    (file.file_name().is_some_and(|it| it == name) && file.exists()).then_some(file)
}

/// Reads a record of the form that this program writes.
///
/// # Errors
/// Names the file and says why it cannot be used.
pub(crate) fn read<T: DeserializeOwned>(file: &Path, schema: u32) -> Result<T, Failure> {
    let refused = |reason: String| Failure::Refused(format!("{}: {reason}", file.display()));
    let bytes = whole::read(file).map_err(|error| refused(error.to_string()))?;
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| refused(format!("is no JSON: {error}")))?;
    let found = value["schema"].as_u64();
    if found != Some(u64::from(schema)) {
        let found = found.map_or("none".to_owned(), |found| found.to_string());
        let reason =
            format!("was written by another oneloop (schema {found}; this one reads {schema})");
        return Err(refused(reason));
    }
    serde_json::from_value(value).map_err(|error| refused(format!("is damaged: {error}")))
}
