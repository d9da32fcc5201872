//! Faults planted in the registry of claims, in a run of one, and in the history of both.

use std::fs;
use std::process::Command;

use crate::planted::{Planted, is_caught, told};

#[test]
fn a_stale_verdict_is_caught() {
    let claims = "essays/claims.toml";
    let what = "C01: the verdict is `refuted`, and the last run says `held`";
    is_caught(claims, "\"held\"", "\"refuted\"", claims, what);
    let what = "C01: the verdict is `held`, and the last run says `refuted`";
    let seen = "essays/observations/C01.toml";
    is_caught(seen, "\"it turns\" = \"holds\"", "\"it turns\" = \"fails\"", claims, what);
}

#[test]
fn a_part_that_no_experiment_decides_and_one_that_is_not_registered_are_caught() {
    let (claims, seen) = ("essays/claims.toml", "essays/observations/C01.toml");
    let undecided = "it turns\", at_least = 41, unit = \"turns\" }, { name = \"it stops\"";
    let what = "C01: no experiment decides the part `it stops`";
    let book = Planted::new();
    book.plant(claims, "it turns\", at_least = 41, unit = \"turns\"", undecided);
    let not_measurable = "C01: the verdict is `held`, and the last run says `not measurable here`";
    assert_eq!(told(&book), [what, not_measurable].map(|what| format!("{claims}: {what}")));

    let printed = "\"it turns\" = \"holds\"\n\"it stops\" = \"holds\"";
    let what = "C01: an experiment prints a part that is not registered: `it stops`";
    is_caught(seen, "\"it turns\" = \"holds\"", printed, claims, what);
}

#[test]
fn a_demonstration_is_shown_and_has_no_verdict() {
    let claims = "essays/claims.toml";
    let what = "C01: a demonstration has a verdict, `held`";
    is_caught(claims, "\"experiment\"", "\"demonstration\"", claims, what);
    let book = Planted::new();
    book.plant(claims, "\"experiment\"", "\"demonstration\"");
    book.plant(claims, "verdict = \"held\"\n", "");
    assert_eq!(book.faults(), []);
    let page = book.page("one.html");
    assert!(page.contains("Outcome: <strong>shown</strong>"), "{page}");
}

#[test]
fn a_claim_without_an_experiment_and_an_experiment_without_a_claim_are_caught() {
    let book = Planted::new();
    book.plant("examples/tests/it/main.rs", "c01_it_holds", "c02_it_holds");
    let claims = "essays/claims.toml";
    let missing = format!("{claims}: C01: there is no test `examples::c01_it_holds`");
    let stray = format!("{claims}: C02: `examples::c02_it_holds` is no experiment of a claim");
    assert_eq!(told(&book), [missing, stray]);

    let book = Planted::new();
    fs::remove_file(book.path("essays/observations/C01.toml")).unwrap();
    book.plant("essays/src/one.md", "It took {{#value C01.turns}} turns.", "");
    book.plant("essays/src/one.md", "{{#observed C01}}", "");
    assert_eq!(told(&book), [format!("{claims}: C01: no run of it is recorded")]);
}

/// Commits the book as it is, at an hour of one day; git's own settings have no part in it.
fn commit(book: &Planted, hour: u32) {
    let time = format!("2026-11-25T{hour:02}:00:00Z");
    for arguments in [&["init", "-q"][..], &["add", "."], &["commit", "-qm", "It is so."]] {
        let mut git = Command::new("git");
        git.arg("-C").arg(book.path("")).args(["-c", "user.name=a", "-c", "user.email=a@b"]);
        git.args(["-c", "commit.gpgsign=false"]).args(arguments);
        git.env("GIT_AUTHOR_DATE", &time).env("GIT_COMMITTER_DATE", &time);
        assert!(git.status().unwrap().success(), "{arguments:?}");
    }
}

/// Builds the book, and holds that its claim says so of what was first.
fn says_of_the_order(book: &Planted, said: &str) {
    assert_eq!(told(book), [""; 0]);
    let page = book.page("one.html");
    assert!(page.contains(said), "{said}:\n{page}");
}

#[test]
fn a_page_says_which_was_first_the_prediction_or_its_experiment() {
    says_of_the_order(&Planted::new(), "Not checked: there is no whole history of git here.");

    let together = Planted::new();
    commit(&together, 1);
    says_of_the_order(&together, "one commit holds both");

    let (tests, claims) = ("examples/tests/it/main.rs", "essays/claims.toml");
    let late = Planted::new();
    late.plant(claims, "It holds.\"\nparts", "It will.\"\nparts");
    commit(&late, 1);
    late.plant(claims, "It will.", "It holds.");
    says_of_the_order(&late, "this prediction is not committed yet");
    commit(&late, 2);
    says_of_the_order(&late, "2026-11-25 01:00:00: the experiment is the older");

    let with_its_verdict = Planted::new();
    with_its_verdict.plant(tests, "c01_it_holds", "later");
    commit(&with_its_verdict, 1);
    with_its_verdict.plant(tests, "later", "c01_it_holds");
    commit(&with_its_verdict, 2);
    says_of_the_order(&with_its_verdict, "the commit of the prediction holds the verdict, too");
}

/// What is predicted of a claim that has no verdict yet.
const PREDICTED: &str = "[[prediction]]\nid = \"C02\"\nmade = \"2026-11-25\"\nstatement = \"It will.\"\n\
    experiment = \"It is tried.\"\nprediction = \"It does.\"\n";

#[test]
fn a_prediction_is_older_than_its_experiment_or_says_what_was_measured_before() {
    let (tests, predictions) = ("examples/tests/it/main.rs", "essays/predictions.toml");
    let book = Planted::new();
    book.plant("essays/src/two.md", "See", "{{#predictions}}\n\nSee");
    fs::write(book.path(predictions), PREDICTED).unwrap();
    commit(&book, 1);
    says_of_the_order(&book, "id=\"c01\"");
    assert!(book.page("two.html").contains("no experiment yet"), "{}", book.page("two.html"));
    let more = "fn c01_it_holds() {}\n#[test]\nfn c02_it_does() {}";
    book.plant(tests, "fn c01_it_holds() {}", more);
    book.plant("essays/claims.toml", "[[claim]]", "awaited = [\"C02\"]\n[[claim]]");
    commit(&book, 2);
    says_of_the_order(&book, "id=\"c01\"");
    assert!(book.page("two.html").contains("the prediction is the older"));

    book.plant(predictions, "It does.", "It does not.");
    commit(&book, 3);
    let young = format!("{predictions}: C02: the prediction is younger than its experiment");
    assert_eq!(told(&book), [young]);
    let seen = "It does not.\"\nmeasured_before = \"It was seen to.\"";
    book.plant(predictions, "It does not.\"", seen);
    says_of_the_order(&book, "id=\"c01\"");
    assert!(book.page("two.html").contains("Measured before: It was seen to."));
}

#[test]
fn a_statement_whose_words_change_keeps_the_old_ones() {
    let claims = "essays/claims.toml";
    let book = Planted::new();
    commit(&book, 1);
    book.plant(claims, "statement = \"It holds.\"", "statement = \"It holds at times.\"");
    assert_eq!(told(&book), [format!("{claims}: C01: its history does not keep `It holds.`")]);
    let kept = "statement = \"It holds at times.\"\nhistory = [{ statement = \"It holds.\", \
                until = \"2026-11-26\", why = \"It did not.\" }]";
    book.plant(claims, "statement = \"It holds at times.\"", kept);
    for said in ["Worded until 2026-11-26", "It did not."] {
        says_of_the_order(&book, said);
    }
}

#[test]
fn what_came_out_otherwise_than_predicted_is_listed() {
    let (claims, seen) = ("essays/claims.toml", "essays/observations/C01.toml");
    let book = Planted::new();
    book.plant("essays/src/two.md", "See", "{{#wrong}}\n\nSee");
    assert_eq!(told(&book), [""; 0]);
    assert!(!book.page("two.html").contains("it turns"));
    book.plant(claims, "\"held\"", "\"refuted\"");
    book.plant(seen, "\"it turns\" = \"holds\"", "\"it turns\" = \"fails\"");
    assert_eq!(told(&book), [""; 0]);
    let page = book.page("two.html");
    assert!(page.contains("<td>It holds.</td><td>it turns (it fails)</td>"), "{page}");
}
