//! What a demonstration prints.

use examples::demonstrations::Demonstration;

/// Does a demonstration and returns what it prints.
pub(super) fn shown(name: &str) -> String {
    Demonstration::named(name).unwrap().show().unwrap()
}

/// Holds that each of the lines is printed.
pub(super) fn assert_shows(name: &str, lines: &[&str]) {
    let text = shown(name);
    for line in lines {
        assert!(text.lines().any(|shown| shown == *line), "{line:?} is not in:\n{text}");
    }
}
