//! What `demo` prints, and what it refuses.

use examples::claims::Registry;
use examples::demonstrations::Demonstration;

use crate::program::{run, text};

#[test]
fn a_demonstration_prints_what_it_shows() {
    let output = run(&["demo", "zalgo"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.contains("Claims: C18") && shown.contains("complete 3 times"), "{shown}");
}

#[test]
fn without_a_name_they_are_listed() {
    let listed = run(&["demo"]);
    let list = run(&["list"]);
    let list = text(&list.stdout);
    assert!(listed.status.success());
    assert!(Demonstration::ALL.len() <= text(&listed.stdout).lines().count());
    assert!(list.contains(text(&listed.stdout).trim_end()), "{list}");
}

#[test]
fn a_long_demonstration_tells_more() {
    let [short, long] = [&["demo", "run-once"][..], &["demo", "run-once", "--long"]]
        .map(|arguments| text(&run(arguments).stdout).lines().count());
    assert!(short < long, "{short} {long}");
}

#[test]
fn an_unknown_demonstration_names_those_that_exist() {
    let output = run(&["demo", "zalgol"]);
    let complaint = text(&output.stderr);
    assert_eq!((output.status.code(), complaint.lines().count()), (Some(2), 1), "{complaint}");
    assert!(complaint.contains("after-close") && complaint.contains("zalgo"), "{complaint}");
    let slip = run(&["demo", "zalog"]);
    assert!(text(&slip.stderr).contains("did you mean `zalgo`?"), "{}", text(&slip.stderr));
}

#[test]
fn the_list_has_every_demonstration_with_its_sentence() {
    let list = run(&["list"]);
    for Demonstration { name, sentence, .. } in Demonstration::ALL {
        let line = format!("  {name:<15} {sentence}");
        assert!(text(&list.stdout).lines().any(|shown| shown == line), "{line}");
    }
}

#[test]
fn the_list_has_all_that_can_be_shown() {
    let list = run(&["list"]);
    for name in ["echo", "crossings", "frames", "virality", "proxy"] {
        let found = text(&list.stdout).lines().any(|line| line.starts_with(&format!("  {name} ")));
        assert!(found, "{name}");
        assert!(run(&["show", name]).status.success(), "{name}");
    }
}

#[test]
fn a_demonstration_names_claims_that_the_program_knows() {
    let registry = Registry::embedded();
    for Demonstration { name, claims, .. } in Demonstration::ALL {
        for claim in claims.split(", ").filter(|claim| !claim.is_empty()) {
            assert!(registry.claim(claim).is_some(), "{name}: {claim}");
        }
        let shown = run(&["demo", name]);
        for word in text(&shown.stdout).split(|c: char| !c.is_ascii_alphanumeric()) {
            let number = word.strip_prefix('C').filter(|number| number.len() == 2);
            if number.is_some_and(|number| number.bytes().all(|digit| digit.is_ascii_digit())) {
                assert!(registry.claim(word).is_some(), "{name} speaks of {word}");
            }
        }
    }
}
