//! How much one has to read to know a turn.

use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of code that a turn takes.
const TURN_LINES_MAX: usize = 1_750;

/// A turn is the files at the root of the sources, but for `lib.rs`, and the folder `readiness`. A line of
/// code is one that is neither blank nor a comment, and stands above the unit tests of its file.
#[test]
fn a_turn_takes_no_more_than_1_750_lines_of_code() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = [rust_files(&sources), rust_files(&sources.join("readiness"))].concat();
    let read = files.iter().filter(|path| !path.ends_with("src/lib.rs"));
    let lines: usize = read.map(|path| lines_of_code(&fs::read_to_string(path).unwrap())).sum();
    assert!(lines > 1_000, "{lines} lines: files are missing");
    assert!(lines <= TURN_LINES_MAX, "{lines} lines");
}

/// What stands in for the kernel or the clock lives in `testing/`, behind `StandIn`.
#[test]
fn a_turn_names_nothing_that_is_there_for_tests() {
    let turn = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/turn.rs");
    let text = fs::read_to_string(turn).unwrap().to_lowercase();
    let mut words = text.split(|letter: char| !letter.is_alphanumeric());
    let of_tests = words.find(|word| ["manual", "jump", "script"].contains(word));
    assert_eq!(of_tests, None);
}

#[test]
fn comments_blank_lines_and_unit_tests_are_no_lines_of_code() {
    let text = "//! Says.\n\nfn f() {\n    // Why.\n    g();\n}\n\n#[cfg(test)]\nmod tests {}\n";
    assert_eq!(lines_of_code(text), 3);
}

fn lines_of_code(text: &str) -> usize {
    let above = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    above.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
