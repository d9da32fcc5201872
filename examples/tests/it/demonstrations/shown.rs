//! What a demonstration prints.

use examples::demonstrations::{Demonstration, Detail};

/// A demonstration leaves a row for the prompt.
const TERMINAL_ROWS: usize = 23;
const TERMINAL_COLUMNS: usize = 80;

/// Does a demonstration and returns what it prints.
pub(super) fn shown(name: &str) -> String {
    Demonstration::named(name).unwrap().show(Detail::Long).unwrap()
}

/// Holds that each of the lines is printed.
pub(super) fn assert_shows(name: &str, lines: &[&str]) {
    let text = shown(name);
    for line in lines {
        assert!(text.lines().any(|shown| shown == *line), "{line:?} is not in:\n{text}");
    }
}

#[test]
fn each_fits_a_terminal_and_ends_with_what_follows() {
    for one in Demonstration::ALL {
        let text = one.show(Detail::Short).unwrap();
        assert!(text.lines().count() <= TERMINAL_ROWS, "{text}");
        assert!(text.lines().all(|line| line.len() <= TERMINAL_COLUMNS), "{text}");
        let so = text.lines().filter(|line| line.starts_with("So: ") && line.ends_with('.'));
        assert_eq!(so.count(), 1, "{text}");
    }
}
