//! What the guides of the wings have in common: the job runner, in as many lines as a page shows at once.

use std::fs;

use crate::document;

/// The guides, by the wing that has them.
const GUIDES: [(&str, &str); 3] =
    [("api-callbacks", "from_asyncio"), ("api-promises", "from_node"), ("api-async", "from_tokio")];

/// The most lines that a job runner takes.
const LINES_MAX: usize = 45;

/// Returns the section of a guide, up to the next one.
fn section(guide: (&str, &str), title: &str) -> String {
    let path = document::root().join(guide.0).join("guide").join(guide.1).with_extension("md");
    let text = fs::read_to_string(path).unwrap();
    let (_, from) = text.split_once(&format!("# {title}\n")).expect("every guide has it");
    from.split("\n# ").next().unwrap().to_owned()
}

/// The code is a doc test, with nothing hidden: what it counts is all that there is.
#[test]
fn the_job_runner_takes_no_more_than_45_lines_in_any_style() {
    for guide in GUIDES {
        let text = section(guide, "All together: a job runner");
        let blocks: Vec<_> = text.split("```\n").collect();
        let [_, code, _] = blocks[..] else { panic!("{}: one block of code", guide.1) };
        let lines = code.lines().count();
        assert!(code.contains("map_limit") && code.contains("retry"), "{}", guide.1);
        assert!(!code.lines().any(|line| line.starts_with('#') && !line.starts_with("#[")));
        assert!(lines <= LINES_MAX, "{}: {lines} lines", guide.1);
    }
}

#[test]
fn the_job_runner_is_told_in_the_same_words_and_ends_in_the_same_way() {
    let told = GUIDES.map(|guide| {
        let text = section(guide, "All together: a job runner");
        let (words, _) = text.split_once("```").unwrap();
        let ends = text.lines().rev().filter(|line| line.starts_with("assert")).take(2);
        (words.to_owned(), ends.map(str::to_owned).collect::<Vec<_>>())
    });
    assert!(told.iter().all(|other| *other == told[0]), "{told:#?}");
}
