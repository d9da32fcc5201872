//! Files that are read only if they are files, and written whole or not at all.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// The most bytes that a file of a run is read with.
const BYTES_MAX: u64 = 1 << 30;

/// A file that appears under its name when it is complete.
///
/// It is made before the work that fills it, so that a place that cannot be written to is refused
/// first. Dropping it unfinished leaves nothing.
#[derive(Debug)]
pub(crate) struct WholeFile {
    path: PathBuf,
    to: Goal,
}

#[derive(Debug)]
enum Goal {
    /// Beside the path, until it is complete.
    Beside(NamedTempFile),
    /// What stands under the path already and is no file: a device or a pipe is written as it is.
    Itself(fs::File),
}

impl WholeFile {
    /// Prepares to write a file, in the place of one that may be there.
    ///
    /// # Errors
    /// When its folder is missing or cannot be written to, or it is a folder itself.
    pub(crate) fn create(path: &Path) -> io::Result<WholeFile> {
        let path = match fs::metadata(path) {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(there) if !there.is_file() => {
                let to = Goal::Itself(fs::OpenOptions::new().write(true).open(path)?);
                return Ok(WholeFile { path: path.to_owned(), to });
            }
            // A link stays, and what it leads to is written.
            Ok(_) => fs::canonicalize(path)?,
            Err(_) => path.to_owned(),
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = Builder::new()
            .prefix(".oneloop-")
            // As any new file: the system takes the user's mask away from it.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder.unwrap_or(Path::new(".")))?;
        Ok(WholeFile { path, to: Goal::Beside(file) })
    }

    /// Writes all that the file is to hold, and gives it its name.
    ///
    /// # Errors
    /// What the system says; no part of the file is left then.
    pub(crate) fn write(self, bytes: &[u8]) -> io::Result<()> {
        match self.to {
            Goal::Itself(mut file) => file.write_all(bytes),
            Goal::Beside(mut file) => {
                file.write_all(bytes)?;
                // A disk may say only now that it is full.
                file.as_file().sync_all()?;
                file.persist(self.path).map(drop).map_err(|failed| failed.error)
            }
        }
    }
}

/// Reads a file whole.
///
/// # Errors
/// When it is no regular file, which might never end, or larger than any that is written here.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let there = fs::metadata(path)?;
    if there.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !there.is_file() {
        return Err(io::Error::other("is no regular file"));
    }
    if there.len() > BYTES_MAX {
        return Err(io::Error::other("is larger than 1 GiB"));
    }
    fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_whole_and_takes_the_place_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plot.svg");
        for text in ["first", "2"] {
            let file = WholeFile::create(&path).unwrap();
            file.write(text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(names(folder.path()), ["plot.svg"]);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_ne!(mode & 0o044, 0, "others may read it as any file: {mode:o}");
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(WholeFile::create(&folder.path().join("plot.svg")).unwrap());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_missing_folder_and_a_folder_are_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let missing = WholeFile::create(&folder.path().join("none/plot.svg")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let folder = WholeFile::create(folder.path()).unwrap_err();
        assert_eq!(folder.kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn a_device_is_written_to_and_stays() {
        let null = Path::new("/dev/null");
        WholeFile::create(null).unwrap().write(b"gone").unwrap();
        assert!(!fs::metadata(null).unwrap().is_file());
        let full = WholeFile::create(Path::new("/dev/full"));
        assert_eq!(full.unwrap().write(b"much").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_link_stays_and_its_file_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        WholeFile::create(&link).unwrap().write(b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(file).unwrap(), "new");
    }

    #[test]
    fn what_may_never_end_is_not_read() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
    }
}
