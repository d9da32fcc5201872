//! The pages of `show`.

use crate::program::{run, text};

#[test]
fn the_page_of_the_crossings_has_every_pair_and_fits() {
    for width in ["80", "120"] {
        let output = run(&["show", "crossings", "--width", width]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let page = text(&output.stdout);
        let columns: usize = width.parse().unwrap();
        assert!(
            page.is_ascii() && page.lines().all(|line| line.len() <= columns.max(100)),
            "{page}"
        );
        let rows = page.lines().filter(|line| line.contains("crosses   crosses")).count();
        assert_eq!(rows, 12, "{page}");
    }
}

#[test]
fn what_cannot_be_shown_is_refused_in_one_line() {
    let output = run(&["show", "colours"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("there is: crossings"), "{}", text(&output.stderr));
}
