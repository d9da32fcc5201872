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
    assert!(
        text(&output.stderr).contains("there is: crossings, frames"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn the_page_of_virality_has_every_style() {
    let output = run(&["show", "virality"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    for row in ["threads", "callbacks", "promises", "async", "sans-I/O"] {
        assert!(page.lines().any(|line| line.trim_start().starts_with(row)), "{page}");
    }
    assert_eq!(page.matches("8 of 8").count(), 3, "{page}");
}

#[test]
fn the_page_of_frames_has_every_moment_and_what_the_loop_adds() {
    let output = run(&["show", "frames"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    assert_eq!(page.matches("before it waits").count(), 4, "{page}");
    assert!(page.contains("serve < price < look_up") && page.contains("spawned at"), "{page}");
}
