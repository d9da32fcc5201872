//! What `demo` prints, and what it refuses.

use examples::demonstrations::Demonstration;

use crate::program::{run, text};

#[test]
fn a_demonstration_prints_what_it_shows() {
    let output = run(&["demo", "zalgo"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.contains("(C18)") && shown.contains("complete 3 times"), "{shown}");
}

#[test]
fn an_unknown_demonstration_names_those_that_exist() {
    let output = run(&["demo", "zalgol"]);
    let complaint = text(&output.stderr);
    assert_eq!((output.status.code(), complaint.lines().count()), (Some(2), 1), "{complaint}");
    assert!(complaint.contains("after-close") && complaint.contains("zalgo"), "{complaint}");
}

#[test]
fn the_list_has_every_demonstration_with_its_sentence() {
    let list = run(&["list"]);
    for Demonstration { name, sentence, .. } in Demonstration::ALL {
        let line = format!("  {name:<15} {sentence}");
        assert!(text(&list.stdout).lines().any(|shown| shown == line), "{line}");
    }
}
